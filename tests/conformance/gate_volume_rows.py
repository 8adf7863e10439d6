"""What the market of tests.conformance.gate_volume is made of: limits, what goes wrong, values on every edge."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from meltica.hot import KillScope, Side
from meltica.hot import layout_gen as lay
from meltica.hot.layout_gen import Breaker, CreditScope, Mark, Record, SelfMatch, ShortSale

ROW_BYTES = 128
SECOND = 1_000_000_000
MOST = 2**63 - 1
RULES = (ShortSale.FREE, ShortSale.FREE, ShortSale.REG_SHO, ShortSale.NOT_ALLOWED, ShortSale.REG_SHO, ShortSale.FREE)
MODES = (SelfMatch.CANCEL_NEWEST, SelfMatch.CANCEL_OLDEST, SelfMatch.CANCEL_BOTH, SelfMatch.CANCEL_OLDEST)
NOT_OF_THE_GATE = (0, 1, 2, 3, 13, 33, 36, 41, 255, 256, 4_096 + 24, 65_535)  # type ids
# Edges of every width that a card counts with.
EDGES = sorted(
    {edge + delta for edge in (2**20, 2**31, 2**32, 2**46, 2**47, 2**60, 2**61) for delta in (-1, 0, 1)}
    | {-edge for edge in (1, 2**31, 2**32 - 1, 2**32, 2**46, 2**60, 2**63)}
    | {0, 1, 2, 3, 64, 255, 256, 65_535, 100_000, 100_001, 2**63 - 1, 2**63, 2**64 - 1}
)
_RANGES = {"B": (0, 2**8), "H": (0, 2**16), "I": (0, 2**32), "Q": (0, 2**64), "q": (-(2**63), 2**63)}
_FITTING = {code: [edge for edge in EDGES if low <= edge < high] for code, (low, high) in _RANGES.items()}


def odd_value(code: str, draw: int, *, small: bool = False) -> int:
    """On an edge of a field with this struct code; `small`: mostly a few units, for codes and ids."""
    if small and draw % 4:
        return draw // 4 % 10
    fitting = _FITTING[code]
    return fitting[draw // 4 % len(fitting)]


def no_credit(scope: int, number: int) -> list[bytes]:
    """Whatever it was: up until it saturates, and down again."""
    return [lay.CreditRecord(scope, number, delta).to_bytes() for delta in (MOST, MOST, MOST, -MOST)]


def undone(odd: bytes) -> list[bytes]:
    """What takes back the lots and the credit of an odd record, if it was taken."""
    type_id = int.from_bytes(odd[:2], "little")
    if type_id == lay.CreditRecord.TYPE_ID:
        credit = lay.CreditRecord.from_bytes(odd)
        return no_credit(credit.scope, credit.id)
    if type_id == lay.AdjustRecord.TYPE_ID:
        adjust = lay.AdjustRecord.from_bytes(odd)
        return [replace(adjust, delta_lots=min(MOST, -adjust.delta_lots)).to_bytes()]
    if type_id == lay.ReserveRecord.TYPE_ID:
        reserve = lay.ReserveRecord.CODEC.unpack(odd)
        return [lay.ReleaseRecord.CODEC.pack(lay.ReleaseRecord.TYPE_ID, *reserve[1:])]
    if type_id == lay.FillRecord.TYPE_ID:
        fill = lay.FillRecord.from_bytes(odd)
        back = -fill.quantity_lots if fill.side == Side.BUY else fill.quantity_lots
        return [lay.AdjustRecord(fill.account_id, fill.instrument_id, max(-MOST, min(MOST, back))).to_bytes()]
    return []


@dataclass(frozen=True)
class Shape:
    """How many rows the gate has. Orders use a few instruments, so that they meet."""

    instruments: int = 16
    accounts: int = 4
    strategies: int = 4
    ports: int = 4
    working_orders: int = 40
    duplicate_depth: int = 4
    tolerance_ns: int = 1_000

    @property
    def used_instruments(self) -> list[int]:
        return [0, 1, 2, 3, 7, self.instruments - 1]

    @property
    def arguments(self) -> dict[str, Any]:
        return {
            "max_instruments": self.instruments,
            "max_accounts": self.accounts,
            "duplicate_depth": self.duplicate_depth,
            "reference_future_tolerance_ns": self.tolerance_ns,
            "max_strategies": self.strategies,
            "max_working_orders": self.working_orders,
        }


class World:
    def __init__(self, rng: np.random.Generator, ticks: int, lots: int, unit: int, shape: Shape | None = None) -> None:
        self.shape, self.ticks, self.lots, self.unit = shape or Shape(), ticks, lots, unit
        self.lucky = rng.integers(0, 2**32)  # makes rates and the like differ between episodes
        self.firm = self.firm_row()
        self.instruments = {number: self.instrument_row(number) for number in self.shape.used_instruments}
        self.accounts = [self.account_row(number) for number in range(self.shape.accounts)]
        self.strategies = [self.strategy_row(number) for number in range(self.shape.strategies)]
        self.ports = [
            lay.PortLimitsRecord(number, 1, 120_000 if number == 3 else 2 * 10**9, 4 if number == 3 else 50)
            for number in range(self.shape.ports)
        ]
        self.positions = {
            (account, instrument): lay.PositionLimitsRecord(account, instrument, 120 * lots, 120 * lots, 30 * lots)
            for account in range(self.shape.accounts)
            for instrument in self.instruments
        }

    # --- the usual rows ---

    def worth(self, tick_lots: int) -> int:
        """Of so many ticks * lots of the smallest scale."""
        return min(MOST, tick_lots * self.ticks * self.lots * self.unit)

    def made(self, record_class: type[Record], **values: int) -> Any:
        names = {one.name for one in fields(record_class)} - {"type_id"}
        return record_class(**(dict.fromkeys(names, 0) | values))

    def instrument_row(self, number: int) -> Any:
        return self.made(
            lay.InstrumentLimitsRecord,
            instrument_id=number,
            enabled=1,
            short_sale=RULES[self.shape.used_instruments.index(number)],
            collar_bps=500,
            value_per_tick_lot_nanos=self.unit,
            max_price_ticks=10_550 * self.ticks,
            max_quantity_lots=20 * self.lots,
            max_value_nanos=self.worth(201_000),
            reference_max_age_ns=700_000,
            session_close_ns=2**64 - 1,
            max_day_lots=9_000 * self.lots,
            messages_per_second=40_000 if number == 7 else 2 * 10**9,
            message_burst=3 if number == 7 else 30,
            max_impact_percent=50 if number % 2 else 0,
        )

    def account_row(self, number: int) -> Any:
        return self.made(
            lay.AccountLimitsRecord,
            account_id=number,
            enabled=1,
            market_orders_allowed=int(number != 2),
            iso_allowed=int(number != 3),
            short_exempt_allowed=int(number != 1),
            self_match=MODES[number],
            self_match_group=(1, 1, 2, 1)[number],
            messages_per_second=120_000 if number == 1 else 2 * 10**9,
            message_burst=4 if number == 1 else 30,
            max_open_orders=18,
            max_consecutive_rejects=5,
            max_open_value_nanos=self.worth(1_500_000),
            duplicate_window_ns=40_000,
            max_daily_loss_nanos=1_000,
            max_drawdown_nanos=1_500,
            rearm_after_ns=(0, 30_000, 0, 5_000)[number],
        )

    def strategy_row(self, number: int) -> Any:
        return self.made(
            lay.StrategyLimitsRecord,
            strategy_id=number,
            enabled=1,
            messages_per_second=120_000 if number == 2 else 2 * 10**9,
            message_burst=4 if number == 2 else 30,
            max_open_value_nanos=self.worth(1_500_000),
            max_executions=200,
        )

    def firm_row(self) -> Any:
        worth, rate = self.worth(6_000_000), 3 * 10**9
        return self.made(
            lay.FirmLimitsRecord,
            messages_per_second=rate,
            message_burst=60,
            max_open_orders=60,
            max_open_value_nanos=worth,
        )

    def open_for_business(self, now_ns: int) -> list[bytes]:
        rows = [self.firm, *self.instruments.values(), *self.accounts, *self.strategies, *self.ports]
        rows += [lay.MarkRecord(Mark.CONNECTED, 1, number, now_ns) for number in range(self.shape.ports)]
        rows += [self.reference(number, 10_000, now_ns) for number in self.instruments]
        rows += [self.quote(number, (9_998, 60), (10_002, 60), now_ns) for number in self.instruments]
        return [row.to_bytes() for row in [*rows, *self.positions.values(), lay.LeaseRecord(now_ns + 5_000_000)]]

    # --- a day's market ---

    def reference(self, instrument_id: int, price: int, time_ns: int) -> Any:
        return lay.ReferencePriceRecord(instrument_id, price * self.ticks, time_ns)

    def quote(self, instrument_id: int, bid: tuple[int, int], ask: tuple[int, int], time_ns: int) -> Any:
        """(price, lots) of each side."""
        sides = (bid[0] * self.ticks, bid[1] * self.lots, ask[0] * self.ticks, ask[1] * self.lots)
        return lay.QuoteRecord(instrument_id, *sides, time_ns)

    def instrument_of(self, draw: int) -> int:
        used = self.shape.used_instruments
        return used[draw % len(used)]

    def market(self, draws: list[int], now_ns: int) -> bytes:
        which, what, how, more = draws
        number = self.instrument_of(which)
        if what % 20 < 11:
            time_ns = now_ns + (0, 0, 0, 0, 900, 1_000, 5_000)[more % 7]
            return bytes(self.reference(number, 9_990 + how % 20, time_ns).to_bytes())
        if what % 20 < 18:
            bid, shown = 9_996 + how % 4, (60, 60, 80, 80, 50, 50, 42, 42, 24, 0)
            ask = bid + (0 if more % 19 == 0 else 1 + more % 3)
            sides = (bid, shown[how // 8 % 10]), (ask, shown[how // 128 % 10])
            return bytes(self.quote(number, *sides, now_ns).to_bytes())
        low, high = ((0, 0), (0, 0), (9_700, 10_300), (9_900, 10_400))[how % 4]
        return lay.PriceBandRecord(number, low * self.ticks, high * self.ticks).to_bytes()

    def upkeep(self, draws: list[int], now_ns: int) -> bytes:
        which, what, how, _ = draws
        account, what = which % self.shape.accounts, what % 12
        if what < 3:
            return lay.LeaseRecord(now_ns + 5_000_000).to_bytes()
        if what < 5:
            return lay.RearmRecord(Breaker.REPEATED_EXECUTION, which % self.shape.strategies, now_ns).to_bytes()
        if what < 8:
            return lay.RearmRecord(1 + how % 3, account, now_ns).to_bytes()
        if what < 9:
            return lay.OutcomeRecord(account, how % 3 == 0, now_ns).to_bytes()
        if what < 11:
            return lay.ProfitAndLossRecord(account, how % 2_100 - 1_050, now_ns).to_bytes()
        return lay.DayResetRecord(now_ns).to_bytes()

    # --- what goes wrong ---

    def disturbance(self, draws: list[int], now_ns: int) -> tuple[list[bytes], list[bytes]]:
        """Records, and those that undo them."""
        which, what, how, _ = draws
        account, strategy = which % self.shape.accounts, which % self.shape.strategies
        port, number = which % self.shape.ports, self.instrument_of(which)
        rows = (self.accounts[account], self.strategies[strategy], self.ports[port], self.instruments[number])
        row: Any = rows[how % 4]
        scopes = ((KillScope.GLOBAL, 0), (KillScope.ACCOUNT, account), (KillScope.STRATEGY, strategy))
        scope, id_ = (*scopes, (KillScope.PORT, port), (KillScope.INSTRUMENT, number))[how % 5]
        marks = ((Mark.HALTED, number), (Mark.SHORT_RESTRICTED, number), (Mark.GAPPED, number))
        mark, marked = (*marks, (Mark.MISMATCHED, account), (Mark.CONNECTED, port))[how % 5]
        connected = int(mark == Mark.CONNECTED)
        choice = what % 16
        if choice == 0:
            pair = (lay.KillRecord(scope, 1, id_, 0), lay.KillRecord(scope, 0, id_, 0))
        elif choice in {1, 2}:
            pair = (
                lay.MarkRecord(mark, 1 - connected, marked, now_ns),
                lay.MarkRecord(mark, connected, marked, now_ns),
            )
        elif choice == 3:
            pair = (lay.LeaseRecord((0, now_ns, now_ns + 3_000)[how % 3]), lay.LeaseRecord(now_ns + 5_000_000))
        elif choice == 4:
            pair = (replace(row, enabled=0), row)
        elif choice == 5:
            slow: Any = (*rows, self.firm)[how % 5]
            rates = ((0, 5), (1_000_000, 2), (200_000, 1), (5, 0), (0, 30))
            rate, burst = rates[how // 8 % 5]
            pair = (replace(slow, messages_per_second=rate, message_burst=burst), slow)
        elif choice == 6:
            delta = self.worth((200_000, 1_000_000, 4_000_000)[how // 4 % 3])
            scope_id = ((CreditScope.FIRM, 0), (CreditScope.ACCOUNT, account), (CreditScope.STRATEGY, strategy))[
                how % 3
            ]
            return [lay.CreditRecord(*scope_id, -delta).to_bytes()], no_credit(*scope_id)
        elif choice == 7:
            trouble = [lay.ProfitAndLossRecord(account, (-1_200, 900, 0)[how % 3], now_ns)]
            trouble += [lay.ProfitAndLossRecord(account, -650, now_ns)] if how % 3 == 1 else []
            trouble += [lay.OutcomeRecord(account, 1, now_ns) for _ in range(how % 7)] if how % 3 == 2 else []
            undone = [lay.ProfitAndLossRecord(account, 0, now_ns)]
            undone += [lay.OutcomeRecord(account, 0, now_ns)]
            undone += [lay.RearmRecord(breaker, account, now_ns) for breaker in (1, 2, 3)]
            return [one.to_bytes() for one in trouble], [one.to_bytes() for one in undone]
        elif choice < 15:
            tight = self.tighter(how, account, strategy, number)
            return [tight[0].to_bytes()], [tight[1].to_bytes()]
        else:
            position = self.positions[account, number]
            changes = ({"max_long_lots": 0}, {"max_short_lots": 0}, {"located_lots": 0}, {"max_long_lots": 2**60})
            pair = (replace(position, **changes[how % 4]), position)
        return [pair[0].to_bytes()], [pair[1].to_bytes()]

    def tighter(self, how: int, account: int, strategy: int, number: int) -> tuple[Any, Any]:
        """A row with one limit that bites, and the row."""
        instrument, lots = self.instruments[number], self.lots
        of_account, of_strategy = self.accounts[account], self.strategies[strategy]
        choices: list[tuple[Any, dict[str, int]]] = [
            (instrument, {"restricted": 1}),
            (instrument, {"session_close_ns": 1}),
            (instrument, {"session_open_ns": 2**64 - 1}),
            (instrument, {"max_day_lots": 5 * lots}),
            (instrument, {"max_impact_percent": 10}),
            (instrument, {"max_quantity_lots": 4 * lots}),
            (instrument, {"max_value_nanos": self.worth(50_000)}),
            (instrument, {"collar_bps": 20}),
            (instrument, {"collar_bps": 0}),
            (instrument, {"reference_max_age_ns": 2_000}),
            (instrument, {"max_price_ticks": 9_900 * self.ticks}),
            (instrument, {"short_sale": ShortSale.NOT_ALLOWED}),
            (of_account, {"market_orders_allowed": 0}),
            (of_account, {"iso_allowed": 0}),
            (of_account, {"short_exempt_allowed": 0}),
            (of_account, {"max_open_orders": 3}),
            (of_account, {"duplicate_window_ns": 10**9}),
            (of_account, {"max_consecutive_rejects": 0}),
            (of_account, {"max_daily_loss_nanos": 0}),
            (of_account, {"max_drawdown_nanos": 0}),
            (of_account, {"self_match_group": 2}),
            (of_account, {"self_match": SelfMatch.CANCEL_BOTH}),
            (of_strategy, {"max_executions": 5}),
            (of_strategy, {"max_open_value_nanos": self.worth(300_000)}),
            (of_account, {"max_open_value_nanos": self.worth(300_000)}),
            (self.firm, {"max_open_value_nanos": self.worth(1_500_000)}),
            (self.firm, {"max_open_orders": 8}),
        ]
        row, changes = choices[how % len(choices)]
        return replace(row, **changes), row

    # --- what nobody should say ---

    def odd_record(self, draws: list[int], now_ns: int) -> tuple[bytes, list[bytes]]:
        """A usual record with one or two fields on an edge, or of no kind that a gate takes; and what puts it right."""
        which, what, how, more = draws
        account, strategy = which % self.shape.accounts, which % self.shape.strategies
        port, number = which % self.shape.ports, self.instrument_of(which)
        quote, reference = self.quote(number, (9_998, 60), (10_002, 60), now_ns), self.reference(number, 10_000, now_ns)
        settlement = (account, number, 1 + how % 2, 0, strategy, 0, self.lots, 10_000 * self.ticks)
        rows: list[tuple[Any, list[Any]]] = [
            *((row, [row]) for row in (self.instruments[number], self.accounts[account], self.strategies[strategy])),
            *((row, [row]) for row in (self.ports[port], self.firm, self.positions[account, number], quote, reference)),
            (lay.PriceBandRecord(number, 9_700 * self.ticks, 10_300 * self.ticks), [lay.PriceBandRecord(number, 0, 0)]),
            (lay.MarkRecord(Mark.HALTED, 0, number, now_ns), [lay.MarkRecord(Mark.HALTED, 0, number, now_ns)]),
            (lay.KillRecord(KillScope.PORT, 0, port, 0), [lay.KillRecord(KillScope.PORT, 0, port, 0)]),
            (lay.LeaseRecord(now_ns + 5_000_000), [lay.LeaseRecord(now_ns + 5_000_000)]),
            (lay.OutcomeRecord(account, 0, now_ns), [lay.OutcomeRecord(account, 0, now_ns)]),
            (lay.ProfitAndLossRecord(account, 0, now_ns), [lay.ProfitAndLossRecord(account, 0, now_ns)]),
            (lay.RearmRecord(1 + how % 4, account, now_ns), [lay.RearmRecord(2, account, now_ns)]),
            (lay.FillRecord(*settlement), []),
            (lay.ReleaseRecord(*settlement), []),
            (lay.ReserveRecord(*settlement), []),
            (lay.AdjustRecord(account, number, self.lots), []),
            (lay.CreditRecord(1 + how % 3, account if how % 3 else 0, 1), []),
            (lay.HeartbeatRecord(0, 0, 0), []),
        ]
        row, right = rows[what % len(rows)]
        values = list(row.CODEC.unpack(row.to_bytes()))
        for turn in range(1 + more % 2):
            draw = how >> 8 + 16 * turn
            at = draw % len(values)
            at = at or 1 + draw % (len(values) - 1)
            code = row.CODEC.format[at + 1]
            name = row.DTYPE.names[at]
            values[at] = odd_value(code, draw >> 5, small=code == "B" or name.endswith("id"))
        if more % 101 == 0:
            values[0] = NOT_OF_THE_GATE[more // 101 % len(NOT_OF_THE_GATE)]
        odd = row.CODEC.pack(*values)
        if isinstance(row, lay.KillRecord | lay.MarkRecord):
            right = [*right, *self.all_clear(now_ns)]
        return odd, [one.to_bytes() for one in right] + undone(odd)

    def all_clear(self, now_ns: int) -> list[Any]:
        cleared = [lay.KillRecord(KillScope.GLOBAL, 0, 0, 0)]
        for scope, count in ((KillScope.ACCOUNT, 4), (KillScope.STRATEGY, 4), (KillScope.PORT, 4)):
            cleared += [lay.KillRecord(scope, 0, number, 0) for number in range(count)]
        for number in self.instruments:
            cleared += [lay.KillRecord(KillScope.INSTRUMENT, 0, number, 0)]
            cleared += [lay.MarkRecord(mark, 0, number, now_ns) for mark in (1, 2, 3)]
        cleared += [lay.MarkRecord(Mark.MISMATCHED, 0, number, now_ns) for number in range(4)]
        return cleared + [lay.MarkRecord(Mark.CONNECTED, 1, number, now_ns) for number in range(4)]
