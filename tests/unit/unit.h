#ifndef UNIT_H
#define UNIT_H

/* What every unit test includes: cmocka and what it needs before itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#endif
