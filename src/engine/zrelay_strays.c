/*  =========================================================================
    zrelay_strays - what those who have left had subscribed to

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_strays.h"

//  Subscribers, by their property's address

struct _zrelay_strays_t {
    zhashx_t *present;          //  Of those heard since the last time
    zhashx_t *past;             //  And of those heard before
};


//  --------------------------------------------------------------------------
//  Constructor and destructor

static size_t
s_hash (const void *key)
{
    return (size_t) ((uintptr_t) key >> 4);
}

static int
s_compare (const void *one, const void *other)
{
    return one != other;
}

static void
s_destroy (void **item_p)
{
    zrelay_subscriber_destroy ((zrelay_subscriber_t **) item_p);
}

static zhashx_t *
s_table_new (void)
{
    zhashx_t *table = zhashx_new ();
    assert (table);
    zhashx_set_key_hasher (table, s_hash);
    zhashx_set_key_comparator (table, s_compare);
    zhashx_set_key_duplicator (table, NULL);
    zhashx_set_key_destructor (table, NULL);
    zhashx_set_destructor (table, s_destroy);
    return table;
}

zrelay_strays_t *
zrelay_strays_new (void)
{
    zrelay_strays_t *self =
        (zrelay_strays_t *) zmalloc (sizeof (zrelay_strays_t));
    assert (self);
    self->present = s_table_new ();
    self->past = s_table_new ();
    return self;
}

void
zrelay_strays_destroy (zrelay_strays_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zhashx_destroy (&(*self_p)->present);
        zhashx_destroy (&(*self_p)->past);
        freen (*self_p);
    }
}


//  --------------------------------------------------------------------------
//  What they send. Who is heard is present again.

static zrelay_subscriber_t *
s_find (zrelay_strays_t *self, const char *property)
{
    zrelay_subscriber_t *subscriber = (zrelay_subscriber_t *)
        zhashx_lookup (self->present, property);
    if (subscriber)
        return subscriber;
    subscriber = (zrelay_subscriber_t *)
        zhashx_lookup (self->past, property);
    if (subscriber) {
        zhashx_set_destructor (self->past, NULL);
        zhashx_delete (self->past, property);
        zhashx_set_destructor (self->past, s_destroy);
        zhashx_insert (self->present, property, subscriber);
    }
    return subscriber;
}

void
zrelay_strays_leave (zrelay_strays_t *self,
                     zrelay_subscriber_t **subscriber_p)
{
    const char *property = zrelay_subscriber_property (*subscriber_p);
    zhashx_delete (self->past, property);
    zhashx_update (self->present, property, *subscriber_p);
    *subscriber_p = NULL;
}

bool
zrelay_strays_has (zrelay_strays_t *self, const char *property)
{
    if (zhashx_size (self->past) + zhashx_size (self->present) == 0)
        return false;
    zrelay_subscriber_t *subscriber = s_find (self, property);
    return subscriber && zrelay_subscriber_certain (subscriber);
}

bool
zrelay_strays_subscribe (zrelay_strays_t *self, const zrelay_voice_t *voice,
                         const void *topic, size_t size)
{
    zrelay_subscriber_t *subscriber = s_find (self, voice->property);
    if (!subscriber) {
        subscriber = zrelay_subscriber_new (voice);
        zhashx_insert (self->present, voice->property, subscriber);
    }
    return zrelay_topics_insert (zrelay_subscriber_topics (subscriber),
                                 topic, size);
}

bool
zrelay_strays_cancel (zrelay_strays_t *self, const char *property,
                      const void *topic, size_t size)
{
    zrelay_subscriber_t *subscriber = s_find (self, property);
    return subscriber
        && zrelay_topics_delete (zrelay_subscriber_topics (subscriber),
                                 topic, size);
}

void
zrelay_strays_forget (zrelay_strays_t *self)
{
    zhashx_t *past = self->past;
    if (zhashx_size (past) + zhashx_size (self->present) == 0)
        return;
    zhashx_purge (past);
    self->past = self->present;
    self->present = past;
}


//  --------------------------------------------------------------------------
//  Selftest

void
zrelay_strays_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_strays: ");

    //  @selftest
    zrelay_strays_t *self = zrelay_strays_new ();
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    const zrelay_voice_t one = { "17", NULL }, two = { "18", &frame };
    //  Who has not subscribed cannot cancel, and nobody can twice
    assert (!zrelay_strays_cancel (self, one.property, "A", 1));
    assert (zrelay_strays_subscribe (self, &one, "A", 1));
    assert (!zrelay_strays_subscribe (self, &one, "A", 1));
    assert (!zrelay_strays_cancel (self, two.property, "A", 1));
    assert (zrelay_strays_cancel (self, one.property, "A", 1));
    assert (!zrelay_strays_cancel (self, one.property, "A", 1));

    //  One leaves, of whom a cancellation still comes
    zrelay_subscriber_t *subscriber = zrelay_subscriber_new (&two);
    zrelay_topics_insert (zrelay_subscriber_topics (subscriber), "A", 1);
    zrelay_topics_insert (zrelay_subscriber_topics (subscriber), "B", 1);
    zrelay_strays_leave (self, &subscriber);
    assert (!subscriber);
    zrelay_strays_forget (self);
    assert (zrelay_strays_cancel (self, two.property, "A", 1));
    //  Of another one there is no frame, so that may be somebody else's
    assert (zrelay_strays_has (self, two.property));
    assert (!zrelay_strays_has (self, one.property));
    //  It was heard, and another one was not
    zrelay_strays_subscribe (self, &one, "A", 1);
    zrelay_strays_forget (self);
    assert (zrelay_strays_cancel (self, two.property, "B", 1));
    zrelay_strays_forget (self);
    zrelay_strays_forget (self);
    assert (!zrelay_strays_cancel (self, one.property, "A", 1));
    assert (!zrelay_strays_has (self, two.property));
    //  Another connection has the address of the property
    subscriber = zrelay_subscriber_new (&one);
    zrelay_strays_leave (self, &subscriber);
    subscriber = zrelay_subscriber_new (&one);
    zrelay_topics_insert (zrelay_subscriber_topics (subscriber), "C", 1);
    zrelay_strays_leave (self, &subscriber);
    assert (zrelay_strays_cancel (self, one.property, "C", 1));
    zmq_msg_close (&frame);
    zrelay_strays_destroy (&self);
    assert (self == NULL);
    //  @end
    printf ("OK\n");
}
