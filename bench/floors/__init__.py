"""The least that the work can cost: C beside this file, compiled on the fly."""

import ctypes
import hashlib
import subprocess
import tempfile
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent


@cache
def floor(name: str) -> ctypes.CDLL:
    """The shared library of `name`.c, built with the flags of our own extensions."""
    source = HERE / f"{name}.c"
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
    library = Path(tempfile.mkdtemp(prefix="meltica-floor-")) / f"{name}-{digest}.so"
    subprocess.run(["gcc", "-O3", "-fno-math-errno", "-shared", "-fPIC", "-o", library, source], check=True)
    return ctypes.CDLL(str(library))
