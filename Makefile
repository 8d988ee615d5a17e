# Godwit's targets. A Debian machine with the Swift toolchain is enough: what else a target needs, it
# installs when it is missing (apt as root or through sudo, pip into $(GODWIT_VENV)).

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.NOTPARALLEL:
.DEFAULT_GOAL := help

SWIFT ?= swift
# Where builds go. Debug for tests (assertions on), release for running and measuring.
SCRATCH ?= .build
export GODWIT_VENV ?= $(CURDIR)/.venv
DEBUG_BIN := $(abspath $(SCRATCH))/debug/godwit
RELEASE_BIN := $(abspath $(SCRATCH))/release/godwit
BUILD := $(SWIFT) build --scratch-path $(SCRATCH)
RELEASE := $(BUILD) -c release --static-swift-stdlib --product godwit

.PHONY: help
help: ## what can be made
	@grep -E '^[a-z-]+:.*##' $(firstword $(MAKEFILE_LIST)) | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: run
run: build ## build, then serve NATS and MQTT on the loopback; ARGS="--listen …" is passed on
	$(RELEASE_BIN) serve --hints $(ARGS)

.PHONY: build
build: ## the release build of godwit
	$(RELEASE)

.PHONY: test
test: lint tidy unit drivers traits examples budgets interop ## everything that must hold before a change lands

.PHONY: lint
lint: ## the formatter's rules, on every tracked Swift file
	git ls-files -z '*.swift' | xargs -0 $(SWIFT) format lint --strict --parallel

.PHONY: tidy
tidy: ## the rules of the house
	$(SWIFT) run --quiet --scratch-path $(SCRATCH) Tidy

# Apart from those that keep every thread busy: requests have deadlines, fuzzing does not wait.
FRAMEWORK := ^(GodwitTests|EmbeddedTests|ProtobufTests|DriverKitTests|HealthTests|ConformanceTests)[.]

.PHONY: unit
unit: ## the tests of every module
	$(SWIFT) test --quiet --disable-xctest --scratch-path $(SCRATCH) --skip '$(FRAMEWORK)'
	$(SWIFT) test --quiet --skip-build --disable-xctest --scratch-path $(SCRATCH) --filter '$(FRAMEWORK)'

.PHONY: drivers
drivers: peers conduit-peer ## the conformance suite against the reference servers
	GODWIT_CONDUIT_PEER=$(abspath $(SCRATCH))/conduit-peer \
	  GODWIT_NATS_SERVERS=$(GODWIT_VENV)/bin/nats-server:/usr/sbin/nats-server \
	  GODWIT_MOSQUITTO=/usr/sbin/mosquitto \
	  $(SWIFT) test --disable-xctest --scratch-path $(SCRATCH) --filter ConformanceTests

.PHONY: capabilities
capabilities: export GODWIT_CAPABILITIES := write
capabilities: drivers ## docs/capabilities.md, as the conformance suite finds the drivers

.PHONY: conduit-peer
conduit-peer: peers # a service that speaks as Conduit for Go does
	GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS= GOTOOLCHAIN=local \
	  go build -o $(abspath $(SCRATCH))/conduit-peer Interop/conduit/go/main.go

.PHONY: traits
traits: ## the tests of what is behind a trait that is off: the health endpoints
	$(SWIFT) test --quiet --disable-xctest --traits Health --scratch-path $(SCRATCH)-traits --filter HealthTests

.PHONY: examples
examples: ## build and run the framework's examples
	$(BUILD) --product godwit
	GODWIT_SCRATCH=$(abspath $(SCRATCH)) SWIFT=$(SWIFT) Examples/run

.PHONY: interop
interop: ## other people's clients against the running broker; PYTEST="nats -k tls" is passed on
	$(BUILD) --product godwit
	GODWIT_BIN=$(DEBUG_BIN) Interop/run $(PYTEST)

.PHONY: peers
peers: ## install the servers and clients that interop and bench measure against
	GODWIT_INTEROP_TARGET=oracle Interop/run --version

.PHONY: budgets
budgets: build peers ## allocations per delivered message against Benchmarks/Budgets
	GODWIT_BIN=$(RELEASE_BIN) Benchmarks/Allocations/check

.PHONY: bench
bench: build peers ## godwit against nats-server and Mosquitto; ROUNDS=5 BENCH="nats-pub16 …"
	GODWIT_BIN=$(RELEASE_BIN) Benchmarks/run $(or $(ROUNDS),5) $(BENCH)

.PHONY: bench-durable
bench-durable: build peers ## streams in files against nats-server's; ROUNDS=5
	GODWIT_BIN=$(RELEASE_BIN) Benchmarks/run $(or $(ROUNDS),5) jetstream-publish1k \
	  jetstream-consume1k

.PHONY: bench-disk
bench-disk: build peers ## synced before it is acknowledged, against the disk's own rate; ROUNDS=6
	GODWIT_BIN=$(RELEASE_BIN) Benchmarks/disk $(or $(ROUNDS),6)

