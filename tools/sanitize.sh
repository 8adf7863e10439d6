#!/usr/bin/env bash
# Builds the extensions once more, with AddressSanitizer and UndefinedBehaviorSanitizer, and lets what judges compiled code run
# on them: a read past a buffer or an overflow ends the run with a report, even where the result is right.
# tools/sanitize.sh                     conformance, the hot path's unit tests, and all inputs of the fuzzer (REPLAY_S=3 each door)
# tools/sanitize.sh pytest arguments    these tests alone
# tools/sanitize.sh --planted           shows that it would be noticed: a read past the end is planted into a copy and must be found
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD cache=$PWD/.cache/sanitized

build() { # folder with setup.py and cython_ext -> its lib/
  (cd "$1" && CFLAGS="-g1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined" MELTICA_CFLAGS=-Og \
    "$root/.venv/bin/python" setup.py -q build -j "$(nproc)" --build-base build --build-lib "$1/lib" >build.log 2>&1) || { tail -n 40 "$1/build.log"; exit 1; }
}

copy() { # to a new folder, so that the ordinary build stays as it is; its generated C is taken along where it is not out of date
  rm -rf "$1" && mkdir -p "$1"
  cp -rp setup.py pyproject.toml README.md cython_ext "$1/" && rm -f "$1"/cython_ext/*.so
}

asan=$(gcc -print-file-name=libasan.so) ubsan=$(gcc -print-file-name=libubsan.so)
on() { # lib, command...: with the sanitized modules of that folder in front of all others
  local lib=$1; shift
  # Python itself leaks on purpose at exit; its allocator hides overruns inside an arena, so malloc is used.
  env PYTHONPATH="$lib:$root" PYTHONDONTWRITEBYTECODE=1 MELTICA_SANITIZED="$lib" PYTHONMALLOC=malloc \
    ASAN_OPTIONS=detect_leaks=0:halt_on_error=1:abort_on_error=1:allocator_may_return_null=1 \
    UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 LD_PRELOAD="$asan $ubsan" "$@"
}

replay() { on "$1" "$root/.venv/bin/python" -P -m tests.fuzz.replay "${@:2}"; }

lib=$cache/lib
digest=$(cat setup.py $(find cython_ext -name '*.pyx' -o -name '*.pxd' -o -name '*.h' | LC_ALL=C sort) | sha256sum | cut -c1-16)
if [ ! -e "$lib/.built-$digest" ]; then
  copy "$cache" && build "$cache"
  : >"$lib/.built-$digest"
fi
# A module that was not built with it would pass whatever it does.
for module in "$lib"/cython_ext/*.so; do
  [[ $(nm -D "$module") == *__asan_init* ]] || { echo "$module is not sanitized"; exit 1; }
done
rm -rf "$lib/meltica" && cp -r meltica "$lib/"  # Python may have changed without the extensions

if [ "${1:-}" = --planted ]; then
  planted=$root/.cache/planted
  copy "$planted"
  # The decoder of the columns takes the end of the buffer for 64 bytes later than it is.
  sed -i 's/if at + MARGIN > size:/if at > size:/' "$planted/cython_ext/itch.pyx"
  ! cmp -s cython_ext/itch.pyx "$planted/cython_ext/itch.pyx" || { echo "nothing was planted: the line is not there any more"; exit 1; }
  cp -r "$lib" "$planted/lib" && rm "$planted"/lib/cython_ext/itch.*.so
  (export MELTICA_MODULES=itch; build "$planted")
  if replay "$planted/lib" 5 itch_columns >"$planted/found.log" 2>&1; then
    echo "the planted read past the end was NOT noticed"; exit 1
  fi
  grep -m1 'ERROR: AddressSanitizer' "$planted/found.log" || { tail -n 20 "$planted/found.log"; exit 1; }
  echo "the planted read past the end was noticed"
  exit 0
fi

# Captured by the file descriptor, what a sanitizer says on its way out would be lost with the process.
tests() { on "$lib" .venv/bin/pytest -q --import-mode=append --capture=sys -p tests.fuzz.sanitized "$@"; }
if [ $# -gt 0 ]; then tests "$@"; exit; fi
# Two cores: the tests on one, the fuzzer's inputs on the other.
replay "$lib" "${REPLAY_S:-3}" >.cache/sanitized/replay.log 2>&1 & replaying=$!
status=0
# Left out: what is Python (the twins, Binance's books, the matrices, the generated files); the remote gate, whose compiled part has its own suite here;
# what the loops call and where pages lie, which is asked of the ordinary build; the steps, which have another sanitizer of their own.
tests tests/conformance tests/unit/hot -m "not slow" -k "not [python and not -python" \
  --ignore=tests/conformance/test_hot_loops_are_bare.py --ignore=tests/conformance/test_shared_steps.py \
  --ignore=tests/conformance/test_fix_matrices.py --ignore=tests/conformance/test_recordings_binance.py \
  --ignore=tests/conformance/test_layout_languages.py --ignore=tests/conformance/test_gate_remote.py \
  --deselect=tests/conformance/test_shared_segments.py::test_pages_are_where_they_were_asked_for_or_it_is_said || status=1
if wait "$replaying"; then
  echo "the fuzzer's inputs: $(grep -c '  ok  ' .cache/sanitized/replay.log) doors, $(sed -nE 's/.*  ([0-9]+) of .*/\1/p' .cache/sanitized/replay.log | paste -sd+ | bc) inputs, no finding"
else
  status=1
  grep -A 25 -E 'ERROR: AddressSanitizer|runtime error|Traceback' .cache/sanitized/replay.log || tail -n 30 .cache/sanitized/replay.log
  echo "while replaying: $(cat .cache/fuzz/replaying-* 2>/dev/null)"
fi
exit $status
