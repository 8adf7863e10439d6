"""The gate that the settings choose: in this process, or in one of its own or on a card, watched and brought back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import tempfile
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from meltica import hot
from meltica.app.gateway import LiveGateway
from meltica.app.settings import GATE_ACCOUNTS, GATE_INSTRUMENTS, GATE_WORKING_ORDERS, CardSettings, Settings
from meltica.domain.commands import GateState, ReportGate
from meltica.domain.errors import GateUnreachableError, MelticaError, NotAcceptingError
from meltica.hot.card_bus import CardBus, CardError, SharedBus, XdmaBus
from meltica.hot.ports import RiskGate
from meltica.links.card_gate import CardGate
from meltica.links.frames import GateShape
from meltica.links.gate_process import GateProcess
from meltica.links.keys import KeyRing
from meltica.links.remote_gate import RemoteGate

LOG = logging.getLogger("meltica.gates")

LOOK_EVERY_S: Final = 0.1
"""How often the link to a gate process is looked at: a lost gate is journaled within that, even when nobody trades."""
CONNECT_WITHIN_MS: Final = 200
"""A try to reconnect holds the loop up for no longer."""
RETRY_S: Final = 1.0
HUNG_AFTER_TRIES: Final = 3
"""A process that runs and has not answered so many tries is ended; the next try starts a new one."""
IPC_ROOM_BYTES: Final = 90
"""A UNIX socket's path holds 107 bytes; in a deeper state folder the socket goes to a private temporary one."""


def local_gate(backend: str, working_orders: int = GATE_WORKING_ORDERS) -> RiskGate:
    """A gate of this backend in this process, with the engine's table sizes."""
    sizes = {"max_instruments": GATE_INSTRUMENTS, "max_accounts": GATE_ACCOUNTS}
    gate: RiskGate = hot.load(backend).Gate(**sizes, max_working_orders=working_orders)
    return gate


class GateKeeper(ABC):
    """A gate that can be lost: watched, and brought back."""

    gate: RemoteGate | CardGate

    def __init__(self) -> None:
        self._failed_tries = 0

    @abstractmethod
    def close(self) -> None: ...

    @abstractmethod
    async def _bring_back(self) -> None:
        """:raises MelticaError: not yet, and why."""

    async def watch(self, gateway: LiveGateway) -> None:
        """Tell the engine when the gate is lost, bring it back, tell that too. Until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if self.gate.alive():
                self._failed_tries = 0
                self._report(gateway, GateState.REGAINED, "the gate answers and holds the engine's state")
                continue
            self._report(gateway, GateState.LOST, self.gate.why())
            try:
                await self._bring_back()
            except MelticaError as error:
                LOG.warning("the gate is lost: %s", error)
                self._failed_tries += 1
                await asyncio.sleep(RETRY_S)

    def _report(self, gateway: LiveGateway, state: GateState, reason: str) -> None:
        """Only a change is an input."""
        if (state is GateState.LOST) != bool(gateway.state.tables.gate_lost):
            gateway.take(ReportGate(request_id="", actor="system:gates", state=state, reason=reason))


class RemoteGateKeeper(GateKeeper):
    """The gate's process and the link to it: started, watched, restarted."""

    gate: RemoteGate

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._folder = settings.state_folder / "gate"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._shape = GateShape(
            max_instruments=GATE_INSTRUMENTS,
            max_accounts=GATE_ACCOUNTS,
            max_working_orders=settings.gate_working_orders,
        )
        self._endpoint = _endpoint(self._folder)
        self._keys = self._folder / "keys"
        KeyRing(self._keys).client()  # Made and allowed before the gate's process reads the allow-list.
        self._process = GateProcess(self._endpoint, self._keys, self._shape)
        self.gate = RemoteGate(self._endpoint, KeyRing(self._keys), self._shape, connect_within_ms=CONNECT_WITHIN_MS)

    def close(self) -> None:
        self.gate.close()
        self._process.stop()

    async def _bring_back(self) -> None:
        if self._failed_tries and self._failed_tries % HUNG_AFTER_TRIES == 0 and self._process.running():
            LOG.warning("the gate's process %d runs but does not answer: it is ended", self._process.pid)
            await asyncio.to_thread(self._process.stop)
        if not self._process.running():
            self._process.stop()
            self._process = await asyncio.to_thread(GateProcess, self._endpoint, self._keys, self._shape)
        try:
            self.gate.rearm()
        except GateUnreachableError:
            self.gate.reconnect()


class CardKeeper(GateKeeper):
    """A card, or the process that simulates one, which is somebody else's to start. Watching it feeds its watchdog."""

    gate: CardGate

    def __init__(self, settings: CardSettings) -> None:
        """:raises CardError: there is no card."""
        super().__init__()
        self._settings = settings
        watchdog_us = settings.watchdog_ms * 1000
        self.gate = CardGate(self._open, unit_nanos=settings.unit_nanos, watchdog_us=watchdog_us)
        shape = self.gate.shape
        if shape.max_accounts < GATE_ACCOUNTS or shape.max_instruments < GATE_INSTRUMENTS:
            raise CardError(
                f"the card has rows for {shape.max_accounts} accounts and {shape.max_instruments} instruments;"
                f" the engine wants {GATE_ACCOUNTS} and {GATE_INSTRUMENTS}"
            )

    def _open(self) -> CardBus:
        return SharedBus(Path(self._settings.folder)) if self._settings.folder else XdmaBus(self._settings.device)

    def close(self) -> None:
        self.gate.close()

    async def _bring_back(self) -> None:
        try:
            self.gate.rearm()
        except GateUnreachableError:
            self.gate.reconnect()


@contextlib.asynccontextmanager
async def watched(keeper: GateKeeper | None, gateway: LiveGateway) -> AsyncIterator[None]:
    """The keeper's watch runs as long as the block; without a keeper there is nothing to watch."""
    if keeper is None:
        yield
        return
    task = asyncio.create_task(keeper.watch(gateway))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, NotAcceptingError):  # A gateway that failed has said why
            await task


def _endpoint(folder: Path) -> str:
    path = folder.resolve() / "gate.sock"
    if len(str(path).encode()) > IPC_ROOM_BYTES:
        path = Path(tempfile.mkdtemp(prefix="meltica-gate-")) / "gate.sock"
    return f"ipc://{path}"
