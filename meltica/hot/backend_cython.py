"""The backend `cython`: compiled, the default. Build it with `tools/bootstrap.sh dev`."""

from cython_ext.gate import Gate
from cython_ext.intent import OrderIntent

__all__ = ["Gate", "OrderIntent"]
