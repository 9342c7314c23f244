/* See columns.h. */
#include "columns.h"

#include <stdlib.h>

#include "arrow_abi.h"

#define BYTES_STEP ((size_t)32 * 1024 * 1024)

PyObject *MisfitError;

int buffer_reserve_slow(buffer *held, size_t more) {
    if (more > SIZE_MAX / 4 - held->size) return -1;
    size_t capacity = held->capacity ? held->capacity : 1024;
    while (capacity - held->size < more) capacity += capacity / 2 + 64;
    uint8_t *at = realloc(held->at, capacity);
    if (at == NULL) return -1;
    held->at = at;
    held->capacity = capacity;
    return 0;
}

PyObject *buffer_bytes(buffer *held) {
    PyObject *made = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)held->size);
    if (made == NULL) return NULL;
    char *to = PyBytes_AS_STRING(made);
    while (held->size) {
        size_t part = held->size < BYTES_STEP ? held->size : BYTES_STEP;
        held->size -= part;
        memcpy(to + held->size, held->at + held->size, part);
        uint8_t *less = held->size ? realloc(held->at, held->size) : NULL;
        if (less != NULL) {
            held->at = less;
            held->capacity = held->size;
        }
    }
    return made;
}

void buffer_free(buffer *held) {
    free(held->at);
    *held = (buffer){0};
}

int column_valid_slow(column *held, bool is_valid) {
    size_t needed = (size_t)(held->rows / 8 + 1);
    if (held->valid.size < needed) {
        size_t more = needed - held->valid.size;
        if (buffer_reserve(&held->valid, more) < 0) return -1;
        memset(held->valid.at + held->valid.size, 0xff, more);
        held->valid.size = needed;
    }
    uint8_t bit = (uint8_t)(1u << (held->rows & 7));
    if (is_valid) {
        held->valid.at[held->rows >> 3] |= bit;
    } else {
        held->valid.at[held->rows >> 3] &= (uint8_t)~bit;
        held->nulls += 1;
    }
    return 0;
}

static bool is_var(char carrier) { return carrier == CARRIER_TEXT || carrier == CARRIER_BYTES; }

static int add_offset(column *held) {
    int64_t size = (int64_t)held->data.size;
    return buffer_add(&held->offsets, &size, sizeof size);
}

static int add_bit(column *held, bool value) {
    if ((held->rows & 7) == 0) {
        uint8_t none = 0;
        if (buffer_add(&held->data, &none, 1) < 0) return -1;
    }
    if (value) held->data.at[held->rows >> 3] |= (uint8_t)(1u << (held->rows & 7));
    return 0;
}

int column_add_null(column *held) {
    uint64_t zero = 0;
    if (column_mark(held, false) < 0) return -1;
    if (is_var(held->carrier)) {
        if (add_offset(held) < 0) return -1;
    } else if (held->carrier == CARRIER_BOOL) {
        if (add_bit(held, false) < 0) return -1;
    } else if (buffer_add(&held->data, &zero, sizeof zero) < 0) {
        return -1;
    }
    held->rows += 1;
    return 0;
}

int column_add_bool(column *held, bool value) {
    if (column_mark(held, true) < 0 || add_bit(held, value) < 0) return -1;
    held->rows += 1;
    return 0;
}

static int column_open(column *held) {
    if (is_var(held->carrier)) {
        if (buffer_reserve(&held->offsets, held->offsets_expected) < 0 || add_offset(held) < 0) return -1;
    }
    return buffer_reserve(&held->data, held->data_expected + 8);  /* Arrow wants a place even for no data */
}

static void column_close(column *held) {
    buffer_free(&held->valid);
    buffer_free(&held->offsets);
    buffer_free(&held->data);
    held->rows = held->nulls = 0;
}

int columns_open(columns *held, const char *carriers, int64_t count) {
    held->count = count;
    held->columns = calloc((size_t)(count ? count : 1), sizeof(column));
    if (held->columns == NULL) return -1;
    for (int64_t place = 0; place < count; place++) {
        held->columns[place].carrier = carriers[place];
        if (column_open(&held->columns[place]) < 0) {
            columns_close(held);
            return -1;
        }
    }
    return 0;
}

void columns_close(columns *held) {
    for (int64_t place = 0; held->columns != NULL && place < held->count; place++) column_close(&held->columns[place]);
    free(held->columns);
    *held = (columns){0};
}

int64_t columns_rows(const columns *held) { return held->count ? held->columns[held->count - 1].rows : 0; }

/* Handing over. An exported column owns its buffers; Arrow calls `release` when nobody needs them. */

typedef struct {
    const void *buffers[3];
    buffer parts[3];
} exported;

