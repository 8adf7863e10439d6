"""The settings of ``meltica hot run``: one TOML file, every key with a default but the venue's."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from meltica.app.settings_words import SettingsError, fault
from meltica.domain.errors import FieldError

Core = Annotated[int, msgspec.Meta(ge=0)] | None
Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,38}$")]


class CoreSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A core that is named is the loop's alone; without one a loop runs where the kernel puts it."""

    orders: Core = None
    market: Core = None
    tender: Core = None
    """Of the thread with Python in it: control link, session, clock."""
    realtime_priority: Annotated[int, msgspec.Meta(ge=0, le=90)] = 0
    """SCHED_FIFO of the two loops; 0: the usual scheduler. A spinning FIFO thread leaves its core to nobody."""
    idle_us: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 0
    """0: the loops spin. Else a loop without work sleeps so long: for machines that have no core to give."""


class MemorySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    lock: bool = True
    huge_pages: bool = True
    cpu_latency: bool = True
    """Holds /dev/cpu_dma_latency at 0: no core sleeps deep."""


class VenueSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An OUCH 5.0 port over SoupBinTCP 3.00."""

    host: str
    port: Port
    username: str
    password_file: Path
    """One line; readable by its owner alone."""
    session: str = ""
    """Empty: the current one, or the one of the journal."""
    port_id: Annotated[int, msgspec.Meta(ge=0, le=255)] = 0
    firm: str = ""
    capacity: str = "P"
    display: str = "Y"
    locates_shares: bool = False
    account_query: bool = True
    """After each login ask which number is next: what the venue never got is settled by the answer."""
    max_orders: Annotated[int, msgspec.Meta(ge=1, le=1 << 20)] = 65_536


class FeedSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where ITCH comes from. Without a feed references, quotes and halts come from the control plane alone."""

    source: Literal["none", "udp", "pcap", "itch"] = "none"
    a: str = ""
    b: str = ""
    """udp: address:port of the lines, multicast or unicast."""
    interface: str = ""
    interface_b: str = ""
    """Of line B, if it is another one."""
    receive: Literal["udp", "xdp", "auto"] = "udp"
    """The kernel's sockets; past them (AF_XDP); or xdp if it can be had, and udp if not."""
    xdp_queue: Annotated[int, msgspec.Meta(ge=0)] = 0
    """The card's queue that the feed is steered to."""
    xdp_queue_b: Annotated[int, msgspec.Meta(ge=0)] | None = None
    """Of line B, if it is another one."""
    sender: str = ""
    rerequest: str = ""
    busy_poll_us: Annotated[int, msgspec.Meta(ge=0)] = 0
    timestamps: Literal["hardware", "kernel", "none"] = "kernel"
    path: Path = Path()
    """pcap, itch: the file."""
    speed: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    """pcap, itch: 1 is as recorded; 0 is as fast as can be."""
    max_orders: Annotated[int, msgspec.Meta(ge=1)] = 4_000_000
    """Live orders that the books hold; more and the market is GAPPED."""
    stale_after_ms: Annotated[int, msgspec.Meta(ge=1)] = 3_000
    """Without a packet (heartbeats count) every instrument is stale."""


class LinkSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The control plane; without it there is no lease, and so no order, unless the process is told --standalone."""

    commands: str = ""
    state: str = ""
    """ZeroMQ endpoints of the gateway: ipc:// or tcp://."""
    keys: Path = Path()
    """Folder of CURVE keys: client.secret is ours, control.public the gateway's."""
    cancel_after_ms: Annotated[int, msgspec.Meta(ge=0)] = 1_000
    """After a lapse of the lease working orders are cancelled; 0: they stay."""


class GateSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    max_instruments: Annotated[int, msgspec.Meta(ge=1, le=65_536)] = 1_024
    max_accounts: Annotated[int, msgspec.Meta(ge=1, le=65_536)] = 16
    max_strategies: Annotated[int, msgspec.Meta(ge=1, le=65_536)] = 256
    duplicate_depth: Annotated[int, msgspec.Meta(ge=1, le=64)] = 16


class HotSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Name
    """Of the gate, as the control plane and the kill word know it."""
    folder: Path
    """Of everything that is shared: on a memory file system, such as /dev/shm/meltica-1000-edge-1."""
    kill: Path = Path()
    """The kill word; empty: ``hot.kill`` in the folder. Several gates may share one."""
    limits: Path = Path()
    """Limits and symbols as records, for --standalone alone."""
    journal_mib: Annotated[int, msgspec.Meta(ge=4, le=16_384)] = 256
    """About 8,000 packets or orders a mebibyte; a full journal lets nothing new out."""
    venue: VenueSettings
    cores: CoreSettings = CoreSettings()
    memory: MemorySettings = MemorySettings()
    feed: FeedSettings = FeedSettings()
    link: LinkSettings = LinkSettings()
    gate: GateSettings = GateSettings()

    def __post_init__(self) -> None:
        feed = self.feed
        if feed.source == "udp" and not feed.a:
            raise ValueError("feed: source udp needs line a")
        if feed.source in ("pcap", "itch") and feed.path == Path():
            raise ValueError(f"feed: source {feed.source} needs a path")
        if bool(self.link.commands) != bool(self.link.state):
            raise ValueError("link: commands and state belong together")

    @property
    def linked(self) -> bool:
        return bool(self.link.commands)


def read_hot_settings(path: Path) -> HotSettings:
    """:raises FieldError: unreadable, no TOML, an unknown key, a missing one or a wrong type; says which."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), HotSettings, dec_hook=_decoded)
    except OSError as error:
        raise SettingsError(path, f"can't be read: {error.strerror}") from error
    except msgspec.ValidationError as error:
        raise SettingsError(path, fault(error, HotSettings, "docs/guides/hot_process.md has all of them")) from error
    except ValueError as error:
        raise SettingsError(path, f"is no TOML: {error}") from error


def _decoded(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise TypeError(f"{value!r} is no {kind.__name__}")


def read_password(path: Path) -> str:
    """:raises FieldError: it is not there, empty, or readable by others."""
    try:
        mode = path.stat().st_mode
        text = path.read_text("ascii").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise FieldError("password_file", str(path), str(error)) from error
    if mode & 0o077:
        raise FieldError("password_file", str(path), f"is readable by others: run  chmod 600 {path}")
    if not text:
        raise FieldError("password_file", str(path), "is empty")
    return text
