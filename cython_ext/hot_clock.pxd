# Two looks at time, neither of which leaves the process.
#
# monotonic_ns() is the vDSO's clock_gettime: one a turn, because orders and leases are judged by it and it must be right.
# cycles() is the processor's constant-rate counter: a stage is told by two of them, and they cost a third. The counter is
# turned into ns by a factor that `calibrate` measured against the clock; a drift of 1e-4 is nothing in a stage of 1 us.
from libc.stdint cimport uint64_t

cdef extern from *:
    """
    #ifndef MELTICA_HOT_CLOCK
    #define MELTICA_HOT_CLOCK
    #include <stdint.h>
    #include <time.h>
    static inline uint64_t hot_clock_ns(clockid_t which) {
        struct timespec now;
        clock_gettime(which, &now);
        return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    }
    static inline uint64_t hot_monotonic_ns(void) { return hot_clock_ns(CLOCK_MONOTONIC); }
    static inline uint64_t hot_realtime_ns(void) { return hot_clock_ns(CLOCK_REALTIME); }
    static inline uint64_t hot_cycles(void) {
    #if defined(__x86_64__)
        return __builtin_ia32_rdtsc();
    #elif defined(__aarch64__)
        uint64_t count;
        __asm__ __volatile__("mrs %0, cntvct_el0" : "=r"(count));
        return count;
    #else
        return hot_monotonic_ns();
    #endif
    }
    /* ns of 2^24 cycles, over at least `span_ns`. */
    static inline uint64_t hot_calibrate(uint64_t span_ns) {
        uint64_t begin_ns = hot_monotonic_ns(), begin = hot_cycles(), now_ns;
        do now_ns = hot_monotonic_ns(); while (now_ns - begin_ns < span_ns);
        uint64_t cycles = hot_cycles() - begin;
        return cycles ? ((now_ns - begin_ns) << 24) / cycles : 1u << 24;
    }
    /* A counter that runs on another core, or went back, gives no duration: 0. A stage of over 200 s does not fit: so be it. */
    static inline uint64_t hot_span_ns(uint64_t begin, uint64_t end, uint64_t factor) {
        return end > begin ? ((end - begin) * factor) >> 24 : 0;
    }
    #endif
    """
    uint64_t monotonic_ns "hot_monotonic_ns"() noexcept nogil
    uint64_t realtime_ns "hot_realtime_ns"() noexcept nogil
    uint64_t cycles "hot_cycles"() noexcept nogil
    uint64_t calibrate "hot_calibrate"(uint64_t span_ns) noexcept nogil
    uint64_t span_ns "hot_span_ns"(uint64_t begin, uint64_t end, uint64_t factor) noexcept nogil
