# Arithmetic that cannot overflow, and pages that the kernel may make huge.
from libc.stdint cimport int64_t, uint32_t, uint64_t

from cython_ext.layout_gen cimport NANO_TOKENS_PER_MESSAGE
from cython_ext.tables cimport Bucket

cdef extern from *:
    """
    #ifndef MELTICA_GATE_ARITHMETIC
    #define MELTICA_GATE_ARITHMETIC
    #include <stdint.h>
    #include <string.h>
    #include <sys/mman.h>
    #define MELTICA_HUGE ((size_t)2 << 20)
    #define MELTICA_POPULATE_WRITE 23
    /* price * lots * unit, INT64_MAX when it is more; all three >= 0 */
    static inline int64_t meltica_product(int64_t price, int64_t lots, int64_t unit) {
        int64_t product;
        if (__builtin_mul_overflow(price, lots, &product) || __builtin_mul_overflow(product, unit, &product))
            return (price && lots && unit) ? INT64_MAX : 0;
        return product;
    }
    static inline int64_t meltica_add(int64_t one, int64_t other) {
        int64_t sum;
        if (__builtin_add_overflow(one, other, &sum)) return one < 0 ? INT64_MIN : INT64_MAX;
        return sum;
    }
    static inline int64_t meltica_percent(int64_t lots, uint32_t percent) {
        __int128 part = (__int128)lots * percent / 100;
        return part > INT64_MAX ? INT64_MAX : (int64_t)part;
    }
    /* nano-tokens in a bucket; time that goes backwards brings none. Apart: an ordinary order needs its registers. */
    static __attribute__((noinline, unused)) uint64_t meltica_refill(uint64_t tokens, uint64_t then_ns, uint64_t now_ns, uint64_t rate, uint64_t full) {
        uint64_t more, elapsed_ns = now_ns > then_ns ? now_ns - then_ns : 0;
        more = __builtin_mul_overflow(elapsed_ns, rate, &more) ? full : more;
        more = more < full ? more : full;  /* tokens <= full < 2^63 */
        tokens += more;
        return tokens < full ? tokens : full;
    }
    /* One token less than there are at now_ns, of which there is one. */
    static inline void meltica_spend(uint64_t *tokens, uint64_t *then_ns, uint64_t now_ns, uint64_t rate, uint64_t full) {
        uint64_t level, elapsed_ns = now_ns - *then_ns;
        if (__builtin_expect(elapsed_ns < (1ULL << 31), 1)) {  /* rate < 2^32, tokens < 2^63: it fits 64 bits */
            level = *tokens + elapsed_ns * rate;
            level = level < full ? level : full;
            *then_ns = now_ns;
        } else {
            level = meltica_refill(*tokens, *then_ns, now_ns, rate, full);
            *then_ns = now_ns > *then_ns ? now_ns : *then_ns;
        }
        *tokens = level - 1000000000ULL;
    }
    /* where RecentRing.seen counts an order with these fields */
    static inline uint64_t meltica_slot(uint32_t instrument_id, uint32_t side, int64_t lots, int64_t price) {
        uint64_t mixed = ((uint64_t)price << 1 ^ side) + ((uint64_t)lots << 23) + ((uint64_t)instrument_id << 43);
        return (mixed * 0x9E3779B97F4A7C15ULL) >> 56;
    }
    /* The asm keeps the compiler from taking a function of nothing but prefetches for one without effects. */
    static inline void meltica_prefetch(const void *address) {
        __builtin_prefetch(address, 1);
        __asm__ volatile("");
    }
    /* What was read of the tables is read anew: cheaper than a register for each over the whole of a judgement. */
    static inline void meltica_forget(void) { __asm__ volatile("" ::: "memory"); }
    static inline uint64_t meltica_head(const void *record) {
        uint64_t head;
        memcpy(&head, record, sizeof head);
        return head;
    }
    /* zeroed; large ones on a huge page's boundary, so that a table needs few TLB entries */
    static inline size_t meltica_whole(size_t bytes) { return (bytes + MELTICA_HUGE - 1) & ~(MELTICA_HUGE - 1); }
    static inline void *meltica_pages(size_t bytes) {
        size_t whole = meltica_whole(bytes);
        char *start = mmap(NULL, whole + MELTICA_HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (start == (char *)MAP_FAILED) return NULL;
        char *table = (char *)(((uintptr_t)start + MELTICA_HUGE - 1) & ~(uintptr_t)(MELTICA_HUGE - 1));
        if (table != start) munmap(start, (size_t)(table - start));
        munmap(table + whole, MELTICA_HUGE - (size_t)(table - start));
        if (bytes >= MELTICA_HUGE / 2) madvise(table, whole, MADV_HUGEPAGE);
        /* No page fault while orders wait; a kernel without it (before 5.14) takes them at first touch. */
        madvise(table, bytes, MELTICA_POPULATE_WRITE);
        return table;
    }
    static inline void meltica_unmap(void *table, size_t bytes) { if (table) munmap(table, meltica_whole(bytes)); }
    #endif
    """
    int64_t product "meltica_product"(int64_t price, int64_t lots, int64_t unit) noexcept nogil
    int64_t added "meltica_add"(int64_t one, int64_t other) noexcept nogil
    int64_t percent_of "meltica_percent"(int64_t lots, uint32_t percent) noexcept nogil
    uint64_t refill "meltica_refill"(uint64_t tokens, uint64_t then, uint64_t now, uint64_t rate, uint64_t full) noexcept nogil
    void spend "meltica_spend"(uint64_t* tokens, uint64_t* then, uint64_t now, uint64_t rate, uint64_t full) noexcept nogil
    void forget "meltica_forget"() noexcept nogil
    uint64_t slot_of "meltica_slot"(uint32_t instrument_id, uint32_t side, int64_t lots, int64_t price) noexcept nogil
    uint64_t head_of "meltica_head"(const void* record) noexcept nogil
    void* pages "meltica_pages"(size_t size) noexcept nogil
    void unmap "meltica_unmap"(void* table, size_t size) noexcept nogil
    void prefetch "meltica_prefetch"(const void* address) noexcept nogil
    int lowest_bit "__builtin_ctzll"(uint64_t mask) noexcept nogil
    bint unlikely "__builtin_expect"(bint condition, long expected) noexcept nogil


