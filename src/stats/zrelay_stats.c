/*  =========================================================================
    zrelay_stats - reads a relay's answer to STATS

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

/*
@header
    The names of an answer are an outline (zrelay_outline), which answers of
    one relay share: whoever asks a relay a thousand times a second compares
    names, and does not check and sort them each time.
@discuss
    Names and values are read in one go: a name that is not the next of the
    outline means that the answer needs another one.
@end
*/

#include "zrelay_stats_internal.h"

//  --------------------------------------------------------------------------
//  Numbers

//  Read a decimal number of at most 64 bits. Returns -1 if it is not one.

static int
s_parse_count (const char *text, size_t size, uint64_t *value_p)
{
    const uint64_t base = 10;
    uint64_t value = 0;
    if (size == 0)
        return -1;
    for (size_t index = 0; index < size; index++) {
        if (text [index] < '0' || text [index] > '9')
            return -1;
        uint64_t digit = (uint64_t) (text [index] - '0');
        if (value > (UINT64_MAX - digit) / base)
            return -1;
        value = value * base + digit;
    }
    *value_p = value;
    return 0;
}

//  --------------------------------------------------------------------------
//  The strings of an answer

//  One of them, which need not end with a zero byte
typedef struct {
    const char *text;           //  Its first character
    size_t size;                //  And how many it has
} string_t;

//  Goes through them: names and values by turns. An answer to STATS has a frame
//  for each; one to COUNTERS has a block of them, with a zero byte after each.
typedef struct {
    zmsg_t *answer;             //  At the frame before the next, or NULL
    const char *text;           //  Where the next of the block begins
    const char *end;            //  Where the block ends
} reader_t;

static reader_t
s_reader (zmsg_t *answer)
{
    reader_t self = { .answer = NULL };
    zframe_t *query = answer? zmsg_first (answer): NULL;
    if (query && zframe_streq (query, "STATS"))
        self.answer = answer;
    else
    if (query && zframe_streq (query, "COUNTERS")) {
        zframe_t *block = zmsg_next (answer);
        self.text = block? (const char *) zframe_data (block): NULL;
        self.end = block? self.text + zframe_size (block): NULL;
    }
    return self;
}

static bool
s_next (reader_t *self, string_t *string)
{
    if (self->answer) {
        zframe_t *frame = zmsg_next (self->answer);
        if (!frame)
            return false;
        string->text = (const char *) zframe_data (frame);
        string->size = zframe_size (frame);
        return true;
    }
    if (self->text >= self->end)
        return false;
    string->text = self->text;
    string->size = strnlen (self->text, (size_t) (self->end - self->text));
    self->text += string->size + 1;
    return true;
}

//  Read a name and its value. Returns 1, or 0 at the end, or -1 if the value is
//  missing.

static int
s_next_pair (reader_t *self, string_t *name, string_t *value)
{
    return !s_next (self, name)? 0: s_next (self, value)? 1: -1;
}

//  Return which word has this name, or ZRELAY_STATS_WORDS if it is a count's

static size_t
s_word (const zrelay_outline_t *outline, string_t name)
{
    size_t index = 0;
    for (; index < ZRELAY_STATS_WORDS; index++)
        if (outline->nodes [index].size == name.size
        &&  memcmp (outline->nodes [index].name, name.text, name.size) == 0)
            break;
    return index;
}


//  --------------------------------------------------------------------------
//  Reading

//  Make the outline of an answer, or NULL if it is malformed

static zrelay_outline_t *
s_outline (zmsg_t *answer)
{
    reader_t reader = s_reader (answer);
    string_t name, value;
    size_t counts = 0;
    size_t bytes = 0;
    int rc;
    while ((rc = s_next_pair (&reader, &name, &value)) == 1) {
        counts++;
        bytes += name.size;
    }
    zrelay_outline_t *self = zrelay_outline_new (counts, bytes);
    reader = s_reader (answer);
    while (rc == 0 && s_next (&reader, &name)) {
        if (s_word (self, name) == ZRELAY_STATS_WORDS)
            rc = zrelay_outline_add (self, name.text, name.size);
        s_next (&reader, &value);
    }
    if (rc || zrelay_outline_finish (self))
        zrelay_outline_release (&self);
    return self;
}

