/* The hash of a row that is made column after column (domain.migrations.canonical.Link). */
#ifndef WHERRY_ROW_CHAIN_H
#define WHERRY_ROW_CHAIN_H

#include "sqlite_values.h"

#define LINK_SMALL 'i'
#define LINK_LARGE 'I'
#define LINK_DAY 'd'
#define LINK_DECIMAL 'n'
#define LINK_TEXT 't'
#define LINKS "iIdnt"

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
