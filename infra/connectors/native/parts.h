/* The parts of the module, each in a file of its own; `__init__.pyi` says what they do. */
#ifndef WHERRY_PARTS_H
#define WHERRY_PARTS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

extern PyTypeObject MysqlRowsType;
extern PyTypeObject CopyRowsType;

PyObject *copy_binary(PyObject *module, PyObject *args);
PyObject *load_text(PyObject *module, PyObject *args);

#endif
