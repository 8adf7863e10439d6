"""As ``DoubtfulMachine``; positions and exposure are counted again from nothing after each step."""

from __future__ import annotations

from hypothesis.stateful import invariant

from meltica.domain.order import Side
from meltica.hot.state import COLUMNS
from tests.unit.engine.machine import ACCOUNTS, INSTRUMENTS
from tests.unit.engine.machine_doubts import DoubtfulMachine
from tests.unit.engine.model import Trade, average_cost


class BookedMachine(DoubtfulMachine):
    def trades(self, account: str, name: str) -> list[tuple[int, Trade]]:
        mine = (o for o in self.model.values() if (o.account, o.instrument) == (account, name))
        return [(order.side.sign, trade) for order in mine for trade in order.trades]

    @invariant()
    def positions_are_what_the_trades_make_of_them(self) -> None:
        """Average cost, in the order in which they were booked; what is earned is exact but for a nano a trade."""
        tables = self.bench.engine.state.tables
        for account in ACCOUNTS:
            for name in INSTRUMENTS:
                trades = self.trades(account, name)
                lots, cost, earned = average_cost(trades)
                position = self.bench.engine.state.position(account, name)
                if position is None:
                    assert not trades
                    continue
                unit = tables.instruments[name].value_per_tick_lot_nanos
                assert position.lots == lots
                assert abs(position.cost_nanos - cost * unit) <= len(trades)
                assert abs(position.realised_nanos - earned * unit) <= len(trades)
                traded = sum(trade.quantity * trade.price for _, trade in trades) * unit
                assert position.traded_value_nanos == traded

    @invariant()
    def exposure_is_the_worst_that_may_come(self) -> None:
        """Of each order, by the model: the most lots at the highest price, if the venue says yes to everything."""
        state = self.bench.engine.state
        assert self.bench.gate.export_state()["counters"]["faults"] == 0
        working = {order.order_id: order for order in state.working_orders()}
        assert set(working) == {order_id for order_id, order in self.model.items() if order.may_fill}
        for order_id, order in working.items():
            model = self.model[order_id]
            assert (order.reserved_lots, order.reserved_price_ticks) == (model.may_fill, model.worth_ticks)

    @invariant()
    def the_gate_adds_up_what_the_model_does(self) -> None:
        state, gate = self.bench.engine.state, self.bench.gate.export_state()
        accounts, instruments = state.tables.accounts, state.tables.instruments
        open_orders = [order for order in self.model.values() if order.may_fill]
        rows = [dict(zip(COLUMNS["accounts"], row, strict=True)) for row in gate["accounts"]]
        sums = {row["account_id"]: (row["open_value_nanos"], row["open_orders"]) for row in rows}
        for account, number in accounts.items():
            mine = [order for order in open_orders if order.account == account]
            value = sum(instruments[o.instrument].value_nanos(o.worth_ticks, o.may_fill) for o in mine)
            assert sums[number] == (value, len(mine))
        rows = [dict(zip(COLUMNS["positions"], row, strict=True)) for row in gate["positions"]]
        found = {(row["account_id"], row["instrument_id"]): row for row in rows}
        for account in ACCOUNTS:
            for name in INSTRUMENTS:
                row = found[accounts[account], instruments[name].handle]
                lots = dict.fromkeys(Side, 0)
                for order in open_orders:
                    if (order.account, order.instrument) == (account, name):
                        lots[order.side] += order.may_fill
                assert (row["open_buy_lots"], row["open_sell_lots"]) == (lots[Side.BUY], lots[Side.SELL])
                assert [state.reservations.lots(account, name, side) for side in Side] == [*lots.values()]
                assert row["position_lots"] == sum(sign * trade.quantity for sign, trade in self.trades(account, name))
