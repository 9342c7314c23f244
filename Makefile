# Every task of this repository. `make` alone lists them.

PYTHON ?= python3
BIN := .venv/bin
JOBS ?= 2
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
DIST ?= loadfile
PYTEST = $(BIN)/python -m pytest -n $(JOBS) --dist $(DIST)
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --extra embedded --universal --python-version 3.11 --generate-hashes --no-header
# Tests make databases by the hundred, none of which has to outlive the machine. (A comment after a value adds a space.)
MEMORY := $(shell df -k --output=avail /dev/shm 2>/dev/null | awk 'NR == 2 && $$1 > 4000000 {print "/dev/shm"}')
unexport PYTHONDONTWRITEBYTECODE # tests start programs by the hundred, and each would compile itself anew
WEB_SOURCES := $(shell find infra/web schema/examples -type f -not -path '*/node_modules/*' -not -path '*/dist/*')

.DEFAULT_GOAL := help
.PHONY: help setup run test lint fmt bench crash samples sdl lock clean dev servers
.DELETE_ON_ERROR:

help: ## List the tasks
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: .venv/.installed .venv/.web ## Create .venv with the locked packages, and build the browser pages

run: setup ## Show a whole migration on the embedded servers, then keep serving (ONCE=1: end after the summary)
	$(BIN)/wherry demo $(if $(filter-out 0,$(ONCE)),--once)

test: export TMPDIR := $(or $(TMPDIR),$(MEMORY),/tmp)
test: dev servers .venv/.web ## Run every test; servers that are missing are installed where allowed (INSTALL=0: never), in JOBS processes
	$(PYTEST) $(ARGS)

lint: dev ## Check style, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: dev ## Format the code and apply the safe fixes
	$(BIN)/ruff check --fix --exit-zero
	$(BIN)/ruff format

bench: dev servers ## Measure speed, and write the figures to .bench/
	$(BIN)/python -m pytest -m bench -s --timeout=0 tests/benchmarks $(ARGS)

samples: dev servers ## Migrate every sample database (WHERRY_SAMPLES) to every engine, and print what became of it
	$(BIN)/python -m pytest -m "samples or slow" --timeout=0 tests/samples $(ARGS)

crash: JOBS = 3
crash: DIST = worksteal
crash: dev servers ## Kill and cut everything that can be killed or cut, some hundred times, and print what became of it
	$(PYTEST) -m "not bench and not samples and not wide and not share" tests/crash $$($(BIN)/python -m tests.crash.matrix) $(ARGS)

sdl: dev ## Write the GraphQL schema to schema/schema.graphql
	$(BIN)/python -m resolvers.sdl

lock: .venv/.installed ## Choose the newest allowed packages and write the requirements files
	$(PIP) install --quiet uv
	$(LOCK) --upgrade --output-file requirements.txt
	$(LOCK) --group dev --constraint requirements.txt --upgrade --output-file requirements-dev.txt

clean: ## Remove everything that the tasks create, but no data
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .bench build dist *.egg-info
	rm -rf infra/web/node_modules infra/web/dist tests/conformance/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

dev: .venv/.dev

servers:
	@sh tests/support/install_servers.sh "$(INSTALL)"

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'Wherry needs Python 3.11 or newer: make PYTHON=/path/to/python3'; exit 1; }
	@$(PYTHON) -m venv .venv \
		|| { rm -rf .venv; test "$$(id -u)" = 0 && apt-get install -y python3-venv && $(PYTHON) -m venv .venv; } \
		|| { rm -rf .venv; echo 'No virtual environment could be made. On Debian: apt-get install python3-venv'; exit 1; }

.venv/.installed: requirements.txt pyproject.toml $(wildcard infra/connectors/native/*.[ch]) | .venv/bin/python
	$(PIP) install --quiet --require-hashes -r requirements.txt
	$(PIP) install --quiet --no-deps -e .
	@touch $@

.venv/.dev: requirements-dev.txt .venv/.installed
	$(PIP) install --quiet --require-hashes -r requirements-dev.txt
	@touch $@

.venv/.web: $(WEB_SOURCES) | .venv/bin/python
	@if ! node --version >/dev/null 2>&1 || ! npm --version >/dev/null 2>&1; then \
		echo 'The pages in the browser are left out: they need Node 20.19 or newer and npm. The API needs neither.'; \
	elif (cd infra/web && npm ci --silent --no-audit --no-fund && npm run --silent build -- --logLevel warn); then \
		touch $@; \
	else \
		echo 'The pages in the browser are left out: building them failed (see above). The API does not need them.'; \
	fi
