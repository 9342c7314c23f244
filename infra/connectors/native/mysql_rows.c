/* Rows of MySQL's text protocol, as they come off the wire, into columns.
 *
 * A packet is a 3-byte length, a sequence number and a payload; a row's payload is its values one
 * after the other, each with its length in front. Source: MySQL "Text Resultset" and
 * "Protocol::LengthEncodedInteger" (internals manual). */
#include "columns.h"
#include "parts.h"
#include "texts.h"

#define HEADER 4
#define PACKET_FULL 0xffffffu
#define LENGTH_NULL 0xfb
#define LENGTH_2 0xfc
#define LENGTH_3 0xfd
#define LENGTH_8 0xfe
#define PACKET_ERROR 0xff
#define EOF_BYTES_MAX 9

/* What the text of a value is made into; beside the carriers' own letters: */
#define FORM_STAMP 's' /* a text whose seconds get six decimal places */

#define FRACTION_DIGITS 6

typedef struct {
    PyObject_HEAD
    columns rows;
    char *forms;
} RowsObject;

static uint64_t little(const uint8_t *at, int bytes) {
    uint64_t value = 0;
    for (int byte = 0; byte < bytes; byte++) value |= (uint64_t)at[byte] << (8 * byte);
    return value;
}

/* Read the length in front of a value; returns how many bytes it took, 0 if it is not all there. */
static size_t read_length(const uint8_t *at, size_t left, uint64_t *length) {
    if (left == 0) return 0;
    int more = at[0] == LENGTH_2 ? 2 : at[0] == LENGTH_3 ? 3 : at[0] == LENGTH_8 ? 8 : 0;
    if (left < (size_t)more + 1) return 0;
    *length = more ? little(at + 1, more) : at[0];
    return (size_t)more + 1;
}

static int add_stamp(column *held, const char *text, size_t size) {
    char *out = column_begin_text(held, size + 1 + FRACTION_DIGITS);
    if (out == NULL) return -1;
    memcpy(out, text, size);
    const char *point = memchr(text, '.', size);
    size_t digits = point == NULL ? 0 : size - (size_t)(point - text) - 1;
    if (point == NULL) out[size++] = '.';
    for (; digits < FRACTION_DIGITS; digits++) out[size++] = '0';
    return column_end_text(held, size);
}

static int add_text(column *held, const char *text, size_t size, int64_t place, misfit *why) {
    size_t bad = utf8_valid(text, size);
    if (bad < size) return misfit_set(why, place, "is no valid UTF-8", text, size);
    return column_add_bytes(held, text, size);
}

static int add_value(column *held, char form, const char *text, size_t size, int64_t place, misfit *why) {
    int64_t whole;
    uint64_t natural;
    double number;
    switch (form) {
        case CARRIER_INT64:
            if (!read_int64(text, size, &whole)) break;
            return column_add_int64(held, whole);
        case CARRIER_UINT64:
            if (!read_uint64(text, size, &natural)) break;
            return column_add_word(held, natural);
        case CARRIER_FLOAT64:
            if (!read_double(text, size, &number)) break;
            return column_add_double(held, number);
        case CARRIER_BOOL:
            if (size != 1 || (text[0] != '0' && text[0] != '1')) break;
            return column_add_bool(held, text[0] == '1');
        case FORM_STAMP: return add_stamp(held, text, size);
        case CARRIER_TEXT: return add_text(held, text, size, place, why);
        default: return column_add_bytes(held, text, size);
    }
    return misfit_set(why, place, "is not of its column's type", text, size);
}

static int add_row(RowsObject *self, const uint8_t *at, size_t size, misfit *why) {
    const uint8_t *end = at + size;
    for (int64_t place = 0; place < self->rows.count; place++) {
        column *held = &self->rows.columns[place];
        if (at < end && at[0] == LENGTH_NULL) {
            at += 1;
            if (column_add_null(held) < 0) return -1;
            continue;
        }
        uint64_t length;
        size_t used = read_length(at, (size_t)(end - at), &length);
        if (used == 0 || length > (uint64_t)(end - at) - used)
            return misfit_set(why, place, "goes beyond its row", NULL, 0);
        at += used;
        if (add_value(held, self->forms[place], (const char *)at, (size_t)length, place, why) < 0) return -1;
        at += length;
    }
    return 0;
}

