"""OUCH 5.0 over SoupBinTCP for the hot loop: order intents to bytes, bytes to drop-copy records. Twin: ouch_twin.py.

An order is a patched template. What works is in a table of fixed size, found by user reference number and by order id
(open addressing, linear probing, deletion by shifting back); the table is where the facts for the gate come from.
Layouts: Nasdaq, "OUCH 5.0 Order Entry Specification" (May 2024) and "SoupBinTCP 3.00" (February 2017).
"""

cimport cython
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from cython_ext.layout_gen cimport (
    ACTION_CANCEL, ACTION_NEW, ACTION_REPLACE, DROP_COPY_TYPE_ID, DROP_KIND_ACCEPTED, DROP_KIND_BROKEN,
    DROP_KIND_CANCEL_REJECTED, DROP_KIND_CANCELED, DROP_KIND_EXECUTED, DROP_KIND_REJECTED, DROP_KIND_REPLACED,
    DROP_KIND_RESTATED, DROP_KIND_SELF_MATCH_CANCEL, DROP_KIND_SESSION_DOWN, DROP_KIND_SESSION_UP, FLAG_POST_ONLY,
    ORDER_TYPE_LIMIT, ORDER_TYPE_MARKET, SIDE_BUY, SIDE_SELL, SYMBOL_TYPE_ID, TIME_IN_FORCE_DAY, TIME_IN_FORCE_IOC,
    DropCopyRecord, OrderIntentRecord, SymbolRecord,
)
from cython_ext.ouch_table cimport OuchEntry, insert, place_of, remove
from cython_ext.ouch_wire cimport (
    CANCEL_SIZE, ELEMENT, ENTER_APPENDAGE, ENTER_CLORDID, ENTER_ISO, ENTER_PRICE, ENTER_SHARES, ENTER_SIDE,
    ENTER_SIZE, ENTER_SYMBOL, ENTER_TIF, ENTER_URN, FLAG_ISO, FLAG_SHORT, FLAG_SHORT_EXEMPT, HEADER, MARKET_PRICE,
    MAX_PRICE, MAX_SHARES, REPLACE_SIZE, ROOM, TAG_FIRM, TAG_POST_ONLY, TAG_SHARES_LOCATED, ascii_number, clordid_at,
    get16, get32, get64, get_id, least_size, packets_in, put16, put32, put64, put_cancel, put_element, put_id, side_code,
)

cdef enum:
    SENT
    DECODED
    IGNORED
    BAD_PACKETS
    UNKNOWN_REFS
    OVERFILLS
    INEXACT_PRICES
    ODD_SHARES
    SURPRISES

COUNTERS = (
    "sent",
    "decoded",
    "ignored",          # packets that mean nothing for an order
    "bad_packets",
    "unknown_refs",     # messages about orders that are not in the table
    "overfills",        # more lots traded or cancelled than were left
    "inexact_prices",   # not on the tick grid (midpoint, price improvement): rounded down in the record
    "odd_shares",       # not a whole number of lots: rounded down
    "surprises",        # a replacement that was not asked for
)
ORDER_FIELDS = (
    "order_id", "price_ticks", "quantity_lots", "leaves_lots", "cum_lots", "self_match_lots", "held_lots",
    "held_price_ticks", "pending_price_ticks", "pending_quantity_lots", "before_price_ticks", "venue_order_id",
    "user_ref_num", "pending_user_ref_num", "instrument_id", "account_id", "strategy_id", "side", "order_type", "tif",
    "flags", "accepted", "is_canceling", "in_use",
)  # of an exported order, in this order


