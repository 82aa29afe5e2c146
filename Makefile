# dockgate: what can be done here. Every target does its own set-up on Debian with Rust.
.PHONY: help build test demo bench soak lint oracle oracle-real catalogue deb deb-test sbom audit reproducible clean cargo lab

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile

build: cargo ## the program, static, in target/dist/release
	@scripts/dist.sh build

test: lint lab ## all tests, end to end included (needs root: it starts sshd, dockerd and rsyslogd)
	@scripts/lab.sh install-cli 20.10
	@# The tests' labs end by themselves, a moment after the tests.
	cargo test --locked --workspace; status=$$?; scripts/lab.sh settle; exit $$status

demo: cargo lab ## real ssh sessions through the gate, and the log of them (needs root)
	scripts/dist.sh build
	scripts/demo.sh target/dist/release/dockgate

bench: cargo lab ## what the gate costs beside other gates, the guard beside the bare socket, Compose beside plain Compose, reading a long log (needs root)
	@scripts/dist.sh build
	@scripts/lab.sh install-peers
	DOCKGATE_PROGRAM=$(CURDIR)/target/dist/release/dockgate DOCKGATE_PEERS=$${DOCKGATE_LAB_CACHE:-$(CURDIR)/target/lab}/peers/bin \
		cargo bench --locked --profile dev --bench gate
	DOCKGATE_PROGRAM=$(CURDIR)/target/dist/release/dockgate cargo bench --locked --profile dev --bench guard
	DOCKGATE_PROGRAM=$(CURDIR)/target/dist/release/dockgate cargo bench --locked --profile dev --bench compose
	cargo bench --locked --bench audit

soak: cargo lab ## 10,000 sessions at full speed into a real rsyslogd that restarts meanwhile (needs root)
	DOCKGATE_SESSIONS=$${SESSIONS:-10000} cargo test --locked --release --test sinks full_speed -- --nocapture

oracle: cargo lab ## the long run of the oracle: what is allowed, through the real docker (about an hour)
	@scripts/lab.sh install-cli 20.10
	DOCKGATE_ORACLE_RUNS=$${RUNS:-100000} cargo test --locked --release --test oracle -- --nocapture

oracle-real: cargo lab ## the same on a real daemon, under policies of chance (about an hour; needs root)
	DOCKGATE_ORACLE_REAL_RUNS=$${RUNS:-10000} cargo test --locked --test oracle what_is_allowed_leaves -- --nocapture

catalogue: cargo lab ## compares the catalogue with the docker of Debian: 20.10, 26.1 and 28.5
	@scripts/lab.sh install-cli 20.10
	@scripts/lab.sh install-cli 26.1
	for version in 20.10 26.1 28.5; do \
		cargo xtask catalogue --docker target/lab/docker-$$version/usr/bin/docker \
			--expect xtask/expected/docker-$$version.txt || exit 1; \
	done

lint: cargo ## formatting and lints
	cargo fmt --check
	cargo clippy --locked --workspace --all-targets -- -D warnings

deb: cargo ## the Debian package, in target/debian
	@scripts/dist.sh deb

deb-test: deb lab ## the package in a clean Debian, by the words of docs/install.md (needs root)
	@scripts/deb-test.sh target/debian/*.deb

sbom: cargo ## what the program is made of, in target/sbom
	@scripts/dist.sh sbom

audit: cargo ## licences, sources and known holes of the dependencies
	@scripts/dist.sh audit

reproducible: cargo ## two builds in different places, compared
	@scripts/dist.sh reproducible

clean: ## remove what was built
	cargo clean

# Debian packages, and a docker that is unpacked beside what is built; quick when they are there.
lab:
	@scripts/lab.sh install

cargo:
	@command -v cargo >/dev/null || { echo "cargo is missing: install Rust, see https://rustup.rs"; exit 1; }
