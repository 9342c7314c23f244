/* The rows of a batch, bound to a statement of SQLite one after the other. */
#include "columns.h"
#include "parts.h"
#include "sqlite_api.h"

static int bind_value(sqlite3_stmt *stmt, int place, const view *seen, int64_t row) {
    size_t size;
    const char *bytes;
    if (view_is_null(seen, row)) return sqlite.bind_null(stmt, place);
    switch (seen->carrier) {
        case CARRIER_INT64: case CARRIER_UINT64: return sqlite.bind_int64(stmt, place, (int64_t)view_word(seen, row));
        case CARRIER_FLOAT64: return sqlite.bind_double(stmt, place, view_double(seen, row));
        case CARRIER_BOOL: return sqlite.bind_int64(stmt, place, view_bool(seen, row));
        default: bytes = view_bytes(seen, row, &size);
    }
    if (size == 0) bytes = "";  /* a pointer to nothing would be NULL */
    if (seen->carrier == CARRIER_TEXT) return sqlite.bind_text64(stmt, place, bytes, size, SQLITE_STATIC, SQLITE_UTF8);
    return sqlite.bind_blob64(stmt, place, bytes, size, SQLITE_STATIC);
}

static int insert_rows(sqlite3_stmt *stmt, const views *seen) {
    for (int64_t row = 0; row < seen->rows; row++) {
        for (int64_t place = 0; place < seen->count; place++) {
            int code = bind_value(stmt, (int)place + 1, &seen->columns[place], row);
            if (code != SQLITE_OK) return code;
        }
        int code = sqlite.step(stmt);
        if (code != SQLITE_DONE) return code == SQLITE_OK ? SQLITE_ROW : code;
        code = sqlite.reset(stmt);
        if (code != SQLITE_OK) return code;
    }
    return SQLITE_OK;
}

static PyObject *insert_batch(const statement *held, PyObject *batch) {
    views seen;
    if (views_open(&seen, batch) < 0) return NULL;
    int code = SQLITE_OK;
    bool fits = seen.count == sqlite.bind_parameter_count(held->stmt);
    if (fits) {
        Py_BEGIN_ALLOW_THREADS
        statement_enter(held);
        code = insert_rows(held->stmt, &seen);
        statement_leave(held);
        Py_END_ALLOW_THREADS
    }
    if (!fits) PyErr_SetString(PyExc_ValueError, "another number of columns");
    else if (code != SQLITE_OK) statement_raise(held);
    sqlite.reset(held->stmt);
    views_close(&seen);
    return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

PyObject *sqlite_insert(PyObject *Py_UNUSED(module), PyObject *args) {
    PyObject *handle, *sql, *batch, *result = NULL, *none = PyTuple_New(0);
    statement held = {0};
    if (none == NULL || !PyArg_ParseTuple(args, "OUO", &handle, &sql, &batch)) {
        Py_XDECREF(none);
        return NULL;
    }
    if (statement_open(&held, handle, sql, none) == 0) result = insert_batch(&held, batch);
    statement_close(&held);
    Py_DECREF(none);
    return result;
}
