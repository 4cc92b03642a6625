.DEFAULT_GOAL := help
.PHONY: help setup lock cli sandbox languages chromium test test-oldest proof live test-unit lint linters format docs site refresh build check-dist dist bench clean

PYTHON ?= python3
STACK ?= dev
PROVIDER ?= fake
ARGS ?=

BIN := .venv/bin
READY := .venv/.ready
LINTERS := .venv-linters/.ready
OLDEST := .venv-oldest/.ready
RELEASE := .venv-release/.ready
ACTIONLINT := $(BIN)/actionlint
COGGED := Pulumi.yaml README.md docs/options.md docs/command.md docs/fleet.md docs/diagnose.md
# The user's uv, or the one of requirements-dev.lock.
UV := $(or $(shell uv --version >/dev/null 2>&1 && command -v uv),$(BIN)/uv)
# As pip does. Otherwise each new process compiles the packages where Python may not write its cache.
export UV_COMPILE_BYTECODE := 1
# The tests start hundreds of Python processes, each of which would compile this project's modules.
unexport PYTHONDONTWRITEBYTECODE
WORKFLOWS := $(wildcard .github/workflows/*.yml examples/*/deploy.yml)
LOCKS := $(wildcard requirements-*.lock)
EVALUATOR := tests/simulate/node_modules/.package-lock.json
TYPESCRIPT := tests/engine/languages/node_modules/.package-lock.json
EVERYTHING := -m pytest -n 3 --dist worksteal -m "not proof"

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Create .venv with the packages that the other targets need

$(BIN)/uv: requirements-dev.lock
	@echo "Installing uv into .venv."
	@$(PYTHON) -m venv .venv
	@sed -n '/^uv==/,/[^\\]$$/p' $< > .venv/uv.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r .venv/uv.txt
	@touch $@

# The file .ready comes last, so that make repeats an interrupted installation.
$(READY): $(UV) pyproject.toml requirements-dev.lock
	@echo "Installing the Python packages of this project into .venv: about 250 MB when they are not in uv's cache."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(UV) pip sync --quiet --python .venv --require-hashes requirements-dev.lock
	@$(UV) pip install --quiet --python .venv --no-deps --no-build-isolation --editable .
	@touch $@

lock: $(UV) ## Write the locks of the Python packages: ARGS=--upgrade takes newer versions
	@for lock in $(LOCKS); do \
		$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-package ssm-profile \
			--no-annotate --custom-compile-command "make lock" $(ARGS) "$${lock%.lock}.txt" --output-file "$$lock" || exit 1; \
	done

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

# The tests open the HTML page of `fleet` in it. Without it they are skipped, and fail in CI.
chromium:
	@if command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing Chromium with apt-get. This happens once."; \
		{ apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends chromium; } >/dev/null \
			|| echo "Chromium could not be installed."; \
	else echo "Skipping the tests of HTML: Chromium is not on PATH."; fi

test: cli languages $(EVALUATOR) chromium ## Run all tests but those of make proof: ARGS="-k name", PROVIDER=real
	@$(BIN)/python $(EVERYTHING) --provider $(PROVIDER) $(ARGS)

# uv derives the versions from the ranges in pyproject.toml and requirements.txt; they override other pins.
$(OLDEST): $(READY)
	@echo "Installing the oldest supported versions of the Python packages into .venv-oldest. This can take some minutes."
	@$(PYTHON) -m venv .venv-oldest
	@$(UV) pip compile --quiet --resolution lowest-direct --no-deps --no-header --no-annotate \
		--extra cli pyproject.toml requirements.txt --output-file .venv-oldest/versions.txt >/dev/null
	@$(UV) pip install --quiet --python .venv-oldest --overrides .venv-oldest/versions.txt -r requirements-dev.txt
	@touch $@

test-oldest: cli languages $(EVALUATOR) chromium $(OLDEST) ## Run the same tests with the oldest versions that the ranges allow
	@echo with: && cat .venv-oldest/versions.txt
	@.venv-oldest/bin/python $(EVERYTHING) $(ARGS)

.venv-%/.ready: requirements-%.lock $(UV)
	@echo "Installing the packages of $< into .venv-$*."
	@$(PYTHON) -m venv .venv-$*
	@$(UV) pip sync --quiet --python .venv-$* --require-hashes $<
	@touch $@

linters: $(READY) $(LINTERS) ## Write docs/linters.md, what cloudsplaining and checkov find
	@$(BIN)/python -m generators.linters

