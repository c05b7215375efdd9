PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format ops

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/'

setup:  ## create .venv with everything (about a minute; again: no time)
	@$(PYTHON) tools/setup_env.py

demo: setup  ## render hands, train on them, test, predict
	$(BIN)/python tools/demo.py

lint: setup  ## check format, style and types
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

test: lint  ## lint and all tests, with the coverage floor
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile --cov --cov-report=term

format: setup  ## format the code
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

ops: setup  ## compile mmcv's operators (20 minutes; only mmdet needs them)
	@$(PYTHON) tools/setup_env.py --ops
