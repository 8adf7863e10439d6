# C11 atomics on plain 64-bit words of shared memory; atomics.h says what each order is for.
from libc.stdint cimport uint64_t

cdef extern from "atomics.h" nogil:
    uint64_t load_relaxed(const uint64_t* word) noexcept
    uint64_t load_acquire(const uint64_t* word) noexcept
    void store_relaxed(uint64_t* word, uint64_t value) noexcept
    void store_release(uint64_t* word, uint64_t value) noexcept
    bint compare_and_swap(uint64_t* word, uint64_t expected, uint64_t wanted) noexcept
    uint64_t add_relaxed(uint64_t* word, uint64_t amount) noexcept
    uint64_t or_release(uint64_t* word, uint64_t bits) noexcept
    void fence_acquire() noexcept
    void fence_release() noexcept
    void relax() noexcept
