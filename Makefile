# vpcflow: `make replay` and `make test` are all a newcomer needs. `make` alone lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev ui chromium replay test test-unit test-field test-faults test-chaos test-brokers test-outages test-mutations test-kcl test-localstack test-image bench bench-emulator bench-world bench-archive bench-connect bench-steady bench-peers picture pages fmt lint lock clean

PYTHON ?= python3
BIN := .venv/bin
unexport PYTHONDONTWRITEBYTECODE # without compiled files, every process that a test starts compiles its libraries
LOCK_FLAGS := --universal --generate-hashes --no-annotate --no-header
NOT_UNIT := kafka or ui or faults or moto or process or java or load or localstack or packages or socket or bulk
BESIDE := -n 2 --dist loadfile --no-loadscope-reorder
NOT_BESIDE := java or localstack or packages or faults or load
RECORDS ?= 200000
SHARDS ?= 4
WORKERS ?= 1
PAYLOAD ?= cloudwatch
SEED ?= 1
SOURCE ?= kinesis
BUSY ?= 100
INCIDENTS ?= all
REPLAY_FLAGS = --records $(RECORDS) --shards $(SHARDS) --workers $(WORKERS) --payload $(PAYLOAD) --seed $(SEED) \
  $(if $(RATE),--rate $(RATE)) $(if $(FILE),--file '$(FILE)') $(if $(FORMAT),--format '$(FORMAT)') \
  --source $(SOURCE) $(if $(WORLD),--world '$(WORLD)' --busy $(BUSY) --incidents $(INCIDENTS)) \
  $(if $(KAFKA_SECURITY),--kafka-security $(KAFKA_SECURITY)) $(if $(KEEP),--keep) $(if $(EXTERNAL_ENDPOINT),--external-endpoint $(EXTERNAL_ENDPOINT))

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 17

.venv/runtime: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("vpcflow needs Python 3.11 or later: set PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m streams.worker.warm
	@touch $@

.venv/dev: .venv/runtime requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

setup: .venv/runtime ui ## make the environment and the page

setup-dev: .venv/dev ui ## the same, with the tools for testing

ui: .venv/runtime ## build the page's files
	@$(BIN)/python -m streams.web.build

replay: setup ## run everything here on a bounded load (RECORDS RATE WORKERS SEED WORLD SOURCE FILE KEEP=1 …)
	@exec $(BIN)/vpcflow replay $(REPLAY_FLAGS)

chromium: .venv/dev
	@$(BIN)/python -m tests.ui.chromium

test: setup-dev chromium ## lint, types, and the tests; of those that need minutes each, two seeds of the fault test
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy
	@$(BIN)/python -m pytest -q $(BESIDE) --hypothesis-profile=thorough -m 'not ($(NOT_BESIDE))'
	@$(BIN)/python -m pytest -q -n 2 tests/acceptance/test_faults.py

test-field: setup-dev ## the tests that need minutes each: outages, chaos, brokers that die, TLS, load
	@$(BIN)/python -m pytest -q $(BESIDE) -m 'faults or load' --deselect tests/acceptance/test_faults.py

test-unit: setup-dev ## the tests that need no Kafka, no browser, no Java, no moto, no process of ours, no waiting and no bulk
	@$(BIN)/python -m pytest -q -n 2 --dist worksteal -m 'not ($(NOT_UNIT))' --ignore tests/ui --ignore tests/acceptance --ignore tests/test_imports.py

test-faults: setup-dev ## the fault test on more seeds: SEEDS=1-10
	@$(BIN)/python -m tests.acceptance.faults $(if $(SEEDS),--seeds $(SEEDS))

test-chaos: setup-dev ## the chaos test of three connectors on more seeds: SEEDS=1-10
	@$(BIN)/python -m tests.acceptance.chaos $(if $(SEEDS),--seeds $(SEEDS))

test-brokers: setup-dev ## a broker of three is killed every 20 s, on more seeds: SEEDS=1-10
	@$(BIN)/python -m tests.acceptance.brokers.kills $(if $(SEEDS),--seeds $(SEEDS))

test-outages: setup-dev ## outages of 1 to 20 hours, first starts hours behind, all settings at their defaults
	@$(BIN)/python -m tests.acceptance.outages.outage --all

test-mutations: setup-dev ## the outage test fails when a hold of the watermark is taken out of the code
	@$(BIN)/python -m tests.acceptance.outages.mutations

test-kcl: setup-dev ## AWS's own consumer in Java reads the emulator through a split and a merge: needs a JDK and Maven
	@$(BIN)/python -m pytest -m java tests/acceptance

test-localstack: setup-dev ## LocalStack: the Kinesis call tests, the connectors, a replay, reading an estate
	@$(BIN)/python -m tests.localstack -- $(BIN)/python -m pytest -r fE tests/emulator/kinesis/operations
	@$(BIN)/python -m pytest -m localstack tests/connectors/localstack tests/acceptance tests/emulator/world

test-image: setup-dev ## the steps of the production image, without Docker: its lock, the wheel, every process
	@$(BIN)/python -m pytest -q -m packages tests/packaging

bench: setup-dev ## records per CPU-second of every stage, beside floors of the same run
	@$(BIN)/python -m tests.bench

bench-emulator: setup-dev ## the emulator beside kinesalite, moto and its targets (QUICK=1 for half a minute)
	@$(BIN)/python -m tests.bench.kinesis $(if $(QUICK),--quick)

bench-world: setup-dev ## a synthetic estate of 2,000 interfaces: built, read, its traffic made
	@$(BIN)/python -m tests.bench.world

bench-archive: setup-dev ## a day of conversations of an estate in an archive, and queries on it (HOURS=2 for less)
	@$(BIN)/python -m tests.bench.archive $(if $(HOURS),--hours $(HOURS))

bench-connect: setup-dev ## the connector from the emulator to committed blocks: throughput, 200 shards, fan-out
	@$(BIN)/python -m tests.bench.connect

bench-steady: setup-dev ## every process, idle and under a steady load: its share of a core, and the delays
	@$(BIN)/python -m tests.bench.steady

bench-peers: setup-dev ## Flink and Kafka Streams on the same lines as the worker, exactly once: needs a JDK 17 and Maven
	@$(BIN)/python -m tests.bench.peers

picture: setup-dev chromium ## draw the picture of the page in README.md again, by a test of the page
	@$(BIN)/python -m pytest -q -m ui tests/ui/test_picture.py && cp build/page.png docs/page.png

pages: setup-dev ## write the generated tables of docs/ again
	@$(BIN)/python -m tests.pages

fmt: .venv/dev ## format and mend what can be mended
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

lint: .venv/dev ## style and types only
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy

build/uv/bin/uv:
	@$(PYTHON) -m venv build/uv && build/uv/bin/pip install --quiet --disable-pip-version-check uv

lock: build/uv/bin/uv ## write the lock files anew, with hashes and without addresses; what is pinned stays if it can
	@$< pip compile -q $(LOCK_FLAGS) --extra local --extra query pyproject.toml -o requirements.lock
	@$< pip compile -q $(LOCK_FLAGS) --extra local --extra query --extra dev pyproject.toml -o requirements-dev.lock
	@$< pip compile -q $(LOCK_FLAGS) --constraint requirements.lock pyproject.toml -o requirements-production.lock

clean: ## remove what was built, the environment too
	rm -rf .venv build dist streams/web/static streams/web/ui/node_modules
