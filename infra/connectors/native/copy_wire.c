/* COPY ... TO STDOUT straight off a socket.
 *
 * PostgreSQL sends every row as a message of its own. Messages are received into the block that will be
 * handed over, and the rows moved together there, so that each byte is moved once within the cache and
 * never makes an object of its own. */
#include "parts.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define RECEIVED_MAX ((size_t)256 * 1024) /* bytes asked of the system at once */
#define HEADER_BYTES 5                    /* a message: its kind, and a length that counts itself */
#define BLOCK_MAX ((size_t)1 << 30) /* no message of PostgreSQL is larger */

/* Why receiving has come to a halt. */
enum halt { FULL, NEEDS_MORE, ENDED, CLOSED, FAILED, NOT_UNDERSTOOD };

typedef struct {
    uint8_t *at;
    size_t size;
} kept;

typedef struct {
    PyObject_HEAD
    int socket;
    kept ahead; /* received and not yet understood */
    kept tag;   /* what the server says it has done */
    kept error; /* what the server says went wrong */
    bool ended; /* the server waits for the next statement */
} WireObject;

/* A block under way: rows up to `used`, messages from `begin` to `end`. */
typedef struct {
    uint8_t *at;
    size_t capacity, used, begin, end;
    size_t wanted; /* what one message needs that is larger than the block */
} block;

static int keep(kept *held, const uint8_t *at, size_t size) {
    uint8_t *copy = malloc(size ? size : 1);
    if (copy == NULL) return -1;
    memcpy(copy, at, size);
    free(held->at);
    held->at = copy;
    held->size = size;
    return 0;
}

static uint32_t big32(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Take one message that is not a row; -1 if it does not belong here or there is no memory. */
static int take_other(WireObject *self, uint8_t kind, const uint8_t *body, size_t size) {
    switch (kind) {
    case 'C': return keep(&self->tag, body, size);
    case 'E': return keep(&self->error, body, size);
    case 'Z': self->ended = true; return 0;
    case 'A': /* a notification */
    case 'H': /* rows will come */
    case 'N': /* a notice */
    case 'S': /* a setting */
    case 'c': /* no more rows will come */ return 0;
    default: return -1;
    }
}

/* Take the whole messages that are there. */
static enum halt take_messages(WireObject *self, block *b, size_t limit) {
    while (b->used < limit && !self->ended) {
        size_t there = b->end - b->begin;
        if (there < HEADER_BYTES) return NEEDS_MORE;
        const uint8_t *at = b->at + b->begin;
        uint32_t length = big32(at + 1);
        if (length < 4 || length > BLOCK_MAX) return NOT_UNDERSTOOD;
        size_t total = (size_t)length + 1, size = total - HEADER_BYTES;
        if (there < total) {
            if (total <= b->capacity - b->used) return NEEDS_MORE;
            b->wanted = total;
            return b->used ? FULL : NEEDS_MORE;
        }
        if (*at == 'd') {
            memmove(b->at + b->used, at + HEADER_BYTES, size);
            b->used += size;
        } else if (take_other(self, *at, at + HEADER_BYTES, size) < 0) {
            return NOT_UNDERSTOOD;
        }
        b->begin += total;
    }
    return self->ended ? ENDED : FULL;
}

/* Receive what is there, waiting for something; 0 or why there will be nothing. */
static int receive(int socket, block *b, enum halt *why) {
    size_t space = b->capacity - b->end;
    if (space > RECEIVED_MAX && b->wanted == 0) space = RECEIVED_MAX;
    for (;;) {
        ssize_t count = recv(socket, b->at + b->end, space, 0);
        if (count > 0) {
            b->end += (size_t)count;
            return 0;
        }
        *why = count == 0 ? CLOSED : FAILED;
        if (count == 0) return -1;
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            struct pollfd waiting = {.fd = socket, .events = POLLIN};
            if (poll(&waiting, 1, -1) < 0 && errno != EINTR) return -1;
        } else if (errno != EINTR) {
            return -1;
        }
    }
}

