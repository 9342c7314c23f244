/* The module `infra.connectors.native._native`. */
#include "columns.h"
#include "hashes.h"
#include "parts.h"
#include "sqlite_api.h"
#include "texts.h"

static PyMethodDef functions[] = {
    {"batch_digest", batch_digest, METH_VARARGS, NULL},
    {"copy_binary", copy_binary, METH_VARARGS, NULL},
    {"load_text", load_text, METH_VARARGS, NULL},
    {"md5_digest", md5_digest, METH_O, NULL},
    {"row_hash", row_hash, METH_VARARGS, NULL},
    {"sqlite_digest", sqlite_digest, METH_VARARGS, NULL},
    {"sqlite_find", sqlite_find, METH_O, NULL},
    {"sqlite_insert", sqlite_insert, METH_VARARGS, NULL},
    {"sqlite_opened", sqlite_opened, METH_NOARGS, NULL},
    {"sqlite_scan", sqlite_scan, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_native", .m_size = -1, .m_methods = functions,
};

static int add_types(PyObject *module) {
    MisfitError = PyErr_NewException("infra.connectors.native.Misfit", PyExc_ValueError, NULL);
    if (MisfitError == NULL || PyModule_AddObjectRef(module, "Misfit", MisfitError) < 0) return -1;
    SqliteFailedError = PyErr_NewException("infra.connectors.native.SqliteFailed", PyExc_Exception, NULL);
    if (SqliteFailedError == NULL || PyModule_AddObjectRef(module, "SqliteFailed", SqliteFailedError) < 0) return -1;
    if (PyModule_AddType(module, &MysqlRowsType) < 0) return -1;
    if (PyModule_AddType(module, &SqliteHandleType) < 0 || PyModule_AddType(module, &SqliteRowsType) < 0) return -1;
    if (PyModule_AddType(module, &CopyWireType) < 0 || PyModule_AddType(module, &CopySumsType) < 0) return -1;
    return PyModule_AddType(module, &CopyRowsType);
}

PyMODINIT_FUNC PyInit__native(void) {
    if (texts_open() < 0 || columns_ready_types() < 0) return PyErr_NoMemory();
    hashes_open();
    PyObject *module = PyModule_Create(&definition);
    if (module != NULL && add_types(module) < 0) Py_CLEAR(module);
    return module;
}
