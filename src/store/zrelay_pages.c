/*  =========================================================================
    zrelay_pages - looks at the file of an LMDB before LMDB does

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_pages.h"

#include <sys/stat.h>

//  The format is that of LMDB 0.9 (MDB_DATA_VERSION 1): numbers in the
//  machine's order, page numbers of the size of a pointer.
#define MAGIC 0xbeefc0deu
#define FORMAT 1
#define ROOTS 2
#define NOWHERE SIZE_MAX

//  What a page is
#define PAGE_BRANCH 0x01
#define PAGE_LEAF 0x02
#define PAGE_OVERFLOW 0x04
#define PAGE_ROOT 0x08
#define PAGE_KINDS 0x6f

//  What the data of a node is; else it is the data
#define NODE_OVERFLOW 0x01
#define NODE_TREE 0x02

#define DEPTH_MOST 32
#define KEY_MOST 511
#define PAGE_LEAST 512

//  The last pages may never have been written, if they are free
#define UNWRITTEN_MOST (16 * 1024 * 1024)
#define PAGE_MOST 65536

typedef struct {
    size_t number;              //  Which page it is
    uint16_t pad;
    uint16_t flags;             //  What it is
    uint16_t lower;             //  Where the list of nodes ends; or, with
    uint16_t upper;             //  this, the number of an overflow's pages
} page_t;

typedef struct {
    uint16_t low;               //  The size of its data, or the page it leads
    uint16_t high;              //  to, in the machine's order
    uint16_t flags;
    uint16_t key;               //  Size of the key, which follows
} node_t;

typedef struct {
    uint32_t pad;
    uint16_t flags;
    uint16_t depth;
    size_t branches;
    size_t leaves;
    size_t overflows;           //  Pages of these
    size_t entries;
    size_t root;
} tree_t;

typedef struct {
    page_t page;
    uint32_t magic;
    uint32_t version;
    void *address;
    size_t map;
    tree_t trees [2];           //  Free pages, and all else
    size_t last;                //  The last page
    size_t number;              //  The higher, the later
} root_t;

//  A check under way
typedef struct {
    int handle;                 //  The file
    size_t page_size;
    size_t pages;               //  Pages that the file may have
    byte *seen;                 //  A bit for each of them
    const char *problem;        //  NULL: none so far
} check_t;

//  A tree, and what was found of it
typedef struct {
    bool free;                  //  It is that of free pages
    bool main;                  //  It is the one that leads to the others
    tree_t found;               //  Its counts
    const tree_t *tree;         //  What it says
} walk_t;


//  --------------------------------------------------------------------------
//  Reading

static bool
s_failed (check_t *self, const char *problem)
{
    if (!self->problem)
        self->problem = problem;
    return false;
}

static bool
s_read (check_t *self, void *buffer, size_t size, size_t place)
{
    byte *target = (byte *) buffer;
    while (size > 0) {
        ssize_t count = pread (self->handle, target, size, (off_t) place);
        if (count == -1 && errno == EINTR)
            continue;
        if (count <= 0)
            return s_failed (self, count == 0? "its file was cut off":
                                               "its file cannot be read");
        target += count;
        place += (size_t) count;
        size -= (size_t) count;
    }
    return true;
}

//  Each page belongs to one tree, or is free

static bool
s_claim (check_t *self, size_t page, size_t count)
{
    if (page < ROOTS || page >= self->pages || count > self->pages - page)
        return s_failed (self, "a page number leads beyond its end");
    for (; count > 0; count--, page++) {
        byte bit = (byte) (1 << page % 8);
        if (self->seen [page / 8] & bit)
            return s_failed (self, "a page has two uses");
        self->seen [page / 8] |= bit;
    }
    return true;
}


//  --------------------------------------------------------------------------
//  Nodes

static bool
s_walk (check_t *self, walk_t *walk, size_t page, size_t depth);

static bool
s_check_tree (check_t *self, const tree_t *tree, bool is_free, bool is_main);

static uint32_t
s_data_size (const node_t *node)
{
    uint32_t size;
    memcpy (&size, node, sizeof (size));
    return size;
}

//  Pages that were freed at one time: how many, and then their numbers,
//  beginning with the highest

static bool
s_check_free (check_t *self, const size_t *list, size_t size)
{
    size_t count = size / sizeof (size_t);
    if (count == 0 || size % sizeof (size_t) != 0 || list [0] >= count)
        return s_failed (self, "its list of free pages is wrong");
    for (size_t index = 1; index <= list [0]; index++)
        if (!s_claim (self, list [index], 1))
            return false;
    return true;
}

//  The same in a page, where it may lie at any place

static bool
s_check_free_here (check_t *self, const byte *place, size_t size)
{
    size_t list [PAGE_MOST / sizeof (size_t)];
    memcpy (list, place, size);
    return s_check_free (self, list, size);
}

static bool
s_check_overflow (check_t *self, walk_t *walk, size_t page, size_t size)
{
    page_t head;
    size_t count = (sizeof (page_t) - 1 + size) / self->page_size + 1;
    if (!s_claim (self, page, count)
    ||  !s_read (self, &head, sizeof (head), page * self->page_size))
        return false;
    uint32_t pages;
    memcpy (&pages, &head.lower, sizeof (pages));
    if (head.number != page || (head.flags & PAGE_KINDS) != PAGE_OVERFLOW
    ||  pages != count)
        return s_failed (self, "a page is not what it should be");
    walk->found.overflows += count;
    //  The record lies within the file
    byte last;
    size_t begin = page * self->page_size + sizeof (head);
    if (!s_read (self, &last, 1, begin + size - 1))
        return false;
    if (!walk->free)
        return true;
    size_t *list = (size_t *) malloc (size);
    assert (list);
    bool sound = s_read (self, list, size, begin)
              && s_check_free (self, list, size);
    freen (list);
    return sound;
}

static bool
s_check_leaf (check_t *self, walk_t *walk, const byte *place,
              const node_t *node, size_t room)
{
    size_t size = s_data_size (node);
    bool overflow = node->flags == NODE_OVERFLOW;
    walk->found.entries++;
    if (node->key == 0 || node->key > KEY_MOST || room < node->key
    ||  room - node->key < (overflow? sizeof (size_t): size)
    ||  (overflow && size == 0)
    ||  node->flags > NODE_TREE || (walk->free && node->key != sizeof (size_t)))
        return s_failed (self, "a record leads beyond its page");
    place += sizeof (node_t) + node->key;
    if (overflow) {
        size_t page;
        memcpy (&page, place, sizeof (page));
        return s_check_overflow (self, walk, page, size);
    }
    if (node->flags == NODE_TREE) {
        tree_t tree;
        if (!walk->main || size != sizeof (tree))
            return s_failed (self, "a tree is where none should be");
        memcpy (&tree, place, sizeof (tree));
        return s_check_tree (self, &tree, false, false);
    }
    return !walk->free || s_check_free_here (self, place, size);
}

static bool
s_check_branch (check_t *self, walk_t *walk, const node_t *node, size_t room,
                size_t depth)
{
    size_t page = s_data_size (node);
    if (sizeof (size_t) > sizeof (uint32_t))
        page |= (size_t) ((uint64_t) node->flags << 32);
    if (room < node->key || node->key > KEY_MOST)
        return s_failed (self, "a record leads beyond its page");
    return s_walk (self, walk, page, depth + 1);
}


//  --------------------------------------------------------------------------
//  Pages

static bool
s_check_nodes (check_t *self, walk_t *walk, const byte *data, size_t depth)
{
    page_t head;
    memcpy (&head, data, sizeof (head));
    bool leaf = head.flags == PAGE_LEAF;
    size_t count = (head.lower - sizeof (head)) / sizeof (uint16_t);
    bool sound = true;
    for (size_t index = 0; sound && index < count; index++) {
        uint16_t place;
        memcpy (&place, data + sizeof (head) + index * sizeof (place),
                sizeof (place));
        node_t node;
        if (place < head.upper || place % 2 != 0
        ||  place > self->page_size - sizeof (node))
            return s_failed (self, "a record lies outside its page");
        memcpy (&node, data + place, sizeof (node));
        size_t room = self->page_size - place - sizeof (node);
        sound = leaf? s_check_leaf (self, walk, data + place, &node, room):
                      s_check_branch (self, walk, &node, room, depth);
    }
    return sound;
}

static bool
s_check_page (check_t *self, walk_t *walk, const byte *data, size_t page,
              size_t depth)
{
    page_t head;
    memcpy (&head, data, sizeof (head));
    bool leaf = depth == walk->tree->depth;
    size_t least = leaf || walk->free? 1: 2;
    if (head.number != page
    || (head.flags & PAGE_KINDS) != (leaf? PAGE_LEAF: PAGE_BRANCH)
    ||  head.lower < sizeof (head) + least * sizeof (uint16_t)
    ||  head.lower % 2 != 0 || head.upper < head.lower
    ||  head.upper > self->page_size)
        return s_failed (self, "a page is not what it should be");
    walk->found.leaves += leaf;
    walk->found.branches += !leaf;
    return s_check_nodes (self, walk, data, depth);
}

static bool
s_walk (check_t *self, walk_t *walk, size_t page, size_t depth)
{
    if (depth > walk->tree->depth)
        return s_failed (self, "a tree is deeper than it says");
    if (!s_claim (self, page, 1))
        return false;
    byte *data = (byte *) malloc (self->page_size);
    assert (data);
    bool sound = s_read (self, data, self->page_size, page * self->page_size)
              && s_check_page (self, walk, data, page, depth);
    freen (data);
    return sound;
}

static bool
s_check_tree (check_t *self, const tree_t *tree, bool is_free, bool is_main)
{
    walk_t walk = { .free = is_free, .main = is_main, .tree = tree };
    if (tree->depth > DEPTH_MOST)
        return s_failed (self, "a tree is deeper than any can be");
    if (tree->root != NOWHERE && !s_walk (self, &walk, tree->root, 1))
        return false;
    return (tree->entries == walk.found.entries
         && tree->leaves == walk.found.leaves
         && tree->branches == walk.found.branches
         && tree->overflows == walk.found.overflows)
        || s_failed (self, "a tree does not have as much as it says");
}


//  --------------------------------------------------------------------------
//  The first two pages

static bool
s_read_root (check_t *self, root_t *root, size_t place)
{
    if (!s_read (self, root, sizeof (*root), place))
        return false;
    if (!(root->page.flags & PAGE_ROOT) || root->magic != MAGIC)
        return s_failed (self, "its file does not begin as LMDB's do");
    if (root->version != FORMAT)
        return s_failed (self, "its file is that of another version of LMDB");
    return true;
}

static bool
s_is_power_of_two (size_t number)
{
    return number > 0 && (number & (number - 1)) == 0;
}

static bool
s_read_roots (check_t *self, root_t roots [ROOTS])
{
    if (!s_read_root (self, &roots [0], 0))
        return false;
    self->page_size = roots [0].trees [0].pad;
    if (!s_is_power_of_two (self->page_size) || self->page_size < PAGE_LEAST
    ||  self->page_size > PAGE_MOST)
        return s_failed (self, "its pages have no possible size");
    return s_read_root (self, &roots [1], self->page_size);
}

size_t
zrelay_pages_size (int handle)
{
    check_t check = { .handle = handle };
    root_t roots [ROOTS];
    return s_read_roots (&check, roots)? check.page_size: 0;
}

static bool
s_check (check_t *self)
{
    struct stat file;
    root_t roots [ROOTS];
    if (!s_read_roots (self, roots))
        return false;
    const root_t *root = &roots [roots [1].number > roots [0].number];
    if (fstat (self->handle, &file) == -1)
        return s_failed (self, "its file cannot be read");
    size_t written = (size_t) file.st_size / self->page_size;
    if (root->last > written + UNWRITTEN_MOST)
        return s_failed (self, "its file was cut off");
    self->pages = root->last + 1;
    self->seen = (byte *) zmalloc (self->pages / 8 + 1);
    assert (self->seen);
    bool sound = s_check_tree (self, &root->trees [1], false, true)
              && s_check_tree (self, &root->trees [0], true, false);
    freen (self->seen);
    return sound;
}

const char *
zrelay_pages_check (int handle)
{
    check_t check = { .handle = handle };
    s_check (&check);
    return check.problem;
}
