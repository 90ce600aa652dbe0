/*  =========================================================================
    zrelay_ring - items in order, linked through links of their own

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_RING_H_INCLUDED
#define ZRELAY_RING_H_INCLUDED

#include <czmq.h>

//  A ring is a list whose links are members of its items, so that an item joins
//  and leaves in constant time, and nothing is allocated:
//
//      zrelay_ring_t free;                     //  Begins a list of workers
//      zrelay_ring_add (&free, &worker->free);
//      worker = ZRELAY_RING_ITEM (zrelay_ring_first (&free), worker_t, free);
//
//  A link that is in no list is a ring with itself alone. zrelay_ring_init ()
//  begins lists and new links alike. The owner of a list may count its items.

typedef struct _zrelay_ring_t zrelay_ring_t;
struct _zrelay_ring_t {
    zrelay_ring_t *next;        //  Itself, if it is alone
    zrelay_ring_t *prev;        //  Likewise
};

//  The item that has this link as a member; NULL if there is no link
#define ZRELAY_RING_ITEM(link, type, member) \
    ((type *) zrelay_ring_owner ((link), offsetof (type, member)))

static inline void *
zrelay_ring_owner (zrelay_ring_t *link, size_t offset)
{
    return link? (byte *) link - offset: NULL;
}

static inline void
zrelay_ring_init (zrelay_ring_t *self)
{
    self->next = self;
    self->prev = self;
}

//  The first link, or the one after another; NULL if there is none.

static inline zrelay_ring_t *
zrelay_ring_next (zrelay_ring_t *self, zrelay_ring_t *link)
{
    return link->next == self? NULL: link->next;
}

static inline zrelay_ring_t *
zrelay_ring_first (zrelay_ring_t *self)
{
    return zrelay_ring_next (self, self);
}

//  True if the link is in a list.

static inline bool
zrelay_ring_linked (zrelay_ring_t *link)
{
    return link->next != link;
}

//  Take a link out of its list, if it is in one.

static inline void
zrelay_ring_leave (zrelay_ring_t *link)
{
    link->next->prev = link->prev;
    link->prev->next = link->next;
    zrelay_ring_init (link);
}

//  Move a link to the end of a list, or to its beginning.

static inline void
zrelay_ring_add (zrelay_ring_t *self, zrelay_ring_t *link)
{
    zrelay_ring_leave (link);
    link->prev = self->prev;
    link->next = self;
    self->prev->next = link;
    self->prev = link;
}

static inline void
zrelay_ring_push (zrelay_ring_t *self, zrelay_ring_t *link)
{
    zrelay_ring_add (self->next, link);
}

#endif