static void release_column(struct ArrowArray *array) {
    exported *own = array->private_data;
    for (int part = 0; part < 3; part++) buffer_free(&own->parts[part]);
    free(own);
    array->release = NULL;
}

static void release_batch(struct ArrowArray *array) {
    for (int64_t place = 0; place < array->n_children; place++) {
        struct ArrowArray *child = array->children[place];
        if (child != NULL && child->release != NULL) child->release(child);
        free(child);
    }
    free(array->children);
    free((void *)array->buffers);
    array->release = NULL;
}

static void release_field(struct ArrowSchema *schema) { schema->release = NULL; }

static void release_schema(struct ArrowSchema *schema) {
    for (int64_t place = 0; place < schema->n_children; place++) {
        struct ArrowSchema *child = schema->children[place];
        if (child != NULL && child->release != NULL) child->release(child);
        free(child);
    }
    free(schema->children);
    schema->release = NULL;
}

static const char *format_of(char carrier) {
    switch (carrier) {
        case CARRIER_INT64: return "l";
        case CARRIER_UINT64: return "L";
        case CARRIER_FLOAT64: return "g";
        case CARRIER_BOOL: return "b";
        case CARRIER_TEXT: return "U";
        default: return "Z";
    }
}

static int export_column(column *held, struct ArrowArray *array) {
    exported *own = calloc(1, sizeof *own);
    if (own == NULL) return -1;
    bool var = is_var(held->carrier);
    own->parts[0] = held->valid;
    own->parts[1] = var ? held->offsets : held->data;
    own->parts[2] = var ? held->data : (buffer){0};
    if (!var) buffer_free(&held->offsets);
    for (int part = 0; part < 3; part++) own->buffers[part] = own->parts[part].at;
    *array = (struct ArrowArray){
        .length = held->rows, .null_count = held->nulls, .n_buffers = var ? 3 : 2,
        .buffers = own->buffers, .release = release_column, .private_data = own,
    };
    *held = (column){
        .carrier = held->carrier,
        .data_expected = own->parts[var ? 2 : 1].size,
        .offsets_expected = var ? own->parts[1].size : 0,
    };
    return 0;
}

static int export_batch(columns *held, struct ArrowArray *array, struct ArrowSchema *schema) {
    size_t count = (size_t)(held->count ? held->count : 1);
    *array = (struct ArrowArray){.length = columns_rows(held), .n_buffers = 1, .release = release_batch};
    *schema = (struct ArrowSchema){.format = "+s", .name = "", .release = release_schema};
    array->buffers = calloc(1, sizeof(void *));
    array->children = calloc(count, sizeof(void *));
    schema->children = calloc(count, sizeof(void *));
    if (array->buffers == NULL || array->children == NULL || schema->children == NULL) return -1;
    for (int64_t place = 0; place < held->count; place++) {
        struct ArrowArray *child = array->children[place] = calloc(1, sizeof *child);
        array->n_children += 1;
        struct ArrowSchema *field = schema->children[place] = calloc(1, sizeof *field);
        schema->n_children += 1;
        if (child == NULL || field == NULL) return -1;
        *field = (struct ArrowSchema){
            .format = format_of(held->columns[place].carrier), .name = "", .flags = ARROW_FLAG_NULLABLE,
            .release = release_field,
        };
        if (export_column(&held->columns[place], child) < 0) return -1;
    }
    return 0;
}

/* The object that is handed over: a pair of capsules, given once. */

typedef struct {
    PyObject_HEAD
    PyObject *pair;
} HandoverObject;

static void drop_array(PyObject *capsule) {
    struct ArrowArray *array = PyCapsule_GetPointer(capsule, "arrow_array");
    if (array != NULL && array->release != NULL) array->release(array);
    free(array);
}

static void drop_schema(PyObject *capsule) {
    struct ArrowSchema *schema = PyCapsule_GetPointer(capsule, "arrow_schema");
    if (schema != NULL && schema->release != NULL) schema->release(schema);
    free(schema);
}

static PyObject *handover_array(HandoverObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"requested_schema", NULL};
    PyObject *requested = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O", names, &requested)) return NULL;
    PyObject *pair = self->pair;
    self->pair = NULL;
    if (pair == NULL) PyErr_SetString(PyExc_ValueError, "these columns were taken already");
    return pair;
}

