#!/usr/bin/env bash
# Judges the tree: `tools/check.sh quick` is the inner loop, `tools/check.sh all` is what CI runs.
# Each step prints one line; a failing step prints its output, and the rest still runs.
set -uo pipefail
cd "$(dirname "$0")/.."
which=${1:?usage: tools/check.sh quick|all}
mkdir -p .cache
failed=()

spent() { # seconds of processor time of all that has ended so far: on a shared machine the clock says little
  awk '{print int(($16 + $17) / 100)}' "/proc/$$/stat"
}

step() { # name, command...
  local name=$1 begin=$SECONDS before; before=$(spent); shift
  if "$@" >.cache/step.log 2>&1; then
    printf '  ok    %-48s %4d s, %4d s of processor\n' "$name" $((SECONDS - begin)) $(($(spent) - before))
  else
    failed+=("$name")
    printf '  FAIL  %-48s %4d s\n' "$name" $((SECONDS - begin))
    sed 's/^/        /' .cache/step.log
  fi
}

tests() { # name, pytest arguments...
  local name=$1 begin=$SECONDS before; before=$(spent); shift
  printf '  ....  %s\n' "$name"
  .venv/bin/python -m pytest -q "$@" || failed+=("$name")
  printf '  done  %-48s %4d s, %4d s of processor\n' "$name" $((SECONDS - begin)) $(($(spent) - before))
}

joined() { # name, process, log: what ran beside the rest
  local name=$1 begin=$SECONDS before; before=$(spent)
  if wait "$2"; then
    printf '  ok    %-48s %4d s more, %4d s of processor\n' "$name" $((SECONDS - begin)) $(($(spent) - before))
  else
    failed+=("$name")
    printf '  FAIL  %-48s\n' "$name"
  fi
  cat "$3"
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
  step "instructions of each stage" .venv/bin/python -m bench.instructions
  # Two cores, two lanes: the card's proofs and benches beside the tests of the software.
  # The seed is fixed as the fuzzer's is; `make sim` draws one, and `make formal` plants every bug.
  SEED="${SEED:-20191230}" nice .venv/bin/python -m fpga.formal --sample >.cache/formal.log 2>&1 & proving=$!
  SEED="${SEED:-20191230}" nice .venv/bin/python -m pytest -q sim/rtl --timeout=1200 --durations=40 >.cache/cocotb.log 2>&1 & simulating=$!
  tests "style and unit tests" tests/style tests/unit tests/fuzz
  tests "conformance and replay" tests/conformance tests/replay
  step "sanitizers: compiled code, fuzzer's inputs" tools/sanitize.sh
  joined "formal: proofs and planted bugs" $proving .cache/formal.log
  joined "cocotb: the card's blocks" $simulating .cache/cocotb.log
  # Tests over sockets wait most of the time: the fuzzer takes what they leave of the two cores.
  # Its seed is fixed, so that the judge is the same for everybody; `make fuzz` draws a new one each time, and has a core for each door.
  FUZZ_AT_ONCE=4 FUZZ_SEED="${FUZZ_SEED:-20191230}" FUZZ_NICE=10 tools/fuzz.sh "${FUZZ_SECONDS:-60}" >.cache/fuzz.log 2>&1 & fuzzing=$!
  tests "integration" tests/integration
  tests "chaos" tests/chaos
  joined "fuzz: ${FUZZ_SECONDS:-60} s a decoder, a tenth for what is behind" $fuzzing .cache/fuzz.log
fi

if [ ${#failed[@]} -gt 0 ]; then
  printf '\nFAILED: %s\n' "$(IFS=', '; echo "${failed[*]}")"
  exit 1
fi
printf '\nall green in %d s, %d s of processor\n' "$SECONDS" "$(spent)"