/* Fill a block; NEEDS_MORE if a message is larger than it. */
static enum halt fill(WireObject *self, block *b, size_t limit) {
    enum halt why;
    while ((why = take_messages(self, b, limit)) == NEEDS_MORE) {
        if (b->wanted > b->capacity) return NEEDS_MORE;
        memmove(b->at + b->used, b->at + b->begin, b->end - b->begin);
        b->end -= b->begin - b->used;
        b->begin = b->used;
        if (receive(self->socket, b, &why) < 0) return why;
    }
    return why;
}

static PyObject *halted(enum halt why, const WireObject *self) {
    if (why == FAILED) return PyErr_SetFromErrno(PyExc_OSError);
    if (why == NOT_UNDERSTOOD) return PyErr_Format(PyExc_ConnectionError, "the server's COPY was not understood");
    if (self->error.at) Py_RETURN_NONE; /* the server's last words */
    return PyErr_Format(PyExc_ConnectionResetError, "the server has closed the connection");
}

static PyObject *wire_take(WireObject *self, PyObject *given) {
    size_t limit = PyLong_AsSize_t(given);
    if (limit == (size_t)-1 && PyErr_Occurred()) return NULL;
    if (limit < 1 || limit > BLOCK_MAX || self->ended) return PyErr_Format(PyExc_ValueError, "nothing to take");
    block b = {.capacity = limit + RECEIVED_MAX + HEADER_BYTES, .end = self->ahead.size};
    if (b.capacity < b.end) b.capacity = b.end;
    PyObject *made = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)b.capacity);
    if (made == NULL) return NULL;
    if (b.end) memcpy(PyBytes_AS_STRING(made), self->ahead.at, b.end);
    enum halt why;
    for (;;) {
        b.at = (uint8_t *)PyBytes_AS_STRING(made);
        Py_BEGIN_ALLOW_THREADS
        why = fill(self, &b, limit);
        Py_END_ALLOW_THREADS
        if (why != NEEDS_MORE) break;
        if (_PyBytes_Resize(&made, (Py_ssize_t)b.wanted) < 0) return NULL;
        b.capacity = b.wanted;
    }
    if (why != FULL && why != ENDED) {
        int reason = errno;
        Py_DECREF(made);
        errno = reason;
        return halted(why, self);
    }
    if (keep(&self->ahead, b.at + b.begin, b.end - b.begin) < 0) {
        Py_DECREF(made);
        return PyErr_NoMemory();
    }
    if (_PyBytes_Resize(&made, (Py_ssize_t)b.used) < 0) return NULL;
    return made;
}

static PyObject *wire_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs)) {
    int socket;
    if (!PyArg_ParseTuple(args, "i", &socket)) return NULL;
    WireObject *self = (WireObject *)type->tp_alloc(type, 0);
    if (self != NULL) self->socket = socket;
    return (PyObject *)self;
}

static void wire_dealloc(WireObject *self) {
    free(self->ahead.at);
    free(self->tag.at);
    free(self->error.at);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyObject *as_bytes(const kept *held) {
    return PyBytes_FromStringAndSize((const char *)held->at, (Py_ssize_t)held->size);
}

static PyObject *wire_tag(WireObject *self, void *Py_UNUSED(closure)) { return as_bytes(&self->tag); }

static PyObject *wire_error(WireObject *self, void *Py_UNUSED(closure)) { return as_bytes(&self->error); }

static PyObject *wire_ended(WireObject *self, void *Py_UNUSED(closure)) { return PyBool_FromLong(self->ended); }

static PyMethodDef wire_methods[] = {
    {"take", (PyCFunction)wire_take, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef wire_properties[] = {
    {"tag", (getter)wire_tag, NULL, NULL, NULL},
    {"error", (getter)wire_error, NULL, NULL, NULL},
    {"ended", (getter)wire_ended, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject CopyWireType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "infra.connectors.native.CopyWire",
    .tp_basicsize = sizeof(WireObject),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = wire_new,
    .tp_dealloc = (destructor)wire_dealloc,
    .tp_methods = wire_methods,
    .tp_getset = wire_properties,
};
