/* See row_chain.h. Each step is one of PostgreSQL's functions with the hash so far as its seed: hashint4extended,
 * hashint8extended, hash_numeric_extended or hashtextextended (src/backend/access/hash/hashfunc.c, common/hashfn.c and
 * utils/adt/numeric.c). Those of numbers say neither which sign there is nor whether there is a number at all, so that
 * follows in steps of its own. */
#include "row_chain.h"
#include "hashes.h"
#include "row_text.h"

#define DIGITS_MAX 19
#define GROUP 4
#define GROUPS_MAX 32
#define YEAR_MAX 9999999
#define YEARS_AHEAD 10000000 /* a multiple of 400, so that years are not negative */
#define DAYS_BEFORE_2000 (730425 + YEARS_AHEAD / 400 * INT64_C(146097)) /* since March of the first of these years */
static bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

static bool read_whole(const char *text, size_t size, int64_t *value) {
    size_t is_negative = size && *text == '-';
    uint64_t found = 0;
    if (size <= is_negative || size - is_negative > DIGITS_MAX) return false;
    for (size_t at = is_negative; at < size; at++) {
        if (!is_digit(text[at])) return false;
        found = found * 10 + (uint64_t)(text[at] - '0');
    }
    if (found > (uint64_t)INT64_MAX + is_negative) return false;
    *value = (int64_t)(is_negative ? 0 - found : found);
    return true;
}

static bool is_day(int64_t year, int64_t month, int64_t day) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100) || year % 400 == 0;
    return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] + (month == 2 && is_leap);
}

static bool is_text(const char *text, size_t size, const char *wanted) {
    return size == strlen(wanted) && memcmp(text, wanted, size) == 0;
}

/* Days since 2000-01-01 of `YYYY-MM-DD[ BC]`, by counting years from March on; infinities lie at both ends. */
static bool read_days(const char *text, size_t size, int64_t *days) {
    int64_t year, month, day;
    bool is_before = size > 3 && memcmp(text + size - 3, " BC", 3) == 0;
    if (is_before) size -= 3;
    *days = size && *text == '-' ? INT32_MIN : INT32_MAX;
    if (is_text(text, size, "infinity") || is_text(text, size, "-infinity")) return !is_before;
    if (size < 10 || text[size - 6] != '-' || text[size - 3] != '-') return false;
    if (!is_digit(*text) || !is_digit(text[size - 5]) || !is_digit(text[size - 2])) return false;
    if (!read_whole(text, size - 6, &year) || !read_whole(text + size - 5, 2, &month)) return false;
    if (!read_whole(text + size - 2, 2, &day) || year < 1 || year > YEAR_MAX) return false;
    if (is_before) year = 1 - year;
    if (!is_day(year, month, day)) return false;
    int64_t turned = year - (month < 3) + YEARS_AHEAD, past = (month + 9) % 12;
    *days = 365 * turned + turned / 4 - turned / 100 + turned / 400 + (153 * past + 2) / 5 + day - 1 - DAYS_BEFORE_2000;
    return true;
}

/* Group digits by four from the point on, as numeric keeps them; -1 if the text is no plain decimal. */
static int read_groups(const char *text, size_t size, int16_t groups[GROUPS_MAX], int *weight) {
    const char *point = memchr(text, '.', size);
    size_t whole = point == NULL ? size : (size_t)(point - text);
    size_t ahead = (GROUP - whole % GROUP) % GROUP, places = size - whole - (point != NULL);
    if (whole == 0 || (point != NULL && places == 0) || ahead + whole + places > GROUP * (GROUPS_MAX - 1)) return -1;
    memset(groups, 0, sizeof(int16_t) * GROUPS_MAX);
    for (size_t at = 0, place = ahead; at < size; at++) {
        if (point == text + at) continue;
        if (!is_digit(text[at])) return -1;
        int16_t *group = &groups[place++ / GROUP];
        *group = (int16_t)(*group * 10 + text[at] - '0');
    }
    size_t all = ahead + whole + places;
    for (size_t left = all % GROUP; left && left < GROUP; left++) groups[all / GROUP] *= 10;
    *weight = (int)((ahead + whole) / GROUP) - 1;
    return (int)((all + GROUP - 1) / GROUP);
}

