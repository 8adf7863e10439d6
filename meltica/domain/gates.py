"""What the gateway asks of the engine about its hot gates. The slices themselves are in ``leases``."""

from __future__ import annotations

import msgspec

from meltica.domain.leases import GateFacts, LeaseEvent


class RegisterGate(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """A gate of the settings, at each start."""

    request_id: str
    actor: str
    gate: str
    facts: GateFacts


class AdmitGate(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Its lease of an earlier life is over and every drop copy of it is here: it may have slices."""

    request_id: str
    actor: str
    gate: str
    gate_epoch: int


class ReportSlices(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """What a gate says that it holds and has in use."""

    request_id: str
    actor: str
    gate: str
    gate_epoch: int
    number: int
    version: int
    in_use: dict[str, int]


class LoseGate(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Silent for longer than its lease, too slow, or gone."""

    request_id: str
    actor: str
    gate: str
    gate_epoch: int
    reason: str


class RetireGate(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """By a person, of a dead gate that will not come back: its orders were reconciled with the venue."""

    request_id: str
    actor: str
    gate: str
    reason: str


class ArmGate(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """By a person: let orders out of this gate again, or (``armed`` false) no more until somebody says so."""

    request_id: str
    actor: str
    gate: str
    armed: bool
    reason: str


class GateArmed(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    gate: str
    armed: bool
    reason: str
    actor: str
    time_ns: int


GateCommand = RegisterGate | AdmitGate | ReportSlices | LoseGate | RetireGate | ArmGate

GateEvent = LeaseEvent | GateArmed
