# The tests, from small to large; included by the Makefile.

$(B)/unit/%: tests/unit/%.c $(LIBOBJ) $(GRAMMAR) $(B)/obj/embedded.o
	@mkdir -p $(@D)
	$(call say,cc,$@)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -o $@ $< $(filter %.o,$^) $(LDLIBS_ALL) -lcmocka

unit: $(UNIT) ## the C unit tests (cmocka)
	@set -e; for t in $(UNIT); do $$t; done

.PHONY: unit
