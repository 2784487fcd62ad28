# Two commands do everything: `make demo` and `make test`. Each has a virtual environment of its own.
PYTHON ?= python3
DEMO_VENV := .venv-demo
TEST_VENV := .venv-test

# Labelled-set files of real wafers for the tests that want them; they are skipped where it is absent.
export WM_EDGE_DATA ?= $(abspath ../shared/data)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Debian without python3-venv cannot put pip into a new environment; the machine's pip then does.
define make_venv
	@test -x $(1)/bin/pip || { \
	  $(PYTHON) -m venv --clear $(1) >/dev/null 2>&1 || { \
	    $(PYTHON) -m venv --clear --without-pip $(1) && \
	    $(PYTHON) -m pip --python $(1)/bin/python install --quiet pip; }; }
endef

# The report is looked at in a real browser; where none can be installed, that test says so.
define get_chromium
	command -v chromium >/dev/null || command -v google-chrome >/dev/null || { \
	  echo "installing Chromium ..."; SUDO=; test "$$(id -u)" -eq 0 || SUDO="sudo -n"; \
	  { $$SUDO apt-get update -qq && $$SUDO env DEBIAN_FRONTEND=noninteractive \
	    apt-get install -y -qq --no-install-recommends chromium; } >/dev/null 2>&1; } || \
	  echo "no Chromium and no right to install it: the browser test will be skipped"
endef

.PHONY: help demo test lint benchmark clean

help:
	@echo "make demo       classify the sample wafers with the model that ships"
	@echo "make test       install everything and run linters and the whole test suite"
	@echo "make lint       linters and type checker alone (after make test)"
	@echo "make benchmark  speed and memory of this machine (after make test)"
	@echo "make clean      remove the virtual environments"

demo:
	$(call make_venv,$(DEMO_VENV))
	@echo "installing the station (a minute the first time) ..."
	@$(DEMO_VENV)/bin/pip install --quiet .
	@$(DEMO_VENV)/bin/wm-edge classify --format table samples; code=$$?; \
	  echo; echo "Three of the samples are broken on purpose: a bad file never stops the others."; \
	  echo "The others are drawn, and two look mixed or unfamiliar to a model of real wafers: these go to a person."; \
	  echo "Next: $(DEMO_VENV)/bin/wm-edge --help"; \
	  test $$code -le 1

test:
	$(call make_venv,$(TEST_VENV))
	@echo "installing everything (TensorFlow is large) ..."
	@$(TEST_VENV)/bin/pip install --quiet --editable '.[dev]'
	@$(MAKE) --no-print-directory lint
	@$(get_chromium)
	$(TEST_VENV)/bin/python -m pytest -n 2 --dist loadgroup

lint:
	$(TEST_VENV)/bin/ruff check .
	$(TEST_VENV)/bin/ruff format --check .
	$(TEST_VENV)/bin/mypy

benchmark:
	$(TEST_VENV)/bin/python benchmarks/station.py

clean:
	rm -rf $(DEMO_VENV) $(TEST_VENV) build *.egg-info
