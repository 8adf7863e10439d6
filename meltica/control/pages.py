"""Pages of a list: sizes are coerced, tokens are opaque, and a token fits only the filter that it was made with."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from typing import Final

from meltica.control.requests import Form

DEFAULT_SIZE: Final = 100
LARGEST_SIZE: Final = 1000
_TOKEN_LIMIT: Final = 800
_NUMBER: Final = re.compile(r"[0-9]{1,18}", re.ASCII)


class Page:
    """Which part of a list is asked for: at most ``size`` entries, those after ``after`` (empty: from the start)."""

    def __init__(self, form: Form, size: int, token: str, *filters: object, numbered: bool = False) -> None:
        """``numbered``: numbers order the list, so ``after`` is one. Anybody can make a token, so that is looked at."""
        if size < 0:
            form.wrong("page_size", f"must not be negative (got {size})")
        self.size = min(size, LARGEST_SIZE) if size > 0 else DEFAULT_SIZE
        self._filter = f"{zlib.crc32(repr(filters).encode()):08x}"
        self.after = self._read(form, token) if token else ""
        if numbered and self.after and not _NUMBER.fullmatch(self.after):
            form.wrong("page_token", "is not one that this server gave; start without")
            self.after = ""

    def _read(self, form: Form, token: str) -> str:
        try:
            checked, _, after = (
                base64.b64decode(token[:_TOKEN_LIMIT].encode("ascii"), b"-_", validate=True).decode().partition(":")
            )
        except (ValueError, binascii.Error):
            form.wrong("page_token", "is not one that this server gave; start without")
            return ""
        if checked != self._filter or not after:
            form.wrong("page_token", "belongs to a list with another filter; start without")
        return after

    def token(self, last: object) -> str:
        """For the page after the entry with this key."""
        return base64.urlsafe_b64encode(f"{self._filter}:{last}".encode()).decode()
