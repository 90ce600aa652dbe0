/*  =========================================================================
    zrelay_chain - lists whose links are part of what is listed

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_CHAIN_H_INCLUDED
#define ZRELAY_CHAIN_H_INCLUDED

#include <zrelay.h>

//  A list that allocates nothing: its items contain a link for it. Each
//  operation takes constant time. An item is in one list by one link at a time.

typedef struct _zrelay_link_t zrelay_link_t;
struct _zrelay_link_t {
    zrelay_link_t *before;      //  The chain itself, if this is the first
    zrelay_link_t *behind;      //  The chain itself, if this is the last
};

typedef struct {
    zrelay_link_t ends;         //  Its neighbours are the last and the first
    size_t size;                //  How many items there are
} zrelay_chain_t;

//  The item of which a link is a part
#define zrelay_chain_item(link, type, member) \
    ((type *) (void *) ((byte *) (link) - offsetof (type, member)))

static inline void
zrelay_chain_init (zrelay_chain_t *self)
{
    self->ends.before = self->ends.behind = &self->ends;
    self->size = 0;
}

static inline void
zrelay_chain_append (zrelay_chain_t *self, zrelay_link_t *link)
{
    link->before = self->ends.before;
    link->behind = &self->ends;
    link->before->behind = link;
    self->ends.before = link;
    self->size++;
}

static inline void
zrelay_chain_prepend (zrelay_chain_t *self, zrelay_link_t *link)
{
    link->before = &self->ends;
    link->behind = self->ends.behind;
    link->behind->before = link;
    self->ends.behind = link;
    self->size++;
}

static inline void
zrelay_chain_remove (zrelay_chain_t *self, zrelay_link_t *link)
{
    link->before->behind = link->behind;
    link->behind->before = link->before;
    self->size--;
}

//  The first link, and that behind another; NULL if there is none.
static inline zrelay_link_t *
zrelay_chain_first (zrelay_chain_t *self)
{
    return self->size > 0? self->ends.behind: NULL;
}

static inline zrelay_link_t *
zrelay_chain_next (zrelay_chain_t *self, zrelay_link_t *link)
{
    return link->behind == &self->ends? NULL: link->behind;
}

#endif
