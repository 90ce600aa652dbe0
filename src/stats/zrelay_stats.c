/*  =========================================================================
    zrelay_stats - reads and prints a relay's answer to STATS

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

/*
@header
    Names are kept as a tree, since that is what JSON shows: the parts
    between the dots of "frontend.in.messages" are nodes, and the last of
    them is a count. Hence two rules beside those of the header. No part may
    be empty, and no name may be another one's beginning ("a" and "a.b"): it
    would have to be a number and an object at once. Names of one group need
    not stand together in the answer; JSON puts them together where the
    first of them stood.
@discuss
    What is known of a count - whose it is, which Prometheus family it
    belongs to - is found once, when the answer is read, in s_metrics. A
    count that no row there describes belongs to the relay's kind, and is
    printed in every form all the same.
@end
*/

#include "zrelay_stats_internal.h"

//  --------------------------------------------------------------------------
//  What is known of the counts

#define S_NAME_CHARACTERS \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_."

//  A kind, a relay's name and a state may hold these. None of them has a
//  meaning in any output format, so nothing ever needs to be escaped.
#define S_WORD_CHARACTERS S_NAME_CHARACTERS "-"

const zrelay_stats_subject_t zrelay_stats_subjects [] = {
    { "side", "frontend" },
    { "side", "backend" },
    { "flow", "forward" },
    { "flow", "return" },
    { NULL, NULL }
};

static const zrelay_stats_metric_t s_metrics [] = {
    { NULL, "uptime_ms", ZRELAY_STATS_UPTIME, NULL, NULL },
    { NULL, "state", ZRELAY_STATS_STATE, "state", NULL },
    { NULL, "capture.messages", ZRELAY_STATS_CAPTURED, NULL, NULL },
    { NULL, "capture.dropped", ZRELAY_STATS_UNCAPTURED, NULL, NULL },
    { "side", "in.messages", ZRELAY_STATS_MESSAGES, "direction", "in" },
    { "side", "in.frames", ZRELAY_STATS_FRAMES, "direction", "in" },
    { "side", "in.bytes", ZRELAY_STATS_BYTES, "direction", "in" },
    { "side", "out.messages", ZRELAY_STATS_MESSAGES, "direction", "out" },
    { "side", "out.frames", ZRELAY_STATS_FRAMES, "direction", "out" },
    { "side", "out.bytes", ZRELAY_STATS_BYTES, "direction", "out" },
    { "side", "peers", ZRELAY_STATS_PEERS, NULL, NULL },
    { "side", "throttled", ZRELAY_STATS_THROTTLED, NULL, NULL },
    { "side", "handshakes_failed", ZRELAY_STATS_SUM, NULL, NULL },
    { "side", "handshakes_failed_*", ZRELAY_STATS_HANDSHAKES, "reason", NULL },
    { "flow", "stalls", ZRELAY_STATS_STALLS, NULL, NULL },
    { "flow", "stalled_ms", ZRELAY_STATS_STALLED, NULL, NULL },
    { "flow", "held", ZRELAY_STATS_HELD, NULL, NULL },
    { "flow", "dropped", ZRELAY_STATS_SUM, NULL, NULL },
    { "flow", "dropped_*", ZRELAY_STATS_DROPPED, "reason", NULL },
    { NULL, NULL, ZRELAY_STATS_SUM, NULL, NULL }
};

//  --------------------------------------------------------------------------
//  The object

static void
s_node_destroy (void **self_p)
{
    zrelay_stats_node_t *self = (zrelay_stats_node_t *) *self_p;
    free (self->path);
    free (self->word);
    free (self);
    *self_p = NULL;
}

//  If path is what pattern describes, return true, and where in path its
//  variable end begins, or NULL if it has none.

static bool
s_matches (const char *path, const char *pattern, const char **detail_p)
{
    size_t fixed = strcspn (pattern, "*");
    bool open = pattern [fixed] != 0;
    if (strncmp (path, pattern, fixed) != 0
    || (path [fixed] != 0) != open)
        return false;
    *detail_p = open? path + fixed: NULL;
    return true;
}

//  Find out what is known of a word or count

