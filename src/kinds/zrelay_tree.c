/*  =========================================================================
    zrelay_tree - a set of keys, found whole or by prefix, in order

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_tree.h"

//  Buckets of a new table, a power of two. A table with more leaves than
//  buckets is replaced by one that is twice as large.
#define BUCKETS_LEAST 64

//  Buckets that move to the new table with each insertion, so that all have
//  moved before that is full
#define BUCKETS_MOVED 2

//  A key is read as bits: for each byte one that is set, which says that there
//  is a byte, and then the byte, most significant bit first; at the end as many
//  that are clear as one likes. So no key is the beginning of another.
#define PRESENT 0x100

//  Everything below a node agrees in the bits before this one, and differs in
//  this one. Children are nodes with the lowest bit of the pointer set, or
//  leaves.
typedef struct {
    void *children [2];         //  With the bit clear, and set
    uint32_t place;             //  Which byte of the key
    uint32_t bit;               //  Which bit of it, as a mask
} node_t;

typedef struct {
    zrelay_leaf_t **buckets;    //  First leaf of each, or NULL
    size_t count;               //  How many buckets; 0: there is no table
} table_t;

struct _zrelay_tree_t {
    size_t size;                //  How many leaves there are
    table_t table;              //  New leaves go here
    table_t old;                //  Leaves that have not moved
    size_t moved;               //  Buckets of the old one that are empty now
    void *root;                 //  Node or leaf, or NULL
};


//  --------------------------------------------------------------------------
//  The table of hashes

static table_t
s_table_new (size_t count)
{
    //  The system gives pages for it only when they are used
    table_t table = {
        (zrelay_leaf_t **) calloc (count, sizeof (zrelay_leaf_t *)), count
    };
    assert (table.buckets);
    return table;
}

static inline zrelay_leaf_t **
s_bucket (table_t *table, uint64_t hash)
{
    return &table->buckets [hash & (table->count - 1)];
}

static inline void
s_put (table_t *table, zrelay_leaf_t *leaf)
{
    zrelay_leaf_t **bucket = s_bucket (table, leaf->hash);
    leaf->chain = *bucket;
    *bucket = leaf;
}

static bool
s_take (table_t *table, zrelay_leaf_t *leaf)
{
    if (table->count == 0)
        return false;
    zrelay_leaf_t **place = s_bucket (table, leaf->hash);
    while (*place && *place != leaf)
        place = &(*place)->chain;
    if (!*place)
        return false;
    *place = leaf->chain;
    return true;
}

static void
s_move_bucket (zrelay_tree_t *self)
{
    zrelay_leaf_t *leaf = self->old.buckets [self->moved];
    while (leaf) {
        zrelay_leaf_t *next = leaf->chain;
        s_put (&self->table, leaf);
        leaf = next;
    }
    self->old.buckets [self->moved++] = NULL;
    if (self->moved == self->old.count) {
        freen (self->old.buckets);
        self->old.count = 0;
    }
}

static void
s_grow (zrelay_tree_t *self)
{
    if (self->old.count == 0 && self->size >= self->table.count) {
        self->old = self->table;
        self->moved = 0;
        self->table = s_table_new (self->table.count * 2);
    }
    for (int count = 0; count < BUCKETS_MOVED && self->old.count > 0; count++)
        s_move_bucket (self);
}

static inline zrelay_leaf_t *
s_find_in (table_t *table, uint64_t hash, const void *key, size_t size)
{
    zrelay_leaf_t *leaf = *s_bucket (table, hash);
    while (leaf && (leaf->hash != hash || leaf->size != size
        || memcmp (leaf->key, key, size)))
        leaf = leaf->chain;
    return leaf;
}

zrelay_leaf_t *
zrelay_tree_find (zrelay_tree_t *self, const void *key, size_t size)
{
    uint64_t hash = zrelay_index_hash (key, size);
    zrelay_leaf_t *leaf = s_find_in (&self->table, hash, key, size);
    return leaf || self->old.count == 0? leaf:
           s_find_in (&self->old, hash, key, size);
}


//  --------------------------------------------------------------------------
//  Constructor and destructor

zrelay_tree_t *
zrelay_tree_new (void)
{
    zrelay_tree_t *self = (zrelay_tree_t *) zmalloc (sizeof (zrelay_tree_t));
    assert (self);
    self->table = s_table_new (BUCKETS_LEAST);
    return self;
}

static inline bool
s_is_node (const void *child)
{
    return (uintptr_t) child & 1;
}

static inline node_t *
s_node (void *child)
{
    return (node_t *) ((uintptr_t) child & ~(uintptr_t) 1);
}

static inline void *
s_child (node_t *node)
{
    return (void *) ((uintptr_t) node | 1);
}

//  Keys may be as long as peers like, so the tree may be deep: no recursion. A
//  node that has been left by its first child is reached by its second, whose
//  place in it is free for the way back.

static void
s_free_nodes (void *root)
{
    node_t *above = NULL;
    while (s_is_node (root) || above) {
        if (s_is_node (root)) {
            node_t *node = s_node (root);
            root = node->children [0];
            node->children [0] = above;
            above = node;
        }
        else {
            node_t *node = above;
            root = node->children [1];
            above = (node_t *) node->children [0];
            freen (node);
        }
    }
}

void
zrelay_tree_destroy (zrelay_tree_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_tree_t *self = *self_p;
        s_free_nodes (self->root);
        freen (self->table.buckets);
        freen (self->old.buckets);
        freen (self);
        *self_p = NULL;
    }
}

size_t
zrelay_tree_size (zrelay_tree_t *self)
{
    return self->size;
}


//  --------------------------------------------------------------------------
//  The order of keys

static inline uint32_t
s_bits (const byte *key, size_t size, size_t place)
{
    return place < size? PRESENT | key [place]: 0;
}

static inline int
s_side (const node_t *node, const byte *key, size_t size)
{
    return (s_bits (key, size, node->place) & node->bit) != 0;
}

static zrelay_leaf_t *
s_end (void *child, int side)
{
    while (s_is_node (child))
        child = s_node (child)->children [side];
    return (zrelay_leaf_t *) child;
}

//  Where a key would go
typedef struct {
    void **child;               //  Place of all that agree with it up to there
    uint32_t place;             //  The first byte that differs
    uint32_t bit;               //  And its first bit that does; 0: the key is
                                //  that of the child
    int side;                   //  That bit of the key
} fork_t;

static uint32_t
s_first_difference (const byte *one, size_t one_size,
                    const byte *other, size_t other_size)
{
    size_t size = one_size < other_size? one_size: other_size;
    size_t place = 0;
    while (place < size && one [place] == other [place])
        place++;
    return (uint32_t) place;
}

//  The tree is not empty

static fork_t
s_fork (zrelay_tree_t *self, const byte *key, size_t size)
{
    void *child = self->root;
    while (s_is_node (child)) {
        node_t *node = s_node (child);
        child = node->children [s_side (node, key, size)];
    }
    zrelay_leaf_t *like = (zrelay_leaf_t *) child;
    fork_t fork = { &self->root, 0, 0, 0 };
    fork.place = s_first_difference (key, size, like->key, like->size);
    uint32_t bits = s_bits (key, size, fork.place);
    uint32_t difference = bits ^ s_bits (like->key, like->size, fork.place);
    fork.bit = PRESENT;
    while (fork.bit && !(difference & fork.bit))
        fork.bit >>= 1;
    fork.side = (bits & fork.bit) != 0;
    while (s_is_node (*fork.child)) {
        node_t *node = s_node (*fork.child);
        if (fork.bit
        && (node->place > fork.place
         || (node->place == fork.place && node->bit < fork.bit)))
            break;
        fork.child = &node->children [s_side (node, key, size)];
    }
    return fork;
}

zrelay_leaf_t *
zrelay_tree_from (zrelay_tree_t *self, const void *key, size_t size)
{
    if (!self->root)
        return NULL;
    fork_t fork = s_fork (self, (const byte *) key, size);
    return fork.bit && fork.side? s_end (*fork.child, 1)->behind:
                                  s_end (*fork.child, 0);
}

//  Link a leaf between its neighbours, of which either may be NULL

static void
s_link (zrelay_leaf_t *leaf, zrelay_leaf_t *before, zrelay_leaf_t *behind)
{
    leaf->before = before;
    leaf->behind = behind;
    if (before)
        before->behind = leaf;
    if (behind)
        behind->before = leaf;
}

void
zrelay_tree_insert (zrelay_tree_t *self, zrelay_leaf_t *leaf)
{
    s_grow (self);
    leaf->hash = zrelay_index_hash (leaf->key, leaf->size);
    s_put (&self->table, leaf);
    self->size++;
    if (!self->root) {
        self->root = leaf;
        s_link (leaf, NULL, NULL);
        return;
    }
    fork_t fork = s_fork (self, leaf->key, leaf->size);
    assert (fork.bit);
    zrelay_leaf_t *near = s_end (*fork.child, fork.side);
    if (fork.side)
        s_link (leaf, near, near->behind);
    else
        s_link (leaf, near->before, near);
    node_t *node = (node_t *) malloc (sizeof (node_t));
    assert (node);
    node->place = fork.place;
    node->bit = fork.bit;
    node->children [fork.side] = leaf;
    node->children [!fork.side] = *fork.child;
    *fork.child = s_child (node);
}

void
zrelay_tree_remove (zrelay_tree_t *self, zrelay_leaf_t *leaf)
{
    void **place = &self->root;
    void **above = NULL;
    while (s_is_node (*place)) {
        node_t *node = s_node (*place);
        above = place;
        place = &node->children [s_side (node, leaf->key, leaf->size)];
    }
    assert (*place == leaf);
    if (above) {
        node_t *node = s_node (*above);
        *above = node->children [place == &node->children [0]];
        freen (node);
    }
    else
        self->root = NULL;
    if (leaf->before)
        leaf->before->behind = leaf->behind;
    if (leaf->behind)
        leaf->behind->before = leaf->before;
    bool found = s_take (&self->table, leaf) || s_take (&self->old, leaf);
    assert (found);
    self->size--;
}


//  --------------------------------------------------------------------------
//  Selftest

static int
s_test_compare (const void *one, const void *other)
{
    const zrelay_leaf_t *left = *(zrelay_leaf_t *const *) one;
    const zrelay_leaf_t *right = *(zrelay_leaf_t *const *) other;
    size_t size = left->size < right->size? left->size: right->size;
    int difference = memcmp (left->key, right->key, size);
    return difference? difference: (int) left->size - (int) right->size;
}

//  Every prefix finds what a look at all keys finds

static void
s_test_prefixes (zrelay_tree_t *self, zrelay_leaf_t **sorted, size_t count)
{
    const char *prefixes [] = { "", "a", "ab", "b", "ba", "c", "aaaa", "\xff" };
    for (size_t index = 0; index < 8; index++) {
        const char *prefix = prefixes [index];
        size_t size = strlen (prefix);
        size_t place = 0;
        while (place < count && (sorted [place]->size < size
            ? memcmp (sorted [place]->key, prefix, sorted [place]->size) <= 0
            : memcmp (sorted [place]->key, prefix, size) < 0))
            place++;
        zrelay_leaf_t *leaf = zrelay_tree_from (self, prefix, size);
        assert (leaf == (place < count? sorted [place]: NULL));
    }
}

//  Short keys of few letters, so that many are the beginning of others

#define TEST_KEYS 500
#define TEST_SIZE 5

static void
s_test_random (void)
{
    static byte keys [TEST_KEYS] [TEST_SIZE];
    static zrelay_leaf_t leaves [TEST_KEYS];
    zrelay_leaf_t *sorted [TEST_KEYS];
    size_t count = 0;
    uint32_t random = 1;
    zrelay_tree_t *self = zrelay_tree_new ();
    for (int round = 0; round < 20000; round++) {
        random = random * 1103515245 + 12345;
        size_t index = (random >> 16) % TEST_KEYS;
        zrelay_leaf_t *leaf = &leaves [index];
        if (leaf->key) {
            assert (zrelay_tree_find (self, leaf->key, leaf->size) == leaf);
            zrelay_tree_remove (self, leaf);
            assert (!zrelay_tree_find (self, leaf->key, leaf->size));
            leaf->key = NULL;
        }
        else {
            size_t size = (random >> 8) % (TEST_SIZE + 1);
            for (size_t letter = 0; letter < size; letter++) {
                random = random * 1103515245 + 12345;
                keys [index] [letter] = "ab\0\xff" [(random >> 16) % 4];
            }
            if (zrelay_tree_find (self, keys [index], size))
                continue;
            leaf->key = keys [index];
            leaf->size = (uint32_t) size;
            zrelay_tree_insert (self, leaf);
        }
        if (round % 100)
            continue;
        count = 0;
        for (index = 0; index < TEST_KEYS; index++)
            if (leaves [index].key)
                sorted [count++] = &leaves [index];
        assert (zrelay_tree_size (self) == count);
        qsort (sorted, count, sizeof (*sorted), s_test_compare);
        s_test_prefixes (self, sorted, count);
        zrelay_leaf_t *next = zrelay_tree_from (self, "", 0);
        for (index = 0; index < count; index++) {
            assert (next == sorted [index]);
            assert (next->before == (index? sorted [index - 1]: NULL));
            next = next->behind;
        }
        assert (!next);
    }
    zrelay_tree_destroy (&self);
}

//  The table grows, and every key stays

static void
s_test_growth (void)
{
    enum { MANY = 20000 };
    zrelay_leaf_t *leaves =
        (zrelay_leaf_t *) zmalloc (MANY * sizeof (zrelay_leaf_t));
    char *keys = (char *) zmalloc (MANY * 8);
    zrelay_tree_t *self = zrelay_tree_new ();
    for (int count = 0; count < MANY; count++) {
        char *key = keys + count * 8;
        snprintf (key, 8, "%d", count);
        leaves [count].key = (byte *) key;
        leaves [count].size = (uint32_t) strlen (key);
        zrelay_tree_insert (self, &leaves [count]);
        int other = count / 2;
        assert (zrelay_tree_find (self, keys + other * 8,
                                  strlen (keys + other * 8))
                == &leaves [other]);
    }
    assert (zrelay_tree_size (self) == MANY);
    assert (self->table.count >= MANY / 2);
    zrelay_tree_destroy (&self);
    freen (keys);
    freen (leaves);
}

void
zrelay_tree_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_tree: ");
    //  @selftest
    zrelay_tree_t *self = zrelay_tree_new ();
    assert (!zrelay_tree_find (self, "a", 1));
    assert (!zrelay_tree_from (self, "", 0));
    zrelay_leaf_t nothing = { .key = (const byte *) "", .size = 0 };
    zrelay_tree_insert (self, &nothing);
    assert (zrelay_tree_find (self, "", 0) == &nothing);
    assert (zrelay_tree_from (self, "", 0) == &nothing);
    assert (!zrelay_tree_from (self, "a", 1));
    assert (zrelay_tree_begins (&nothing, "", 0));
    assert (!zrelay_tree_begins (&nothing, "a", 1));
    zrelay_tree_remove (self, &nothing);
    assert (zrelay_tree_size (self) == 0);
    zrelay_tree_destroy (&self);
    zrelay_tree_destroy (&self);
    s_test_random ();
    s_test_growth ();
    //  @end
    printf ("OK\n");
}
