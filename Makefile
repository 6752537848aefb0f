# Specwright. `make help` lists the commands.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:

MODEL ?= scripted
SPECS ?= 1
KILLS ?= 5
SEED ?= 1
PHASES ?=
PY := .venv/bin/python
FRONTEND_SOURCES := $(shell find frontend/src frontend/index.html frontend/vite.config.ts frontend/package.json -type f 2>/dev/null)

.PHONY: help setup demo up down check test evaluation bench soak screenshots histories openapi docs format clean
.PHONY: test-unit test-replay test-integration test-frontend test-e2e test-faults

help: ## Show this list
	@echo "make demo         run one spec from a sentence to a merged, tested branch"
	@echo "make demo MODEL=live   the same with ANTHROPIC_API_KEY"
	@echo "make test         everything CI runs"
	@echo "make up           start the stack, print URLs, stay up until Ctrl-C"
	@echo "make down         stop it from another terminal"
	@echo "make check        lint, types, import contracts, generated files"
	@echo "make evaluation   judge the regression set of documents"
	@echo "make bench        measure speed and memory"
	@echo "make soak         kill storm: SPECS=$(SPECS) KILLS=$(KILLS) SEED=$(SEED)"
	@echo "make soak PHASES=1 KILLS=30   the same while the phases are written, against a calm run"
	@echo "make screenshots  pictures of every page in screenshots/"
	@echo "make histories    store the demo's workflow histories for the replay tests"
	@echo "make openapi      regenerate the OpenAPI document and the TypeScript client"
	@echo "make docs         regenerate docs/reference"
	@echo "make format       format all code"
	@echo "make clean        remove databases, caches and build output of this checkout"

# Set-up. Each stamp is newer than what it was made from.

.venv/.stamp: pyproject.toml uv.lock
	@sh workers/dev/setup.sh git
	@uv=$$(sh workers/dev/setup.sh uv) && echo "setup: Python dependencies" && \
	  "$$uv" sync --frozen --quiet || { echo "setup: 'uv sync' failed: check the network and try again" >&2; exit 1; }
	@touch $@

.cache/temporal.stamp: .venv/.stamp
	@$(PY) -m workers.dev binaries
	@mkdir -p .cache && touch $@

frontend/node_modules/.stamp: frontend/package-lock.json
	@sh workers/dev/setup.sh node
	@echo "setup: frontend dependencies (about a minute the first time)"
	@cd frontend && npm ci --silent --no-audit --no-fund || { echo "setup: 'npm ci' failed: check the network and try again" >&2; exit 1; }
	@touch $@

frontend/dist/index.html: frontend/node_modules/.stamp $(FRONTEND_SOURCES)
	@echo "setup: building the frontend"
	@cd frontend && npm run --silent build -- --logLevel error
	@touch $@

setup: .venv/.stamp .cache/temporal.stamp frontend/dist/index.html ## Everything that the other commands need

# Use.

demo: setup ## One spec, start to end
	@$(PY) -m workers.dev demo --model $(MODEL)

up: setup ## The stack, until Ctrl-C
	@$(PY) -m workers.dev up

down: .venv/.stamp ## Stop it
	@$(PY) -m workers.dev down

# Prove.

check: .venv/.stamp frontend/node_modules/.stamp ## Lint, types, contracts, drift
	@.venv/bin/ruff format --check --quiet . || { echo "check: run 'make format'" >&2; exit 1; }
	@.venv/bin/ruff check --quiet .
	@.venv/bin/lint-imports --no-logo > .cache/lint-imports.log 2>&1 || { cat .cache/lint-imports.log; exit 1; }
	@.venv/bin/basedpyright | tail -n 1
	@$(PY) -m api --openapi .cache/openapi.json && cmp -s .cache/openapi.json api/openapi.json || { echo "check: run 'make openapi'" >&2; exit 1; }
	@$(PY) -m workers.dev.reference --check || { echo "check: run 'make docs'" >&2; exit 1; }
	@cd frontend && npx --no-install biome check --error-on-warnings . && npx --no-install tsc --noEmit
	@cd frontend && npx --no-install openapi-typescript ../api/openapi.json -o ../.cache/schema.d.ts > /dev/null 2>&1 && cmp -s ../.cache/schema.d.ts src/shared/api/generated/schema.d.ts || { echo "check: run 'make openapi'" >&2; exit 1; }
	@echo "check: passed"

test: setup ## Everything
	@$(PY) -m tests.run

evaluation: .venv/.stamp ## The regression set
	@$(PY) -m tests.evaluation

bench: setup ## Speed and memory
	@$(PY) -m tests.bench

soak: setup ## Kill storm
	@if [ -n "$(PHASES)" ]; then $(PY) -m tests.soak_phases --kills $(KILLS) --seed $(SEED); \
	  else $(PY) -m tests.soak --specs $(SPECS) --kills $(KILLS) --seed $(SEED); fi

screenshots: setup ## Pictures of every page
	@CHROMIUM_PATH="$$(sh workers/dev/setup.sh chromium)" $(PY) -m tests.screenshots

histories: setup ## Replay material
	@$(PY) -m tests.record_histories

docs: .venv/.stamp ## The generated reference
	@$(PY) -m workers.dev.reference

openapi: .venv/.stamp frontend/node_modules/.stamp ## Generated files
	@$(PY) -m api --openapi api/openapi.json
	@cd frontend && npm run --silent generate > /dev/null

format: .venv/.stamp frontend/node_modules/.stamp ## Format
	@.venv/bin/ruff format --quiet . && .venv/bin/ruff check --quiet --fix .
	@cd frontend && npx --no-install biome check --write .

clean: ## Start anew; the Temporal CLI outside the checkout stays
	@rm -rf .cache frontend/dist frontend/node_modules .venv .tools screenshots
