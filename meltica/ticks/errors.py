"""What can be wrong with a recording. The file's fault, never silent: it names the file and the place."""

from __future__ import annotations

from pathlib import Path

from meltica.domain.errors import MelticaError


class RecordingError(MelticaError):
    """``line`` counts from 1 (text), ``offset`` is in bytes of the decompressed data; what is not known is None."""

    def __init__(self, path: Path, why: str, *, line: int | None = None, offset: int | None = None) -> None:
        place = "" if line is None else f", line {line}"
        place += "" if offset is None else f", byte {offset}"
        super().__init__(f"{path}{place}: {why}")
        self.path, self.why, self.line, self.offset = path, why, line, offset
