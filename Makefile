# Needs make and Python 3.11 to 3.13. Everything else is installed into .venv.

# The Python of an existing .venv, else the first suitable one on the path. Each candidate is run,
# because a name on the path may be a shim without a Python. To choose: make run PYTHON=/path/to/python
FITS = -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'
PYTHON ?= $(shell \
	if [ -f .venv/installed.json ]; then made=.venv/bin/python; fi; \
	for name in $$made python3.13 python3.12 python3.11 python3 python; do \
		if "$$name" $(FITS) >/dev/null 2>&1; then echo "$$name"; break; fi; \
	done)

ENVIRONMENT = @python="$(PYTHON)"; \
	if [ -z "$$python" ]; then \
		echo "No Python from 3.11 to 3.13 was found. Install one, or name it: make PYTHON=..." >&2; \
		exit 1; \
	fi; \
	"$$python" workshop/environment.py

IN = .venv/bin
# Arguments for the tool that runs: make test ARGS="-k planner -x"
ARGS ?=
# Where tests are marked `chaos`, or take more examples with CHAOS=full
LARGER = tests/booking tests/kill tests/load tests/reminders tests/web/browser \
	tests/stories/test_promises.py tests/stories/replies/test_races_of_replies.py
LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --upgrade --extra build pyproject.toml

.PHONY: help run install quick test check fix docs prose words bench chaos lock
.DEFAULT_GOAL := help

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' Makefile

run: install  ## fill an empty database with a demo clinic and serve it on http://127.0.0.1:8000
	@$(IN)/scheduler serve --demo

install:  ## create .venv with the locked packages
	$(ENVIRONMENT)

quick: development  ## run the fast tests: rules, API and pages on SQLite, and a few pages in Chromium
	@$(IN)/python workshop/browser.py
	@$(IN)/python -m pytest -n 2 --dist worksteal --quick $(ARGS)

test: development  ## run all tests, on SQLite, PostgreSQL and in Chromium
	@$(IN)/python workshop/browser.py
	@$(IN)/python -m pytest -n 2 --dist worksteal $(ARGS)

check: development  ## lint, format, types, import rules, migrations match the models, generated pages, prose
	$(IN)/ruff check .
	$(IN)/ruff format --check .
	$(IN)/mypy
	$(IN)/lint-imports
	$(IN)/python -m workshop.migrations_in_step
	$(IN)/python -m workshop.documents --check
	$(IN)/python -m workshop.prose

fix: development  ## apply the automatic fixes of the linter and the formatter
	$(IN)/ruff check --fix .
	$(IN)/ruff format .

docs: development  ## regenerate docs/settings.md and docs/openapi.json
	@$(IN)/python -m workshop.documents

prose: development  ## count the phrases that our prose avoids; ARGS=--list prints each
	@$(IN)/python -m workshop.prose $(ARGS)

words: development  ## update the translation catalogs from the code
	@$(IN)/python -m workshop.words

bench: development  ## run the benchmarks beside their lower limits
	@$(IN)/python -m benchmarks

chaos: development  ## run the fault tests, all browsers and the property tests at full size
	@$(IN)/python workshop/browser.py
	@CHAOS=full $(IN)/python -m pytest -n 0 --timeout 0 -m "" $(LARGER) $(ARGS)

lock:  ## lock the newest versions that pyproject.toml allows, with hashes
	@command -v uv >/dev/null || { echo "make lock needs uv: https://docs.astral.sh/uv" >&2; exit 1; }
	$(LOCK) --output-file requirements.lock
	$(LOCK) --extra dev --constraint requirements.lock --output-file requirements-dev.lock

.PHONY: development
development:
	$(ENVIRONMENT) --dev
