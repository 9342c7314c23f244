/* See numerics.h. */
#include "numerics.h"

#include <string.h>

#define HEAD 8
#define GROUP 4
#define SIGN_MINUS 0x4000
#define SIGN_NAN 0xc000
#define SIGN_INFINITY 0xd000
#define SIGN_MINUS_INFINITY 0xf000
#define SCALE_MAX 0x3fff

static int read_word(const uint8_t *at) { return (int16_t)(at[0] << 8 | at[1]); }

static void put_word(uint8_t *at, int value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

size_t numeric_text_max(const uint8_t *bytes, size_t size) {
    if (size < HEAD) return 0;
    int count = read_word(bytes), weight = read_word(bytes + 2), scale = read_word(bytes + 6);
    if (count < 0 || scale < 0 || size != HEAD + 2 * (size_t)count) return 0;
    return (size_t)(weight < 0 ? 1 : (weight + 1) * GROUP) + (size_t)scale + 3 + GROUP + sizeof "-Infinity";
}

static size_t write_special(char *out, int sign) {
    const char *word = sign == SIGN_NAN ? "NaN" : sign == SIGN_INFINITY ? "Infinity" : "-Infinity";
    memcpy(out, word, strlen(word));
    return strlen(word);
}

static void put_group(char *out, int group) {
    for (int at = GROUP - 1; at >= 0; at--, group /= 10) out[at] = (char)('0' + group % 10);
}

size_t numeric_write(char *out, const uint8_t *bytes) {
    int count = read_word(bytes), weight = read_word(bytes + 2), scale = read_word(bytes + 6);
    int sign = read_word(bytes + 4) & 0xffff;
    if (sign & ~SIGN_MINUS) return write_special(out, sign);
    char *at = out, group[GROUP];
    if (sign == SIGN_MINUS) *at++ = '-';
    if (weight < 0) *at++ = '0';
    for (int place = 0; place <= weight; place++) {
        put_group(group, place < count ? read_word(bytes + HEAD + 2 * place) : 0);
        int skip = 0;
        while (place == 0 && skip < GROUP - 1 && group[skip] == '0') skip++;
        memcpy(at, group + skip, (size_t)(GROUP - skip));
        at += GROUP - skip;
    }
    if (scale == 0) return (size_t)(at - out);
    *at++ = '.';
    for (int written = 0, place = weight + 1; written < scale; place++) {
        put_group(group, place >= 0 && place < count ? read_word(bytes + HEAD + 2 * place) : 0);
        for (int digit = 0; digit < GROUP && written < scale; digit++, written++) *at++ = group[digit];
    }
    return (size_t)(at - out);
}

size_t numeric_bytes_max(size_t text_size) { return HEAD + 2 * (text_size / GROUP + 4); }

static size_t read_special(uint8_t *out, const char *text, size_t size) {
    int sign = 0;
    if (size == 3 && memcmp(text, "NaN", 3) == 0) sign = SIGN_NAN;
    if (size == 8 && memcmp(text, "Infinity", 8) == 0) sign = SIGN_INFINITY;
    if (size == 9 && memcmp(text, "-Infinity", 9) == 0) sign = SIGN_MINUS_INFINITY;
    memset(out, 0, HEAD);
    put_word(out + 4, sign);
    return sign ? HEAD : 0;
}

/* Write the digits of a text in groups of four; the first group has `first` digits, missing ones at the end are 0. */
static int put_groups(uint8_t *out, const char *digits, size_t size, size_t first) {
    int count = 0;
    for (size_t at = 0; at < size; count++) {
        size_t width = count == 0 && first ? first : GROUP;
        int group = 0;
        for (size_t digit = 0; digit < width; digit++) group = group * 10 + (at + digit < size ? digits[at + digit] - '0' : 0);
        put_word(out + 2 * count, group);
        at += width;
    }
    return count;
}

size_t numeric_read(uint8_t *out, const char *text, size_t size) {
    const char *at = text, *end = text + size;
    bool negative = at < end && *at == '-';
    at += negative;
    while (end - at > 1 && at[0] == '0' && at[1] != '.') at++;
    const char *whole = at;
    while (at < end && *at >= '0' && *at <= '9') at++;
    size_t whole_size = (size_t)(at - whole);
    const char *part = at;
    size_t scale = 0;
    if (at < end && *at == '.') {
        part = ++at;
        while (at < end && *at >= '0' && *at <= '9') at++;
        scale = (size_t)(at - part);
    }
    if (at != end || whole_size + scale == 0 || scale > SCALE_MAX || whole_size > INT16_MAX)
        return read_special(out, text, size);
    if (whole_size == 1 && whole[0] == '0') whole_size = 0;
    int groups = put_groups(out + HEAD, whole, whole_size, whole_size % GROUP);
    int weight = groups - 1;
    groups += put_groups(out + HEAD + 2 * groups, part, scale, 0);
    int skip = 0;
    while (skip < groups && read_word(out + HEAD + 2 * skip) == 0) skip++;
    while (groups > skip && read_word(out + HEAD + 2 * (groups - 1)) == 0) groups--;
    memmove(out + HEAD, out + HEAD + 2 * skip, 2 * (size_t)(groups - skip));
    put_word(out, groups - skip);
    put_word(out + 2, groups == skip ? 0 : weight - skip);
    put_word(out + 4, negative && groups > skip ? SIGN_MINUS : 0);
    put_word(out + 6, (int)scale);
    return HEAD + 2 * (size_t)(groups - skip);
}
