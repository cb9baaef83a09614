# Every target calls scripts/ or one tool of .venv. `make help` lists them.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup lint unit conformance zipapp release integration cluster-test faults test test-matrix demo demo-lab \
        browser shells parity chroot kueue cri-o crowd docs lab-up lab-down bench bench-check bench-documents bench-fleet \
        bench-outliers bench-redaction bench-scale chart timeline fleet-drill volatile regen screenshots clean

PYTHON ?= python3
export PYTHON
BIN := .venv/bin
PYTEST := $(BIN)/pytest
REAL_PYTEST := scripts/pytest-twice
# The API client is tested twice: with the stock packages, and with the zipapp's slim ones.
SLIM := SNAPSHOT_TEST_PACKAGE_DIR=build/zipapp/site-packages

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## create .venv with all dependencies (PYTHON=python3)
	@scripts/setup

lint: setup ## ruff, mypy --strict, import-linter, sizes, generated tables
	scripts/check
	scripts/regen --check

unit: setup ## unit tests
	$(PYTEST) --numprocesses auto tests/unit

conformance: setup ## compatibility with NVIDIA AICR, case by case
	$(PYTEST) tests/conformance

zipapp: setup ## build dist/kubectl-snapshot
	$(BIN)/python scripts/build-zipapp

release: setup ## build dist/release: archives, krew manifest, SBOMs, sdist, wheel; PACKAGES=1: .deb, .rpm
	$(BIN)/python scripts/release $(if $(PACKAGES),--packages)

integration: zipapp ## test the zipapp on every Python, and the API client with its packages
	scripts/test-packages pipx prometheus minisign groff-base ruby buildah strace
	$(REAL_PYTEST) integration tests/integration
	$(SLIM) $(REAL_PYTEST) slim --numprocesses auto tests/unit/clients

browser: setup ## test the HTML pages in Chromium
	scripts/test-packages chromium
	$(REAL_PYTEST) browser --numprocesses auto tests/browser

# Two processes, each with its own lab; one process on an existing cluster.
CLUSTER_WORKERS := $(if $(SNAPSHOT_TEST_CLUSTER)$(SNAPSHOT_TEST_LAB),,--numprocesses 2 --dist loadfile)

cluster-test: zipapp ## test on the lab cluster, or on KUBECONFIG with SNAPSHOT_TEST_CLUSTER=1
	$(REAL_PYTEST) cluster $(CLUSTER_WORKERS) tests/cluster
	$(SLIM) $(REAL_PYTEST) slim-cluster tests/cluster/test_kube_client.py

faults: zipapp ## fault injection on the lab: message, exit code, seconds, leftover objects
	SNAPSHOT_EVERY_FAULT=1 $(PYTEST) tests/cluster/test_faults.py tests/cluster/test_capture_interrupted.py \
		tests/cluster/test_cleanup.py tests/cluster/test_concurrency.py

crowd: zipapp ## 30 captures at once on the lab: 5 killed, two wrong clocks, a cleanup in their midst
	SNAPSHOT_CROWD=30 $(PYTEST) tests/cluster/test_crowd.py

kueue: zipapp ## captures under a real Kueue, built from its Go module; the first build takes a quarter of an hour
	$(PYTEST) tests/kueue

cri-o: zipapp ## capture a node of the lab that runs CRI-O, built from its Go module; the first build takes 6 minutes
	scripts/test-packages conmon skopeo
	$(PYTEST) tests/cri_o

test-matrix: zipapp ## capture on three Kubernetes versions with Python 3.9 to 3.14; the first build takes minutes
	scripts/test-matrix

parity: zipapp ## compare logins, proxies and contexts with real kubectl
	$(REAL_PYTEST) parity --numprocesses auto tests/kubectl_parity

shells: zipapp ## test TAB completion in bash, zsh and fish, with and without kubectl
	scripts/test-packages zsh fish bash-completion
	$(REAL_PYTEST) shells tests/shells

test: lint unit conformance zipapp ## all tests and checks except chroot and test-matrix
	scripts/test-packages pipx prometheus minisign groff-base ruby buildah strace chromium zsh fish bash-completion
	scripts/side-by-side "cluster-test shells" "integration browser parity"

chroot: zipapp ## test a release in a debootstrap Debian with python3-minimal; takes minutes
	scripts/test-packages debootstrap rpm minisign
	$(PYTEST) -rP --durations 12 tests/chroot

docs: setup ## build the documentation as a site, build/site/html, and check its links
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/docs.txt
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	scripts/check-site build/site/html

demo: zipapp ## capture this machine, or with CONTEXT=name a node of that context
	scripts/demo $(if $(CONTEXT),--context '$(CONTEXT)',--local)

demo-lab: zipapp ## capture a node of the lab cluster
	kubeconfig=$$(scripts/lab-up) && \
	    scripts/demo --kubeconfig "$$(printf '%s\n' "$$kubeconfig" | tail -n 1)"

lab-up: ## start a real cluster on this machine; the last line is its kubeconfig
	@scripts/lab-up

lab-down: ## remove the lab cluster
	tests/lab/cluster down

bench: zipapp ## measure the performance budgets
	$(BIN)/python -m benchmarks

bench-scale: zipapp ## measure cluster collectors with 5,000 nodes and 50,000 pods; takes minutes
	$(BIN)/python -m benchmarks.scale

bench-check: zipapp ## compare a short measurement with the newest results; never fails
	$(BIN)/python -m benchmarks.check

chart: setup ## draw the newest results for the README
	$(BIN)/python -m benchmarks.chart

timeline: zipapp ## print where the milliseconds of one capture go, on its own cluster
	$(BIN)/python -m benchmarks.timeline

bench-fleet: zipapp ## measure a fleet of 1,000 or NODES fake nodes against a bare client; takes minutes
	$(BIN)/python -m benchmarks.fleet $(if $(NODES),--nodes $(NODES))

fleet-drill: zipapp ## capture 1,000 fake nodes of which some fail and differ; kill it, resume it; takes minutes
	$(BIN)/python -m benchmarks.fleet_drill

bench-outliers: zipapp ## measure diff of a fleet of 5,000 node documents
	$(BIN)/python -m benchmarks.outliers

bench-documents: setup ## measure reading, comparing and rendering of a large document
	$(BIN)/python -m benchmarks.documents

bench-redaction: setup ## measure redaction against json.dumps
	$(BIN)/python -m benchmarks.redaction

volatile: zipapp ## propose volatile keys for diff, from five captures of this machine or CONTEXT=name
	$(BIN)/python scripts/volatile --count 5 $(if $(CONTEXT),--context '$(CONTEXT)',--local)

regen: setup ## rewrite goldens and the generated parts of docs/
	scripts/regen

screenshots: docs ## regenerate docs/images from docs/examples
	scripts/test-packages chromium
	$(BIN)/python scripts/screenshots

clean: ## remove build output
	rm -rf build dist .venv *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
