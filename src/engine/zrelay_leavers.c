/*  =========================================================================
    zrelay_leavers - peers that have gone, until nothing more comes from them

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_leavers.h"

//  Messages that may come before one of a given peer, if it has sent any: twice
//  as many as there are peers, and some for those whom no event reports
#define ROUND_SPARE 1000

typedef struct {
    zrelay_leaver_t who;        //  Its routing id follows the structure
    uint64_t heard;             //  Number of its last message
    uint64_t empties;           //  Times the socket was empty when it left
    bool through;               //  Another peer has its routing id now
} item_t;

struct _zrelay_leavers_t {
    zlistx_t *list;             //  item_t, in the order in which they left
};

static void
s_item_destroy (void **item_p)
{
    free (*item_p);
    *item_p = NULL;
}

zrelay_leavers_t *
zrelay_leavers_new (void)
{
    zrelay_leavers_t *self =
        (zrelay_leavers_t *) zmalloc (sizeof (zrelay_leavers_t));
    assert (self);
    self->list = zlistx_new ();
    assert (self->list);
    zlistx_set_destructor (self->list, s_item_destroy);
    return self;
}

void
zrelay_leavers_destroy (zrelay_leavers_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zlistx_destroy (&(*self_p)->list);
        freen (*self_p);
    }
}

void
zrelay_leavers_add (zrelay_leavers_t *self, const zrelay_leaver_t *who,
                    uint64_t heard, uint64_t empties)
{
    item_t *item = (item_t *) zmalloc (sizeof (item_t) + who->size);
    assert (item);
    memcpy (item + 1, who->id, who->size);
    item->who = (zrelay_leaver_t) { who->property, item + 1, who->size };
    item->heard = heard;
    item->empties = empties;
    zlistx_add_end (self->list, item);
}

static bool
s_has_id (item_t *item, const void *id, size_t size)
{
    return item->who.size == size && memcmp (item->who.id, id, size) == 0;
}

bool
zrelay_leavers_heard (zrelay_leavers_t *self, const zrelay_leaver_t *who,
                      uint64_t messages)
{
    item_t *item = (item_t *) zlistx_first (self->list);
    while (item && !(item->who.property == who->property
                  && s_has_id (item, who->id, who->size)))
        item = (item_t *) zlistx_next (self->list);
    if (item)
        item->heard = messages;
    return item != NULL;
}

bool
zrelay_leavers_succeed (zrelay_leavers_t *self, const void *id, size_t size)
{
    bool found = false;
    item_t *item = (item_t *) zlistx_first (self->list);
    for (; item; item = (item_t *) zlistx_next (self->list))
        if (s_has_id (item, id, size))
            found = item->through = true;
    return found;
}

size_t
zrelay_leavers_size (zrelay_leavers_t *self)
{
    return zlistx_size (self->list);
}

size_t
zrelay_leavers_next (zrelay_leavers_t *self, uint64_t messages,
                     uint64_t empties, size_t peers, byte *id)
{
    item_t *item = (item_t *) zlistx_first (self->list);
    while (item && !item->through && item->empties >= empties
        && messages - item->heard <= peers * 2 + ROUND_SPARE)
        item = (item_t *) zlistx_next (self->list);
    if (!item)
        return 0;
    size_t size = item->who.size;
    memcpy (id, item->who.id, size);
    zlistx_delete (self->list, zlistx_cursor (self->list));
    return size;
}


//  --------------------------------------------------------------------------
//  Selftest

void
zrelay_leavers_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_leavers: ");

    //  @selftest
    zrelay_leavers_t *self = zrelay_leavers_new ();
    const char *first = "17";
    const char *second = "18";
    byte id [8];
    const zrelay_leaver_t one = { first, "one", 3 };
    const zrelay_leaver_t two = { second, "two", 3 };
    const zrelay_leaver_t later = { second, "one", 3 };
    assert (zrelay_leavers_size (self) == 0);
    assert (zrelay_leavers_next (self, 0, 0, 0, id) == 0);
    //  Until the socket was read empty
    zrelay_leavers_add (self, &one, 5, 7);
    assert (zrelay_leavers_size (self) == 1);
    assert (zrelay_leavers_next (self, 6, 7, 2, id) == 0);
    assert (zrelay_leavers_next (self, 6, 8, 2, id) == 3);
    assert (memcmp (id, "one", 3) == 0);
    assert (zrelay_leavers_size (self) == 0);
    //  Or everybody has had a turn since it was heard
    zrelay_leavers_add (self, &one, 10, 7);
    assert (zrelay_leavers_heard (self, &one, 20));
    assert (!zrelay_leavers_heard (self, &two, 30));
    assert (!zrelay_leavers_heard (self, &later, 30));
    assert (zrelay_leavers_next (self, 1024, 7, 2, id) == 0);
    assert (zrelay_leavers_next (self, 1025, 7, 2, id) == 3);
    //  Or another one has its routing id
    zrelay_leavers_add (self, &two, 10, 7);
    zrelay_leavers_add (self, &one, 10, 7);
    assert (zrelay_leavers_succeed (self, "one", 3));
    assert (!zrelay_leavers_succeed (self, "on", 2));
    assert (zrelay_leavers_next (self, 10, 7, 2, id) == 3);
    assert (memcmp (id, "one", 3) == 0);
    assert (zrelay_leavers_next (self, 10, 7, 2, id) == 0);
    assert (zrelay_leavers_size (self) == 1);
    zrelay_leavers_destroy (&self);
    assert (self == NULL);
    zrelay_leavers_destroy (&self);
    //  @end
    printf ("OK\n");
}
