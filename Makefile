# Headrace's commands. `make test` is what CI runs; `make accept` is the full form of every acceptance line.
# Variables: SEED, FAULTS and SIM_SECONDS (sim), FUZZTIME, BENCH, WORKLOADS and PAIRS (compare), MUTANTS, SUITE and CLASS (conform),
# STRICT=1 (a skip fails), VERBOSE=1.
export GOTOOLCHAIN = auto
export CGO_ENABLED = 0
SHELL       := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo 0.0.0)
LDFLAGS  := -s -w
# The binary knows its version from the commit that it was built from (headrace version).
BUILD    := build -trimpath -buildvcs=auto -ldflags '$(LDFLAGS)'
GO       := go
TOOL     := $(GO) tool -modfile=tools/go.mod
RESULTS  := build/results
SUM      := $(GO) run ./test/summary -dir $(RESULTS)
TAGS     := conform,lesson
FUZZTIME ?= 10s
PAIRS    ?= 3
SUITE    ?= tools core
CLASS    ?= .
WORKLOADS ?= start,produce1k,produce100,lz4,consume,e2e
# The packages that share memory between goroutines: they import sync or sync/atomic, themselves or in their tests.
SHARED    = $(shell $(GO) list -f '{{$$p := .ImportPath}}{{range .Imports}}{{if or (eq . "sync") (eq . "sync/atomic")}}{{$$p}}{{"\n"}}{{end}}{{end}}{{range .TestImports}}{{if or (eq . "sync") (eq . "sync/atomic") (eq . "testing/synctest")}}{{$$p}}{{"\n"}}{{end}}{{end}}' ./... | grep -v -e /internal/tidy -e /test/ | sort -u)

.PHONY: run build test unit race sim-reduced lint fix fmt vet gen check-gen fuzz sim mutants crashes golden conform clients clients-full lesson lesson-dist bench benchcmp compare docs dist accept soak clean help

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */\1\t/' | expand -t 18

build: ## bin/headrace, which bin/*.sh find beside them
	$(GO) $(BUILD) -o bin/headrace ./cmd/headrace

run: build ## a broker on localhost:9092
	exec bin/kafka-server-start.sh config/server.properties

# ---- tests ---------------------------------------------------------------------------------------------------------

test: ## everything that CI runs, at most 20 minutes on two cores
	@rm -rf $(RESULTS); mkdir -p $(RESULTS)
	$(MAKE) --no-print-directory fmt vet check-gen lint
	$(MAKE) --no-print-directory unit race sim-reduced lesson lesson-dist clients
	@$(SUM) -total

fmt: ## gofmt's opinion on every file
	@out=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "not gofmt'd:"; echo "$$out"; exit 1; fi

vet:
	$(GO) vet -tags $(TAGS) ./...

lint: ## the linters of tools/go.mod; policy is .golangci.yml and internal/tidy
	$(TOOL) golangci-lint run --build-tags $(TAGS)

fix: ## let the linters mend what they can
	$(TOOL) golangci-lint run --fix --build-tags $(TAGS)

unit: ## every package's tests, the import rules and the other tidy tests among them
	@$(SUM) -name unit -- $(GO) test -json $$($(GO) list ./... | grep -v /internal/sim)

race: ## the race detector on every package that shares memory
	@CGO_ENABLED=1 $(SUM) -name race -- $(GO) test -json -race -short $(SHARED)

sim-reduced:
	@$(SUM) -name sim -- $(GO) test -json -count=1 -timeout 10m ./internal/sim/...

sim: ## the simulation; SEED=n repeats one run exactly, FAULTS=1,5 with these of its faults alone
	SEED=$(SEED) FAULTS=$(FAULTS) SIM_SECONDS=$(SIM_SECONDS) $(GO) test -count=1 -v -timeout 0 ./internal/sim/...

lesson: build ## docs/lesson.md's own commands in a fresh copy
	@$(SUM) -name lesson -- $(GO) test -json -count=1 -tags lesson -timeout 10m -run Clone ./test/lesson

lesson-dist: dist ## the same from the tarball
	@$(SUM) -name lesson-dist -- $(GO) test -json -count=1 -tags lesson -timeout 10m -run Tarball ./test/lesson

clients: build ## real clients, 1,000 records each; BROKER names another broker's command
	@$(SUM) -name clients -- $(GO) test -json -count=1 -tags conform -parallel 6 -timeout 15m ./test/conform/clients

clients-full: build
	@CLIENT_RECORDS=10000 $(SUM) -name clients-full -- $(GO) test -json -count=1 -tags conform -parallel 6 -timeout 60m ./test/conform/clients

