/* The least that one OUCH 5.0 order can cost: the template of its symbol copied and patched, nothing remembered; and the
 * least that one reply can cost: an Order Executed turned into a drop-copy record, no order looked up. */
#include <stdint.h>
#include <string.h>

typedef struct __attribute__((packed)) {
    uint16_t type_id; uint8_t action, side; uint16_t flags; uint8_t order_type, tif;
    uint32_t instrument_id; uint16_t account_id, strategy_id;
    uint64_t order_id; int64_t price_ticks, quantity_lots; uint64_t time_ns; int64_t working_lots, working_price_ticks;
} order_t;
typedef struct { uint64_t price, shares; uint8_t template[64]; } symbol_t;

static symbol_t symbols[256];
static const char digits[33] = "0123456789ABCDEFGHIJKLMNOPQRSTUV";

static inline void put32(uint8_t *at, uint32_t v) { v = __builtin_bswap32(v); memcpy(at, &v, 4); }
static inline void put64(uint8_t *at, uint64_t v) { v = __builtin_bswap64(v); memcpy(at, &v, 8); }
static inline uint32_t get32(const uint8_t *at) { uint32_t v; memcpy(&v, at, 4); return __builtin_bswap32(v); }
static inline uint64_t get64(const uint8_t *at) { uint64_t v; memcpy(&v, at, 8); return __builtin_bswap64(v); }

void ouch_setup(int i, const uint8_t *packet) {
    symbols[i].price = 100; symbols[i].shares = 1;
    memcpy(symbols[i].template, packet, 50);
}

long ouch_encode(const order_t *o, long count, uint8_t *out) {
    uint8_t *at = out;
    for (long n = 0; n < count; n++, o++) {
        const symbol_t *s = &symbols[o->instrument_id & 255];
        memcpy(at, s->template, 64);
        put32(at + 4, (uint32_t)n + 1);
        at[8] = o->side == 1 ? 'B' : 'S';
        put32(at + 9, (uint32_t)(o->quantity_lots * s->shares));
        put64(at + 21, o->price_ticks * s->price);
        at[29] = o->tif == 3 ? '3' : '0';
        at[34] = 'M';
        for (int d = 0; d < 13; d++) at[35 + d] = digits[(o->order_id >> (60 - 5 * d)) & 31];
        at += 50;
    }
    return at - out;
}

long ouch_decode(const uint8_t *in, long size, uint8_t *out) {
    const uint8_t *end = in + size;
    long count = 0;
    while (in < end) {
        long length = in[0] << 8 | in[1];
        const uint8_t *b = in + 3;
        uint8_t *r = out + 128 * count++;
        uint64_t lots = get32(b + 13), price = get64(b + 17) / 100, match = get64(b + 26);
        uint32_t ref = get32(b + 9);
        memset(r, 0, 128);
        r[0] = 35; r[2] = 4; r[5] = b[25];
        memcpy(r + 64, &lots, 8); memcpy(r + 72, &price, 8); memcpy(r + 80, &match, 8); memcpy(r + 104, &ref, 4);
        in += 2 + length;
    }
    return count;
}
