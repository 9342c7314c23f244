#include "row_text.h"
#include "md5.h"
#include "texts.h"

#define DOUBLE_HEX 16
#define NAN_BITS UINT64_C(0x7ff8000000000000)

static const char hex_digits[] = "0123456789abcdef";

static int add_hash(buffer *row, const char *bytes, size_t size) {
    char hex[MD5_HEX_SIZE];
    md5_hex(bytes, size, hex);
    return buffer_add(row, hex, MD5_HEX_SIZE);
}

static int add_hex(buffer *row, const char *bytes, size_t size) {
    if (buffer_reserve(row, 2 * size) < 0) return -1;
    for (size_t at = 0; at < size; at++) {
        row->at[row->size++] = hex_digits[(uint8_t)bytes[at] >> 4];
        row->at[row->size++] = hex_digits[bytes[at] & 15];
    }
    return 0;
}

static int add_sized(buffer *row, shape wanted, const char *bytes, size_t size) {
    char length[INTEGER_TEXT_MAX + 1];
    size_t digits = write_uint64(length, size);
    length[digits++] = ':';
    if (buffer_add(row, length, digits) < 0) return -1;
    if (size > (size_t)wanted.first) return add_hash(row, bytes, size);
    return wanted.form == SPELL_SIZED_BYTES ? add_hex(row, bytes, size) : buffer_add(row, bytes, size);
}

static bool has_mark(const char *text, size_t size) {
    bool found = false;
    for (size_t at = 0; at < size; at++) found |= text[at] == ',' || text[at] == '~';
    return found;
}

int row_add_number(buffer *row, const char *text, size_t size) {
    if (buffer_reserve(row, size + 1) < 0) return -1;
    memcpy(row->at + row->size, text, size);
    row->at[row->size + size] = ',';
    row->size += size + 1;
    return 0;
}

/* A plain text has no comma, as `~1` stands for it, and `~0` for `~`. */
static int add_plain(buffer *row, const char *text, size_t size) {
    if (!has_mark(text, size)) return row_add_number(row, text, size);
    for (size_t at = 0; at < size; at++) {
        bool is_mark = text[at] == ',' || text[at] == '~';
        if (buffer_add(row, is_mark ? (text[at] == ',' ? "~1" : "~0") : text + at, is_mark ? 2 : 1) < 0) return -1;
    }
    return buffer_add(row, ",", 1);
}

static bool is_sized(shape wanted) { return wanted.form == SPELL_SIZED_TEXT || wanted.form == SPELL_SIZED_BYTES; }

int row_add(buffer *row, shape wanted, const char *text, size_t size) {
    if (is_sized(wanted)) return add_sized(row, wanted, text, size);
    if (wanted.form != SPELL_HASH) return add_plain(row, text, size);
    return add_hash(row, text, size) < 0 ? -1 : buffer_add(row, ",", 1);
}

int row_add_null(buffer *row, shape wanted) {
    return is_sized(wanted) ? buffer_add(row, "-", 1) : buffer_add(row, "~,", 2);
}

int row_add_double(buffer *row, shape wanted, double value) {
    char hex[DOUBLE_HEX];
    uint64_t bits;
    if (value == 0) value = 0;  /* one zero of two */
    memcpy(&bits, &value, sizeof bits);
    if (value != value) bits = NAN_BITS;  /* one NaN of many */
    for (int at = DOUBLE_HEX - 1; at >= 0; at--, bits >>= 4) hex[at] = hex_digits[bits & 15];
    return row_add(row, wanted, hex, DOUBLE_HEX);
}
