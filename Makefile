# Two commands set everything up: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TESTS := $(BIN)/pytest -n auto --dist worksteal

.PHONY: demo test test-all check fix bench clean constraints

# The demo states its moment, so that everybody gets the same answer.
DEMO_AS_OF := 2026-11-24T00:00:00Z

demo: $(STAMP)
	$(BIN)/advisor plan examples/q1-models.yaml --as-of $(DEMO_AS_OF) --out out

test: $(STAMP)
	$(TESTS) -m "not slow"

test-all: $(STAMP)
	$(TESTS)

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) test

fix: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP)
	$(BIN)/python -m bench

constraints: $(STAMP)
	$(BIN)/pip-compile --quiet --upgrade --strip-extras --all-extras --no-emit-index-url --no-emit-find-links \
	  --no-emit-trusted-host --no-header --no-annotate --output-file constraints.txt pyproject.toml

clean:
	rm -rf $(VENV) out build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one with make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@
