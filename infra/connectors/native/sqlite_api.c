/* See sqlite_api.h. */
#include "sqlite_api.h"

#include "sqlite_walk.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

sqlite_functions sqlite;
PyObject *SqliteFailedError;

static _Thread_local sqlite3 *opened_last;

#define FUNCTION(name) {"sqlite3_" #name, offsetof(sqlite_functions, name)}

static const struct {
    const char *name;
    size_t place;
} functions[] = {
    FUNCTION(libversion), FUNCTION(auto_extension), FUNCTION(prepare_v2), FUNCTION(step), FUNCTION(reset),
    FUNCTION(finalize), FUNCTION(bind_parameter_count), FUNCTION(bind_null), FUNCTION(bind_int64),
    FUNCTION(bind_double), FUNCTION(bind_text64), FUNCTION(bind_blob64), FUNCTION(column_count),
    FUNCTION(column_value), FUNCTION(value_type), FUNCTION(value_int64), FUNCTION(value_double),
    FUNCTION(value_text), FUNCTION(value_blob), FUNCTION(value_bytes), FUNCTION(db_mutex), FUNCTION(mutex_enter),
    FUNCTION(mutex_leave), FUNCTION(errmsg), FUNCTION(extended_errcode), FUNCTION(db_readonly),
    FUNCTION(file_control),
};

/* SQLite calls this on the thread that opens a connection, before it is given to whoever wants it. */
static int note_opened(sqlite3 *db, const char **message, const void *routines) {
    (void)message;
    (void)routines;
    opened_last = db;
    return SQLITE_OK;
}

static bool look_up(void *library) {
    for (size_t each = 0; each < sizeof functions / sizeof functions[0]; each++) {
        void *found = dlsym(library, functions[each].name);
        if (found == NULL) return false;
        memcpy((char *)&sqlite + functions[each].place, &found, sizeof found);
    }
    return true;
}

PyObject *sqlite_find(PyObject *Py_UNUSED(module), PyObject *path) {
    const char *name = path == Py_None ? NULL : PyUnicode_AsUTF8(path);
    if (name == NULL && PyErr_Occurred()) return NULL;
    /* RTLD_NOLOAD: only what is loaded already; a library's functions are looked up in what it needs, too. */
    void *library = dlopen(name, RTLD_LAZY | RTLD_NOLOAD);
    if (library == NULL || !look_up(library)) Py_RETURN_NONE;
    if (sqlite.auto_extension((void (*)(void))note_opened) != SQLITE_OK) Py_RETURN_NONE;
    return PyUnicode_FromString(sqlite.libversion());
}

PyObject *sqlite_opened(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    sqlite3 *db = opened_last;
    opened_last = NULL;
    if (db == NULL) Py_RETURN_NONE;
    SqliteHandle *handle = PyObject_New(SqliteHandle, &SqliteHandleType);
    if (handle != NULL) handle->db = db;
    return (PyObject *)handle;
}

static PyObject *handle_close(SqliteHandle *self, PyObject *Py_UNUSED(ignored)) {
    self->db = NULL;
    Py_RETURN_NONE;
}

static PyMethodDef handle_methods[] = {
    {"close", (PyCFunction)handle_close, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

PyTypeObject SqliteHandleType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "infra.connectors.native.SqliteHandle",
    .tp_basicsize = sizeof(SqliteHandle),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_methods = handle_methods,
};

static int bind_parameter(statement *held, int place, PyObject *value) {
    Py_ssize_t size;
    if (PyLong_Check(value)) {
        long long number = PyLong_AsLongLong(value);
        if (number == -1 && PyErr_Occurred()) return -1;
        return sqlite.bind_int64(held->stmt, place, number);
    }
    const char *text = PyUnicode_AsUTF8AndSize(value, &size);
    if (text == NULL) return -1;
    return sqlite.bind_text64(held->stmt, place, text, (uint64_t)size, SQLITE_TRANSIENT, SQLITE_UTF8);
}

int statement_open(statement *held, PyObject *handle, PyObject *sql, PyObject *parameters) {
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(sql, &size);
    *held = (statement){0};
    if (text == NULL || !PyObject_TypeCheck(handle, &SqliteHandleType)) {
        if (text != NULL) PyErr_SetString(PyExc_TypeError, "no handle of a connection");
        return -1;
    }
    held->handle = (SqliteHandle *)Py_NewRef(handle);
    if (held->handle->db == NULL) return PyErr_SetString(PyExc_ValueError, "the connection is closed"), -1;
    int code;
    Py_BEGIN_ALLOW_THREADS
    code = sqlite.prepare_v2(held->handle->db, text, (int)size + 1, &held->stmt, NULL);
    Py_END_ALLOW_THREADS
    if (code != SQLITE_OK || held->stmt == NULL) return statement_raise(held), -1;
    Py_ssize_t count = PySequence_Size(parameters);
    for (Py_ssize_t place = 0; place < count; place++) {
        PyObject *value = PySequence_GetItem(parameters, place);
        code = value == NULL ? -1 : bind_parameter(held, (int)place + 1, value);
        Py_XDECREF(value);
        if (code != SQLITE_OK) return PyErr_Occurred() ? -1 : (statement_raise(held), -1);
    }
    return count < 0 ? -1 : 0;
}

void statement_close(statement *held) {
    walk_close(held);
    /* A connection that Python has closed lives on inside SQLite until its last statement ends (sqlite3_close_v2). */
    if (held->stmt != NULL) sqlite.finalize(held->stmt);
    Py_XDECREF(held->handle);
    *held = (statement){0};
}

void statement_enter(const statement *held) { sqlite.mutex_enter(sqlite.db_mutex(held->handle->db)); }

void statement_leave(const statement *held) { sqlite.mutex_leave(sqlite.db_mutex(held->handle->db)); }

PyObject *statement_raise(const statement *held) {
    if (held->handle->db == NULL) return PyErr_Format(PyExc_ValueError, "the connection is closed");
    int code = sqlite.extended_errcode(held->handle->db);
    if (code == SQLITE_NOMEM || code == SQLITE_OK) return PyErr_NoMemory();
    PyObject *message = PyUnicode_DecodeUTF8(sqlite.errmsg(held->handle->db),
                                             (Py_ssize_t)strlen(sqlite.errmsg(held->handle->db)), "replace");
    PyObject *args = message == NULL ? NULL : Py_BuildValue("(iN)", code, message);
    if (args != NULL) PyErr_SetObject(SqliteFailedError, args);
    Py_XDECREF(args);
    return NULL;
}

PyObject *stored_object(const stored *value) {
    switch (value->class) {
        case SQLITE_INTEGER: return PyLong_FromLongLong(value->whole);
        case SQLITE_FLOAT: return PyFloat_FromDouble(value->real);
        case SQLITE_TEXT: return PyByteArray_FromStringAndSize(value->bytes, (Py_ssize_t)value->size);
        case SQLITE_BLOB: return PyBytes_FromStringAndSize(value->bytes, (Py_ssize_t)value->size);
        default: Py_RETURN_NONE;
    }
}
