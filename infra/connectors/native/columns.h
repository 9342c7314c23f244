/* Columns of a batch: built value by value, handed to Arrow, and read back from Arrow.
 *
 * A column is of one carrier (domain.catalog.types.Carrier), named by a letter. Nothing here needs
 * Python's global lock, but for `columns_export` and `views_open`, which make or take Python objects. */
#ifndef WHERRY_COLUMNS_H
#define WHERRY_COLUMNS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define CARRIER_INT64 'i'
#define CARRIER_UINT64 'u'
#define CARRIER_FLOAT64 'f'
#define CARRIER_BOOL 'b'
#define CARRIER_TEXT 't'
#define CARRIER_BYTES 'y'

#define COLUMNS_MAX 4096

/* Bytes that grow. */
typedef struct {
    uint8_t *at;
    size_t size;
    size_t capacity;
} buffer;

int buffer_reserve_slow(buffer *held, size_t more);

/* Make room for `more` bytes; -1 if there is no memory. */
static inline int buffer_reserve(buffer *held, size_t more) {
    return held->capacity - held->size >= more ? 0 : buffer_reserve_slow(held, more);
}

static inline int buffer_add(buffer *held, const void *bytes, size_t size) {
    if (buffer_reserve(held, size) < 0) return -1;
    if (size) memcpy(held->at + held->size, bytes, size);
    held->size += size;
    return 0;
}

void buffer_free(buffer *held);

/* Give what a buffer holds as bytes and leave it empty. Large ones move step by step, so that they are never held twice. */
PyObject *buffer_bytes(buffer *held);

/* A column under construction. There is no bitmap of valid values before the first NULL. */
typedef struct {
    char carrier;
    int64_t rows;
    int64_t nulls;
    buffer valid;
    buffer offsets;
    buffer data;
    size_t data_expected; /* the sizes of the last batch's buffers, which the next one's likely have */
    size_t offsets_expected;
} column;

int column_valid_slow(column *held, bool is_valid);

/* Note whether the value being added is there; adds nothing to the data. */
static inline int column_mark(column *held, bool is_valid) {
    return is_valid && held->valid.at == NULL ? 0 : column_valid_slow(held, is_valid);
}

int column_add_null(column *held);
int column_add_bool(column *held, bool value);

/* The functions that add return 0, or -1 if there is no memory. */
static inline int column_add_word(column *held, uint64_t bits) {
    if (column_mark(held, true) < 0 || buffer_add(&held->data, &bits, sizeof bits) < 0) return -1;
    held->rows += 1;
    return 0;
}

/* Begin a text of at most `size_max` bytes: returns where to write it, NULL if there is no memory. */
static inline char *column_begin_text(column *held, size_t size_max) {
    if (buffer_reserve(&held->data, size_max) < 0) return NULL;
    return (char *)held->data.at + held->data.size;
}

/* End the text begun, which has `size` bytes. */
static inline int column_end_text(column *held, size_t size) {
    held->data.size += size;
    int64_t end = (int64_t)held->data.size;
    if (column_mark(held, true) < 0 || buffer_add(&held->offsets, &end, sizeof end) < 0) return -1;
    held->rows += 1;
    return 0;
}

/* Add a text or bytes. */
static inline int column_add_bytes(column *held, const void *bytes, size_t size) {
    char *at = column_begin_text(held, size);
    if (at == NULL) return -1;
    if (size) memcpy(at, bytes, size);
    return column_end_text(held, size);
}

static inline int column_add_int64(column *held, int64_t value) { return column_add_word(held, (uint64_t)value); }

static inline int column_add_double(column *held, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return column_add_word(held, bits);
}

/* Several columns of equal length under construction. */
typedef struct {
    int64_t count;
    column *columns;
} columns;

int columns_open(columns *held, const char *carriers, int64_t count);
void columns_close(columns *held);
int64_t columns_rows(const columns *held);
/* Hand the columns over as an object with `__arrow_c_array__`; they are empty afterwards. */
PyObject *columns_export(columns *held);
int columns_ready_types(void);

/* A finished column, wherever it came from. */
typedef struct {
    char carrier;
    int64_t rows;
    int64_t offset;
    const uint8_t *valid;
    const int64_t *offsets;
    const uint8_t *data;
} view;

static inline bool view_is_null(const view *seen, int64_t row) {
    int64_t bit = row + seen->offset;
    return seen->valid != NULL && !(seen->valid[bit >> 3] >> (bit & 7) & 1);
}

static inline uint64_t view_word(const view *seen, int64_t row) {
    return ((const uint64_t *)seen->data)[row + seen->offset];
}

static inline double view_double(const view *seen, int64_t row) {
    return ((const double *)seen->data)[row + seen->offset];
}

static inline bool view_bool(const view *seen, int64_t row) {
    int64_t bit = row + seen->offset;
    return seen->data[bit >> 3] >> (bit & 7) & 1;
}

static inline const char *view_bytes(const view *seen, int64_t row, size_t *size) {
    int64_t first = seen->offsets[row + seen->offset];
    *size = (size_t)(seen->offsets[row + seen->offset + 1] - first);
    return (const char *)seen->data + first;
}

/* The columns of an Arrow batch, open for reading. */
typedef struct {
    int64_t count;
    int64_t rows;
    view *columns;
    PyObject *owner;
} views;

/* Open a batch (anything with `__arrow_c_array__`); -1 with a Python exception if it is none of carriers. */
int views_open(views *held, PyObject *batch);
void views_close(views *held);

/* Why a value could not be taken: what is wrong, and which value, for the exception `Misfit`. */
typedef struct {
    int64_t column;
    const char *reason;
    char shown[64];
} misfit;

int misfit_set(misfit *why, int64_t column, const char *reason, const char *value, size_t size);
/* Raise `Misfit(column, reason, shown)`, or MemoryError if no misfit was set. Returns NULL. */
PyObject *misfit_raise(const misfit *why);
extern PyObject *MisfitError;

#endif
