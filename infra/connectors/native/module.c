/* The module `infra.connectors.native._native`. */
#include "columns.h"
#include "parts.h"
#include "texts.h"

static PyMethodDef functions[] = {
    {"copy_binary", copy_binary, METH_VARARGS, NULL},
    {"load_text", load_text, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_native", .m_size = -1, .m_methods = functions,
};

static int add_types(PyObject *module) {
    MisfitError = PyErr_NewException("infra.connectors.native.Misfit", PyExc_ValueError, NULL);
    if (MisfitError == NULL || PyModule_AddObjectRef(module, "Misfit", MisfitError) < 0) return -1;
    if (PyModule_AddType(module, &MysqlRowsType) < 0) return -1;
    return PyModule_AddType(module, &CopyRowsType);
}

PyMODINIT_FUNC PyInit__native(void) {
    if (texts_open() < 0 || columns_ready_types() < 0) return PyErr_NoMemory();
    PyObject *module = PyModule_Create(&definition);
    if (module != NULL && add_types(module) < 0) Py_CLEAR(module);
    return module;
}
