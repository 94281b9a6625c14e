# The commands of this project. Each sets up what it needs; `make help` lists them.
PYTHON ?= python3
BIN := .venv/bin
SETUP := .venv/.installed
# Most of what takes long waits for others: with three workers two processors were idle half of the time.
WORKERS ?= $(shell echo $$(( ($$(nproc) * 5 + 1) / 2 )))

# Where it is set, each of the hundreds of processes that the tests start would compile all modules anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow chaos bench scale lint docs screenshots reference migrations clean

help: ## List the commands.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

setup: $(SETUP) ## Install into .venv what the other commands need; each does so by itself.

demo: $(SETUP) ## Run the demo: a sample repository, kept deployed while you watch. ARGS=--once ends when all is done; DOCKER=1 insists on Docker, DOCKER=0 leaves it out.
	@$(BIN)/python -m deployer_site.demo $(if $(DOCKER),--docker $(if $(filter 0 no,$(DOCKER)),no,yes)) $(ARGS)

test: $(SETUP) ## Run the tests. ARGS are pytest's.
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

test-slow: $(SETUP) ## Run the long sweeps: more examples, more kills.
	HYPOTHESIS_PROFILE=slow DEPLOYER_CHAOS_ROUNDS=100 $(BIN)/python -m pytest -m "slow or not slow" $(ARGS)

chaos: $(SETUP) ## Break everything at random for an hour and check that nothing is lost or doubled. DEPLOYER_CHAOS_FAULTS=200, DEPLOYER_CHAOS_SEED to repeat a run; needs root.
	$(BIN)/python -m tests.chaos $(ARGS)

bench: $(SETUP) ## Print the figures of the hot paths, as ratios.
	$(BIN)/python -m bench $(ARGS)

scale: $(SETUP) ## Print how quick deployers of several sizes are and what they cost: an hour. ARGS="--help" tells of shorter ones.
	@$(BIN)/python -m bench.scale $(ARGS)

lint: $(SETUP) ## Check style, types, imports, and that what is generated is current.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run --verbosity 0
	$(BIN)/python manage.py write_reference --check
	$(BIN)/python manage.py describe_services --check

docs: $(SETUP) ## Build the documentation into site/.
	$(BIN)/mkdocs build --strict

screenshots: $(SETUP) ## Write docs/images/ again: a picture of each page, in a world made for it. ARGS are names of pictures.
	$(BIN)/python -m tests.screenshots $(ARGS)

reference: $(SETUP) ## Write the generated pages of the reference again.
	$(BIN)/python manage.py write_reference
	$(BIN)/python manage.py describe_services

clean: ## Remove what the commands above made, but the demo's data.
	rm -rf .venv site build dist *.egg-info

$(SETUP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 …")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing (a minute the first time) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(SETUP)
