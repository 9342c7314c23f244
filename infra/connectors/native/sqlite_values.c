/* See sqlite_values.h. */
#include "sqlite_values.h"

#include <math.h>

#include "texts.h"

#define DOUBLE_EXACT (INT64_C(1) << 53)
#define DECIMAL_DIGITS 15 /* a decimal of so many digits comes back unchanged from a double */
#define DAY_SIZE 10
#define CLOCK_SIZE 8
#define FRACTION_DIGITS 6
#define UUID_SIZE 36

static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

static bool is_digit(char sign) { return sign >= '0' && sign <= '9'; }

char shape_carrier(shape wanted) { return strchr("iufby", wanted.form) != NULL ? wanted.form : CARRIER_TEXT; }

int shapes_read(shape *shapes, Py_ssize_t count, PyObject *given, const char *letters) {
    for (Py_ssize_t place = 0; place < count; place++) {
        PyObject *each = PySequence_GetItem(given, place);
        const char *form;
        int failed = each == NULL || !PyArg_ParseTuple(each, "sii", &form, &shapes[place].first, &shapes[place].second);
        if (!failed && (strlen(form) != 1 || strchr(letters, form[0]) == NULL)) {
            PyErr_Format(PyExc_ValueError, "there is no form %s", form);
            failed = 1;
        }
        if (!failed) shapes[place].form = form[0];
        Py_XDECREF(each);
        if (failed) return -1;
    }
    return 0;
}

static enum taken done(int result) { return result < 0 ? NO_MEMORY : TAKEN; }

static enum taken add_whole_text(column *out, int64_t value) {
    char text[INTEGER_TEXT_MAX + 1];
    return done(column_add_bytes(out, text, write_int64(text, value)));
}

/* `[.f]`, at most six digits, up to `end`. */
static bool is_fraction(const char *at, const char *end) {
    if (at == end) return true;
    if (*at++ != '.' || at == end || end - at > FRACTION_DIGITS) return false;
    for (; at < end; at++)
        if (!is_digit(*at)) return false;
    return true;
}

static bool is_two(const char *at, char tens_max) { return at[0] >= '0' && at[0] <= tens_max && is_digit(at[1]); }

/* `HH:MM:SS[.f]` of one day, up to `end`; `whole_day` allows 24:00:00 too. */
static bool is_clock(const char *at, const char *end, bool whole_day) {
    if (end - at < CLOCK_SIZE || at[2] != ':' || at[5] != ':' || !is_fraction(at + CLOCK_SIZE, end)) return false;
    if (whole_day && memcmp(at, "24:00:00", CLOCK_SIZE) == 0) {
        for (at += CLOCK_SIZE; at < end; at++)
            if (*at != '0' && *at != '.') return false;
        return true;
    }
    return is_two(at, '2') && (at[0] < '2' || at[1] < '4') && is_two(at + 3, '5') && is_two(at + 6, '5');
}

static bool is_day(const char *text, size_t size) {
    int32_t days;
    return size == DAY_SIZE && is_digit(text[0]) && read_date(text, size, &days);
}

/* End a text with six digits of a second; `clock` of `size` bytes lies at its end already. */
static int end_with_six(column *out, char *text, size_t before, size_t clock) {
    size_t size = before + clock, whole = before + CLOCK_SIZE + 1 + FRACTION_DIGITS;
    if (clock == CLOCK_SIZE) text[size++] = '.';
    while (size < whole) text[size++] = '0';
    return column_end_text(out, size);
}

static enum taken take_time(const stored *value, column *out) {
    if (!is_clock(value->bytes, value->bytes + value->size, true)) return ASK;
    char *text = column_begin_text(out, value->size + 1 + FRACTION_DIGITS);
    if (text == NULL) return NO_MEMORY;
    memcpy(text, value->bytes, value->size);
    return done(end_with_six(out, text, 0, value->size));
}

/* Take the mark of UTC off the end of a moment. */
static size_t without_mark(const char *text, size_t size) {
    if (size > 1 && text[size - 1] == 'Z') return size - 1;
    return size > 6 && memcmp(text + size - 6, "+00:00", 6) == 0 ? size - 6 : size;
}

