# The lab's commands. `make lab` is the one a learner needs; `make help` lists the others.
# Works with the make of Linux and macOS. On Windows see README.md.

# The first Python on the path that is new enough; choose another with  make lab PYTHON=...
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo $$python; break; }; done)

BIN := .venv/bin
LESSON ?= lessons/00_welcome/lesson.ipynb
# Passed on to JupyterLab, for example  make lab LAB_ARGS="--no-browser --port=9000"
LAB_ARGS ?=
# In a container one is often root, and Jupyter wants to be told that this is meant.
AS_ROOT := $(shell test "$$(id -u)" != 0 || echo --allow-root)
# Processes that share the tests.
JOBS ?= 2
# Passed on to the benchmarks, for example  make bench BENCH_ARGS="--quick vjp ensembles"
BENCH_ARGS ?=
BENCH := build/bench/bin/python

PACKAGE := pyproject.toml requirements.lock $(wildcard binder/jupyter/*.py binder/jupyter/*/*.json)
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --constraint requirements.lock
# The lessons as students get them, and the assignments with their solutions. (The solutions of the
# lessons are run by tests/lessons.)
NOTEBOOKS = $(wildcard lessons/*/lesson.ipynb lessons/assignments/source/*/*.ipynb)

.PHONY: help lab test lint types unit notebooks browser bench binder-check lock picture clean

help:
	@echo "make lab           open JupyterLab on the first lesson (makes the environment first)"
	@echo "make test          everything that has to pass: lint, types, tests, lessons, browser"
	@echo "make lint          ruff and pyright;  make types unit notebooks browser run one part"
	@echo "make bench         our solvers and gradients beside those of others, on this machine"
	@echo "make binder-check  the steps of Binder in a fresh environment, then a lesson in it"
	@echo "make lock          choose new exact versions (requirements.lock)"
	@echo "make clean         delete the environment and what the tools left"

# --- The environment: made once, again only when the project file or the lock changes. ---

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer was found: install one, or say  make lab PYTHON=/path/to/python3.12"; exit 1; }
	@echo "[1/3] Making a Python environment in .venv (with $(PYTHON)) ..."
	@"$(PYTHON)" -m venv .venv

.venv/.lab: $(PACKAGE) | $(BIN)/python
	@echo "[2/3] Installing JupyterLab and the lab, pinned by requirements.lock (about a minute, 400 MB) ..."
	@$(INSTALL) setuptools
	@$(INSTALL) --no-build-isolation --editable ".[lab,classroom,accel]"
	@mkdir -p .venv/etc/jupyter && cp -R binder/jupyter/. .venv/etc/jupyter/
	@$(BIN)/python -c "import matplotlib.pyplot" # makes the font cache now, not in the first lesson
	@touch $@

.venv/.dev: .venv/.lab
	@echo "Installing the test tools ..."
	@$(INSTALL) --no-build-isolation --editable ".[lab,classroom,accel,dev]"
	@touch $@

# --- What a learner needs. ---

lab: .venv/.lab
	@echo "[3/3] Opening JupyterLab on $(LESSON). Stop it with Ctrl-C here."
	@$(BIN)/sciml-lab doctor --warm >.venv/warm.log 2>&1 & # compiles kernels while the reader reads
	@$(BIN)/jupyter lab $(AS_ROOT) --ServerApp.root_dir="$(CURDIR)" \
		--LabApp.default_url="/lab/tree/$(LESSON)" $(LAB_ARGS)

# --- What has to pass. ---

test: lint types unit notebooks browser
	@echo "All checks passed."

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.dev
	$(BIN)/pyright

unit: .venv/.dev
	$(BIN)/pytest -n $(JOBS) -m "not browser"

# Students' forms are up to date, and every notebook runs from top to bottom. The cells of one
# stay together: --dist loadfile.
notebooks: .venv/.dev
	$(BIN)/sciml-lab lesson build --check
	$(BIN)/sciml-lab assignment build --check
	$(BIN)/pytest -n $(JOBS) --dist loadfile -W default --timeout 600 \
		--nbval-lax --nbval-current-env --nbval-cell-timeout=60 $(NOTEBOOKS)

browser: .venv/.dev
	$(BIN)/pytest -s tests/browser

# The peers have an environment of their own; one that can't be installed is named in the tables.
build/bench/.made: requirements.lock benchmarks/peers.txt
	@echo "Making the benchmarks' environment in build/bench (a few minutes, 2 GB) ..."
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer was found: say  make bench PYTHON=/path/to/python3.12"; exit 1; }
	@"$(PYTHON)" -m venv build/bench
	@$(BENCH) -m pip install -qq --disable-pip-version-check -c requirements.lock setuptools
	@$(BENCH) -m pip install -qq --disable-pip-version-check -c requirements.lock \
		--no-build-isolation --editable ".[accel]" scipy autograd matplotlib
	@command -v gfortran >/dev/null && command -v cmake >/dev/null || echo "numbalsoda needs a Fortran" \
		"compiler (gfortran) and cmake; without them it is left out of the tables."
	@grep -v '^#' benchmarks/peers.txt | while read peer; do $(BENCH) -m pip install -qq \
		--disable-pip-version-check -c requirements.lock "$$peer" \
		|| echo "$$peer could not be installed: it is left out of the tables."; done
	@touch $@

bench: build/bench/.made
	$(BENCH) benchmarks/run.py $(BENCH_ARGS)

binder-check:
	"$(PYTHON)" binder/check.py

# --- For maintainers. ---

# One lock for every Python and system: it pins all extras, and every install reads it as constraints.
lock: $(BIN)/python
	@$(BIN)/python -m venv build/uv && build/uv/bin/python -m pip install --quiet uv
	@echo "setuptools" | build/uv/bin/uv pip compile pyproject.toml - --all-extras --universal \
		--python-version 3.11 --fork-strategy fewest --upgrade --quiet --no-emit-index-url \
		--no-emit-find-links --no-header --no-annotate --output-file requirements.lock
	@echo "requirements.lock has $$(wc -l < requirements.lock) pins; run  make test  before committing it."

picture: .venv/.lab
	$(BIN)/python docs/picture.py

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .hypothesis .ruff_cache .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
