/*  =========================================================================
    zrelay_basics - socket options that a relay needs, whatever the kind

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_basics.h"
#include "zrelay_port.h"

//  How long a closed socket may go on sending, in msecs, unless SET says
//  otherwise. With none, as CZMQ would have it, libzmq ends the process when a
//  connection breaks right then in the middle of a message
//  (session_base_t::clean_pipes).
#define LINGER 100

//  Peers that do not complete their handshake have so many msecs for it.
//  Heartbeats would find those who are silent after it, but under hostile bytes
//  a forwarder with heartbeats has stopped to carry messages (libzmq 4.3.4), so
//  they are the user's choice.
#define HANDSHAKE_IVL 10000

//  Longest frame that a subscriber may send: a topic, the name of the command
//  in which it travels, and what CURVE adds to it
#define SUBSCRIPTION_MAX (ZRELAY_PORT_TOPIC_MAX + 64)

//  How many of one subscriber wait to be taken in, and how many bytes if these
//  are longer. An XPUB takes in all that do, also when the connection has been
//  cut.
#define SUBSCRIPTIONS_WAITING 100
#define SUBSCRIPTIONS_BYTES (SUBSCRIPTIONS_WAITING * SUBSCRIPTION_MAX)

//  And how many at least. The user id that a ZAP handler gave goes ahead of the
//  messages: libzmq counts it in, but not out.
#define SUBSCRIPTIONS_LEAST 2

//  How many bytes wait in the system, of which libzmq takes in more meanwhile
#define SUBSCRIPTIONS_BUFFER 65536

//  Connections that wait to be accepted. With libzmq's 100, the system drops
//  newcomers when many come at once, and they try again after seconds.
#define BACKLOG 1000


static int
s_prepare_xpub (void *handle)
{
    int64_t most = SUBSCRIPTION_MAX;
    int waiting = SUBSCRIPTIONS_WAITING;
    int buffer = SUBSCRIPTIONS_BUFFER;
    return zmq_setsockopt (handle, ZMQ_MAXMSGSIZE, &most, sizeof (most))
        || zmq_setsockopt (handle, ZMQ_RCVHWM, &waiting, sizeof (waiting))
        || zmq_setsockopt (handle, ZMQ_RCVBUF, &buffer, sizeof (buffer))? -1:
           0;
}

int
zrelay_basics_set (void *handle, int type)
{
    int one = 1;
    int unlimited = 0;
    const struct {
        int option;
        int value;
    } options [] = {
        { ZMQ_LINGER, LINGER },
        { ZMQ_HANDSHAKE_IVL, HANDSHAKE_IVL },
        { ZMQ_BACKLOG, BACKLOG }
    };
    for (size_t index = 0; index < sizeof (options) / sizeof (*options);
         index++)
        if (zmq_setsockopt (handle, options [index].option,
                            &options [index].value, sizeof (int)))
            return -1;
    //  Without it a ROUTER drops silently what it cannot deliver
    if (type == ZMQ_ROUTER)
        return zmq_setsockopt (handle, ZMQ_ROUTER_MANDATORY,
                               &one, sizeof (one));
    if (type == ZMQ_XPUB)
        return s_prepare_xpub (handle);
    //  An XSUB drops silently the subscriptions above its high-water mark
    if (type == ZMQ_XSUB)
        return zmq_setsockopt (handle, ZMQ_SNDHWM,
                               &unlimited, sizeof (unlimited));
    return 0;
}

void
zrelay_basics_bound_xpub (void *handle)
{
    int64_t most = zsock_maxmsgsize (handle);
    int waiting = most <= SUBSCRIPTIONS_BYTES / SUBSCRIPTIONS_WAITING?
        SUBSCRIPTIONS_WAITING: (int) (SUBSCRIPTIONS_BYTES / most);
    if (most < 0 || waiting < SUBSCRIPTIONS_LEAST)
        waiting = SUBSCRIPTIONS_LEAST;
    zmq_setsockopt (handle, ZMQ_RCVHWM, &waiting, sizeof (waiting));
}

int
zrelay_basics_hear_all (void *handle)
{
    int one = 1;
    return zmq_setsockopt (handle, ZMQ_XPUB_VERBOSER, &one, sizeof (one));
}


//  --------------------------------------------------------------------------
//  Selftest

static void
s_test_xpub (void)
{
    zsock_t *sock = zsock_new (ZMQ_XPUB);
    void *handle = zsock_resolve (sock);
    int rc = zrelay_basics_set (handle, ZMQ_XPUB);
    assert (rc == 0);
    assert (zsock_linger (handle) == LINGER);
    assert (zsock_maxmsgsize (handle) == SUBSCRIPTION_MAX);
    assert (zsock_rcvhwm (handle) == SUBSCRIPTIONS_WAITING);
    rc = zrelay_basics_hear_all (handle);
    assert (rc == 0);

    //  What may wait has about the same size, and is something
    static const struct {
        int64_t most;
        int waiting;
    } bounds [] = {
        { 1, SUBSCRIPTIONS_WAITING },
        { SUBSCRIPTION_MAX, SUBSCRIPTIONS_WAITING },
        { SUBSCRIPTION_MAX * 10, SUBSCRIPTIONS_WAITING / 10 },
        { SUBSCRIPTIONS_BYTES, SUBSCRIPTIONS_LEAST },
        { INT64_MAX, SUBSCRIPTIONS_LEAST },
        { -1, SUBSCRIPTIONS_LEAST }
    };
    for (size_t index = 0; index < sizeof (bounds) / sizeof (*bounds);
         index++) {
        int64_t most = bounds [index].most;
        rc = zmq_setsockopt (handle, ZMQ_MAXMSGSIZE, &most, sizeof (most));
        assert (rc == 0);
        zrelay_basics_bound_xpub (handle);
        assert (zsock_rcvhwm (handle) == bounds [index].waiting);
    }
    zsock_destroy (&sock);
}

void
zrelay_basics_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_basics: ");

    //  @selftest
    //  A ROUTER says whom it does not know
    zsock_t *sock = zsock_new (ZMQ_ROUTER);
    int rc = zrelay_basics_set (zsock_resolve (sock), ZMQ_ROUTER);
    assert (rc == 0);
    rc = zmq_send (zsock_resolve (sock), "nobody", 6, ZMQ_SNDMORE);
    assert (rc == -1 && errno == EHOSTUNREACH);
    zsock_destroy (&sock);
    sock = zsock_new (ZMQ_XSUB);
    rc = zrelay_basics_set (zsock_resolve (sock), ZMQ_XSUB);
    assert (rc == 0);
    assert (zsock_sndhwm (sock) == 0);
    zsock_destroy (&sock);
    s_test_xpub ();
    //  @end
    printf ("OK\n");
}
