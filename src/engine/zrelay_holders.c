/*  =========================================================================
    zrelay_holders - how many have subscribed to what

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_holders.h"

struct _zrelay_holders_t {
    zrelay_topics_t *all;       //  Topics, by how many have them
    zrelay_topics_t *nobodys;   //  Those of them of unknown connections
    zrelay_topics_t *owed;      //  Cancellations to come of those who have left
};

zrelay_holders_t *
zrelay_holders_new (void)
{
    zrelay_holders_t *self =
        (zrelay_holders_t *) zmalloc (sizeof (zrelay_holders_t));
    assert (self);
    self->all = zrelay_topics_new ();
    self->nobodys = zrelay_topics_new ();
    self->owed = zrelay_topics_new ();
    return self;
}

void
zrelay_holders_destroy (zrelay_holders_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_holders_t *self = *self_p;
        zrelay_topics_destroy (&self->all);
        zrelay_topics_destroy (&self->nobodys);
        zrelay_topics_destroy (&self->owed);
        freen (self);
        *self_p = NULL;
    }
}

void
zrelay_holders_raise (zrelay_holders_t *self, bool known, const void *topic,
                      size_t size)
{
    zrelay_topics_raise (self->all, topic, size);
    if (!known)
        zrelay_topics_raise (self->nobodys, topic, size);
}

void
zrelay_holders_lower (zrelay_holders_t *self, bool known, const void *topic,
                      size_t size)
{
    if (known)
        zrelay_topics_lower (self->all, topic, size);
    else
    if (zrelay_topics_has (self->owed, topic, size))
        zrelay_topics_lower (self->owed, topic, size);
    else
    if (zrelay_topics_has (self->nobodys, topic, size)) {
        zrelay_topics_lower (self->nobodys, topic, size);
        zrelay_topics_lower (self->all, topic, size);
    }
}

void
zrelay_holders_leave (zrelay_holders_t *self, zrelay_topics_t *topics)
{
    zrelay_topics_lower_all (self->all, topics);
    zrelay_topics_raise_all (self->owed, topics);
}

bool
zrelay_holders_has (zrelay_holders_t *self, const void *topic, size_t size)
{
    return zrelay_topics_has (self->all, topic, size);
}

bool
zrelay_holders_owes (zrelay_holders_t *self, const void *topic, size_t size)
{
    return zrelay_topics_has (self->owed, topic, size);
}


//  --------------------------------------------------------------------------
//  Selftest

void
zrelay_holders_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_holders: ");

    //  @selftest
    zrelay_holders_t *self = zrelay_holders_new ();
    assert (!zrelay_holders_has (self, "A", 1));
    //  Two have it, one of them by inproc
    zrelay_holders_raise (self, true, "A", 1);
    zrelay_holders_raise (self, false, "A", 1);
    zrelay_holders_lower (self, false, "A", 1);
    assert (zrelay_holders_has (self, "A", 1));
    //  Nobody else can cancel it
    zrelay_holders_lower (self, false, "A", 1);
    assert (zrelay_holders_has (self, "A", 1));
    zrelay_holders_lower (self, true, "A", 1);
    assert (!zrelay_holders_has (self, "A", 1));
    //  Who leaves has it no more, and the cancellation that follows is nobody
    //  else's
    zrelay_topics_t *topics = zrelay_topics_new ();
    zrelay_topics_insert (topics, "B", 1);
    zrelay_holders_raise (self, true, "B", 1);
    zrelay_holders_leave (self, topics);
    assert (!zrelay_holders_has (self, "B", 1));
    assert (zrelay_holders_owes (self, "B", 1));
    zrelay_holders_raise (self, false, "B", 1);
    zrelay_holders_lower (self, false, "B", 1);
    assert (zrelay_holders_has (self, "B", 1));
    assert (!zrelay_holders_owes (self, "B", 1));
    zrelay_holders_lower (self, false, "B", 1);
    assert (!zrelay_holders_has (self, "B", 1));
    zrelay_topics_destroy (&topics);
    zrelay_holders_destroy (&self);
    assert (self == NULL);
    zrelay_holders_destroy (&self);
    //  @end
    printf ("OK\n");
}
