/* The rows of a query of SQLite, made into columns. */
#include "columns.h"
#include "parts.h"
#include "sqlite_values.h"
#include "sqlite_walk.h"

typedef struct {
    PyObject_HEAD
    statement query;
    columns rows;
    shape *shapes;
    PyObject *ask;
    int64_t place; /* the next column of the present row; -1 between rows */
    bool has_ended;
} RowsObject;

enum stop { STOP_FULL, STOP_END, STOP_ASK, STOP_SQLITE, STOP_MEMORY };

static int64_t size_of(const columns *held) {
    int64_t size = 0;
    for (int64_t place = 0; place < held->count; place++) size += (int64_t)held->columns[place].data.size;
    return size;
}

/* Take the rest of the present row; STOP_ASK leaves the column and its value to the caller. */
static enum stop take_row(RowsObject *self, stored *value) {
    for (; self->place < self->rows.count; self->place++) {
        column *out = &self->rows.columns[self->place];
        if (statement_get(&self->query, (int)self->place, value) < 0) return STOP_MEMORY;
        enum taken result = value->class == SQLITE_NULL ? (column_add_null(out) < 0 ? NO_MEMORY : TAKEN)
                                                        : value_take(self->shapes[self->place], value, out);
        if (result == ASK) return STOP_ASK;
        if (result == NO_MEMORY) return STOP_MEMORY;
    }
    self->place = -1;
    return STOP_FULL;
}

static enum stop take_rows(RowsObject *self, int64_t rows_max, int64_t bytes_max, stored *value) {
    for (;;) {
        if (self->place < 0) {
            int64_t rows = columns_rows(&self->rows);
            if (rows >= rows_max || ((rows & 63) == 0 && size_of(&self->rows) >= bytes_max)) return STOP_FULL;
            int code = statement_step(&self->query);
            if (code == SQLITE_DONE) return STOP_END;
            if (code != SQLITE_ROW) return STOP_SQLITE;
            self->place = 0;
        }
        enum stop why = take_row(self, value);
        if (why != STOP_FULL) return why;
    }
}

/* Have Python take a value; -1 with its exception. */
static int ask_python(RowsObject *self, const stored *value) {
    PyObject *given = stored_object(value);
    PyObject *taken = given == NULL ? NULL : PyObject_CallFunction(self->ask, "LN", (long long)self->place, given);
    int result = taken == NULL ? -1 : value_add_object(&self->rows.columns[self->place], taken);
    Py_XDECREF(taken);
    self->place += 1;
    return result;
}

static PyObject *rows_take(RowsObject *self, PyObject *args) {
    long long rows_max, bytes_max;
    if (!PyArg_ParseTuple(args, "LL", &rows_max, &bytes_max)) return NULL;
    if (self->query.handle->db == NULL) return PyErr_Format(PyExc_ValueError, "the connection is closed");
    enum stop why = self->has_ended ? STOP_END : STOP_ASK;
    while (why == STOP_ASK) {
        stored value;
        Py_BEGIN_ALLOW_THREADS
        statement_enter(&self->query);
        why = take_rows(self, rows_max, bytes_max, &value);
        statement_leave(&self->query);
        Py_END_ALLOW_THREADS
        if (why == STOP_ASK && ask_python(self, &value) < 0) return NULL;
    }
    if (why == STOP_SQLITE) return statement_raise(&self->query);
    if (why == STOP_MEMORY) return PyErr_NoMemory();
    self->has_ended = why == STOP_END;
    long long rows = columns_rows(&self->rows), size = size_of(&self->rows);
    PyObject *batch = columns_export(&self->rows);
    return batch == NULL ? NULL : Py_BuildValue("(LLN)", rows, size, batch);
}

static int open_columns(RowsObject *self, PyObject *shapes) {
    Py_ssize_t count = PySequence_Size(shapes);
    if (count < 1 || count > COLUMNS_MAX || count != sqlite.column_count(self->query.stmt)) {
        if (count >= 0) PyErr_Format(PyExc_ValueError, "another number of columns: %zd", count);
        return -1;
    }
    char carriers[COLUMNS_MAX];
    self->shapes = PyMem_Calloc((size_t)count, sizeof(shape));
    if (self->shapes == NULL) return PyErr_NoMemory(), -1;
    if (shapes_read(self->shapes, count, shapes, FORMS) < 0) return -1;
    for (Py_ssize_t place = 0; place < count; place++) carriers[place] = shape_carrier(self->shapes[place]);
    return columns_open(&self->rows, carriers, count) < 0 ? (PyErr_NoMemory(), -1) : 0;
}

static PyObject *rows_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs)) {
    PyObject *handle, *sql, *parameters, *shapes, *ask, *walk = Py_None;
    if (!PyArg_ParseTuple(args, "OUOOO|O", &handle, &sql, &parameters, &shapes, &ask, &walk)) return NULL;
    RowsObject *self = (RowsObject *)type->tp_alloc(type, 0);
    if (self == NULL) return NULL;
    self->ask = Py_NewRef(ask);
    self->place = -1;
    if (statement_open(&self->query, handle, sql, parameters) < 0 || walk_open(&self->query, walk) < 0 ||
        open_columns(self, shapes) < 0)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static PyObject *rows_close(RowsObject *self, PyObject *Py_UNUSED(ignored)) {
    if (self->query.stmt != NULL) sqlite.reset(self->query.stmt);
    self->has_ended = true;
    Py_RETURN_NONE;
}

static void rows_dealloc(RowsObject *self) {
    statement_close(&self->query);
    columns_close(&self->rows);
    PyMem_Free(self->shapes);
    Py_XDECREF(self->ask);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef rows_methods[] = {
    {"take", (PyCFunction)rows_take, METH_VARARGS, NULL},
    {"close", (PyCFunction)rows_close, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

PyTypeObject SqliteRowsType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "infra.connectors.native.SqliteRows",
    .tp_basicsize = sizeof(RowsObject),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = rows_new,
    .tp_dealloc = (destructor)rows_dealloc,
    .tp_methods = rows_methods,
};
