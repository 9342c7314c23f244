/* See sqlite_walk.h. */
#include "sqlite_walk.h"

#include "columns.h"

#define FCNTL_FILE_POINTER 7
#define HEADER_SIZE 100
#define PAGE_SIZE_MIN 512
#define PAGE_SIZE_MAX 65536
#define USABLE_MIN 480
#define UTF8 1
#define LEAF 0x0d
#define INTERIOR 0x05
#define LEAF_HEADER 8
#define INTERIOR_HEADER 12
#define DEPTH_MAX 20
#define KEPT_MAX (1 << 20)
#define PULSE_ROWS 4096 /* so often the statement takes a step, which fails if somebody has interrupted it */

/* https://sqlite.org/c3ref/io_methods.html */
typedef struct sqlite3_file {
    const struct {
        int version;
        int (*close)(struct sqlite3_file *);
        int (*read)(struct sqlite3_file *, void *, int, int64_t);
        int (*write)(struct sqlite3_file *, const void *, int, int64_t);
        int (*truncate)(struct sqlite3_file *, int64_t);
        int (*sync)(struct sqlite3_file *, int);
        int (*file_size)(struct sqlite3_file *, int64_t *);
    } *methods;
} sqlite3_file;

enum mode { FRESH, WALKING, BY_SQL };
enum found { ROW, END, ODD };

typedef struct {
    uint8_t *page;
    uint32_t cells;
    uint32_t at; /* the next cell; of an interior page the next child, the last of which is not in a cell */
} level;

typedef struct {
    int index;
    bool is_real;
} walked;

typedef struct {
    uint64_t type;
    size_t at;
} field;

struct walk {
    enum mode mode;
    sqlite3_file *file;
    int64_t file_size;
    uint32_t root;
    uint32_t page_size;
    uint32_t usable;
    int64_t first;
    int64_t end;
    bool has_end;
    walked *columns;
    int fields_wanted;
    field *fields;
    level levels[DEPTH_MAX];
    int depth;
    bool has_row;
    int64_t number;
    uint32_t rows;
    uint8_t *overflow;
    buffer assembled;
    const uint8_t *record;
};

static uint32_t big2(const uint8_t *at) { return (uint32_t)at[0] << 8 | at[1]; }

static uint32_t big4(const uint8_t *at) { return big2(at) << 16 | big2(at + 2); }

/* Read a number of one to nine bytes; NULL if it does not end before `end`. */
static const uint8_t *varint(const uint8_t *at, const uint8_t *end, uint64_t *value) {
    if (at < end && *at < 0x80) return *value = *at, at + 1;
    uint64_t number = 0;
    for (int byte = 0; byte < 9; byte++, at++) {
        if (at >= end) return NULL;
        if (byte == 8) return *value = number << 8 | *at, at + 1;
        number = number << 7 | (*at & 0x7f);
        if (*at < 0x80) return *value = number, at + 1;
    }
    return NULL;
}

static bool read_page(walk *self, uint32_t number, uint8_t *page) {
    if (number < 2) return false;
    return self->file->methods->read(self->file, page, (int)self->page_size,
                                     (int64_t)(number - 1) * self->page_size) == SQLITE_OK;
}

static uint32_t header_of(const level *here) { return here->page[0] == LEAF ? LEAF_HEADER : INTERIOR_HEADER; }

/* Go down to a page. */
static bool enter(walk *self, uint32_t number) {
    if (self->depth == DEPTH_MAX) return false;
    level *here = &self->levels[self->depth];
    if (here->page == NULL && (here->page = malloc(self->page_size)) == NULL) return false;
    if (!read_page(self, number, here->page)) return false;
    if (here->page[0] != LEAF && here->page[0] != INTERIOR) return false;
    here->cells = big2(here->page + 3);
    here->at = 0;
    if (header_of(here) + 2 * here->cells > self->usable) return false;
    self->depth += 1;
    return true;
}

/* The cell of a page; NULL if it lies outside of where cells are. */
static const uint8_t *cell_of(const walk *self, const level *here, uint32_t which) {
    uint32_t header = header_of(here), offset = big2(here->page + header + 2 * which);
    return offset < header + 2 * here->cells || offset + 4 > self->usable ? NULL : here->page + offset;
}

/* Read an interior cell's child and the highest row number below it. */
static bool read_child(const walk *self, const level *here, uint32_t which, uint32_t *child, int64_t *highest) {
    const uint8_t *cell = cell_of(self, here, which);
    uint64_t number;
    if (cell == NULL || varint(cell + 4, here->page + self->usable, &number) == NULL) return false;
    *child = big4(cell);
    *highest = (int64_t)number;
    return true;
}

/* Go down from the interior page at hand to the leaf that holds its next row that is not below `from`. */
static bool descend(walk *self, int64_t from) {
    for (;;) {
        level *here = &self->levels[self->depth - 1];
        if (here->page[0] == LEAF) return true;
        uint32_t child = big4(here->page + 8);
        int64_t highest;
        for (; here->at < here->cells; here->at++) {
            if (!read_child(self, here, here->at, &child, &highest)) return false;
            if (highest >= from) break;
            child = big4(here->page + 8);
        }
        here->at += 1;
        if (!enter(self, child)) return false;
    }
}

