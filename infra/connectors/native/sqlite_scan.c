/* One look at all values of some columns of SQLite: their storage classes, sizes, and which types they all fit. */
#include <math.h>

#include "columns.h"
#include "parts.h"
#include "sqlite_values.h"
#include "sqlite_walk.h"
#include "texts.h"

#define CANDIDATES_MAX 4
#define DOUBLE_EXACT (INT64_C(1) << 53)
#define WORD_SIZE 8

/* What is known of a column so far. A candidate that some value does not fit is no longer asked. */
typedef struct {
    int candidates;
    shape shapes[CANDIDATES_MAX];
    column scratch[CANDIDATES_MAX];
    bool fits[CANDIDATES_MAX];
    bool is_measured;
    int64_t classes[SQLITE_NULL + 1];
    int64_t size_bytes;
    int64_t length_max;
    bool is_utf8;
    bool fits_double;
    bool has_nul;
    bool has_infinite;
} evidence;

typedef struct {
    statement query;
    PyObject *ask;
    Py_ssize_t count;
    evidence *columns;
    int64_t rows;
} scan;

enum stop { STOP_END, STOP_ASK, STOP_SQLITE, STOP_MEMORY };

static void add_text(evidence *seen, const stored *value) {
    seen->size_bytes += (int64_t)value->size + WORD_SIZE;
    if (value->size && memchr(value->bytes, 0, value->size) != NULL) seen->has_nul = true;
    if (value->class != SQLITE_TEXT) return;
    if (utf8_valid(value->bytes, value->size) != value->size) {
        seen->is_utf8 = false;
    } else if (seen->is_measured) {
        int64_t length = (int64_t)utf8_length(value->bytes, value->size);
        if (length > seen->length_max) seen->length_max = length;
    }
}

static void add_class(evidence *seen, const stored *value) {
    seen->classes[value->class] += 1;
    switch (value->class) {
        case SQLITE_INTEGER:
            seen->size_bytes += WORD_SIZE;
            if (value->whole < -DOUBLE_EXACT || value->whole > DOUBLE_EXACT) seen->fits_double = false;
            break;
        case SQLITE_FLOAT:
            seen->size_bytes += WORD_SIZE;
            if (isinf(value->real)) seen->has_infinite = true;
            break;
        case SQLITE_TEXT: case SQLITE_BLOB: add_text(seen, value); break;
    }
}

static enum taken test(evidence *seen, int candidate, const stored *value) {
    column *scratch = &seen->scratch[candidate];
    scratch->rows = 0;
    scratch->data.size = scratch->offsets.size = 0;
    return value_take(seen->shapes[candidate], value, scratch);
}

typedef struct {
    Py_ssize_t place;
    int candidate;
    stored value;
} present;

/* Go on at a column and candidate of the present row, or with the next row. */
static enum stop look(scan *self, present *at) {
    for (;;) {
        for (; at->place < self->count; at->place++, at->candidate = -1) {
            evidence *seen = &self->columns[at->place];
            if (at->candidate < 0) {
                if (statement_get(&self->query, (int)at->place, &at->value) < 0) return STOP_MEMORY;
                add_class(seen, &at->value);
                at->candidate = 0;
            }
            if (at->value.class == SQLITE_NULL) continue;
            for (; at->candidate < seen->candidates; at->candidate++) {
                enum taken result = seen->fits[at->candidate] ? test(seen, at->candidate, &at->value) : TAKEN;
                if (result == ASK) return STOP_ASK;
                if (result == NO_MEMORY) return STOP_MEMORY;
            }
        }
        int code = statement_step(&self->query);
        if (code == SQLITE_DONE) return STOP_END;
        if (code != SQLITE_ROW) return STOP_SQLITE;
        self->rows += 1;
        *at = (present){.candidate = -1};
    }
}

static int ask_python(scan *self, present *at) {
    PyObject *given = stored_object(&at->value);
    PyObject *answer = given == NULL ? NULL
                                     : PyObject_CallFunction(self->ask, "niN", at->place, at->candidate, given);
    int fits = answer == NULL ? -1 : PyObject_IsTrue(answer);
    Py_XDECREF(answer);
    if (fits < 0) return -1;
    self->columns[at->place].fits[at->candidate] = fits;
    at->candidate += 1;
    return 0;
}

