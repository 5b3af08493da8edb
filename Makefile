# Every verb of the project. `make setup` is a prerequisite of all of them: nothing else needs installing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The matrices of this library are tiny: BLAS threads cost an order of magnitude, so workers run with one.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
export MKL_NUM_THREADS ?= 1

.PHONY: help setup setup-trace format check test bench figures docs demo clean

help:
	@echo "make demo     certified design for a ray-traced street, with pictures in out/demo"
	@echo "make test     the whole test suite"
	@echo "make check    format, lint, types, layers, fast tests (about a minute)"
	@echo "make bench    performance, as ratios against the conic reference"
	@echo "make figures  the figures of the papers into out/figures"
	@echo "make docs     the documentation into site/"
	@echo "make setup    only the virtual environment (the verbs above do it themselves)"

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "crbeam needs Python 3.11 or newer, found " + sys.version)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

setup: $(VENV)/.ready

setup-trace: setup
	$(BIN)/python -m pip install --quiet --editable '.[trace]'

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	$(BIN)/pytest -n 2 -m "not slow"

test: setup
	$(BIN)/pytest -n 2

bench: setup
	$(BIN)/python -m benchmarks

figures: setup
	$(BIN)/crbeam figure zhang2025 --out out/figures

docs: setup
	$(BIN)/mkdocs build --strict

demo: setup
	$(BIN)/python -m examples.munich

clean:
	rm -rf $(VENV) site out dist build
