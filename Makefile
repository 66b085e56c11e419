# Guildhall. Every target sets itself up: Python 3.11 and make are all that it takes.
#
#   make demo                 one problem's whole journey, live      (DUMP=dir, ARGS=--once)
#   make test                 everything that needs no Docker and no JVM
#   make test-kafka           delivery on Apache Kafka and a three-node replica set (needs Java 17 and Maven)
#   make bench ARGS=...       the benchmarks, such as ARGS='messaging --stack apache'
#   make lint                 formatting, lint, types, architecture
#   make dotenv               write .env with fresh secrets, for docker compose up
#   make contracts            generate schemas, AsyncAPI and OpenAPI anew
#   make lock                 resolve the dependencies anew

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
PY := $(VENV)/bin/python
# The newest Python that will do; PYTHON=... overrides.
PYTHON ?= $(firstword $(foreach p,python3.11 python3.12 python3.13 python3,\
  $(shell $(p) -c 'import sys; sys.version_info >= (3, 11) and print("$(p)")' 2>/dev/null)))
# Named after the lock: another lock, another environment.
LOCKED := $(shell cat requirements-dev.lock pyproject.toml | cksum | cut -d' ' -f1)
READY := $(VENV)/.ready-$(LOCKED)
PYTEST := $(VENV)/bin/pytest -q

.PHONY: help setup dotenv demo test test-kafka bench lint format lock contracts clean

help:
	@sed -n 's/^#   //p' Makefile

setup: $(READY)

$(READY):
	@if [ -z "$(PYTHON)" ]; then echo "Guildhall needs Python 3.11 or newer, and found none: install it or say make PYTHON=/path/to/python"; exit 1; fi
	@if ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then echo "$(PYTHON) has no venv module: install it (Debian: apt-get install python3-venv)"; exit 1; fi
	@echo "setting up $(VENV) from requirements-dev.lock, about a minute"
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# DUMP is a directory with a Stack Exchange dump; ARGS are the command's.
demo: $(READY)
	@$(VENV)/bin/guildhall demo $(if $(DUMP),--dump "$(DUMP)") $(ARGS)

test: $(READY)
	@echo "unit, contract, component, integration and delivery tests on the embedded stack, a few minutes"
	@$(PYTEST) -m "not kafka and not docker" $(ARGS)

# The integration tests again, and the tests that kill brokers, on the real thing.
test-kafka: $(READY)
	@echo "integration and delivery tests on Apache Kafka and a three-node replica set, some minutes"
	@GUILDHALL_STACK=apache GUILDHALL_MONGO_NODES=3 $(PYTEST) -m "not docker" tests/integration tests/chaos $(ARGS)

bench: $(READY)
	@$(VENV)/bin/guildhall bench $(ARGS)

lint: $(READY)
	@echo "ruff, mypy, import-linter"
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/ruff format --quiet --check .
	@$(VENV)/bin/mypy --no-error-summary
	@$(VENV)/bin/lint-imports --no-logo

format: $(READY)
	@$(VENV)/bin/ruff check --quiet --fix .
	@$(VENV)/bin/ruff format --quiet .

contracts: $(READY)
	@$(VENV)/bin/guildhall contracts generate

# Hashes for every platform, and no index address.
LOCK := $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-emit-find-links --no-header --no-annotate pyproject.toml
lock: $(READY)
	@echo "resolving requirements.lock and requirements-dev.lock"
	@$(LOCK) $(ARGS) -o requirements.lock
	@$(LOCK) $(ARGS) --extra stack --extra dev -o requirements-dev.lock
	@grep '^hatchling==' requirements-dev.lock | cut -d' ' -f1 | $(LOCK:pyproject.toml=-) -o deploy/images/requirements-build.lock

# What docker-compose.yml asks for, with fresh secrets; an existing file is left alone.
OUT ?= .env
dotenv:
	@if [ -s "$(OUT)" ]; then echo "$(OUT) exists and is left as it is"; else \
	  (umask 077; $(PYTHON) deploy/compose/dotenv.py <.env.example >"$(OUT)"); \
	  echo "wrote $(OUT) with fresh secrets; now: docker compose up --build"; fi

clean:
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .guildhall
	@find services shared deploy tests -name __pycache__ -type d -prune -exec rm -rf {} +
