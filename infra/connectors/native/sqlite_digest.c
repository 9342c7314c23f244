/* The digest of the rows of a query of SQLite (domain.migrations.transfer.Digest), from the stored values.
 *
 * Moments are spelled by code of their own, not by the reader's: what a reader gets wrong must show. */
#include "hashes.h"
#include "md5.h"
#include "parts.h"
#include "row_chain.h"
#include "row_text.h"
#include "texts.h"

#define SECONDS_SIZE 8
#define DAY_SIZE 10
#define SPELLED_MAX 40

typedef struct {
    statement query;
    PyObject *ask;
    Py_ssize_t count;
    shape *shapes;
    size_t *ends;
    const char *links;
    buffer row;
    buffer text;
    int64_t rows;
    hash_sum sum;
} digest;

enum stop { STOP_END, STOP_ASK, STOP_SQLITE, STOP_MEMORY };

static bool are(const char *text, const char *pattern) {
    for (; *pattern; pattern++, text++)
        if (*pattern == '9' ? *text < '0' || *text > '9' : *text != *pattern) return false;
    return true;
}

/* The number of bytes of `HH:MM:SS[.f{1,6}]` at the front of a text; 0 if there is none. */
static size_t clock_size(const char *text, size_t size) {
    if (size < SECONDS_SIZE || !are(text, "99:99:99")) return 0;
    if (size == SECONDS_SIZE || text[SECONDS_SIZE] != '.') return SECONDS_SIZE;
    size_t at = SECONDS_SIZE + 1;
    while (at < size && at < SECONDS_SIZE + 7 && text[at] >= '0' && text[at] <= '9') at++;
    return at == SECONDS_SIZE + 1 ? 0 : at;
}

/* Write a clock with six digits of a second. */
static size_t write_clock(char *out, const char *clock, size_t size) {
    memcpy(out, "00:00:00.000000", SECONDS_SIZE + 7);
    memcpy(out, clock, size);
    return SECONDS_SIZE + 7;
}

/* Spell a time or moment canonically; 0 if it has another shape and is spelled already. */
static size_t write_moment(char form, char *out, const char *text, size_t size) {
    size_t before = form == SPELL_STAMP ? DAY_SIZE + 1 : 0;
    if (before && (size <= before || !are(text, "9999-99-99") || (text[DAY_SIZE] != ' ' && text[DAY_SIZE] != 'T')))
        return 0;
    size_t clock = clock_size(text + before, size - before), left = size - before - clock;
    const char *rest = text + before + clock;
    bool is_marked = before && ((left == 1 && *rest == 'Z') || (left == 6 && memcmp(rest, "+00:00", 6) == 0));
    if (clock == 0 || (left && !is_marked)) return 0;
    memcpy(out, text, before);
    if (before) out[DAY_SIZE] = ' ';
    return before + write_clock(out + before, text + before, clock);
}

static enum taken done(int result) { return result < 0 ? NO_MEMORY : TAKEN; }

static enum taken add_decimal(digest *self, shape wanted, const stored *value) {
    size_t size;
    self->text.size = 0;
    if (buffer_reserve(&self->text, decimal_text_max(wanted, value)) < 0) return NO_MEMORY;
    enum taken result = decimal_write(wanted, value, (char *)self->text.at, &size);
    if (result != TAKEN) return result;
    const char *text = (const char *)self->text.at;
    if (wanted.form == FORM_DECIMAL) return done(row_add_number(&self->row, text, size));
    return done(row_add(&self->row, wanted, text, size));
}

static enum taken add_whole(digest *self, shape wanted, int64_t value) {
    char text[INTEGER_TEXT_MAX + 1];
    if (wanted.form == SPELL_DOUBLE) return done(row_add_double(&self->row, wanted, (double)value));
    size_t size = write_int64(text, value);
    if (wanted.form == SPELL_WHOLE) return done(row_add_number(&self->row, text, size));
    return done(row_add(&self->row, wanted, text, size));
}

static enum taken add_bytes(digest *self, shape wanted, const char *bytes, size_t size) {
    char text[SPELLED_MAX];
    switch (wanted.form) {
        case SPELL_WHOLE: case SPELL_DOUBLE: return ASK;
        case SPELL_STAMP: case SPELL_TIME: {
            size_t spelled = write_moment(wanted.form, text, bytes, size);
            return done(row_add(&self->row, wanted, spelled ? text : bytes, spelled ? spelled : size));
        }
        default: return done(row_add(&self->row, wanted, bytes, size));
    }
}

static enum taken add_value(digest *self, shape wanted, const stored *value) {
    if (value->class == SQLITE_NULL) return done(row_add_null(&self->row, wanted));
    if (wanted.form == FORM_DECIMAL || wanted.form == FORM_DECIMAL_FREE) return add_decimal(self, wanted, value);
    if (value->class == SQLITE_INTEGER) return add_whole(self, wanted, value->whole);
    if (value->class == SQLITE_FLOAT)
        return wanted.form == SPELL_DOUBLE ? done(row_add_double(&self->row, wanted, value->real)) : ASK;
    return add_bytes(self, wanted, value->bytes, value->size);
}

