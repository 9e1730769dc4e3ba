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

# Seeded fuzzing programs.
$(B)/fuzz/%: tests/fuzz/%.c $(LIBOBJ) $(GRAMMAR) $(B)/obj/embedded.o
	@mkdir -p $(@D)
	$(call say,cc,$@)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -o $@ $< $(filter %.o,$^) $(LDLIBS_ALL)

unit-tools: $(UNIT_TOOLS)

unit: $(UNIT) ## the C unit tests (cmocka)
	@set -e; for t in $(UNIT); do $$t; done

# Seeded damage to what the program reads; `make fuzz ROUNDS=100000 SEED=7` for more.
ROUNDS ?= 3000
SEED   ?= 1
fuzz: $(B)/fuzz/merge_mutations ## seeded damage to reports
	$(B)/fuzz/merge_mutations $(ROUNDS) $(SEED) tests/unit/data/*.xml

.PHONY: unit unit-tools fuzz
