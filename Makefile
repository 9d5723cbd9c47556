# Two commands do everything on a fresh machine that has Python and a package index: `make run` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime
TESTING := $(VENV)/.testing
BUNDLE := static/dist/.built

.PHONY: run test soak lint bundle clean

run: $(RUNTIME) $(BUNDLE)
	@exec $(BIN)/python -m notebookproject.launch

test: $(TESTING) $(BUNDLE)
	@$(BIN)/python -m tests.support.browser
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python -m pytest -n 2 --dist loadgroup

soak: $(TESTING)
	$(BIN)/python -m tests.live.soak

lint: $(TESTING)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/mypy

bundle: $(BUNDLE)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "cascade: Python 3.11 or newer is needed; set PYTHON to one, as in: make run PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ echo "cascade: no virtual environment could be made; on Debian, install the package python3-venv" >&2; exit 1; }

$(RUNTIME): requirements.txt | $(VENV)/bin/python
	@echo "Installing what Cascade needs (once)..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(TESTING): requirements.txt requirements-dev.txt | $(RUNTIME)
	@echo "Installing what the tests need (once)..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

$(BUNDLE): package.json package-lock.json $(wildcard frontend/*) | $(RUNTIME)
	@echo "Building the editor (once)..."
	@$(BIN)/python frontend/build.py
	@touch $@

clean:
	rm -rf $(VENV) node_modules static/dist
