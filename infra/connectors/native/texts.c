/* See texts.h. */
#define _GNU_SOURCE
#include "texts.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __APPLE__
#include <xlocale.h>
#endif

#define MICROS_PER_SECOND INT64_C(1000000)
#define MICROS_PER_DAY (INT64_C(86400) * MICROS_PER_SECOND)
#define NUMBER_TEXT_MAX 400

static locale_t c_locale;

int texts_open(void) {
    if (c_locale == (locale_t)0) c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return c_locale == (locale_t)0 ? -1 : 0;
}

static bool is_digit(char sign) { return sign >= '0' && sign <= '9'; }

bool read_uint64(const char *text, size_t size, uint64_t *value) {
    uint64_t sum = 0;
    if (size == 0) return false;
    for (size_t at = 0; at < size; at++) {
        if (!is_digit(text[at])) return false;
        unsigned digit = (unsigned)(text[at] - '0');
        if (sum > (UINT64_MAX - digit) / 10) return false;
        sum = sum * 10 + digit;
    }
    *value = sum;
    return true;
}

bool read_int64(const char *text, size_t size, int64_t *value) {
    bool negative = size > 0 && text[0] == '-';
    uint64_t sum;
    if (!read_uint64(text + negative, size - negative, &sum)) return false;
    if (sum > (uint64_t)INT64_MAX + negative) return false;
    *value = negative ? (int64_t)(0 - sum) : (int64_t)sum;
    return true;
}

bool read_double(const char *text, size_t size, double *value) {
    char held[NUMBER_TEXT_MAX + 1];
    char *end;
    if (size == 0 || size > NUMBER_TEXT_MAX) return false;
    memcpy(held, text, size);
    held[size] = '\0';
    *value = strtod_l(held, &end, c_locale);
    return end == held + size && (is_digit(held[0]) || held[0] == '-' || held[0] == '.');
}

/* Days since 2000-01-01 of a day of the Gregorian calendar, also before its time; year 0 is 1 BC.
 * The year is counted from March, so that the leap day is its last; 400 years have 146,097 days. */
static int64_t days_of(int64_t year, int month, int day) {
    if (month < 3) year -= 1;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 730425;
}

static void date_of(int64_t days, int64_t *year, int *month, int *day) {
    days += 730425;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int from_march = (int)((5 * day_of_year + 2) / 153);
    *day = (int)(day_of_year - (153 * from_march + 2) / 5) + 1;
    *month = from_march < 10 ? from_march + 3 : from_march - 9;
    *year = era * 400 + year_of_era + (*month < 3);
}

