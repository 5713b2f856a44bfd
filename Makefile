# The ways into the house. Each target installs or names what it is missing before it starts.
# cargo's own variables, CARGO_TARGET_DIR among them, are respected.

# Where the tools that cargo installs for us live; `.ci/run` keeps its builds and downloads there too.
export SERIN_CI_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/serin-ci
# Where the servers that tests run against are; tests look there.
export SERIN_TEST_SERVERS ?= $(SERIN_CI_CACHE)/servers
# Where the Python is whose trainers train models for the tests.
export SERIN_TEST_TRAINERS ?= $(SERIN_CI_CACHE)/trainers
# rustup's folder comes last: a shell that has not read rustup's settings yet still finds cargo there.
export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin:$(HOME)/.cargo/bin

.PHONY: help demo test test-faults check bench bench-brokers bench-models bench-statistics soak fmt

help: ## list the targets
	@sed -n 's/^\([a-z-]*\): ## /\1|/p' Makefile | while IFS='|' read -r target text; do \
		printf '  make %-16s %s\n' "$$target" "$$text"; done

demo: ## build the release and stream a real month of flights through it (ARGS="--help" for its options)
	@scripts/prerequisites build
	cargo run --release --locked --package serin -- demo $(ARGS)

test: ## run every test of the workspace, on real brokers, and add up the results
	@scripts/prerequisites test
	@scripts/servers >/dev/null
	@scripts/trainers >/dev/null
	@scripts/test

# With SERIN_FAULT_RUNS it repeats less and takes minutes; such a run writes no document.
test-faults: export SERIN_FAULT_RESULTS ?= $(if $(SERIN_FAULT_RUNS),,$(CURDIR)/docs/faults.md)
test-faults: ## disturb scorers on real brokers in every way, for a quarter of an hour, and write docs/faults.md
	@scripts/prerequisites test
	@scripts/servers >/dev/null
	cargo test --workspace --test faults --locked -- --test-threads 3

check: ## formatting, lints, documentation, licences, sources and the stack; a warning is an error
	@scripts/prerequisites check
	@scripts/check-stack
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- --deny warnings
	cargo clippy --workspace --test faults --locked -- --deny warnings
	RUSTDOCFLAGS='--deny warnings' cargo doc --workspace --no-deps --locked
	"$(SERIN_CI_CACHE)/tools/bin/cargo-deny" --locked check --hide-inclusion-graph bans licenses sources

bench: ## run the benchmarks; the scoring lane's own is in services/stream-scorer/benches
	@scripts/prerequisites build
	cargo bench --workspace --locked
	$(MAKE) bench-statistics
	$(MAKE) bench-brokers
	$(MAKE) bench-models

bench-statistics: export SERIN_STATISTICS_RESULTS ?= $(CURDIR)/docs/statistics.md
bench-statistics: ## simulate experiments with a known truth, watched all the time, and write docs/statistics.md
	@scripts/prerequisites build
	cargo test --release --locked --package statistics --lib -- truth

bench-brokers: ## measure serin on Kafka and NATS beside a pass-through and Python (ARGS="--write docs/benchmarks.md")
	@scripts/prerequisites test
	scripts/bench-brokers $(ARGS)

bench-models: ## measure tree ensembles beside onnxruntime and the trainers' own predict (ARGS="--rounds 9")
	@scripts/prerequisites build
	scripts/bench-models $(ARGS)

soak: ## watch the memory of serin over ten million events on Kafka (ARGS="--write docs/benchmarks.md")
	@scripts/prerequisites test
	scripts/bench-brokers --soak 10000000 $(ARGS)

fmt: ## format the code
	cargo fmt --all
