"""The list of Cython extensions, nothing else; everything about the package is in pyproject.toml.

``MELTICA_DEBUG=1`` builds with bounds checks, asserts and an annotated HTML page beside each module;
``MELTICA_MODULES=gate,itch`` builds these alone; ``MELTICA_CFLAGS=-Og`` gives the compiler last words.
"""

import os
from pathlib import Path

import numpy as np
from Cython.Build import cythonize
from setuptools import Extension, setup

DEBUG = os.environ.get("MELTICA_DEBUG") == "1"
ALL = sorted(source.stem for source in (Path(__file__).parent / "cython_ext").glob("*.pyx"))
PARALLEL = len(os.sched_getaffinity(0))
LAST_WORDS = os.environ.get("MELTICA_CFLAGS", "").split()
MODULES = os.environ.get("MELTICA_MODULES", ",".join(ALL)).split(",")

extensions = [
    Extension(
        f"cython_ext.{module}",
        [f"cython_ext/{module}.pyx"],
        include_dirs=[np.get_include(), "cython_ext"],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
        extra_compile_args=[*(["-O0", "-g"] if DEBUG else ["-O3", "-fno-math-errno"]), *LAST_WORDS],
    )
    for module in MODULES
]

setup(
    ext_modules=cythonize(
        extensions,
        annotate=DEBUG,
        nthreads=PARALLEL if len(MODULES) > 1 else 0,
        compiler_directives={
            "language_level": 3,
            "boundscheck": DEBUG,
            "wraparound": DEBUG,
            "initializedcheck": DEBUG,
            "cdivision": not DEBUG,
            "freethreading_compatible": False,
        },
    ),
    options={"build_ext": {"parallel": PARALLEL}},
)