static void
s_node_classify (zrelay_stats_node_t *self)
{
    const char *path = self->path;
    const zrelay_stats_subject_t *subject = zrelay_stats_subjects;
    while (subject->name) {
        size_t size = strlen (subject->name);
        if (strncmp (path, subject->name, size) == 0 && path [size] == '.') {
            path += size + 1;
            break;
        }
        subject++;
    }
    const zrelay_stats_metric_t *metric = s_metrics;
    while (metric->path) {
        bool same = metric->subject && subject->label?
            streq (metric->subject, subject->label):
            metric->subject == subject->label;
        if (same && s_matches (path, metric->path, &self->detail)) {
            self->metric = metric;
            self->subject = subject->name? subject: NULL;
            return;
        }
        metric++;
    }
}

//  Return the child of parent that has the first size characters of name as
//  its path. Makes it, unless it is a group and there. Returns NULL if what
//  is there contradicts.

static zrelay_stats_node_t *
s_node_child (zrelay_stats_t *self, zrelay_stats_node_t *parent, const char *name,
              size_t size, zrelay_stats_type_t type)
{
    char *path = strndup (name, size);
    assert (path);
    zrelay_stats_node_t *node = (zrelay_stats_node_t *) zhashx_lookup (self->nodes, path);
    if (node) {
        free (path);
        return type == ZRELAY_STATS_GROUP && node->type == ZRELAY_STATS_GROUP? node: NULL;
    }
    node = (zrelay_stats_node_t *) zmalloc (sizeof (zrelay_stats_node_t));
    assert (node);
    node->path = path;
    const char *dot = strrchr (path, '.');
    node->part = dot? dot + 1: path;
    node->type = type;
    if (parent->last_child)
        parent->last_child->sibling = node;
    else
        parent->child = node;
    parent->last_child = node;
    zhashx_insert (self->nodes, path, node);
    return node;
}

//  Add a word or count, and the groups that it is in. Returns NULL if the
//  name is there already, is a group, or is in a group that is none.

static zrelay_stats_node_t *
s_node_add (zrelay_stats_t *self, const char *name, zrelay_stats_type_t type)
{
    zrelay_stats_node_t *parent = &self->root;
    const char *dot = strchr (name, '.');
    while (dot && parent) {
        parent = s_node_child (self, parent, name, (size_t) (dot - name),
                               ZRELAY_STATS_GROUP);
        dot = strchr (dot + 1, '.');
    }
    zrelay_stats_node_t *node = parent?
        s_node_child (self, parent, name, strlen (name), type): NULL;
    if (node) {
        s_node_classify (node);
        self->last->next = node;
        self->last = node;
    }
    return node;
}

static zrelay_stats_t *
s_stats_new (void)
{
    zrelay_stats_t *self =
        (zrelay_stats_t *) zmalloc (sizeof (zrelay_stats_t));
    assert (self);
    self->nodes = zhashx_new ();
    assert (self->nodes);
    zhashx_set_destructor (self->nodes, s_node_destroy);
    //  A node owns its path, which is also its key
    zhashx_set_key_duplicator (self->nodes, NULL);
    zhashx_set_key_destructor (self->nodes, NULL);
    self->last = &self->root;
    //  The words are there from the start, so that no count takes their name
    self->kind = s_node_add (self, "kind", ZRELAY_STATS_WORD);
    self->name = s_node_add (self, "name", ZRELAY_STATS_WORD);
    self->state = s_node_add (self, "state", ZRELAY_STATS_WORD);
    return self;
}

//  Contents of a frame as a new string, or NULL if it cannot be one

static char *
s_frame_text (zframe_t *frame)
{
    if (memchr (zframe_data (frame), 0, zframe_size (frame)))
        return NULL;
    char *text = zframe_strdup (frame);
    assert (text);
    return text;
}

static bool
s_name_is_valid (const char *name)
{
    size_t size = strlen (name);
    return size > 0
        && size <= ZRELAY_STATS_NAME_MAX
        && strspn (name, S_NAME_CHARACTERS) == size
        && name [0] != '.'
        && name [size - 1] != '.'
        && !strstr (name, "..");
}

static bool
s_word_is_valid (const char *word)
{
    size_t size = strlen (word);
    return size <= ZRELAY_STATS_NAME_MAX
        && strspn (word, S_WORD_CHARACTERS) == size;
}

//  Read a decimal number of at most 64 bits. Returns -1 if it is not one.

static int
s_parse_count (const char *text, uint64_t *value_p)
{
    const uint64_t base = 10;
    uint64_t value = 0;
    if (!*text)
        return -1;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return -1;
        uint64_t digit = (uint64_t) (*text - '0');
        if (value > (UINT64_MAX - digit) / base)
            return -1;
        value = value * base + digit;
    }
    *value_p = value;
    return 0;
}

