/* The least that a pre-trade gate with these checks can cost: plain C over the same 64-byte records and tables of the
 * same size, no Python, no counters, no reasons kept. gate_calls() judges order by order, gate_batch() asks for rows in
 * advance. */
#include <stdint.h>
#include <stdlib.h>

typedef struct __attribute__((packed)) {
    uint16_t type_id; uint8_t action, side; uint16_t flags; uint8_t order_type, tif;
    uint32_t instrument_id; uint16_t account_id, strategy_id;
    uint64_t order_id; int64_t price_ticks, quantity_lots; uint64_t time_ns; int64_t working_lots, working_price_ticks;
} order_t;
typedef struct { int64_t value_per, max_price, max_lots, max_value, low, high; uint64_t time_ns, max_age; uint8_t bad, pad[15]; } instrument_t;
typedef struct { int64_t max_long, max_short, position, open[2], pad[3]; } position_t;
typedef struct { int64_t lots, price; uint64_t time_ns; uint32_t instrument, side; } recent_t;
typedef struct {
    int64_t max_open_value, open_value, open_orders, max_open_orders;
    uint64_t tokens, full, rate, bucket_ns, last_id, window;
    uint32_t next; uint8_t killed, seen[256]; recent_t recent[16]; uint8_t slot[16];
} account_t;

static instrument_t *instruments; static position_t *positions; static account_t *accounts; static uint32_t count;

void gate_setup(uint32_t n_instruments, uint32_t n_accounts, int64_t reference, uint64_t time_ns) {
    free(instruments); free(positions); free(accounts);
    count = n_instruments;
    instruments = calloc(n_instruments, sizeof *instruments);
    positions = calloc((size_t)n_instruments * n_accounts, sizeof *positions);
    accounts = calloc(n_accounts, sizeof *accounts);
    for (uint32_t i = 0; i < n_instruments; i++)
        instruments[i] = (instrument_t){1, 1000000000, 1000, INT64_MAX / 2, reference - reference / 20, reference + reference / 20, time_ns, UINT64_MAX / 2};
    for (size_t i = 0; i < (size_t)n_instruments * n_accounts; i++) positions[i].max_long = positions[i].max_short = 1LL << 60;
    for (uint32_t i = 0; i < n_accounts; i++) {
        account_t *a = &accounts[i];
        a->max_open_value = INT64_MAX / 2; a->max_open_orders = 1u << 31; a->rate = 1000000000; a->window = 1000000;
        a->tokens = a->full = 1000000000ULL * 1000000000ULL; a->seen[0] = 16;
    }
}

static inline __attribute__((always_inline)) int judge(const order_t *o) {
    instrument_t *i = &instruments[o->instrument_id];
    account_t *a = &accounts[o->account_id];
    position_t *p = &positions[(size_t)o->account_id * count + o->instrument_id];
    int64_t value, *open = &p->open[o->side - 1];
    int64_t worst = *open + o->quantity_lots + (o->side == 1 ? p->position : -p->position);
    uint64_t bad = o->type_id != 1 || o->action != 1 || o->side - 1u > 1u || o->order_type != 2 || o->tif > 4;
    uint64_t tokens = a->tokens + (o->time_ns > a->bucket_ns ? (o->time_ns - a->bucket_ns) * a->rate : 0);
    uint64_t mixed = (uint64_t)o->price_ticks * 0x9E3779B97F4A7C15ULL + (uint64_t)o->quantity_lots * 0xC2B2AE3D27D4EB4FULL
                   + ((uint64_t)o->instrument_id * 2 + o->side) * 0x165667B19E3779F9ULL;
    uint8_t slot = ((mixed ^ (mixed >> 32)) * 0xD6E8FEB86659FD93ULL) >> 56;
    bad |= __builtin_mul_overflow(o->price_ticks, o->quantity_lots, &value);
    bad |= __builtin_mul_overflow(value, i->value_per, &value);
    if (tokens > a->full) tokens = a->full;
    bad |= i->bad | a->killed;
    bad |= o->quantity_lots < 1 || o->quantity_lots > i->max_lots || o->price_ticks < 1 || o->price_ticks > i->max_price;
    bad |= value > i->max_value || o->price_ticks < i->low || o->price_ticks > i->high;
    bad |= worst > (o->side == 1 ? p->max_long : p->max_short) || value > a->max_open_value - a->open_value;
    bad |= tokens < 1000000000ULL || a->open_orders >= a->max_open_orders || o->order_id <= a->last_id;
    bad |= o->time_ns - i->time_ns > i->max_age;
    if (a->seen[slot])
        for (int k = 0; k < 16; k++) {
            recent_t *r = &a->recent[k];
            bad |= r->lots == o->quantity_lots && r->price == o->price_ticks && r->instrument == o->instrument_id
                && r->side == o->side && o->time_ns - r->time_ns < a->window;
        }
    if (bad) return 1;
    *open += o->quantity_lots; a->open_value += value; a->open_orders++; a->last_id = o->order_id;
    a->tokens = tokens - 1000000000ULL; a->bucket_ns = o->time_ns;
    a->seen[a->slot[a->next]]--; a->seen[slot]++; a->slot[a->next] = slot;
    a->recent[a->next] = (recent_t){o->quantity_lots, o->price_ticks, o->time_ns, o->instrument_id, o->side};
    a->next = (a->next + 1) & 15;
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
        if (k + 8 < n) {
            const order_t *o = &orders[k + 8];
            __builtin_prefetch(&instruments[o->instrument_id]);
            __builtin_prefetch(&positions[(size_t)o->account_id * count + o->instrument_id]);
        }
        passed += !(reasons[k] = judge(&orders[k]));
    }
    return passed;
}
