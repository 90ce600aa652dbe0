/*  =========================================================================
    join - two relays that NATS joins, beside two that are chained by tcp

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

//  Sends publications from one forwarder to another, by tcp on the loopback
//  address and by way of a NATS server that the caller has started, in turns.
//  Prints, for each size, the medians of messages a second and of a round trip,
//  and what the joined relays have of the others.
//
//      perf/join nats://127.0.0.1:4222 [ROUNDS]
//
//  No more messages are on their way than a window has, so none is dropped.

#include <zrelay.h>
#include <zrelay_nats.h>

#define ROUNDS_DEFAULT 5
#define ROUNDS_MOST 99

//  Bytes on their way, at most; messages of a round trip's measurement
#define WINDOW (2 * 1024 * 1024)
#define PINGS 1000

//  Milliseconds for which each throughput is measured
#define DURATION 1000

//  Milliseconds until the way is open
#define PATIENCE 30000

static const size_t s_sizes [] = { 100, 10240 };
#define SIZES (sizeof (s_sizes) / sizeof (*s_sizes))

//  A way to another site and back
typedef struct {
    const char *name;           //  "tcp" or "joined"
    zactor_t *relays [4];       //  Those of the way; the rest NULL
    zsock_t *pub [2];           //  At each end: what sends
    zsock_t *sub [2];           //  And what receives
    double rates [SIZES] [ROUNDS_MOST];     //  Messages a second
    double trips [SIZES] [ROUNDS_MOST];     //  Microseconds
} way_t;


//  --------------------------------------------------------------------------
//  Relays

static void
s_do (zactor_t *relay, const char *command, const char *first,
      const char *second)
{
    zstr_sendx (relay, command, first, second, NULL);
    int status = zsock_wait (relay);
    if (status) {
        fprintf (stderr, "join: %s: status %d\n", command, status);
        exit (1);
    }
}

static char *
s_endpoint (zactor_t *relay, const char *side)
{
    zstr_sendx (relay, "ENDPOINT", side, NULL);
    zmsg_t *answer = zmsg_recv (relay);
    char *name = zmsg_popstr (answer);
    char *endpoint = zmsg_popstr (answer);
    zstr_free (&name);
    zmsg_destroy (&answer);
    return endpoint;
}

static zactor_t *
s_relay (const zrelay_kind_t *kind, const char *frontend)
{
    zactor_t *relay = zrelay_engine_spawn (kind, "perf");
    assert (relay);
    zstr_sendx (relay, "SET", "FRONTEND", "rcvhwm", "0", NULL);
    zsock_wait (relay);
    zstr_sendx (relay, "SET", "BACKEND", "sndhwm", "0", NULL);
    zsock_wait (relay);
    if (frontend)
        s_do (relay, "CONNECT", "FRONTEND", frontend);
    else
        s_do (relay, "BIND", "FRONTEND", "tcp://127.0.0.1:*");
    s_do (relay, "BIND", "BACKEND", "tcp://127.0.0.1:*");
    return relay;
}

static zsock_t *
s_connect (int type, zactor_t *relay, const char *side, int end)
{
    char *endpoint = s_endpoint (relay, side);
    zsock_t *sock = zsock_new (type);
    assert (sock);
    zsock_set_sndhwm (sock, 0);
    zsock_set_rcvhwm (sock, 0);
    if (type == ZMQ_SUB)
        zsock_set_subscribe (sock, end == 0? "1": "0");
    zsock_connect (sock, "%s", endpoint);
    zstr_free (&endpoint);
    return sock;
}

//  Two relays lead there, and two others back

static void
s_chain (way_t *self)
{
    for (int way = 0; way < 2; way++) {
        zactor_t *first = s_relay (zrelay_forwarder_kind (), NULL);
        char *endpoint = s_endpoint (first, "BACKEND");
        zactor_t *second = s_relay (zrelay_forwarder_kind (), endpoint);
        zstr_free (&endpoint);
        self->relays [2 * way] = first;
        self->relays [2 * way + 1] = second;
        self->pub [way] = s_connect (ZMQ_PUB, first, "FRONTEND", way);
        self->sub [!way] = s_connect (ZMQ_SUB, second, "BACKEND", !way);
    }
}

static void
s_join (way_t *self, const char *url)
{
    char *address = zsys_sprintf ("%s/perf-%d", url, (int) getpid ());
    for (int end = 0; end < 2; end++) {
        zactor_t *relay = s_relay (zrelay_nats_forwarder_kind (), NULL);
        s_do (relay, "JOIN", address, NULL);
        self->relays [end] = relay;
        self->pub [end] = s_connect (ZMQ_PUB, relay, "FRONTEND", end);
        self->sub [end] = s_connect (ZMQ_SUB, relay, "BACKEND", end);
    }
    zstr_free (&address);
}


//  --------------------------------------------------------------------------
//  Measurements

//  Each end has a topic of its own, so that it does not hear itself where both
//  ends are joined

static void
s_send (way_t *self, int end, size_t size)
{
    static byte data [10240];
    data [0] = (byte) ('0' + end);
    zmq_send (zsock_resolve (self->pub [end]), data, size, 0);
}

static bool
s_receive (zsock_t *sub, int msecs)
{
    static byte data [10240];
    if (msecs)
        zsock_set_rcvtimeo (sub, msecs);
    return zmq_recv (zsock_resolve (sub), data, sizeof (data),
                     msecs? 0: ZMQ_DONTWAIT) != -1;
}

//  Wait until messages come through, and until none is on its way

static void
s_open (way_t *self)
{
    for (int end = 0; end < 2; end++) {
        int64_t until = zclock_mono () + PATIENCE;
        do {
            s_send (self, end, 10);
            if (zclock_mono () > until) {
                fprintf (stderr, "join: nothing comes through\n");
                exit (1);
            }
        } while (!s_receive (self->sub [!end], 50));
    }
    for (int end = 0; end < 2; end++)
        while (s_receive (self->sub [end], 200));
}

static double
s_rate (way_t *self, size_t size)
{
    size_t window = WINDOW / size;
    size_t sent = 0;
    size_t received = 0;
    int64_t begun = zclock_usecs ();
    int64_t now = begun;
    while (now - begun < DURATION * 1000) {
        for (int burst = 0; burst < 100 && sent - received < window; burst++) {
            s_send (self, 0, size);
            sent++;
        }
        while (s_receive (self->sub [1], 0))
            received++;
        now = zclock_usecs ();
    }
    double rate = (double) received * 1e6 / (double) (now - begun);
    while (received < sent && s_receive (self->sub [1], 1000))
        received++;
    if (received < sent)
        printf ("%s: %zu messages were lost\n", self->name, sent - received);
    return rate;
}

static double
s_trip (way_t *self, size_t size)
{
    int64_t begun = zclock_usecs ();
    for (int ping = 0; ping < PINGS; ping++)
        for (int end = 0; end < 2; end++) {
            s_send (self, end, size);
            s_receive (self->sub [!end], 10000);
        }
    return (double) (zclock_usecs () - begun) / PINGS;
}

static int
s_compare (const void *one, const void *other)
{
    double first = *(const double *) one;
    double second = *(const double *) other;
    return (first > second) - (first < second);
}

static double
s_median (double *values, int count)
{
    qsort (values, (size_t) count, sizeof (double), s_compare);
    return values [count / 2];
}

static void
s_print (way_t ways [2], int rounds)
{
    for (size_t size = 0; size < SIZES; size++) {
        double rates [2];
        double trips [2];
        for (int way = 0; way < 2; way++) {
            rates [way] = s_median (ways [way].rates [size], rounds);
            trips [way] = s_median (ways [way].trips [size], rounds);
        }
        printf ("%5zu bytes: %8.0f messages/s by tcp, %8.0f joined: %.2f of "
                "it\n", s_sizes [size], rates [0], rates [1],
                rates [1] / rates [0]);
        printf ("%5zu bytes: %8.0f usecs there and back by tcp, %6.0f joined: "
                "%.2f times\n", s_sizes [size], trips [0], trips [1],
                trips [1] / trips [0]);
    }
}

int
main (int argc, char *argv [])
{
    int rounds = argc > 2? atoi (argv [2]): ROUNDS_DEFAULT;
    if (argc < 2 || rounds < 1 || rounds > ROUNDS_MOST) {
        fprintf (stderr, "usage: join nats://127.0.0.1:4222 [ROUNDS]\n");
        return 2;
    }
    static way_t ways [2] = { { .name = "tcp" }, { .name = "joined" } };
    s_chain (&ways [0]);
    s_join (&ways [1], argv [1]);
    for (int way = 0; way < 2; way++)
        s_open (&ways [way]);
    for (int round = 0; round < rounds; round++)
        for (size_t size = 0; size < SIZES; size++)
            for (int way = 0; way < 2; way++) {
                ways [way].rates [size] [round] =
                    s_rate (&ways [way], s_sizes [size]);
                ways [way].trips [size] [round] =
                    s_trip (&ways [way], s_sizes [size]);
            }
    s_print (ways, rounds);
    for (int way = 0; way < 2; way++) {
        for (int end = 0; end < 2; end++) {
            zsock_destroy (&ways [way].pub [end]);
            zsock_destroy (&ways [way].sub [end]);
        }
        for (int index = 0; index < 4; index++)
            zactor_destroy (&ways [way].relays [index]);
    }
    return 0;
}
