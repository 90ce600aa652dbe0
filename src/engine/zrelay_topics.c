/*  =========================================================================
    zrelay_topics - a set of topics

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

#include "zrelay_topics.h"
#include <search.h>

//  A balanced tree, because peers choose the topics: in a hash table they
//  could make all of them collide

struct _zrelay_topics_t {
    void *root;                 //  topic_t, as a tree of tsearch(3)
};

typedef struct {
    const void *data;           //  In one block with this
    size_t size;                //  Bytes in it
} topic_t;

static int
s_compare (const void *left, const void *right)
{
    const topic_t *one = (const topic_t *) left;
    const topic_t *two = (const topic_t *) right;
    size_t size = one->size < two->size? one->size: two->size;
    int difference = memcmp (one->data, two->data, size);
    if (difference)
        return difference;
    return one->size < two->size? -1: one->size > two->size;
}

zrelay_topics_t *
zrelay_topics_new (void)
{
    zrelay_topics_t *self =
        (zrelay_topics_t *) zmalloc (sizeof (zrelay_topics_t));
    assert (self);
    return self;
}

//  The root goes again and again, which needs no stack

void
zrelay_topics_destroy (zrelay_topics_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_topics_t *self = *self_p;
        while (self->root) {
            topic_t *topic = *(topic_t **) self->root;
            tdelete (topic, &self->root, s_compare);
            free (topic);
        }
        freen (self);
        *self_p = NULL;
    }
}

bool
zrelay_topics_insert (zrelay_topics_t *self, const void *data, size_t size)
{
    topic_t wanted = { data, size };
    if (tfind (&wanted, &self->root, s_compare))
        return false;
    topic_t *topic = (topic_t *) malloc (sizeof (topic_t) + size);
    assert (topic);
    topic->data = memcpy (topic + 1, data, size);
    topic->size = size;
    void *node = tsearch (topic, &self->root, s_compare);
    assert (node);
    return true;
}

void
zrelay_topics_delete (zrelay_topics_t *self, const void *data, size_t size)
{
    topic_t wanted = { data, size };
    void *node = tfind (&wanted, &self->root, s_compare);
    if (!node)
        return;
    topic_t *topic = *(topic_t **) node;
    tdelete (topic, &self->root, s_compare);
    free (topic);
}


//  --------------------------------------------------------------------------
//  Selftest

void
zrelay_topics_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_topics: ");

    //  @selftest
    zrelay_topics_t *self = zrelay_topics_new ();
    assert (zrelay_topics_insert (self, "A", 1));
    assert (!zrelay_topics_insert (self, "A", 1));
    //  Everything is a topic, zeros and nothing too
    assert (zrelay_topics_insert (self, "A\0", 2));
    assert (zrelay_topics_insert (self, "", 0));
    assert (!zrelay_topics_insert (self, "", 0));
    zrelay_topics_delete (self, "A", 1);
    zrelay_topics_delete (self, "A", 1);
    assert (zrelay_topics_insert (self, "A", 1));
    assert (!zrelay_topics_insert (self, "A\0", 2));
    for (int count = 0; count < 1000; count++)
        assert (zrelay_topics_insert (self, &count, sizeof (count)));
    zrelay_topics_destroy (&self);
    zrelay_topics_destroy (&self);
    //  @end
    printf ("OK\n");
}
