/* Columns as the input of MySQL's LOAD DATA: values apart by tabs, rows by line feeds, \N for NULL. */
#include "columns.h"
#include "parts.h"
#include "texts.h"

/* How a column is spelled, beside the usual spelling of its carrier. */
#define FORM_PLAIN 'p' /* a text that holds nothing to escape (numbers, dates, times) */
#define FORM_YEAR 'Y'  /* four digits: YEAR takes 0 for 2000, and 0000 for 0 */
#define FORM_USUAL '-'

/* What stands after the backslash; 0 for a sign that needs none. */
static const uint8_t escaped_signs[256] = {['\\'] = '\\', ['\t'] = '\t', ['\n'] = '\n', ['\0'] = '0'};

static int add_escaped(buffer *out, const char *text, size_t size) {
    if (buffer_reserve(out, 2 * size) < 0) return -1;
    char *to = (char *)out->at + out->size;
    for (size_t at = 0; at < size; at++) {
        char escape = (char)escaped_signs[(uint8_t)text[at]];
        if (escape) {
            *to++ = '\\';
            *to++ = escape;
        } else {
            *to++ = text[at];
        }
    }
    out->size = (size_t)((uint8_t *)to - out->at);
    return 0;
}

static int add_year(buffer *out, const char *digits, size_t size) {
    for (size_t missing = size < 4 ? 4 - size : 0; missing; missing--)
        if (buffer_add(out, "0", 1) < 0) return -1;
    return buffer_add(out, digits, size);
}

static int add_value(buffer *out, char form, const view *seen, int64_t row) {
    char digits[DOUBLE_TEXT_MAX];
    const char *text;
    size_t size;
    if (view_is_null(seen, row)) return buffer_add(out, "\\N", 2);
    switch (seen->carrier) {
        case CARRIER_INT64:
            size = write_int64(digits, (int64_t)view_word(seen, row));
            return form == FORM_YEAR ? add_year(out, digits, size) : buffer_add(out, digits, size);
        case CARRIER_UINT64: return buffer_add(out, digits, write_uint64(digits, view_word(seen, row)));
        case CARRIER_FLOAT64: return buffer_add(out, digits, write_double(digits, view_double(seen, row)));
        case CARRIER_BOOL: return buffer_add(out, view_bool(seen, row) ? "1" : "0", 1);
        default:
            text = view_bytes(seen, row, &size);
            return form == FORM_PLAIN ? buffer_add(out, text, size) : add_escaped(out, text, size);
    }
}

static int encode(const views *seen, const char *forms, buffer *out) {
    for (int64_t row = 0; row < seen->rows; row++)
        for (int64_t place = 0; place < seen->count; place++) {
            if (add_value(out, forms[place], &seen->columns[place], row) < 0) return -1;
            if (buffer_add(out, place + 1 == seen->count ? "\n" : "\t", 1) < 0) return -1;
        }
    return 0;
}

PyObject *load_text(PyObject *Py_UNUSED(module), PyObject *args) {
    PyObject *batch, *result = NULL;
    const char *forms;
    Py_ssize_t count;
    if (!PyArg_ParseTuple(args, "Os#", &batch, &forms, &count)) return NULL;
    views seen;
    buffer out = {0};
    if (views_open(&seen, batch) < 0) return NULL;
    if (seen.count != count || strspn(forms, "pY-") != (size_t)count) {
        PyErr_SetString(PyExc_ValueError, "the forms do not match the columns");
    } else {
        int failed;
        Py_BEGIN_ALLOW_THREADS
        failed = encode(&seen, forms, &out);
        Py_END_ALLOW_THREADS
        result = failed ? PyErr_NoMemory() : buffer_bytes(&out);
    }
    views_close(&seen);
    buffer_free(&out);
    return result;
}
