PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test hunt check package bench docs lock clean

demo: $(READY)  ## open the console on the simulated AWS
	@$(BIN)/quarterdeck demo

test: $(READY)  ## run every test
	@$(BIN)/python -m pytest --numprocesses auto --dist loadgroup --no-loadscope-reorder --max-worker-restart 0

hunt: $(READY)  ## the property-based tests, with other examples each time
	@$(BIN)/python -m pytest -m hypothesis --hypothesis-profile hunt --numprocesses auto --dist loadgroup

check: $(READY)  ## lint, types and the import contract
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

package: $(READY)  ## build the wheel, install it into an empty environment, run the headless demo there
	@.ci/package $(BIN)/python

bench: $(READY)  ## side-by-side ratios, each with its baseline
	@$(BIN)/python -m benchmarks

docs: $(READY)  ## write the pages that come from the declarations
	@$(BIN)/python -m docs.generate

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Quarterdeck needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 demo")'
	@$(PYTHON) -m venv $(VENV) || { echo "Python cannot make a virtual environment here; on Debian or Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Setting up $(VENV); the first time takes one to three minutes."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)

lock:  ## resolve the newest versions again, for every platform, with hashes and without addresses
	uv pip compile --universal --python-version 3.11 --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate --group dev pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