static void handover_dealloc(HandoverObject *self) {
    Py_CLEAR(self->pair);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef handover_methods[] = {
    {"__arrow_c_array__", (PyCFunction)(void (*)(void))handover_array, METH_VARARGS | METH_KEYWORDS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject HandoverType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "infra.connectors.native.Handover",
    .tp_basicsize = sizeof(HandoverObject),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_dealloc = (destructor)handover_dealloc,
    .tp_methods = handover_methods,
};

int columns_ready_types(void) { return PyType_Ready(&HandoverType); }

PyObject *columns_export(columns *held) {
    struct ArrowArray *array = calloc(1, sizeof *array);
    struct ArrowSchema *schema = calloc(1, sizeof *schema);
    int result = array == NULL || schema == NULL ? -1 : export_batch(held, array, schema);
    PyObject *array_capsule = array == NULL ? NULL : PyCapsule_New(array, "arrow_array", drop_array);
    PyObject *schema_capsule = schema == NULL ? NULL : PyCapsule_New(schema, "arrow_schema", drop_schema);
    for (int64_t place = 0; result == 0 && place < held->count; place++) result = column_open(&held->columns[place]);
    if (result < 0 || array_capsule == NULL || schema_capsule == NULL) {
        Py_XDECREF(array_capsule);
        Py_XDECREF(schema_capsule);
        return PyErr_NoMemory();
    }
    PyObject *pair = PyTuple_Pack(2, schema_capsule, array_capsule);
    Py_DECREF(array_capsule);
    Py_DECREF(schema_capsule);
    HandoverObject *handover = pair == NULL ? NULL : PyObject_New(HandoverObject, &HandoverType);
    if (handover == NULL) {
        Py_XDECREF(pair);
        return NULL;
    }
    handover->pair = pair;
    return (PyObject *)handover;
}

/* Reading back. */

static char carrier_of(const char *format) {
    if (format[0] != '\0' && format[1] == '\0') {
        switch (format[0]) {
            case 'l': return CARRIER_INT64;
            case 'L': return CARRIER_UINT64;
            case 'g': return CARRIER_FLOAT64;
            case 'b': return CARRIER_BOOL;
            case 'U': return CARRIER_TEXT;
            case 'Z': return CARRIER_BYTES;
        }
    }
    return 0;
}

static int open_view(view *seen, const struct ArrowArray *array, const struct ArrowSchema *schema, int64_t rows) {
    seen->carrier = carrier_of(schema->format);
    if (seen->carrier == 0 || array->length < rows) {
        PyErr_Format(PyExc_TypeError, "a column of Arrow format %s has no carrier", schema->format);
        return -1;
    }
    seen->rows = rows;
    seen->offset = array->offset;
    seen->valid = array->null_count == 0 ? NULL : array->buffers[0];
    seen->offsets = is_var(seen->carrier) ? array->buffers[1] : NULL;
    seen->data = array->buffers[is_var(seen->carrier) ? 2 : 1];
    return 0;
}

int views_open(views *held, PyObject *batch) {
    *held = (views){0};
    PyObject *pair = PyObject_CallMethod(batch, "__arrow_c_array__", NULL);
    if (pair == NULL) return -1;
    PyObject *schema_capsule, *array_capsule;
    if (!PyArg_ParseTuple(pair, "OO", &schema_capsule, &array_capsule)) goto fail;
    struct ArrowSchema *schema = PyCapsule_GetPointer(schema_capsule, "arrow_schema");
    struct ArrowArray *array = PyCapsule_GetPointer(array_capsule, "arrow_array");
    if (schema == NULL || array == NULL) goto fail;
    held->columns = calloc((size_t)(array->n_children + 1), sizeof(view));
    if (held->columns == NULL) {
        PyErr_NoMemory();
        goto fail;
    }
    held->count = array->n_children;
    held->rows = array->length;
    for (int64_t place = 0; place < held->count; place++) {
        view *seen = &held->columns[place];
        if (open_view(seen, array->children[place], schema->children[place], array->length) < 0) goto fail;
        seen->offset += array->offset;
    }
    held->owner = pair;
    return 0;
fail:
    Py_DECREF(pair);
    free(held->columns);
    held->columns = NULL;
    return -1;
}

void views_close(views *held) {
    free(held->columns);
    Py_XDECREF(held->owner);
    *held = (views){0};
}

int misfit_set(misfit *why, int64_t place, const char *reason, const char *value, size_t size) {
    why->column = place;
    why->reason = reason;
    if (size >= sizeof why->shown) size = sizeof why->shown - 1;
    if (size) memcpy(why->shown, value, size);
    why->shown[size] = '\0';
    return -1;
}

PyObject *misfit_raise(const misfit *why) {
    if (why->reason == NULL) return PyErr_NoMemory();
    PyObject *shown = PyUnicode_DecodeUTF8(why->shown, (Py_ssize_t)strlen(why->shown), "replace");
    PyObject *args = shown == NULL ? NULL : Py_BuildValue("(LsN)", (long long)why->column, why->reason, shown);
    if (args == NULL) return NULL;
    PyErr_SetObject(MisfitError, args);
    Py_DECREF(args);
    return NULL;
}