//  Take in one name and its value. Returns -1 if they are malformed.

static int
s_stats_put (zrelay_stats_t *self, const char *name, const char *value)
{
    if (!s_name_is_valid (name))
        return -1;
    zrelay_stats_node_t *node = (zrelay_stats_node_t *) zhashx_lookup (self->nodes, name);
    if (node && node->type == ZRELAY_STATS_WORD && !node->word) {
        if (!s_word_is_valid (value))
            return -1;
        node->word = strdup (value);
        assert (node->word);
        return 0;
    }
    node = s_node_add (self, name, ZRELAY_STATS_COUNT);
    return node? s_parse_count (value, &node->value): -1;
}

static int
s_stats_read (zrelay_stats_t *self, zmsg_t *answer)
{
    if (!answer)
        return -1;
    zframe_t *frame = zmsg_first (answer);
    if (!frame || !zframe_streq (frame, "STATS"))
        return -1;
    while ((frame = zmsg_next (answer))) {
        char *name = s_frame_text (frame);
        frame = zmsg_next (answer);
        char *value = frame? s_frame_text (frame): NULL;
        int rc = name && value? s_stats_put (self, name, value): -1;
        free (name);
        free (value);
        if (rc)
            return -1;
    }
    bool complete = self->kind->word && *self->kind->word
                 && self->state->word && *self->state->word;
    return complete? 0: -1;
}

//  --------------------------------------------------------------------------
//  Send STATS to a relay and read its answer

zrelay_stats_t *
zrelay_stats_query (void *relay)
{
    assert (relay);
    if (zstr_send (relay, "STATS"))
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

//  --------------------------------------------------------------------------
//  Read an answer to STATS

zrelay_stats_t *
zrelay_stats_new (zmsg_t *answer)
{
    zrelay_stats_t *self = s_stats_new ();
    if (s_stats_read (self, answer)) {
        zrelay_stats_destroy (&self);
        errno = EINVAL;
        return NULL;
    }
    if (!self->name->word || !*self->name->word) {
        free (self->name->word);
        self->name->word = strdup (self->kind->word);
        assert (self->name->word);
    }
    return self;
}

//  --------------------------------------------------------------------------
//  Destroy the object

void
zrelay_stats_destroy (zrelay_stats_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_stats_t *self = *self_p;
        zhashx_destroy (&self->nodes);
        free (self);
        *self_p = NULL;
    }
}

//  --------------------------------------------------------------------------
//  The three words

const char *
zrelay_stats_kind (zrelay_stats_t *self)
{
    assert (self);
    return self->kind->word;
}

const char *
zrelay_stats_name (zrelay_stats_t *self)
{
    assert (self);
    return self->name->word;
}

const char *
zrelay_stats_state (zrelay_stats_t *self)
{
    assert (self);
    return self->state->word;
}

//  --------------------------------------------------------------------------
//  One count by its name

zrelay_stats_node_t *
zrelay_stats_count (zrelay_stats_t *self, const char *name)
{
    zrelay_stats_node_t *node = (zrelay_stats_node_t *) zhashx_lookup (self->nodes, name);
    return node && node->type == ZRELAY_STATS_COUNT? node: NULL;
}

uint64_t
zrelay_stats_value (zrelay_stats_t *self, const char *name)
{
    assert (self);
    assert (name);
    zrelay_stats_node_t *node = zrelay_stats_count (self, name);
    return node? node->value: 0;
}

bool
zrelay_stats_has (zrelay_stats_t *self, const char *name)
{
    assert (self);
    assert (name);
    return zrelay_stats_count (self, name) != NULL;
}

//  --------------------------------------------------------------------------
//  Names of all counts

const char *
zrelay_stats_first (zrelay_stats_t *self)
{
    assert (self);
    self->cursor = self->root.next;
    while (self->cursor && self->cursor->type != ZRELAY_STATS_COUNT)
        self->cursor = self->cursor->next;
    return self->cursor? self->cursor->path: NULL;
}

const char *
zrelay_stats_next (zrelay_stats_t *self)
{
    assert (self);
    //  Only counts follow the first count
    if (self->cursor)
        self->cursor = self->cursor->next;
    return self->cursor? self->cursor->path: NULL;
}
