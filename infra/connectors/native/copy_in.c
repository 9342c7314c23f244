/* Columns as rows of PostgreSQL's binary COPY.
 *
 * The server takes binary values as they are, so whatever its text input would refuse is refused here:
 * days that are none, numbers out of range, NUL in a text, a text longer than its column. */
#include "columns.h"
#include "numerics.h"
#include "parts.h"
#include "texts.h"

#define NULL_LENGTH UINT32_MAX
#define UUID_TEXT 36
#define JSONB_VERSION 1

/* What a column of the table is. */
#define FORM_INT2 '2'
#define FORM_INT4 '4'
#define FORM_INT8 '8'
#define FORM_FLOAT4 'e'
#define FORM_FLOAT8 'f'
#define FORM_BOOL 'b'
#define FORM_TEXT 't'
#define FORM_JSONB 'j'
#define FORM_BYTES 'y'
#define FORM_NUMERIC 'n'
#define FORM_DATE 'd'
#define FORM_STAMP 's'
#define FORM_TIME 'm'
#define FORM_DURATION 'i'
#define FORM_UUID 'u'
#define FORM_BITS 'B'

typedef struct {
    char form;
    int64_t limit; /* characters of a text, 0 if there is no limit */
} target;

static void put_big(uint8_t *at, uint64_t value, int bytes) {
    for (int byte = bytes - 1; byte >= 0; byte--, value >>= 8) at[byte] = (uint8_t)value;
}

/* Add a length and a value of that many bytes. */
static int add_fixed(buffer *out, uint64_t value, int bytes) {
    if (buffer_reserve(out, 4 + (size_t)bytes) < 0) return -1;
    put_big(out->at + out->size, (uint64_t)bytes, 4);
    put_big(out->at + out->size + 4, value, bytes);
    out->size += 4 + (size_t)bytes;
    return 0;
}

static int add_sized(buffer *out, const char *text, size_t size) {
    if (size > INT32_MAX || buffer_reserve(out, 4 + size) < 0) return -1;
    put_big(out->at + out->size, size, 4);
    if (size) memcpy(out->at + out->size + 4, text, size);
    out->size += 4 + size;
    return 0;
}

static int add_text(buffer *out, target to, const char *text, size_t size, int64_t place, misfit *why) {
    if (memchr(text, '\0', size) != NULL)
        return misfit_set(why, place, "holds the character NUL, which PostgreSQL cannot store", text, size);
    if (to.limit && size > (size_t)to.limit && utf8_length(text, size) > (size_t)to.limit)
        return misfit_set(why, place, "is longer than its column", text, size);
    if (to.form != FORM_JSONB) return add_sized(out, text, size);
    if (size > INT32_MAX - 1 || buffer_reserve(out, 5 + size) < 0) return -1;
    put_big(out->at + out->size, size + 1, 4);
    out->at[out->size + 4] = JSONB_VERSION;
    memcpy(out->at + out->size + 5, text, size);
    out->size += 5 + size;
    return 0;
}

static int add_numeric(buffer *out, const char *text, size_t size, int64_t place, misfit *why) {
    if (buffer_reserve(out, 4 + numeric_bytes_max(size)) < 0) return -1;
    size_t used = numeric_read(out->at + out->size + 4, text, size);
    if (used == 0) return misfit_set(why, place, "is no number", text, size);
    put_big(out->at + out->size, used, 4);
    out->size += 4 + used;
    return 0;
}

static int add_interval(buffer *out, int64_t micros) {
    if (buffer_reserve(out, 20) < 0) return -1;
    put_big(out->at + out->size, 16, 4);
    put_big(out->at + out->size + 4, (uint64_t)micros, 8);
    put_big(out->at + out->size + 12, 0, 8);
    out->size += 20;
    return 0;
}

static int nibble(char sign) {
    if (sign >= '0' && sign <= '9') return sign - '0';
    if (sign >= 'a' && sign <= 'f') return sign - 'a' + 10;
    return sign >= 'A' && sign <= 'F' ? sign - 'A' + 10 : -1;
}

