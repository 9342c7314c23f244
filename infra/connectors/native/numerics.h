/* PostgreSQL's binary form of numeric: base-10000 digits. Source: PostgreSQL, src/backend/utils/adt/numeric.c
 * (numeric_send, numeric_recv): int16 ndigits, int16 weight, uint16 sign, int16 dscale, then the digits. */
#ifndef WHERRY_NUMERICS_H
#define WHERRY_NUMERICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most bytes that the text of a number takes; 0 if these bytes are none. */
size_t numeric_text_max(const uint8_t *bytes, size_t size);
/* Write the text with all its decimal places; returns its size. */
size_t numeric_write(char *out, const uint8_t *bytes);
/* The most bytes that the binary form of a text takes. */
size_t numeric_bytes_max(size_t text_size);
/* Write the binary form of a text; returns its size, 0 if the text is no number. */
size_t numeric_read(uint8_t *out, const char *text, size_t size);

#endif
