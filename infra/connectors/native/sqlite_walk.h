/* The rows of a table of SQLite, read from the pages of its file without SQL (https://sqlite.org/fileformat2.html).
 *
 * The pages are read by SQLite's own handle of the file, under the lock that a statement in progress holds, from a
 * connection that never writes and a file without a write-ahead log: nobody can change them meanwhile. Digests are
 * computed by SQL alone, so that what is wrong here shows there. Whatever is not
 * as expected (a row from before a column was added, a value of no known class, a damaged page) is left to SQLite: the
 * statement goes on from that row by SQL. */
#ifndef WHERRY_SQLITE_WALK_H
#define WHERRY_SQLITE_WALK_H

#include "sqlite_api.h"

/* Read by page what the statement would give: `given` is (root page, first row number, row number to end before or
 * None, columns), each column (place in the record, -1 for the row number itself; whether it is REAL). The statement's
 * first parameter is the first row number. -1 with a Python exception. */
int walk_open(statement *held, PyObject *given);
void walk_close(statement *held);
/* As sqlite3_step. */
int walk_step(statement *held);
/* Look at a column of the present row. */
void walk_get(const statement *held, int place, stored *value);
bool walk_is_on(const statement *held);

static inline int statement_step(statement *held) {
    return held->walk == NULL ? sqlite.step(held->stmt) : walk_step(held);
}

/* Look at a column of the present row, inside statement_enter; -1 if there is no memory. */
static inline int statement_get(const statement *held, int place, stored *value) {
    if (held->walk == NULL || !walk_is_on(held)) return stored_get(held->stmt, place, value);
    walk_get(held, place, value);
    return 0;
}

#endif
