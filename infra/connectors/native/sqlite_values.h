/* What a stored value of SQLite is as a value of a logical type.
 *
 * Only the usual spellings are known here. For any other value the answer is ASK: the caller asks
 * Python (infra.connectors.sqlite.values), which knows them all and says what is wrong with the rest. */
#ifndef WHERRY_SQLITE_VALUES_H
#define WHERRY_SQLITE_VALUES_H

#include "columns.h"
#include "sqlite_api.h"

/* Beside the letters of the carriers: */
#define FORM_DATE 'd'
#define FORM_STAMP 's'
#define FORM_INSTANT 'z'
#define FORM_MARKED 'Z' /* an instant that is marked as one */
#define FORM_TIME 'm'
#define FORM_UUID 'g'
#define FORM_BITS 'B'
#define FORM_DECIMAL 'n'
#define FORM_DECIMAL_FREE 'N'
#define FORM_JSON 'j'
#define FORMS "iufbtydszZmgBnNj"

enum taken { TAKEN = 0, NO_MEMORY = -1, ASK = 1 };

/* A form and its two numbers: digits and decimal places of a decimal, the length of a bit string;
 * in digests the most bytes that are taken as they are. */
typedef struct {
    char form;
    int first;
    int second;
} shape;

/* Read `count` shapes of three each: letter, first, second; -1 with a Python exception. */
int shapes_read(shape *shapes, Py_ssize_t count, PyObject *given, const char *letters);
char shape_carrier(shape wanted);

/* Add a value that is not NULL to a column of the shape's carrier. */
enum taken value_take(shape wanted, const stored *value, column *out);
/* Add what Python said; -1 with a Python exception if it is not of the column's carrier. */
int value_add_object(column *out, PyObject *value);

/* The most bytes that the text of a decimal takes. */
size_t decimal_text_max(shape wanted, const stored *value);
/* Write a decimal canonically; its size is set only if it was TAKEN. */
enum taken decimal_write(shape wanted, const stored *value, char *out, size_t *size);

/* Whether a text is JSON beyond doubt; one that is not may be, too. */
bool is_plainly_json(const char *text, size_t size);

#endif
