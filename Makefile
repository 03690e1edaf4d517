# The commands of this project. `make` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header

.DEFAULT_GOAL := help
.PHONY: help demo run setup test check cover fix fuzz bench docs lock clean

help: ## show these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/runtime ## set up, then see sample alerts become an incident
	@$(BIN)/tocsin demo

run: $(VENV)/runtime ## set up, then serve the default database on http://127.0.0.1:8080
	$(BIN)/tocsin init
	$(BIN)/tocsin serve

setup: $(VENV)/dev ## install everything that development needs into .venv

test: $(VENV)/dev ## set up, then run all tests
	$(BIN)/pytest -n auto --dist loadfile

check: $(VENV)/dev ## format, lint, types, import contracts, generated documents, then all tests: what CI runs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check
	$(MAKE) test

cover: $(VENV)/dev ## run all tests, then say which branches of the code they did not take
	$(BIN)/pytest --cov --cov-report=term-missing:skip-covered

fix: $(VENV)/dev ## format, and mend what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

fuzz: $(VENV)/dev ## send many requests made from the OpenAPI document, and ask many random searches
	TOCSIN_TEST_FUZZ_EXAMPLES=$${TOCSIN_TEST_FUZZ_EXAMPLES:-200} $(BIN)/pytest tests/test_fuzz.py tests/test_search_language.py

bench: $(VENV)/runtime ## measure a conversion against its bare statements, and spreadsheets of a million rows
	$(BIN)/python benchmarks/conversion.py
	$(BIN)/python benchmarks/spreadsheets.py

docs: $(VENV)/dev ## write the generated reference pages
	$(BIN)/python docs/generate.py

lock: $(VENV)/dev ## resolve dependencies anew into requirements/
	$(COMPILE) --upgrade --group build -o requirements/runtime.txt
	$(COMPILE) --upgrade --group dev -o requirements/dev.txt

clean: ## remove everything that can be made again
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist

$(VENV)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "Python's venv module is needed: on Debian and Ubuntu, apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/runtime: $(VENV)/python requirements/runtime.txt pyproject.toml
	$(BIN)/pip install --quiet --require-hashes -r requirements/runtime.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev: $(VENV)/runtime requirements/dev.txt
	$(BIN)/pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $@
