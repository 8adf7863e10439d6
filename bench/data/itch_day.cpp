// A made Nasdaq day: itch_day OUT MESSAGES SEED SYMBOLS. Writes framed ITCH 5.0, prints one JSON line about it.
//
// What is calibrated, and on what: the mix of message types on the counts of 2019-10-30 (MIX); 8,900 symbols, 1.27 M live
// orders on half as many levels at the open and 1.32 order references per insert, 30 % of them out of order, on what is
// published of 2019-12-30. What is guessed: how active one symbol is beside another, how long an order lives, how far
// from the best price it is entered, how messages bunch. A quarter of the messages is the build-up before the open.
// No order ever locks or crosses a book. The books kept here are maps and lists, unlike any that the bench judges.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <map>
#include <vector>
using u8 = uint8_t; using u16 = uint16_t; using u32 = uint32_t; using u64 = uint64_t;

// --- chance ---
static u64 seed_state;
static u64 any() {  // splitmix64
    u64 z = (seed_state += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}
static u32 below(u32 bound) { return (u32)((any() >> 32) * bound >> 32); }
static bool chance(u32 per_mille) { return below(1000) < per_mille; }
static u32 falling(u32 mean) {  // 0, 1, ..: each half as likely after `mean` more, about
    u32 n = 0;
    for (u64 bits = any(); n < 64 * mean && (bits & 1); bits = any()) n += 1 + below(mean);
    return n ? n - below(n) / 2 : below(1 + mean / 4);
}

// --- bytes ---
static FILE* out;
static u8 message[64];
static u32 length;
static u64 written, counts[256], time_ns;
static void put(u64 value, u32 width) { while (width--) message[length++] = (u8)(value >> 8 * width); }
static void begin(char type, u32 locate) { length = 2; put(type, 1); put(locate, 2); put(0, 2); put(time_ns, 6); }
static void send() {
    message[0] = 0; message[1] = (u8)(length - 2);
    if (fwrite(message, 1, length, out) != length) { perror("itch_day"); exit(1); }
    counts[message[2]]++; written++;
}

// --- books ---
struct Order { u64 ref; u32 price, shares, before, after, symbol, place; u8 side; };
struct Level { u64 shares = 0; u32 first = 0, last = 0, orders = 0; };
struct Symbol { std::map<u32, Level> side[2]; std::vector<u32> live; u32 fair; char name[9]; };
static std::vector<Order> orders(1);
static std::vector<u32> spare;
static std::vector<Symbol> symbols;
static u64 live, most_live, last_ref, inserts, first_ref = 1000, highest_ref, out_of_order;
static std::vector<u64> held;

static u64 new_ref() {
    last_ref += 1 + chance(320);
    u64 ref = last_ref;
    if (held.size() < 64) { held.push_back(ref); ref = last_ref += 1; }
    else if (chance(303)) std::swap(ref, held[below(64)]);
    if (ref < highest_ref) out_of_order++; else highest_ref = ref;
    inserts++;
    return ref;
}

static u32 enter(u32 s, u8 side, u32 price, u32 shares) {
    u32 at;
    if (spare.empty()) { at = orders.size(); orders.emplace_back(); } else { at = spare.back(); spare.pop_back(); }
    Symbol& symbol = symbols[s];
    Level& level = symbol.side[side][price];
    orders[at] = {new_ref(), price, shares, level.last, 0, s, (u32)symbol.live.size(), side};
    if (level.last) orders[level.last].after = at; else level.first = at;
    level.last = at; level.shares += shares; level.orders++;
    symbol.live.push_back(at);
    if (++live > most_live) most_live = live;
    return at;
}

static void leave(u32 at, u32 shares) {
    Order& order = orders[at];
    Symbol& symbol = symbols[order.symbol];
    auto found = symbol.side[order.side].find(order.price);
    Level& level = found->second;
    level.shares -= shares; order.shares -= shares;
    if (order.shares) return;
    if (order.before) orders[order.before].after = order.after; else level.first = order.after;
    if (order.after) orders[order.after].before = order.before; else level.last = order.before;
    if (--level.orders == 0) symbol.side[order.side].erase(found);
    symbol.live[order.place] = symbol.live.back();
    orders[symbol.live[order.place]].place = order.place;
    symbol.live.pop_back();
    spare.push_back(at); live--;
}

// Bids are side 0: their best is the last of the map; asks are side 1.
static u32 best(const Symbol& symbol, u8 side) {
    const auto& levels = symbol.side[side];
    return levels.empty() ? 0 : side == 0 ? levels.rbegin()->first : levels.begin()->first;
}

static u32 a_price(const Symbol& symbol, u8 side, bool open) {
    u32 own = best(symbol, side), other = best(symbol, !side), tick = symbol.fair < 10000 ? 1 : 100;
    int64_t outward = side == 0 ? -(int64_t)tick : tick, price;
    if (!own) price = (int64_t)(other ? other : symbol.fair) + outward * (1 + falling(4));
    else {
        u32 spread = other ? (side == 0 ? other - own : own - other) / tick : 2;
        if (spread > 1 && chance(open ? 100 + (spread > 4) * 120 : 20)) price = own - outward * (1 + below(spread > 4 ? 3 : 1));
        else if (chance(open ? 500 : 60)) price = own;
        else if (open) price = own + outward * (1 + falling(3));
        else price = own + outward * (1 + (chance(650) ? falling(30) : below(1 + own / tick / 6)));
    }
    if (price < (int64_t)tick) {  // nothing below a tick: a bid waits at the least price, if that is free of asks
        price = tick;
        if (other && other <= tick) return 0;
    }
    return (u32)price;
}

static u32 some_shares() { return chance(700) ? 100 * (1 + falling(2)) : 1 + below(99); }

static u32 victim(const Symbol& symbol) {  // mostly one that has just come
    u32 count = symbol.live.size(), age = falling(3);
    return symbol.live[chance(850) && age < count ? count - 1 - age : below(count)];
}

// --- messages ---
static void say_add(u32 s, bool attributed, bool open) {
    u8 side = below(2);
    u32 price = a_price(symbols[s], side, open);
    if (!price) { side = 1; price = a_price(symbols[s], 1, open); }
    Order& order = orders[enter(s, side, price, some_shares())];
    begin(attributed ? 'F' : 'A', s + 1);
    put(order.ref, 8); put("BS"[side], 1); put(order.shares, 4);
    for (int i = 0; i < 8; i++) put(symbols[s].name[i], 1);
    put(price, 4);
    if (attributed) put(0x4E534451, 4);
    send();
}

static void say_stock(char type, u32 s, std::initializer_list<std::pair<u64, u32>> fields) {
    begin(type, s + 1);
    for (int i = 0; i < 8; i++) put(symbols[s].name[i], 1);
    for (auto& [value, width] : fields) put(value, width);
    send();
}

static void say_event(char code) { begin('S', 0); put(code, 1); send(); }

static bool say_execution(u32 s, bool at_price) {
    Symbol& symbol = symbols[s];
    u8 side = below(2);
    if (symbol.side[side].empty()) side = !side;
    u32 at = side == 0 ? symbol.side[0].rbegin()->second.first : symbol.side[1].begin()->second.first;
    u32 shares = chance(620) ? orders[at].shares : 1 + below(orders[at].shares);
    begin(at_price ? 'C' : 'E', s + 1);
    put(orders[at].ref, 8); put(shares, 4); put(written, 8);
    if (at_price) { put(chance(900) ? 'Y' : 'N', 1); put(orders[at].price, 4); }
    send();
    leave(at, shares);
    return true;
}

static void say_replace(u32 s, bool open) {
    u32 at = victim(symbols[s]);
    Order old = orders[at];
    leave(at, old.shares);
    u32 price = a_price(symbols[s], old.side, open);
    if (!price) price = old.price;
    Order& order = orders[enter(s, old.side, price, chance(500) ? old.shares : some_shares())];
    begin('U', s + 1);
    put(old.ref, 8); put(order.ref, 8); put(order.shares, 4); put(price, 4);
    send();
}

static void say_trade(u32 s) {
    begin('P', s + 1);
    put(0, 8); put('B', 1); put(some_shares(), 4);
    for (int i = 0; i < 8; i++) put(symbols[s].name[i], 1);
    put(best(symbols[s], 0) ? best(symbols[s], 0) : symbols[s].fair, 4); put(written, 8);
    send();
}

static void say_imbalance(u32 s) {
    begin('I', s + 1);
    put(100 * below(5000), 8); put(100 * below(500), 8); put("BSN"[below(3)], 1);
    for (int i = 0; i < 8; i++) put(symbols[s].name[i], 1);
    for (int i = 0; i < 3; i++) put(symbols[s].fair, 4);
    put('C', 1); put('L', 1);
    send();
}

static const struct { char type; u32 count; } MIX[] = {  // 2019-10-30, in thousands
    {'A', 127215}, {'D', 123297}, {'U', 25514}, {'E', 7317}, {'I', 3740}, {'X', 3569}, {'P', 1525}, {'F', 1424}, {'C', 130}};
static const struct { char type; u32 count; } BUILD_UP[] = {{'A', 870}, {'D', 60}, {'U', 50}, {'F', 14}, {'X', 6}};

template <size_t N, class Row> static char one_of(const Row (&mix)[N]) {
    static u64 total = 0;
    if (!total) for (auto& row : mix) total += row.count;
    u32 at = below((u32)total);
    for (auto& row : mix) { if (at < row.count) return row.type; at -= row.count; }
    return 'A';
}

static void say(char type, u32 s, bool open) {
    Symbol& symbol = symbols[s];
    if (strchr("DUEXC", type) && symbol.live.empty()) type = 'A';
    switch (type) {
    case 'A': case 'F': return say_add(s, type == 'F', open);
    case 'E': case 'C': say_execution(s, type == 'C'); return;
    case 'U': return say_replace(s, open);
    case 'P': return say_trade(s);
    case 'I': return say_imbalance(s);
    }
    u32 at = victim(symbol), shares = orders[at].shares;
    if (type == 'X' && shares > 1) {
        shares = 1 + below(shares - 1);
        begin('X', s + 1); put(orders[at].ref, 8); put(shares, 4);
    } else { begin('D', s + 1); put(orders[at].ref, 8); }
    send();
    leave(at, shares);
}

static void open_the_books(u32 count) {
    symbols.resize(count);
    say_event('O');
    for (u32 s = 0; s < count; s++) {
        snprintf(symbols[s].name, 9, "S%05u  ", s);
        symbols[s].fair = 100 * (200 + below(below(10) ? 9000 : 60000));
        time_ns += below(100000);
        say_stock('R', s, {{'Q', 1}, {'N', 1}, {100, 4}, {'N', 1}, {'C', 1}, {0x5A20, 2}, {'P', 1}, {'N', 1}, {'1', 1},
                           {'1', 1}, {'N', 1}, {0, 4}, {'N', 1}});
        say_stock('H', s, {{'T', 1}, {' ', 1}, {0x20202020, 4}});
        say_stock('Y', s, {{'0', 1}});
    }
    say_event('S');
}

int main(int argc, char** argv) {
    if (argc != 5) { fprintf(stderr, "usage: itch_day OUT MESSAGES SEED SYMBOLS\n"); return 2; }
    u64 wanted = strtoull(argv[2], 0, 10), hash = 0xCBF29CE484222325ull, levels_at_open = 0, live_at_open = 0;
    u32 count = (u32)atoi(argv[4]);
    seed_state = strtoull(argv[3], 0, 10);
    if (count < 1 || count > 65535 || wanted < 3 * count + 10) { fprintf(stderr, "itch_day: too few messages\n"); return 2; }
    if (!(out = fopen(argv[1], "wb"))) { perror(argv[1]); return 1; }
    setvbuf(out, 0, _IOFBF, 1 << 20);
    last_ref = first_ref;
    time_ns = 3 * 3600000000000ull;
    open_the_books(count);
    std::vector<u32> order(count), drawn(1 << 18);  // symbols by activity: a heavy tail, spread over the locate codes
    for (u32 s = 0; s < count; s++) { order[s] = s; std::swap(order[s], order[below(s + 1)]); }
    double total = 0, sum = 0;
    for (u32 s = 0; s < count; s++) total += 1.0 / (s + 30);
    for (u32 s = 0, at = 0; s < count; s++)
        for (sum += 1.0 / (s + 30); at < drawn.size() && at < sum / total * drawn.size(); at++) drawn[at] = order[s];
    const u64 build_up = wanted / 4 + written, end = wanted - 3;
    const u64 morning = 4 * 3600000000000ull, bell = 19 * 1800000000000ull, close = 16 * 3600000000000ull;
    const u64 slow = 2 * (bell - morning) / (build_up + 1), fast = 2 * (close - bell) / (end - build_up + 1);
    time_ns = morning;
    for (u32 s = 0; written < end;) {
        bool open = written >= build_up;
        if (open && !live_at_open) {
            time_ns = bell; live_at_open = live;
            for (auto& symbol : symbols) levels_at_open += symbol.side[0].size() + symbol.side[1].size();
            say_event('Q');
        }
        u64 step = open ? fast : slow;
        time_ns += chance(500) ? below(600) : (u64)((double)(any() >> 11) / (1ull << 53) * step * 2);
        if (chance(750)) s = drawn[below(drawn.size())];  // a quarter follows on the one before
        if (below(400000) == 0) {
            say_stock('H', s, {{"HPT"[below(3)], 1}, {' ', 1}, {0x4C554450, 4}});
            continue;
        }
        say(open ? one_of(MIX) : one_of(BUILD_UP), s, open);
    }
    for (char code : {'M', 'E', 'C'}) say_event(code);
    if (fclose(out)) { perror(argv[1]); return 1; }
    for (u32 s = 0; s < count; s++) {  // FNV-1a over locate, bid, its shares, ask, its shares: little-endian, 8 bytes each
        const auto &bids = symbols[s].side[0], &asks = symbols[s].side[1];
        if (bids.empty() && asks.empty()) continue;
        u64 row[5] = {s + 1, best(symbols[s], 0), bids.empty() ? 0 : bids.rbegin()->second.shares,
                      best(symbols[s], 1), asks.empty() ? 0 : asks.begin()->second.shares};
        for (u64 word : row) for (int i = 0; i < 8; i++) hash = (hash ^ (word >> 8 * i & 255)) * 0x100000001B3ull;
    }
    printf("{\"digest\": \"%016llx\", \"messages\": %llu, \"live_at_open\": %llu, \"levels_at_open\": %llu, \"most_live\": %llu, "
           "\"live\": %llu, \"inserts\": %llu, \"refs_per_insert\": %.3f, \"out_of_order\": %.3f, \"counts\": {",
           (unsigned long long)hash, (unsigned long long)written, (unsigned long long)live_at_open, (unsigned long long)levels_at_open,
           (unsigned long long)most_live, (unsigned long long)live, (unsigned long long)inserts,
           (double)(highest_ref - first_ref) / inserts, (double)out_of_order / inserts);
    const char* comma = "";
    for (int type = 0; type < 256; type++) if (counts[type]) { printf("%s\"%c\": %llu", comma, type, (unsigned long long)counts[type]); comma = ", "; }
    printf("}}\n");
}