static bool add_decimal(uint64_t *seed, enum kind *kind, const char *text, size_t size) {
    int16_t groups[GROUPS_MAX], *first = groups;
    int weight;
    bool is_negative = size && *text == '-';
    int count = read_groups(text + is_negative, size - is_negative, groups, &weight);
    if (count < 0) return false;
    for (; count && *first == 0; count--, first++) weight--;
    while (count && first[count - 1] == 0) count--;
    if (count == 0) {
        *kind = ZERO;
        *seed -= 1;
        return true;
    }
    *kind = is_negative ? NEGATIVE : PRESENT;
    *seed = lookup3(first, sizeof *first * (size_t)count, *seed) ^ (uint64_t)(int64_t)weight;
    return true;
}

/* Add a value; false if its text is not of its link's kind. */
static bool add_linked(uint64_t *seed, enum kind *kind, char link, const char *text, size_t size) {
    int64_t number;
    switch (link) {
        case LINK_DAY:
            if (!read_days(text, size, &number)) return false;
            *seed = lookup3_word((uint32_t)number, *seed);
            return true;
        case LINK_DECIMAL: return add_decimal(seed, kind, text, size);
        case LINK_SMALL: case LINK_LARGE:
            if (!read_whole(text, size, &number)) return false;
            *seed = link == LINK_LARGE ? chain_large(number, *seed) : chain_folded(number, *seed);
            return true;
        default: return false;
    }
}

uint64_t chain_absent(char link, uint64_t seed) {
    switch (link) {
        case LINK_DECIMAL: return seed - 1;
        case LINK_TEXT: return lookup3("", 0, seed);
        case LINK_LARGE: return lookup3_word(0, lookup3_word(0, seed));
        default: return lookup3_word(0, seed);
    }
}

static void add_column(uint64_t *seed, enum kind *kind, char link, shape framed, const char *text, size_t size) {
    bool is_sized = framed.form == SPELL_SIZED_TEXT || framed.form == SPELL_SIZED_BYTES;
    const char *colon = is_sized ? memchr(text, ':', size) : NULL;
    *kind = (is_sized ? colon == NULL : size == 2 && *text == '~') ? ABSENT : PRESENT;
    if (*kind == ABSENT) {
        *seed = chain_absent(link, *seed);
        return;
    }
    const char *content = is_sized ? colon + 1 : text;
    size_t length = is_sized ? size - (size_t)(content - text) : size - 1;
    if (!add_linked(seed, kind, link, content, length)) *seed = lookup3(content, length, *seed);
}

uint64_t row_chain(const chained *row) {
    uint64_t seed = 0;
    for (Py_ssize_t first = 0; first < row->count; first += KINDS_AT_ONCE) {
        uint32_t kinds = 0;
        for (Py_ssize_t at = first; at < row->count && at < first + KINDS_AT_ONCE; at++) {
            size_t begin = at ? row->ends[at - 1] : 0;
            enum kind kind = PRESENT;
            add_column(&seed, &kind, row->links[at], row->shapes[at], row->text + begin, row->ends[at] - begin);
            kinds |= (uint32_t)kind << KIND_BITS * (at - first);
        }
        seed = lookup3_word(kinds, seed);
    }
    return seed;
}

uint64_t row_number(char how, const chained *row) {
    return how == HASH_LOOKUP3 ? row_chain(row) : text_hash(how, row->text, row->ends[row->count - 1]);
}

bool links_match(const char *links, Py_ssize_t size, Py_ssize_t count) {
    if (size == count && strspn(links, LINKS) == (size_t)size) return true;
    PyErr_Format(PyExc_ValueError, "no links of %zd columns: %s", count, links);
    return false;
}
