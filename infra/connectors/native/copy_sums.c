/* Sums of hashes over rows of PostgreSQL's binary COPY, as the server itself computes them
 * (domain.migrations.digests.RowHash.POSTGRESQL).
 *
 * Numbers and days enter as they are sent, anything else as the text that PostgreSQL prints of it in UTC and in the
 * ISO style. The steps are those of row_chain.c. */
#include "columns.h"
#include "copy_format.h"
#include "md5.h"
#include "numerics.h"
#include "parts.h"
#include "row_chain.h"
#include "texts.h"

#define GROUPS_MAX 64
#define NUMERIC_HEAD 8
#define SIGN_MINUS 0x4000
#define SIGN_MINUS_INFINITY 0xf000
#define JSONB_VERSION 1
#define INLINE_BYTES_MAX 64

/* How a value is sent, and by which step it enters. */
typedef struct {
    char form;
    char link;
    size_t size; /* of every value, 0 if they differ */
} field;

static const field fields[] = {
    {'2', LINK_SMALL, 2},  {'4', LINK_SMALL, 4}, {'8', LINK_LARGE, 8}, /* smallint, integer, bigint */
    {'b', LINK_SMALL, 1},  {'d', LINK_DAY, 4},   {'n', LINK_DECIMAL, 0},
    {'N', LINK_TEXT, 0},                                             /* a numeric of any size */
    {'t', LINK_TEXT, 0},   {'c', LINK_TEXT, 0},                      /* a text; one that is filled up with blanks */
    {'j', LINK_TEXT, 0},   {'y', LINK_TEXT, 0},                      /* jsonb, bytea */
    {'s', LINK_TEXT, 8},   {'z', LINK_TEXT, 8}, {'m', LINK_TEXT, 8}, /* timestamp, the same with time zone, time */
    {'u', LINK_TEXT, UUID_BYTES},
};

typedef struct {
    PyObject_HEAD
    const field **columns;
    Py_ssize_t count;
    buffer text;
    bool begun;
    bool ended;
} SumsObject;

static int put(buffer *text, const void *bytes, size_t size) {
    text->size = 0;
    return buffer_add(text, bytes, size);
}

static size_t without_last_zeros(const char *text, size_t size) {
    while (text[size - 1] == '0') size--;
    return text[size - 1] == '.' ? size - 1 : size;
}

/* Print microseconds since 2000-01-01, or since midnight, as the server does: seconds have no zeros at their end. */
static int put_moment(buffer *text, char form, int64_t micros) {
    static const char before_christ[] = " BC";
    char out[STAMP_TEXT_MAX];
    size_t mark = sizeof before_christ - 1;
    size_t size = form == 'm' ? write_time(out, micros) : write_stamp(out, micros);
    if (form != 'm' && (micros == STAMP_INFINITY || micros == STAMP_MINUS_INFINITY)) return put(text, out, size);
    bool is_before = size > mark && memcmp(out + size - mark, before_christ, mark) == 0;
    size = without_last_zeros(out, is_before ? size - mark : size);
    if (put(text, out, size) < 0) return -1;
    if (form == 'z' && buffer_add(text, "+00", 3) < 0) return -1;
    return is_before ? buffer_add(text, before_christ, mark) : 0;
}

static int put_bytes(buffer *text, const uint8_t *bytes, size_t size) {
    static const char digits[] = "0123456789abcdef";
    char out[2 * INLINE_BYTES_MAX];
    if (size > INLINE_BYTES_MAX) {
        md5_hex(bytes, size, out);
        return put(text, out, MD5_HEX_SIZE);
    }
    for (size_t at = 0; at < size; at++) {
        out[2 * at] = digits[bytes[at] >> 4];
        out[2 * at + 1] = digits[bytes[at] & 15];
    }
    return put(text, out, 2 * size);
}

