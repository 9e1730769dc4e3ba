# testfan: `make` says what there is; `make all` builds build/testfan.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VERSION  := 0.1.0
PREFIX   ?= /usr/local
CC       := $(if $(filter default,$(origin CC)),gcc,$(CC))
B        ?= build
D        := .deps
PYTHON3  ?= python3
CFLAGS   ?= -O2 -g
WARN     := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual \
            -Wwrite-strings -Wundef -Wvla -Wformat=2
WERROR   ?= $(if $(CI),-Werror)
LIBS     := libxml-2.0 libcjson tree-sitter inih libxxhash
STD      := -std=c11 -D_POSIX_C_SOURCE=200809L -D_XOPEN_SOURCE=700 -DTESTFAN_VERSION='"$(VERSION)"'
CPPFLAGS_ALL = $(STD) -Igen -I$(B) -I$(D)/include $(shell pkg-config --cflags libxml-2.0 libcjson 2>/dev/null | sed 's/-I/-isystem /g')
CFLAGS_ALL   = $(CFLAGS) $(WARN) $(WERROR) $(SAN) -pthread -MMD -MP
LDLIBS_ALL   = $(shell pkg-config --libs libxml-2.0 libcjson 2>/dev/null) -ltree-sitter -linih -lxxhash -lm -ldl -pthread

# The program itself takes what has a static library from there: it starts in a third of the time, and starts often.
archive    = $(or $(filter /%,$(shell $(CC) -print-file-name=$(patsubst -l%,lib%.a,$(1)))),$(1))
STATIC_XML = $(foreach l,$(filter -l%,$(shell pkg-config --static --libs libxml-2.0 2>/dev/null)),$(if $(filter -lm,$l),,$(call archive,$l)))
STATIC_CXX = $(if $(findstring libicuuc.a,$(STATIC_XML)),$(call archive,-lstdc++))
STATIC_ALL = $(STATIC_XML) $(foreach l,-ltree-sitter -linih -lxxhash $(shell pkg-config --libs libcjson 2>/dev/null),$(call archive,$l)) \
             $(STATIC_CXX) -static-libgcc -lm -ldl -pthread