static int days_in(int64_t year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

static bool read_two(const char *text, int *value) {
    if (!is_digit(text[0]) || !is_digit(text[1])) return false;
    *value = (text[0] - '0') * 10 + text[1] - '0';
    return true;
}

static bool is_word(const char *text, size_t size, const char *word) {
    return size == strlen(word) && memcmp(text, word, size) == 0;
}

/* Take ` BC` off the end. */
static bool strip_bc(const char *text, size_t *size) {
    if (*size < 4 || memcmp(text + *size - 3, " BC", 3) != 0) return false;
    *size -= 3;
    return true;
}

/* `Y..YYY-MM-DD` in `size` bytes. */
static bool read_day(const char *text, size_t size, bool bc, int64_t *days) {
    uint64_t year;
    int month, day;
    if (size < 10 || size > 13 || text[size - 6] != '-' || text[size - 3] != '-') return false;
    if (!read_uint64(text, size - 6, &year) || !read_two(text + size - 5, &month) || !read_two(text + size - 2, &day))
        return false;
    if (year == 0 || month < 1 || month > 12) return false;
    int64_t counted = bc ? 1 - (int64_t)year : (int64_t)year;
    if (day < 1 || day > days_in(counted, month)) return false;
    *days = days_of(counted, month, day);
    return true;
}

bool read_date(const char *text, size_t size, int32_t *days) {
    int64_t counted;
    if (is_word(text, size, "infinity")) {
        *days = DATE_INFINITY;
    } else if (is_word(text, size, "-infinity")) {
        *days = DATE_MINUS_INFINITY;
    } else {
        bool bc = strip_bc(text, &size);
        if (!read_day(text, size, bc, &counted)) return false;
        *days = (int32_t)counted;
    }
    return true;
}

/* `:MM:SS[.ffffff]`; digits beyond the sixth must be zeros. */
static bool read_rest(const char *text, size_t size, int64_t *micros) {
    int minutes, seconds;
    if (size < 6 || text[0] != ':' || text[3] != ':') return false;
    if (!read_two(text + 1, &minutes) || !read_two(text + 4, &seconds) || minutes > 59 || seconds > 59) return false;
    int64_t fraction = 0;
    if (size > 6) {
        if (text[6] != '.' || size == 7) return false;
        int64_t worth = MICROS_PER_SECOND / 10;
        for (size_t at = 7; at < size; at++, worth /= 10) {
            if (!is_digit(text[at]) || (worth == 0 && text[at] != '0')) return false;
            fraction += worth * (text[at] - '0');
        }
    }
    *micros = (minutes * INT64_C(60) + seconds) * MICROS_PER_SECOND + fraction;
    return true;
}

bool read_time(const char *text, size_t size, int64_t *micros) {
    int hours;
    int64_t rest;
    if (size < 8 || !read_two(text, &hours) || !read_rest(text + 2, size - 2, &rest)) return false;
    *micros = hours * INT64_C(3600) * MICROS_PER_SECOND + rest;
    return *micros <= MICROS_PER_DAY;
}

bool read_duration(const char *text, size_t size, int64_t *micros) {
    bool negative = size > 0 && text[0] == '-';
    text += negative;
    size -= negative;
    const char *colon = memchr(text, ':', size);
    uint64_t hours;
    int64_t rest;
    if (colon == NULL || !read_uint64(text, (size_t)(colon - text), &hours) || hours > 1000000) return false;
    if (!read_rest(colon, size - (size_t)(colon - text), &rest)) return false;
    *micros = (int64_t)hours * 3600 * MICROS_PER_SECOND + rest;
    if (negative) *micros = -*micros;
    return true;
}

bool read_stamp(const char *text, size_t size, int64_t *micros) {
    int64_t days, rest;
    if (is_word(text, size, "infinity")) {
        *micros = STAMP_INFINITY;
        return true;
    }
    if (is_word(text, size, "-infinity")) {
        *micros = STAMP_MINUS_INFINITY;
        return true;
    }
    bool bc = strip_bc(text, &size);
    const char *space = memchr(text, ' ', size);
    if (space == NULL || !read_day(text, (size_t)(space - text), bc, &days)) return false;
    if (!read_time(space + 1, size - (size_t)(space - text) - 1, &rest) || rest == MICROS_PER_DAY) return false;
    if (days > 107000000 || days < -107000000) return false;
    *micros = days * MICROS_PER_DAY + rest;
    return true;
}

static const char pairs_of_digits[] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
    "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

size_t write_uint64(char *out, uint64_t value) {
    char digits[INTEGER_TEXT_MAX], *at = digits + sizeof digits;
    for (; value >= 100; value /= 100) memcpy(at -= 2, pairs_of_digits + 2 * (value % 100), 2);
    if (value >= 10) memcpy(at -= 2, pairs_of_digits + 2 * value, 2);
    else *--at = (char)('0' + value);
    size_t count = (size_t)(digits + sizeof digits - at);
    memcpy(out, at, count);
    return count;
}

size_t write_int64(char *out, int64_t value) {
    if (value >= 0) return write_uint64(out, (uint64_t)value);
    out[0] = '-';
    return 1 + write_uint64(out + 1, 0 - (uint64_t)value);
}

size_t write_double(char *out, double value) {
    double back;
    for (int digits = 15; digits <= 17; digits++) {
        int size = snprintf(out, DOUBLE_TEXT_MAX, "%.*g", digits, value);
        for (int at = 0; at < size; at++)
            if (out[at] == ',') out[at] = '.';  /* the process may be in another locale */
        if (digits == 17 || (read_double(out, (size_t)size, &back) && back == value)) return (size_t)size;
    }
    return 0;
}

static void write_two(char *out, int value) {
    out[0] = (char)('0' + value / 10);
    out[1] = (char)('0' + value % 10);
}

static size_t write_day(char *out, int64_t days, bool *bc) {
    int64_t year;
    int month, day;
    date_of(days, &year, &month, &day);
    *bc = year <= 0;
    if (*bc) year = 1 - year;
    size_t size = 0;
    for (int64_t limit = 1000; limit > year && limit > 1; limit /= 10) out[size++] = '0';
    size += write_uint64(out + size, (uint64_t)year);
    out[size] = '-';
    write_two(out + size + 1, month);
    out[size + 3] = '-';
    write_two(out + size + 4, day);
    return size + 6;
}

static size_t write_word(char *out, const char *word) {
    size_t size = strlen(word);
    memcpy(out, word, size);
    return size;
}

size_t write_date(char *out, int32_t days) {
    if (days == DATE_INFINITY) return write_word(out, "infinity");
    if (days == DATE_MINUS_INFINITY) return write_word(out, "-infinity");
    bool bc;
    size_t size = write_day(out, days, &bc);
    return bc ? size + write_word(out + size, " BC") : size;
}

size_t write_time(char *out, int64_t micros) {
    int64_t seconds = micros / MICROS_PER_SECOND, fraction = micros % MICROS_PER_SECOND;
    write_two(out, (int)(seconds / 3600));
    out[2] = ':';
    write_two(out + 3, (int)(seconds / 60 % 60));
    out[5] = ':';
    write_two(out + 6, (int)(seconds % 60));
    out[8] = '.';
    for (int at = 14; at > 8; at--, fraction /= 10) out[at] = (char)('0' + fraction % 10);
    return 15;
}

size_t write_stamp(char *out, int64_t micros) {
    if (micros == STAMP_INFINITY) return write_word(out, "infinity");
    if (micros == STAMP_MINUS_INFINITY) return write_word(out, "-infinity");
    int64_t days = micros / MICROS_PER_DAY, rest = micros % MICROS_PER_DAY;
    if (rest < 0) {
        rest += MICROS_PER_DAY;
        days -= 1;
    }
    bool bc;
    size_t size = write_day(out, days, &bc);
    out[size++] = ' ';
    size += write_time(out + size, rest);
    return bc ? size + write_word(out + size, " BC") : size;
}

/* Unicode 15, table 3-7: well-formed UTF-8 byte sequences. */
size_t utf8_valid(const char *text, size_t size) {
    const unsigned char *bytes = (const unsigned char *)text;
    size_t at = 0;
    while (at < size) {
        uint64_t eight;
        while (size - at >= 8 && (memcpy(&eight, bytes + at, 8), (eight & UINT64_C(0x8080808080808080)) == 0)) at += 8;
        if (at == size) break;
        unsigned char first = bytes[at];
        if (first < 0x80) {
            at += 1;
            continue;
        }
        size_t more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
        if (first < 0xc2 || first > 0xf4 || size - at <= more) return at;
        unsigned char second = bytes[at + 1];
        unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
        unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
        if (second < low || second > high) return at;
        for (size_t next = 2; next <= more; next++)
            if ((bytes[at + next] & 0xc0) != 0x80) return at;
        at += more + 1;
    }
    return size;
}

size_t utf8_length(const char *text, size_t size) {
    size_t count = 0;
    for (size_t at = 0; at < size; at++) count += ((unsigned char)text[at] & 0xc0) != 0x80;
    return count;
}