static int put_numeric(buffer *text, const uint8_t *bytes, size_t size) {
    size_t size_max = numeric_text_max(bytes, size);
    text->size = 0;
    if (size_max == 0 || buffer_reserve(text, size_max) < 0) return -1;
    text->size = numeric_write((char *)text->at, bytes);
    return 0;
}

static int put_uuid(buffer *text, const uint8_t *bytes) {
    char out[UUID_TEXT];
    uuid_write(out, bytes);
    return put(text, out, UUID_TEXT);
}

/* The step of a text, by its bytes where they are sent as they are. */
static int add_text(uint64_t *seed, buffer *text, char form, const uint8_t *bytes, size_t size) {
    int result = 0;
    switch (form) {
        case 'c':
            while (size && bytes[size - 1] == ' ') size--;
            break;
        case 'j':
            if (size < 1 || bytes[0] != JSONB_VERSION) return -1;
            bytes++;
            size--;
            break;
        case 'N': result = put_numeric(text, bytes, size); break;
        case 'y': result = put_bytes(text, bytes, size); break;
        case 's': case 'z': case 'm': result = put_moment(text, form, (int64_t)big(bytes, 8)); break;
        case 'u': result = put_uuid(text, bytes); break;
        default: break;
    }
    if (result < 0) return -1;
    bool is_sent = form == 't' || form == 'c' || form == 'j';
    *seed = is_sent ? lookup3(bytes, size, *seed) : lookup3(text->at, text->size, *seed);
    return 0;
}

/* The step of a decimal's groups of four digits; what is no number adds nothing. */
static int add_numeric(uint64_t *seed, enum kind *kind, const uint8_t *bytes, size_t size) {
    int16_t groups[GROUPS_MAX];
    if (size < NUMERIC_HEAD) return -1;
    size_t count = big(bytes, 2);
    int weight = (int16_t)big(bytes + 2, 2), sign = (int)big(bytes + 4, 2);
    if (count > GROUPS_MAX || size != NUMERIC_HEAD + 2 * count) return -1;
    if (sign & ~SIGN_MINUS) {
        *kind = sign == SIGN_MINUS_INFINITY ? NEGATIVE : PRESENT;
        return 0;
    }
    const uint8_t *first = bytes + NUMERIC_HEAD;
    for (; count && big(first, 2) == 0; count--, first += 2) weight--;
    while (count && big(first + 2 * (count - 1), 2) == 0) count--;
    if (count == 0) {
        *kind = ZERO;
        *seed -= 1;
        return 0;
    }
    for (size_t at = 0; at < count; at++) groups[at] = (int16_t)big(first + 2 * at, 2);
    *kind = sign ? NEGATIVE : PRESENT;
    *seed = lookup3(groups, sizeof *groups * count, *seed) ^ (uint64_t)(int64_t)weight;
    return 0;
}

/* Add a value; -1 if it is not in the form of its type, or there is no memory. */
static int add_value(SumsObject *self, uint64_t *seed, enum kind *kind, char form, const uint8_t *bytes, size_t size) {
    switch (form) {
        case 'b': *seed = lookup3_word(bytes[0] != 0, *seed); return 0;
        case '2': *seed = lookup3_word((uint32_t)(int16_t)big(bytes, 2), *seed); return 0;
        case '4': case 'd': *seed = lookup3_word((uint32_t)big(bytes, 4), *seed); return 0;
        case '8': *seed = chain_large((int64_t)big(bytes, 8), *seed); return 0;
        case 'n': return add_numeric(seed, kind, bytes, size);
        default: return add_text(seed, &self->text, form, bytes, size);
    }
}