static enum taken take_stamp(char form, const stored *value, column *out) {
    const char *bytes = value->bytes;
    size_t size = form == FORM_STAMP ? value->size : without_mark(bytes, value->size);
    if (form == FORM_MARKED && size == value->size) return ASK;
    if (size < DAY_SIZE + 1 + CLOCK_SIZE || (bytes[DAY_SIZE] != ' ' && bytes[DAY_SIZE] != 'T')) return ASK;
    if (!is_day(bytes, DAY_SIZE) || !is_clock(bytes + DAY_SIZE + 1, bytes + size, false)) return ASK;
    char *text = column_begin_text(out, size + 1 + FRACTION_DIGITS);
    if (text == NULL) return NO_MEMORY;
    memcpy(text, bytes, size);
    text[DAY_SIZE] = ' ';
    return done(end_with_six(out, text, DAY_SIZE + 1, size - DAY_SIZE - 1));
}

static bool is_uuid(const char *text, size_t size) {
    if (size != UUID_SIZE) return false;
    for (size_t at = 0; at < size; at++) {
        bool is_hyphen = at == 8 || at == 13 || at == 18 || at == 23;
        if (is_hyphen ? text[at] != '-' : !(is_digit(text[at]) || (text[at] >= 'a' && text[at] <= 'f'))) return false;
    }
    return true;
}

static bool is_bits(const char *text, size_t size, int length) {
    if (size != (size_t)length) return false;
    for (size_t at = 0; at < size; at++)
        if (text[at] != '0' && text[at] != '1') return false;
    return true;
}

static enum taken take_text(shape wanted, const stored *value, column *out) {
    bool fits = true;
    switch (wanted.form) {
        case FORM_TIME: return take_time(value, out);
        case FORM_STAMP: case FORM_INSTANT: case FORM_MARKED: return take_stamp(wanted.form, value, out);
        case FORM_DATE: fits = is_day(value->bytes, value->size); break;
        case FORM_UUID: fits = is_uuid(value->bytes, value->size); break;
        case FORM_BITS: fits = is_bits(value->bytes, value->size, wanted.first); break;
        default: fits = utf8_valid(value->bytes, value->size) == value->size;
    }
    if (fits && wanted.form == FORM_JSON) fits = is_plainly_json(value->bytes, value->size);
    return fits ? done(column_add_bytes(out, value->bytes, value->size)) : ASK;
}

size_t decimal_text_max(shape wanted, const stored *value) {
    return (value->class == SQLITE_TEXT ? value->size : INTEGER_TEXT_MAX + 1) + (size_t)wanted.second + 2;
}

/* Add a point and zeros up to the type's places; the text has `places` of them. */
static size_t fill_places(char *out, size_t size, int places, int wanted) {
    if (places == 0 && wanted > 0) out[size++] = '.';
    for (; places < wanted; places++) out[size++] = '0';
    return size;
}

/* A double that is exactly what reading back a decimal of at most 15 digits gives: that decimal is meant, as
 * no other one of so few digits gives the same double. Dividing two whole numbers below 2^53 by rounding once is
 * exactly that reading. */
static enum taken write_real(shape wanted, double value, char *out, size_t *size) {
    if (wanted.second > DECIMAL_DIGITS) return ASK;
    double scaled = nearbyint(value * powers[wanted.second]);
    if (!(fabs(scaled) < powers[DECIMAL_DIGITS]) || scaled / powers[wanted.second] != value) return ASK;
    int whole_max = wanted.first - wanted.second;
    if (whole_max < DECIMAL_DIGITS && fabs(value) >= powers[whole_max < 0 ? 0 : whole_max]) return ASK;
    uint64_t number = (uint64_t)fabs(scaled);
    char digits[INTEGER_TEXT_MAX];
    size_t count = 0, places = (size_t)wanted.second, at = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number || count <= places);
    if (scaled < 0) out[at++] = '-';
    while (count > places) out[at++] = digits[--count];
    if (places) out[at++] = '.';
    while (count) out[at++] = digits[--count];
    *size = at;
    return TAKEN;
}

static enum taken write_whole(shape wanted, int64_t value, char *out, size_t *size) {
    size_t digits = write_int64(out, value);
    if (wanted.form == FORM_DECIMAL) {
        int whole = value == 0 ? 0 : (int)digits - (value < 0);
        if (whole > wanted.first - wanted.second) return ASK;
        digits = fill_places(out, digits, 0, wanted.second);
    }
    *size = digits;
    return TAKEN;
}

