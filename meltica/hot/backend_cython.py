"""The backend `cython`: compiled, the default. Build it with `tools/bootstrap.sh dev`."""

from cython_ext.book import LevelBook
from cython_ext.gate import Gate
from cython_ext.histogram import Histogram
from cython_ext.intent import OrderIntent
from cython_ext.itch import ItchColumns
from cython_ext.itch_book import ItchBook
from cython_ext.mold import MoldGate
from cython_ext.ouch import OuchPort
from cython_ext.udp_receiver import UdpReceiver
from meltica.hot.itch import ItchDecoder as _ItchDecoder


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
