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

# Tests use real parts: a browser, an MQTT broker, a video server, compilers with their libraries, emulated
# boards (tests/support/parts.py tries each). What cannot be installed, the tests that need it say so.
define get_packages
	@wanted=$$($(TEST_VENV)/bin/python -m tests.support.parts) || exit 1; test -z "$$wanted" || { \
	  SUDO=; test "$$(id -u)" -eq 0 || SUDO="sudo -n"; \
	  get() { $$SUDO env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
	    apt-get install -y -q --no-install-recommends "$$@"; }; \
	  echo "installing $$wanted ..."; $$SUDO apt-get update -q; \
	  get $$wanted || for package in $$wanted; do get $$package; done; \
	  left=$$($(TEST_VENV)/bin/python -m tests.support.parts); test -z "$$left" || \
	    echo "cannot install $$left: the tests that need them are skipped"; }
endef

.PHONY: help demo test soak lint benchmark clean

help:
	@echo "make demo       classify the sample wafers with the model that ships"
	@echo "make test       install everything and run linters and the whole test suite"
	@echo "make soak       the station under load and kill -9, half an hour (after make test)"
	@echo "make lint       linters and type checker alone (after make test)"
	@echo "make benchmark  speed and memory of this machine (after make test)"
	@echo "make clean      remove the virtual environments"

demo:
	$(call make_venv,$(DEMO_VENV))
	@echo "installing the station (a minute the first time) ..."
	@$(DEMO_VENV)/bin/pip install --quiet .
	@$(DEMO_VENV)/bin/wm-edge classify --format table samples; code=$$?; \
	  echo; echo "Three of the samples are broken on purpose, one does not say what passes: a bad file never stops the others."; \
	  echo "The others are drawn, and two look mixed or unfamiliar to a model of real wafers: these go to a person."; \
	  $(DEMO_VENV)/bin/wm-edge show samples/fab/edge-ring.g85.xml samples/fab/text-map.txt; \
	  echo "Next: $(DEMO_VENV)/bin/wm-edge --help"; \
	  test $$code -le 1

# So small products of matrices take many times as long where threads wait for each other; what
# classifies sets the same.
test: export OPENBLAS_NUM_THREADS = 1
test:
	$(call make_venv,$(TEST_VENV))
	@echo "installing everything (TensorFlow is large) ..."
	@$(TEST_VENV)/bin/pip install --quiet --editable '.[dev]'
	@$(MAKE) --no-print-directory lint
	@$(get_packages)
	$(TEST_VENV)/bin/python -m pytest -n 2 --dist loadgroup

soak:
	WM_EDGE_SOAK=1 $(TEST_VENV)/bin/python -m pytest tests/soak

lint:
	$(TEST_VENV)/bin/ruff check .
	$(TEST_VENV)/bin/ruff format --check .
	$(TEST_VENV)/bin/mypy
	$(TEST_VENV)/bin/lint-imports --no-cache --no-logo

benchmark:
	$(TEST_VENV)/bin/python benchmarks/station.py
	$(TEST_VENV)/bin/python benchmarks/running.py

clean:
	rm -rf $(DEMO_VENV) $(TEST_VENV) build *.egg-info
