# What people do with vosswitch. `make` alone lists it.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
CONFIG ?= etc/vosswitch.toml
# Most tests with real peers wait for somebody: four at a time keep two processors busy. Those marked "alone" come after.
TESTERS ?= 4
TESTS  := tests/unit plugins tests/integration tests/sim tests/interop

.PHONY: help env run test unit check fix lint types layers interop bench faults docs clean

help:  ## this list
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.prepared: setup.cfg pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "vosswitch needs Python 3.11 or newer (Debian: apt install python3 python3-venv)"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "vosswitch needs Python 3.11 or newer; $(PYTHON) is `$(PYTHON) -V`"; exit 1; }
	@echo "preparing the environment $(VENV), about half a minute ..."
	@$(PYTHON) -m venv $(VENV) || { echo "cannot make a virtual environment (Debian: apt install python3-venv)"; exit 1; }
	@$(BIN)/pip install --quiet --disable-pip-version-check --upgrade pip
	@PYTHONWARNINGS=ignore $(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test,dev]'
# twistd finds its plugins on sys.path only, where an editable install does not put the checkout by itself.
	@$(BIN)/python -c 'import sys, sysconfig; open(sysconfig.get_path("purelib") + "/vosswitch-checkout.pth", "w").write(sys.argv[1] + "\n")' '$(CURDIR)'
	@touch $@

env: $(VENV)/.prepared  ## prepare the virtual environment .venv

run: env  ## start a working switch with demo data; ARGS='--listen udp:127.0.0.1:5070'
	@$(BIN)/vosswitch --config $(CONFIG) migrate
# The demo data are loaded once, so that what an operator changes stays; and never where somebody's own configuration is.
ifeq ($(CONFIG),etc/vosswitch.toml)
	@test -e var/.demo || { $(BIN)/vosswitch --config $(CONFIG) load etc/demo.toml && touch var/.demo; }
endif
	@exec $(BIN)/twistd --nodaemon --pidfile= vosswitch --config $(CONFIG) $(ARGS)

test: env  ## the whole test suite; says what it skipped and why
# What fails beside others gets one more chance by itself, as a machine with few cores has its own delays; both runs are shown.
	@$(BIN)/pytest -n $(TESTERS) --dist loadfile -m "not alone" $(TESTS) \
	|| $(BIN)/pytest --last-failed --last-failed-no-failures none -m "not alone" $(TESTS) || failed=1; \
	$(BIN)/pytest -m alone $(TESTS) && test -z "$$failed"

unit: env  ## the fast tests only
	$(BIN)/pytest -q tests/unit

lint: env
	$(BIN)/ruff check vosswitch plugins tests twisted
	$(BIN)/ruff format --check vosswitch plugins tests twisted

types: env
	$(BIN)/mypy

layers: env
	$(BIN)/lint-imports

check: lint types layers test  ## ruff, mypy --strict, import-linter, tests

fix: env  ## format, and mend what ruff can mend
	$(BIN)/ruff check --fix vosswitch plugins tests twisted
	$(BIN)/ruff format vosswitch plugins tests twisted

interop: env  ## calls with real peers (sipp, baresip, ...)
	@$(MAKE) --no-print-directory test TESTS=tests/interop

bench: env  ## CPU per call and per packet, beside other systems
	$(BIN)/python -m tests.bench

faults: env  ## calls while the database, the disk, the clock or the switch fail; prints figures
	$(BIN)/python -m tests.faults

clean:  ## remove the environment and what the demo left
	rm -rf $(VENV) var .tox .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