@cython.final
cdef class OuchPort:
    def __cinit__(
        self,
        *,
        uint32_t max_orders=65_536,
        uint32_t max_instruments=65_536,
        str firm="",
        str capacity="P",
        str display="Y",
        bint locates_shares=False,
    ):
        if not 1 <= max_orders <= 1 << 24:
            raise ValueError(f"max_orders {max_orders} is not 1..{1 << 24}")
        if not 1 <= max_instruments <= 65_536:
            raise ValueError(f"max_instruments {max_instruments} is not 1..65536")
        cdef bytes code = _code("firm", firm, 0, 4)
        self.max_orders = max_orders
        self.max_instruments = max_instruments
        self.locates_shares = locates_shares
        self.display_code = _code("display", display, 1, 1)[0]
        self.next_user_ref_num = 1
        self.soup_sequence = 1
        cdef uint64_t size = 4
        while size < 4 * <uint64_t>max_orders:
            size *= 2
        self.mask = size - 1
        self.symbols = <OuchSymbol*>calloc(max_instruments, sizeof(OuchSymbol))
        self.orders = <OuchOrder*>calloc(max_orders, sizeof(OuchOrder))
        self.free_slots = <uint32_t*>calloc(max_orders, sizeof(uint32_t))
        self.by_ref = <OuchEntry*>calloc(size, sizeof(OuchEntry))
        self.by_id = <OuchEntry*>calloc(size, sizeof(OuchEntry))
        if not (self.symbols and self.orders and self.free_slots and self.by_ref and self.by_id):
            raise MemoryError("no room for the tables of an OUCH port")
        self.forget_orders()
        # The template: every byte that is the same in each Enter Order of this port.
        cdef uint8_t* blank = self.blank
        blank[2] = c"U"
        blank[HEADER] = c"O"
        blank[HEADER + 27] = self.display_code
        blank[HEADER + 28] = _code("capacity", capacity, 1, 1)[0]
        blank[ENTER_ISO] = c"N"
        blank[HEADER + 30] = c"N"
        self.template_size = ENTER_SIZE
        if code:
            code = code.ljust(4)
            blank[ENTER_SIZE] = 5
            blank[ENTER_SIZE + 1] = TAG_FIRM
            memcpy(&blank[ENTER_SIZE + 2], <const char*>code, 4)
            self.template_size += 6

    def __dealloc__(self):
        free(self.symbols)
        free(self.orders)
        free(self.free_slots)
        free(self.by_ref)
        free(self.by_id)

    # --- to the venue ---

    cdef int encode(self, const OrderIntentRecord* order, int64_t allowed_lots, uint8_t* out, size_t room) noexcept nogil:
        cdef int size
        if room < ROOM:
            return OUCH_NO_ROOM
        if order.action == ACTION_NEW:
            size = self.enter(order, allowed_lots, out)
        elif order.action == ACTION_REPLACE:
            size = self.replace(order, allowed_lots, out)
        elif order.action == ACTION_CANCEL:
            size = self.cancel(order, out)
        else:
            return OUCH_BAD_ACTION
        self.counts[SENT] += size > 0
        return size

    cdef int enter(self, const OrderIntentRecord* order, int64_t lots, uint8_t* out) noexcept nogil:
        cdef OuchSymbol* symbol
        cdef OuchOrder* slot
        cdef uint64_t wire
        cdef int size = self.template_size
        cdef int refusal
        cdef uint8_t flags = order.flags & 0xFF   # 16 bits wide or 8 with the port beside it: these are the low ones
        if order.instrument_id >= self.max_instruments:
            return OUCH_UNKNOWN_SYMBOL
        symbol = &self.symbols[order.instrument_id]
        refusal = terms(symbol, order.order_type, order.price_ticks, lots, &wire)
        if refusal != 0:
            return refusal
        if order.side == SIDE_BUY:
            if flags & (FLAG_SHORT | FLAG_SHORT_EXEMPT):
                return OUCH_BAD_SIDE
        elif order.side != SIDE_SELL:
            return OUCH_BAD_SIDE
        if order.tif != TIME_IN_FORCE_DAY and order.tif != TIME_IN_FORCE_IOC:
            return OUCH_BAD_TIF
        if self.find(self.by_id, order.order_id) != NULL:
            return OUCH_DUPLICATE_ORDER
        if self.free_count == 0:
            return OUCH_TABLE_FULL
        if self.next_user_ref_num == 0:
            return OUCH_EXHAUSTED

        memcpy(out, symbol.template, ROOM)
        put32(&out[ENTER_URN], self.next_user_ref_num)
        out[ENTER_SIDE] = side_code(order.side, flags)
        put32(&out[ENTER_SHARES], <uint32_t>(lots * <int64_t>symbol.shares_per_lot))
        put64(&out[ENTER_PRICE], wire)
        out[ENTER_TIF] = c"3" if order.tif == TIME_IN_FORCE_IOC else c"0"
        if flags & FLAG_ISO:
            out[ENTER_ISO] = c"Y"
        put_id(&out[ENTER_CLORDID], order.order_id)
        if flags & FLAG_POST_ONLY:
            size = put_element(out, size, TAG_POST_ONLY, c"P")
        if self.locates_shares and flags & (FLAG_SHORT | FLAG_SHORT_EXEMPT):
            size = put_element(out, size, TAG_SHARES_LOCATED, c"Y")
        put16(&out[ENTER_APPENDAGE], <uint16_t>(size - ENTER_SIZE))
        put16(out, <uint16_t>(size - 2))

        self.free_count -= 1
        slot = &self.orders[self.free_slots[self.free_count]]
        memset(slot, 0, sizeof(OuchOrder))
        slot.order_id = order.order_id
        slot.price_ticks = order.price_ticks if order.order_type == ORDER_TYPE_LIMIT else 0
        slot.quantity_lots = slot.leaves_lots = slot.held_lots = lots
        slot.held_price_ticks = self.reserved_price_ticks if self.reserved_price_ticks else slot.price_ticks
        slot.user_ref_num = self.next_user_ref_num
        slot.instrument_id = order.instrument_id
        slot.account_id = order.account_id
        slot.strategy_id = order.strategy_id
        slot.side = order.side
        slot.order_type = order.order_type
        slot.tif = order.tif
        slot.flags = flags
        slot.in_use = 1
        insert(self.by_id, self.mask, order.order_id, slot - self.orders)
        insert(self.by_ref, self.mask, slot.user_ref_num, slot - self.orders)
        self.live_orders += 1
        self.last_user_ref_num = self.next_user_ref_num
        self.next_user_ref_num += 1   # 0 after the last: then there are none left
        return size

    cdef int replace(self, const OrderIntentRecord* order, int64_t lots, uint8_t* out) noexcept nogil:
        cdef OuchOrder* slot = self.find(self.by_id, order.order_id)
        cdef OuchSymbol* symbol
        cdef int64_t total
        cdef uint64_t wire
        cdef int refusal
        if slot == NULL or slot.is_canceling:
            return OUCH_UNKNOWN_ORDER
        if slot.pending_user_ref_num != 0:
            return OUCH_REPLACE_PENDING
        symbol = &self.symbols[slot.instrument_id]
        # OUCH counts the whole chain: what was executed or taken by self-match prevention belongs to the quantity.
        total = lots + slot.cum_lots + slot.self_match_lots if 0 < lots <= MAX_SHARES else 0
        refusal = terms(symbol, order.order_type, order.price_ticks, total, &wire)
        if refusal != 0:
            return refusal
        if self.next_user_ref_num == 0:
            return OUCH_EXHAUSTED

        put16(out, REPLACE_SIZE - 2)
        out[2] = c"U"
        out[3] = c"U"
        put32(&out[HEADER + 1], slot.user_ref_num)
        put32(&out[HEADER + 5], self.next_user_ref_num)
        put32(&out[HEADER + 9], <uint32_t>(total * <int64_t>symbol.shares_per_lot))
        put64(&out[HEADER + 13], wire)
        out[HEADER + 21] = c"3" if slot.tif == TIME_IN_FORCE_IOC else c"0"
        out[HEADER + 22] = self.display_code
        out[HEADER + 23] = c"Y" if slot.flags & FLAG_ISO else c"N"
        put_id(&out[HEADER + 24], slot.order_id)
        put16(&out[HEADER + 38], 0)

        slot.pending_user_ref_num = self.next_user_ref_num
        slot.pending_price_ticks = order.price_ticks if order.order_type == ORDER_TYPE_LIMIT else 0
        slot.pending_quantity_lots = total
        slot.before_price_ticks = slot.held_price_ticks
        slot.held_lots = lots
        slot.held_price_ticks = self.reserved_price_ticks if self.reserved_price_ticks else slot.pending_price_ticks
        insert(self.by_ref, self.mask, slot.pending_user_ref_num, slot - self.orders)
        self.last_user_ref_num = self.next_user_ref_num
        self.next_user_ref_num += 1
        return REPLACE_SIZE

    cdef int cancel(self, const OrderIntentRecord* order, uint8_t* out) noexcept nogil:
        """Two packets while a replace is on its way: whether it works out or not, the order is cancelled."""
        cdef OuchOrder* slot = self.find(self.by_id, order.order_id)
        cdef int size
        if slot == NULL:
            return OUCH_UNKNOWN_ORDER
        size = put_cancel(out, slot.user_ref_num)
        if slot.pending_user_ref_num != 0:
            size += put_cancel(&out[size], slot.pending_user_ref_num)
        slot.is_canceling = 1
        self.last_user_ref_num = slot.user_ref_num
        return size

    cdef int heartbeat(self, uint8_t* out, size_t room) noexcept nogil:
        if room < HEADER:
            return OUCH_NO_ROOM
        put16(out, 1)
        out[2] = c"R"
        return HEADER

    # --- from the venue ---

    cdef int decode(self, const uint8_t* data, size_t size, DropCopyRecord* out, size_t* used) noexcept nogil:
        cdef size_t length
        cdef int found
        used[0] = 0
        memset(&self.facts, 0, sizeof(OuchFacts))
        if size < 2:
            return 0
        length = get16(data)
        if length == 0:
            return OUCH_BAD_FRAME
        if size < 2 + length:
            return 0
        used[0] = 2 + length
        memset(out, 0, sizeof(DropCopyRecord))
        out.type_id = DROP_COPY_TYPE_ID
        if data[2] == c"S":
            self.soup_sequence += 1
            found = self.sequenced(data + HEADER, length - 1, out)
        elif data[2] == c"H" or data[2] == c"+":
            found = 0
        elif data[2] == c"A" and length == 31:
            found = ascii_number(data + HEADER + 10, &self.soup_sequence)
            out.kind = DROP_KIND_SESSION_UP
        elif (data[2] == c"J" and length == 2) or (data[2] == c"Z" and length == 1):
            found = 1
            out.kind = DROP_KIND_SESSION_DOWN
            out.reason = data[HEADER] if length == 2 else c"Z"
        else:
            found = OUCH_BAD_PACKET
        self.counts[DECODED] += found == 1
        self.counts[IGNORED] += found == 0
        self.counts[BAD_PACKETS] += found < 0
        return found

    cdef int sequenced(self, const uint8_t* body, size_t size, DropCopyRecord* out) noexcept nogil:
        cdef uint8_t kind = body[0] if size else 0
        cdef OuchOrder* order
        cdef int64_t lots
        if size < least_size(kind):
            return OUCH_BAD_PACKET
        if kind == c"S" or kind == c"P" or kind == c"X" or kind == c"G" or kind == c"K":
            return 0
        if kind == c"Q":
            if self.next_user_ref_num != 0 and get32(body + 9) > self.next_user_ref_num:
                self.next_user_ref_num = get32(body + 9)
            return 0
        out.user_ref_num = get32(body + (13 if kind == c"U" else 9))
        order = self.find(self.by_ref, get32(body + 9))
        if order == NULL:
            self.counts[UNKNOWN_REFS] += 1
            order = &self.nobody
            memset(order, 0, sizeof(OuchOrder))
            if kind == c"A" or kind == c"U" or kind == c"J" or kind == c"B" or kind == c"F":
                order.order_id = get_id(body + clordid_at(kind))
        describe(out, order)
        if kind == c"A":
            return self.accepted(body, order, out)
        if kind == c"U":
            return self.replaced(body, order, out)
        if kind == c"J":
            return self.rejected(body, order, out)
        out.action = ACTION_NEW
        if kind == c"E":
            out.kind = DROP_KIND_EXECUTED
            out.reason = body[25]
            out.execution_id = get64(body + 26)
            lots = self.lots(order, get32(body + 13))
            out.last_lots = lots
            out.last_price_ticks = self.ticks(order, get64(body + 17))
            order.cum_lots += lots
            self.hold(order, lots, order.leaves_lots - lots)
        elif kind == c"C" or kind == c"D":
            out.kind = DROP_KIND_CANCELED if kind == c"C" else DROP_KIND_SELF_MATCH_CANCEL
            out.action = ACTION_CANCEL
            out.reason = body[17]
            lots = self.lots(order, get32(body + 13))
            out.last_lots = lots
            if kind == c"D":
                order.self_match_lots += lots
                out.last_price_ticks = self.ticks(order, get64(body + 22))
            self.hold(order, 0, order.leaves_lots - lots)
        elif kind == c"B":
            out.kind = DROP_KIND_BROKEN
            out.reason = body[21]
            out.execution_id = get64(body + 13)
        elif kind == c"F":
            out.kind = DROP_KIND_RESTATED
            out.reason = body[34]
            out.execution_id = get64(body + 26)
            out.last_lots = self.lots(order, get32(body + 13))
            out.last_price_ticks = self.ticks(order, get64(body + 17))
        elif kind == c"I":
            out.kind = DROP_KIND_CANCEL_REJECTED
            out.action = ACTION_CANCEL
            order.is_canceling = 0
        elif kind == c"T":
            out.kind = DROP_KIND_RESTATED
            out.reason = kind
            order.price_ticks = self.ticks(order, get64(body + 13))
            order.venue_order_id = get64(body + 22)
        elif kind == c"M":
            out.kind = DROP_KIND_RESTATED
            out.reason = kind
            self.hold(order, 0, self.lots(order, get32(body + 14)))
        else:
            out.kind = DROP_KIND_RESTATED
            out.reason = body[13]
        conclude(out, order)
        if order.in_use and order.leaves_lots == 0:
            self.finish(order)
        return 1

    cdef int accepted(self, const uint8_t* body, OuchOrder* order, DropCopyRecord* out) noexcept nogil:
        cdef int64_t lots = self.lots(order, get32(body + 14))
        out.action = ACTION_NEW
        out.kind = DROP_KIND_ACCEPTED
        if not order.in_use:
            order.leaves_lots = order.quantity_lots = lots
            order.side = SIDE_BUY if body[13] == c"B" else SIDE_SELL
        if order.order_type != ORDER_TYPE_MARKET:
            order.price_ticks = self.ticks(order, get64(body + 26))
        order.venue_order_id = get64(body + 36)
        order.accepted = 1
        if body[47] == c"D":   # accepted and cancelled at once: nothing else will be said of it
            out.kind = DROP_KIND_CANCELED
            lots = 0
        self.hold(order, 0, lots)
        conclude(out, order)
        if order.in_use and order.leaves_lots == 0:
            self.finish(order)
        return 1

    cdef int replaced(self, const uint8_t* body, OuchOrder* order, DropCopyRecord* out) noexcept nogil:
        cdef int64_t lots = self.lots(order, get32(body + 18))
        cdef uint32_t urn = get32(body + 13)
        if order.in_use and (urn == 0 or order.pending_user_ref_num != urn):
            if urn == 0 or self.find(self.by_ref, urn) != NULL:
                return OUCH_BAD_PACKET   # the number of another order: believing it would mix the two up
            self.counts[SURPRISES] += 1
            if self.next_user_ref_num and urn >= self.next_user_ref_num:
                self.next_user_ref_num = urn + 1   # ours no more, or two orders would have it; 0: there are none left
        out.action = ACTION_REPLACE
        out.kind = DROP_KIND_REPLACED
        if not order.in_use:
            order.side = SIDE_BUY if body[17] == c"B" else SIDE_SELL
        else:
            remove(self.by_ref, self.mask, order.user_ref_num)
            if order.pending_user_ref_num != urn:
                insert(self.by_ref, self.mask, urn, order - self.orders)
                if order.pending_user_ref_num != 0:
                    remove(self.by_ref, self.mask, order.pending_user_ref_num)
        order.user_ref_num = urn
        order.pending_user_ref_num = 0
        order.quantity_lots = lots + order.cum_lots + order.self_match_lots
        if order.order_type != ORDER_TYPE_MARKET:
            order.price_ticks = self.ticks(order, get64(body + 30))
        order.venue_order_id = get64(body + 40)
        if body[51] == c"D":
            out.kind = DROP_KIND_CANCELED
            lots = 0
        self.hold(order, 0, lots)
        conclude(out, order)
        if order.in_use and order.leaves_lots == 0:
            self.finish(order)
        return 1

    cdef int rejected(self, const uint8_t* body, OuchOrder* order, DropCopyRecord* out) noexcept nogil:
        cdef uint16_t reason = get16(body + 13)
        out.reason = <uint8_t>reason if reason < 256 else 255
        out.kind = DROP_KIND_REJECTED
        out.action = ACTION_NEW
        if order.in_use and order.pending_user_ref_num == get32(body + 9):
            # The order lives on as it was; what the gate holds for the replacement goes back to what it was.
            out.kind = DROP_KIND_CANCEL_REJECTED
            out.action = ACTION_REPLACE
            remove(self.by_ref, self.mask, order.pending_user_ref_num)
            order.pending_user_ref_num = 0
            gate_row(&self.facts, order)
            self.facts.release_lots = order.held_lots
            self.facts.reserve_lots = order.leaves_lots
            self.facts.reserve_price_ticks = order.before_price_ticks
            order.held_lots = order.leaves_lots
            order.held_price_ticks = order.before_price_ticks
        else:
            self.hold(order, 0, 0)
        conclude(out, order)
        if order.in_use and order.leaves_lots == 0:
            self.finish(order)
        return 1

    cdef void hold(self, OuchOrder* order, int64_t fill_lots, int64_t leaves_lots) noexcept nogil:
        """The order's leaves change: by a fill, or by what will not trade any more; the facts say it to the gate."""
        cdef OuchFacts* facts = &self.facts
        if leaves_lots < 0:
            self.counts[OVERFILLS] += 1
            leaves_lots = 0
        order.leaves_lots = leaves_lots
        if not order.in_use:
            return
        gate_row(facts, order)
        facts.fill_lots = fill_lots
        order.held_lots = order.held_lots - fill_lots if order.held_lots > fill_lots else 0
        if leaves_lots == 0:
            facts.release_lots = order.held_lots
        elif order.pending_user_ref_num == 0 and order.held_lots > leaves_lots:
            facts.release_lots = order.held_lots - leaves_lots
        order.held_lots -= facts.release_lots
        facts.release_closes = leaves_lots == 0 and facts.release_lots > 0
        facts.fill_closes = leaves_lots == 0 and facts.release_lots == 0

    cdef void finish(self, OuchOrder* order) noexcept nogil:
        remove(self.by_ref, self.mask, order.user_ref_num)
        if order.pending_user_ref_num != 0:
            remove(self.by_ref, self.mask, order.pending_user_ref_num)
        remove(self.by_id, self.mask, order.order_id)
        order.in_use = 0
        self.free_slots[self.free_count] = <uint32_t>(order - self.orders)
        self.free_count += 1
        self.live_orders -= 1

    # --- units ---

    cdef int64_t ticks(self, const OuchOrder* order, uint64_t wire) noexcept nogil:
        cdef uint64_t unit = self.symbols[order.instrument_id].wire_price_per_tick if order.in_use else 1
        if unit <= 1:
            return <int64_t>(wire & <uint64_t>INT64_MAX)
        self.counts[INEXACT_PRICES] += wire % unit != 0
        return <int64_t>(wire / unit)

    cdef int64_t lots(self, const OuchOrder* order, uint32_t shares) noexcept nogil:
        cdef uint64_t unit = self.symbols[order.instrument_id].shares_per_lot if order.in_use else 1
        if unit <= 1:
            return shares
        self.counts[ODD_SHARES] += shares % unit != 0
        return <int64_t>(shares / unit)

    cdef OuchOrder* find(self, const OuchEntry* table, uint64_t key) noexcept nogil:
        cdef uint64_t place = place_of(table, self.mask, key)
        return NULL if place == 0 else &self.orders[place - 1]

    # --- for Python ---

    def set_symbol(self, record, /):
        """A Symbol record (or its bytes). The units can't change while an order of the instrument works."""
        cdef bytes data = record if isinstance(record, bytes) else record.to_bytes()
        cdef SymbolRecord row
        cdef OuchSymbol* symbol
        cdef uint32_t at
        if len(data) != sizeof(SymbolRecord):
            raise ValueError(f"Symbol has {sizeof(SymbolRecord)} bytes, not {len(data)}")
        memcpy(&row, <const char*>data, sizeof(SymbolRecord))
        if row.type_id != SYMBOL_TYPE_ID:
            raise ValueError(f"type_id {row.type_id} is no Symbol")
        if row.instrument_id >= self.max_instruments:
            raise ValueError(f"instrument_id {row.instrument_id} is not 0..{self.max_instruments - 1}")
        if not 1 <= row.wire_price_per_tick <= MAX_PRICE:
            raise ValueError(f"wire_price_per_tick {row.wire_price_per_tick} is not 1..{MAX_PRICE}")
        if not 1 <= row.shares_per_lot <= MAX_SHARES:
            raise ValueError(f"shares_per_lot {row.shares_per_lot} is not 1..{MAX_SHARES}")
        name = data[8:16]
        if not (name.strip(b" ") and name.isascii() and name.decode("ascii").isprintable()):
            raise ValueError(f"symbol {name!r} is not eight printable characters")
        symbol = &self.symbols[row.instrument_id]
        if symbol.wire_price_per_tick and (
            symbol.wire_price_per_tick != row.wire_price_per_tick or symbol.shares_per_lot != row.shares_per_lot
        ):
            for at in range(self.max_orders):
                if self.orders[at].in_use and self.orders[at].instrument_id == row.instrument_id:
                    raise ValueError(f"instrument_id {row.instrument_id} has working orders: its units can't change")
        symbol.wire_price_per_tick = row.wire_price_per_tick
        symbol.shares_per_lot = row.shares_per_lot
        memcpy(symbol.template, self.blank, ROOM)
        memcpy(&symbol.template[ENTER_SYMBOL], &row.symbol, 8)

    def encode_intent(self, intent, int64_t allowed_lots, int64_t reserved_price_ticks=0):
        """The bytes of an order, replace or cancel; a negative number (OuchRefusal) when it can't be sent."""
        cdef uint8_t[ROOM] out
        cdef OrderIntentRecord order
        cdef bytes data = intent if isinstance(intent, bytes) else intent.to_bytes()
        if len(data) != sizeof(OrderIntentRecord):
            raise ValueError(f"OrderIntent has {sizeof(OrderIntentRecord)} bytes, not {len(data)}")
        memcpy(&order, <const char*>data, sizeof(OrderIntentRecord))
        self.reserved_price_ticks = reserved_price_ticks
        cdef int size = self.encode(&order, allowed_lots, out, ROOM)
        return size if size < 0 else (<char*>out)[:size]

    def decode_packet(self, const uint8_t[::1] data not None):
        """(1, 0 or an OuchRefusal; the drop-copy record or b""; bytes used; the facts for the gate)."""
        cdef DropCopyRecord record
        cdef size_t used = 0
        cdef const uint8_t* start = &data[0] if data.shape[0] else NULL
        cdef int found = self.decode(start, data.shape[0], &record, &used)
        cdef OuchFacts* f = &self.facts
        facts = (
            f.fill_lots, f.release_lots, f.reserved_price_ticks, f.reserve_lots, f.reserve_price_ticks,
            f.instrument_id, f.account_id, f.side, f.fill_closes, f.release_closes,
        )
        return found, (<char*>&record)[:sizeof(DropCopyRecord)] if found == 1 else b"", used, facts

    def encode_batch(self, const uint8_t[::1] records not None):
        """Each 64-byte intent with all of its lots: (the packets of those that went out, how many were refused)."""
        cdef Py_ssize_t count = records.shape[0] // <Py_ssize_t>sizeof(OrderIntentRecord)
        if records.shape[0] % sizeof(OrderIntentRecord):
            raise ValueError(f"{records.shape[0]} bytes are no whole number of {sizeof(OrderIntentRecord)}-byte records")
        cdef uint8_t* out = <uint8_t*>malloc((count + 1) * ROOM)
        cdef const OrderIntentRecord* order = <const OrderIntentRecord*>&records[0] if count else NULL
        cdef size_t at = 0
        cdef Py_ssize_t number, refused = 0
        cdef int size
        if out == NULL:
            raise MemoryError(f"no room for the packets of {count} orders")
        self.reserved_price_ticks = 0
        with nogil:
            for number in range(count):
                size = self.encode(&order[number], order[number].quantity_lots, &out[at], ROOM)
                if size < 0:
                    refused += 1
                else:
                    at += size
        try:
            return (<char*>out)[:at], refused
        finally:
            free(out)

    def decode_batch(self, const uint8_t[::1] data not None):
        """All whole packets: (their drop-copy records, bytes used); it stops at a packet of length 0."""
        cdef Py_ssize_t size = data.shape[0]
        cdef const uint8_t* start = &data[0] if size else NULL
        cdef uint8_t* out = <uint8_t*>malloc((packets_in(start, size) + 1) * sizeof(DropCopyRecord))
        cdef size_t at = 0
        cdef size_t used = 1
        cdef Py_ssize_t begin = 0
        if out == NULL:
            raise MemoryError(f"no room for the records of {size} bytes")
        with nogil:
            while used and begin < size:
                if self.decode(start + begin, size - begin, <DropCopyRecord*>&out[at], &used) == 1:
                    at += sizeof(DropCopyRecord)
                begin += used
        try:
            return (<char*>out)[:at], begin
        finally:
            free(out)

    def advance_user_ref_num(self, uint32_t next_user_ref_num):
        """From an Account Query Response: numbers below were used."""
        if self.next_user_ref_num and next_user_ref_num > self.next_user_ref_num:
            self.next_user_ref_num = next_user_ref_num

    def forget_orders(self):
        """A new trading day: no order works, the numbers begin at 1."""
        cdef uint32_t at
        memset(self.orders, 0, self.max_orders * sizeof(OuchOrder))
        memset(self.by_ref, 0, (self.mask + 1) * sizeof(OuchEntry))
        memset(self.by_id, 0, (self.mask + 1) * sizeof(OuchEntry))
        for at in range(self.max_orders):
            self.free_slots[at] = self.max_orders - 1 - at
        self.free_count = self.max_orders
        self.live_orders = 0
        self.next_user_ref_num = self.soup_sequence = 1

    def counters(self):
        return {name: self.counts[at] for at, name in enumerate(COUNTERS)}

    def export_state(self):
        """Plain ints and lists, fit for JSON: what a restart needs."""
        orders = []
        cdef uint32_t at
        for at in range(self.max_orders):
            if self.orders[at].in_use:
                row = <dict>self.orders[at]
                orders.append([row[name] for name in ORDER_FIELDS])
        orders.sort()
        return {"next_user_ref_num": self.next_user_ref_num, "soup_sequence": self.soup_sequence, "orders": orders}

    def import_state(self, state, /):
        """Replaces everything but the symbols; ValueError (and no change) when it does not fit."""
        cdef OuchOrder order
        cdef OuchOrder* slot
        cdef uint32_t next_ref = state["next_user_ref_num"]
        cdef uint64_t sequence = state["soup_sequence"]
        rows = [dict(zip(ORDER_FIELDS, row, strict=True)) for row in state["orders"]]
        refs = [row[name] for row in rows for name in ("user_ref_num", "pending_user_ref_num") if row[name]]
        if len(rows) > self.max_orders or len({row["order_id"] for row in rows}) < len(rows) or len(set(refs)) < len(refs):
            raise ValueError(f"{len(rows)} orders: at most {self.max_orders}, each order id and number once")
        for row in rows:
            if row["instrument_id"] >= self.max_instruments or not self.symbols[row["instrument_id"]].wire_price_per_tick:
                raise ValueError(f"instrument_id {row['instrument_id']} of order {row['order_id']} has no symbol")
            if not row["user_ref_num"] or row["leaves_lots"] < 1:
                raise ValueError(f"order {row['order_id']} does not work")
            order = row
        self.forget_orders()
        self.next_user_ref_num, self.soup_sequence = next_ref, sequence
        for row in rows:
            self.free_count -= 1
            slot = &self.orders[self.free_slots[self.free_count]]
            slot[0] = row
            slot.in_use = 1
            insert(self.by_id, self.mask, slot.order_id, slot - self.orders)
            insert(self.by_ref, self.mask, slot.user_ref_num, slot - self.orders)
            if slot.pending_user_ref_num:
                insert(self.by_ref, self.mask, slot.pending_user_ref_num, slot - self.orders)
            self.live_orders += 1


