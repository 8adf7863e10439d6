"""The least that the work can cost: C (and Cython) beside this file, compiled on the fly with our own flags."""

import ctypes
import hashlib
import subprocess
import sys
import sysconfig
import tempfile
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent
COMPILER = ("gcc", "-O3", "-fno-math-errno", "-shared", "-fPIC")


@cache
def floor(name: str) -> ctypes.CDLL:
    """The shared library of `name`.c, built with the flags of our own extensions."""
    source = HERE / f"{name}.c"
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
    library = Path(tempfile.mkdtemp(prefix="meltica-floor-")) / f"{name}-{digest}.so"
    subprocess.run([*COMPILER, "-o", library, source], check=True)
    return ctypes.CDLL(str(library))


@cache
def cython_floor(name: str) -> ModuleType:
    """The extension module of `name`.pyx, which may include the C beside it."""
    folder = Path(tempfile.mkdtemp(prefix="meltica-floor-"))
    written, library = folder / f"{name}.c", folder / f"{name}.so"
    subprocess.run([sys.executable, "-m", "cython", "-3", "-o", written, HERE / f"{name}.pyx"], check=True)
    include = [f"-I{HERE}", f"-I{sysconfig.get_path('include')}"]
    subprocess.run([*COMPILER, *include, "-o", library, written], check=True)
    spec = spec_from_file_location(name, library)
    if spec is None or spec.loader is None:
        raise ImportError(f"{library} does not load")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
