/* The least that an intent on its way out can cost: a bare ring in memory, one copy of the intent, one copy of a message
 * that is there already. No clock, no kill word, no gate, no encoder, no journal, no drop copy. Each passage is timed with
 * the same counter as the loop's, and told as median and 99.9 % in ns. */
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__x86_64__)
static inline uint64_t cycles(void) { return __builtin_ia32_rdtsc(); }
#else
static inline uint64_t cycles(void) {
    struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}
#endif

enum { SLOTS = 256, MESSAGE = 50 };
static unsigned char slots[SLOTS][64], message[64], out[65536];
static _Atomic uint64_t published, taken;
static volatile uint64_t sink;

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static double factor(void) {
    struct timespec t; uint64_t a, b, c;
    clock_gettime(CLOCK_MONOTONIC, &t); a = (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec; c = cycles();
    do { clock_gettime(CLOCK_MONOTONIC, &t); b = (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec; } while (b - a < 20000000);
    return (double)(b - a) / (double)(cycles() - c);
}

/* found[0]: median, found[1]: 99.9 %, found[2]: median of two looks at the counter with nothing in between. */
void hot_path(long count, double *found) {
    uint64_t *took = malloc(sizeof(uint64_t) * (size_t)count);
    double ns = factor();
    size_t at = 0;
    for (long i = 0; i < count; i++) {
        uint64_t begin = cycles();
        took[i] = cycles() - begin;
    }
    qsort(took, (size_t)count, sizeof *took, by_value);
    found[2] = (double)took[count / 2] * ns;
    for (long i = 0; i < count; i++) {
        uint64_t next = atomic_load_explicit(&published, memory_order_relaxed);
        slots[next % SLOTS][8] = (unsigned char)i;
        atomic_store_explicit(&published, next + 1, memory_order_release);
        unsigned char order[64];
        uint64_t begin = cycles(), here = atomic_load_explicit(&taken, memory_order_relaxed);
        if (atomic_load_explicit(&published, memory_order_acquire) != here) {
            memcpy(order, slots[here % SLOTS], 64);
            if (at + MESSAGE > sizeof out) at = 0;
            memcpy(out + at, message, MESSAGE);
            out[at + 4] = order[8];
            at += MESSAGE;
            atomic_store_explicit(&taken, here + 1, memory_order_release);
        }
        took[i] = cycles() - begin;
        sink += out[at ? at - 1 : 0];
    }
    qsort(took, (size_t)count, sizeof *took, by_value);
    found[0] = (double)took[count / 2] * ns;
    found[1] = (double)took[count - 1 - count / 1000] * ns;
    free(took);
}
