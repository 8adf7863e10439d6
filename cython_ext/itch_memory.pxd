# Memory on huge pages: without them the whole market's books cost a page walk for each order and level.
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t

cdef extern from *:
    """
    #include <stdlib.h>
    #include <sys/mman.h>
    #define MELTICA_HUGE ((size_t)1 << 21)
    /* All zero, or NULL. Untouched pages cost nothing until they are used. free() gives it back. */
    static inline void* meltica_huge_zeros(size_t size) {
        size_t rounded = (size + MELTICA_HUGE - 1) & ~(MELTICA_HUGE - 1);
        void* memory;
        if (rounded < size) return NULL;
        memory = mmap(NULL, rounded + MELTICA_HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) return NULL;
        {
            char* begin = (char*)(((size_t)memory + MELTICA_HUGE - 1) & ~(MELTICA_HUGE - 1));
            char* end = (char*)memory + rounded + MELTICA_HUGE;
            if (begin > (char*)memory) munmap(memory, begin - (char*)memory);
            if (end > begin + rounded) munmap(begin + rounded, end - begin - rounded);
            (void)madvise(begin, rounded, MADV_HUGEPAGE);
            return begin;
        }
    }
    static inline void meltica_huge_free(void* memory, size_t size) {
        if (memory) munmap(memory, (size + MELTICA_HUGE - 1) & ~(MELTICA_HUGE - 1));
    }
    /* A write to each page: afterwards the kernel has nothing left to do for it. */
    static inline void meltica_touch(void* memory, size_t size) {
        volatile char* bytes = (volatile char*)memory;
        size_t at;
        for (at = 0; at < size; at += 4096) bytes[at] = bytes[at];
    }
    /* GCC takes a function with nothing but prefetches in it for one without effects and drops calls of it; asm has one. */
    static inline void meltica_prefetch(const void* address) {
        __builtin_prefetch(address);
        __asm__ volatile("");
    }
    """
    void* huge_zeros "meltica_huge_zeros"(size_t size) noexcept nogil
    void huge_free "meltica_huge_free"(void* memory, size_t size) noexcept nogil
    void touch_pages "meltica_touch"(void* memory, size_t size) noexcept nogil
    void prefetch "meltica_prefetch"(const void* address) noexcept nogil
