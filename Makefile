PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
UPSTREAM ?= https://api.anthropic.com
ARGS ?=
PYTHONS ?= 3.11 3.12 3.13 3.14

.PHONY: help run demo test lint trial unit test-pythons test-long test-api test-recorded test-clients test-engines test-browser screenshots soak bench profile prices docs changelog dist deb clean

help:
	@echo "make run [UPSTREAM=URL] [ARGS=...]  start the proxy (http://127.0.0.1:8787, dashboard on 8788)"
	@echo "make demo                           start it with a mock upstream and send a few calls"
	@echo "make test                           ruff, mypy, import-linter and the whole test suite"
	@echo "make unit                           the unit tests alone"
	@echo "make test-pythons                   the unit tests on every supported Python that is installed"
	@echo "make test-long test-api test-clients test-browser   the longer and optional tests"
	@echo "make test-engines                   against real engines (Prometheus, collector, Jaeger, ClickHouse, SeaweedFS, dex), which it installs"
	@echo "make test-recorded RECORDED=FOLDER  read recorded exchanges (cassettes, HAR) and judge what was made of them"
	@echo "make soak                           memory and descriptors over 100,000 requests (Linux)"
	@echo "make laptop                         a day of a laptop in ten minutes: sleep, network, full disk, log-out (Linux, root)"
	@echo "make mutants                        which small mistakes no test would notice"
	@echo "make screenshots                    make the pictures of the documentation (Debian's Chromium)"
	@echo "make bench                          what a record costs, beside nginx and installed rivals (Linux, needs gcc and nginx)"
	@echo "make profile                        where each millisecond of a call goes, by process and thread"
	@echo "make prices FILE=JSON               say where models.dev's api.json or LiteLLM's price map differs from our prices"
	@echo "make deb                            build a Debian package in dist/"
	@echo "make docs                           build the documentation into docs/_build/html"

# Debian and Ubuntu ship Python without it. Where we may, it is installed; else one line says what to type.
define GET_VENV
{ \
	if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		echo "installing python3-venv"; \
		{ apt-get install -y -qq python3-venv || { apt-get update -qq && apt-get install -y -qq python3-venv; }; } >/dev/null; \
	else \
		echo "Python's venv is missing; on Debian and Ubuntu type: sudo apt-get install python3-venv"; exit 1; \
	fi; \
}
endef

# The environments: what running needs, and what testing needs on top.
$(VENV)/run: setup.cfg setup.py pyproject.toml
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(GET_VENV)
# What was interrupted is begun anew: half of a package is worse than none.
	test ! -e $(VENV).unfinished || $(PYTHON) -m venv --clear $(VENV)
	touch $(VENV).unfinished
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
# Python compiles what it imports; compiling all of it takes as long as fetching it.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -e .
	touch $@ && rm $(VENV).unfinished

$(VENV)/test: $(VENV)/run
# Where there is a browser, the suite's smoke test in it runs too.
	$(BIN)/python -m pip install --quiet -e ".[test$$(test ! -x /usr/bin/chromium || echo ,browser)]"
	touch $@

$(VENV)/browser: $(VENV)/test
	$(BIN)/python -m pip install --quiet -e '.[browser]'
	test -x /usr/bin/chromium || { apt-get update -qq && apt-get install -y -qq chromium; }
	touch $@

$(VENV)/docs: $(VENV)/run
	$(BIN)/python -m pip install --quiet -e '.[docs]'
	touch $@

run: $(VENV)/run
	$(BIN)/twistd -n --pidfile= ccsproxy --upstream $(UPSTREAM) $(ARGS)

demo: $(VENV)/run
	$(BIN)/ccsproxy demo $(ARGS)

test: lint trial

lint: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

trial: $(VENV)/test
	$(BIN)/python -m test.runner

unit: $(VENV)/test
	$(BIN)/python -m test.runner --unit

# Each in an environment of its own; one that is not installed is passed over, and said to be. pyenv's are found where
# it keeps them: its commands are there for every version that it knows, and fail for those that are not chosen.
test-pythons:
	@for version in $(PYTHONS); do \
		python=python$$version; \
		$$python -c pass 2>/dev/null || python=$$(ls -d "$${PYENV_ROOT:-$$HOME/.pyenv}/versions/$$version."*/bin/python 2>/dev/null | tail -1); \
		test -n "$$python" || { echo "python$$version is not installed"; continue; }; \
		echo "python$$version"; \
		$(MAKE) --no-print-directory unit PYTHON=$$python VENV=.venv-$$version || exit 1; \
	done

test-api: $(VENV)/test
	$(BIN)/python -m pip install --quiet schemathesis
	CCSPROXY_TEST_API=200 $(BIN)/python -m twisted.trial test.integration.test_api_description

# Installing in fresh environments, and the issue's own figures for what the suite does in small.
test-long: $(VENV)/test
	CCSPROXY_EFFORT=5 $(BIN)/python -m test.runner --unit
	CCSPROXY_TEST_INSTALL=1 CCSPROXY_EXAMPLES=20000 CCSPROXY_DISCONNECTS=1000 CCSPROXY_FIGURES=1 \
	CCSPROXY_SHIP_FAULTS=500 CCSPROXY_KILLS=200 CCSPROXY_TRACED_KILLS=40 CCSPROXY_SERVICE_KILLS=1000 CCSPROXY_DAMAGED=5000 \
	CCSPROXY_STOPS=25 CCSPROXY_PHASE_STOPS=50 \
	CCSPROXY_TAKEOVER_STREAMS=200 CCSPROXY_TEST_SYSTEMD=1 \
	$(BIN)/python -m twisted.trial test.integration.test_installing test.integration.test_identity \
		test.integration.test_disconnects test.integration.test_bounds test.integration.test_store_kill \
		test.integration.test_traced_kills test.integration.test_kills test.integration.test_stops \
		test.integration.test_stalled_phases test.integration.test_crowds test.ship.test_faults test.integration.test_takeover \
		test.integration.test_user_systemd
	$(BIN)/python -m bench.redaction_growth 120