/* Hash one row at `at`; returns the place behind it, NULL on failure. */
static const uint8_t *add_row(SumsObject *self, const uint8_t *at, const uint8_t *end, uint64_t *seed, misfit *why) {
    uint32_t kinds = 0;
    int shift = 0;
    for (Py_ssize_t place = 0; place < self->count; place++) {
        const field *column = self->columns[place];
        if (end - at < 4) return misfit_set(why, place, "is cut off", NULL, 0), NULL;
        uint32_t length = (uint32_t)big(at, 4);
        enum kind kind = PRESENT;
        at += 4;
        if (length == NULL_LENGTH) {
            kind = ABSENT;
            *seed = chain_absent(column->link, *seed);
        } else if (length > (uint64_t)(end - at) || (column->size && length != column->size) ||
                   add_value(self, seed, &kind, column->form, at, length) < 0) {
            return misfit_set(why, place, "is not in the form of its type", NULL, 0), NULL;
        } else {
            at += length;
        }
        kinds |= (uint32_t)kind << shift;
        shift += KIND_BITS;
        if (shift == KIND_BITS * KINDS_AT_ONCE || place == self->count - 1) {
            *seed = lookup3_word(kinds, *seed);
            kinds = 0;
            shift = 0;
        }
    }
    return at;
}

static int64_t add_rows(SumsObject *self, const uint8_t *at, size_t size, hash_sum *sum, misfit *why) {
    const uint8_t *end = at + size;
    int64_t rows = 0;
    if (!self->begun && size) {
        at = copy_begun(at, end);
        if (at == NULL) return misfit_set(why, 0, "is no COPY stream", NULL, 0);
        self->begun = true;
    }
    while (at < end && !self->ended) {
        if (end - at < 2) return misfit_set(why, 0, "is cut off", NULL, 0);
        int16_t found = (int16_t)big(at, 2);
        uint64_t seed = 0;
        at += 2;
        if (found == -1) {
            self->ended = true;
            break;
        }
        if (found != self->count) return misfit_set(why, 0, "has another number of fields", NULL, 0);
        at = add_row(self, at, end, &seed, why);
        if (at == NULL) return -1;
        hash_sum_add(sum, seed);
        rows++;
    }
    return rows;
}

static PyObject *sums_take(SumsObject *self, PyObject *block) {
    Py_buffer given;
    if (PyObject_GetBuffer(block, &given, PyBUF_SIMPLE) < 0) return NULL;
    misfit why = {0};
    hash_sum sum = {.how = HASH_LOOKUP3};
    int64_t rows;
    Py_BEGIN_ALLOW_THREADS
    rows = add_rows(self, given.buf, (size_t)given.len, &sum, &why);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&given);
    if (rows < 0) return misfit_raise(&why);
    return Py_BuildValue("(LN)", (long long)rows, hash_sum_total(&sum));
}

static const field *field_of(char form) {
    for (size_t at = 0; at < sizeof fields / sizeof *fields; at++)
        if (fields[at].form == form) return &fields[at];
    return NULL;
}

static PyObject *sums_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs)) {
    const char *forms;
    Py_ssize_t count;
    if (!PyArg_ParseTuple(args, "s#", &forms, &count)) return NULL;
    if (count < 1 || count > COLUMNS_MAX) return PyErr_Format(PyExc_ValueError, "no forms of columns: %s", forms);
    SumsObject *self = (SumsObject *)type->tp_alloc(type, 0);
    if (self == NULL) return NULL;
    self->count = count;
    self->columns = PyMem_Calloc((size_t)count, sizeof *self->columns);
    if (self->columns == NULL) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    for (Py_ssize_t place = 0; place < count; place++) {
        self->columns[place] = field_of(forms[place]);
        if (self->columns[place] == NULL) {
            Py_DECREF(self);
            return PyErr_Format(PyExc_ValueError, "no forms of columns: %s", forms);
        }
    }
    return (PyObject *)self;
}

static void sums_dealloc(SumsObject *self) {
    buffer_free(&self->text);
    PyMem_Free(self->columns);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef sums_methods[] = {
    {"take", (PyCFunction)sums_take, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

PyTypeObject CopySumsType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "infra.connectors.native.CopySums",
    .tp_basicsize = sizeof(SumsObject),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = sums_new,
    .tp_dealloc = (destructor)sums_dealloc,
    .tp_methods = sums_methods,
};