proof: cli languages $(EVALUATOR) $(LINTERS) $(RELEASE) ## Run what takes minutes, and write docs/proof.md: ARGS=tests/mutation
	@$(BIN)/python -m pytest -n 3 --dist worksteal -m proof --junitxml .pytest_cache/proof.xml $(ARGS)
	@$(BIN)/python -m generators.proof .pytest_cache/proof.xml $(ARGS)

live: cli ## Prove it on a real AWS account, after a confirmation: ARGS="--region eu-central-1", ARGS=clean
	@$(BIN)/python -m live $(ARGS)

test-unit: $(READY) ## Run the unit tests alone, which need no engine
	@$(BIN)/python -m pytest -n auto tests/unit $(ARGS)

# Built with Go. Without it the workflows are not checked by actionlint, and the lint fails in CI.
$(ACTIONLINT): tools/actionlint/go.mod | $(READY)
	@if command -v go >/dev/null; then \
		echo "Building actionlint with Go. This happens once."; \
		cd $(<D) && GOFLAGS=-mod=readonly GOWORK=off go build -buildvcs=false -o $(CURDIR)/$@ github.com/rhysd/actionlint/cmd/actionlint; \
	elif [ "$$CI" = true ]; then echo "go is not on PATH, and actionlint needs it."; exit 1; \
	else echo "Skipping actionlint: it is built with Go, which is not on PATH."; fi

# mkdocs with --quiet does not count the warnings that --strict refuses. actionlint runs without shellcheck and
# pyflakes, so that what it finds does not depend on the machine.
lint: $(READY) $(ACTIONLINT) ## Check style, types, the documentation site and workflows
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/basedpyright
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@$(BIN)/zizmor --offline --quiet --strict-collection --persona pedantic .github/dependabot.yml $(WORKFLOWS)
	@if [ -x $(ACTIONLINT) ]; then $(ACTIONLINT) -shellcheck= -pyflakes= $(WORKFLOWS); fi

format: $(READY) ## Format the code, and mend what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: $(READY) ## Write the generated documents
	@$(BIN)/python -m generators.permissions
	@$(BIN)/python -m generators.actions_picture
	@$(BIN)/python -m generators.schema
	@$(BIN)/python -m generators.fleet_role
	@$(BIN)/cog -I . -r $(COGGED)

site: $(READY) ## Serve the documentation site on http://127.0.0.1:8000
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

refresh: $(READY) ## Refresh the copies of AWS's data, then the documents: ARGS="--skip-unreachable"
	@$(BIN)/python -m refresh $(ARGS)
	@$(MAKE) --no-print-directory lock ARGS=
	@$(MAKE) --no-print-directory docs

# One build for all that follows: nothing else builds what is released. The hashes of the build's packages are checked.
build: $(UV) ## Build the sdist, and the wheel from the sdist, into dist
	@rm -rf dist
	@$(UV) build --quiet --python $(PYTHON) --build-constraint requirements-dev.lock --require-hashes --out-dir dist .
	@rm -f dist/.gitignore

check-dist: cli $(RELEASE) ## Check what is in dist, test the wheel in an empty environment, and write its SBOM
	@.venv-release/bin/twine check --strict dist/*.whl dist/*.tar.gz
	@.venv-release/bin/check-wheel-contents dist/*.whl
	@$(BIN)/python -m pytest tests/engine/test_package.py -m "not proof" --wheel dist/*.whl
	@rm -rf .venv-wheel && $(PYTHON) -m venv --without-pip .venv-wheel
	@$(UV) pip install --quiet --python .venv-wheel --constraint requirements-dev.lock "$$(echo dist/*.whl)[cli]"
	@rm .venv-wheel/lib/*/site-packages/ssm_profile-*.dist-info/direct_url.json # has a path of this machine
	@.venv-release/bin/cyclonedx-py environment --output-reproducible \
		--output-file "$$(echo dist/*.whl | sed 's/-py3.*/.cdx.json/')" .venv-wheel

dist: build ## Build the package, check and test it, and write its SBOM
	@$(MAKE) --no-print-directory check-dist # after the build, also with `make -j`

bench: cli $(LINTERS) ## Run the benchmarks and write docs/benchmarks.md: ARGS="--only mocks" runs one of them
	@$(BIN)/python -m benchmarks $(ARGS)

clean: ## Remove what the other targets made here; what is in the user's cache stays
	rm -rf .venv .venv-linters .venv-oldest .venv-release .venv-wheel dist site $(dir $(EVALUATOR) $(TYPESCRIPT)) .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
