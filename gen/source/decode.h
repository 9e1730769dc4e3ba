#ifndef SOURCE_DECODE_H
#define SOURCE_DECODE_H

#include "base/str.h"

#include <stdbool.h>

/*
 * The bytes of a Python file as both parsers read them: in an ASCII superset in which no byte below 0x80 is
 * part of a character, the byte order mark blanked, a lone CR made LF (Python ends a line there). An encoding
 * declared by PEP 263 in which that does not hold (shift_jis, gbk, …) is converted to UTF-8; then columns are
 * those of the converted line. False when the encoding is unknown or the bytes are not in it.
 */
bool decode_source(struct buf *out, const char *bytes, size_t n);

#endif