static bool begin(walk *self, sqlite3 *db) {
    uint8_t header[HEADER_SIZE];
    if (sqlite.db_readonly(db, "main") != 1) return false;
    if (sqlite.file_control(db, "main", FCNTL_FILE_POINTER, &self->file) != SQLITE_OK) return false;
    if (self->file == NULL || self->file->methods == NULL) return false;
    if (self->file->methods->read(self->file, header, HEADER_SIZE, 0) != SQLITE_OK) return false;
    if (self->file->methods->file_size(self->file, &self->file_size) != SQLITE_OK) return false;
    bool has_log = header[18] != 1 || header[19] != 1;
    if (memcmp(header, "SQLite format 3", 16) != 0 || has_log || big4(header + 56) != UTF8) return false;
    self->page_size = big2(header + 16) == 1 ? PAGE_SIZE_MAX : big2(header + 16);
    if (self->page_size < PAGE_SIZE_MIN || (self->page_size & (self->page_size - 1))) return false;
    self->usable = self->page_size - header[20];
    if (self->usable < USABLE_MIN || (self->overflow = malloc(self->page_size)) == NULL) return false;
    return enter(self, self->root) && descend(self, self->first);
}

/* Put a record together that goes on in other pages; `local` bytes of it and the number of the next page are here. */
static bool assemble(walk *self, const uint8_t *start, size_t size, size_t local) {
    if ((int64_t)size > self->file_size) return false;
    if (self->assembled.capacity > KEPT_MAX) buffer_free(&self->assembled);
    self->assembled.size = 0;
    if (buffer_reserve(&self->assembled, size) < 0 || buffer_add(&self->assembled, start, local) < 0) return false;
    uint32_t next = big4(start + local);
    while (self->assembled.size < size) {
        size_t left = size - self->assembled.size, most = self->usable - 4;
        if (!read_page(self, next, self->overflow)) return false;
        if (buffer_add(&self->assembled, self->overflow + 4, left < most ? left : most) < 0) return false;
        next = big4(self->overflow);
    }
    self->record = self->assembled.at;
    return true;
}

static size_t size_of(uint64_t type) {
    static const uint8_t sizes[] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0};
    return type >= 12 ? (size_t)((type - 12) / 2) : sizes[type];
}

/* Find the fields of a record, as many as are wanted. */
static bool read_record(walk *self, size_t size) {
    const uint8_t *at = self->record;
    uint64_t header;
    if ((at = varint(at, at + size, &header)) == NULL || header > size) return false;
    const uint8_t *end = self->record + header;
    uint64_t body = header;
    for (int place = 0; place < self->fields_wanted; place++) {
        field *here = &self->fields[place];
        if (at >= end || (at = varint(at, end, &here->type)) == NULL) return false;
        if (here->type == 10 || here->type == 11 || here->type > UINT32_MAX) return false;
        here->at = (size_t)body;
        body += size_of(here->type);
        if (body > size) return false;
    }
    return true;
}

/* Take the payload of a cell; how much of it lies there is said in section 1.6 of the format. */
static bool take_payload(walk *self, const uint8_t *at, const uint8_t *end, uint64_t size) {
    size_t most = self->usable - 35, least = (self->usable - 12) * 32 / 255 - 23, local = (size_t)size;
    if (size > INT32_MAX) return false;
    if (size > most) {
        local = least + (size_t)(size - least) % (self->usable - 4);
        if (local > most) local = least;
    }
    if ((size_t)(end - at) < local + (size > most ? 4 : 0)) return false;
    self->record = at;
    return (size <= most || assemble(self, at, (size_t)size, local)) && read_record(self, (size_t)size);
}

/* Go to the next leaf. */
static enum found next_leaf(walk *self) {
    for (self->depth -= 1; self->depth > 0; self->depth -= 1) {
        const level *here = &self->levels[self->depth - 1];
        if (here->at <= here->cells) return descend(self, INT64_MIN) ? ROW : ODD;
    }
    return END;
}

static enum found next_row(walk *self) {
    for (;;) {
        level *here = &self->levels[self->depth - 1];
        if (here->at >= here->cells) {
            enum found leaf = next_leaf(self);
            if (leaf != ROW) return leaf;
            continue;
        }
        const uint8_t *end = here->page + self->usable, *at = cell_of(self, here, here->at++);
        uint64_t size, given;
        if (at == NULL || (at = varint(at, end, &size)) == NULL || (at = varint(at, end, &given)) == NULL) return ODD;
        int64_t number = (int64_t)given;
        if (number < self->first) continue;
        if (self->has_row && number <= self->number) return ODD;
        if (self->has_end && number >= self->end) return END;
        if (!take_payload(self, at, end, size)) return ODD;
        self->has_row = true;
        self->number = number;
        return ROW;
    }
}

