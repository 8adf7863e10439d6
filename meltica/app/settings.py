"""What a gateway is started with: one TOML file, every key with a default, every unknown key refused."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from meltica.domain.errors import FieldError

GATE_INSTRUMENTS: Final = 1024
GATE_ACCOUNTS: Final = 16
"""Rows of the gate's tables. A full table refuses, so they are part of what is decided: a replay needs the same."""


class MarketSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    data: str = ""
    """A recording (Binance lines or ITCH 5.0, told apart by content); empty: the built-in market."""
    seed: int = 1
    instruments: tuple[str, ...] = ()
    """Which of the source's; empty: the source's own choice."""
    speed: float = 1.0
    """How much faster than it happened a recording is played."""


class PaperSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    entry_latency_us: int = 500
    response_latency_us: int = 500


class LimitSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first limits of a fresh journal; afterwards RiskService changes them. Money in the quote currency.

    Quantities follow from the values at the instrument's first price.
    """

    max_order_value: Decimal = Decimal(100_000)
    max_position_value: Decimal = Decimal(500_000)
    max_open_value: Decimal = Decimal(2_000_000)
    max_open_orders: int = 200
    collar_bps: int = 500
    reference_max_age_ms: int = 5_000
    messages_per_second: int = 200
    message_burst: int = 400
    duplicate_window_ms: int = 0
    market_orders_allowed: bool = True


class StrategySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    kind: str
    """``market_maker``, ``momentum``, or ``package.module:Class`` of your own."""
    account: str = "main"
    parameters: dict[str, object] = {}


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    state: str = ".meltica"
    """Folder of journal, certificates, keys and the kill latch."""
    certificates: str = ""
    """Folder of CA, certificates and policy file; empty: ``ca`` in the state folder, made on the first run."""
    listen: str = "127.0.0.1:50051"
    gate: Literal["cython", "python", "process"] = "cython"
    """``process``: the gate runs in a process of its own behind ZeroMQ."""
    accounts: tuple[str, ...] = ("main",)
    snapshot_every: Annotated[int, msgspec.Meta(ge=1)] = 50_000
    """Journal entries between two snapshots: recovery folds at most that many, in about two seconds."""
    market: MarketSettings = MarketSettings()
    paper: PaperSettings = PaperSettings()
    limits: LimitSettings = LimitSettings()
    strategies: tuple[StrategySettings, ...] = ()

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


def read_settings(path: Path | None) -> Settings:
    """None: all defaults. :raises FieldError: unreadable, no TOML, an unknown key or a wrong type; says which."""
    if path is None:
        return Settings()
    try:
        document = tomllib.loads(path.read_text("utf-8"))
        return msgspec.convert(document, Settings)
    except (OSError, ValueError) as error:
        raise FieldError("settings", str(path), str(error)) from error
