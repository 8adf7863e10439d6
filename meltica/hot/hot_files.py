"""The folder of a hot process: one file for each thing that it shares, by the same names for everyone.

It belongs on a memory file system: what is in it outlives the process, and not the machine. `meltica-kill` finds the
kill words in folders by the name /dev/shm/meltica-<user id>-<name>.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

INTENT_SLOTS: Final = 4_096
"""Of each strategy's lane: more waiting orders than the gate would let out in a second."""
INTENT_LANES: Final = 16
CONTROL_SLOTS: Final = 16_384
"""Records of the control plane on their way to the order loop; a whole state comes in parts."""
CONTROL_BYTES: Final = 128
DROP_SLOTS: Final = 262_144
"""Drop copies that can be sent again: 34 MiB, hours of a busy strategy."""


@dataclass(frozen=True)
class HotFiles:
    folder: Path

    @property
    def status(self) -> Path:
        return self.folder / "status"

    @property
    def journal(self) -> Path:
        return self.folder / "journal"

    @property
    def intents(self) -> Path:
        return self.folder / "intents"

    @property
    def control(self) -> Path:
        return self.folder / "control"

    @property
    def drops(self) -> Path:
        return self.folder / "drops"

    @property
    def tops(self) -> Path:
        return self.folder / "tops"

    @property
    def kill(self) -> Path:
        return self.folder / "hot.kill"
