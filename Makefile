# Two commands matter: `make demo` and `make test`. Everything else serves them.
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
STAMP := $(VENV)/.stamps
PIPELINES := cycles,mitsuba,splats,diffusion
LINKS := $(if $(PIP_FIND_LINKS),$(foreach place,$(PIP_FIND_LINKS),--find-links $(place)))
# An engine may not write into its libraries: without their bytecode each start would compile torch anew.
INSTALL = $(UV) pip install -q --compile-bytecode $(LINKS) -c requirements.lock
export RAYFARM_HOME ?= $(CURDIR)/.rayfarm
export RAY_USAGE_STATS_ENABLED := 0

.PHONY: addon help demo up down seed status test test-full style openapi-lint check fix bench bench-dispatch bench-latency bench-million bench-http load simulate chaos fuzz gpu-check setup setup-pipelines setup-dev lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: ## set up, start the farm, render the sample through the REST API
	@start=$$(date +%s.%N); $(MAKE) --no-print-directory setup && \
	RAYFARM_DEMO_SETUP_SECONDS=$$(echo "$$(date +%s.%N) $$start" | awk '{printf "%.1f", $$1-$$2}') \
	$(BIN)/python -m rayfarm.demo

up: setup ## start the farm on this machine (embedded PostgreSQL, local disk, local Ray)
	@$(BIN)/rayfarm up

down: ## stop it; nothing of it keeps running
	@if [ -x $(BIN)/rayfarm ]; then $(BIN)/rayfarm down; fi

seed: setup ## fill the farm of this machine with projects, people, models and jobs in every state, for development
	@$(BIN)/python -m cluster.local.seed

status: ## what runs
	@$(BIN)/rayfarm status

test: setup-dev ## every test that needs no GPU or cloud
	@.ci/suites $(SUITES)

test-full: setup-dev ## the slow suites too
	@.ci/suites --full

style: setup-dev
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

openapi-lint: setup-dev ## the OpenAPI document against Redocly's recommended rules (needs Node.js 20)
	@PYTHON=$(BIN)/python .ci/openapi/lint

check: style openapi-lint ## linters, types, secrets in the tree, known holes of what is pinned; edits nothing
	@$(BIN)/mypy
	@$(BIN)/python .ci/security

fix: setup-dev ## what the linters can mend
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

bench: setup-dev ## warm over cold, Rayfarm over the bare engine loop, one frame on two replicas, against loadtests/budgets.toml
	@failed=0; $(BIN)/python -m loadtests.bench_render $(BENCH) || failed=1; \
	  for bench in pipelines cancel split; do $(BIN)/python -m loadtests.bench_$$bench || failed=1; done; exit $$failed

simulate: setup-dev ## a farm of thousands, planned by the real planner over a real PostgreSQL, against loadtests/budgets.toml
	@$(BIN)/python -m loadtests.simulate $(SIMULATE)

bench-dispatch: setup-dev ## no-op frames per second end to end, and procrastinate beside it (BENCH=--million: also a million frames)
	@$(BIN)/python -m loadtests.bench_dispatch $(BENCH)

bench-million: setup-dev ## whether a million frames cost what a thousand do: submit, pages, statements, reuse
	@$(BIN)/python -m loadtests.bench_million

bench-latency: setup-dev ## submit to first frame on a resident model, and cancel to engine stopped
	@$(BIN)/python -m loadtests.bench_latency $(BENCH)

bench-http: setup-dev ## what HAProxy and Ray Serve add to a status read, over the same handler on bare uvicorn
	@$(BIN)/python -m loadtests.bench_http $(BENCH)

load: setup-dev ## artists, watchers, programs and operators at once, against loadtests/budgets.toml (USERS=30 MINUTES=1)
	@$(BIN)/python -m loadtests.load $(if $(USERS),--users $(USERS)) $(if $(MINUTES),--minutes $(MINUTES))

fuzz: setup-dev ## the API against its own OpenAPI document (SECONDS=600, SEED= the printed one, ONLY= a regex of operation ids)
	@$(BIN)/python -m tests.fuzz $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only '$(ONLY)')

chaos: setup-dev ## kill, stop and fill whatever the farm consists of, then count its frames (MINUTES=10, SEED= the printed one)
	@$(BIN)/python -m tests.chaos $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

addon: $(STAMP)/run ## the Blender extension as a zip, in build/
	@$(BIN)/python clients/blender/build.py

gpu-check: setup-pipelines ## the GPU variants on a machine that has one: compared with the CPU, timed
	@$(BIN)/python -m loadtests.gpu_check

setup: $(STAMP)/run
	@:
setup-pipelines: $(STAMP)/pipelines ## every pipeline and the post steps (4 GB); `setup` has cycles alone
	@:
setup-dev: $(STAMP)/dev $(STAMP)/oidc
	@:

$(UV):
	@command -v $(PYTHON) >/dev/null || { echo "Rayfarm needs Python 3.11: apt-get install python3.11 python3.11-venv (or set PYTHON=)"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q "uv>=0.9,<1"

$(STAMP)/run: pyproject.toml requirements.lock | $(UV)
	@.ci/system-packages cycles
	@$(INSTALL) -e '.[cycles]'
	@mkdir -p $(STAMP) && touch $@

$(STAMP)/pipelines: $(STAMP)/run
	@.ci/system-packages cycles mitsuba
	@echo "Installing all pipelines: 4 GB, some minutes, in which .venv/bin/rayfarm may be away"
	@$(INSTALL) -e '.[$(PIPELINES),post,torch]'
	@echo "A farm that is up knows of them after: make down up"
	@touch $@

$(STAMP)/dev: $(STAMP)/pipelines
	@$(INSTALL) -e '.[$(PIPELINES),post,torch,dev]'
	@touch $@

lock: $(UV) ## resolve requirements.lock anew
	@$(UV) pip compile pyproject.toml --extra cycles --extra mitsuba --extra splats --extra diffusion --extra post --extra dev \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-package torch -c <(echo torch==2.13.0) $(LINKS) \
	  --custom-compile-command "make lock" -q -o requirements.lock

$(STAMP)/oidc: tests/oidc/package.json tests/oidc/package-lock.json | $(STAMP)/dev
	@command -v npm >/dev/null || { echo "The tests of single sign-on need Node 20 with npm: apt-get install nodejs npm"; exit 1; }
	@cd tests/oidc && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

clean: down ## the farm's data and what was built
	@rm -rf build $(RAYFARM_HOME)
