/*  =========================================================================
    zrelay_retries - which connections a socket has lost, and tries in vain

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_retries.h"

//  libzmq says CONNECT_RETRIED when it begins to wait for the next attempt: the
//  first one comes after the connection was lost, and the second after an
//  attempt that failed
#define VAIN 2

//  Endpoints come from users, not from peers, so there are few. libzmq writes
//  one with a host's name in two ways: as the user did until the name was
//  resolved, and with its address once it connects again.
typedef struct {
    char *endpoint;             //  As libzmq reports it
    size_t retries;             //  Since it was connected last
} link_t;

struct _zrelay_retries_t {
    zlistx_t *links;            //  link_t
    bool connected;             //  Some connection was made
};


//  --------------------------------------------------------------------------
//  Constructor and destructor

static void
s_link_destroy (void **item_p)
{
    link_t *link = (link_t *) *item_p;
    zstr_free (&link->endpoint);
    freen (link);
    *item_p = NULL;
}

zrelay_retries_t *
zrelay_retries_new (void)
{
    zrelay_retries_t *self =
        (zrelay_retries_t *) zmalloc (sizeof (zrelay_retries_t));
    assert (self);
    self->links = zlistx_new ();
    assert (self->links);
    zlistx_set_destructor (self->links, s_link_destroy);
    return self;
}

void
zrelay_retries_destroy (zrelay_retries_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zlistx_destroy (&(*self_p)->links);
        freen (*self_p);
    }
}


//  --------------------------------------------------------------------------
//  Events

static link_t *
s_find (zrelay_retries_t *self, const char *endpoint)
{
    link_t *link = (link_t *) zlistx_first (self->links);
    while (link && strneq (link->endpoint, endpoint))
        link = (link_t *) zlistx_next (self->links);
    return link;
}

static link_t *
s_need (zrelay_retries_t *self, const char *endpoint)
{
    link_t *link = s_find (self, endpoint);
    if (!link) {
        link = (link_t *) zmalloc (sizeof (link_t));
        assert (link);
        link->endpoint = strdup (endpoint);
        assert (link->endpoint);
        zlistx_add_end (self->links, link);
    }
    return link;
}

void
zrelay_retries_monitor (zrelay_retries_t *self, uint16_t event,
                        const char *endpoint)
{
    if (event == ZMQ_EVENT_CONNECT_RETRIED)
        s_need (self, endpoint)->retries++;
    else
    if (event == ZMQ_EVENT_CONNECTED) {
        s_need (self, endpoint)->retries = 0;
        self->connected = true;
    }
}

void
zrelay_retries_forget (zrelay_retries_t *self, const char *endpoint)
{
    if (s_find (self, endpoint))
        zlistx_delete (self->links, zlistx_cursor (self->links));
}

bool
zrelay_retries_in_vain (zrelay_retries_t *self, size_t endpoints)
{
    size_t vain = 0;
    link_t *link = (link_t *) zlistx_first (self->links);
    for (; link; link = (link_t *) zlistx_next (self->links))
        vain += link->retries >= VAIN;
    return self->connected && vain >= endpoints;
}


//  --------------------------------------------------------------------------
//  Selftest

void
zrelay_retries_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_retries: ");

    //  @selftest
    zrelay_retries_t *self = zrelay_retries_new ();
    assert (!zrelay_retries_in_vain (self, 0));
    //  One that was never there may still come
    for (int count = 0; count < VAIN + 1; count++)
        zrelay_retries_monitor (self, ZMQ_EVENT_CONNECT_RETRIED, "tcp://a:1");
    assert (!zrelay_retries_in_vain (self, 1));
    zrelay_retries_monitor (self, ZMQ_EVENT_CONNECTED, "tcp://a:1");
    assert (zrelay_retries_in_vain (self, 0));
    assert (!zrelay_retries_in_vain (self, 1));
    //  A connection that was lost may be made again at once
    zrelay_retries_monitor (self, ZMQ_EVENT_DISCONNECTED, "tcp://a:1");
    zrelay_retries_monitor (self, ZMQ_EVENT_CONNECT_RETRIED, "tcp://[::1]:1");
    assert (!zrelay_retries_in_vain (self, 1));
    zrelay_retries_monitor (self, ZMQ_EVENT_CONNECT_RETRIED, "tcp://[::1]:1");
    assert (zrelay_retries_in_vain (self, 1));
    assert (!zrelay_retries_in_vain (self, 2));
    zrelay_retries_monitor (self, ZMQ_EVENT_CONNECTED, "tcp://[::1]:1");
    assert (!zrelay_retries_in_vain (self, 1));
    for (int count = 0; count < VAIN; count++)
        zrelay_retries_monitor (self, ZMQ_EVENT_CONNECT_RETRIED, "tcp://b:1");
    assert (zrelay_retries_in_vain (self, 1));
    zrelay_retries_forget (self, "tcp://b:1");
    zrelay_retries_forget (self, "tcp://b:1");
    assert (!zrelay_retries_in_vain (self, 1));
    zrelay_retries_destroy (&self);
    zrelay_retries_destroy (&self);
    //  @end
    printf ("OK\n");
}
