"""What a gateway is started with: one TOML file, every key with a default, every unknown key refused."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from meltica.app.settings_words import SettingsError, fault
from meltica.domain.leases import WHOLE_BPS, GateFacts, Share
from meltica.domain.money import INT64_MAX, NANOS
from meltica.hot.layout_gen import BURST_BOUND, COLLAR_BPS_BOUND

Count = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
"""What the gate's registers hold."""
Micros = Annotated[int, msgspec.Meta(ge=0, le=60_000_000)]
Ppm = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Millis = Annotated[int, msgspec.Meta(ge=0, le=86_400_000)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
"""As the API spells accounts and strategies."""

BPS: Final = 100
"""1/10,000 in a percent."""
HIGHEST_PORT: Final = 65_535

GATE_INSTRUMENTS: Final = 1024
GATE_ACCOUNTS: Final = 16
"""Rows of the gate's tables. A full table refuses, so they are part of what is decided: a replay needs the same."""
GATE_WORKING_ORDERS: Final = 2**18


class MarketSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    data: str = ""
    """A recording (Binance lines or ITCH 5.0, told apart by content); empty: the built-in market."""
    seed: int = 1
    """Of the built-in market: the same seed is the same market."""
    instruments: tuple[str, ...] = ()
    """Which of the source's; empty: the source's own choice."""
    speed: Annotated[float, msgspec.Meta(gt=0, le=1_000_000)] = 1.0
    """How much faster than it happened a recording is played."""


class CardSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The card that judges when ``gate = "card"``."""

    folder: str = ""
    """Of a simulated card; empty: a real one, at ``device``."""
    device: str = "/dev/xdma0"
    unit_nanos: Annotated[int, msgspec.Meta(ge=1, le=2**32 - 1)] = 100_000
    """What one tick times one lot is worth. A card has one such unit: instruments of another one are refused."""
    watchdog_ms: Annotated[int, msgspec.Meta(ge=500, le=60_000)] = 1_000
    """The card stops by itself when it has not heard from the gateway for so long."""


class FaultSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many of a million commands to the paper venue meet which fault; all 0: the line is good."""

    seed: int = 1
    lost_ppm: Ppm = 0
    """Never reach the venue."""
    unanswered_ppm: Ppm = 0
    """Reach it; the answer is lost until it is asked for."""
    late_ppm: Ppm = 0
    """Reach it ``late_ms`` later."""
    lost_fills_ppm: Ppm = 0
    """Of a million executions: their reports never come. A statement still tells of them."""
    timeout_ms: Annotated[int, msgspec.Meta(ge=1, le=60_000)] = 1_000
    """How long an answer is waited for."""
    late_ms: Millis = 5_000
    unreported_fee_ppm: Ppm = 0
    """Of the traded value: what the venue charges beside the fees that its reports tell of."""
    horizon_ms: Millis = 10_000
    """The venue's promise that nothing arrives later than this; 0: none, so that persons decide."""


class PaperSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    entry_latency_us: Micros = 500
    """Until an order reaches the book."""
    response_latency_us: Micros = 500
    """Until its report is back."""
    faults: FaultSettings = FaultSettings()
    day_ends: str = "00:00"
    """Time of day in UTC at which DAY orders expire."""
    closes: str = ""
    """Time of day in UTC at which the market closes, for orders at the close; empty: it does not."""
    native_stops: bool = False
    """The venue keeps STOP and STOP_LIMIT orders itself; false: the engine holds them."""
    native_display: bool = True
    """The venue keeps the part of an order that does not show; false: the engine sends it in slices."""


MONEY: Final = (
    "max_order_value",
    "max_position_value",
    "max_open_value",
    "max_day_value",
    "max_daily_loss",
    "max_drawdown",
    "firm_max_open_value",
)


class LimitSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first limits of a fresh journal; afterwards RiskService changes them. Money in the quote currency.

    Quantities follow from the values at the instrument's first price. The firm's rates are those of its port and of
    each instrument too, an account's those of each strategy.
    """

    max_order_value: Decimal = Decimal(100_000)
    """Of one order."""
    max_position_value: Decimal = Decimal(500_000)
    """Of a position, long or short, with the working orders that would make it larger."""
    max_open_value: Decimal = Decimal(2_000_000)
    """Of all working orders of an account together."""
    max_open_orders: Count = 200
    """Working orders of an account."""
    collar_bps: Annotated[int, msgspec.Meta(ge=0, le=COLLAR_BPS_BOUND)] = 500
    """How far a price may be from the reference price, in basis points."""
    reference_max_age_ms: Millis = 5_000
    """An older reference price lets nothing pass."""
    messages_per_second: Count = 200
    """Orders and amends of an account, in the long run."""
    message_burst: Annotated[int, msgspec.Meta(ge=0, le=BURST_BOUND)] = 400
    """The same, at once."""
    duplicate_window_ms: Millis = 0
    """The same order again within this time is refused; 0: it is not."""
    market_orders_allowed: bool = True
    max_day_value: Decimal = Decimal(1_000_000_000)
    """Of all orders in an instrument that passed on one trading day."""
    max_impact_percent: Count = 0
    """Of what is displayed at the other side's best price; 0: no check."""
    max_daily_loss: Decimal = Decimal(100_000)
    """Of an account since the trading day began; it trips the breaker."""
    max_drawdown: Decimal = Decimal(100_000)
    """Of an account below its best of the day; it trips the breaker."""
    max_consecutive_rejects: Count = 100
    """Of the venue, in a row; they trip the breaker."""
    rearm_after_s: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 0
    """0: a tripped breaker waits for two persons."""
    self_match: Literal["cancel_newest", "cancel_oldest", "cancel_both", "decrement"] = "cancel_oldest"
    """What becomes of an order that would trade with an own one. The strategies of one account meet each other here."""
    short_sale: Literal["not_allowed", "free", "reg_sho"] = "free"
    """Which rule sales follow."""
    firm_max_open_value: Decimal = Decimal(10_000_000)
    """Of all working orders of all accounts."""
    firm_max_open_orders: Count = 2_000
    firm_messages_per_second: Count = 2_000
    """Of all accounts, in the long run."""
    firm_message_burst: Annotated[int, msgspec.Meta(ge=0, le=BURST_BOUND)] = 4_000
    strategy_max_executions: Annotated[int, msgspec.Meta(ge=0, le=INT64_MAX)] = 1_000_000
    """As many executions of a strategy stop it until it is re-armed."""

    def __post_init__(self) -> None:
        for name in MONEY:
            value = getattr(self, name)
            if not value.is_finite() or not 0 <= value * NANOS <= INT64_MAX:
                raise ValueError(f"{name}: {value} is not within 0..{INT64_MAX // NANOS}")


class HotGateSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A gate in a hot process of its own (``meltica hot run``), on this machine or another."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,38}$")]
    key: str = "client"
    """Who it is: the name of its key in the folder of allowed keys. No two gates have the same."""
    first_percent: Annotated[float, msgspec.Meta(ge=0, le=100)] = 25
    """Its slice of each limit when it comes."""
    most_percent: Annotated[float, msgspec.Meta(ge=0, le=100)] = 50
    """Its slice grows up to this when it is nearly used."""
    accounts: tuple[Name, ...] = ()
    """Empty, here and in the next two: all."""
    strategies: tuple[Name, ...] = ()
    instruments: tuple[str, ...] = ()
    kill: str = ""
    """Its kill word in shared memory, when it runs on this machine: engaged before anything is sent."""
    locates: dict[str, int] = {}
    """Instrument -> its locate code on the feed, where the feed does not tell."""

    def facts(self) -> GateFacts:
        share = Share(round(self.first_percent * BPS), round(self.most_percent * BPS))
        return GateFacts(share, self.accounts, self.strategies, self.instruments)


class ControlSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The control link to hot gates. Endpoints are ``ipc://`` or ``tcp://``; empty: in the state folder."""

    commands: str = ""
    state: str = ""
    keys: str = ""
    """Folder of CURVE keys; empty: ``control/keys`` in the state folder."""
    lease_ms: Annotated[int, msgspec.Meta(ge=20, le=60_000)] = 250
    """A gate that has not heard from the gateway for so long lets nothing out."""
    arm_first: bool = True
    """A new life of a gate is armed by itself, once it holds everything."""
    auto_rearm_ms: Millis = 2_000
    """So is one that was without a lease for no longer than this; 0: never."""

    def commands_at(self, state: Path) -> str:
        return self.commands or f"ipc://{state.resolve()}/control/commands.sock"

    def state_at(self, state: Path) -> str:
        return self.state or f"ipc://{state.resolve()}/control/state.sock"

    def key_folder(self, state: Path) -> Path:
        return Path(self.keys) if self.keys else state / "control" / "keys"


class StrategySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Name
    kind: str
    """``market_maker``, ``momentum``, ``accumulator``, or ``package.module:Class`` of your own."""
    account: Name = "main"
    parameters: dict[str, object] = {}
    """Of its class: a wrong one stops the start and says which there are."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    state: str = ".meltica"
    """Folder of journal, certificates, keys and the kill latch."""
    certificates: str = ""
    """Folder of CA, certificates and policy file; empty: ``ca`` in the state folder, made on the first run."""
    listen: str = "127.0.0.1:50051"
    """Address and port of the control plane (gRPC over mutual TLS)."""
    gate: Literal["cython", "python", "process", "card"] = "cython"
    """``process``: the gate runs in a process of its own behind ZeroMQ. ``card``: in hardware, see ``card``."""
    card: CardSettings = CardSettings()
    gate_working_orders: Annotated[int, msgspec.Meta(ge=1, le=2**20)] = GATE_WORKING_ORDERS
    """Orders that may rest at a time; the gate refuses the next. Its table takes 56 bytes for each (40 and a place in
    the index), 14 MiB by default and as it fills. A card has its own. A replay of the day needs the same number."""
    accounts: Annotated[tuple[Name, ...], msgspec.Meta(max_length=GATE_ACCOUNTS)] = ("main",)
    """Those that get limits at the first start, 16 at most."""
    snapshot_every: Annotated[int, msgspec.Meta(ge=1)] = 50_000
    """Journal entries between two snapshots: recovery folds at most that many, in about two seconds."""
    reconcile_every_s: Annotated[float, msgspec.Meta(ge=0.1, le=86_400)] = 30.0
    """How often the venues are asked what is so; beside that at the start, and whenever a person asks."""
    adjust_alone_up_to: Decimal = Decimal(0)
    """One person may take a venue's word for a balance of the ledger up to this difference, in whatever currency."""
    market: MarketSettings = MarketSettings()
    """Where market data comes from."""
    paper: PaperSettings = PaperSettings()
    """The paper venue."""
    limits: LimitSettings = LimitSettings()
    strategies: tuple[StrategySettings, ...] = ()
    """What trades in this process; as many tables as there are strategies."""
    control: ControlSettings = ControlSettings()
    hot_gates: tuple[HotGateSettings, ...] = ()

    def __post_init__(self) -> None:
        host, _, port = self.listen.rpartition(":")
        if not host or not (port.isascii() and port.isdecimal()) or int(port) > HIGHEST_PORT:
            raise ValueError(f"listen: {self.listen!r} is not an address and a port such as 127.0.0.1:50051")
        if not self.adjust_alone_up_to.is_finite() or not 0 <= self.adjust_alone_up_to * NANOS <= INT64_MAX:
            raise ValueError(f"adjust_alone_up_to: {self.adjust_alone_up_to} is not within 0..{INT64_MAX // NANOS}")
        _check_gates(self.hot_gates)
        names = [strategy.name for strategy in self.strategies]
        for strategy in self.strategies:
            if names.count(strategy.name) > 1:
                raise ValueError(f"strategies: {strategy.name!r} is there more than once")
            if strategy.account not in self.accounts:
                raise ValueError(f"strategies: {strategy.name!r} trades for {strategy.account!r}: not in accounts")

    @property
    def state_folder(self) -> Path:
        return Path(self.state)

    @property
    def journal(self) -> Path:
        return self.state_folder / "journal.db"

    @property
    def authority(self) -> Path:
        """Where the CA, the certificates and the policy are."""
        return Path(self.certificates) if self.certificates else self.state_folder / "ca"


def _check_gates(gates: tuple[HotGateSettings, ...]) -> None:
    for field in ("name", "key"):
        values = [getattr(gate, field) for gate in gates]
        if len(set(values)) != len(values):
            raise ValueError(f"hot_gates: two have the same {field}; each gate is known by its own")
    if sum(gate.facts().share.first_bps for gate in gates) > WHOLE_BPS:
        raise ValueError("hot_gates: first_percent of all together is more than 100")
    for gate in gates:
        if gate.first_percent > gate.most_percent:
            raise ValueError(f"hot_gates: {gate.name!r} begins with more than its most_percent")


def read_settings(path: Path | None) -> Settings:
    """None: all defaults. :raises SettingsError: unreadable, no TOML, an unknown key or a wrong type; says which."""
    if path is None:
        return Settings()
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), Settings)
    except OSError as error:
        raise SettingsError(path, f"can't be read: {error.strerror}") from error
    except msgspec.ValidationError as error:
        raise SettingsError(path, fault(error, Settings)) from error
    except ValueError as error:
        raise SettingsError(path, f"is no TOML: {error}") from error
