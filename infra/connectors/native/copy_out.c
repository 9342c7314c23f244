/* Rows of PostgreSQL's binary COPY, as the server sends them, into columns.
 *
 * Source: PostgreSQL manual, COPY, "Binary Format"; the values' forms are those of the types' send functions. */
#include "columns.h"
#include "copy_format.h"
#include "numerics.h"
#include "parts.h"
#include "texts.h"

/* What a value is read as. */
#define FORM_INT2 '2'
#define FORM_INT4 '4'
#define FORM_INT8 '8'
#define FORM_OID 'o'
#define FORM_FLOAT4 'e'
#define FORM_FLOAT8 'f'
#define FORM_BOOL 'b'
#define FORM_TEXT 't'
#define FORM_JSONB 'j'
#define FORM_BYTES 'y'
#define FORM_NUMERIC 'n'
#define FORM_DATE 'd'
#define FORM_STAMP 's'
#define FORM_TIME 'm'
#define FORM_UUID 'u'

typedef struct {
    PyObject_HEAD
    columns rows;
    char *forms;
    bool begun;
    bool ended;
} CopyObject;

static int add_uuid(column *held, const uint8_t *bytes) {
    char *out = column_begin_text(held, UUID_TEXT);
    if (out == NULL) return -1;
    uuid_write(out, bytes);
    return column_end_text(held, UUID_TEXT);
}

static int add_numeric(column *held, const uint8_t *bytes, size_t size) {
    size_t size_max = numeric_text_max(bytes, size);
    char *out = size_max == 0 ? NULL : column_begin_text(held, size_max);
    return out == NULL ? -1 : column_end_text(held, numeric_write(out, bytes));
}

static int add_float(column *held, const uint8_t *bytes, int size) {
    if (size == 8) return column_add_word(held, big(bytes, 8));
    uint32_t bits = (uint32_t)big(bytes, 4);
    float single;
    memcpy(&single, &bits, sizeof single);
    return column_add_double(held, (double)single);
}

static int add_moment(column *held, char form, const uint8_t *bytes) {
    char *out = column_begin_text(held, STAMP_TEXT_MAX);
    if (out == NULL) return -1;
    if (form == FORM_DATE) return column_end_text(held, write_date(out, (int32_t)(uint32_t)big(bytes, 4)));
    int64_t micros = (int64_t)big(bytes, 8);
    return column_end_text(held, form == FORM_TIME ? write_time(out, micros) : write_stamp(out, micros));
}

/* The number of bytes that every value of a form has, 0 if they differ. */
static size_t size_of(char form) {
    switch (form) {
        case FORM_BOOL: return 1;
        case FORM_INT2: return 2;
        case FORM_INT4: case FORM_OID: case FORM_FLOAT4: case FORM_DATE: return 4;
        case FORM_INT8: case FORM_FLOAT8: case FORM_STAMP: case FORM_TIME: return 8;
        case FORM_UUID: return UUID_BYTES;
        default: return 0;
    }
}

static int add_value(column *held, char form, const uint8_t *bytes, size_t size) {
    switch (form) {
        case FORM_INT2: return column_add_int64(held, (int16_t)(uint16_t)big(bytes, 2));
        case FORM_INT4: return column_add_int64(held, (int32_t)(uint32_t)big(bytes, 4));
        case FORM_OID: return column_add_int64(held, (int64_t)big(bytes, 4));
        case FORM_INT8: return column_add_word(held, big(bytes, 8));
        case FORM_FLOAT4: case FORM_FLOAT8: return add_float(held, bytes, (int)size);
        case FORM_BOOL: return column_add_bool(held, bytes[0] != 0);
        case FORM_NUMERIC: return add_numeric(held, bytes, size);
        case FORM_DATE: case FORM_STAMP: case FORM_TIME: return add_moment(held, form, bytes);
        case FORM_UUID: return add_uuid(held, bytes);
        case FORM_JSONB: return size < 1 ? -1 : column_add_bytes(held, bytes + 1, size - 1);
        default: return column_add_bytes(held, bytes, size);
    }
}

