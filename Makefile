# Everything a contributor does. Each target makes .venv when it is missing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO ?= demo

.PHONY: setup check test test-long demo bench docs clean

setup: $(READY)

# constraints.txt first: a range alone would pull a torch build with gigabytes of CUDA packages.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "aigc needs Python 3.11 or newer: make PYTHON=python3.11 setup")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -U pip
	$(BIN)/python -m pip install -q -c constraints.txt torch
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]'
	touch $(READY)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python docs/make_commands.py --check

test: $(READY)
	$(BIN)/python -m pytest -n auto --dist worksteal

test-long: $(READY)
	$(BIN)/python -m pytest -m long -s

demo: $(READY)
	AIGC=$(CURDIR)/$(BIN)/aigc OUT=$(DEMO) bash pipelines/text.sh

bench: $(READY)
	for script in benchmarks/bench_*.py; do $(BIN)/python $$script || exit 1; done

docs: $(READY)
	$(BIN)/python docs/make_commands.py

clean:
	rm -rf $(DEMO) runs .aigc build *.egg-info
