/*  =========================================================================
    naive - a relay as one writes it in an afternoon, for tests to catch

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Everything that is wrong here is wrong on purpose.

#include <zrelay.h>
#include "naive.h"

//  Between two looks whether an output can take something again, in msecs
#define LOOK_IVL 10

//  How long to wait for a client that does not read, in msecs
#define HESITATION 100

enum { FRONTEND, BACKEND };

typedef enum {
    WAIT,                       //  Receive and send with calls that wait
    SPIN,                       //  Leave a message where it is until the
                                //  output is writable, and poll on
    FRAMES,                     //  Move frame by frame, never wait, and take
                                //  no notice of refusals
    TRUST,                      //  Wait, and take what subscribers send for
                                //  what they have to send
    SHARE,                      //  Read only what can be sent on, and count
                                //  all relays' messages in one place
    INSIST,                     //  Wait, also for a client that does not read
    HESITATE                    //  Wait a while for it, then drop its reply
} style_t;

static const struct {
    const char *name;           //  In ZRELAY_NAIVE
    style_t style;
} s_styles [] = {
    { "spin", SPIN },
    { "frames", FRAMES },
    { "trust", TRUST },
    { "share", SHARE },
    { "insist", INSIST },
    { "hesitate", HESITATE },
    { NULL, WAIT }
};

static const struct {
    const char *name;           //  Of the kind
    int types [2];              //  Of its sockets; -1: a command chooses
} s_kinds [] = {
    { "queue", { ZMQ_ROUTER, ZMQ_DEALER } },
    { "forwarder", { ZMQ_XSUB, ZMQ_XPUB } },
    { "streamer", { ZMQ_PULL, ZMQ_PUSH } },
    { "proxy", { -1, -1 } },
    { NULL, { -1, -1 } }
};

static const struct {
    const char *name;           //  Of the option, as in SET
    int id;                     //  libzmq's number for it
} s_options [] = {
    { "sndhwm", ZMQ_SNDHWM },
    { "rcvhwm", ZMQ_RCVHWM },
    { "linger", ZMQ_LINGER },
    { "sndbuf", ZMQ_SNDBUF },
    { "rcvbuf", ZMQ_RCVBUF },
    { "router_handover", ZMQ_ROUTER_HANDOVER },
    { "xpub_verbose", ZMQ_XPUB_VERBOSE },
    { "xpub_verboser", ZMQ_XPUB_VERBOSER },
    { "xpub_nodrop", ZMQ_XPUB_NODROP },
    { NULL, 0 }
};

typedef struct {
    uint64_t in [2];            //  Messages received, by side
    uint64_t out [2];           //  Messages sent, by side
    uint64_t dropped;           //  Replies that could not be sent
} counters_t;

typedef struct {
    const char *kind;           //  Name of the kind
    zsock_t *pipe;              //  To the application
    zsock_t *sides [2];         //  Frontend and backend
    zsock_t *capture;           //  Gets copies, or NULL
    counters_t own;             //  Its counters, if not shared
    counters_t *counters;       //  Those that it uses
    char value [16];            //  Of the last SET
    char error [80];            //  Sentence of ERROR
    style_t style;              //  How messages are moved
    bool paused;                //  PAUSE was the last word
    bool verbose;               //  Commands are logged
    bool terminated;            //  $TERM came
} naive_t;

static int
s_side (const char *name)
{
    return streq (name, "FRONTEND")? FRONTEND: BACKEND;
}

static int
s_type (const char *name)
{
    static const char *names [] = {
        "PAIR", "PUB", "SUB", "REQ", "REP", "DEALER", "ROUTER", "PULL",
        "PUSH", "XPUB", "XSUB"
    };
    for (int type = 0; type < 11; type++)
        if (streq (names [type], name))
            return type;
    assert (false);
    return -1;
}


//  --------------------------------------------------------------------------
//  Messages

//  A subscriber sends 1 or 0 and a topic, does it not?

static void
s_look_at_subscription (zframe_t *frame)
{
    assert (zframe_size (frame) > 0 && zframe_data (frame) [0] <= 1);
}

static void
s_move_message (naive_t *self, int from, int to)
{
    zmsg_t *msg = zmsg_recv (self->sides [from]);
    if (!msg)
        return;
    if (self->style == TRUST && zsock_type (self->sides [from]) == ZMQ_XPUB)
        s_look_at_subscription (zmsg_first (msg));
    self->counters->in [from]++;
    if (self->capture) {
        zmsg_t *copy = zmsg_dup (msg);
        zmsg_send (&copy, self->capture);
    }
    if (zmsg_send (&msg, self->sides [to]) == 0)
        self->counters->out [to]++;
    else
        self->counters->dropped += to == FRONTEND;
    zmsg_destroy (&msg);
}

static void
s_move_frames (naive_t *self, int from, int to)
{
    bool more;
    do {
        zframe_t *frame = zframe_recv (self->sides [from]);
        if (!frame)
            return;
        more = zframe_more (frame);
        zframe_send (&frame, self->sides [to],
                     ZFRAME_DONTWAIT | (more? ZFRAME_MORE: 0));
        zframe_destroy (&frame);
    }
    while (more);
    self->counters->in [from]++;
    self->counters->out [to]++;
}

static void
s_move (naive_t *self, int from)
{
    int to = from == FRONTEND? BACKEND: FRONTEND;
    if (self->style == SPIN
    &&  !(zsock_events (self->sides [to]) & ZMQ_POLLOUT))
        return;
    if (self->style == FRAMES)
        s_move_frames (self, from, to);
    else
        s_move_message (self, from, to);
}


//  --------------------------------------------------------------------------
//  Commands

static void
s_set (naive_t *self, int side, const char *name, const char *value)
{
    snprintf (self->value, sizeof (self->value), "%s", value);
    for (int index = 0; s_options [index].name; index++)
        if (streq (s_options [index].name, name) && self->sides [side]) {
            int number = atoi (value);
            zmq_setsockopt (zsock_resolve (self->sides [side]),
                            s_options [index].id, &number, sizeof (number));
        }
}

static void
s_subscribe (naive_t *self, const char *topic, bool subscribe)
{
    if (zsock_type (self->sides [FRONTEND]) == ZMQ_SUB) {
        if (subscribe)
            zsock_set_subscribe (self->sides [FRONTEND], topic);
        else
            zsock_set_unsubscribe (self->sides [FRONTEND], topic);
    }
    else {
        zframe_t *frame = zframe_new (NULL, strlen (topic) + 1);
        zframe_data (frame) [0] = subscribe;
        memcpy (zframe_data (frame) + 1, topic, strlen (topic));
        zframe_send (&frame, self->sides [FRONTEND], 0);
    }
}

static void
s_add_stats (naive_t *self, zmsg_t *answer)
{
    zmsg_addstr (answer, "kind");
    zmsg_addstr (answer, self->kind);
    zmsg_addstr (answer, "state");
    zmsg_addstr (answer, self->paused? "paused": "active");
    for (int side = 0; side < 2; side++) {
        const char *side_name = side == FRONTEND? "frontend": "backend";
        zmsg_addstrf (answer, "%s.in.messages", side_name);
        zmsg_addstrf (answer, "%" PRIu64, self->counters->in [side]);
        zmsg_addstrf (answer, "%s.out.messages", side_name);
        zmsg_addstrf (answer, "%" PRIu64, self->counters->out [side]);
    }
    zmsg_addstr (answer, "return.dropped_full");
    zmsg_addstrf (answer, "%" PRIu64, self->counters->dropped);
}

static void
s_query (naive_t *self, const char *name, char **argv)
{
    zmsg_t *answer = zmsg_new ();
    zmsg_addstr (answer, name);
    if (streq (name, "ENDPOINT"))
        zmsg_addstr (answer, zsock_endpoint (self->sides [s_side (argv [0])]));
    else
    if (streq (name, "STATS"))
        s_add_stats (self, answer);
    else
    if (streq (name, "STATE"))
        zmsg_addstr (answer, self->paused? "paused": "active");
    else
    if (streq (name, "ERROR"))
        zmsg_addstr (answer, self->error);
    else
    if (streq (name, "GET"))
        zmsg_addstr (answer, self->value);
    zmsg_send (&answer, self->pipe);
}

static void
s_command (naive_t *self, const char *name, int argc, char **argv)
{
    int rc = 0;
    int status = ZRELAY_DONE;
    if (self->verbose)
        zsys_info ("naive: %s", name);
    if (streq (name, "BIND"))
        rc = zsock_bind (self->sides [s_side (argv [0])], "%s", argv [1]);
    else
    if (streq (name, "CONNECT"))
        rc = zsock_connect (self->sides [s_side (argv [0])], "%s", argv [1]);
    else
    if (streq (name, "UNBIND"))
        rc = zsock_unbind (self->sides [s_side (argv [0])], "%s", argv [1]);
    else
    if (streq (name, "DISCONNECT"))
        rc = zsock_disconnect (self->sides [s_side (argv [0])], "%s", argv [1]);
    else
    if (streq (name, "FRONTEND") || streq (name, "BACKEND")) {
        int side = s_side (name);
        zsock_destroy (&self->sides [side]);
        self->sides [side] = zsock_new (s_type (argv [0]));
        rc = zsock_attach (self->sides [side], argv [1], true);
        for (int index = 2; index < argc; index++)
            s_subscribe (self, argv [index], true);
    }
    else
    if (streq (name, "SUBSCRIBE") || streq (name, "UNSUBSCRIBE"))
        for (int index = 0; index < argc; index++)
            s_subscribe (self, argv [index], streq (name, "SUBSCRIBE"));
    else
    if (streq (name, "SET"))
        s_set (self, s_side (argv [0]), argv [1], argv [2]);
    else
    if (streq (name, "CAPTURE")) {
        zsock_destroy (&self->capture);
        if (argc > 0) {
            self->capture = zsock_new (argc > 1? s_type (argv [1]): ZMQ_PUSH);
            rc = zsock_attach (self->capture, argv [0], false);
        }
    }
    else
    if (streq (name, "PAUSE") || streq (name, "RESUME"))
        self->paused = streq (name, "PAUSE");
    else
    if (streq (name, "PLAIN"))
        zsock_set_plain_server (self->sides [s_side (argv [0])], 1);
    else
    if (streq (name, "CURVE")) {
        zsock_set_curve_server (self->sides [s_side (argv [0])], 1);
        zsock_set_curve_secretkey (self->sides [s_side (argv [0])], argv [2]);
    }
    else
    if (streq (name, "HELP")) {
        snprintf (self->error, sizeof (self->error), "no help about %s",
                  argv [0]);
        status = ZRELAY_BAD_ARGUMENTS;
    }
    else
    if (streq (name, "VERBOSE"))
        self->verbose = true;
    else
    if (strneq (name, "RESET") && strneq (name, "DRAIN")
    &&  strneq (name, "FILTER")
    //  Whoever has a zauth is asked, one thinks, and so leaves this out
    &&  strneq (name, "DOMAIN")) {
        zsys_error ("naive: - invalid command: %s", name);
        assert (false);
    }
    assert (rc != -1);
    zsock_signal (self->pipe, (byte) status);
}

#define ARGS_MAX 16

static void
s_on_pipe (naive_t *self)
{
    zmsg_t *msg = zmsg_recv (self->pipe);
    if (!msg) {
        self->terminated = true;
        return;
    }
    char *name = zmsg_popstr (msg);
    char *argv [ARGS_MAX] = { NULL };
    int argc = 0;
    while (argc < ARGS_MAX && (argv [argc] = zmsg_popstr (msg)))
        argc++;
    if (streq (name, "$TERM"))
        self->terminated = true;
    else
    if (streq (name, "STATS") || streq (name, "STATE") || streq (name, "PING")
    ||  streq (name, "ERROR") || streq (name, "ENDPOINT")
    ||  streq (name, "GET"))
        s_query (self, name, argv);
    else
        s_command (self, name, argc, argv);
    while (argc > 0)
        zstr_free (&argv [--argc]);
    zstr_free (&name);
    zmsg_destroy (&msg);
}


//  --------------------------------------------------------------------------
//  The actor

static style_t
s_style (void)
{
    const char *name = getenv ("ZRELAY_NAIVE");
    int index = 0;
    while (s_styles [index].name && strneq (s_styles [index].name, name))
        index++;
    return s_styles [index].style;
}

//  Let a ROUTER refuse what a client has no room for, rather than lose it

static void
s_refuse (naive_t *self)
{
    if (self->style != INSIST && self->style != HESITATE)
        return;
    for (int side = 0; side < 2; side++)
        if (self->sides [side]
        &&  zsock_type (self->sides [side]) == ZMQ_ROUTER) {
            zsock_set_router_mandatory (self->sides [side], 1);
            if (self->style == HESITATE)
                zsock_set_sndtimeo (self->sides [side], HESITATION);
        }
}

//  Is a side to be polled?

static bool
s_ready (naive_t *self, int from)
{
    zsock_t *to = self->sides [from == FRONTEND? BACKEND: FRONTEND];
    return self->sides [from] && to && !self->paused
        && (self->style != SHARE || (zsock_events (to) & ZMQ_POLLOUT));
}

void
naive_relay (zsock_t *pipe, void *args)
{
    static counters_t shared;
    naive_t self = {
        .kind = (const char *) args, .pipe = pipe, .style = s_style ()
    };
    self.counters = self.style == SHARE? &shared: &self.own;
    for (int index = 0; s_kinds [index].name; index++)
        if (streq (s_kinds [index].name, self.kind))
            for (int side = 0; side < 2; side++)
                if (s_kinds [index].types [side] != -1)
                    self.sides [side] =
                        zsock_new (s_kinds [index].types [side]);
    s_refuse (&self);
    zsock_signal (pipe, 0);
    while (!self.terminated) {
        zmq_pollitem_t items [3] = {
            { .socket = zsock_resolve (pipe), .events = ZMQ_POLLIN }
        };
        int from [3];
        int count = 1;
        for (int side = 0; side < 2; side++)
            if (s_ready (&self, side)) {
                from [count] = side;
                items [count].socket = zsock_resolve (self.sides [side]);
                items [count++].events = ZMQ_POLLIN;
            }
        if (zmq_poll (items, count, self.style == SHARE? LOOK_IVL: -1) == -1)
            break;
        for (int index = 1; index < count; index++)
            if (items [index].revents)
                s_move (&self, from [index]);
        if (items [0].revents)
            s_on_pipe (&self);
    }
    zsock_destroy (&self.sides [FRONTEND]);
    zsock_destroy (&self.sides [BACKEND]);
    zsock_destroy (&self.capture);
}
