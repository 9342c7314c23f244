/* The parts of the module, each in a file of its own; `_native.pyi` says what they do. */
#ifndef WHERRY_PARTS_H
#define WHERRY_PARTS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

extern PyTypeObject MysqlRowsType;
extern PyTypeObject CopyRowsType;
extern PyTypeObject CopySumsType;
extern PyTypeObject CopyWireType;
extern PyTypeObject SqliteHandleType;
extern PyTypeObject SqliteRowsType;

PyObject *batch_digest(PyObject *module, PyObject *args);
PyObject *copy_binary(PyObject *module, PyObject *args);
PyObject *load_text(PyObject *module, PyObject *args);
PyObject *md5_digest(PyObject *module, PyObject *bytes);
PyObject *row_hash(PyObject *module, PyObject *args);
PyObject *sqlite_digest(PyObject *module, PyObject *args);
PyObject *sqlite_insert(PyObject *module, PyObject *args);
PyObject *sqlite_scan(PyObject *module, PyObject *args);

#endif