static bool read_uuid(const char *text, size_t size, uint8_t *bytes) {
    if (size != UUID_TEXT) return false;
    for (int byte = 0, at = 0; byte < 16; byte++, at += 2) {
        if ((byte == 4 || byte == 6 || byte == 8 || byte == 10) && text[at++] != '-') return false;
        int high = nibble(text[at]), low = nibble(text[at + 1]);
        if (high < 0 || low < 0) return false;
        bytes[byte] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static int add_bits(buffer *out, const char *text, size_t size, int64_t place, misfit *why) {
    size_t bytes = (size + 7) / 8;
    if (size > INT32_MAX || buffer_reserve(out, 8 + bytes) < 0) return -1;
    uint8_t *at = out->at + out->size;
    put_big(at, 4 + bytes, 4);
    put_big(at + 4, size, 4);
    memset(at + 8, 0, bytes);
    for (size_t bit = 0; bit < size; bit++) {
        if (text[bit] != '0' && text[bit] != '1') return misfit_set(why, place, "is no string of bits", text, size);
        if (text[bit] == '1') at[8 + bit / 8] |= (uint8_t)(0x80 >> (bit & 7));
    }
    out->size += 8 + bytes;
    return 0;
}

/* Add a value that comes as text. */
static int add_spelled(buffer *out, target to, const char *text, size_t size, int64_t place, misfit *why) {
    int32_t days;
    int64_t micros;
    uint8_t uuid[16];
    switch (to.form) {
        case FORM_TEXT: case FORM_JSONB: return add_text(out, to, text, size, place, why);
        case FORM_BYTES: return add_sized(out, text, size);
        case FORM_NUMERIC: return add_numeric(out, text, size, place, why);
        case FORM_BITS: return add_bits(out, text, size, place, why);
        case FORM_DATE:
            if (!read_date(text, size, &days)) return misfit_set(why, place, "is no date", text, size);
            return add_fixed(out, (uint32_t)days, 4);
        case FORM_STAMP:
            if (!read_stamp(text, size, &micros)) return misfit_set(why, place, "is no date and time", text, size);
            return add_fixed(out, (uint64_t)micros, 8);
        case FORM_TIME:
            if (!read_time(text, size, &micros)) return misfit_set(why, place, "is no time of day", text, size);
            return add_fixed(out, (uint64_t)micros, 8);
        case FORM_DURATION:
            if (!read_duration(text, size, &micros)) return misfit_set(why, place, "is no length of time", text, size);
            return add_interval(out, micros);
        default:
            if (!read_uuid(text, size, uuid)) return misfit_set(why, place, "is no UUID", text, size);
            return add_sized(out, (const char *)uuid, sizeof uuid);
    }
}

static int add_whole(buffer *out, target to, bool is_signed, uint64_t bits, int64_t place, misfit *why) {
    char text[INTEGER_TEXT_MAX + 1];
    int64_t value = (int64_t)bits;
    int64_t limit = to.form == FORM_INT2 ? INT16_MAX : to.form == FORM_INT4 ? INT32_MAX : INT64_MAX;
    size_t size = is_signed ? write_int64(text, value) : write_uint64(text, bits);
    if (to.form == FORM_NUMERIC) return add_numeric(out, text, size, place, why);
    if ((!is_signed && bits > (uint64_t)limit) || (is_signed && (value > limit || value < -limit - 1)))
        return misfit_set(why, place, "is too large for its column", text, size);
    return add_fixed(out, bits, to.form == FORM_INT2 ? 2 : to.form == FORM_INT4 ? 4 : 8);
}

static int add_double(buffer *out, target to, double value, int64_t place, misfit *why) {
    uint64_t bits;
    if (to.form == FORM_FLOAT8) {
        memcpy(&bits, &value, sizeof bits);
        return add_fixed(out, bits, 8);
    }
    float single = (float)value;
    uint32_t short_bits;
    if (value == value && (double)single != value) {
        char text[DOUBLE_TEXT_MAX];
        return misfit_set(why, place, "has more digits than a real keeps", text, write_double(text, value));
    }
    memcpy(&short_bits, &single, sizeof short_bits);
    return add_fixed(out, short_bits, 4);
}

static int add_value(buffer *out, target to, const view *seen, int64_t row, int64_t place, misfit *why) {
    size_t size;
    const char *text;
    if (view_is_null(seen, row)) {
        if (buffer_reserve(out, 4) < 0) return -1;
        memset(out->at + out->size, 0xff, 4);
        out->size += 4;
        return 0;
    }
    switch (seen->carrier) {
        case CARRIER_INT64: return add_whole(out, to, true, view_word(seen, row), place, why);
        case CARRIER_UINT64: return add_whole(out, to, false, view_word(seen, row), place, why);
        case CARRIER_FLOAT64: return add_double(out, to, view_double(seen, row), place, why);
        case CARRIER_BOOL: return add_fixed(out, view_bool(seen, row), 1);
        default:
            text = view_bytes(seen, row, &size);
            return add_spelled(out, to, text, size, place, why);
    }
}

static const char *carriers_of(char form) {
    switch (form) {
        case FORM_INT2: case FORM_INT4: case FORM_INT8: return "iu";
        case FORM_NUMERIC: return "iut";
        case FORM_FLOAT4: case FORM_FLOAT8: return "f";
        case FORM_BOOL: return "b";
        case FORM_BYTES: return "y";
        default: return "t";
    }
}

static int check_forms(const views *seen, const target *to, Py_ssize_t count) {
    if (seen->count != count) return PyErr_SetString(PyExc_ValueError, "another number of columns"), -1;
    for (int64_t place = 0; place < seen->count; place++)
        if (strchr("248efbtjyndsmiuB", to[place].form) == NULL ||
            strchr(carriers_of(to[place].form), seen->columns[place].carrier) == NULL)
            return PyErr_Format(PyExc_ValueError, "column %lld cannot take the form %c", (long long)place, to[place].form), -1;
    return 0;
}

static int encode(const views *seen, const target *to, buffer *out, misfit *why) {
    for (int64_t row = 0; row < seen->rows; row++) {
        if (buffer_reserve(out, 2) < 0) return -1;
        put_big(out->at + out->size, (uint64_t)seen->count, 2);
        out->size += 2;
        for (int64_t place = 0; place < seen->count; place++)
            if (add_value(out, to[place], &seen->columns[place], row, place, why) < 0) return -1;
    }
    return 0;
}

static target *targets_of(const char *forms, Py_ssize_t count, PyObject *limits) {
    target *to = PyMem_Calloc((size_t)count + 1, sizeof(target));
    if (to == NULL) return (target *)PyErr_NoMemory();
    for (Py_ssize_t place = 0; place < count; place++) {
        PyObject *limit = PySequence_GetItem(limits, place);
        to[place] = (target){forms[place], limit == NULL ? -1 : PyLong_AsLongLong(limit)};
        Py_XDECREF(limit);
        if (PyErr_Occurred()) {
            PyMem_Free(to);
            return NULL;
        }
    }
    return to;
}

PyObject *copy_binary(PyObject *Py_UNUSED(module), PyObject *args) {
    PyObject *batch, *limits, *result = NULL;
    const char *forms;
    Py_ssize_t count;
    if (!PyArg_ParseTuple(args, "Os#O", &batch, &forms, &count, &limits)) return NULL;
    views seen;
    buffer out = {0};
    misfit why = {0};
    target *to = targets_of(forms, count, limits);
    if (to == NULL) return NULL;
    if (views_open(&seen, batch) == 0) {
        if (check_forms(&seen, to, count) == 0) {
            int failed;
            Py_BEGIN_ALLOW_THREADS
            failed = encode(&seen, to, &out, &why);
            Py_END_ALLOW_THREADS
            result = failed ? misfit_raise(&why) : buffer_bytes(&out);
        }
        views_close(&seen);
    }
    buffer_free(&out);
    PyMem_Free(to);
    return result;
}
