"""Every situation of docs/guides/contingent_orders.md: how it comes about, and how the orders stand then.

A test holds the names against the first column of the guide's tables.
"""

from __future__ import annotations

from tests.unit.engine.group_families import BRACKET, OTO
from tests.unit.engine.group_pairs import OCO, OUO
from tests.unit.engine.group_steps import Situation

SITUATIONS: dict[str, list[Situation]] = {"OCO": OCO, "OUO": OUO, "OTO": OTO, "BRACKET": BRACKET}
