#include "hashes.h"
#include "md5.h"
#include "parts.h"

#include <stdbool.h>
#include <string.h>

#define POLYNOMIAL_IEEE 0xedb88320u
#define POLYNOMIAL_CASTAGNOLI 0x82f63b78u
#define SLICES 8
#define HALF_BITS 32

typedef uint32_t crc_table[SLICES][256];

static crc_table ieee, castagnoli;

/* The table at place n says what a byte is worth with n bytes of zeros behind it. */
static void crc_open(crc_table table, uint32_t polynomial) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t rest = byte;
        for (int bit = 0; bit < 8; bit++) rest = rest & 1 ? rest >> 1 ^ polynomial : rest >> 1;
        table[0][byte] = rest;
    }
    for (int slice = 1; slice < SLICES; slice++)
        for (int byte = 0; byte < 256; byte++) {
            uint32_t before = table[slice - 1][byte];
            table[slice][byte] = before >> 8 ^ table[0][before & 255];
        }
}

void hashes_open(void) {
    crc_open(ieee, POLYNOMIAL_IEEE);
    crc_open(castagnoli, POLYNOMIAL_CASTAGNOLI);
}

static uint32_t little(const uint8_t *at) {
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint32_t crc(crc_table table, const void *bytes, size_t size) {
    const uint8_t *at = bytes;
    uint32_t rest = UINT32_MAX;
    for (; size >= SLICES; size -= SLICES, at += SLICES) {
        uint32_t first = little(at) ^ rest, second = little(at + 4);
        rest = table[7][first & 255] ^ table[6][first >> 8 & 255] ^ table[5][first >> 16 & 255] ^ table[4][first >> 24]
               ^ table[3][second & 255] ^ table[2][second >> 8 & 255] ^ table[1][second >> 16 & 255]
               ^ table[0][second >> 24];
    }
    for (; size; size--, at++) rest = rest >> 8 ^ table[0][(rest ^ *at) & 255];
    return ~rest;
}

uint32_t crc32_ieee(const void *bytes, size_t size) { return crc(ieee, bytes, size); }

uint32_t crc32_castagnoli(const void *bytes, size_t size) { return crc(castagnoli, bytes, size); }

static uint32_t turned(uint32_t word, int bits) { return word << bits | word >> (32 - bits); }

/* The three words of a hash under way; spelled out, as compilers keep no array in registers. */
typedef struct {
    uint32_t a, b, c;
} words;

/* One step of a round changes a word by the one before it, and that one by the one after. */
#define MIX_STEP(here, before, after, bits) \
    here = (here - before) ^ turned(before, bits); \
    before += after

#define LAST_STEP(here, before, bits) here = (here ^ before) - turned(before, bits)

static inline words mixed(words of) {
    MIX_STEP(of.a, of.c, of.b, 4);
    MIX_STEP(of.b, of.a, of.c, 6);
    MIX_STEP(of.c, of.b, of.a, 8);
    MIX_STEP(of.a, of.c, of.b, 16);
    MIX_STEP(of.b, of.a, of.c, 19);
    MIX_STEP(of.c, of.b, of.a, 4);
    return of;
}

static inline uint64_t ended(words of) {
    LAST_STEP(of.c, of.b, 14);
    LAST_STEP(of.a, of.c, 11);
    LAST_STEP(of.b, of.a, 25);
    LAST_STEP(of.c, of.b, 16);
    LAST_STEP(of.a, of.c, 4);
    LAST_STEP(of.b, of.a, 14);
    LAST_STEP(of.c, of.b, 24);
    return (uint64_t)of.b << 32 | of.c;
}

static inline words begun(size_t size, uint64_t seed) {
    uint32_t start = 0x9e3779b9u + (uint32_t)size + 3923095u;
    if (seed == 0) return (words){start, start, start};
    return mixed((words){start + (uint32_t)(seed >> 32), start + (uint32_t)seed, start});
}

uint64_t lookup3(const void *bytes, size_t size, uint64_t seed) {
    const uint8_t *at = bytes;
    uint8_t rest[12] = {0};
    words found = begun(size, seed);
    for (; size >= sizeof rest; size -= sizeof rest, at += sizeof rest)
        found = mixed((words){found.a + little(at), found.b + little(at + 4), found.c + little(at + 8)});
    /* The lowest byte of the last word is left to the length. */
    if (size) memcpy(rest, at, size < 8 ? size : 8);
    if (size > 8) memcpy(rest + 9, at + 8, size - 8);
    return ended((words){found.a + little(rest), found.b + little(rest + 4), found.c + little(rest + 8)});
}

uint64_t lookup3_word(uint32_t word, uint64_t seed) {
    words found = begun(sizeof word, seed);
    found.a += word;
    return ended(found);
}

/* The number that the first 15 of the hex digits of an MD5 spell. */
static uint64_t md5_number(const void *text, size_t size) {
    uint8_t hash[MD5_SIZE];
    uint64_t number = 0;
    md5(text, size, hash);
    for (int byte = 0; byte < 8; byte++) number = number << 8 | hash[byte];
    return number >> 4;
}

uint64_t text_hash(char how, const void *text, size_t size) {
    switch (how) {
        case HASH_CRC: return (uint64_t)crc32_ieee(text, size) * crc32_castagnoli(text, size);
        case HASH_LOOKUP3: case HASH_TEXT: return lookup3(text, size, 0);
        default: return md5_number(text, size);
    }
}

void hash_sum_add(hash_sum *sum, uint64_t number) {
    bool is_negative = sum->how == HASH_LOOKUP3 && number >> 63;
    sum->high += (int64_t)(number >> HALF_BITS) - (is_negative ? INT64_C(1) << HALF_BITS : 0);
    sum->low += number & UINT32_MAX;
}

PyObject *hash_sum_total(const hash_sum *sum) {
    PyObject *high = PyLong_FromLongLong(sum->high), *low = PyLong_FromUnsignedLongLong(sum->low);
    PyObject *bits = PyLong_FromLong(HALF_BITS), *shifted = NULL, *total = NULL;
    if (high != NULL && low != NULL && bits != NULL) shifted = PyNumber_Lshift(high, bits);
    if (shifted != NULL) total = PyNumber_Add(shifted, low);
    Py_XDECREF(high);
    Py_XDECREF(low);
    Py_XDECREF(bits);
    Py_XDECREF(shifted);
    return total;
}

PyObject *row_hash(PyObject *Py_UNUSED(module), PyObject *args) {
    const char *how;
    Py_ssize_t count;
    Py_buffer text;
    if (!PyArg_ParseTuple(args, "s#y*", &how, &count, &text)) return NULL;
    hash_sum sum = {.how = count == 1 ? how[0] : 0};
    PyObject *total = NULL;
    if (count == 1 && strchr(HASHES, how[0]) != NULL) {
        hash_sum_add(&sum, text_hash(how[0], text.buf, (size_t)text.len));
        total = hash_sum_total(&sum);
    } else
        PyErr_Format(PyExc_ValueError, "no hash: %s", how);
    PyBuffer_Release(&text);
    return total;
}
