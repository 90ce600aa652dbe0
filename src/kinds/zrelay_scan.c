/*  =========================================================================
    zrelay_scan - a walk through the topics with a prefix, with rests

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_scan.h"

struct _zrelay_scan_t {
    byte *key;                  //  Where to go on; begins with the prefix
    size_t size;                //  Bytes of it
    size_t prefix;              //  Bytes of the prefix
    bool begun;                 //  It has been paused
    bool finished;              //  It is over
};

zrelay_scan_t *
zrelay_scan_new (const void *prefix, size_t size)
{
    zrelay_scan_t *self = (zrelay_scan_t *) zmalloc (sizeof (zrelay_scan_t));
    assert (self);
    self->key = (byte *) malloc (size + 1);
    assert (self->key);
    if (size > 0)
        memcpy (self->key, prefix, size);
    self->size = self->prefix = size;
    return self;
}

void
zrelay_scan_destroy (zrelay_scan_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        freen ((*self_p)->key);
        freen (*self_p);
    }
}

const byte *
zrelay_scan_prefix (zrelay_scan_t *self, size_t *size_p)
{
    *size_p = self->prefix;
    return self->key;
}

bool
zrelay_scan_begun (zrelay_scan_t *self)
{
    return self->begun;
}

static zrelay_leaf_t *
s_matching (zrelay_scan_t *self, zrelay_leaf_t *leaf)
{
    return leaf && zrelay_tree_begins (leaf, self->key, self->prefix)?
           leaf: NULL;
}

zrelay_leaf_t *
zrelay_scan_resume (zrelay_scan_t *self, zrelay_tree_t *tree)
{
    return self->finished? NULL:
        s_matching (self, zrelay_tree_from (tree, self->key, self->size));
}

zrelay_leaf_t *
zrelay_scan_next (zrelay_scan_t *self, zrelay_leaf_t *leaf)
{
    return s_matching (self, leaf->behind);
}

void
zrelay_scan_pause (zrelay_scan_t *self, zrelay_leaf_t *leaf)
{
    self->begun = true;
    if (leaf->size > self->size) {
        self->key = (byte *) realloc (self->key, leaf->size);
        assert (self->key);
    }
    self->size = leaf->size;
    if (leaf->size > 0)
        memcpy (self->key, leaf->key, leaf->size);
}

void
zrelay_scan_finish (zrelay_scan_t *self)
{
    self->finished = true;
}


//  --------------------------------------------------------------------------
//  Selftest

void
zrelay_scan_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_scan: ");
    //  @selftest
    const char *words [] = { "a", "ab", "abc", "abd", "b" };
    zrelay_leaf_t leaves [5];
    zrelay_tree_t *tree = zrelay_tree_new ();
    for (int index = 0; index < 5; index++) {
        leaves [index].key = (const byte *) words [index];
        leaves [index].size = (uint32_t) strlen (words [index]);
        zrelay_tree_insert (tree, &leaves [index]);
    }
    zrelay_scan_t *self = zrelay_scan_new ("ab", 2);
    zrelay_leaf_t *leaf = zrelay_scan_resume (self, tree);
    assert (leaf == &leaves [1]);
    leaf = zrelay_scan_next (self, leaf);
    assert (leaf == &leaves [2]);
    assert (!zrelay_scan_begun (self));
    zrelay_scan_pause (self, leaf);
    assert (zrelay_scan_begun (self));

    //  It goes on there, or behind that if that has gone
    assert (zrelay_scan_resume (self, tree) == &leaves [2]);
    zrelay_tree_remove (tree, &leaves [2]);
    leaf = zrelay_scan_resume (self, tree);
    assert (leaf == &leaves [3]);
    assert (!zrelay_scan_next (self, leaf));
    zrelay_tree_remove (tree, &leaves [3]);
    assert (!zrelay_scan_resume (self, tree));
    zrelay_tree_insert (tree, &leaves [3]);
    zrelay_scan_finish (self);
    assert (!zrelay_scan_resume (self, tree));
    size_t size;
    const byte *prefix = zrelay_scan_prefix (self, &size);
    assert (size == 2 && memcmp (prefix, "ab", 2) == 0);
    zrelay_scan_destroy (&self);
    zrelay_scan_destroy (&self);
    zrelay_tree_destroy (&tree);
    //  @end
    printf ("OK\n");
}