cdef inline int64_t smaller(int64_t one, int64_t other) noexcept nogil:
    return one if one < other else other


cdef inline int64_t larger(int64_t one, int64_t other) noexcept nogil:
    return one if one > other else other


cdef inline int64_t value_nanos(int64_t price_ticks, int64_t lots, int64_t unit) noexcept nogil:
    """What cannot be valued is worth INT64_MAX, which no limit lets pass."""
    if price_ticks <= 0 or lots <= 0 or unit <= 0:
        return 0x7FFFFFFFFFFFFFFF
    return product(price_ticks, lots, unit)


cdef inline uint64_t tokens_at(const Bucket* bucket, uint64_t time_ns) noexcept nogil:
    return refill(
        bucket.nano_tokens, bucket.time_ns, time_ns, bucket.per_second, bucket.burst * <uint64_t>NANO_TOKENS_PER_MESSAGE
    )


cdef inline bint is_empty(const Bucket* bucket, uint64_t time_ns) noexcept nogil:
    return bucket.per_second == 0 or tokens_at(bucket, time_ns) < <uint64_t>NANO_TOKENS_PER_MESSAGE


cdef inline bint has_none(const Bucket* bucket, uint64_t time_ns) noexcept nogil:
    """Of a bucket with a rate: most have a token without looking at the time."""
    cdef uint64_t one = NANO_TOKENS_PER_MESSAGE
    if unlikely(bucket.nano_tokens < one, 0):
        return tokens_at(bucket, time_ns) < one
    return False


cdef inline void take_token(Bucket* bucket, uint64_t time_ns) noexcept nogil:
    spend(
        &bucket.nano_tokens, &bucket.time_ns, time_ns, bucket.per_second,
        bucket.burst * <uint64_t>NANO_TOKENS_PER_MESSAGE,
    )


cdef inline void set_rate(Bucket* bucket, bint known, uint32_t per_second, uint32_t burst) noexcept nogil:
    """A new row starts with a full bucket; a lowered burst takes tokens away."""
    cdef uint64_t full = burst * <uint64_t>NANO_TOKENS_PER_MESSAGE
    if not known or bucket.nano_tokens > full:
        bucket.nano_tokens = full
    bucket.per_second = per_second
    bucket.burst = burst
