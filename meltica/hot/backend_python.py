"""The backend `python`: the twins. Slow, readable, needs no compiler."""

from meltica.hot.book_twin import LevelBook
from meltica.hot.gate_twin import Gate
from meltica.hot.histogram_twin import Histogram
from meltica.hot.intent_twin import OrderIntent
from meltica.hot.itch import ItchDecoder as _ItchDecoder
from meltica.hot.itch_book_twin import ItchBook
from meltica.hot.itch_twin import ItchColumns
from meltica.hot.mold_twin import MoldGate
from meltica.hot.ouch_twin import OuchPort
from meltica.hot.udp_twin import UdpReceiver


class ItchDecoder(_ItchDecoder):
    kernel_class = ItchColumns


__all__ = [
    "Gate",
    "Histogram",
    "ItchBook",
    "ItchDecoder",
    "LevelBook",
    "MoldGate",
    "OrderIntent",
    "OuchPort",
    "UdpReceiver",
]
