PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test check docs clean

demo: $(READY)  ## both services simulated: a first sync, changes, a second sync
	$(BIN)/connector demo

test: $(READY)  ## every test, on all cores
	$(BIN)/pytest -n auto --dist worksteal

check: $(READY)  ## what must hold before a commit: format, lint, types, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(MAKE) test

docs: $(READY)  ## what is made of the mapping language: its page and its JSON Schema
	$(BIN)/python docs/generate.py

clean:  ## take away what was made here
	rm -rf $(VENV) demo build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

# The stamp is younger than pyproject.toml only after a whole installation.
$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@
