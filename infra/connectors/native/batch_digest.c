/* Sums of hashes over the rows of a batch as it crosses (domain.migrations.transfer.Digest). */
#include "hashes.h"
#include "parts.h"
#include "row_chain.h"
#include "row_text.h"
#include "texts.h"

#define SUMS_MAX 4

static const shape plain = {.form = SPELL_TEXT};

static int add_value(buffer *row, shape wanted, const view *seen, int64_t place) {
    char digits[INTEGER_TEXT_MAX + 1];
    const char *text;
    size_t size;
    if (view_is_null(seen, place)) return row_add_null(row, wanted);
    switch (seen->carrier) {
        case CARRIER_INT64: return row_add_number(row, digits, write_int64(digits, (int64_t)view_word(seen, place)));
        case CARRIER_UINT64: return row_add_number(row, digits, write_uint64(digits, view_word(seen, place)));
        case CARRIER_FLOAT64: return row_add_double(row, plain, view_double(seen, place));
        case CARRIER_BOOL: return row_add_number(row, view_bool(seen, place) ? "1" : "0", 1);
        default: text = view_bytes(seen, place, &size); return row_add(row, wanted, text, size);
    }
}

static int add_rows(const views *batch, chained *text, size_t *ends, hash_sum *sums, size_t count) {
    buffer row = {0};
    int result = 0;
    for (int64_t place = 0; place < batch->rows && result == 0; place++) {
        row.size = 0;
        for (int64_t at = 0; at < batch->count && result == 0; at++) {
            result = add_value(&row, text->shapes[at], &batch->columns[at], place);
            ends[at] = row.size;
        }
        text->text = (const char *)row.at;
        for (size_t at = 0; at < count && result == 0; at++) hash_sum_add(&sums[at], row_number(sums[at].how, text));
    }
    buffer_free(&row);
    return result;
}

static PyObject *totals(const hash_sum *sums, Py_ssize_t count) {
    PyObject *found = PyTuple_New(count);
    for (Py_ssize_t at = 0; found != NULL && at < count; at++) {
        PyObject *total = hash_sum_total(&sums[at]);
        if (total == NULL) Py_CLEAR(found);
        else PyTuple_SET_ITEM(found, at, total);
    }
    return found;
}

/* The words of a batch say themselves how they are spelled, its texts and bytes by their shapes. */
static PyObject *digested(const views *batch, PyObject *given, const char *links, hash_sum *sums, Py_ssize_t count) {
    int result = -1;
    shape *shapes = PyMem_Calloc((size_t)batch->count + 1, sizeof(shape));
    size_t *ends = PyMem_Calloc((size_t)batch->count + 1, sizeof(size_t));
    chained text = {.ends = ends, .shapes = shapes, .links = links, .count = (Py_ssize_t)batch->count};
    if (shapes == NULL || ends == NULL) {
        PyErr_NoMemory();
    } else if (PySequence_Size(given) != batch->count || batch->count == 0) {
        PyErr_SetString(PyExc_ValueError, "another number of columns");
    } else if (shapes_read(shapes, (Py_ssize_t)batch->count, given, "tShy") == 0) {
        Py_BEGIN_ALLOW_THREADS
        result = add_rows(batch, &text, ends, sums, (size_t)count);
        Py_END_ALLOW_THREADS
        if (result < 0) PyErr_NoMemory();
    }
    PyMem_Free(ends);
    PyMem_Free(shapes);
    return result < 0 ? NULL : totals(sums, count);
}

PyObject *batch_digest(PyObject *Py_UNUSED(module), PyObject *args) {
    PyObject *batch, *shapes;
    const char *hows, *links;
    Py_ssize_t count, linked;
    hash_sum sums[SUMS_MAX] = {{0}};
    views seen;
    if (!PyArg_ParseTuple(args, "OOs#s#", &batch, &shapes, &hows, &count, &links, &linked)) return NULL;
    if (count < 1 || count > SUMS_MAX || strspn(hows, HASHES) != (size_t)count)
        return PyErr_Format(PyExc_ValueError, "no hashes: %s", hows);
    for (Py_ssize_t at = 0; at < count; at++) sums[at].how = hows[at];
    if (views_open(&seen, batch) < 0) return NULL;
    PyObject *result = NULL;
    if (links_match(links, linked, (Py_ssize_t)seen.count)) result = digested(&seen, shapes, links, sums, count);
    views_close(&seen);
    return result;
}
