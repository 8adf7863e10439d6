#!/usr/bin/env bash
# Judges the tree: `tools/check.sh quick` is the inner loop, `tools/check.sh all` is what CI runs.
# Each step prints one line; a failing step prints its output, and the rest still runs.
set -uo pipefail
cd "$(dirname "$0")/.."
which=${1:?usage: tools/check.sh quick|all}
mkdir -p .cache
failed=()

spent() { # process: seconds of processor time of what it has run so far; on a shared machine the clock says little
  awk '{print int(($16 + $17) / 100)}' "/proc/$1/stat"
}

counted() { # file for its seconds of processor time, command...
  (local file=$1 code=0; shift; "$@" || code=$?; spent "$BASHPID" >"$file"; exit "$code")
}

step() { # name, command...: silent unless it fails
  local name=$1 begin=$SECONDS; shift
  if counted .cache/step.spent "$@" >.cache/step.log 2>&1; then
    printf '  ok    %-48s %4d s, %4d s of processor\n' "$name" $((SECONDS - begin)) "$(<.cache/step.spent)"
  else
    failed+=("$name")
    printf '  FAIL  %-48s %4d s\n' "$name" $((SECONDS - begin))
    sed 's/^/        /' .cache/step.log
  fi
}

tests() { # name, pytest arguments...
  local name=$1 begin=$SECONDS; shift
  printf '  ....  %s\n' "$name"
  counted .cache/step.spent .venv/bin/python -m pytest -q "$@" || failed+=("$name")
  printf '  done  %-48s %4d s, %4d s of processor\n' "$name" $((SECONDS - begin)) "$(<.cache/step.spent)"
}

beside() { # short name, command...: its output, what became of it and its times go to files
  local file=.cache/beside-$1 begin=$SECONDS code=0; shift
  counted "$file.spent" "$@" >"$file.log" 2>&1 || code=$?
  echo "$code $((SECONDS - begin))" >"$file.code"
}

told() { # short name, name: what ran beside the rest
  local file=.cache/beside-$1 code=1 clock=0
  [ ! -e "$file.code" ] || read -r code clock <"$file.code"
  [ "$code" = 0 ] || failed+=("$2")
  printf '  %-4s  %-48s %4d s, %4d s of processor\n' "$([ "$code" = 0 ] && echo ok || echo FAIL)" "$2" "$clock" "$(cat "$file.spent" 2>/dev/null || echo 0)"
  cat "$file.log" 2>/dev/null || echo "it did not run"
}

echo "style, types, contracts, generated files"
step "ruff: lint" .venv/bin/ruff check .
step "ruff: format" .venv/bin/ruff format --check .
step "mypy: strict" .venv/bin/mypy
step "import-linter: the arrow" .venv/bin/lint-imports
step "buf: lint" .venv/bin/buf lint proto
step "buf: breaking" .venv/bin/buf breaking proto --against proto/baseline.binpb
step "buf: format" .venv/bin/buf format --diff --exit-code proto
step "generated: layout and rulebook" .venv/bin/python tools/gen_layout.py --check
step "generated: registers" .venv/bin/python tools/gen_regs.py --check
step "generated: gRPC" .venv/bin/python tools/gen_proto.py --check
step "generated: order states" .venv/bin/python tools/gen_states.py --check
step "HDL: Verilator, slang, verible" .venv/bin/python tools/lint_hdl.py

if [ "$which" = quick ]; then
  tests "tests, without the slow ones" tests -m "not slow" --ignore=tests/chaos
else
  rm -f .cache/beside-*
  step "instructions of each stage" .venv/bin/python -m bench.instructions
  # Two cores: what the software's tests leave of them, the card's proofs and benches take, and after those the sanitizers and
  # the fuzzer. Most tests over sockets wait, so they come early. Seeds are fixed, so that the judge is the same for everybody:
  # `make sim` and `make fuzz` draw new ones, `make formal` plants every bug, and a door of `make fuzz` has a core for itself.
  fixed=${SEED:-20191230}
  (SEED=$fixed beside formal nice .venv/bin/python -m fpga.formal --sample
    beside sanitizers nice tools/sanitize.sh) & proving=$!
  (SEED=$fixed beside cocotb nice .venv/bin/python -m pytest -q sim/rtl --timeout=1200
    FUZZ_AT_ONCE=4 FUZZ_NICE=10 FUZZ_SEED=${FUZZ_SEED:-$fixed} beside fuzz tools/fuzz.sh "${FUZZ_SECONDS:-60}") & simulating=$!
  tests "style and unit tests" tests/style tests/unit tests/fuzz
  tests "integration" tests/integration
  tests "conformance and replay" tests/conformance tests/replay
  tests "chaos" tests/chaos
  wait "$proving" "$simulating"
  told sanitizers "sanitizers: compiled code, fuzzer's inputs"
  told formal "formal: proofs and planted bugs"
  told cocotb "cocotb: the card's blocks"
  told fuzz "fuzz: ${FUZZ_SECONDS:-60} s a decoder, a tenth for what is behind"
fi

if [ ${#failed[@]} -gt 0 ]; then
  printf '\nFAILED: %s\n' "$(IFS=', '; echo "${failed[*]}")"
  exit 1
fi
printf '\nall green in %d s, %d s of processor\n' "$SECONDS" "$(spent $$)"
