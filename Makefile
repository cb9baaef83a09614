# Every target calls scripts/ or one tool of .venv. `make help` lists them.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup lint unit conformance zipapp release integration cluster-test faults test test-matrix demo demo-lab \
        browser shells chroot lab-up lab-down bench bench-scale volatile regen screenshots clean

PYTHON ?= python3
export PYTHON
BIN := .venv/bin
PYTEST := $(BIN)/pytest
# The API client is tested twice: with the stock packages, and with what the zipapp has of them.
SLIM := SNAPSHOT_TEST_PACKAGE_DIR=build/zipapp/site-packages

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## make .venv with what a checkout needs (PYTHON=python3)
	@scripts/setup

lint: setup ## ruff, mypy --strict, import-linter, sizes, generated tables
	scripts/check
	scripts/regen --check

unit: setup ## pure tests
	$(PYTEST) --numprocesses auto tests/unit

conformance: setup ## the reference's rules, case by case
	$(PYTEST) tests/conformance

zipapp: setup ## dist/kubectl-snapshot
	$(BIN)/python scripts/build-zipapp

release: setup ## dist/release: archives, krew manifest, checksums, SBOM, sdist and wheel
	$(BIN)/python scripts/release

integration: zipapp ## the built file on every Python found, the API client on its slim packages
	scripts/test-packages pipx prometheus
	$(PYTEST) tests/integration
	$(SLIM) $(PYTEST) --numprocesses auto tests/unit/clients

browser: setup ## the HTML pages in Chromium
	scripts/test-packages chromium
	$(PYTEST) --numprocesses auto tests/browser

# Two processes, each with a lab of its own; on a given cluster one.
CLUSTER_WORKERS := $(if $(SNAPSHOT_TEST_CLUSTER)$(SNAPSHOT_TEST_LAB),,--numprocesses 2 --dist loadfile)

cluster-test: zipapp ## a real Kubernetes: the lab, or KUBECONFIG with SNAPSHOT_TEST_CLUSTER=1
	$(PYTEST) $(CLUSTER_WORKERS) tests/cluster
	$(SLIM) $(PYTEST) tests/cluster/test_kube_client.py

faults: zipapp ## everything that can go wrong, on the lab: message, exit code, seconds, what is left
	$(PYTEST) tests/cluster/test_faults.py tests/cluster/test_capture_interrupted.py \
		tests/cluster/test_cleanup.py tests/cluster/test_concurrency.py

test-matrix: zipapp ## captures on three Kubernetes, with every Python found; builds them first, in minutes
	scripts/test-matrix

shells: zipapp ## TAB in real bash, zsh and fish, through kubectl and without it
	scripts/test-packages zsh fish bash-completion
	$(PYTEST) tests/shells

test: lint unit conformance zipapp ## all of the above
	scripts/test-packages pipx prometheus chromium zsh fish bash-completion
	scripts/side-by-side "cluster-test shells" "integration browser"

chroot: zipapp ## a release in a fresh Debian with little more than python3-minimal; makes that, in minutes
	scripts/test-packages debootstrap
	$(PYTEST) -rP tests/chroot

demo: zipapp ## capture this machine, or with CONTEXT=name one node of that context
	scripts/demo $(if $(CONTEXT),--context '$(CONTEXT)',--local)

demo-lab: zipapp ## capture a node of the lab cluster
	kubeconfig=$$(scripts/lab-up) && \
	    scripts/demo --kubeconfig "$$(printf '%s\n' "$$kubeconfig" | tail -n 1)"

lab-up: ## a real cluster on this machine; the last line is the path of its kubeconfig
	@scripts/lab-up

lab-down: ## take the lab cluster away
	tests/lab/cluster down

bench: zipapp ## the table of budgets, measured
	$(BIN)/python -m benchmarks

bench-scale: zipapp ## the cluster-wide collectors with 5,000 nodes and 50,000 pods; takes minutes
	$(BIN)/python -m benchmarks.scale

volatile: zipapp ## propose what diff should leave out, from five captures of this machine, or of CONTEXT=name
	$(BIN)/python scripts/volatile --count 5 $(if $(CONTEXT),--context '$(CONTEXT)',--local)

regen: setup ## rewrite goldens and the generated parts of docs/
	scripts/regen

screenshots: setup ## remake docs/images from docs/examples
	scripts/test-packages chromium
	$(BIN)/python scripts/screenshots

clean: ## remove what was built
	rm -rf build dist .venv *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
