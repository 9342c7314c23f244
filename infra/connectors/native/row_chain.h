/* The hash of a row that is made column after column (domain.migrations.canonical.Link). */
#ifndef WHERRY_ROW_CHAIN_H
#define WHERRY_ROW_CHAIN_H

#include "hashes.h"
#include "sqlite_values.h"

#define LINK_SMALL 'i'
#define LINK_LARGE 'I'
#define LINK_DAY 'd'
#define LINK_DECIMAL 'n'
#define LINK_TEXT 't'
#define LINKS "iIdnt"

#define KINDS_AT_ONCE 15
#define KIND_BITS 2

/* What a step does not say of a value. */
enum kind { PRESENT, ABSENT, ZERO, NEGATIVE };

/* One step for 64 bits: small numbers have the hash that they have as words. */
static inline uint64_t chain_folded(int64_t value, uint64_t seed) {
    uint32_t high = (uint32_t)((uint64_t)value >> 32);
    return lookup3_word((uint32_t)value ^ (value < 0 ? ~high : high), seed);
}

static inline uint64_t chain_large(int64_t value, uint64_t seed) {
    return chain_folded(value, lookup3_word((uint32_t)((uint64_t)value >> 32), seed));
}

/* A column without a value goes on like a zero, an empty text, or 2000-01-01. */
uint64_t chain_absent(char link, uint64_t seed);

/* A row's text, where the part of each column ends in it, and how each enters the chain. */
typedef struct {
    const char *text;
    const size_t *ends;
    const shape *shapes;
    const char *links;
    Py_ssize_t count;
} chained;

/* Days and decimals are read by code of its own, not by the writer's: what a writer gets wrong must show. */
uint64_t row_chain(const chained *row);
/* The hash of a row by its letter: lookup3 is chained, others are hashes of the whole text. */
uint64_t row_number(char how, const chained *row);

/* Tell whether there is one link for each column; raises ValueError if not. */
bool links_match(const char *links, Py_ssize_t size, Py_ssize_t count);

#endif