cdef inline int terms(
    const OuchSymbol* symbol, uint8_t order_type, int64_t price_ticks, int64_t lots, uint64_t* wire
) noexcept nogil:
    """0, or why the symbol's units don't allow this price or quantity."""
    if symbol.wire_price_per_tick == 0:
        return OUCH_UNKNOWN_SYMBOL
    if not 0 < lots <= MAX_SHARES or lots * <int64_t>symbol.shares_per_lot > MAX_SHARES:
        return OUCH_BAD_QUANTITY
    if order_type == ORDER_TYPE_MARKET:
        wire[0] = MARKET_PRICE
        return 0
    if order_type != ORDER_TYPE_LIMIT or not 0 < price_ticks <= MAX_PRICE:
        return OUCH_BAD_PRICE
    wire[0] = <uint64_t>price_ticks * symbol.wire_price_per_tick
    return OUCH_BAD_PRICE if wire[0] > MAX_PRICE else 0


cdef inline void describe(DropCopyRecord* out, const OuchOrder* order) noexcept nogil:
    out.order_id = order.order_id
    out.side = order.side
    out.order_type = order.order_type
    out.tif = order.tif
    out.instrument_id = order.instrument_id
    out.account_id = order.account_id
    out.strategy_id = order.strategy_id
    out.flags = order.flags


cdef inline void conclude(DropCopyRecord* out, const OuchOrder* order) noexcept nogil:
    out.side = order.side
    out.price_ticks = order.price_ticks
    out.quantity_lots = order.quantity_lots
    out.leaves_lots = order.leaves_lots
    out.venue_order_id = order.venue_order_id


cdef inline void gate_row(OuchFacts* facts, const OuchOrder* order) noexcept nogil:
    facts.reserved_price_ticks = order.held_price_ticks
    facts.instrument_id = order.instrument_id
    facts.account_id = order.account_id
    facts.side = order.side


cdef bytes _code(str name, str text, int least, int most):
    if not (least <= len(text) <= most and text.isascii() and text.isprintable()):
        raise ValueError(f"{name} {text!r} is not {least} to {most} printable characters")
    return text.encode("ascii")
