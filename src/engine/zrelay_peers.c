/*  =========================================================================
    zrelay_peers - who is connected to a socket

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

#include "zrelay_peers.h"

//  libzmq tells the life of connections as events on an inproc PAIR socket,
//  see zmq_socket_monitor(3). They are read on the relay's own loop. zmonitor
//  would put a thread and two bounded queues between: hundreds of threads
//  more for hundreds of relays, and, when both queues are full while the
//  relay is binding, three threads that wait for each other. Here the queue
//  has no bound, since libzmq's I/O threads wait when it is full.
//
//  Connections are told by their descriptor. A connection counts as a peer
//  from accept or connect on, so also while its hand-shake goes on. inproc
//  has neither connections nor events.
//
//  libzmq does not tell when it closes a connection itself, because its
//  endpoint was detached. Those that are known are forgotten then, by their
//  endpoint. But libzmq detaches on a thread of its own, a little later: a
//  client that reconnects right then is accepted, told, and cut off without a
//  word. So it is looked, now and then, whether descriptors still are the
//  sockets that they were.

//  Events read in one go, so that a storm of them does not hold up the relay
#define EVENTS_MAX 500

//  Longest text of a descriptor's number
#define KEY_MAX 16

//  How often descriptors are looked at, in msecs: soon after a detachment, and
//  each time later up to this
#define SWEEP_LEAST 10
#define SWEEP_MOST 5000

#define FAILURES (ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL \
                | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL \
                | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
#define EVENTS (ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_CONNECTED \
              | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED | FAILURES)

//  Reasons why hand-shakes fail, as libzmq tells them

static const struct {
    uint16_t event;             //  Event of libzmq
    const char *name;           //  End of the name in STATS
} s_failures [] = {
    { ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, "auth" },
    { ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, "protocol" },
    { ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, "other" }
};
#define FAILURE_REASONS (sizeof (s_failures) / sizeof (*s_failures))

typedef struct {
    char *endpoint;             //  The side's endpoint it came through
    char *address;              //  Where it is
    int fd;                     //  The connection
    ino_t inode;                //  And what the system calls it
} peer_t;

struct _zrelay_peers_t {
    void *handle;               //  libzmq's socket where events arrive
    zhashx_t *peers;            //  peer_t by descriptor, in digits
    uint64_t failures [FAILURE_REASONS];    //  Hand-shakes, by reason
    int64_t swept_at;           //  When descriptors were looked at, in msecs
    int64_t sweep_ivl;          //  When they will be again, after that
    bool behind;                //  There may be more events to read
};

static void
s_peer_destroy (void **item_p)
{
    peer_t *peer = (peer_t *) *item_p;
    zstr_free (&peer->endpoint);
    zstr_free (&peer->address);
    freen (peer);
    *item_p = NULL;
}


//  --------------------------------------------------------------------------
//  Constructor

//  Start the monitor and connect to it. Its name has to be unique in the
//  process; a name that was used before is free again only when libzmq has
//  got round to it.

static int
s_start (zrelay_peers_t *self, void *watched)
{
    char name [64];
    unsigned attempt = 0;
    do
        snprintf (name, sizeof (name), "inproc://zrelay-peers-%p-%u",
                  watched, attempt++);
    while (zmq_socket_monitor (watched, name, EVENTS) == -1
        && errno == EADDRINUSE);
    zsock_set_rcvhwm (self->handle, 0);
    return zmq_connect (self->handle, name);
}

zrelay_peers_t *
zrelay_peers_new (void *watched)
{
    zrelay_peers_t *self = (zrelay_peers_t *) zmalloc (sizeof (zrelay_peers_t));
    assert (self);
    self->sweep_ivl = SWEEP_MOST;
    self->peers = zhashx_new ();
    assert (self->peers);
    zhashx_set_destructor (self->peers, s_peer_destroy);
    self->handle = zsys_socket (ZMQ_PAIR, __FILE__, __LINE__);
    if (!self->handle || s_start (self, watched) == -1)
        zrelay_peers_destroy (&self, watched);
    return self;
}


//  --------------------------------------------------------------------------
//  Destructor

void
zrelay_peers_destroy (zrelay_peers_t **self_p, void *watched)
{
    assert (self_p);
    if (*self_p) {
        zrelay_peers_t *self = *self_p;
        zmq_socket_monitor (watched, NULL, 0);
        if (self->handle)
            zsys_close (self->handle, __FILE__, __LINE__);
        zhashx_destroy (&self->peers);
        freen (self);
        *self_p = NULL;
    }
}

void *
zrelay_peers_handle (zrelay_peers_t *self)
{
    return self->handle;
}


//  --------------------------------------------------------------------------
//  Events

//  The address of the other end, or NULL if there is none. ipc has none to
//  tell.

static char *
s_address (int fd, const char *endpoint)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof (address);
    char host [NI_MAXHOST];
    char port [NI_MAXSERV];
    if (getpeername (fd, (struct sockaddr *) &address, &size))
        return NULL;
    if ((address.ss_family != AF_INET && address.ss_family != AF_INET6)
    || getnameinfo ((struct sockaddr *) &address, size,
                    host, sizeof (host), port, sizeof (port),
                    NI_NUMERICHOST | NI_NUMERICSERV))
        return strdup (endpoint);
    return zsys_sprintf (strchr (host, ':')? "tcp://[%s]:%s": "tcp://%s:%s",
                         host, port);
}

static ino_t
s_inode (int fd)
{
    struct stat status;
    return fstat (fd, &status) == 0? status.st_ino: 0;
}

//  Is it the connection that was told, or has its number gone to another? Of
//  one that was accepted by tcp, the port tells.

static bool
s_came_by (int fd, const char *endpoint)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof (address);
    char port [NI_MAXSERV];
    return strncmp (endpoint, "tcp:", 4) != 0
        || (getsockname (fd, (struct sockaddr *) &address, &size) == 0
         && getnameinfo ((struct sockaddr *) &address, size, NULL, 0,
                         port, sizeof (port), NI_NUMERICSERV) == 0
         && streq (port, strrchr (endpoint, ':') + 1));
}

//  A connection whose end was not told has left its number to this one, which
//  libzmq may close, too, while it is looked at

static void
s_insert (zrelay_peers_t *self, const char *key, int fd, const char *endpoint,
          bool accepted)
{
    peer_t *peer = (peer_t *) zmalloc (sizeof (peer_t));
    assert (peer);
    peer->fd = fd;
    peer->inode = s_inode (fd);
    peer->endpoint = strdup (endpoint);
    peer->address = s_address (fd, endpoint);
    assert (peer->endpoint);
    bool here = peer->address && (!accepted || s_came_by (fd, endpoint))
             && peer->inode == s_inode (fd);
    zhashx_update (self->peers, key, peer);
    if (!here)
        zhashx_delete (self->peers, key);
}

static void
s_count_failure (zrelay_peers_t *self, uint16_t event)
{
    for (size_t index = 0; index < FAILURE_REASONS; index++)
        if (s_failures [index].event == event)
            self->failures [index]++;
}

//  An event is two frames: 16 bits of number and 32 of value, and an endpoint.
//  Returns false if there is none.

static bool
s_event (zrelay_peers_t *self, zmq_msg_t *frame)
{
    if (zmq_msg_recv (frame, self->handle, ZMQ_DONTWAIT) == -1)
        return false;
    uint16_t event;
    uint32_t value;
    memcpy (&event, zmq_msg_data (frame), sizeof (event));
    memcpy (&value, (byte *) zmq_msg_data (frame) + sizeof (event),
            sizeof (value));
    if (zmq_msg_recv (frame, self->handle, ZMQ_DONTWAIT) == -1)
        return false;

    char key [KEY_MAX];
    snprintf (key, sizeof (key), "%u", (unsigned) value);
    if (event & (ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_CONNECTED)) {
        char *endpoint = strndup ((char *) zmq_msg_data (frame),
                                  zmq_msg_size (frame));
        assert (endpoint);
        s_insert (self, key, (int) value, endpoint,
                  event == ZMQ_EVENT_ACCEPTED);
        zstr_free (&endpoint);
    }
    else
    if (event & FAILURES)
        s_count_failure (self, event);
    else
        zhashx_delete (self->peers, key);
    return true;
}

static void
s_sweep (zrelay_peers_t *self)
{
    int64_t now = zclock_mono ();
    if (now < self->swept_at + self->sweep_ivl)
        return;
    self->swept_at = now;
    self->sweep_ivl *= 2;
    if (self->sweep_ivl > SWEEP_MOST)
        self->sweep_ivl = SWEEP_MOST;
    zlistx_t *keys = zhashx_keys (self->peers);
    const char *key = (const char *) zlistx_first (keys);
    while (key) {
        peer_t *peer = (peer_t *) zhashx_lookup (self->peers, key);
        if (peer->inode != s_inode (peer->fd))
            zhashx_delete (self->peers, key);
        key = (const char *) zlistx_next (keys);
    }
    zlistx_destroy (&keys);
}

void
zrelay_peers_update (zrelay_peers_t *self)
{
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    int count = 0;
    while (count < EVENTS_MAX && s_event (self, &frame))
        count++;
    zmq_msg_close (&frame);
    self->behind = count == EVENTS_MAX;
    s_sweep (self);
}

bool
zrelay_peers_behind (zrelay_peers_t *self)
{
    return self && self->behind;
}

void
zrelay_peers_forget (zrelay_peers_t *self, const char *endpoint)
{
    zlistx_t *keys = zhashx_keys (self->peers);
    const char *key = (const char *) zlistx_first (keys);
    while (key) {
        peer_t *peer = (peer_t *) zhashx_lookup (self->peers, key);
        if (streq (peer->endpoint, endpoint))
            zhashx_delete (self->peers, key);
        key = (const char *) zlistx_next (keys);
    }
    zlistx_destroy (&keys);
    self->swept_at = zclock_mono ();
    self->sweep_ivl = SWEEP_LEAST;
}


//  --------------------------------------------------------------------------
//  Answers

size_t
zrelay_peers_count (zrelay_peers_t *self)
{
    return zhashx_size (self->peers);
}

void
zrelay_peers_list (zrelay_peers_t *self, zmsg_t *answer)
{
    peer_t *peer = (peer_t *) zhashx_first (self->peers);
    while (peer) {
        zmsg_addstr (answer, peer->address);
        peer = (peer_t *) zhashx_next (self->peers);
    }
}

void
zrelay_peers_stats (zrelay_peers_t *self, const char *name, zmsg_t *answer)
{
    if (self)
        zrelay_peers_update (self);
    char key [64];
    snprintf (key, sizeof (key), "%s.peers", name);
    zrelay_engine_stat (answer, key, self? zrelay_peers_count (self): 0);
    uint64_t total = 0;
    for (size_t index = 0; self && index < FAILURE_REASONS; index++)
        total += self->failures [index];
    snprintf (key, sizeof (key), "%s.handshakes_failed", name);
    zrelay_engine_stat (answer, key, total);
    for (size_t index = 0; index < FAILURE_REASONS; index++) {
        snprintf (key, sizeof (key), "%s.handshakes_failed_%s", name,
                  s_failures [index].name);
        zrelay_engine_stat (answer, key, self? self->failures [index]: 0);
    }
}

void
zrelay_peers_reset (zrelay_peers_t *self)
{
    memset (self->failures, 0, sizeof (self->failures));
}


//  --------------------------------------------------------------------------
//  Selftest

//  Wait, for at most five seconds, until there are so many peers. libzmq ends
//  connections of a socket when that is used.

static bool
s_test_count (zrelay_peers_t *self, zsock_t *server, size_t count)
{
    zpoller_t *poller = zpoller_new (zrelay_peers_handle (self), NULL);
    int64_t deadline = zclock_mono () + 5000;
    while (zrelay_peers_count (self) != count && zclock_mono () < deadline) {
        zpoller_wait (poller, 100);
        zsock_events (server);
        zrelay_peers_update (self);
    }
    zpoller_destroy (&poller);
    return zrelay_peers_count (self) == count;
}

void
zrelay_peers_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_peers: ");

    //  @selftest
    zsock_t *server = zsock_new (ZMQ_ROUTER);
    zrelay_peers_t *self = zrelay_peers_new (zsock_resolve (server));
    assert (self);
    int port = zsock_bind (server, "tcp://127.0.0.1:*");
    assert (port > 0);
    assert (zrelay_peers_count (self) == 0);

    zsock_t *clients [10];
    for (int index = 0; index < 10; index++) {
        clients [index] = zsock_new (ZMQ_DEALER);
        int rc = zsock_connect (clients [index], "tcp://127.0.0.1:%d", port);
        assert (rc == 0);
    }
    assert (s_test_count (self, server, 10));

    zmsg_t *answer = zmsg_new ();
    zrelay_peers_list (self, answer);
    assert (zmsg_size (answer) == 10);
    char *address = zmsg_popstr (answer);
    assert (strncmp (address, "tcp://127.0.0.1:", 16) == 0);
    zstr_free (&address);
    zmsg_destroy (&answer);

    for (int index = 0; index < 5; index++)
        zsock_destroy (&clients [index]);
    assert (s_test_count (self, server, 5));

    //  Those whose listener was closed are told by nobody
    zrelay_peers_forget (self, zsock_endpoint (server));
    assert (zrelay_peers_count (self) == 0);
    for (int index = 5; index < 10; index++)
        zsock_destroy (&clients [index]);

    //  Nor those that came when it was too late to forget them
    clients [0] = zsock_new (ZMQ_DEALER);
    int rc = zsock_connect (clients [0], "tcp://127.0.0.1:%d", port);
    assert (rc == 0);
    assert (s_test_count (self, server, 1));
    zrelay_peers_forget (self, "tcp://127.0.0.1:1");
    assert (zrelay_peers_count (self) == 1);
    zsock_unbind (server, "tcp://127.0.0.1:%d", port);
    assert (s_test_count (self, server, 0));
    zsock_destroy (&clients [0]);

    //  A new one on a socket that had one is possible at once
    zrelay_peers_destroy (&self, zsock_resolve (server));
    self = zrelay_peers_new (zsock_resolve (server));
    assert (self);
    zrelay_peers_destroy (&self, zsock_resolve (server));
    zsock_destroy (&server);
    //  @end
    printf ("OK\n");
}
