# Everything here starts from nothing: it makes .venv with PYTHON, and makes it anew when setup.cfg changes.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && exit; done; echo python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
# The Autobahn test suite, which needs Python 2.7 and a virtual environment of its own; and its reports.
AUTOBAHN ?= build/autobahntestsuite
CONFORMANCE ?= build/conformance
# The logs and the report of "make soak".
SOAK ?= build/soak
# The logs and the report of "make reload".
RELOAD ?= build/reload
# Most tests wait for sockets and processes: more of them run at a time than there are cores.
JOBS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1); [ $$n -lt 8 ] || n=8; expr $$n + 1)
# compat: only then does twistd find twisted/plugins/panolb_plugin.py in a checkout.
EDITABLE := --config-settings editable_mode=compat --editable

# Container images often set it. The tests start hundreds of panolbs, each of which would then compile all of panolb anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test real others servers check lint imports types tests conformance fuzz soak reload coverage format docs bench clean

help:  ## list what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | \
		while IFS="$$(printf '\t')" read -r target text; do printf 'make %-12s %s\n' "$$target" "$$text"; done

demo: $(VENV)/installed  ## two demo members behind a balancer on http://127.0.0.1:10081/panopticon/ (Ctrl-C ends it)
	@exec $(BIN)/twistd --nodaemon --pidfile= panolb --demo

test: $(VENV)/installed-test servers  ## everything that must hold: lint, types, imports and all tests
	@$(MAKE) --no-print-directory --jobs 3 --output-sync=target lint types imports
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=line real others

# The Tomcats of tests/real are shared by all of them: side by side with everything else, they are run one by one.
real: $(VENV)/installed-test
	PANOLB_REAL_PEER=httpd-conf $(BIN)/python -m pytest tests/real
	$(BIN)/python -m pytest tests/real

# By itself xdist begins with the files that have the most tests, which are the quickest; see tests/conftest.py.
others: $(VENV)/installed-test
	$(BIN)/python -m pytest --ignore tests/real --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder

tests: $(VENV)/installed-test  ## the tests alone; ARGS="-k word" chooses
	$(BIN)/python -m pytest $(ARGS)

servers:  ## install the real servers that tests need (Debian, as root), or say why not
	@sh ops/install-test-servers

lint: $(VENV)/installed-test  ## ruff: mistakes, style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/installed-test  ## let ruff repair what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/installed-test  ## mypy, strict
	$(BIN)/mypy

imports: $(VENV)/installed-test  ## import-linter: imports go one way only
	$(BIN)/lint-imports --no-logo

conformance: $(AUTOBAHN)/installed $(VENV)/installed-test  ## the Autobahn test suite for WebSockets; PYTHON2=/path/to/python2.7 CASES="6.4.* 7.*"
	@$(BIN)/python -m tests.conformance --suite $(AUTOBAHN) --out $(CONFORMANCE) $(if $(CASES),--cases "$(CASES)")

fuzz: $(VENV)/installed-fuzz  ## feed everything that panolb reads with odd bytes, on and on; TIME=600 seconds, ARGS="--target frames"
	@$(BIN)/python -m tests.fuzz $(if $(TIME),--time $(TIME)) $(ARGS)

soak: $(VENV)/installed-test  ## ten minutes of mixed traffic while members are killed, frozen and drained; TIME=600 seconds
	@$(BIN)/python -m tests.soak --seconds $(or $(TIME),600) --directory $(SOAK)

reload: $(VENV)/installed-test  ## fifty reloads under load, in which nothing may be lost; ARGS="--reloads 200 --httpd-conf"
	@$(BIN)/python -m tests.reload --directory $(RELOAD) $(ARGS)

coverage: $(VENV)/installed-test  ## the tests again, with the lines and branches that they miss
	$(BIN)/python -m pytest --cov --cov-report=term

docs: $(VENV)/installed-docs  ## the documentation, in docs/_build/html
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html
	@echo docs/_build/html/index.html

bench: $(VENV)/installed-bench  ## panolb beside the other balancers installed here; ARGS= as in README.rst
	$(BIN)/python -m bench $(ARGS)

clean:  ## remove everything that was made
	rm -rf $(VENV) build dist docs/_build htmlcov .coverage .coverage.* *.egg-info
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis _trial_temp*
	rm -f twisted/plugins/dropin.cache twistd.log twistd.pid
	find bench docs panolb tests twisted -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the virtual environment; a stamp per set of extras ---

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "panolb needs Python 3.11 or newer; say which: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
		{ echo "$(PYTHON) cannot make virtual environments; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/installed: setup.cfg | $(BIN)/python
	@echo "Installing panolb into $(VENV) ..."
	@$(PIP) install $(EDITABLE) .
	@touch $@

$(VENV)/installed-test: setup.cfg | $(BIN)/python
	@echo "Installing panolb, its tests' and its tools' packages into $(VENV) ..."
	@$(PIP) install $(EDITABLE) '.[test,dev]'
	@touch $@ $(VENV)/installed

# atheris has no wheels for every system; without it mutations are not guided by coverage.
$(VENV)/installed-fuzz: $(VENV)/installed-test
	@$(PIP) install atheris 2>/dev/null || echo "atheris cannot be installed here: fuzzing goes on without it"
	@touch $@

$(VENV)/installed-docs: setup.cfg | $(BIN)/python
	@echo "Installing what the documentation needs into $(VENV) ..."
	@$(PIP) install $(EDITABLE) '.[docs]'
	@touch $@ $(VENV)/installed

$(VENV)/installed-bench: setup.cfg | $(BIN)/python
	@echo "Installing what the benchmark needs into $(VENV) ..."
	@$(PIP) install $(EDITABLE) '.[bench]'
	@touch $@ $(VENV)/installed

$(AUTOBAHN)/installed: tests/conformance/requirements-python2.txt
	@test -n "$(PYTHON2)" || { echo "The Autobahn test suite needs Python 2.7; say where it is:" \
		"make conformance PYTHON2=/path/to/python2.7" >&2; exit 2; }
	@"$(PYTHON2)" -c 'import sys; sys.exit(sys.version_info[:2] != (2, 7))' 2>/dev/null || \
		{ echo "$(PYTHON2) is no Python 2.7, which the Autobahn test suite needs" >&2; exit 2; }
	@echo "Installing the Autobahn test suite into $(AUTOBAHN) ..."
	@rm -rf $(AUTOBAHN) && mkdir -p $(AUTOBAHN)
	@{ "$(PYTHON2)" -m pip -qq install --target $(AUTOBAHN)/virtualenv virtualenv==16.7.12 && \
		"$(PYTHON2)" $(AUTOBAHN)/virtualenv/virtualenv.py --quiet --no-download $(AUTOBAHN) && \
		$(AUTOBAHN)/bin/pip -qq install --requirement $<; } >$(AUTOBAHN)/log 2>&1 || { cat $(AUTOBAHN)/log >&2; exit 2; }
	@touch $@
