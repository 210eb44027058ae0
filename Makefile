# Needs make and a Python from 3.11 to 3.13; everything else is installed into .venv.

# The first Python that really runs and fits: a name on the path may be a shim for one that is not
# there. An environment that has been made knows best. Or say it: make run PYTHON=/path/to/python
FITS = -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'
PYTHON = $(shell \
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
# More words for pytest: make test ARGS="-k planner -x"
ARGS ?=
LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --upgrade --extra build pyproject.toml

.PHONY: help run install test check fix prose words bench chaos lock
.DEFAULT_GOAL := help

help:  ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' Makefile

run: install  ## fill an empty database with a demo clinic and serve it on http://127.0.0.1:8000
	@$(IN)/scheduler serve --demo

install:  ## make .venv and install what is locked
	$(ENVIRONMENT)

test: development  ## run all tests, on SQLite, PostgreSQL and in Chromium
	@$(IN)/python workshop/browser.py
	@$(IN)/python -m pytest -n 2 --dist worksteal $(ARGS)

check: development  ## lint, format, types, import rules, migrations in step with models
	$(IN)/ruff check .
	$(IN)/ruff format --check .
	$(IN)/mypy
	$(IN)/lint-imports
	$(IN)/python -m workshop.migrations_in_step

fix: development  ## mend what the linter and the formatter can mend by themselves
	$(IN)/ruff check --fix .
	$(IN)/ruff format .

prose: development  ## count the phrases that our prose avoids; ARGS=--list prints each
	@$(IN)/python -m workshop.prose $(ARGS)

words: development  ## bring the catalogues of the pages in step with the words in the code
	@$(IN)/python -m workshop.words

bench: development  ## measure what the program costs, beside the least it could cost
	@$(IN)/python -m benchmarks

chaos: development  ## the fault runs in full size: workers killed and frozen, a carrier that is down (minutes)
	@CHAOS=full REPLY_RACES=200 $(IN)/python -m pytest -n 0 --timeout 0 \
		tests/kill tests/reminders/sending/test_carrier_health.py tests/stories/test_races_of_replies.py $(ARGS)

lock:  ## choose the newest versions that pyproject.toml allows, and write them down with hashes
	@command -v uv >/dev/null || { echo "make lock needs uv: https://docs.astral.sh/uv" >&2; exit 1; }
	$(LOCK) --output-file requirements.lock
	$(LOCK) --extra dev --constraint requirements.lock --output-file requirements-dev.lock

.PHONY: development
development:
	$(ENVIRONMENT) --dev