/* Take whole packets from bytes; returns -1 on failure, 1 at the packet that ends the result, else 0. */
static int take_rows(RowsObject *self, const uint8_t *bytes, size_t size, size_t *at, int64_t rows_max, misfit *why) {
    for (int64_t rows = 0; rows < rows_max && size - *at > HEADER; rows++) {
        size_t length = (size_t)little(bytes + *at, 3);
        const uint8_t *payload = bytes + *at + HEADER;
        if (length > size - *at - HEADER || length == PACKET_FULL || length == 0) break;
        if (payload[0] >= LENGTH_8 && (payload[0] == PACKET_ERROR || length < EOF_BYTES_MAX)) return 1;
        if (add_row(self, payload, length, why) < 0) return -1;
        *at += HEADER + length;
    }
    return 0;
}

static PyObject *rows_take(RowsObject *self, PyObject *args) {
    Py_buffer given;
    Py_ssize_t at;
    long long rows_max;
    if (!PyArg_ParseTuple(args, "y*nL", &given, &at, &rows_max)) return NULL;
    misfit why = {0};
    size_t place = (size_t)at;
    int result = -1;
    if (at >= 0 && at <= given.len) {
        Py_BEGIN_ALLOW_THREADS
        result = take_rows(self, given.buf, (size_t)given.len, &place, rows_max, &why);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&given);
    if (result < 0) return misfit_raise(&why);
    return Py_BuildValue("(nO)", (Py_ssize_t)place, result ? Py_True : Py_False);
}

static PyObject *rows_add(RowsObject *self, PyObject *payload) {
    Py_buffer given;
    if (PyObject_GetBuffer(payload, &given, PyBUF_SIMPLE) < 0) return NULL;
    misfit why = {0};
    int result = add_row(self, given.buf, (size_t)given.len, &why);
    PyBuffer_Release(&given);
    if (result < 0) return misfit_raise(&why);
    Py_RETURN_NONE;
}

static PyObject *rows_batch(RowsObject *self, PyObject *Py_UNUSED(ignored)) { return columns_export(&self->rows); }

static PyObject *rows_count(RowsObject *self, void *Py_UNUSED(closure)) {
    return PyLong_FromLongLong(columns_rows(&self->rows));
}

static PyObject *rows_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs)) {
    const char *forms;
    Py_ssize_t count;
    if (!PyArg_ParseTuple(args, "s#", &forms, &count)) return NULL;
    if (count < 1 || count > COLUMNS_MAX || strspn(forms, "iufbtys") != (size_t)count)
        return PyErr_Format(PyExc_ValueError, "no forms of columns: %s", forms);
    RowsObject *self = (RowsObject *)type->tp_alloc(type, 0);
    if (self == NULL) return NULL;
    char carriers[COLUMNS_MAX];
    for (Py_ssize_t place = 0; place < count; place++)
        carriers[place] = forms[place] == FORM_STAMP ? CARRIER_TEXT : forms[place];
    self->forms = PyMem_Malloc((size_t)count);
    if (self->forms == NULL || columns_open(&self->rows, carriers, count) < 0) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    memcpy(self->forms, forms, (size_t)count);
    return (PyObject *)self;
}

static void rows_dealloc(RowsObject *self) {
    columns_close(&self->rows);
    PyMem_Free(self->forms);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef rows_methods[] = {
    {"take", (PyCFunction)rows_take, METH_VARARGS, NULL},
    {"add", (PyCFunction)rows_add, METH_O, NULL},
    {"batch", (PyCFunction)rows_batch, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef rows_fields[] = {
    {"rows", (getter)rows_count, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject MysqlRowsType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "infra.connectors.native.MysqlRows",
    .tp_basicsize = sizeof(RowsObject),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = rows_new,
    .tp_dealloc = (destructor)rows_dealloc,
    .tp_methods = rows_methods,
    .tp_getset = rows_fields,
};
