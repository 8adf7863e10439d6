/* The least that keeping the whole market's books can cost: framed ITCH 5.0 in, levels with shares and order counts, the
 * best bid and offer read after each message, and with `queues` a FIFO chain of orders per level.
 *
 * Orders are in a flat array by reference, levels in one sorted array per side with the best one last, memory is on huge
 * pages and touched before the clock runs; what a message will need is asked for in three steps, 16 messages ahead (tried: 12 to 40).
 * It trusts its data: no check of lengths, of references, of bounds. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { LOCATES = 65536, AHEAD = 16, SECOND = 10, THIRD = 5, RING = 32, FIRST_ROWS = 16 };
/* 16 bytes without queues, 32 with them; `where` is locate << 1 | side. */
typedef struct { uint32_t price, shares, where, spare; } order_t;
typedef struct { uint32_t price, shares, where, before, after, spare[3]; } queued_t;
typedef struct { uint32_t key, orders; uint64_t shares; } level_t;
typedef struct { uint32_t key, orders; uint64_t shares; uint32_t first, last; } queued_level_t;
typedef struct { void *rows; uint32_t count, capacity; } side_t;

static side_t sides[2 * LOCATES] __attribute__((aligned(64)));
static uint8_t *orders, *slab;
static size_t orders_size, slab_size, slab_used;
static uint64_t base;
static void *spare_rows[32];

static inline uint64_t big8(const uint8_t *p) { uint64_t v; memcpy(&v, p, 8); return __builtin_bswap64(v); }
static inline uint32_t big4(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return __builtin_bswap32(v); }
static inline uint16_t big2(const uint8_t *p) { uint16_t v; memcpy(&v, p, 2); return __builtin_bswap16(v); }

static uint8_t *touched(size_t size) {
    uint8_t *memory = aligned_alloc(1 << 21, (size + (1 << 21) - 1) & ~(size_t)((1 << 21) - 1));
    if (memory) { madvise(memory, size, MADV_HUGEPAGE); memset(memory, 0, size); }
    return memory;
}

/* Untimed. References are within first .. first + count. */
int books_setup(uint64_t first, uint64_t count, uint64_t rows) {
    base = first; orders_size = (count + 1) * sizeof(queued_t); slab_size = rows * sizeof(queued_level_t); slab_used = 0;
    orders = touched(orders_size); slab = touched(slab_size);
    memset(sides, 0, sizeof sides); memset(spare_rows, 0, sizeof spare_rows);
    return orders && slab ? 0 : -1;
}

void books_free(void) { free(orders); free(slab); orders = slab = NULL; }

#define INLINE static inline __attribute__((always_inline))

static __attribute__((noinline)) void grow(side_t *side, size_t width) {
    uint32_t capacity = side->capacity ? side->capacity * 2 : FIRST_ROWS;
    int class = __builtin_ctz(capacity);
    void *rows = spare_rows[class];
    if (rows) memcpy(&spare_rows[class], rows, sizeof(void *));
    else { rows = slab + slab_used; slab_used += capacity * width; if (slab_used > slab_size) abort(); }
    if (side->rows) {
        memcpy(rows, side->rows, side->count * width);
        class = __builtin_ctz(side->capacity);
        memcpy(side->rows, &spare_rows[class], sizeof(void *));
        spare_rows[class] = side->rows;
    }
    side->rows = rows; side->capacity = capacity;
}

#define LEVELS(name, row_t) \
    INLINE row_t *name##_find(side_t *side, uint32_t key) { \
        row_t *rows = side->rows; \
        uint32_t high = side->count, low = 0, near = 16; \
        while (high && near--) { if (rows[high - 1].key <= key) return &rows[high - 1]; high--; } \
        while (low < high) { uint32_t mid = (low + high) / 2; if (rows[mid].key <= key) low = mid + 1; else high = mid; } \
        return rows + (int64_t)high - 1; /* the last one that is not above; may lie before the first */ \
    } \
    INLINE row_t *name##_fill(side_t *side, uint32_t key) { \
        if (side->count == side->capacity) grow(side, sizeof(row_t)); \
        row_t *row = name##_find(side, key); \
        if (row >= (row_t *)side->rows && row->key == key) return row; \
        row++; \
        memmove(row + 1, row, (uint8_t *)((row_t *)side->rows + side->count) - (uint8_t *)row); \
        side->count++; \
        memset(row, 0, sizeof *row); row->key = key; \
        return row; \
    } \
    INLINE void name##_drop(side_t *side, row_t *row) { \
        side->count--; \
        memmove(row, row + 1, (uint8_t *)((row_t *)side->rows + side->count) - (uint8_t *)row); \
    }
LEVELS(plain, level_t)
LEVELS(queued, queued_level_t)

INLINE uint32_t key_of(uint32_t where, uint32_t price) { return where & 1 ? ~price : price; }

INLINE order_t *order_at(uint64_t ref) { return (order_t *)orders + (ref - base); }
INLINE queued_t *queued_at(uint64_t ref) { return (queued_t *)orders + (ref - base); }

INLINE void add(uint64_t ref, uint32_t where, uint32_t price, uint32_t shares, int queues) {
    if (!queues) {
        level_t *row = plain_fill(&sides[where], key_of(where, price));
        row->shares += shares; row->orders++;
        *order_at(ref) = (order_t){price, shares, where, 0};
        return;
    }
    queued_level_t *row = queued_fill(&sides[where], key_of(where, price));
    row->shares += shares; row->orders++;
    uint32_t at = (uint32_t)(ref - base);
    *queued_at(ref) = (queued_t){price, shares, where, row->last, 0, {0}};
    if (row->last) ((queued_t *)orders)[row->last].after = at; else row->first = at;
    row->last = at;
}

