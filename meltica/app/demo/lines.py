"""Lines to paste: grpcurl as an operator, for a gateway that runs."""

from __future__ import annotations

from pathlib import Path


def grpcurl(certificates: Path, identity: str) -> str:
    """The program with mutual TLS as this person; what follows is ``[-d JSON] ADDRESS METHOD``."""
    return (
        f".venv/bin/grpcurl -cacert {certificates}/ca.pem -cert {certificates}/{identity}.pem"
        f" -key {certificates}/{identity}.key"
    )


def lines_to_try(address: str, certificates: Path) -> list[str]:
    run = grpcurl(certificates, "olivia")
    engage = '{"request_id":"\'$(cat /proc/sys/kernel/random/uuid)\'","reason":"trying it"}'
    return [
        f"{run} {address} list",
        f"{run} {address} meltica.v1.PortfolioService/ListPositions",
        f"{run} -d '{engage}' {address} meltica.v1.KillSwitchService/EngageKillSwitch",
    ]
