/*  =========================================================================
    zrelay_events - tells what becomes of the connections that a relay makes

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_events.h"
#include <arpa/inet.h>

//  What is known about an endpoint to connect to. Endpoints come from users,
//  not from peers, so there are few.
typedef struct {
    char *side;                 //  Name of the side
    char *endpoint;             //  As libzmq reports it
    bool made;                  //  The side connects to it, and is not bound
    uint16_t last;              //  libzmq's last event, or 0
    const char *state;          //  That was sent last, or NULL
} link_t;

struct _zrelay_events_t {
    const char *name;           //  The relay's; not ours
    void *handle;               //  libzmq's socket to which they go, or NULL
    zlistx_t *links;            //  link_t
};

static const struct {
    uint16_t event;             //  Event of libzmq
    const char *reason;
} s_failures [] = {
    { ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, "auth" },
    { ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, "protocol" },
    { ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, "other" }
};
#define FAILURES (sizeof (s_failures) / sizeof (*s_failures))


//  --------------------------------------------------------------------------
//  Constructor and destructor

static void
s_link_destroy (void **item_p)
{
    link_t *link = (link_t *) *item_p;
    zstr_free (&link->side);
    zstr_free (&link->endpoint);
    freen (link);
    *item_p = NULL;
}

zrelay_events_t *
zrelay_events_new (const char *name)
{
    zrelay_events_t *self =
        (zrelay_events_t *) zmalloc (sizeof (zrelay_events_t));
    assert (self);
    self->name = name;
    self->links = zlistx_new ();
    assert (self->links);
    zlistx_set_destructor (self->links, s_link_destroy);
    return self;
}

void
zrelay_events_destroy (zrelay_events_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_events_send_to (*self_p, NULL);
        zlistx_destroy (&(*self_p)->links);
        freen (*self_p);
    }
}

void
zrelay_events_send_to (zrelay_events_t *self, void *handle)
{
    if (self->handle)
        zsys_close (self->handle, __FILE__, __LINE__);
    self->handle = handle;
}

bool
zrelay_events_wanted (zrelay_events_t *self)
{
    return self && self->handle;
}


//  --------------------------------------------------------------------------
//  Events

static link_t *
s_link (zrelay_events_t *self, const char *side, const char *endpoint)
{
    link_t *link = (link_t *) zlistx_first (self->links);
    while (link && (strneq (link->side, side)
                 || strneq (link->endpoint, endpoint)))
        link = (link_t *) zlistx_next (self->links);
    if (!link) {
        link = (link_t *) zmalloc (sizeof (link_t));
        assert (link);
        link->side = strdup (side);
        link->endpoint = strdup (endpoint);
        assert (link->side && link->endpoint);
        zlistx_add_end (self->links, link);
    }
    return link;
}

//  An event that nobody takes is lost

static void
s_send (zrelay_events_t *self, link_t *link, const char *state,
        const char *reason)
{
    if (link->state && streq (link->state, state))
        return;
    link->state = state;
    const char *frames [] = {
        "LINK", link->side, state, link->endpoint, reason, self->name, NULL
    };
    for (int index = 0; frames [index]; index++)
        if (zmq_send (self->handle, frames [index], strlen (frames [index]),
                      ZMQ_DONTWAIT | (frames [index + 1]? ZMQ_SNDMORE: 0))
                == -1)
            return;
}

//  A host that is an address needs no resolving, and ipc has none

static bool
s_has_name (const char *endpoint)
{
    const char *host = strstr (endpoint, "://");
    const char *colon = strrchr (endpoint, ':');
    char text [256];
    struct in6_addr address;
    if (!host || colon <= host || strncmp (endpoint, "ipc", 3) == 0)
        return false;
    snprintf (text, sizeof (text), "%.*s", (int) (colon - host) - 3, host + 3);
    return *text != '[' && inet_pton (AF_INET, text, &address) != 1
        && inet_pton (AF_INET6, text, &address) != 1;
}

//  libzmq reports that it waits before it tries again, but not why. It does so
//  after an attempt, or after a connection, which it has reported; or at once
//  if the name has no address.

static void
s_retries (zrelay_events_t *self, link_t *link)
{
    if (link->last == ZMQ_EVENT_CLOSED
    ||  link->last == ZMQ_EVENT_CONNECT_DELAYED)
        s_send (self, link, "unreachable", "");
    else
    if (link->last != ZMQ_EVENT_DISCONNECTED && s_has_name (link->endpoint))
        s_send (self, link, "unresolved", "");
}

static void
s_handshake (zrelay_events_t *self, link_t *link, uint16_t event)
{
    if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
        s_send (self, link, "connected", "");
    for (size_t index = 0; index < FAILURES; index++)
        if (event == s_failures [index].event)
            s_send (self, link, "refused", s_failures [index].reason);
}

void
zrelay_events_monitor (zrelay_events_t *self, const char *side,
                       uint16_t event, const char *endpoint)
{
    link_t *link = s_link (self, side, endpoint);
    //  All others happen to those that a bound endpoint has accepted, too
    if (event == ZMQ_EVENT_CONNECTED || event == ZMQ_EVENT_CONNECT_DELAYED
    ||  event == ZMQ_EVENT_CONNECT_RETRIED)
        link->made = true;
    if (event == ZMQ_EVENT_CONNECT_RETRIED)
        s_retries (self, link);
    else
    if (event == ZMQ_EVENT_DISCONNECTED && link->state
    &&  streq (link->state, "connected"))
        s_send (self, link, "disconnected", "");
    else
    if (link->made)
        s_handshake (self, link, event);
    link->last = event;
}


//  --------------------------------------------------------------------------
//  Selftest

static bool
s_test_next (zsock_t *reader, const char *state, const char *reason)
{
    char *words [6];
    zstr_recvx (reader, &words [0], &words [1], &words [2], &words [3],
                &words [4], &words [5], NULL);
    bool right = streq (words [0], "LINK") && streq (words [1], "frontend")
              && streq (words [2], state)
              && streq (words [3], "tcp://host:5555")
              && streq (words [4], reason) && streq (words [5], "relay");
    for (int index = 0; index < 6; index++)
        zstr_free (&words [index]);
    return right;
}

void
zrelay_events_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_events: ");

    //  @selftest
    zrelay_events_t *self = zrelay_events_new ("relay");
    assert (!zrelay_events_wanted (self) && !zrelay_events_wanted (NULL));
    zsock_t *reader = zsock_new_pull ("@inproc://events-test");
    assert (reader);
    zsock_set_rcvtimeo (reader, 5000);
    void *handle = zsys_socket (ZMQ_PUSH, __FILE__, __LINE__);
    int rc = zmq_connect (handle, "inproc://events-test");
    assert (rc == 0);
    zrelay_events_send_to (self, handle);
    assert (zrelay_events_wanted (self));
    static const struct {
        uint16_t event;
        const char *state;      //  That it leads to, or NULL
        const char *reason;
    } steps [] = {
        { ZMQ_EVENT_CONNECT_RETRIED, "unresolved", "" },
        { ZMQ_EVENT_CONNECT_RETRIED, NULL, NULL },
        { ZMQ_EVENT_CONNECT_DELAYED, NULL, NULL },
        { ZMQ_EVENT_CLOSED, NULL, NULL },
        { ZMQ_EVENT_CONNECT_RETRIED, "unreachable", "" },
        { ZMQ_EVENT_CONNECT_DELAYED, NULL, NULL },
        { ZMQ_EVENT_CONNECTED, NULL, NULL },
        { ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, "refused", "auth" },
        { ZMQ_EVENT_DISCONNECTED, NULL, NULL },
        { ZMQ_EVENT_CONNECT_RETRIED, NULL, NULL },
        { ZMQ_EVENT_CONNECTED, NULL, NULL },
        { ZMQ_EVENT_HANDSHAKE_SUCCEEDED, "connected", "" },
        { ZMQ_EVENT_HANDSHAKE_SUCCEEDED, NULL, NULL },
        { ZMQ_EVENT_DISCONNECTED, "disconnected", "" },
        { ZMQ_EVENT_CONNECT_RETRIED, NULL, NULL },
        { ZMQ_EVENT_CLOSED, NULL, NULL },
        { ZMQ_EVENT_CONNECT_RETRIED, "unreachable", "" }
    };
    for (size_t index = 0; index < sizeof (steps) / sizeof (*steps); index++) {
        //  Peers that a bound endpoint accepts are none of ours
        zrelay_events_monitor (self, "frontend", ZMQ_EVENT_HANDSHAKE_SUCCEEDED,
                               "tcp://127.0.0.1:5555");
        zrelay_events_monitor (self, "frontend", steps [index].event,
                               "tcp://host:5555");
        assert (!steps [index].state
             || s_test_next (reader, steps [index].state,
                             steps [index].reason));
    }
    zsock_set_rcvtimeo (reader, 0);
    char *more = zstr_recv (reader);
    assert (!more);
    assert (s_has_name ("tcp://host:1") && !s_has_name ("tcp://[::1]:1")
         && !s_has_name ("tcp://10.0.0.1:1") && !s_has_name ("ipc:///a:b"));
    zrelay_events_destroy (&self);
    zsock_destroy (&reader);
    //  @end
    printf ("OK\n");
}
