/*  =========================================================================
    zrelay_client_test - self test of zrelay_client

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_client_internal.h"
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

//  --------------------------------------------------------------------------
//  Selftest. The relay is played by an actor.

//  Limits in msecs: one that is reached, and one that only a hang could reach
#define TEST_SHORT 20
#define TEST_LONG 30000

//  Messages that are more than the pipes of these tests can hold
#define TEST_MANY 100

//  The relay, as its actor sees it
typedef struct {
    zsock_t *sock;              //  Where commands come from
    int type;                   //  Its socket type: PAIR, REP or ROUTER
    zmsg_t *envelope;           //  Of the current command
    zlist_t *kept;              //  Envelopes of commands not answered yet
    size_t asked;               //  How often STATS was answered
    bool counted;               //  COUNTERS was asked for
} test_relay_t;

//  Send an envelope and then the frames, which it takes

static void
s_test_send (test_relay_t *self, zmsg_t *envelope, zmsg_t *frames)
{
    zmsg_t *msg = zmsg_dup (envelope);
    zframe_t *frame;
    while ((frame = zmsg_pop (frames)))
        zmsg_append (msg, &frame);
    zmsg_destroy (&frames);
    zmsg_send (&msg, self->sock);
    zmsg_destroy (&msg);
}

static void
s_test_answer (test_relay_t *self, zmsg_t *envelope, const char *string)
{
    zmsg_t *frames = zmsg_new ();
    zmsg_addstr (frames, "0");
    zmsg_addstr (frames, string);
    s_test_send (self, envelope, frames);
}

//  ANSWER frame ...: with these frames

static void
s_test_on_answer (test_relay_t *self, zmsg_t *words)
{
    s_test_send (self, self->envelope, zmsg_dup (words));
}

//  ECHO word ...: done, with these frames

static void
s_test_on_echo (test_relay_t *self, zmsg_t *words)
{
    zmsg_t *frames = zmsg_dup (words);
    zmsg_pushstr (frames, "0");
    s_test_send (self, self->envelope, frames);
}

//  KEEP: never, or with the next LATE

static void
s_test_on_keep (test_relay_t *self, zmsg_t *words)
{
    (void) words;
    zlist_append (self->kept, zmsg_dup (self->envelope));
}

//  LATE: how many were kept, after these have been answered

static void
s_test_on_late (test_relay_t *self, zmsg_t *words)
{
    (void) words;
    char count [16];
    snprintf (count, sizeof (count), "%zu", zlist_size (self->kept));
    zmsg_t *envelope;
    while ((envelope = (zmsg_t *) zlist_pop (self->kept))) {
        s_test_answer (self, envelope, "late");
        zmsg_destroy (&envelope);
    }
    s_test_answer (self, self->envelope, count);
}

//  Messages that are no answer, "#" standing for the number

static const char *s_test_noise [][6] = {
    { NULL },
    { "" },
    { "#" },
    { "#", "" },
    { "#", "", "" },
    { "#", "", "x" },
    { "#", "", "x", "wrong" },
    { "#", "", "-1", "wrong" },
    { "#", "", "+0", "wrong" },
    { "#", "", " 0", "wrong" },
    { "#", "", "256", "wrong" },
    { "#", "", "0000", "wrong" },
    { "#", "x", "0", "wrong" },
    { "#", "0", "wrong" },
    { "", "0", "wrong" },
    { "", "", "0", "wrong" },
    { "", "#", "", "0", "wrong" },
    { "0", "#", "", "0", "wrong" },
    { "0000000000", "", "0", "wrong" },
    { "#", "#", "", "0", "wrong" },
    { "0", "wrong" },
    { "wrong" },
};

//  Send one message of noise. Before it comes the first frame of the envelope,
//  which a ROUTER needs; of a PAIR it may be left out.

static void
s_test_send_noise (test_relay_t *self, const char **frames, bool bare)
{
    zmsg_t *envelope = zmsg_dup (self->envelope);
    zframe_t *first = zmsg_pop (envelope);
    char *number = zmsg_popstr (envelope);
    zmsg_t *msg = zmsg_new ();
    if (!bare)
        zmsg_prepend (msg, &first);
    for (; *frames; frames++)
        zmsg_addstr (msg, streq (*frames, "#")? number: *frames);
    if (zmsg_size (msg))
        zmsg_send (&msg, self->sock);
    zmsg_destroy (&msg);
    zframe_destroy (&first);
    zstr_free (&number);
    zmsg_destroy (&envelope);
}

//  NOISE: at last the answer, twice

static void
s_test_on_noise (test_relay_t *self, zmsg_t *words)
{
    (void) words;
    for (size_t row = 0;
         row < sizeof (s_test_noise) / sizeof (*s_test_noise); row++)
        s_test_send_noise (self, s_test_noise [row], false);
    if (self->type == ZMQ_PAIR) {
        static const char *for_a_dealer [] = { "#", "", "0", "wrong", NULL };
        s_test_send_noise (self, for_a_dealer, true);
        static const char *for_bare_words [] = { "STATE", "wrong", NULL };
        s_test_send_noise (self, for_bare_words, true);
        static const char *nearly [] = { "x", "#", "", "0", "wrong", NULL };
        s_test_send_noise (self, nearly, true);
        zsock_signal (self->sock, 0);
    }
    //  A status is three digits and no byte more
    zmsg_t *zero = zmsg_new ();
    zmsg_addmem (zero, "0\0", 2);
    s_test_send (self, self->envelope, zero);

    s_test_answer (self, self->envelope, "right");
    s_test_answer (self, self->envelope, "again");
}

//  FLOOD: never, but other messages without end, until the next command comes

static void
s_test_on_flood (test_relay_t *self, zmsg_t *words)
{
    (void) words;
    zsock_set_sndtimeo (self->sock, 0);
    while (!(zsock_events (self->sock) & ZMQ_POLLIN))
        s_test_send_noise (self, s_test_noise [1], false);
    zsock_set_sndtimeo (self->sock, -1);
}

//  STUFF: done, and then so many other messages that the relay has to wait

static void
s_test_on_stuff (test_relay_t *self, zmsg_t *words)
{
    (void) words;
    s_test_answer (self, self->envelope, "");
    for (int count = 0; count < TEST_MANY; count++)
        s_test_send_noise (self, s_test_noise [1], false);
}

//  COUNTERS: the first time unknown, as to zrelay 0.1, and then never

static void
s_test_on_counters (test_relay_t *self, zmsg_t *words)
{
    (void) words;
    if (self->counted)
        return;
    self->counted = true;
    zmsg_t *frames = zmsg_new ();
    zmsg_addstr (frames, "1");
    zmsg_addstr (frames, "there is no command 'COUNTERS'");
    s_test_send (self, self->envelope, frames);
}

//  STATS: the first time right, the second time wrong, then never

static void
s_test_on_stats (test_relay_t *self, zmsg_t *words)
{
    (void) words;
    static const char *answers [] [7] = {
        { "0", "kind", "queue", "state", "idle", "forward.dropped", "3" },
        { "0", "forward.dropped", "3" },
    };
    if (self->asked == sizeof (answers) / sizeof (*answers))
        return;
    zmsg_t *frames = zmsg_new ();
    for (int index = 0; index < 7 && answers [self->asked][index]; index++)
        zmsg_addstr (frames, answers [self->asked][index]);
    self->asked++;
    s_test_send (self, self->envelope, frames);
}

//  The commands; others are never answered
static const struct {
    const char *name;
    void (*handler) (test_relay_t *self, zmsg_t *words);
} s_test_commands [] = {
    { "ANSWER", s_test_on_answer },
    { "ECHO", s_test_on_echo },
    { "RELAY", s_test_on_echo },
    { "KEEP", s_test_on_keep },
    { "LATE", s_test_on_late },
    { "NOISE", s_test_on_noise },
    { "FLOOD", s_test_on_flood },
    { "STUFF", s_test_on_stuff },
    { "COUNTERS", s_test_on_counters },
    { "STATS", s_test_on_stats },
    { NULL, NULL }
};

//  Move the envelope of a command from the message to self->envelope. It has
//  three frames: the peer's routing id or, on a pipe, an empty frame; the
//  number; an empty frame. A REP keeps it to itself. False if words are bare.

static bool
s_test_split (test_relay_t *self, zmsg_t *msg)
{
    zmsg_destroy (&self->envelope);
    self->envelope = zmsg_new ();
    if (self->type == ZMQ_REP)
        return true;
    if (self->type == ZMQ_PAIR && zframe_size (zmsg_first (msg)) > 0)
        return false;
    size_t envelope_size = 3;
    while (envelope_size--) {
        zframe_t *frame = zmsg_pop (msg);
        assert (frame);
        zmsg_append (self->envelope, &frame);
    }
    return zframe_size (zmsg_last (self->envelope)) == 0;
}

//  Carry out one command; false if it is the end

static bool
s_test_obey (test_relay_t *self)
{
    zmsg_t *msg = zmsg_recv (self->sock);
    assert (msg);
    bool enveloped = s_test_split (self, msg);
    char *name = zmsg_popstr (msg);
    bool ended = streq (name, "$TERM");
    int row = 0;
    while (s_test_commands [row].name
       &&  strneq (s_test_commands [row].name, name))
        row++;
    if (enveloped && s_test_commands [row].name)
        s_test_commands [row].handler (self, msg);
    else
    if (!enveloped && !ended)
        zsock_signal (self->sock, ZRELAY_STATUS_UNKNOWN);
    zstr_free (&name);
    zmsg_destroy (&msg);
    return !ended;
}

//  Where the relay gets its commands, if that is not its pipe
typedef struct {
    zsock_t *sock;              //  A socket that is there already, or NULL
    int type;                   //  Else bind one of this type
    char *endpoint;             //  there
} test_place_t;

static test_place_t *
s_test_place_new (zsock_t *sock, int type, const char *endpoint)
{
    test_place_t *self = (test_place_t *) zmalloc (sizeof (test_place_t));
    assert (self);
    self->sock = sock;
    self->type = type;
    self->endpoint = strdup (endpoint);
    assert (self->endpoint);
    return self;
}

//  The place's socket, or a new one that is bound there. Destroys the place.

static zsock_t *
s_test_place_open (test_place_t *self)
{
    zsock_t *sock = self->sock;
    if (!sock) {
        sock = zsock_new (self->type);
        assert (sock);
        //  An answer that finds no room shall wait
        if (self->type == ZMQ_ROUTER)
            zsock_set_router_mandatory (sock, 1);
        int rc = zsock_bind (sock, "%s", self->endpoint);
        assert (rc != -1);
    }
    zstr_free (&self->endpoint);
    freen (self);
    return sock;
}

//  The actor function. args is a place, which it takes, or NULL. If it binds a
//  socket, it sends the endpoint first.

static void
s_test_relay (zsock_t *pipe, void *args)
{
    //  Signals are for the thread that tests
    sigset_t all;
    sigfillset (&all);
    pthread_sigmask (SIG_BLOCK, &all, NULL);

    test_place_t *place = (test_place_t *) args;
    bool bound = place && !place->sock;
    zsock_t *sock = place? s_test_place_open (place): pipe;
    zsock_signal (pipe, 0);
    if (bound)
        zstr_send (pipe, zsock_endpoint (sock));

    test_relay_t relay = {
        .sock = sock, .type = zsock_type (sock), .kept = zlist_new ()
    };
    zpoller_t *poller = zpoller_new (pipe, NULL);
    zpoller_set_nonstop (poller, true);
    if (sock != pipe)
        zpoller_add (poller, sock);
    //  Where commands come from elsewhere, the pipe brings nothing but the end
    zsock_t *ready;
    do
        ready = (zsock_t *) zpoller_wait (poller, -1);
    while (ready == sock && s_test_obey (&relay));
    zpoller_destroy (&poller);

    zmsg_t *envelope;
    while ((envelope = (zmsg_t *) zlist_pop (relay.kept)))
        zmsg_destroy (&envelope);
    zlist_destroy (&relay.kept);
    zmsg_destroy (&relay.envelope);
    if (bound)
        zsock_destroy (&sock);
}

//  True if the relay answers this command, and not another

static bool
s_test_works (zrelay_client_t *client)
{
    zrelay_client_set_timeout (client, TEST_LONG);
    zmsg_t *frames = zrelay_client_query (client, "ECHO", "one", "", "two",
                                          NULL);
    bool works = frames && zmsg_size (frames) == 3
              && zframe_streq (zmsg_first (frames), "one")
              && zframe_streq (zmsg_next (frames), "")
              && zframe_streq (zmsg_next (frames), "two")
              && zrelay_client_status (client) == ZRELAY_STATUS_DONE
              && streq (zrelay_client_error (client), "");
    zmsg_destroy (&frames);
    return works;
}

//  True if a command ends after its limit and not before, and says why

static bool
s_test_times_out (zrelay_client_t *client, size_t msecs, const char *command,
                  const char *error)
{
    zrelay_client_set_timeout (client, msecs);
    int64_t start = zclock_mono ();
    int status = zrelay_client_command (client, command, NULL);
    return status == ZRELAY_STATUS_TIMEOUT
        && zrelay_client_status (client) == ZRELAY_STATUS_TIMEOUT
        && zclock_mono () - start >= (int64_t) msecs
        && streq (zrelay_client_error (client), error);
}

static bool
s_test_asks (zrelay_client_t *client, const char *query, const char *expected)
{
    char *answer = zrelay_client_ask (client, query, NULL);
    bool same = answer && streq (answer, expected);
    zstr_free (&answer);
    return same;
}

//  Put this relay in the place of yours

static void
s_test_example (bool verbose)
{
    zactor_t *relay = zactor_new (s_test_relay, NULL);
    assert (relay);

    //  @selftest
    zrelay_client_t *client = zrelay_client_new (relay);
    assert (client);
    zrelay_client_set_timeout (client, TEST_LONG);

    //  A command, and its status
    int status = zrelay_client_command (client, "ECHO", NULL);
    assert (status == ZRELAY_STATUS_DONE);

    //  A query that is answered with one frame
    char *answer = zrelay_client_ask (client, "ECHO", "active", NULL);
    assert (answer && streq (answer, "active"));
    zstr_free (&answer);

    //  A query that is answered with several
    zmsg_t *frames = zrelay_client_query (client, "ECHO", "1", "peer", NULL);
    assert (frames && zmsg_size (frames) == 2);
    zmsg_destroy (&frames);

    //  One that fails says why
    status = zrelay_client_command (client, "ANSWER", "3", "not now", NULL);
    assert (status == ZRELAY_STATUS_BAD_STATE);
    assert (zrelay_client_status (client) == ZRELAY_STATUS_BAD_STATE);
    assert (streq (zrelay_client_error (client), "not now"));

    //  One that is not answered ends in time
    zrelay_client_set_timeout (client, TEST_SHORT);
    status = zrelay_client_command (client, "KEEP", NULL);
    assert (status == ZRELAY_STATUS_TIMEOUT);
    if (verbose)
        puts (zrelay_client_error (client));

    zrelay_client_destroy (&client);
    //  @end
    zactor_destroy (&relay);
}

//  Words of any bytes, answers of any form

static void
s_test_calls (zrelay_client_t *client)
{
    //  Bytes, a pointer, and what is longer than a small frame of libzmq's
    static const size_t big = 100000;
    zmsg_t *words = zmsg_new ();
    zmsg_addstr (words, "ECHO");
    zmsg_addmem (words, "a\0b", 3);
    zmsg_addmem (words, &client, sizeof (client));
    zframe_t *frame = zframe_new (NULL, big);
    memset (zframe_data (frame), 'x', big);
    zmsg_append (words, &frame);
    zmsg_t *frames = NULL;
    int status = zrelay_client_execute (client, &words, &frames);
    assert (status == ZRELAY_STATUS_DONE);
    assert (words == NULL);
    assert (frames && zmsg_size (frames) == 3);
    frame = zmsg_first (frames);
    assert (zframe_size (frame) == 3);
    assert (memcmp (zframe_data (frame), "a\0b", 3) == 0);
    frame = zmsg_next (frames);
    assert (zframe_size (frame) == sizeof (client));
    assert (memcmp (zframe_data (frame), &client, sizeof (client)) == 0);
    frame = zmsg_next (frames);
    assert (zframe_size (frame) == big);
    assert (zframe_data (frame) [0] == 'x'
         && zframe_data (frame) [big - 1] == 'x');
    zmsg_destroy (&frames);

    //  The caller need not want the frames
    words = zmsg_new ();
    zmsg_addstr (words, "ECHO");
    zmsg_addstr (words, "frame");
    status = zrelay_client_execute (client, &words, NULL);
    assert (status == ZRELAY_STATUS_DONE);

    //  No frames are frames as well, or ""
    frames = zrelay_client_query (client, "ECHO", NULL);
    assert (frames && zmsg_size (frames) == 0);
    zmsg_destroy (&frames);
    assert (s_test_asks (client, "ECHO", ""));

    //  The name of the query is taken off, once
    frames = zrelay_client_query (client, "ANSWER", "0", "ANSWER", "ANSWER",
                                  "x", NULL);
    assert (frames && zmsg_size (frames) == 2);
    assert (zframe_streq (zmsg_first (frames), "ANSWER"));
    assert (zframe_streq (zmsg_last (frames), "x"));
    zmsg_destroy (&frames);
    frames = zrelay_client_query (client, "ANSWER", "0", "ANSWER", NULL);
    assert (frames && zmsg_size (frames) == 0);
    zmsg_destroy (&frames);
    frames = zrelay_client_query (client, "ANSWER", "0", "ANSWERS", NULL);
    assert (frames && zmsg_size (frames) == 1);
    zmsg_destroy (&frames);

    //  Failures have no frames, but a sentence in every case
    words = zmsg_new ();
    zmsg_addstr (words, "ANSWER");
    zmsg_addstr (words, "255");
    status = zrelay_client_execute (client, &words, &frames);
    assert (status == UINT8_MAX);
    assert (frames == NULL);
    assert (streq (zrelay_client_error (client), "ANSWER failed with status"
                   " 255; the relay gave no reason"));
    assert (zrelay_client_query (client, "ANSWER", "1", "no", NULL) == NULL);
    assert (streq (zrelay_client_error (client), "no"));
    assert (zrelay_client_ask (client, "ANSWER", "2", "", NULL) == NULL);
    assert (zrelay_client_status (client) == ZRELAY_STATUS_BAD_ARGUMENTS);
    assert (*zrelay_client_error (client));

    //  No words are no command
    words = zmsg_new ();
    status = zrelay_client_execute (client, &words, &frames);
    assert (status == ZRELAY_STATUS_BAD_ARGUMENTS);
    assert (words == NULL && frames == NULL);
    status = zrelay_client_execute (client, &words, NULL);
    assert (status == ZRELAY_STATUS_BAD_ARGUMENTS);
    assert (zrelay_client_command (client, NULL, NULL)
            == ZRELAY_STATUS_BAD_ARGUMENTS);
    assert (*zrelay_client_error (client));
    assert (s_test_works (client));
}

//  All that a client does alike on a pipe and on a DEALER

static void
s_test_dialogue (zrelay_client_t *client)
{
    assert (streq (zrelay_client_error (client), ""));
    assert (zrelay_client_status (client) == ZRELAY_STATUS_DONE);
    assert (s_test_works (client));
    s_test_calls (client);

    //  Answers that come too late
    assert (s_test_times_out (client, TEST_SHORT, "KEEP",
            "the relay did not answer KEEP within 20 ms"));
    assert (s_test_times_out (client, 0, "KEEP",
            "the relay did not answer KEEP within 0 ms"));
    assert (s_test_works (client));
    assert (s_test_asks (client, "LATE", "2"));
    assert (s_test_works (client));

    //  Others among which the right one comes, and its double
    assert (s_test_asks (client, "NOISE", "right"));
    assert (s_test_works (client));

    //  Others that never end
    assert (s_test_times_out (client, TEST_SHORT, "FLOOD",
            "the relay did not answer FLOOD within 20 ms"));
    assert (s_test_works (client));

    //  Of a command's name no more is quoted than fits, and as text
    assert (s_test_times_out (client, 0, "\x1B[2J\xFF-and-so-on-for-long",
            "the relay did not answer ?[2J?-and-so-on-for- within 0 ms"));
    assert (s_test_works (client));
}

//  Wait until a socket knows that its peer has gone

static void
s_test_await_gone (void *sock)
{
    while (zsock_events (sock) & ZMQ_POLLOUT)
        zclock_sleep (1);
}

//  An actor's pipe, also used by the application itself and by a client that is
//  gone

static void
s_test_pipe (void)
{
    zactor_t *relay = zactor_new (s_test_relay, NULL);
    assert (relay);
    zrelay_client_t *client = zrelay_client_new (relay);
    assert (client);
    s_test_dialogue (client);

    zstr_send (relay, "STATE");
    zstr_sendx (relay, "BIND", "FRONTEND", NULL);
    assert (s_test_works (client));
    //  The signals were thrown away; those that come now are the application's
    zstr_send (relay, "STATE");
    assert (zsock_wait (relay) == ZRELAY_STATUS_UNKNOWN);

    zrelay_client_destroy (&client);
    client = zrelay_client_new (relay);
    assert (s_test_times_out (client, 0, "KEEP",
            "the relay did not answer KEEP within 0 ms"));
    zrelay_client_destroy (&client);
    client = zrelay_client_new (zactor_sock (relay));
    zrelay_client_set_timeout (client, TEST_LONG);
    assert (s_test_asks (client, "LATE", "1"));
    assert (s_test_works (client));
    zrelay_client_destroy (&client);
    zrelay_client_destroy (&client);

    //  A relay that has ended takes nothing
    client = zrelay_client_new (relay);
    zstr_send (relay, "$TERM");
    int rc = zsock_wait (relay);
    assert (rc == 0);
    s_test_await_gone (relay);
    assert (s_test_times_out (client, TEST_SHORT, "KEEP",
            "the relay did not take KEEP within 20 ms"));
    zrelay_client_destroy (&client);
    zactor_destroy (&relay);
}

//  Two PAIR sockets with room for as little as possible

static void
s_test_make_pair (zsock_t **near_p, zsock_t **far_p)
{
    zsock_t *socks [2];
    char *endpoint = zsys_sprintf ("inproc://zrelay_client-%p", (void *) socks);
    for (int index = 0; index < 2; index++) {
        socks [index] = zsock_new (ZMQ_PAIR);
        assert (socks [index]);
        zsock_set_sndhwm (socks [index], 1);
        zsock_set_rcvhwm (socks [index], 1);
        zsock_set_sndtimeo (socks [index], 0);
        int rc = zsock_attach (socks [index], endpoint, index == 0);
        assert (rc == 0);
    }
    zstr_free (&endpoint);
    *near_p = socks [0];
    *far_p = socks [1];
}

static void
s_test_full_pipe (void)
{
    zsock_t *near, *far;
    s_test_make_pair (&near, &far);
    zrelay_client_t *client = zrelay_client_new (near);
    assert (client);

    //  Nobody reads
    while (zstr_send (near, "STATE") == 0)
        continue;
    assert (s_test_times_out (client, TEST_SHORT, "KEEP",
            "the relay did not take KEEP within 20 ms"));
    assert (s_test_times_out (client, 0, "KEEP",
            "the relay did not take KEEP within 0 ms"));

    //  Now a relay does
    zsock_set_sndtimeo (far, -1);
    zactor_t *relay = zactor_new (s_test_relay,
                                  s_test_place_new (far, 0, ""));
    assert (relay);
    assert (s_test_works (client));
    assert (s_test_asks (client, "LATE", "0"));

    //  Both ways are full, and it reads no more until its answers are read
    assert (s_test_asks (client, "STUFF", ""));
    while (zstr_send (near, "STATE") == 0)
        continue;
    assert (s_test_works (client));

    zrelay_client_destroy (&client);
    zactor_destroy (&relay);
    zsock_destroy (&near);
    zsock_destroy (&far);
}

//  Start a relay that has a socket of this type there

static zactor_t *
s_test_start (int type, const char *endpoint, char **bound_p)
{
    zactor_t *relay = zactor_new (s_test_relay,
                                  s_test_place_new (NULL, type, endpoint));
    assert (relay);
    *bound_p = zstr_recv (relay);
    assert (*bound_p);
    return relay;
}

//  A control endpoint, first a REP, and then a ROUTER, which can answer late
//  and more than once

static void
s_test_connected (void)
{
    char *endpoint;
    zactor_t *relay = s_test_start (ZMQ_REP, "tcp://127.0.0.1:*", &endpoint);
    zrelay_client_t *client = zrelay_client_connect (endpoint);
    assert (client);
    zrelay_client_t *other = zrelay_client_connect (endpoint);
    assert (other);
    for (int round = 0; round < 2; round++) {
        assert (s_test_works (client));
        assert (s_test_works (other));
    }
    s_test_calls (client);
    zrelay_client_destroy (&other);
    zrelay_client_destroy (&client);
    zactor_destroy (&relay);
    zstr_free (&endpoint);

    relay = s_test_start (ZMQ_ROUTER, "tcp://127.0.0.1:*", &endpoint);
    client = zrelay_client_connect (endpoint);
    assert (client);
    s_test_dialogue (client);
    zrelay_client_destroy (&client);

    //  A DEALER of the application's, which remains that
    zsock_t *dealer = zsock_new (ZMQ_DEALER);
    int rc = zsock_connect (dealer, "%s", endpoint);
    assert (rc == 0);
    client = zrelay_client_new (dealer);
    assert (client);
    assert (s_test_works (client));
    zrelay_client_destroy (&client);
    assert (zsock_type (dealer) == ZMQ_DEALER);
    zsock_destroy (&dealer);
    zactor_destroy (&relay);
    zstr_free (&endpoint);
}

//  A relay that is there later, and one that is there no more

static void
s_test_absent (void)
{
    char folder [] = "/tmp/zrelay_client-XXXXXX";
    char *made = mkdtemp (folder);
    assert (made);
    char *endpoint = zsys_sprintf ("ipc://%s/control", folder);
    zrelay_client_t *client = zrelay_client_connect (endpoint);
    assert (client);
    for (int round = 0; round < 2; round++) {
        assert (s_test_times_out (client, TEST_SHORT, "KEEP",
                "the relay did not take KEEP within 20 ms"));
        char *bound;
        zactor_t *relay = s_test_start (ZMQ_ROUTER, endpoint, &bound);
        assert (s_test_works (client));
        //  It was not told what nobody took before
        assert (s_test_asks (client, "LATE", "0"));
        zstr_free (&bound);
        zactor_destroy (&relay);
        s_test_await_gone (zrelay_client_handle (client));
    }
    zrelay_client_destroy (&client);
    zsys_file_delete (endpoint + strlen ("ipc://"));
    zsys_dir_delete ("%s", folder);
    zstr_free (&endpoint);
}

static void
s_test_refused (void)
{
    static const struct {
        const char *endpoint;
        int error;
    } endpoints [] = {
        { "", EINVAL },
        { "nonsense", EINVAL },
        { "tcp://", EINVAL },
        { "tcp://127.0.0.1", EINVAL },
        { "tcp://127.0.0.1:", EINVAL },
        { "tcp://127.0.0.1:*", EINVAL },
        { "tcp://127.0.0.1:0", EINVAL },
        { "tcp://127.0.0.1:65536", EINVAL },
        { "tcp://127.0.0.1:000001", EINVAL },
        { "tcp://127.0.0.1:1x", EINVAL },
        { "norm://", EPROTONOSUPPORT },
        { "TCP://127.0.0.1:1", EPROTONOSUPPORT },
    };
    const size_t rows = sizeof (endpoints) / sizeof (*endpoints);
    for (size_t row = 0; row < rows; row++) {
        errno = 0;
        assert (zrelay_client_connect (endpoints [row].endpoint) == NULL);
        assert (errno == endpoints [row].error);
    }
    zsock_t *sock = zsock_new (ZMQ_REQ);
    errno = 0;
    assert (zrelay_client_new (sock) == NULL);
    assert (errno == EINVAL);
    zsock_destroy (&sock);
}

//  libzmq's own sockets, and the end of their context

static void
s_test_context (void)
{
    void *context = zmq_ctx_new ();
    void *near = zmq_socket (context, ZMQ_PAIR);
    void *far = zmq_socket (context, ZMQ_PAIR);
    int rc = zmq_bind (far, "inproc://relay");
    assert (rc == 0);
    rc = zmq_connect (near, "inproc://relay");
    assert (rc == 0);
    zrelay_client_t *client = zrelay_client_new (near);
    assert (client);
    assert (s_test_times_out (client, 0, "KEEP",
            "the relay did not answer KEEP within 0 ms"));
    zmq_ctx_shutdown (context);
    zrelay_client_set_timeout (client, TEST_LONG);
    rc = zrelay_client_command (client, "PAUSE", NULL);
    assert (rc == ZRELAY_STATUS_REFUSED);
    assert (strstr (zrelay_client_error (client), zmq_strerror (ETERM)));
    zrelay_client_destroy (&client);
    zmq_close (near);
    zmq_close (far);
    zmq_ctx_term (context);
}

//  Signals end no call, neither those that come now nor one that came before

static volatile sig_atomic_t s_test_signals_caught;

static void
s_test_on_signal (int number)
{
    (void) number;
    s_test_signals_caught = 1;
}

static void
s_test_signals (void)
{
    zactor_t *relay = zactor_new (s_test_relay, NULL);
    assert (relay);
    zrelay_client_t *client = zrelay_client_new (relay);
    struct sigaction action = { .sa_handler = s_test_on_signal };
    sigaction (SIGALRM, &action, NULL);
    struct itimerval often = {
        .it_interval = { .tv_usec = 1000 }, .it_value = { .tv_usec = 1000 }
    };
    setitimer (ITIMER_REAL, &often, NULL);
    assert (s_test_times_out (client, TEST_SHORT, "KEEP",
            "the relay did not answer KEEP within 20 ms"));
    assert (s_test_signals_caught);
    assert (s_test_works (client));
    assert (s_test_asks (client, "NOISE", "right"));
    //  The handler stays: one more signal may be on its way
    struct itimerval never = { .it_value = { 0 } };
    setitimer (ITIMER_REAL, &never, NULL);

    int interrupted_before = zsys_interrupted;
    zsys_interrupted = 1;
    assert (s_test_works (client));
    zsys_interrupted = interrupted_before;
    zrelay_client_destroy (&client);
    zactor_destroy (&relay);
}

static void
s_test_stats (void)
{
    zactor_t *relay = zactor_new (s_test_relay, NULL);
    assert (relay);
    zrelay_client_t *client = zrelay_client_new (relay);
    zrelay_client_set_timeout (client, TEST_LONG);

    zrelay_stats_t *stats = zrelay_client_stats (client);
    assert (stats);
    assert (streq (zrelay_stats_kind (stats), "queue"));
    assert (zrelay_stats_value (stats, "forward.dropped") == 3);
    zrelay_stats_destroy (&stats);

    //  The second answer has no kind, the third is no answer
    assert (zrelay_client_stats (client) == NULL);
    assert (zrelay_client_status (client) == ZRELAY_STATUS_REFUSED);
    assert (strstr (zrelay_client_error (client), "malformed"));
    zrelay_client_set_timeout (client, 0);
    assert (zrelay_client_stats (client) == NULL);
    assert (zrelay_client_status (client) == ZRELAY_STATUS_TIMEOUT);
    assert (s_test_works (client));
    zrelay_client_destroy (&client);
    zactor_destroy (&relay);
}

//  A host's relay is steered behind RELAY and its name

static void
s_test_host (void)
{
    zactor_t *relay = zactor_new (s_test_relay, NULL);
    assert (relay);
    zrelay_client_t *client = zrelay_client_new (relay);
    zrelay_client_set_timeout (client, TEST_LONG);
    zrelay_client_set_relay (client, "orders");
    zmsg_t *words = zrelay_client_query (client, "GET", "RELAY", NULL);
    assert (words && zmsg_size (words) == 3);
    static const char *expected [] = { "orders", "GET", "RELAY" };
    for (int index = 0; index < 3; index++) {
        char *word = zmsg_popstr (words);
        assert (streq (word, expected [index]));
        zstr_free (&word);
    }
    zmsg_destroy (&words);

    zrelay_client_set_relay (client, NULL);
    char *word = zrelay_client_ask (client, "ECHO", "own", NULL);
    assert (word && streq (word, "own"));
    zstr_free (&word);
    zrelay_client_destroy (&client);
    zactor_destroy (&relay);
}

void
zrelay_client_test (bool verbose)
{
    printf (" * zrelay_client: ");
    if (verbose)
        printf ("\n");
    s_test_example (verbose);
    s_test_pipe ();
    s_test_full_pipe ();
    s_test_connected ();
    s_test_absent ();
    s_test_refused ();
    s_test_context ();
    s_test_signals ();
    s_test_stats ();
    s_test_host ();
    printf ("OK\n");
}
