"""All doors. Any bytes in, nothing but the decoder's own refusal out; where there are two forms of it, both the same.

``run`` drives one under atheris, ``test_doors`` replays seeds and kept inputs, ``tools/sanitize.sh`` replays what the
fuzzer found on the sanitized build.
"""

from __future__ import annotations

from typing import Final

from tests.fuzz import doors_feed, doors_files, doors_gate, doors_links, doors_memory, doors_orders
from tests.fuzz.door import Door

DOORS: Final[dict[str, Door]] = {
    door.name: door
    for part in (doors_feed, doors_orders, doors_gate, doors_links, doors_files, doors_memory)
    for door in part.DOORS
}
