"""An order-entry session and a simulated exchange with a line between them that can be cut at any byte."""

from __future__ import annotations

from random import Random

from meltica.domain.order import Order, OrderType, Side, TimeInForce
from meltica.domain.order_events import CancelRequested, OrderSubmitted, ReplaceRequested
from meltica.domain.reports import ExecutionReport, OutcomeUnknown, VenueReport
from meltica.venues.nasdaq.ouch50 import CODEC
from meltica.venues.nasdaq.ouch_codec import OuchMessage
from meltica.venues.nasdaq.ouch_session import OuchSession
from meltica.venues.nasdaq.session import stock_instrument
from meltica.venues.nasdaq.soupbintcp import LoginAsked, SoupClient, SoupServer, Unsequenced
from sim.venues.nasdaq_ouch_book import Account, Exchange

AAPL = stock_instrument("AAPL", 1)
MSFT = stock_instrument("MSFT", 2)
MS = 1_000_000
DOLLAR = 10_000


def session(username: str = "OURS", **options) -> OuchSession:
    return OuchSession("XNAS", [AAPL, MSFT], SoupClient(username=username, password="pw"), **options)


def order(number: int, side: Side, lots: int, dollars: float | None, **changed) -> OrderSubmitted:
    facts = {
        "order_id": number, "client_order_id": f"m{number}", "account": "desk", "strategy": "manual",
        "instrument": AAPL.instrument, "side": side, "quantity_lots": lots, "post_only": False, "reduce_only": False,
        "order_type": OrderType.MARKET if dollars is None else OrderType.LIMIT, "time_in_force": TimeInForce.DAY,
        "price_ticks": None if dollars is None else round(dollars * DOLLAR), "reserved_price_ticks": 0,
        "actor": "test", "time_ns": 0,
    }  # fmt: skip
    return OrderSubmitted(**(facts | changed))


def cancel(order_id: int, request: str, original: str = "") -> CancelRequested:
    return CancelRequested(
        order_id=order_id,
        client_order_id=request,
        original_client_order_id=original or f"m{order_id}",
        actor="",
        time_ns=0,
    )


def replace(order_id: int, request: str, lots: int, dollars: float, original: str = "") -> ReplaceRequested:
    return ReplaceRequested(
        order_id=order_id, client_order_id=request, original_client_order_id=original or f"m{order_id}",
        quantity_lots=lots, price_ticks=round(dollars * DOLLAR), gate_lots=0, reserved_price_ticks=0, actor="",
        time_ns=0,
    )  # fmt: skip


def remembered(number: int, lots: int = 100, **facts) -> Order:
    """An order of ours as the engine remembers it."""
    return Order(
        order_id=number, client_order_id=f"m{number}", account="desk", strategy="s", instrument=AAPL.instrument,
        side=Side.BUY, order_type=OrderType.LIMIT, time_in_force=TimeInForce.DAY, quantity_lots=lots,
        price_ticks=10 * DOLLAR, **facts,
    )  # fmt: skip


class Line:
    """Moves bytes both ways until both ends are quiet; every call is a millisecond later."""

    def __init__(self, exchange: Exchange, ours: OuchSession, account: Account) -> None:
        self.exchange, self.session, self.account = exchange, ours, account
        self.server = SoupServer()
        self.up = False
        self.now_ns = 0
        self.said: list[OuchMessage] = []
        """What the exchange got."""

    def connect(self) -> list[VenueReport]:
        """Up and talking; after a restart the session closes its first connection and wants another one."""
        reports = self.connect_once()
        if self.session.closing():
            self.cut()
            reports += self.connect_once()
        return reports

    def connect_once(self) -> list[VenueReport]:
        self.session.connected(self.now_ns)
        self.server.connected(self.now_ns)
        self.up = True
        return self.run()

    def send(self, command) -> list[VenueReport]:
        self.session.send(command, self.now_ns)
        return self.run()

    def run(self) -> list[VenueReport]:
        self.now_ns += MS
        reports = list(self.session.due(self.now_ns))
        while self.up and self.move(reports):
            pass
        return reports

    def move(self, reports: list[VenueReport], chance: Random | None = None) -> bool:
        """One turn; with ``chance`` only some of the bytes arrive, and then the line is cut."""
        up, down = self.session.take_output(self.now_ns), self.server.take_output(self.now_ns)
        if chance is not None:
            up, down = up[: chance.randrange(len(up) + 1)], down[: chance.randrange(len(down) + 1)]
        for event in self.server.receive(up, self.now_ns):
            if isinstance(event, LoginAsked):
                assert self.server.accept(event, self.account.stream, self.now_ns)
            if isinstance(event, Unsequenced):
                self.said.append(CODEC.decode("inbound", event.payload, strict=True))
                assert self.exchange.take(self.account, event.payload, self.now_ns)
        self.server.pump(self.now_ns)
        reports += self.session.take_bytes(down, self.now_ns)
        if chance is not None:
            self.cut()
        return bool(up or down)

    def cut(self) -> None:
        self.session.disconnected()
        self.server.disconnected()
        self.up = False


def market(**options) -> tuple[Exchange, Line, Line]:
    """An exchange, we, and somebody else; both logged in."""
    exchange = Exchange(**options)
    lines = []
    for name in ("OURS", "OTHERS"):
        lines.append(Line(exchange, session(name), exchange.open_account(name, "pw")))
        lines[-1].connect()
    return exchange, *lines


def told(reports) -> list[tuple]:
    """Reports in short: (type, id, what matters)."""
    found = []
    for report in reports:
        if isinstance(report, ExecutionReport):
            facts = {
                "last": (report.last_quantity_lots, report.last_price_ticks) if report.last_quantity_lots else None,
                "total": report.order_quantity_lots,
                "was": report.original_client_order_id or None,
            }
            shown = tuple((name, value) for name, value in facts.items() if value is not None)
            found.append((report.exec_type.value, report.client_order_id, *shown))
        elif isinstance(report, OutcomeUnknown):
            found.append(("InDoubt", report.client_order_id))
        else:
            found.append(("CancelReject", report.client_order_id, report.text))
    return found
