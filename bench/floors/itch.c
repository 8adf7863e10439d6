/* The least that decoding ITCH 5.0 to columns can cost: branch-free C into the same columns, reused batch by batch. */
#include <stdint.h>
#include <string.h>

enum { ROWS = 8192, MARGIN = 64 };
typedef struct { uint64_t ref, second, shares, stock; uint32_t price; uint16_t length; uint8_t side, code; uint8_t at[8]; } fields_t;
static fields_t table[24];
static uint8_t kind[256];
/* Not static, and named so that they are nobody else's: nobody reads the columns here, and stores that nobody can read are optimised away. */
uint8_t column_types[ROWS], column_sides[ROWS], column_codes[ROWS];
uint16_t column_locates[ROWS];
uint32_t column_prices[ROWS];
uint64_t column_times[ROWS], column_refs[ROWS], column_seconds[ROWS], column_shares[ROWS], column_stocks[ROWS], counts[256];

static inline uint64_t big8(const uint8_t *p) { uint64_t v; memcpy(&v, p, 8); return __builtin_bswap64(v); }
static inline uint32_t big4(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return __builtin_bswap32(v); }
static inline uint16_t big2(const uint8_t *p) { uint16_t v; memcpy(&v, p, 2); return __builtin_bswap16(v); }

/* letter, length, then where ref, second ref, shares (8-byte window), stock, price, side, code are; 0 = not there */
static const uint8_t rows[][9] = {
    {'S', 12, 0, 0, 0, 0, 0, 0, 11}, {'R', 39, 0, 0, 0, 11, 0, 0, 19}, {'H', 25, 0, 0, 0, 11, 0, 0, 19},
    {'Y', 20, 0, 0, 0, 11, 0, 0, 19}, {'L', 26, 0, 0, 0, 15, 0, 0, 24}, {'V', 35}, {'W', 12, 0, 0, 0, 0, 0, 0, 11},
    {'K', 28, 0, 0, 15, 11, 24, 0, 23}, {'J', 35, 0, 23, 27, 11, 19}, {'h', 21, 0, 0, 0, 11, 0, 19, 20},
    {'A', 36, 11, 0, 16, 24, 32, 19}, {'F', 40, 11, 0, 16, 24, 32, 19}, {'E', 31, 11, 23, 15},
    {'C', 36, 11, 23, 15, 0, 32, 0, 31}, {'X', 23, 11, 0, 15}, {'D', 19, 11}, {'U', 35, 11, 19, 23, 0, 31},
    {'P', 44, 11, 36, 16, 24, 32, 19}, {'Q', 40, 0, 31, 11, 19, 27, 0, 39}, {'B', 19, 0, 11},
    {'I', 50, 0, 0, 11, 28, 0, 0, 27}, {'N', 20, 0, 0, 0, 11, 0, 0, 19}, {'O', 48, 0, 0, 0, 11, 0, 0, 19},
};

void itch_setup(void) {
    for (unsigned k = 0; k < sizeof rows / sizeof *rows; k++) {
        const uint8_t *r = rows[k];
        fields_t *f = &table[k + 1];
        kind[r[0]] = k + 1;
        f->length = r[1];
        memcpy(f->at, r + 2, 7);
        f->ref = r[2] ? ~0ULL : 0; f->second = r[3] ? ~0ULL : 0; f->stock = r[5] ? ~0ULL : 0; f->price = r[6] ? ~0U : 0;
        f->shares = !r[4] ? 0 : r[0] == 'Q' || r[0] == 'I' ? ~0ULL : 0xFFFFFFFF;
        f->side = r[7] ? 255 : 0; f->code = r[8] ? 255 : 0;
    }
}

long itch_decode(const uint8_t *data, long size) {
    long at = 0, total = 0;
    while (at + MARGIN <= size) {
        int row = 0;
        for (; row < ROWS && at + MARGIN <= size; row++) {
            const uint8_t *m = data + at + 2;
            const fields_t *f = &table[kind[m[0]]];
            uint16_t length = big2(data + at);
            if (length != f->length) return -1;
            column_types[row] = m[0];
            column_locates[row] = big2(m + 1);
            column_times[row] = big8(m + 3) & 0xFFFFFFFFFFFF;
            column_refs[row] = big8(m + f->at[0]) & f->ref;
            column_seconds[row] = big8(m + f->at[1]) & f->second;
            column_shares[row] = big8(m + f->at[2]) & f->shares;
            uint64_t stock; memcpy(&stock, m + f->at[3], 8); column_stocks[row] = stock & f->stock;
            column_prices[row] = big4(m + f->at[4]) & f->price;
            column_sides[row] = m[f->at[5]] & f->side;
            column_codes[row] = m[f->at[6]] & f->code;
            counts[m[0]]++;
            at += 2 + length;
        }
        total += row;
    }
    return total;
}

long itch_walk(const uint8_t *data, long size) {
    long at = 0, total = 0;
    while (at + MARGIN <= size) { at += 2 + big2(data + at); total++; }
    return total;
}
