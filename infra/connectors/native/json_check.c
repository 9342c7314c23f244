/* Whether a text is JSON (RFC 8259), for texts of the usual kind: known to be UTF-8, not deep, no huge numbers. */
#include "sqlite_values.h"

#define DEPTH_MAX 64
#define NUMBER_MAX 1000

typedef struct {
    const char *at;
    const char *end;
} cursor;

static bool next_is(cursor *read, char sign) {
    if (read->at == read->end || *read->at != sign) return false;
    read->at += 1;
    return true;
}

static void skip_space(cursor *read) {
    while (read->at < read->end && (*read->at == ' ' || *read->at == '\t' || *read->at == '\n' || *read->at == '\r'))
        read->at += 1;
}

static bool is_hex(char sign) {
    return (sign >= '0' && sign <= '9') || (sign >= 'a' && sign <= 'f') || (sign >= 'A' && sign <= 'F');
}

static bool read_escape(cursor *read) {
    if (read->at == read->end) return false;
    char sign = *read->at++;
    if (sign != 'u') return sign != '\0' && strchr("\"\\/bfnrt", sign) != NULL;
    for (int digit = 0; digit < 4; digit++)
        if (read->at == read->end || !is_hex(*read->at++)) return false;
    return true;
}

static bool read_string(cursor *read) {
    if (!next_is(read, '"')) return false;
    while (read->at < read->end) {
        unsigned char sign = (unsigned char)*read->at++;
        if (sign == '"') return true;
        if (sign < ' ' || (sign == '\\' && !read_escape(read))) return false;
    }
    return false;
}

static size_t read_digits(cursor *read) {
    const char *first = read->at;
    while (read->at < read->end && *read->at >= '0' && *read->at <= '9') read->at += 1;
    return (size_t)(read->at - first);
}

static bool read_number(cursor *read) {
    const char *first = read->at;
    next_is(read, '-');
    if (!next_is(read, '0') && read_digits(read) == 0) return false;
    if (next_is(read, '.') && read_digits(read) == 0) return false;
    if (next_is(read, 'e') || next_is(read, 'E')) {
        if (!next_is(read, '+')) next_is(read, '-');
        if (read_digits(read) == 0) return false;
    }
    return read->at - first <= NUMBER_MAX;
}

static bool read_word(cursor *read, const char *word) {
    size_t size = strlen(word);
    if ((size_t)(read->end - read->at) < size || memcmp(read->at, word, size) != 0) return false;
    read->at += size;
    return true;
}

static bool read_value(cursor *read, int depth);

/* The members of an object or array, after its first bracket. */
static bool read_members(cursor *read, char closing, int depth) {
    skip_space(read);
    if (next_is(read, closing)) return true;
    do {
        skip_space(read);
        if (closing == '}') {
            if (!read_string(read)) return false;
            skip_space(read);
            if (!next_is(read, ':')) return false;
        }
        if (!read_value(read, depth)) return false;
        skip_space(read);
    } while (next_is(read, ','));
    return next_is(read, closing);
}

static bool read_value(cursor *read, int depth) {
    skip_space(read);
    if (read->at == read->end || depth == DEPTH_MAX) return false;
    switch (*read->at) {
        case '{': read->at += 1; return read_members(read, '}', depth + 1);
        case '[': read->at += 1; return read_members(read, ']', depth + 1);
        case '"': return read_string(read);
        case 't': return read_word(read, "true");
        case 'f': return read_word(read, "false");
        case 'n': return read_word(read, "null");
        default: return read_number(read);
    }
}

bool is_plainly_json(const char *text, size_t size) {
    cursor read = {text, text + size};
    if (!read_value(&read, 0)) return false;
    skip_space(&read);
    return read.at == read.end;
}
