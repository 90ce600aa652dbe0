/*  =========================================================================
    zrelay_tree - a set of keys, found whole or by prefix, in order

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_TREE_H_INCLUDED
#define ZRELAY_TREE_H_INCLUDED

#include <zrelay.h>

//  Keys are any bytes, also none, and are ordered as memcmp () orders them; a
//  key comes before all longer ones that begin with it. A hash table finds a
//  whole key in constant time, however many there are. It grows bit by bit, and
//  uses zrelay_index_hash (), so that strangers who choose keys cannot make
//  them collide. A crit-bit tree finds the first of the keys with a prefix in
//  as many steps as bits tell keys apart.

typedef struct _zrelay_tree_t zrelay_tree_t;

//  Part of the owner's item, which sets key and size before it is inserted. The
//  key must not change, nor the item move, until it is removed.
typedef struct _zrelay_leaf_t zrelay_leaf_t;
struct _zrelay_leaf_t {
    const byte *key;            //  Its bytes
    uint32_t size;              //  How many these are
    uint64_t hash;              //  The rest is the tree's: hash of the key
    zrelay_leaf_t *chain;       //  Next one in the same bucket, or NULL
    zrelay_leaf_t *before;      //  Previous one in the order of keys, or NULL
    zrelay_leaf_t *behind;      //  Next one in the order of keys, or NULL
};

zrelay_tree_t *
    zrelay_tree_new (void);

//  Leaves that are still in it remain the owner's.
void
    zrelay_tree_destroy (zrelay_tree_t **self_p);

size_t
    zrelay_tree_size (zrelay_tree_t *self);

//  The leaf with just this key, or NULL.
zrelay_leaf_t *
    zrelay_tree_find (zrelay_tree_t *self, const void *key, size_t size);

//  Insert a leaf whose key is not there yet; and remove one that is there.
void
    zrelay_tree_insert (zrelay_tree_t *self, zrelay_leaf_t *leaf);
void
    zrelay_tree_remove (zrelay_tree_t *self, zrelay_leaf_t *leaf);

//  The first leaf whose key is this one or comes after it, or NULL. The leaves
//  behind it follow by zrelay_leaf_t.behind.
zrelay_leaf_t *
    zrelay_tree_from (zrelay_tree_t *self, const void *key, size_t size);

//  True if the leaf's key begins with these bytes.
static inline bool
zrelay_tree_begins (const zrelay_leaf_t *leaf, const void *prefix, size_t size)
{
    return leaf->size >= size
        && (size == 0 || memcmp (leaf->key, prefix, size) == 0);
}

void
    zrelay_tree_test (bool verbose);

#endif
