# The commands of this repository. `make` alone lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# The first of these that runs and can make a virtual environment. Another one: make PYTHON=/path/to/python3.12 ...
FITS := import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do $$p -c '$(FITS)' 2>/dev/null && { echo $$p; break; }; done)

# What pip is asked for to get torch. For its CPU build, the arguments that its installation page gives:
#   make install TORCH='torch==2.13.0 --index-url ...'
TORCH ?= torch

# Which tests, on how many processes, and further arguments for pytest: make test TESTS=tests/unit ARGS='-x -k lease'
TESTS ?= tests
WORKERS ?= 2
ARGS ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet
INSTALLED := .venv/.installed
CODE := $(foreach folder,src flows examples deployments benchmarks tests,$(if $(shell find $(folder) -name '*.py' -print -quit 2>/dev/null),$(folder)))

.PHONY: help
help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-21s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: install
install: $(INSTALLED)  ## make .venv and install everything into it (once, a few minutes)

$(INSTALLED): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "No Python 3.11, 3.12 or 3.13 with ensurepip found. Install one, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || { echo "making .venv with $$($(PYTHON) --version)"; $(PYTHON) -m venv .venv; }
	@echo "installing 1/2: torch"
	@$(PIP) install -c constraints.txt $(TORCH)
	@echo "installing 2/2: the library, with what its tests and checks need (a few minutes, once)"
	@$(PIP) install -c constraints.txt -e '.[test,check]'
	@touch $@

.PHONY: demo
demo: $(INSTALLED)  ## a season of claims through the whole loop, told act by act
	@$(BIN)/aiops-flows demo

.PHONY: demo-customer-service
demo-customer-service: $(INSTALLED)  ## the same for tickets: routed, summarized, with a reply to start from
	@$(BIN)/aiops-flows demo flows.tickets_story:tell

.PHONY: demo-planning
demo-planning: $(INSTALLED)  ## the same for orders: demand forecast, orders released or put to a planner
	@$(BIN)/aiops-flows demo flows.planning_story:tell

.PHONY: demo-maintenance
demo-maintenance: $(INSTALLED)  ## the same for machines: risk of failure, remaining life, work orders
	@$(BIN)/aiops-flows demo flows.machines_story:tell

.PHONY: test
test: $(INSTALLED)  ## run the tests (TESTS=tests/unit ARGS='-x' for some of them)
	@PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(TESTS) $(ARGS)

.PHONY: check
check: $(INSTALLED)  ## format, lint, types, who imports whom, and the wheel
	@echo "check 1/5: format";  $(BIN)/ruff format --check $(CODE)
	@echo "check 2/5: lint";    $(BIN)/ruff check --quiet $(CODE)
	@echo "check 3/5: types";   $(BIN)/mypy $(CODE)
	@echo "check 4/5: imports"; $(BIN)/lint-imports --no-cache --no-logo
	@echo "check 5/5: wheel";   $(MAKE) --no-print-directory wheel

.PHONY: wheel
wheel: $(INSTALLED)  ## build the wheel into dist/ and check that nothing is missing from it
	@rm -rf dist build && mkdir build
	@$(BIN)/python -m build --wheel --outdir dist . >build/log 2>&1 || { cat build/log >&2; exit 1; }
	@$(PIP) install --no-deps --target build/wheel dist/*.whl
	@diff -r --brief -x __pycache__ src/aiops_flows build/wheel/aiops_flows
	@cd build/wheel && ../../$(BIN)/python -c 'import aiops_flows, pathlib; assert pathlib.Path(aiops_flows.__file__).is_relative_to(pathlib.Path.cwd()); print("aiops_flows", aiops_flows.__version__)'

.PHONY: bench
bench: $(INSTALLED)  ## measure cost and quality beside their peers; figures go to benchmarks/
	@OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks

.PHONY: format
format: $(INSTALLED)  ## format the code and mend what the linter can
	@$(BIN)/ruff format $(CODE)
	@$(BIN)/ruff check --fix $(CODE)

.PHONY: clean
clean:  ## remove .venv and everything that was built
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