.PHONY: bench-kafka
bench-kafka: build peers ## what Kafka's records cost, against librdkafka's mock and the disk's own; ROUNDS=5
	GODWIT_BIN=$(RELEASE_BIN) Benchmarks/kafka $(or $(ROUNDS),5)

.PHONY: bench-recovery
bench-recovery: build ## a start with much on the disk: time, reads, memory; GIB=10 ROUNDS=3
	for kind in kafka jetstream; do GODWIT_BIN=$(RELEASE_BIN) \
	  Benchmarks/recovery $$kind $(or $(GIB),10) $(or $(ROUNDS),3); done

.PHONY: framework-load
framework-load: # the programs that measure the framework
	$(SWIFT) build -c release --static-swift-stdlib --package-path Benchmarks/Framework \
	  --scratch-path $(SCRATCH)-framework

.PHONY: bench-framework
bench-framework: build peers framework-load ## the framework against nats.go, nats-py and paho.c; ROUNDS=5 BENCH="consume16 …"
	GODWIT_BIN=$(RELEASE_BIN) FRAMEWORK_LOAD=$(abspath $(SCRATCH))-framework/release/FrameworkLoad \
	  Benchmarks/framework $(or $(ROUNDS),5) $(BENCH)

.PHONY: bench-conduit
bench-conduit: conduit-peer framework-load ## streams over Conduit against the original's protocol in Go; ROUNDS=5
	CONDUIT_LOAD=$(abspath $(SCRATCH))-framework/release/ConduitLoad \
	  CONDUIT_PEER=$(abspath $(SCRATCH))/conduit-peer Benchmarks/conduit $(or $(ROUNDS),5)

NOW := $(shell date +%s)
.PHONY: fuzz
fuzz: export GODWIT_FUZZ_FACTOR ?= 50
fuzz: export GODWIT_MUTATED_FRAMES ?= 20000000
fuzz: export GODWIT_FUZZ_SEED ?= $(NOW)
fuzz: export GODWIT_MUTATION_SEED ?= $(GODWIT_FUZZ_SEED)
fuzz: ## the mutation tests for a long time, from another seed each time (it is printed)
	@echo "seed $(GODWIT_FUZZ_SEED), $(GODWIT_FUZZ_FACTOR) times the usual rounds"
	$(SWIFT) test --disable-xctest --scratch-path $(SCRATCH) --filter 'WireTests|MessagePackTests|NATSTests|MQTTTests|KafkaTests|StorageTests'
	$(BUILD) --product godwit
	GODWIT_BIN=$(DEBUG_BIN) Interop/run hostile

# What docc has to say of the catalogue: links that lead nowhere, above all. Parameters are described
# where their names do not say it all.
UNRESOLVED := BEGIN { RS = ""; ORS = "\n\n" } \
  /^(warning|error)/ && !/is missing documentation/ { print; bad = 1 } END { exit bad }
DOCC := docc convert --transform-for-static-hosting --fallback-bundle-identifier godwit

.PHONY: docs
docs: ## the framework's articles and reference pages of every module; serve them with any web server
	rm -rf $(SCRATCH)/docs* $(SCRATCH)/symbols $(SCRATCH)/*/symbolgraph
	$(SWIFT) package --scratch-path $(SCRATCH) dump-symbol-graph \
	  --minimum-access-level public --skip-synthesized-members >/dev/null
	mkdir -p $(SCRATCH)/symbols/{framework,modules}
	cp $(SCRATCH)/*/symbolgraph/{Godwit,NATS,MQTT,Kafka}*.symbols.json $(SCRATCH)/symbols/modules
	find $(SCRATCH)/symbols/modules \( -name 'Godwit.*' -o -name 'Godwit@*' \) \
	  -exec mv -t $(SCRATCH)/symbols/framework {} +
	$(DOCC) Sources/Godwit/Documentation.docc --fallback-display-name Godwit \
	  --additional-symbol-graph-dir $(SCRATCH)/symbols/framework \
	  --output-path $(SCRATCH)/docs-framework.doccarchive 2>&1 | awk '$(UNRESOLVED)'
	$(DOCC) --diagnostic-level error --fallback-display-name Modules \
	  --additional-symbol-graph-dir $(SCRATCH)/symbols/modules \
	  --output-path $(SCRATCH)/docs-modules.doccarchive
	docc merge $(SCRATCH)/docs-framework.doccarchive $(SCRATCH)/docs-modules.doccarchive \
	  --synthesized-landing-page-name Godwit --output-path $(SCRATCH)/docs
	@echo "python3 -m http.server -d $(SCRATCH)/docs, then /documentation/godwit"

.PHONY: clean
clean: ## remove what was built; the peers stay
	rm -rf $(SCRATCH) Benchmarks/bin
