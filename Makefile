.DEFAULT_GOAL := help
.PHONY: help setup cli sandbox languages test test-oldest proof live test-unit lint linters format docs refresh bench clean

PYTHON ?= python3
STACK ?= dev
PROVIDER ?= fake
ARGS ?=

BIN := .venv/bin
READY := .venv/.ready
LINTERS := .venv-linters/.ready
OLDEST := .venv-oldest/.ready
COGGED := Pulumi.yaml README.md docs/options.md docs/command.md
EVALUATOR := tests/simulate/node_modules/.package-lock.json
TYPESCRIPT := tests/engine/languages/node_modules/.package-lock.json
EVERYTHING := -m pytest -n 3 --dist worksteal -m "not proof"

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Create .venv with the packages that the other targets need

# The file .ready comes last, so that make repeats an interrupted installation.
$(READY): pyproject.toml requirements.txt requirements-dev.txt
	@echo "Installing the Python packages of this project into .venv. This can take some minutes."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

cli: $(READY) ## Find or install the Pulumi CLI, and print its version and path
	@$(BIN)/python -m sandbox cli

sandbox: $(READY) ## Deploy a stack to an emulated AWS: STACK=prod, ARGS="--set quietAgent=true", PROVIDER=real
	@$(BIN)/python -m sandbox up --stack $(STACK) --provider $(PROVIDER) $(ARGS)

# The evaluator of tests/simulate, and what programs in TypeScript need. Without npm the tests of them are skipped, and
# fail in CI.
%/node_modules/.package-lock.json: %/package-lock.json
	@if command -v npm >/dev/null; then npm ci --prefix $* --silent --no-audit --no-fund && touch $@; fi

languages: $(READY) $(TYPESCRIPT) ## Build what the tests of other languages need; takes minutes once
	@$(BIN)/python -m tests.engine.languages.tools

test: cli languages $(EVALUATOR) ## Run all tests: ARGS="-k name", PROVIDER=real
	@$(BIN)/python $(EVERYTHING) --provider $(PROVIDER) $(ARGS)

# uv derives the versions from the ranges in pyproject.toml and requirements.txt; they override other pins.
$(OLDEST): $(READY)
	@echo "Installing the oldest supported versions of the Python packages into .venv-oldest. This can take some minutes."
	@$(PYTHON) -m venv .venv-oldest
	@$(BIN)/uv pip compile --quiet --resolution lowest-direct --no-deps --no-header --no-annotate \
		--extra cli pyproject.toml requirements.txt --output-file .venv-oldest/versions.txt >/dev/null
	@$(BIN)/uv pip install --quiet --python .venv-oldest --overrides .venv-oldest/versions.txt -r requirements-dev.txt
	@touch $@

test-oldest: cli languages $(EVALUATOR) $(OLDEST) ## Run all tests with the oldest versions that the ranges allow
	@echo with: && cat .venv-oldest/versions.txt
	@.venv-oldest/bin/python $(EVERYTHING) $(ARGS)

$(LINTERS): requirements-linters.txt
	@echo "Installing the policy linters into .venv-linters. This can take some minutes."
	@$(PYTHON) -m venv .venv-linters
	@.venv-linters/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-linters.txt
	@touch $@

linters: $(READY) $(LINTERS) ## Write docs/linters.md, what cloudsplaining and checkov find
	@$(BIN)/python -m generators.linters

proof: cli languages $(EVALUATOR) $(LINTERS) ## Run what takes minutes, and write docs/proof.md
	@$(BIN)/python -m pytest -n 3 --dist worksteal -m proof --junitxml .pytest_cache/proof.xml
	@$(BIN)/python -m generators.proof .pytest_cache/proof.xml

live: cli ## Prove it on a real AWS account, after a confirmation: ARGS="--region eu-central-1", ARGS=clean
	@$(BIN)/python -m live $(ARGS)

test-unit: $(READY) ## Run the unit tests alone, which need no engine
	@$(BIN)/python -m pytest tests/unit $(ARGS)

lint: $(READY) ## Check style and types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/basedpyright

format: $(READY) ## Format the code, and mend what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: $(READY) ## Write the generated documents
	@$(BIN)/python -m generators.permissions
	@$(BIN)/python -m generators.actions_picture
	@$(BIN)/python -m generators.schema
	@$(BIN)/cog -I . -r $(COGGED)

refresh: $(READY) ## Refresh the copies of AWS's data, then the documents: ARGS="--skip-unreachable"
	@$(BIN)/python -m refresh $(ARGS)
	@$(MAKE) --no-print-directory docs

bench: cli ## Run the benchmarks and write docs/benchmarks.md: ARGS="--only mocks" runs one of them
	@$(BIN)/python -m benchmarks $(ARGS)

clean: ## Remove what the other targets made here; what is in the user's cache stays
	rm -rf .venv .venv-linters .venv-oldest $(dir $(EVALUATOR) $(TYPESCRIPT)) .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