SRC      := $(sort $(wildcard gen/*/*.c))
OBJ      := $(SRC:%.c=$(B)/obj/%.o)
LIBOBJ   := $(filter-out $(B)/obj/gen/cli/main.o,$(OBJ))
GRAMMAR  := $(foreach g,python toml,$(B)/obj/grammar/$(g)-parser.o $(B)/obj/grammar/$(g)-scanner.o)
EMBED    := $(sort $(wildcard templates/*.in rules/*.py rules/*.bzl))
# What the fork server imports, compiled for the Python that is here; another one compiles it by itself.
PYTAG    := $(shell $(PYTHON3) -c 'import sys; print(sys.implementation.cache_tag)' 2>/dev/null)
COMPILED := $(if $(PYTAG),$(patsubst rules/%.py,$(B)/rules/%.$(PYTAG).pyc,$(filter-out %_probe.py %_bazel.py %_collectors.py %_server.py,$(sort $(wildcard rules/testfan_*.py)))))
UNIT     := $(patsubst tests/unit/%.c,$(B)/unit/%,$(sort $(wildcard tests/unit/test_*.c)))

# One short line a step; `make V=1` shows the commands.
Q  := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' '$(1)' '$(2)')

include tests/tests.mk

help: ## what there is (this list)
	@sed -n 's/^\([a-z-]*\):[^#]*## /  \1\t/p' $(MAKEFILE_LIST) | expand -t 12

all: $(B)/testfan ## build build/testfan

$(B)/testfan: $(OBJ) $(GRAMMAR) $(B)/obj/embedded.o
	$(call say,link,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN) -o $@ $^ $(if $(SAN),$(LDLIBS_ALL),$(STATIC_ALL))

$(B)/obj/gen/%.o: gen/%.c $(D)/stamp Makefile
	@mkdir -p $(@D)
	$(call say,cc,$@)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -c -o $@ $<

$(B)/obj/grammar/%-parser.o: $(D)/stamp
	@mkdir -p $(@D)
	$(call say,cc,$@)
	$(Q)$(CC) -O2 -I$(D)/include $(SAN) -c -o $@ $(D)/$*/src/parser.c
$(B)/obj/grammar/%-scanner.o: $(D)/stamp
	@mkdir -p $(@D)
	$(call say,cc,$@)
	$(Q)$(CC) -O2 -I$(D)/include $(SAN) -c -o $@ $(D)/$*/src/scanner.c

$(B)/embed: templates/embed.c
	@mkdir -p $(@D)
	$(call say,cc,$@)
	$(Q)$(CC) -std=c11 -O1 -o $@ $<
$(B)/embedded.c: $(B)/embed $(EMBED) $(COMPILED)
	$(Q)$(B)/embed $(EMBED) $(COMPILED) > $@.tmp && mv $@.tmp $@
$(B)/rules/%.$(PYTAG).pyc: rules/%.py
	$(Q)$(PYTHON3) -c 'import py_compile as p, sys; p.compile(*sys.argv[1:], sys.argv[1], True, invalidation_mode=p.PycInvalidationMode.CHECKED_HASH)' $< $@
$(B)/obj/embedded.o: $(B)/embedded.c
	@mkdir -p $(@D)
	$(call say,cc,$@)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS) $(SAN) -c -o $@ $<

# Debian's packages by apt, the grammars from PyPI's source packages by hash, unpacked where git does not look.
DEBS := gcc g++ libc6-dev make pkg-config libtree-sitter-dev libcjson-dev libxml2-dev libcmocka-dev libinih-dev libxxhash-dev libcurl4-openssl-dev ninja-build python3-venv
ORACLE_DEBS := strace
LINT_DEBS := clang clang-tidy clang-format
APT = $(if $(filter 0,$(shell id -u)),,sudo )apt-get

define install_debs
@missing=$$(for p in $(1); do dpkg-query -W -f='$${Status}\n' $$p 2>/dev/null | grep -q 'ok installed' || printf '%s ' $$p; done); \
if [ -n "$$missing" ]; then \
    if command -v apt-get >/dev/null && { [ "$$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; then \
        $(APT) update -qq && DEBIAN_FRONTEND=noninteractive $(APT) install -y -qq $$missing >/dev/null; \
    else printf 'testfan needs some packages; run this once, then make again:\n  sudo apt-get install %s\n' "$$missing" >&2; exit 1; fi; \
fi
endef

deps: $(D)/stamp ## install what is missing (apt as root or by sudo), fetch the grammars

$(D)/debs: Makefile
	$(call install_debs,$(DEBS))
	@mkdir -p $(D) && touch $@

$(D)/venv/bin/pip: | $(D)/debs
	$(PYTHON3) -m venv $(D)/venv

$(D)/stamp: gen/grammars.txt | $(D)/debs $(D)/venv/bin/pip
	rm -rf $(D)/dl $(D)/python $(D)/toml $(D)/include
	$(D)/venv/bin/pip download -q --disable-pip-version-check --no-deps --no-binary :all: --require-hashes -r $< -d $(D)/dl
	mkdir -p $(D)/python $(D)/toml $(D)/include/tree_sitter
	tar -xzf $(D)/dl/tree_sitter_python-*.tar.gz -C $(D)/python --strip-components=1
	tar -xzf $(D)/dl/tree_sitter_toml-*.tar.gz -C $(D)/toml --strip-components=1
	tar -xzf $(D)/dl/tree-sitter-0*.tar.gz -C $(D)/include/tree_sitter --strip-components=5 --wildcards \
	    '*/lib/src/parser.h' '*/lib/src/array.h' '*/lib/src/alloc.h' '*/lib/src/ts_assert.h'
	touch $@

lint: $(D)/stamp $(B)/embedded.c ## clang-format and clang-tidy, no finding allowed; gcc and clang with -Werror
	$(call install_debs,$(LINT_DEBS))
	clang-format --dry-run -Werror $(SRC) $(wildcard gen/*/*.h tests/unit/*.c tests/unit/*.h tests/fuzz/*.c) templates/embed.c
	@printf '%s\n' $(filter-out -I%,$(CPPFLAGS_ALL)) -I$(CURDIR)/gen -I$(CURDIR)/$(D)/include $(WARN) > $(B)/compile_flags.txt
	printf '%s\n' $(SRC) | xargs -P 2 -n 4 clang-tidy --quiet -p $(B)
	$(MAKE) B=build/gcc CC=gcc WERROR=-Werror build/gcc/testfan
	$(MAKE) B=build/clang CC=clang WERROR=-Werror build/clang/testfan

fmt: ## format the C code
	clang-format -i $(SRC) $(wildcard gen/*/*.h tests/unit/*.c tests/unit/*.h tests/fuzz/*.c) templates/embed.c

asan: ## all C tests under AddressSanitizer and UBSan
	$(MAKE) B=build/asan CFLAGS='-O1 -g -fno-omit-frame-pointer' SAN='-fsanitize=address,undefined -fno-sanitize-recover=all' unit

install: $(B)/testfan ## install to $(DESTDIR)$(PREFIX)
	install -Dm755 $(B)/testfan $(DESTDIR)$(PREFIX)/bin/testfan

clean: ## remove what was built; what was fetched stays in .deps
	rm -rf build .testfan build.ninja

-include $(OBJ:.o=.d) $(wildcard $(B)/unit/*.d)
.PHONY: help all deps lint fmt asan install clean