/* Read one row of `count` fields at `at`; returns the place after it, NULL on failure. */
static const uint8_t *add_row(CopyObject *self, const uint8_t *at, const uint8_t *end, misfit *why) {
    for (int64_t place = 0; place < self->rows.count; place++) {
        column *held = &self->rows.columns[place];
        if (end - at < 4) return misfit_set(why, place, "is cut off", NULL, 0), NULL;
        uint32_t length = (uint32_t)big(at, 4);
        at += 4;
        if (length == NULL_LENGTH) {
            if (column_add_null(held) < 0) return NULL;
            continue;
        }
        size_t fixed = size_of(self->forms[place]);
        if (length > (uint64_t)(end - at) || (fixed && length != fixed))
            return misfit_set(why, place, "is not in the form of its type", NULL, 0), NULL;
        if (add_value(held, self->forms[place], at, length) < 0) {
            misfit_set(why, place, "is not in the form of its type", NULL, 0);
            return NULL;
        }
        at += length;
    }
    return at;
}

static int take_rows(CopyObject *self, const uint8_t *at, size_t size, misfit *why) {
    const uint8_t *end = at + size;
    if (!self->begun && size) {
        at = copy_begun(at, end);
        if (at == NULL) return misfit_set(why, 0, "is no COPY stream", NULL, 0);
        self->begun = true;
    }
    while (at != NULL && at < end && !self->ended) {
        if (end - at < 2) return misfit_set(why, 0, "is cut off", NULL, 0);
        int16_t fields = (int16_t)(uint16_t)big(at, 2);
        at += 2;
        if (fields == -1) {
            self->ended = true;
        } else if (fields != self->rows.count) {
            return misfit_set(why, 0, "has another number of fields", NULL, 0);
        } else {
            at = add_row(self, at, end, why);
        }
    }
    return at == NULL ? -1 : 0;
}

static PyObject *copy_take(CopyObject *self, PyObject *block) {
    Py_buffer given;
    if (PyObject_GetBuffer(block, &given, PyBUF_SIMPLE) < 0) return NULL;
    misfit why = {0};
    int result;
    Py_BEGIN_ALLOW_THREADS
    result = take_rows(self, given.buf, (size_t)given.len, &why);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&given);
    if (result < 0) return misfit_raise(&why);
    return columns_export(&self->rows);
}

static PyObject *copy_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs)) {
    const char *forms;
    Py_ssize_t count;
    if (!PyArg_ParseTuple(args, "s#", &forms, &count)) return NULL;
    if (count < 1 || count > COLUMNS_MAX || strspn(forms, "248oefbtjyndsmu") != (size_t)count)
        return PyErr_Format(PyExc_ValueError, "no forms of columns: %s", forms);
    CopyObject *self = (CopyObject *)type->tp_alloc(type, 0);
    if (self == NULL) return NULL;
    char carriers[COLUMNS_MAX];
    for (Py_ssize_t place = 0; place < count; place++) {
        char form = forms[place];
        carriers[place] = strchr("248o", form)  ? CARRIER_INT64
                          : strchr("ef", form)  ? CARRIER_FLOAT64
                          : form == FORM_BOOL   ? CARRIER_BOOL
                          : form == FORM_BYTES  ? CARRIER_BYTES
                                                : CARRIER_TEXT;
    }
    self->forms = PyMem_Malloc((size_t)count);
    if (self->forms == NULL || columns_open(&self->rows, carriers, count) < 0) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    memcpy(self->forms, forms, (size_t)count);
    return (PyObject *)self;
}

static void copy_dealloc(CopyObject *self) {
    columns_close(&self->rows);
    PyMem_Free(self->forms);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef copy_methods[] = {
    {"take", (PyCFunction)copy_take, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

PyTypeObject CopyRowsType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "infra.connectors.native.CopyRows",
    .tp_basicsize = sizeof(CopyObject),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = copy_new,
    .tp_dealloc = (destructor)copy_dealloc,
    .tp_methods = copy_methods,
};
