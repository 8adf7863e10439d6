/* The least that a pre-trade gate can cost: twelve checks in plain C over the same 64-byte records, no Python, no
 * reasons, no counters, no other scopes than the account. Malformed, kill, instrument blocked, quantity, price collar,
 * value, position with open orders, open value, message rate, open orders, reference age, and the order's id in a
 * table of 16 MB. What a check needs of an instrument is in one cache line, of a position in half of one.
 * gate_calls() judges order by order, gate_batch() asks for rows in advance; gate_call.pyx is the call from Python. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define IDS (1u << 21)
#define HUGE_PAGE ((size_t)2 << 20)

typedef struct __attribute__((packed)) {
    uint16_t type_id; uint8_t action, side, flags, port_id, order_type, tif;
    uint32_t instrument_id; uint16_t account_id, strategy_id;
    uint64_t order_id; int64_t price_ticks, quantity_lots; uint64_t time_ns; int64_t working_lots, working_price_ticks;
} order_t;
typedef struct { int64_t low, high, max_lots, value_per, max_value; uint64_t time_ns, max_age; uint64_t blocked; } instrument_t;
typedef struct { int64_t limit, position, open[2]; } position_t;
typedef struct {
    int64_t max_open_value, open_value, open_orders, max_open_orders;
    uint64_t tokens, full, rate, bucket_ns, killed, pad[7];
} account_t;

static instrument_t *instruments; static position_t *positions; static account_t *accounts; static uint64_t *ids;
static uint32_t count, killed;

/* As the gate's own tables: huge pages, all of them there before the first order. */
static void *pages(size_t bytes, void *old) {
    size_t whole = (bytes + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
    if (old) munmap(old, whole);
    char *start = mmap(NULL, whole + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *table = (char *)(((uintptr_t)start + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1));
    if (table != start) munmap(start, (size_t)(table - start));
    munmap(table + whole, HUGE_PAGE - (size_t)(table - start));
    madvise(table, whole, MADV_HUGEPAGE);
    madvise(table, whole, 23 /* MADV_POPULATE_WRITE */);
    return table;
}

void gate_setup(uint32_t n_instruments, uint32_t n_accounts, int64_t reference, uint64_t time_ns) {
    count = n_instruments;
    instruments = pages(n_instruments * sizeof *instruments, instruments);
    positions = pages((size_t)n_instruments * n_accounts * sizeof *positions, positions);
    accounts = pages(n_accounts * sizeof *accounts, accounts);
    ids = pages(IDS * sizeof *ids, ids);
    for (uint32_t i = 0; i < n_instruments; i++)
        instruments[i] = (instrument_t){reference - reference / 20, reference + reference / 20, 1000, 1, INT64_MAX / 2, time_ns, UINT64_MAX / 2, 0};
    for (size_t i = 0; i < (size_t)n_instruments * n_accounts; i++) positions[i].limit = 1LL << 60;
    for (uint32_t i = 0; i < n_accounts; i++) {
        account_t *a = &accounts[i];
        a->max_open_value = INT64_MAX / 2; a->max_open_orders = 1u << 31; a->rate = 1000000000;
        a->tokens = a->full = 1000000000ULL * 1000000000ULL;
    }
}

static inline uint64_t *id_place(uint64_t order_id) { return &ids[(order_id * 0x9E3779B97F4A7C15ULL) >> 43]; }

static inline __attribute__((always_inline)) int judge(const order_t *o) {
    instrument_t *i = &instruments[o->instrument_id];
    account_t *a = &accounts[o->account_id];
    position_t *p = &positions[(size_t)o->account_id * count + o->instrument_id];
    uint32_t side = o->side - 1u;
    uint64_t head, more, *id, *end = ids + IDS;
    int64_t value, worst = o->quantity_lots + (side ? -p->position : p->position) + p->open[side & 1];
    memcpy(&head, o, sizeof head);
    uint64_t bad = (head & 0xF8FF00FEFCFFFFFFULL) ^ 0x0002000000010001ULL; /* NEW, LIMIT, known words */
    bad |= (side > 1) | !(0x1B >> o->tif & 1) | killed | a->killed | i->blocked;
    bad |= (o->quantity_lots < 1) | (o->quantity_lots > i->max_lots) | (o->price_ticks < i->low) | (o->price_ticks > i->high);
    bad |= __builtin_mul_overflow(o->price_ticks, o->quantity_lots, &value);
    bad |= __builtin_mul_overflow(value, i->value_per, &value);
    bad |= (value > i->max_value) | (value > a->max_open_value - a->open_value) | (worst > p->limit);
    bad |= (a->open_orders >= a->max_open_orders) | (o->time_ns - i->time_ns > i->max_age);
    uint64_t elapsed = o->time_ns > a->bucket_ns ? o->time_ns - a->bucket_ns : 0;
    if (__builtin_mul_overflow(elapsed, a->rate, &more) || more > a->full) more = a->full;
    uint64_t tokens = a->tokens + more > a->full ? a->full : a->tokens + more;
    bad |= tokens < 1000000000ULL;
    for (id = id_place(o->order_id); *id && *id != o->order_id;) id = id + 1 == end ? ids : id + 1;
    bad |= *id == o->order_id;
    if (bad) return 1;
    *id = o->order_id;
    p->open[side] += o->quantity_lots; a->open_value += value; a->open_orders++;
    a->tokens = tokens - 1000000000ULL; a->bucket_ns = o->time_ns;
    return 0;
}

static __attribute__((noinline)) int judge_call(const order_t *o) { return judge(o); }

long gate_calls(const order_t *orders, long n) {
    long passed = 0;
    for (long k = 0; k < n; k++) passed += !judge_call(&orders[k]);
    return passed;
}

long gate_batch(const order_t *orders, long n, int8_t *reasons) {
    long passed = 0;
    for (long k = 0; k < n; k++) {
        if (k + 12 < n) {
            const order_t *o = &orders[k + 12];
            __builtin_prefetch(&instruments[o->instrument_id]);
            __builtin_prefetch(&positions[(size_t)o->account_id * count + o->instrument_id], 1);
            __builtin_prefetch(id_place(o->order_id), 1);
        }
        passed += !(reasons[k] = judge(&orders[k]));
    }
    return passed;
}