static void add_row(digest *self) {
    chained row = {(const char *)self->row.at, self->ends, self->shapes, self->links, self->count};
    hash_sum_add(&self->sum, row_number(self->sum.how, &row));
    self->rows += 1;
    self->row.size = 0;
}

/* Go on at a column of the present row, or with the next row. */
static enum stop add_rows(digest *self, Py_ssize_t *place, stored *value) {
    for (;;) {
        for (; *place >= 0 && *place < self->count; *place += 1) {
            if (stored_get(self->query.stmt, (int)*place, value) < 0) return STOP_MEMORY;
            enum taken result = add_value(self, self->shapes[*place], value);
            if (result == ASK) return STOP_ASK;
            if (result == NO_MEMORY) return STOP_MEMORY;
            self->ends[*place] = self->row.size;
        }
        if (*place >= 0) add_row(self);
        *place = -1;
        int code = sqlite.step(self->query.stmt);
        if (code == SQLITE_DONE) return STOP_END;
        if (code != SQLITE_ROW) return STOP_SQLITE;
        *place = 0;
    }
}

/* Have Python spell a value; -1 with its exception. */
static int ask_python(digest *self, Py_ssize_t place, const stored *value) {
    Py_ssize_t size;
    char *bytes;
    PyObject *given = stored_object(value);
    PyObject *spelled = given == NULL ? NULL : PyObject_CallFunction(self->ask, "nN", place, given);
    int result = spelled == NULL ? -1 : PyBytes_AsStringAndSize(spelled, &bytes, &size);
    if (result == 0 && row_add(&self->row, self->shapes[place], bytes, (size_t)size) < 0) result = (PyErr_NoMemory(), -1);
    self->ends[place] = self->row.size;
    Py_XDECREF(spelled);
    return result;
}

static PyObject *digest_all(digest *self) {
    Py_ssize_t place = -1;
    enum stop why = STOP_ASK;
    while (why == STOP_ASK) {
        stored value;
        Py_BEGIN_ALLOW_THREADS
        statement_enter(&self->query);
        why = add_rows(self, &place, &value);
        statement_leave(&self->query);
        Py_END_ALLOW_THREADS
        if (why == STOP_ASK && ask_python(self, place++, &value) < 0) return NULL;
    }
    if (why == STOP_SQLITE) return statement_raise(&self->query);
    if (why == STOP_MEMORY) return PyErr_NoMemory();
    return Py_BuildValue("(LN)", (long long)self->rows, hash_sum_total(&self->sum));
}

static int open_shapes(digest *self, PyObject *shapes, Py_ssize_t linked) {
    self->count = PySequence_Size(shapes);
    if (self->count < 1 || self->count > COLUMNS_MAX || self->count != sqlite.column_count(self->query.stmt)) {
        if (self->count >= 0) PyErr_Format(PyExc_ValueError, "another number of columns: %zd", self->count);
        return -1;
    }
    self->shapes = PyMem_Calloc((size_t)self->count, sizeof(shape));
    self->ends = PyMem_Calloc((size_t)self->count, sizeof(size_t));
    if (self->shapes == NULL || self->ends == NULL) return PyErr_NoMemory(), -1;
    if (!links_match(self->links, linked, self->count)) return -1;
    return shapes_read(self->shapes, self->count, shapes, SPELLINGS);
}

PyObject *sqlite_digest(PyObject *Py_UNUSED(module), PyObject *args) {
    PyObject *handle, *sql, *parameters, *shapes, *result = NULL;
    int how;
    Py_ssize_t linked;
    digest self = {0};
    if (!PyArg_ParseTuple(args, "OUOOCOs#", &handle, &sql, &parameters, &shapes, &how, &self.ask, &self.links, &linked))
        return NULL;
    if (how > 127 || strchr(HASHES, how) == NULL || how == 0) return PyErr_Format(PyExc_ValueError, "no hash: %c", how);
    self.sum.how = (char)how;
    if (statement_open(&self.query, handle, sql, parameters) == 0 && open_shapes(&self, shapes, linked) == 0)
        result = digest_all(&self);
    statement_close(&self.query);
    PyMem_Free(self.ends);
    PyMem_Free(self.shapes);
    buffer_free(&self.row);
    buffer_free(&self.text);
    return result;
}

PyObject *md5_digest(PyObject *Py_UNUSED(module), PyObject *bytes) {
    char hex[MD5_HEX_SIZE];
    Py_buffer given;
    if (PyObject_GetBuffer(bytes, &given, PyBUF_SIMPLE) < 0) return NULL;
    md5_hex(given.buf, (size_t)given.len, hex);
    PyBuffer_Release(&given);
    return PyUnicode_FromStringAndSize(hex, MD5_HEX_SIZE);
}
