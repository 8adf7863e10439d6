"""Who may join: what the gateway checks of a gate's hello before it believes anything else."""

from __future__ import annotations

from meltica.hot.layout_gen import LAYOUT_VERSION
from meltica.links.control_link_messages import FaultCode, Hello
from meltica.links.control_link_session import Session


class LinkFaultError(Exception):
    def __init__(self, code: FaultCode, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def old_epoch(epoch: int, session: Session) -> LinkFaultError:
    text = f"epoch {epoch} of {session.seat.gate} is over: epoch {session.gate_epoch} has been here"
    return LinkFaultError(FaultCode.OLD_EPOCH, text)


def check_hello(session: Session, hello: Hello) -> None:
    name = session.seat.gate
    if hello.gate != name:
        raise LinkFaultError(FaultCode.WRONG_KEY, f"this key is {name}'s, not {hello.gate[:64]!r}'s")
    if hello.layout_version != LAYOUT_VERSION:
        text = f"the gateway has layout {LAYOUT_VERSION}, the gate {hello.layout_version}: run the same version"
        raise LinkFaultError(FaultCode.MISFIT, text)
    if hello.gate_epoch < session.gate_epoch or hello.gate_epoch <= session.retired_epoch:
        raise old_epoch(hello.gate_epoch, session)
    if hello.fresh and hello.gate_epoch == session.gate_epoch and session.arming:
        text = f"epoch {hello.gate_epoch} of {name} was armed and now knows nothing: give it a later epoch"
        raise LinkFaultError(FaultCode.OLD_EPOCH, text)
    if hello.drops_first > session.kept or hello.drops_next < session.kept:
        text = (
            f"drop copies from {session.kept} on are wanted, its store holds {hello.drops_first} to "
            f"{hello.drops_next - 1}: reconcile with the venue, then settle the gate by hand"
        )
        raise LinkFaultError(FaultCode.LOST_DROPS, text)