static enum taken write_spelled(shape wanted, const char *text, size_t size, char *out, size_t *written) {
    const char *at = text, *end = text + size;
    bool negative = at < end && *at == '-', is_zero = true;
    at += negative;
    const char *whole = at;
    for (; at < end && is_digit(*at); at++) is_zero &= *at == '0';
    size_t digits = (size_t)(at - whole);
    if (digits == 0 || (digits > 1 && whole[0] == '0')) return ASK;
    size_t kept = (size_t)(at - text), places = 0;
    if (at < end) {
        if (*at++ != '.' || at == end) return ASK;
        for (; at < end; at++, places++) {
            if (!is_digit(*at)) return ASK;
            is_zero &= *at == '0';
            if (wanted.form == FORM_DECIMAL && places >= (size_t)wanted.second && *at != '0') return ASK;
        }
    }
    if (negative && is_zero) return ASK;
    if (wanted.form == FORM_DECIMAL) {
        if (whole[0] == '0') digits = 0;
        if ((int64_t)digits > wanted.first - wanted.second) return ASK;
        if (places > (size_t)wanted.second) places = (size_t)wanted.second;
    }
    if (places) kept += places + 1;
    memcpy(out, text, kept);
    *written = wanted.form == FORM_DECIMAL ? fill_places(out, kept, (int)places, wanted.second) : kept;
    return TAKEN;
}

enum taken decimal_write(shape wanted, const stored *value, char *out, size_t *size) {
    switch (value->class) {
        case SQLITE_INTEGER: return write_whole(wanted, value->whole, out, size);
        case SQLITE_FLOAT: return wanted.form == FORM_DECIMAL ? write_real(wanted, value->real, out, size) : ASK;
        case SQLITE_TEXT: return write_spelled(wanted, value->bytes, value->size, out, size);
        default: return ASK;
    }
}

static enum taken take_decimal(shape wanted, const stored *value, column *out) {
    size_t size;
    char *text = column_begin_text(out, decimal_text_max(wanted, value));
    if (text == NULL) return NO_MEMORY;
    enum taken result = decimal_write(wanted, value, text, &size);
    return result == TAKEN ? done(column_end_text(out, size)) : result;
}

static enum taken take_whole(shape wanted, int64_t value, column *out) {
    switch (wanted.form) {
        case CARRIER_INT64: return done(column_add_int64(out, value));
        case CARRIER_UINT64: return value < 0 ? ASK : done(column_add_word(out, (uint64_t)value));
        case CARRIER_BOOL: return value != 0 && value != 1 ? ASK : done(column_add_bool(out, value == 1));
        case CARRIER_FLOAT64:
            if (value <= -DOUBLE_EXACT || value >= DOUBLE_EXACT) return ASK;
            return done(column_add_double(out, (double)value));
        case CARRIER_TEXT: case CARRIER_BYTES: case FORM_JSON: return add_whole_text(out, value);
        default: return ASK;
    }
}

enum taken value_take(shape wanted, const stored *value, column *out) {
    if (wanted.form == FORM_DECIMAL || wanted.form == FORM_DECIMAL_FREE) return take_decimal(wanted, value, out);
    switch (value->class) {
        case SQLITE_INTEGER: return take_whole(wanted, value->whole, out);
        case SQLITE_FLOAT: return wanted.form == CARRIER_FLOAT64 ? done(column_add_double(out, value->real)) : ASK;
        case SQLITE_BLOB:
            return wanted.form == CARRIER_BYTES ? done(column_add_bytes(out, value->bytes, value->size)) : ASK;
        default:
            if (wanted.form == CARRIER_BYTES) return done(column_add_bytes(out, value->bytes, value->size));
            return out->carrier == CARRIER_TEXT ? take_text(wanted, value, out) : ASK;
    }
}

static int add_bytes_object(column *out, PyObject *value) {
    Py_ssize_t size;
    char *bytes;
    if (PyUnicode_Check(value)) {
        const char *text = PyUnicode_AsUTF8AndSize(value, &size);
        return text == NULL ? -1 : column_add_bytes(out, text, (size_t)size);
    }
    return PyBytes_AsStringAndSize(value, &bytes, &size) < 0 ? -1 : column_add_bytes(out, bytes, (size_t)size);
}

int value_add_object(column *out, PyObject *value) {
    int result;
    switch (out->carrier) {
        case CARRIER_INT64: result = column_add_int64(out, PyLong_AsLongLong(value)); break;
        case CARRIER_UINT64: result = column_add_word(out, PyLong_AsUnsignedLongLong(value)); break;
        case CARRIER_FLOAT64: result = column_add_double(out, PyFloat_AsDouble(value)); break;
        case CARRIER_BOOL: result = column_add_bool(out, value == Py_True); break;
        default: result = add_bytes_object(out, value);
    }
    if (PyErr_Occurred()) return -1;
    return result < 0 ? PyErr_NoMemory(), -1 : 0;
}