/* Leave the rest to SQLite. */
static int by_sql(statement *held) {
    walk *self = held->walk;
    self->mode = BY_SQL;
    sqlite.reset(held->stmt);
    if (self->has_row && self->number == INT64_MAX) return SQLITE_DONE;
    int code = sqlite.bind_int64(held->stmt, 1, self->has_row ? self->number + 1 : self->first);
    return code == SQLITE_OK ? sqlite.step(held->stmt) : code;
}

int walk_step(statement *held) {
    walk *self = held->walk;
    if (self->mode == FRESH) {
        /* From now on the statement is in progress, with the lock that keeps the pages as they are. */
        int code = sqlite.step(held->stmt);
        if (code != SQLITE_ROW) return code;
        self->mode = begin(self, held->handle->db) ? WALKING : BY_SQL;
        if (self->mode == BY_SQL) return code;
    } else if (self->mode == WALKING && ++self->rows % PULSE_ROWS == 0) {
        int code = sqlite.step(held->stmt);
        if (code != SQLITE_ROW) return code == SQLITE_DONE ? by_sql(held) : code;
    }
    if (self->mode == BY_SQL) return sqlite.step(held->stmt);
    enum found found = next_row(self);
    if (found == ODD) return by_sql(held);
    if (found == END) sqlite.reset(held->stmt);
    return found == END ? SQLITE_DONE : SQLITE_ROW;
}

bool walk_is_on(const statement *held) { return held->walk->mode == WALKING; }

static int64_t whole_of(const uint8_t *at, size_t size) {
    if (size == 0) return 0;
    uint64_t value = at[0] & 0x80 ? UINT64_MAX : 0;
    for (size_t byte = 0; byte < size; byte++) value = value << 8 | at[byte];
    return (int64_t)value;
}

void walk_get(const statement *held, int place, stored *value) {
    const walk *self = held->walk;
    walked column = self->columns[place];
    if (column.index < 0) {
        value->class = SQLITE_INTEGER;
        value->whole = self->number;
        return;
    }
    field here = self->fields[column.index];
    const uint8_t *at = self->record + here.at;
    if (here.type >= 12) {
        value->class = here.type & 1 ? SQLITE_TEXT : SQLITE_BLOB;
        value->bytes = (const char *)at;
        value->size = size_of(here.type);
    } else if (here.type == 7) {
        uint64_t bits = (uint64_t)whole_of(at, 8);
        memcpy(&value->real, &bits, sizeof bits);
        value->class = value->real == value->real ? SQLITE_FLOAT : SQLITE_NULL;
    } else if (here.type == 0) {
        value->class = SQLITE_NULL;
    } else {
        value->class = column.is_real ? SQLITE_FLOAT : SQLITE_INTEGER;
        value->whole = here.type >= 8 ? (int64_t)here.type - 8 : whole_of(at, size_of(here.type));
        if (column.is_real) value->real = (double)value->whole;
    }
}

static int read_columns(walk *self, PyObject *columns, Py_ssize_t count) {
    for (Py_ssize_t place = 0; place < count; place++) {
        PyObject *each = PySequence_GetItem(columns, place);
        int is_real, index = -1;
        int failed = each == NULL || !PyArg_ParseTuple(each, "ip", &index, &is_real);
        Py_XDECREF(each);
        if (!failed && (index < -1 || index >= COLUMNS_MAX)) {
            PyErr_SetString(PyExc_ValueError, "no place in a record");
            failed = 1;
        }
        if (failed) return -1;
        self->columns[place] = (walked){index, is_real != 0};
        if (index >= self->fields_wanted) self->fields_wanted = index + 1;
    }
    return 0;
}

int walk_open(statement *held, PyObject *given) {
    PyObject *end, *columns;
    long long first, until = 0;
    unsigned int root;
    if (given == Py_None) return 0;
    if (!PyArg_ParseTuple(given, "ILOO", &root, &first, &end, &columns)) return -1;
    if (end != Py_None && (until = PyLong_AsLongLong(end)) == -1 && PyErr_Occurred()) return -1;
    Py_ssize_t count = PySequence_Size(columns);
    if (count < 0) return -1;
    if (count != sqlite.column_count(held->stmt) || sqlite.bind_parameter_count(held->stmt) < 1)
        return PyErr_SetString(PyExc_ValueError, "the statement is another one"), -1;
    walk *self = held->walk = calloc(1, sizeof(walk));
    if (self == NULL) return PyErr_NoMemory(), -1;
    *self = (walk){.root = root, .first = first, .end = until, .has_end = end != Py_None};
    self->columns = calloc((size_t)count + 1, sizeof(walked));
    if (self->columns == NULL) return PyErr_NoMemory(), -1;
    if (read_columns(self, columns, count) < 0) return -1;
    self->fields = calloc((size_t)self->fields_wanted + 1, sizeof(field));
    return self->fields == NULL ? (PyErr_NoMemory(), -1) : 0;
}

void walk_close(statement *held) {
    walk *self = held->walk;
    if (self == NULL) return;
    for (int each = 0; each < DEPTH_MAX; each++) free(self->levels[each].page);
    free(self->columns);
    free(self->fields);
    free(self->overflow);
    buffer_free(&self->assembled);
    free(self);
    held->walk = NULL;
}
