# Everything builds its own environment in .venv from pyproject.toml and constraints.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-gpu races-gpu lint types docs check golden clean

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

test-gpu: $(STAMP)  ## The tests that need a CUDA device.
	$(BIN)/python -m pytest -m gpu

races-gpu: $(STAMP)  ## The races on a CUDA device; word vectors where EPOCHAL_DATA is set and gensim installed.
	$(BIN)/python benchmarks/alexnet_training.py --device cuda --out results/benchmarks/alexnet_training_cuda.json
	$(BIN)/python benchmarks/resnet_training.py --device cuda --network 18 --batch 256 --rounds 31 --out results/benchmarks/resnet18_training_cuda.json
	$(BIN)/python benchmarks/resnet_training.py --device cuda --network 20 --batch 128 --rounds 101 --out results/benchmarks/resnet20_training_cuda.json
	test -z "$$EPOCHAL_DATA" || $(BIN)/python benchmarks/word2vec.py wiki --analogies $$EPOCHAL_DATA/word-eval/questions-words.txt --pairs $$EPOCHAL_DATA/word-eval/EN-WS-353-ALL.txt --only epochal "epochal on a GPU" gensim --out results/benchmarks/word2vec_cuda.json

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
