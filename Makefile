# dockgate: what can be done here. Every target does its own set-up on Debian with Rust.
.PHONY: help test demo bench lint oracle clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile

test: lint ## all tests, end to end included (needs root: it starts sshd, dockerd and rsyslogd)
	scripts/lab.sh install
	scripts/lab.sh install-cli 20.10
	cargo test --locked --workspace

demo: ## real ssh sessions through the gate, and the log of them (needs root)
	scripts/lab.sh install
	cargo build --locked --release
	scripts/demo.sh target/release/dockgate

bench: ## what the gate costs, side by side with bare docker
	cargo bench --locked --bench gate

oracle: ## the long run of the oracle: what is allowed, through the real docker (about an hour)
	scripts/lab.sh install
	scripts/lab.sh install-cli 20.10
	DOCKGATE_ORACLE_RUNS=$${RUNS:-100000} cargo test --locked --release --test oracle -- --nocapture

lint: ## formatting and lints
	@command -v cargo >/dev/null || { echo "cargo is missing: install Rust, see https://rustup.rs"; exit 1; }
	cargo fmt --check
	cargo clippy --locked --workspace --all-targets -- -D warnings

clean: ## remove what was built
	cargo clean
