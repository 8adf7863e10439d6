"""The backend `python`: the twins. Slow, readable, needs no compiler."""

from meltica.hot.gate_twin import Gate
from meltica.hot.intent_twin import OrderIntent

__all__ = ["Gate", "OrderIntent"]
