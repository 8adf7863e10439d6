#!/usr/bin/env bash
# Builds the extensions once more, with AddressSanitizer and UndefinedBehaviorSanitizer, and lets the tests that judge
# compiled code run on them: a read past a buffer or an overflow ends the run with a report, even where the result is right.
# tools/sanitize.sh [pytest arguments]   default: the conformance suite and the unit tests of the hot path
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD lib=$PWD/.cache/sanitized/lib
digest=$(cat setup.py $(find cython_ext -name '*.pyx' -o -name '*.pxd' -o -name '*.h' | LC_ALL=C sort) | sha256sum | cut -c1-16)
if [ ! -e "$lib/.built-$digest" ]; then
  rm -rf .cache/sanitized && mkdir -p .cache/sanitized
  # A copy, so that the generated C of the ordinary build stays as it is.
  cp -r setup.py pyproject.toml README.md cython_ext .cache/sanitized/ && rm -f .cache/sanitized/cython_ext/*.so .cache/sanitized/cython_ext/*.c
  (cd .cache/sanitized && CFLAGS="-O1 -g1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined" \
    "$root/.venv/bin/python" setup.py -q build --build-base build --build-lib "$lib" >build.log 2>&1) || { tail -n 40 .cache/sanitized/build.log; exit 1; }
  : >"$lib/.built-$digest"
fi
cp -r meltica "$lib/"  # Python may have changed without the extensions
asan=$(gcc -print-file-name=libasan.so) ubsan=$(gcc -print-file-name=libubsan.so)
if [ $# -eq 0 ]; then set -- tests/conformance tests/unit/hot -m "not slow"; fi
export PYTHONPATH=$lib PYTHONDONTWRITEBYTECODE=1 MELTICA_SANITIZED=1
# Python itself leaks on purpose at exit; its allocator hides overruns inside an arena, so malloc is used.
export ASAN_OPTIONS=detect_leaks=0:halt_on_error=1:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 PYTHONMALLOC=malloc
LD_PRELOAD="$asan $ubsan" .venv/bin/pytest -q --import-mode=append "$@"
