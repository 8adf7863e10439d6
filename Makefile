# One door. `make demo` and `make test` set up whatever they need; everything else is for developers.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PY := .venv/bin/python

help: ## What there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 21

demo: $(if $(filter fpga,$(HOT)),dev,runtime) ## Trade on the paper venue for 20 seconds, kill switch, verify (DATA=recording, DEMO_SECONDS=20, SEED=7, HOT=fpga)
	@$(if $(filter fpga,$(HOT)),$(PY) -m sim.device.demo,$(PY) -m meltica.app.cli demo) $(if $(DATA),--data '$(DATA)') $(if $(DEMO_SECONDS),--seconds $(DEMO_SECONDS)) $(if $(SEED),--seed $(SEED))

up: runtime ## Leave a gateway running on 127.0.0.1:50051 (CONFIG=file.toml)
	@$(PY) -m meltica.app.cli up $(if $(CONFIG),--settings '$(CONFIG)')

down: ## Stop it
	@$(PY) -m meltica.app.cli down $(if $(CONFIG),--settings '$(CONFIG)')

test: dev ## Everything: style, types, generated files, instructions, all tests, sanitizers, a minute of fuzzing a decoder
	@tools/check.sh all

check: dev ## The two-minute inner loop: style, types, generated files, quick tests
	@tools/check.sh quick

fuzz: dev ## Fuzz the decoders, two at a time (SECONDS=60 for each, DOORS="ouch50 gate"; all of them without DOORS)
	@tools/fuzz.sh $(or $(SECONDS),60) $(DOORS)

sanitize: dev ## Compiled code under AddressSanitizer and UBSan: its tests and all inputs of the fuzzer
	@tools/sanitize.sh

sim: dev ## The benches of the card's blocks: cocotb on Verilator (BLOCK=risk_gate, SEED=7, WAVES=1)
	@$(PY) -m sim.rtl $(BLOCK)

formal: dev ## Prove what the card promises, and that each proof fails on its planted bugs (PROOF="kill_switch ...")
	@$(PY) -m fpga.formal $(PROOF)

lint-hdl: dev ## Verilator -Wall, verible and slang over all blocks of the card (BLOCK=risk_gate)
	@$(PY) tools/lint_hdl.py $(BLOCK)

mutants: dev ## Break every check in each of the three gates and see the conformance run fail (SEED=n)
	@MELTICA_MUTANTS=all $(if $(SEED),SEED=$(SEED)) $(PY) -m pytest -q tests/conformance/test_gate_mutants.py

crash-points: dev ## 10,000 power cuts during a gateway's day: nothing acknowledged is lost (POINTS=n, SEED=n)
	@MELTICA_CRASH_POINTS=$(or $(POINTS),10000) $(if $(SEED),SEED=$(SEED)) $(PY) -m pytest -q -s tests/chaos/test_power_cut_images.py

world: dev ## The gateway, two venues and people on simulated time under faults (SEED=n, SECONDS=300, FAULTS=all, WORLDS=1)
	@$(PY) -m sim.world $(if $(SEED),--seed $(SEED)) --seconds $(or $(filter-out 0,$(SECONDS)),300) --faults $(or $(FAULTS),all) $(if $(GATES),--gates $(GATES)) --worlds $(or $(WORLDS),1)

instructions: dev ## Instructions of each stage of the hot path against the baseline (UPDATE=1 writes it anew)
	@$(PY) -m bench.instructions $(if $(UPDATE),--update)

bench: bench-setup ## The figures of docs/latency_budget.md (ONLY=gate, RUNS=7)
	@$(PY) -m bench $(if $(ONLY),--only $(ONLY)) $(if $(RUNS),--runs $(RUNS)) $(if $(JSON),--json)

gen: dev ## Write the generated files again
	@$(PY) tools/gen_layout.py
	@$(PY) tools/gen_regs.py
	@$(PY) tools/gen_proto.py

format: dev ## Format the Python code
	@.venv/bin/ruff format -q . && .venv/bin/ruff check -q --fix .

runtime:
	@tools/bootstrap.sh runtime
dev:
	@tools/bootstrap.sh dev
bench-setup:
	@tools/bootstrap.sh bench

clean: ## Remove what was built; journals and certificates in .meltica stay
	@rm -rf .venv .cache build *.egg-info cython_ext/*.c cython_ext/*.so .mypy_cache .ruff_cache .hypothesis .import_linter_cache

.PHONY: help demo up down test check fuzz sanitize sim formal lint-hdl mutants crash-points world instructions bench gen format runtime dev bench-setup clean
