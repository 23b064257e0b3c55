# Two commands do everything from a fresh clone: `make reports` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: reports test test-ray lint docs published benchmarks clean

reports: $(VENV)/.notebooks  ## the quick pages, about three minutes of compute a notebook
	$(BIN)/papers run --profile quick
	@echo "Open reports/quick/index.html"

published: $(VENV)/.notebooks  ## remake the tracked pages of reports/full
	$(BIN)/papers run --profile full

test: $(VENV)/.dev lint
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test-ray: $(VENV)/.dev  ## installs Ray, too, and compares a sweep on it with processes; a minute or two on an idle machine
	$(PIP) -e '.[ray]'
	$(BIN)/python -m pytest tests/sweep/test_ray.py tests/notebooks/test_ray_backend.py

docs: $(VENV)/.notebooks  ## the interface as pages in docs/api (ignored by git)
	$(PIP) -e '.[docs]'
	$(BIN)/pdoc papers_lib data_gen --docformat google --no-show-source -o docs/api

benchmarks: $(VENV)/.notebooks  ## what a training step costs here, as one table; five minutes of an idle machine; ARGS=--publish keeps it
	$(BIN)/python -m benchmarks $(ARGS)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "make: python3-venv is needed (Debian: apt install python3-venv)"; exit 1; }

# torch first and by itself: the same command then serves CPU-only and GPU machines.
$(VENV)/.notebooks: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) torch
	$(PIP) -e '.[notebooks]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) torch
	$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/.notebooks

clean:  ## forget cached runs and generated data; published pages stay
	rm -rf cache data reports/quick reports/smoke
