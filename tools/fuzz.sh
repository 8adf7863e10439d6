#!/usr/bin/env bash
# Fuzzes the decoders: tools/fuzz.sh SECONDS [door ...]   seconds for each door, FUZZ_AT_ONCE=2 doors at a time.
# Default: all doors, and those that stand behind a decoder (machines fed with whole records) get a tenth of the time.
# One line for each door; on a finding the path of the input, how to replay it, and exit 1. Inputs that reached new code stay
# in .cache/fuzz/, so that a longer run goes on where the last one ended.
set -uo pipefail
cd "$(dirname "$0")/.."
seconds=${1:?usage: tools/fuzz.sh SECONDS [door ...]}; shift
case $seconds in ''|*[!0-9]*|0) echo "SECONDS is a positive whole number, not '$seconds'" >&2; exit 2 ;; esac
behind=" itch_book gate link_gateway link_gate gate_process shared_segment hot_journal ouch_port "
python=.venv/bin/python logs=.cache/fuzz/logs
mkdir -p "$logs"
if ! "$python" -c 'import atheris' 2>/dev/null; then
  echo "atheris has no wheel for this Python ($("$python" -V)): the seeds and kept inputs are replayed by tests/fuzz all the same"
  exit 0
fi
known=$("$python" -m tests.fuzz.run --list) || exit 1
if [ $# -eq 0 ]; then set -- $known; else behind=""; fi
for door in "$@"; do
  grep -qx -- "$door" <<<"$known" || { echo "no door '$door'; there are: "$known >&2; exit 2; }
done

one() { # door
  local log=$logs/$1.log begin=$SECONDS seconds=$seconds count size
  case $behind in *" $1 "*) seconds=$(((seconds + 9) / 10)) ;; esac
  if nice -n "${FUZZ_NICE:-0}" "$python" -m tests.fuzz.run "$1" "$seconds" >"$log" 2>&1; then
    count=$(sed -nE 's/^stat::number_of_executed_units: *([0-9]+).*/\1/p' "$log")
    size=$(find ".cache/fuzz/$1" -type f | wc -l)
    if [ -z "$count" ]; then echo "  FAIL  $1: ended without its figures, see $log"; return 1; fi
    printf '  ok    %-16s %9d executions, corpus of %5d, %4d s\n' "$1" "$count" "$size" $((SECONDS - begin))
  else
    printf '  FAIL  %-16s see %s\n' "$1" "$log"
    grep -E '(Error|Exception|ERROR).*' "$log" | tail -n 3 | cut -c1-300 | sed 's/^/        /'
    sed -nE 's/.*Test unit written to (.*)/        the input: \1/p' "$log"
    echo "        again:     .venv/bin/python -m tests.fuzz.run $1 --replay THE_INPUT"
    return 1
  fi
}
export -f one
export seconds behind logs python
printf '%s\n' "$@" | xargs -P "${FUZZ_AT_ONCE:-2}" -I{} bash -c 'one {}' || exit 1
