/* C11 atomics on plain words of shared memory.
 *
 * The words live in memory that several processes map, so they are plain integers in the layouts and become atomic
 * only where they are touched. Each function says its order in its name; each caller says why that order is enough.
 */
#ifndef MELTICA_ATOMICS_H
#define MELTICA_ATOMICS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* An atomic with a hidden lock would have one lock in each process, and so none between them. */
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_LONG_LOCK_FREE == 2, "64-bit atomics must be lock-free");
_Static_assert(sizeof(_Atomic uint64_t) == sizeof(uint64_t), "an atomic word must be a word");

static inline uint64_t load_relaxed(const uint64_t *word) {
    return atomic_load_explicit((const _Atomic uint64_t *)word, memory_order_relaxed);
}

static inline uint64_t load_acquire(const uint64_t *word) {
    return atomic_load_explicit((const _Atomic uint64_t *)word, memory_order_acquire);
}

static inline void store_relaxed(uint64_t *word, uint64_t value) {
    atomic_store_explicit((_Atomic uint64_t *)word, value, memory_order_relaxed);
}

static inline void store_release(uint64_t *word, uint64_t value) {
    atomic_store_explicit((_Atomic uint64_t *)word, value, memory_order_release);
}

/* 1 when the word was `expected` and is now `wanted`. Both orders: who takes a place over sees what the one before
 * left there, and who looks at the place afterwards sees what the new one did. */
static inline int compare_and_swap(uint64_t *word, uint64_t expected, uint64_t wanted) {
    return atomic_compare_exchange_strong_explicit((_Atomic uint64_t *)word, &expected, wanted, memory_order_acq_rel,
                                                   memory_order_acquire);
}

static inline uint64_t add_relaxed(uint64_t *word, uint64_t amount) {
    return atomic_fetch_add_explicit((_Atomic uint64_t *)word, amount, memory_order_relaxed);
}

static inline uint64_t or_release(uint64_t *word, uint64_t bits) {
    return atomic_fetch_or_explicit((_Atomic uint64_t *)word, bits, memory_order_release);
}

static inline void fence_acquire(void) { atomic_thread_fence(memory_order_acquire); }
static inline void fence_release(void) { atomic_thread_fence(memory_order_release); }

/* A spinning loop's breath: lets the other hardware thread of the core run, and leaves the loop without a pipeline flush. */
static inline void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

/* Copies into and out of memory that another process may be writing: word by word and atomic, so that a copy that goes
 * wrong is a stale or mixed record, which the sequence beside it tells, and not undefined behaviour. */
static inline void words_store(uint64_t *shared, const void *from, size_t words) {
    uint64_t value;
    for (size_t at = 0; at < words; at++) {
        memcpy(&value, (const char *)from + at * sizeof(value), sizeof(value));
        store_relaxed(shared + at, value);
    }
}

static inline void words_load(void *to, const uint64_t *shared, size_t words) {
    uint64_t value;
    for (size_t at = 0; at < words; at++) {
        value = load_relaxed(shared + at);
        memcpy((char *)to + at * sizeof(value), &value, sizeof(value));
    }
}

#endif
