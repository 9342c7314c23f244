/* Hashes of the texts of rows, and their sums (domain.migrations.transfer.RowHash).
 *
 * They tell accidents, and are no protection against anybody. */
#ifndef WHERRY_HASHES_H
#define WHERRY_HASHES_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <stdint.h>

#define HASH_MD5 'm'
#define HASH_CRC 'c'
#define HASH_LOOKUP3 'l'
#define HASH_TEXT 't'
#define HASHES "mclt"

/* Build the tables; done once, when the module is loaded. */
void hashes_open(void);

uint32_t crc32_ieee(const void *bytes, size_t size);
uint32_t crc32_castagnoli(const void *bytes, size_t size);
/* Bob Jenkins's lookup3 as PostgreSQL's hashtextextended computes it. */
uint64_t lookup3(const void *bytes, size_t size, uint64_t seed);
/* The same of four bytes, the lowest first. */
uint64_t lookup3_word(uint32_t word, uint64_t seed);
/* The hash of a text by its letter; for both of lookup3 with the seed 0. */
uint64_t text_hash(char how, const void *text, size_t size);

/* The sum of many hashes of 64 bits, its halves apart, as neither sum outgrows a machine word. */
typedef struct {
    char how;
    int64_t high; /* of lookup3, which PostgreSQL takes for numbers with a sign, this has one */
    uint64_t low;
} hash_sum;

void hash_sum_add(hash_sum *sum, uint64_t number);
/* Return the sum as a Python integer. */
PyObject *hash_sum_total(const hash_sum *sum);

#endif
