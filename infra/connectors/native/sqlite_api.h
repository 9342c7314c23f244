/* SQLite's own functions, from the very library that Python's sqlite3 module has loaded.
 *
 * Two copies of SQLite in one process must never open one file: when one of them closes it, POSIX takes
 * away the locks of both. So nothing is linked and no file is opened here. The functions are looked up
 * in what is loaded already, and a connection is one that Python has opened: SQLite calls us whenever a
 * connection is opened (sqlite3_auto_extension), which also proves that it is the same copy. */
#ifndef WHERRY_SQLITE_API_H
#define WHERRY_SQLITE_API_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct sqlite3 sqlite3;
typedef struct sqlite3_stmt sqlite3_stmt;
typedef struct sqlite3_value sqlite3_value;
typedef struct sqlite3_mutex sqlite3_mutex;

/* https://www.sqlite.org/c3ref/constlist.html */
#define SQLITE_OK 0
#define SQLITE_NOMEM 7
#define SQLITE_ROW 100
#define SQLITE_DONE 101
#define SQLITE_INTEGER 1
#define SQLITE_FLOAT 2
#define SQLITE_TEXT 3
#define SQLITE_BLOB 4
#define SQLITE_NULL 5
#define SQLITE_STATIC ((void (*)(void *))0)
#define SQLITE_TRANSIENT ((void (*)(void *))-1)
#define SQLITE_UTF8 1

typedef struct {
    const char *(*libversion)(void);
    int (*auto_extension)(void (*entry)(void));
    int (*prepare_v2)(sqlite3 *, const char *, int, sqlite3_stmt **, const char **);
    int (*step)(sqlite3_stmt *);
    int (*reset)(sqlite3_stmt *);
    int (*finalize)(sqlite3_stmt *);
    int (*bind_parameter_count)(sqlite3_stmt *);
    int (*bind_null)(sqlite3_stmt *, int);
    int (*bind_int64)(sqlite3_stmt *, int, int64_t);
    int (*bind_double)(sqlite3_stmt *, int, double);
    int (*bind_text64)(sqlite3_stmt *, int, const char *, uint64_t, void (*)(void *), unsigned char);
    int (*bind_blob64)(sqlite3_stmt *, int, const void *, uint64_t, void (*)(void *));
    int (*column_count)(sqlite3_stmt *);
    sqlite3_value *(*column_value)(sqlite3_stmt *, int);
    int (*value_type)(sqlite3_value *);
    int64_t (*value_int64)(sqlite3_value *);
    double (*value_double)(sqlite3_value *);
    const unsigned char *(*value_text)(sqlite3_value *);
    const void *(*value_blob)(sqlite3_value *);
    int (*value_bytes)(sqlite3_value *);
    sqlite3_mutex *(*db_mutex)(sqlite3 *);
    void (*mutex_enter)(sqlite3_mutex *);
    void (*mutex_leave)(sqlite3_mutex *);
    const char *(*errmsg)(sqlite3 *);
    int (*extended_errcode)(sqlite3 *);
    int (*db_readonly)(sqlite3 *, const char *);
    int (*file_control)(sqlite3 *, const char *, int, void *);
} sqlite_functions;

extern sqlite_functions sqlite;
extern PyObject *SqliteFailedError;
extern PyTypeObject SqliteHandleType;

/* A connection that Python has opened and will close; `db` is NULL once it has. */
typedef struct {
    PyObject_HEAD
    sqlite3 *db;
} SqliteHandle;

typedef struct walk walk;

/* A statement on a handle; `walk` is NULL unless its rows are read from the file's pages (sqlite_walk.h). */
typedef struct {
    SqliteHandle *handle;
    sqlite3_stmt *stmt;
    walk *walk;
} statement;

/* Prepare a statement and bind integers and texts; -1 with a Python exception. */
int statement_open(statement *held, PyObject *handle, PyObject *sql, PyObject *parameters);
void statement_close(statement *held);
/* Raise `SqliteFailed(code, message)` or MemoryError for what SQLite said last. Returns NULL. */
PyObject *statement_raise(const statement *held);

/* Hold a connection's mutex over many calls: taking it anew for each of them costs as much as the rest of a row.
 * Nobody waits for it, as a connection is used by one thread at a time. */
void statement_enter(const statement *held);
void statement_leave(const statement *held);

PyObject *sqlite_find(PyObject *module, PyObject *path);
PyObject *sqlite_opened(PyObject *module, PyObject *ignored);

/* A stored value as it lies in SQLite's memory until the next step. */
typedef struct {
    int class;
    int64_t whole;
    double real;
    const char *bytes;
    size_t size;
} stored;

/* Look at a column of the present row, inside statement_enter; -1 if there is no memory. */
static inline int stored_get(sqlite3_stmt *stmt, int place, stored *value) {
    sqlite3_value *held = sqlite.column_value(stmt, place);
    value->class = sqlite.value_type(held);
    switch (value->class) {
        case SQLITE_INTEGER: value->whole = sqlite.value_int64(held); break;
        case SQLITE_FLOAT: value->real = sqlite.value_double(held); break;
        case SQLITE_TEXT:
            value->bytes = (const char *)sqlite.value_text(held);
            value->size = (size_t)sqlite.value_bytes(held);
            if (value->bytes == NULL) return -1;
            break;
        case SQLITE_BLOB:
            value->bytes = sqlite.value_blob(held);
            value->size = (size_t)sqlite.value_bytes(held);
            if (value->bytes == NULL && value->size) return -1;
            break;
    }
    return 0;
}

/* The value as Python's driver gives it: int, float, bytearray for text, bytes for a blob, None. */
PyObject *stored_object(const stored *value);

#endif