//  Set a word. Returns -1 if the value is malformed, or if it has been set.

static int
s_put_word (zrelay_stats_t *self, size_t index, string_t value)
{
    if (self->words [index] || memchr (value.text, 0, value.size))
        return -1;
    self->words [index] = strndup (value.text, value.size);
    assert (self->words [index]);
    return zrelay_outline_is_word (self->words [index])? 0: -1;
}

//  Read all values. Returns -1 if one is malformed, and 1 if the outline is not
//  that of the answer.

static int
s_read (zrelay_stats_t *self, zmsg_t *answer)
{
    const zrelay_outline_t *outline = self->outline;
    const zrelay_stats_node_t *leaf = outline->nodes + ZRELAY_STATS_WORDS;
    const zrelay_stats_node_t *end = outline->nodes + outline->leaves;
    uint64_t *count = self->counts;
    reader_t reader = s_reader (answer);
    string_t name, value;
    int rc;
    while ((rc = s_next_pair (&reader, &name, &value)) == 1) {
        if (leaf < end && leaf->size == name.size
        &&  memcmp (leaf->name, name.text, name.size) == 0) {
            if (s_parse_count (value.text, value.size, count++))
                return -1;
            leaf++;
            continue;
        }
        size_t word = s_word (outline, name);
        if (word == ZRELAY_STATS_WORDS)
            return 1;
        if (s_put_word (self, word, value))
            return -1;
    }
    return rc? rc: leaf < end;
}

//  A kind and a state have to be there; a relay without a name has that of its
//  kind.

static bool
s_complete (zrelay_stats_t *self)
{
    const char *kind = self->words [ZRELAY_STATS_KIND];
    const char *state = self->words [ZRELAY_STATS_STATE_WORD];
    if (!kind || !*kind || !state || !*state)
        return false;
    char **name = &self->words [ZRELAY_STATS_NAME];
    if (!*name || !**name) {
        free (*name);
        *name = strdup (kind);
        assert (*name);
    }
    return true;
}

//  Bytes of an object with an outline

static size_t
s_size (const zrelay_outline_t *outline)
{
    return sizeof (zrelay_stats_t)
         + (outline->leaves - ZRELAY_STATS_WORDS) * sizeof (uint64_t);
}

//  Read an answer by an outline. Returns NULL if it does not fit, or the answer
//  is malformed.

static zrelay_stats_t *
s_new_by (zmsg_t *answer, zrelay_outline_t *outline)
{
    zrelay_stats_t *self = (zrelay_stats_t *) zmalloc (s_size (outline));
    assert (self);
    self->outline = zrelay_outline_share (outline);
    if (s_read (self, answer) != 0 || !s_complete (self))
        zrelay_stats_destroy (&self);
    return self;
}

zrelay_stats_t *
zrelay_stats_new_after (zmsg_t *answer, const zrelay_stats_t *before)
{
    zrelay_stats_t *self = before? s_new_by (answer, before->outline): NULL;
    zrelay_outline_t *outline = self? NULL: s_outline (answer);
    if (outline)
        self = s_new_by (answer, outline);
    zrelay_outline_release (&outline);
    if (!self)
        errno = EINVAL;
    return self;
}

zrelay_stats_t *
zrelay_stats_new (zmsg_t *answer)
{
    return zrelay_stats_new_after (answer, NULL);
}

zrelay_stats_t *
zrelay_stats_dup (const zrelay_stats_t *self)
{
    if (!self)
        return NULL;
    size_t size = s_size (self->outline);
    zrelay_stats_t *copy = (zrelay_stats_t *) malloc (size);
    assert (copy);
    memcpy (copy, self, size);
    zrelay_outline_share (self->outline);
    for (size_t index = 0; index < ZRELAY_STATS_WORDS; index++) {
        copy->words [index] = strdup (self->words [index]);
        assert (copy->words [index]);
    }
    return copy;
}