INLINE void take(uint64_t ref, uint32_t shares, int all, int queues) {
    if (!queues) {
        order_t *order = order_at(ref);
        side_t *side = &sides[order->where];
        level_t *row = plain_find(side, key_of(order->where, order->price));
        if (all || shares >= order->shares) { row->shares -= order->shares; if (!--row->orders) plain_drop(side, row); }
        else { row->shares -= shares; order->shares -= shares; }
        return;
    }
    queued_t *order = queued_at(ref);
    side_t *side = &sides[order->where];
    queued_level_t *row = queued_find(side, key_of(order->where, order->price));
    if (!all && shares < order->shares) { row->shares -= shares; order->shares -= shares; return; }
    row->shares -= order->shares;
    if (!--row->orders) { queued_drop(side, row); return; }
    if (order->before) ((queued_t *)orders)[order->before].after = order->after; else row->first = order->after;
    if (order->after) ((queued_t *)orders)[order->after].before = order->before; else row->last = order->before;
}

INLINE int has_ref(uint8_t type) { return type == 'D' || type == 'E' || type == 'X' || type == 'U' || type == 'C'; }

INLINE void ask_levels(uint32_t where, int queues) {
    side_t *side = &sides[where];
    const uint8_t *end = (uint8_t *)side->rows + side->count * (queues ? sizeof(queued_level_t) : sizeof(level_t));
    __builtin_prefetch(end - 1, 1);
    __builtin_prefetch(end - 64, 1);
}

INLINE long run(const uint8_t *data, size_t size, uint64_t *best, int queues) {
    const uint8_t *ring[RING];
    const uint8_t *next = data, *end = data + size;
    uint64_t sum = 0;
    long read = 0, done = 0;
    for (;;) {
        if (next < end) {  /* the order's place and the book's */
            const uint8_t *m = next + 2;
            next = m + big2(next);
            ring[read++ % RING] = m;
            if (*m == 'A' || *m == 'F' || has_ref(*m)) {
                __builtin_prefetch(queues ? (void *)queued_at(big8(m + 11)) : (void *)order_at(big8(m + 11)), 1);
                __builtin_prefetch(&sides[2 * big2(m + 1)], 1);
                if (*m == 'U') __builtin_prefetch(queues ? (void *)queued_at(big8(m + 19)) : (void *)order_at(big8(m + 19)), 1);
            }
        } else if (done == read) break;
        if (read > AHEAD - SECOND) {  /* the best levels, and the neighbours of an order that may go */
            const uint8_t *m = ring[(read - 1 - (AHEAD - SECOND)) % RING];
            if (*m == 'A' || *m == 'F') ask_levels(2 * big2(m + 1) | (m[19] == 'S'), queues);
            else if (has_ref(*m)) {
                const queued_t *order = queues ? queued_at(big8(m + 11)) : NULL;
                ask_levels(queues ? order->where : order_at(big8(m + 11))->where, queues);
                if (queues) {
                    __builtin_prefetch((queued_t *)orders + order->before, 1);
                    __builtin_prefetch((queued_t *)orders + order->after, 1);
                }
            }
        }
        if (queues && read > AHEAD - THIRD) {  /* the order that a new one will stand behind, if it comes to the best level */
            const uint8_t *m = ring[(read - 1 - (AHEAD - THIRD)) % RING];
            if (*m == 'A' || *m == 'F') {
                const side_t *side = &sides[2 * big2(m + 1) | (m[19] == 'S')];
                if (side->count) __builtin_prefetch((queued_t *)orders + ((queued_level_t *)side->rows)[side->count - 1].last, 1);
            }
        }
        if (read - done < AHEAD && next < end) continue;
        const uint8_t *m = ring[done++ % RING];
        switch (*m) {
        case 'A': case 'F': add(big8(m + 11), 2 * big2(m + 1) | (m[19] == 'S'), big4(m + 32), big4(m + 20), queues); break;
        case 'D': take(big8(m + 11), 0, 1, queues); break;
        case 'X': case 'E': case 'C': take(big8(m + 11), big4(m + 19), 0, queues); break;
        case 'U': {
            uint32_t where = queues ? queued_at(big8(m + 11))->where : order_at(big8(m + 11))->where;
            take(big8(m + 11), 0, 1, queues);
            add(big8(m + 19), where, big4(m + 31), big4(m + 27), queues);
            break; }
        default: continue;
        }
        const side_t *side = &sides[2 * big2(m + 1)];
        for (int i = 0; i < 2; i++)
            if (side[i].count) sum += queues ? ((queued_level_t *)side[i].rows)[side[i].count - 1].key
                                             : ((level_t *)side[i].rows)[side[i].count - 1].key;
    }
    *best = sum;
    return done;
}

long books_levels(const uint8_t *data, size_t size, uint64_t *best) { return run(data, size, best, 0); }
long books_queues(const uint8_t *data, size_t size, uint64_t *best) { return run(data, size, best, 1); }

/* Best bid, its shares, best ask, its shares of a locate code. */
void books_best(uint32_t locate, int queues, uint64_t found[4]) {
    memset(found, 0, 4 * sizeof *found);
    for (int i = 0; i < 2; i++) {
        const side_t *side = &sides[2 * locate + i];
        if (!side->count) continue;
        uint32_t key = queues ? ((queued_level_t *)side->rows)[side->count - 1].key : ((level_t *)side->rows)[side->count - 1].key;
        found[2 * i] = i ? ~key : key;
        found[2 * i + 1] = queues ? ((queued_level_t *)side->rows)[side->count - 1].shares : ((level_t *)side->rows)[side->count - 1].shares;
    }
}
