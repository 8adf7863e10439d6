"""What the paper venue must hear of beside orders: money that goes there, funding times, splits."""

from __future__ import annotations

from meltica.domain.cash import CashBooked, CashKind, FundingSettled, InstrumentSplit
from meltica.domain.inputs import Record
from meltica.venues.paper.stating import StatingPaperSession


class PaperMoney:
    """A ``Keeper``. The venue's own fees and interest are its own doing: what is booked of them is not told to it."""

    def __init__(self, venue: StatingPaperSession) -> None:
        self._venue = venue

    def take(self, sequence: int, time_ns: int, record: Record) -> None:  # noqa: ARG002 - a keeper's form
        for event in record.events:
            match event:
                case CashBooked() if event.venue == self._venue.venue:
                    self._transfer(event)
                case FundingSettled() if self._venue.trades(event.instrument):
                    self._venue.settle_funding(event.instrument, event.rate_picos, event.mark_ticks)
                case InstrumentSplit() if self._venue.trades(event.instrument):
                    self._venue.split(event.instrument, event.numerator, event.denominator)

    def _transfer(self, event: CashBooked) -> None:
        match event.kind:
            case CashKind.DEPOSIT:
                self._venue.transfer(event.account, event.currency, event.nanos)
            case CashKind.WITHDRAWAL:
                self._venue.transfer(event.account, event.currency, -event.nanos)
            case CashKind.CONVERSION:
                self._venue.transfer(event.account, event.currency, -event.nanos)
                self._venue.transfer(event.account, event.to_currency, event.to_nanos)
