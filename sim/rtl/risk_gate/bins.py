"""What must have happened when the bench ends."""

from meltica.hot import layout_gen as lay
from meltica.hot.layout_gen import Action
from meltica.hot.rulebook_gen import Check
from sim.rtl.risk_gate.words import MOST_FORWARDED

# Told rows, and whether some of them can be refused.
_TOLD: dict[type[lay.Record], bool] = {
    lay.InstrumentLimitsRecord: True,
    lay.AccountLimitsRecord: True,
    lay.PositionLimitsRecord: True,
    lay.FirmLimitsRecord: True,
    lay.StrategyLimitsRecord: True,
    lay.PortLimitsRecord: True,
    lay.CreditRecord: True,
    lay.ReferencePriceRecord: True,
    lay.QuoteRecord: True,
    lay.PriceBandRecord: True,
    lay.MarkRecord: True,
    lay.KillRecord: True,
    lay.LeaseRecord: False,
    lay.DayResetRecord: False,
    lay.ProfitAndLossRecord: True,
    lay.OutcomeRecord: True,
    lay.RearmRecord: True,
    lay.FillRecord: True,
    lay.ReleaseRecord: True,
    lay.ReserveRecord: True,
    lay.AdjustRecord: True,
}
_MARKET = (lay.ReferencePriceRecord, lay.QuoteRecord, lay.PriceBandRecord, lay.MarkRecord)


def _name(record: type[lay.Record]) -> str:
    return record.__name__.removesuffix("Record")


BINS = (
    "MALFORMED",
    *(f"{check.name} {how}" for check in Check if check != Check.MALFORMED for how in ("alone", "with others")),
    *(f"passed {action.name}" for action in Action),
    "listed own orders",
    *(f"told {_name(record)} OK" for record in _TOLD),
    *(f"told {_name(record)} BAD_ARGUMENT" for record, fails in _TOLD.items() if fails),
    "told what is no record of the gate",
    *(f"market {_name(record)}" for record in _MARKET),
    *(
        f"passed {distance} behind another of its {table}"
        for table in ("instrument", "account", "strategy", "port", "position")
        for distance in range(1, MOST_FORWARDED + 1)
    ),
    *(f"engaged, orders in stages {where}" for where in ("none", "1", "2", "2 and 1")),
    *(f"released, {what} in stage 2" for what in ("an order", "no order")),
    "an order right behind limits",
    "limits two cycles behind an order",
    *(f"a market update right {where} an order of its instrument" for where in ("before", "behind")),
    *(f"the host waits for {what}" for what in ("the trigger", "a told row", "a turn")),
)
