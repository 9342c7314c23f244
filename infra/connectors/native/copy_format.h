/* What rows of PostgreSQL's binary COPY are made of.
 *
 * Source: PostgreSQL manual, COPY, "Binary Format". */
#ifndef WHERRY_COPY_FORMAT_H
#define WHERRY_COPY_FORMAT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SIGNATURE "PGCOPY\n\377\r\n"
#define SIGNATURE_BYTES 11
#define HEADER_BYTES 19
#define NULL_LENGTH UINT32_MAX
#define UUID_BYTES 16
#define UUID_TEXT 36

static inline uint64_t big(const uint8_t *at, int bytes) {
    uint64_t value = 0;
    for (int byte = 0; byte < bytes; byte++) value = value << 8 | at[byte];
    return value;
}

/* Return the place behind the header of a stream; NULL if there is none. */
static inline const uint8_t *copy_begun(const uint8_t *at, const uint8_t *end) {
    if (end - at < HEADER_BYTES || memcmp(at, SIGNATURE, SIGNATURE_BYTES) != 0) return NULL;
    uint64_t extension = big(at + HEADER_BYTES - 4, 4);
    at += HEADER_BYTES;
    return extension > (uint64_t)(end - at) ? NULL : at + extension;
}

static inline void uuid_write(char out[UUID_TEXT], const uint8_t *bytes) {
    static const char digits[] = "0123456789abcdef";
    for (int byte = 0; byte < UUID_BYTES; byte++) {
        if (byte == 4 || byte == 6 || byte == 8 || byte == 10) *out++ = '-';
        *out++ = digits[bytes[byte] >> 4];
        *out++ = digits[bytes[byte] & 15];
    }
}

#endif