soak: $(VENV)/test
	$(BIN)/python -m bench.soak $(ARGS)

# Real agents and SDKs, which npm and pip install outside of this tree (about 3 GB); NAMES="claude codex" runs some.
# Interrupted, or ended by ARGS="--within SECONDS", it goes on where it was when it is said again.
CLIENTS ?= $(HOME)/.cache/ccsproxy/clients

# Random exchanges of our own, then those of a folder of recordings (cassettes of VCR, HAR, lines of JSON).
RECORDED ?=

test-recorded: $(VENV)/test
	CCSPROXY_RECORDED_MADE=1600 $(BIN)/python -m twisted.trial test.recorded.test_recorded.RecordedTests.test_random_exchanges
	test -z '$(RECORDED)' || $(BIN)/python -m test.recorded.judge $(RECORDED)

test-clients: $(VENV)/test
	command -v npm unshare ip >/dev/null || apt-get install -y -qq npm util-linux iproute2
	$(BIN)/python -m test.compared.run --folder $(CLIENTS) $(ARGS) $(NAMES)
	cd docs && PYTHONPATH=.. ../$(BIN)/python agents_table.py
	CCSPROXY_TEST_CLIENTS=$(CLIENTS) $(BIN)/python -m twisted.trial test.integration.test_agents

# Prometheus, ClickHouse (of 2018) and ZooKeeper as Debian has them; an OpenTelemetry collector, Jaeger, SeaweedFS and
# dex built from modules (25 minutes, once). Tests of what is not to be had are left out.
ENGINES ?= $(HOME)/.cache/ccsproxy/engines
JAEGER = github.com/jaegertracing/jaeger/cmd/jaeger
WEED = github.com/seaweedfs/seaweedfs/weed
DEX = github.com/dexidp/dex/cmd/dex

# $(call BUILD_ENGINE,NAME,PACKAGE,VERSION,MODULE): with a module beside it that its own go.mod takes from its tree.
define BUILD_ENGINE
	test -x $(ENGINES)/$(1) || ! command -v go >/dev/null || (cd $$(mktemp -d) && go mod init engines \
		&& go get -tool $(2)@$(3) $(if $(4),&& go get $(4)) && go build -p 2 -o $(ENGINES)/$(1) $(2))
endef

test-engines: $(VENV)/test
	command -v prometheus promtool >/dev/null \
		|| { apt-get update -qq && apt-get install -y -qq --no-install-recommends prometheus; }
	command -v clickhouse-server >/dev/null && test -d /usr/share/zookeeper -o -d /etc/zookeeper \
		|| { apt-get update -qq && apt-get install -y -qq --no-install-recommends clickhouse-server clickhouse-client zookeeper; } \
		|| echo "Debian's clickhouse-server and zookeeper are not to be had here; the tests of a cluster are left out"
	$(BIN)/python -m pip install --quiet -e '.[engines]'
	mkdir -p $(ENGINES)
	command -v go >/dev/null || echo "go is not installed; the tests of engines that are not built yet are left out"
	$(call BUILD_ENGINE,jaeger,$(JAEGER),v1.76.0)
	$(call BUILD_ENGINE,weed,$(WEED),v0.0.0-20261109003541-7506e5f91cd6)
	$(call BUILD_ENGINE,dex,$(DEX),v0.0.0-20260806151424-ab64ed778070,github.com/dexidp/dex/api/v2@ab64ed778070)
	test -x $(ENGINES)/otelcol || ! command -v go >/dev/null \
		|| (cd test/engines/otelcol && go build -p 2 -o $(ENGINES)/otelcol .)
	CCSPROXY_ENGINES=$(ENGINES) CCSPROXY_TEST_ENGINES=1 $(BIN)/python -m twisted.trial test.engines

test-browser: $(VENV)/browser
	CCSPROXY_BROWSER=1 $(BIN)/python -m twisted.trial test.browser

screenshots: $(VENV)/browser
	$(BIN)/python -m test.browser.screenshots docs/images

bench: $(VENV)/test
	command -v nginx gcc taskset >/dev/null || apt-get install -y nginx-light gcc util-linux
	PATH=$(CURDIR)/$(BIN):$$PATH $(BIN)/python -m bench.run $(ARGS)

profile: $(VENV)/test
	command -v gcc taskset >/dev/null || apt-get install -y gcc util-linux
	$(BIN)/python -m pip install --quiet -e '.[profile]'
	$(BIN)/python -m bench.profile $(ARGS)

prices: $(VENV)/run
	@test -n "$(FILE)" || { echo "make prices FILE=JSON: models.dev's api.json, or LiteLLM's model_prices_and_context_window.json"; exit 2; }
	$(BIN)/ccsproxy prices --compare $(FILE) $(ARGS)

docs: $(VENV)/docs
	$(BIN)/sphinx-build -q -W -b html docs docs/_build/html

changelog: $(VENV)/docs
	$(BIN)/towncrier build --draft

# A Debian package with the program in /opt/ccsproxy and its units; for the Debian and the architecture it is made on.
deb:
	packaging/deb/build dist

dist: $(VENV)/test
	$(BIN)/python -m pip install --quiet build
	$(BIN)/python -m build --outdir dist .

clean:
	rm -rf $(VENV) $(VENV).unfinished build dist *.egg-info _trial_temp* docs/_build bench/bin
