/* How values enter the text of their row (domain/migrations/canonical.py, Frame). */
#ifndef WHERRY_ROW_TEXT_H
#define WHERRY_ROW_TEXT_H

#include "columns.h"
#include "sqlite_values.h"

/* How a value enters its row's text, beside FORM_DECIMAL and FORM_DECIMAL_FREE: */
#define SPELL_WHOLE 'i'
#define SPELL_DOUBLE 'f'
#define SPELL_TEXT 't'
#define SPELL_HASH 'h'
#define SPELL_STAMP 's'
#define SPELL_TIME 'm'
/* These two begin with their length, unless they are longer than the shape's first number: */
#define SPELL_SIZED_TEXT 'S'
#define SPELL_SIZED_BYTES 'y'
#define SPELLINGS "ifthsmSynN"

/* All of these return -1 if there is no memory. */
/* Put a value's text, or its bytes, into its row's, set apart from the next one. */
int row_add(buffer *row, shape wanted, const char *text, size_t size);
/* The same for a text of digits, as none of them needs to be looked at. */
int row_add_number(buffer *row, const char *text, size_t size);
int row_add_null(buffer *row, shape wanted);
int row_add_double(buffer *row, shape wanted, double value);

#endif