conform: build ## Apache Kafka's own suites: SUITE='tools core' CLASS=regex
	@for s in $(SUITE); do \
	  BROKER_CMD=$(CURDIR)/test/conform/kafka-it/headrace-broker OUT=$(CURDIR)/build/conform/$$s test/conform/kafka-it/run $$s '$(CLASS)'; \
	  OUT=$(CURDIR)/build/conform/$$s test/conform/kafka-it/compare $$s; done

MUTANTS ?= .
mutants: ## plants each bug of test/mutants and looks whether the tests find it; MUTANTS=regex
	MUTANTS='$(MUTANTS)' $(GO) test -v -count=1 -timeout 0 -run Found ./test/mutants

crashes: ## kill -9, pauses and power cuts of a real process, in full
	@CRASH_ROUNDS=200 CRASH_POWERCUTS=50 CRASH_PAUSES=20 $(SUM) -name crashes -- $(GO) test -json -count=1 -timeout 0 ./test/crash

fuzz: ## each fuzz target for FUZZTIME
	@for p in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
	    echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$p; done; done

golden: ## record the golden files again from Apache Kafka (needs Java and Maven)
	bench/setup
	@for r in test/golden/*/record; do echo "$$r"; "$$r"; done

# ---- generated files -----------------------------------------------------------------------------------------------

gen: docs

docs: build ## the generated files: docs/config.md from the table of keys, docs/protocol.md from the API table
	bin/headrace docs config > docs/config.md
	$(GO) generate ./...

check-gen: gen ## fails when a generated file is not what its generator makes
	git diff --exit-code --stat -- docs '*_gen.go'

# ---- speed ---------------------------------------------------------------------------------------------------------

BENCH ?= .
bench: ## Go benchmarks into build/bench.txt
	@mkdir -p build
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -count 6 ./... | tee build/bench.txt

benchcmp: ## build/bench.txt against bench/baseline.txt
	$(TOOL) benchstat bench/baseline.txt build/bench.txt

compare: build ## against Apache Kafka on this machine: WORKLOADS, PAIRS
	$(GO) build -o build/floor ./test/floor
	bench/compare --floor '$(CURDIR)/build/floor {config}' --ours '$(CURDIR)/bin/headrace server {config}' --workloads $(WORKLOADS) --pairs $(PAIRS) --out build/compare.json

# ---- releases ------------------------------------------------------------------------------------------------------

dist: ## dist/headrace-<version>.tgz, shaped like Kafka's, and the static dist/headrace
	GO='$(GO)' VERSION='$(VERSION)' LDFLAGS='$(LDFLAGS)' tools/dist

# ---- long forms ----------------------------------------------------------------------------------------------------

accept: SIM_SECONDS = 1200
accept: ## every acceptance line in full: most of a day
	@rm -rf $(RESULTS); mkdir -p $(RESULTS)
	$(MAKE) --no-print-directory fmt vet lint unit race lesson lesson-dist clients-full crashes
	@HEADRACE_LOG_SEEDS=10000 $(SUM) -name log -- $(GO) test -json -count=1 -timeout 0 ./internal/log
	@HEADRACE_FULL_DISK_CYCLES=10 $(SUM) -name fulldisk -- $(GO) test -json -count=1 -timeout 0 -run 'FullDisk' .
	@HEADRACE_FULL=1 $(SUM) -name crowds -- $(GO) test -json -count=1 -timeout 0 -run 'Hostile|Idle' .
	@SCALE_PARTITIONS=100000 SCALE_TOPICS=1000 SCALE_CYCLES=100 SCALE_RECORD_BYTES=100000000 SCALE_RECORDS=2000000 \
	  $(SUM) -name scale -- $(GO) test -json -count=1 -timeout 0 ./test/scale
	@SIM_SECONDS=$(SIM_SECONDS) $(SUM) -name sim -- $(GO) test -json -count=1 -timeout 0 ./internal/sim/...
	@MUTANTS=. $(SUM) -name mutants -- $(GO) test -json -count=1 -timeout 0 ./test/mutants
	$(MAKE) --no-print-directory fuzz FUZZTIME=10m
	$(MAKE) --no-print-directory conform compare
	@$(SUM) -total

soak: ## simulation with a new seed each time, until stopped
	@while seed=$$RANDOM$$RANDOM; do echo "SEED=$$seed"; SEED=$$seed $(GO) test -count=1 -timeout 0 ./internal/sim/... || exit 1; done

clean:
	rm -rf build dist bin/headrace
