"""The one door: which backend a process gets, and what it says when it cannot have it."""

import os
import subprocess
import sys

import pytest

from meltica.hot import BACKENDS, BackendError, load, public_api


def chosen(**environment: str) -> subprocess.CompletedProcess[str]:
    program = "from meltica import hot; print(hot.backend(), hot.Gate.__module__)"
    env = {name: value for name, value in os.environ.items() if name != "MELTICA_HOT"} | environment
    return subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False)


def test_the_compiled_backend_is_the_default() -> None:
    assert chosen().stdout.split() == ["cython", "cython_ext.gate"]


def test_the_environment_chooses() -> None:
    assert chosen(MELTICA_HOT="python").stdout.split() == ["python", "meltica.hot.gate_twin"]
    assert chosen(MELTICA_HOT="cython").stdout.split() == ["cython", "cython_ext.gate"]


def test_an_unknown_backend_is_refused_by_name() -> None:
    refused = chosen(MELTICA_HOT="rust")
    assert refused.returncode != 0
    assert "unknown hot path backend 'rust': MELTICA_HOT is one of cython, python" in refused.stderr


def test_a_missing_build_says_how_to_build() -> None:
    program = (
        "import sys\n"
        "sys.modules['cython_ext.gate'] = None\n"  # what an unbuilt extension looks like to an import
        "import meltica.hot"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "Build it with `tools/bootstrap.sh dev`" in done.stderr
    assert "MELTICA_HOT=python" in done.stderr


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_backend_offers_everything(backend: str) -> None:
    module = load(backend)
    assert all(callable(getattr(module, name)) for name in public_api)


def test_load_refuses_what_is_no_backend() -> None:
    with pytest.raises(BackendError, match="MELTICA_HOT"):
        load("fpga9000")
