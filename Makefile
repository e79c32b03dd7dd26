# Every command a person types. `make` alone lists them.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv/bin
CONFIG ?= config/config.yaml
CORES ?= all

.PHONY: help setup dev demo test test-full lint format docs doctor unlock

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup:  ## build the environments (.venv, and swift in the cache folder)
	@$(PYTHON) workflow/scripts/environment.py pipeline swift

dev: setup
	@$(PYTHON) workflow/scripts/environment.py dev

demo: setup  ## train, merge and score a tiny Qwen3-Omni on this machine's CPU
	@$(VENV)/python workflow/scripts/demo.py run --cores $(CORES)

test: dev  ## everything that needs no GPU
	@$(VENV)/python -m pytest tests

lint: dev  ## ruff, mypy, snakefmt, snakemake --lint
	@$(VENV)/ruff check . && $(VENV)/ruff format --check .
	@$(VENV)/mypy
	@$(VENV)/snakefmt --check Snakefile rules

format: dev  ## rewrite the code in the house's form
	@$(VENV)/ruff check --fix . && $(VENV)/ruff format .
	@$(VENV)/snakefmt Snakefile rules

docs: setup  ## write config/README.md and config/schema.json anew
	@$(VENV)/python workflow/scripts/describe_config.py

doctor: setup  ## what this machine lacks, with the fix
	@$(VENV)/python workflow/scripts/doctor.py

unlock: setup  ## free the folder after a killed snakemake
	@$(VENV)/snakemake --unlock --configfile $(CONFIG)