static PyObject *look_at_all(scan *self) {
    present at = {.place = self->count};
    enum stop why = STOP_ASK;
    while (why == STOP_ASK) {
        Py_BEGIN_ALLOW_THREADS
        statement_enter(&self->query);
        why = look(self, &at);
        statement_leave(&self->query);
        Py_END_ALLOW_THREADS
        if (why == STOP_ASK && ask_python(self, &at) < 0) return NULL;
    }
    if (why == STOP_SQLITE) return statement_raise(&self->query);
    return why == STOP_MEMORY ? PyErr_NoMemory() : Py_None;
}

static PyObject *found_of(const evidence *seen) {
    PyObject *fits = PyTuple_New(seen->candidates);
    if (fits == NULL) return NULL;
    for (int each = 0; each < seen->candidates; each++) PyTuple_SET_ITEM(fits, each, PyBool_FromLong(seen->fits[each]));
    return Py_BuildValue(
        "{sLsLsLsLsLsLsLsOsOsOsOsN}", "integers", (long long)seen->classes[SQLITE_INTEGER], "reals",
        (long long)seen->classes[SQLITE_FLOAT], "texts", (long long)seen->classes[SQLITE_TEXT], "blobs",
        (long long)seen->classes[SQLITE_BLOB], "nulls", (long long)seen->classes[SQLITE_NULL], "size_bytes",
        (long long)seen->size_bytes, "length_max", (long long)seen->length_max, "is_utf8",
        seen->is_utf8 ? Py_True : Py_False, "fits_double", seen->fits_double ? Py_True : Py_False, "has_nul",
        seen->has_nul ? Py_True : Py_False, "has_infinite", seen->has_infinite ? Py_True : Py_False, "fits", fits);
}

static int open_candidates(evidence *seen, PyObject *given) {
    PyObject *shapes;
    int is_measured;
    if (!PyArg_ParseTuple(given, "Op", &shapes, &is_measured)) return -1;
    Py_ssize_t count = PySequence_Size(shapes);
    if (count < 0 || count > CANDIDATES_MAX) return PyErr_SetString(PyExc_ValueError, "too many candidates"), -1;
    if (shapes_read(seen->shapes, count, shapes, FORMS) < 0) return -1;
    seen->candidates = (int)count;
    seen->is_measured = is_measured;
    seen->is_utf8 = seen->fits_double = true;
    for (int each = 0; each < seen->candidates; each++) {
        seen->scratch[each].carrier = shape_carrier(seen->shapes[each]);
        seen->fits[each] = true;
    }
    return 0;
}

static int open_scan(scan *self, PyObject *columns) {
    Py_ssize_t count = PySequence_Size(columns);
    if (count < 1 || count > COLUMNS_MAX || count != sqlite.column_count(self->query.stmt)) {
        if (count >= 0) PyErr_Format(PyExc_ValueError, "another number of columns: %zd", count);
        return -1;
    }
    self->columns = PyMem_Calloc((size_t)count, sizeof(evidence));
    if (self->columns == NULL) return PyErr_NoMemory(), -1;
    self->count = count;
    for (Py_ssize_t place = 0; place < count; place++) {
        PyObject *given = PySequence_GetItem(columns, place);
        int result = given == NULL ? -1 : open_candidates(&self->columns[place], given);
        Py_XDECREF(given);
        if (result < 0) return -1;
    }
    return 0;
}

static void close_scan(scan *self) {
    statement_close(&self->query);
    for (Py_ssize_t place = 0; place < self->count; place++)
        for (int each = 0; each < CANDIDATES_MAX; each++) {
            buffer_free(&self->columns[place].scratch[each].data);
            buffer_free(&self->columns[place].scratch[each].offsets);
        }
    PyMem_Free(self->columns);
}

static PyObject *all_found(const scan *self) {
    PyObject *found = PyList_New(self->count);
    for (Py_ssize_t place = 0; found != NULL && place < self->count; place++) {
        PyObject *one = found_of(&self->columns[place]);
        if (one == NULL) Py_CLEAR(found);
        else PyList_SET_ITEM(found, place, one);
    }
    return found == NULL ? NULL : Py_BuildValue("(LN)", (long long)self->rows, found);
}

PyObject *sqlite_scan(PyObject *Py_UNUSED(module), PyObject *args) {
    PyObject *handle, *sql, *parameters, *columns, *ask, *walk = Py_None, *result = NULL;
    if (!PyArg_ParseTuple(args, "OUOOO|O", &handle, &sql, &parameters, &columns, &ask, &walk)) return NULL;
    scan self = {.ask = ask};
    if (statement_open(&self.query, handle, sql, parameters) == 0 && walk_open(&self.query, walk) == 0 &&
        open_scan(&self, columns) == 0)
        result = look_at_all(&self) == NULL ? NULL : all_found(&self);
    close_scan(&self);
    return result;
}
