# Welkin's commands.  `make help` explains them; ARGS="..." is handed on to the programs behind up, bench,
# conformance, faults and fuzz.
SHELL := /bin/bash
.SHELLFLAGS := -eu -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
BIN := .venv/bin
ARGS ?=
# Two tests at once, as many as the smallest machine has processors; tests/conftest.py says what follows each other.
PYTEST := $(BIN)/pytest -n 2 --dist loadscope
FAST := not qemu and not root and not slow and not contract and not client and not postgres and not thorough
PATHS := src $(wildcard tests) $(wildcard docs) $(wildcard bench)

.PHONY: help up down purge install install-dev install-test install-contract lint format check test contract bench \
	conformance faults fuzz docs lock fresh

help:  ## Explain every target
	@echo "Two commands to begin with: make up (a cloud on this machine), make check (before each commit)."
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile

# --- a cloud on this machine

up: install  ## Install what is missing and start the cloud in the background; once it runs, change nothing
	@$(BIN)/welkin up $(ARGS)

down:  ## Stop the control plane; guests live on
	@test ! -x $(BIN)/welkin || $(BIN)/welkin down $(ARGS)

purge:  ## Remove the cloud without a trace: guests, networks, disks, files
	@test ! -x $(BIN)/welkin || $(BIN)/welkin purge $(ARGS)

install:  ## Install the system packages and .venv from the locks, without starting anything
	@scripts/install.sh run

# --- before a commit

check: lint  ## Format, lint, types, import contracts and the fast tests, in under a minute
	@$(PYTEST) -q -m "$(FAST)"

test: install-test lint  ## All of check, and the tests with real guests, networks and PostgreSQL; no long suites
	@$(PYTEST) -m "not slow and not contract"

lint: install-dev  ## The part of check that runs nothing: format, lint, types, import contracts
	@$(BIN)/ruff format --quiet --check $(PATHS) || { echo "make format mends this"; exit 1; }
	@$(BIN)/ruff check --quiet $(PATHS)
	@$(BIN)/mypy --strict
	@said=$$($(BIN)/lint-imports --no-logo) || { echo "$$said"; exit 1; }

format: install-dev  ## Format the source, and mend what the linter can mend by itself
	@$(BIN)/ruff format $(PATHS)
	@$(BIN)/ruff check --fix --quiet $(PATHS)

install-dev:
	@scripts/install.sh dev

install-test:
	@scripts/install.sh test

install-contract:
	@scripts/install.sh contract

# --- long suites

contract: install-contract  ## Run unmodified clients, ssh and a browser against a running cloud with real guests
	@$(BIN)/pytest -m contract $(ARGS) tests/contract

bench: install-test  ## Measure requests, boots, start-up and memory against the budgets
	@$(BIN)/python -m tests.bench $(ARGS)

conformance: install-test  ## Run Tempest against a running cloud; print passed, failed, skipped
	@$(BIN)/python -m tests.conformance $(ARGS)

faults: install-test  ## Kill everything at random moments, many seeds; nothing is stuck, nothing leaks
	@$(BIN)/python -m tests.faults $(ARGS)

fuzz: install-test  ## Send bad input to every route; no 5xx, no hang
	@$(BIN)/python -m tests.fuzz $(ARGS)

fresh:  ## Prove make install and make check on a fresh Debian 12 in a temporary folder (root)
	@tests/fresh.sh

# --- what is generated

docs: install-dev  ## Generate the pages that are made from the code
	@$(BIN)/python -m welkin.docs $(ARGS)

lock: install-dev  ## Choose and lock exact versions of all dependencies; ARGS=--upgrade for the newest
	@scripts/lock.sh $(ARGS)
