# Everything builds its own environment in .venv from pyproject.toml and constraints.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-gpu lint types docs check golden clean

help:  ## Show what can be made.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "epochal needs Python 3.11 or newer: make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $(STAMP)

demo: $(STAMP)  ## Set up and run the main job: AlexNet on handwritten digits, about a minute of training.
	$(BIN)/epochal demo

test: $(STAMP)  ## Set up and run the tests.
	$(BIN)/python -m pytest -n auto -m "not slow"

test-gpu: $(STAMP)  ## The tests that need a CUDA device, and the races on it.
	$(BIN)/python -m pytest -m gpu
	$(BIN)/python benchmarks/alexnet_training.py --device cuda --out results/benchmarks/alexnet_training_cuda.json

test-all: $(STAMP)  ## The tests, the slow ones too.
	$(BIN)/python -m pytest -n auto

lint: $(STAMP)  ## Check style.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)  ## Check types.
	$(BIN)/mypy

docs: $(STAMP)  ## Write the generated parts of the documentation again.
	$(BIN)/python docs/generate.py

docs-check: $(STAMP)  ## Check that the generated parts are current.
	$(BIN)/python docs/generate.py --check

check: test lint types docs-check  ## All that CI does.

golden: $(STAMP)  ## Write the golden losses again; review the difference.
	$(BIN)/python tests/golden/rewrite.py

clean:  ## Remove the environment and caches.
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
