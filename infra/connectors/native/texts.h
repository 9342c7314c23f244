/* Numbers, dates and times from text and to text, in the canonical spellings of domain.catalog.types. */
#ifndef WHERRY_TEXTS_H
#define WHERRY_TEXTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STAMP_TEXT_MAX 48
#define INTEGER_TEXT_MAX 20
#define DOUBLE_TEXT_MAX 32

/* Days since 2000-01-01 and microseconds since 2000-01-01 00:00, as PostgreSQL counts, and its infinities. */
#define DATE_INFINITY INT32_MAX
#define DATE_MINUS_INFINITY INT32_MIN
#define STAMP_INFINITY INT64_MAX
#define STAMP_MINUS_INFINITY INT64_MIN

/* Each reads the whole text; false if it is not of that form or out of range. */
bool read_int64(const char *text, size_t size, int64_t *value);
bool read_uint64(const char *text, size_t size, uint64_t *value);
bool read_double(const char *text, size_t size, double *value);
bool read_date(const char *text, size_t size, int32_t *days);
bool read_time(const char *text, size_t size, int64_t *micros);
bool read_stamp(const char *text, size_t size, int64_t *micros);
/* `[-]HHH:MM:SS[.ffffff]` */
bool read_duration(const char *text, size_t size, int64_t *micros);

/* Each returns the number of bytes written. */
size_t write_uint64(char *out, uint64_t value);
size_t write_int64(char *out, int64_t value);
/* The text reads back as the same double; infinities and NaN are none of this function's business. */
size_t write_double(char *out, double value);
size_t write_date(char *out, int32_t days);
size_t write_time(char *out, int64_t micros);
size_t write_stamp(char *out, int64_t micros);

/* The first byte that is no UTF-8; `size` if all are. */
size_t utf8_valid(const char *text, size_t size);
/* The number of characters of a valid text. */
size_t utf8_length(const char *text, size_t size);

int texts_open(void);

#endif