void
zrelay_stats_destroy (zrelay_stats_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_stats_t *self = *self_p;
        for (size_t index = 0; index < ZRELAY_STATS_WORDS; index++)
            free (self->words [index]);
        zrelay_outline_release (&self->outline);
        free (self);
        *self_p = NULL;
    }
}

//  --------------------------------------------------------------------------
//  Send STATS to a relay and read its answer

//  Wait until a socket is ready. Returns -1 with errno if it is not, which is
//  EAGAIN after msecs.

static int
s_await (void *handle, short events, int msecs)
{
    zmq_pollitem_t item = { .socket = handle, .events = events };
    int ready = zmq_poll (&item, 1, msecs);
    if (ready == 0)
        errno = EAGAIN;
    return ready > 0? 0: -1;
}

zrelay_stats_t *
zrelay_stats_query_within (void *relay, int msecs)
{
    assert (relay);
    static const char command [] = "STATS";
    void *handle = zsock_resolve (relay);
    if (s_await (handle, ZMQ_POLLOUT, msecs)
    ||  zmq_send (handle, command, strlen (command), ZMQ_DONTWAIT) == -1
    ||  s_await (handle, ZMQ_POLLIN, msecs))
        return NULL;
    zmsg_t *answer = zmsg_recv (relay);
    if (!answer)
        return NULL;
    zrelay_stats_t *self = zrelay_stats_new (answer);
    int error = errno;
    zmsg_destroy (&answer);
    errno = error;
    return self;
}

zrelay_stats_t *
zrelay_stats_query (void *relay)
{
    return zrelay_stats_query_within (relay, ZRELAY_STATS_TIMEOUT);
}

//  --------------------------------------------------------------------------
//  The three words

const char *
zrelay_stats_kind (zrelay_stats_t *self)
{
    assert (self);
    return self->words [ZRELAY_STATS_KIND];
}

const char *
zrelay_stats_name (zrelay_stats_t *self)
{
    assert (self);
    return self->words [ZRELAY_STATS_NAME];
}

const char *
zrelay_stats_state (zrelay_stats_t *self)
{
    assert (self);
    return self->words [ZRELAY_STATS_STATE_WORD];
}

//  --------------------------------------------------------------------------
//  Values of leaves

const char *
zrelay_stats_word_of (const zrelay_stats_t *self,
                      const zrelay_stats_node_t *leaf)
{
    size_t place = (size_t) (leaf - self->outline->nodes);
    return place < ZRELAY_STATS_WORDS? self->words [place]: NULL;
}

uint64_t
zrelay_stats_count_of (const zrelay_stats_t *self,
                       const zrelay_stats_node_t *leaf)
{
    return self->counts [leaf - self->outline->nodes - ZRELAY_STATS_WORDS];
}

uint64_t
zrelay_stats_value (zrelay_stats_t *self, const char *name)
{
    assert (self);
    assert (name);
    const zrelay_stats_node_t *leaf = zrelay_outline_find (self->outline, name);
    return leaf? zrelay_stats_count_of (self, leaf): 0;
}

bool
zrelay_stats_has (zrelay_stats_t *self, const char *name)
{
    assert (self);
    assert (name);
    return zrelay_outline_find (self->outline, name) != NULL;
}

//  --------------------------------------------------------------------------
//  Names of all counts

static const char *
s_at_cursor (zrelay_stats_t *self)
{
    return self->cursor < self->outline->leaves?
        self->outline->nodes [self->cursor].name: NULL;
}

const char *
zrelay_stats_first (zrelay_stats_t *self)
{
    assert (self);
    self->cursor = ZRELAY_STATS_WORDS;
    return s_at_cursor (self);
}

const char *
zrelay_stats_next (zrelay_stats_t *self)
{
    assert (self);
    //  Without a first one there is no next one
    if (self->cursor && self->cursor < self->outline->leaves)
        self->cursor++;
    return self->cursor? s_at_cursor (self): NULL;
}
