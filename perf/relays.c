/*  =========================================================================
    relays - starts relays of every make

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

#include "perf.h"

//  libzmq's default, for all but publishers: these drop what is above, and
//  learn of room too late to keep up with a fast sender
#define HWM_DEFAULT 1000
#define HWM_PUBLISHED 100000

const kind_t perf_streamer = {
    "streamer", zrelay_streamer, { ZMQ_PULL, ZMQ_PUSH }, { "PULL", "PUSH" },
    ZMQ_PUSH, ZMQ_PULL, HWM_DEFAULT
};
//  An XSUB as subscriber, since it may connect to one place several times
const kind_t perf_forwarder = {
    "forwarder", zrelay_forwarder, { ZMQ_XSUB, ZMQ_XPUB }, { "XSUB", "XPUB" },
    ZMQ_XPUB, ZMQ_XSUB, HWM_PUBLISHED
};
const kind_t perf_queue = {
    "queue", zrelay_queue, { ZMQ_ROUTER, ZMQ_DEALER }, { "ROUTER", "DEALER" },
    ZMQ_DEALER, ZMQ_DEALER, HWM_DEFAULT
};

static const kind_t *s_kinds [] = {
    &perf_streamer, &perf_forwarder, &perf_queue, NULL
};

const kind_t *
perf_kind (const char *name)
{
    const kind_t **kind = s_kinds;
    while (*kind && strneq ((*kind)->name, name))
        kind++;
    return *kind;
}

static void
s_require (bool condition, const char *what)
{
    if (!condition) {
        fprintf (stderr, "relay: %s: %s\n", what, zmq_strerror (errno));
        _exit (EXIT_FAILURE);
    }
}


//  --------------------------------------------------------------------------
//  Where a socket is bound really. zproxy does not tell, nor does a capture;
//  but the operating system does: the port is that of a listener that was not
//  there before.

#define DESCRIPTORS 65536

static bool s_known [DESCRIPTORS];

//  Nobody asks for the endpoints of other relays than the first
static bool s_all_resolved;

static int
s_listening_port (int handle)
{
    int listening = 0;
    socklen_t size = sizeof (listening);
    if (getsockopt (handle, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size)
    || !listening)
        return 0;
    struct sockaddr_in address;
    size = sizeof (address);
    if (getsockname (handle, (struct sockaddr *) &address, &size)
    ||  address.sin_family != AF_INET)
        return 0;
    return ntohs (address.sin_port);
}

static int
s_new_port (void)
{
    int port = 0;
    DIR *folder = opendir ("/proc/self/fd");
    s_require (folder != NULL, "/proc/self/fd");
    struct dirent *entry;
    while ((entry = readdir (folder))) {
        int handle = atoi (entry->d_name);
        if (handle >= DESCRIPTORS || s_known [handle])
            continue;
        int found = s_listening_port (handle);
        if (found) {
            s_known [handle] = true;
            port = found;
        }
    }
    closedir (folder);
    return port;
}

static void
s_resolve (char *endpoint)
{
    char *star = strstr (endpoint, ":*");
    if (star && !s_all_resolved) {
        int port = s_new_port ();
        s_require (port > 0, endpoint);
        snprintf (star, PERF_ENDPOINT_SIZE - (star - endpoint), ":%d", port);
    }
}


//  --------------------------------------------------------------------------
//  zrelay and zproxy: actors that take commands

static void
s_check (zactor_t *actor, const char *what)
{
    if (zsock_wait (actor)) {
        zstr_send (actor, "ERROR");
        char *name, *sentence = NULL;
        zstr_recvx (actor, &name, &sentence, NULL);
        fprintf (stderr, "relay: %s: %s\n", what, sentence);
        _exit (EXIT_FAILURE);
    }
}

static zactor_t *
s_zrelay_new (relay_t *relay)
{
    zactor_t *actor = zactor_new (relay->kind->actor, NULL);
    s_require (actor != NULL, relay->name);
    return actor;
}

//  The last thing to do: messages may be waiting, and pass from here on

static zactor_t *
s_zrelay_bind (relay_t *relay, zactor_t *actor)
{
    static const char *sides [] = { "FRONTEND", "BACKEND" };
    for (int side = FRONT; side <= BACK; side++) {
        zstr_sendx (actor, "BIND", sides [side], relay->ends [side], NULL);
        s_check (actor, relay->ends [side]);
        s_resolve (relay->ends [side]);
    }
    return actor;
}

static zactor_t *
s_zrelay (relay_t *relay)
{
    return s_zrelay_bind (relay, s_zrelay_new (relay));
}

//  Three ways to look at messages and pass them on: a kind's handler in either
//  form, and a filter. All do the least that can be done, and add up sizes.

static void *
s_look_create (zrelay_engine_t *engine)
{
    (void) engine;
    void *bytes = zmalloc (sizeof (size_t));
    assert (bytes);
    return bytes;
}

static void
s_look_destroy (void **object_p)
{
    freen (*object_p);
}

static zrelay_verdict_t
s_look (zrelay_engine_t *engine, void *object, zrelay_message_t *message)
{
    (void) engine;
    *(size_t *) object += zrelay_message_size (message, 0);
    return ZRELAY_VERDICT_PASS;
}

static zrelay_verdict_t
s_look_zmsg (zrelay_engine_t *engine, void *object, zmsg_t **msg_p)
{
    (void) engine;
    *(size_t *) object += zframe_size (zmsg_first (*msg_p));
    return ZRELAY_VERDICT_PASS;
}

static zrelay_verdict_t
s_look_filter (zmsg_t **msg_p, void *arg)
{
    *(size_t *) arg += zframe_size (zmsg_first (*msg_p));
    return ZRELAY_VERDICT_PASS;
}

//  A kind must outlive its actors, which may be several

static zactor_t *
s_zrelay_spawn (relay_t *relay, zrelay_kind_t *kind)
{
    kind->frontend.types = relay->kind->names [FRONT];
    kind->backend.types = relay->kind->names [BACK];
    zactor_t *actor = zrelay_engine_spawn (kind, NULL);
    s_require (actor != NULL, relay->name);
    return s_zrelay_bind (relay, actor);
}

static zactor_t *
s_zrelay_look (relay_t *relay)
{
    static zrelay_kind_t kind = {
        ZRELAY_KIND,
        .name = "look",
        .create = s_look_create,
        .destroy = s_look_destroy,
        .on_forward = s_look
    };
    return s_zrelay_spawn (relay, &kind);
}

static zactor_t *
s_zrelay_zmsg (relay_t *relay)
{
    static zrelay_kind_t kind = {
        ZRELAY_KIND,
        .name = "look-zmsg",
        .create = s_look_create,
        .destroy = s_look_destroy,
        .on_forward_zmsg = s_look_zmsg
    };
    return s_zrelay_spawn (relay, &kind);
}

static zactor_t *
s_zrelay_filter (relay_t *relay)
{
    static size_t seen;
    zactor_t *actor = s_zrelay_new (relay);
    zsock_send (actor, "sspp", "FILTER", "FORWARD", s_look_filter, &seen);
    s_check (actor, "FILTER");
    return s_zrelay_bind (relay, actor);
}

//  Rules about topics that see each message. A longer name needs a new frame,
//  one as long as the old does not.

typedef struct {
    const char *name;           //  Of the make
    const char *rule;           //  Which
    const char *topic;          //  What it is about
    const char *to;             //  The new name, or NULL
} rule_t;

static const rule_t s_rules [] = {
    { "zrelay-only", "only", "A", NULL },
    { "zrelay-except", "except", "AB", NULL },
    { "zrelay-rename", "rename", "A", "site.A" },
    { "zrelay-rules", "only", "A", NULL },
    { "zrelay-rules", "except", "AB", NULL },
    { "zrelay-rules", "rename", "A", "B" },
    { NULL, NULL, NULL, NULL }
};

static zactor_t *
s_zrelay_rules (relay_t *relay)
{
    zactor_t *actor = s_zrelay_new (relay);
    for (const rule_t *rule = s_rules; rule->name; rule++)
        if (streq (rule->name, relay->name)) {
            zstr_sendx (actor, "RULE", "FORWARD", rule->rule, rule->topic,
                        rule->to, NULL);
            s_check (actor, "RULE");
        }
    return s_zrelay_bind (relay, actor);
}

//  Looks on for half a millisecond, longer than a worker takes to reply

static zactor_t *
s_zrelay_spin (relay_t *relay)
{
    zactor_t *actor = s_zrelay_new (relay);
    zstr_sendx (actor, "SET", "RELAY", "spin", "500", NULL);
    s_check (actor, "SET RELAY spin");
    return s_zrelay_bind (relay, actor);
}

static zactor_t *
s_zrelay_capture (relay_t *relay)
{
    zactor_t *actor = s_zrelay_new (relay);
    char *endpoint = zsys_sprintf ("@%s", relay->ends [CAPTURE]);
    zstr_sendx (actor, "CAPTURE", endpoint, NULL);
    s_check (actor, "CAPTURE");
    s_resolve (relay->ends [CAPTURE]);
    zstr_free (&endpoint);
    return s_zrelay_bind (relay, actor);
}

static zactor_t *
s_zproxy (relay_t *relay)
{
    zactor_t *actor = zactor_new (zproxy, NULL);
    s_require (actor != NULL, relay->name);
    static const char *sides [] = { "FRONTEND", "BACKEND" };
    for (int side = FRONT; side <= BACK; side++) {
        char *endpoint = zsys_sprintf ("@%s", relay->ends [side]);
        zstr_sendx (actor, sides [side], relay->kind->names [side], endpoint,
                    NULL);
        s_check (actor, relay->ends [side]);
        s_resolve (relay->ends [side]);
        zstr_free (&endpoint);
    }
    return actor;
}


//  --------------------------------------------------------------------------
//  zmq_proxy, zrelay_device_run and the bare loop: functions that take sockets

//  Receives and sends, and does nothing else. No relay that is built on libzmq
//  can cost less: it waits for its inputs only, and if an output is full, it
//  waits there, deaf to the other side.

static void
s_move (void *from, void *to, zmq_msg_t *frame)
{
    while (zmq_msg_recv (frame, from, ZMQ_DONTWAIT) != -1)
        zmq_msg_send (frame, to, zmq_msg_more (frame)? ZMQ_SNDMORE: 0);
}

static int
s_loop (void *front, void *back, void *capture)
{
    (void) capture;
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    int type;
    size_t size = sizeof (type);
    zmq_getsockopt (back, ZMQ_TYPE, &type, &size);
    int inputs = type == ZMQ_PUSH? 1: 2;
    zmq_pollitem_t items [] = {
        { front, 0, ZMQ_POLLIN, 0 },
        { back, 0, ZMQ_POLLIN, 0 }
    };
    while (zmq_poll (items, inputs, -1) >= 0) {
        if (items [0].revents)
            s_move (front, back, &frame);
        if (items [1].revents)
            s_move (back, front, &frame);
    }
    return 0;
}

//  A make is an actor of its own, or a function that takes sockets; those that
//  are neither are not started in this process

typedef struct {
    const char *name;
    zactor_t *(*start) (relay_t *relay);
    int (*run) (void *front, void *back, void *capture);
    bool captures;                          //  Has a third end
} make_t;

typedef struct {
    relay_t *relay;
    const make_t *make;
} raw_t;

static void *
s_bind (int type, int hwm, char *endpoint)
{
    void *handle = zmq_socket (zsys_init (), type);
    s_require (handle != NULL, "socket");
    zmq_setsockopt (handle, ZMQ_SNDHWM, &hwm, sizeof (hwm));
    zmq_setsockopt (handle, ZMQ_RCVHWM, &hwm, sizeof (hwm));
    s_require (zmq_bind (handle, endpoint) == 0, endpoint);
    s_resolve (endpoint);
    return handle;
}

static void
s_raw_actor (zsock_t *pipe, void *args)
{
    raw_t raw = *(raw_t *) args;
    const kind_t *kind = raw.relay->kind;
    void *handles [ENDS] = { NULL };
    for (int side = FRONT; side <= BACK; side++)
        handles [side] = s_bind (kind->types [side], kind->hwm,
                                 raw.relay->ends [side]);
    if (raw.make->captures)
        handles [CAPTURE] = s_bind (ZMQ_PUSH, kind->hwm,
                                    raw.relay->ends [CAPTURE]);
    zsock_signal (pipe, 0);
    raw.make->run (handles [FRONT], handles [BACK], handles [CAPTURE]);
}


//  --------------------------------------------------------------------------
//  All makes

static const make_t s_makes [] = {
    { "zrelay", s_zrelay, NULL, false },
    { "zrelay-look", s_zrelay_look, NULL, false },
    { "zrelay-zmsg", s_zrelay_zmsg, NULL, false },
    { "zrelay-filter", s_zrelay_filter, NULL, false },
    { "zrelay-only", s_zrelay_rules, NULL, false },
    { "zrelay-except", s_zrelay_rules, NULL, false },
    { "zrelay-rename", s_zrelay_rules, NULL, false },
    { "zrelay-rules", s_zrelay_rules, NULL, false },
    { "zrelay-capture", s_zrelay_capture, NULL, true },
    { "zrelay-spin", s_zrelay_spin, NULL, false },
    { "zrelay_device_run", NULL, zrelay_device_run, false },
    { "zproxy", s_zproxy, NULL, false },
    { "zmq_proxy", NULL, zmq_proxy, false },
    { "zmq_proxy-capture", NULL, zmq_proxy, true },
    { "loop", NULL, s_loop, false },
    { "direct", NULL, NULL, false },
    { "pyzmq", NULL, NULL, false },
    { NULL, NULL, NULL, false }
};

static const make_t *
s_make (const char *name)
{
    const make_t *make = s_makes;
    while (make->name && strneq (make->name, name))
        make++;
    return make;
}

bool
perf_relay_known (const char *name)
{
    return s_make (name)->name != NULL;
}

bool
perf_relay_captures (const char *name)
{
    return s_make (name)->captures;
}

void
perf_relay_prepare (const kind_t *kind)
{
    zsys_handler_set (NULL);
    zsys_set_max_sockets (0);
    zsys_set_sndhwm (kind->hwm);
    zsys_set_rcvhwm (kind->hwm);
}

static zactor_t *
s_start (const make_t *make, relay_t *relay)
{
    raw_t raw = { relay, make };
    return make->start? make->start (relay): zactor_new (s_raw_actor, &raw);
}

zactor_t *
perf_relay_start (relay_t *relay)
{
    relay_t others = *relay;
    const make_t *make = s_make (relay->name);
    errno = EINVAL;
    s_require (make->start || make->run, relay->name);
    zactor_t *first = s_start (make, relay);
    s_require (first != NULL, relay->name);
    s_all_resolved = relay->count > 1;
    for (int count = 1; count < relay->count; count++) {
        relay_t other = others;
        for (int end = 0; end < ENDS; end++)
            if (!strstr (other.ends [end], ":*"))
                snprintf (other.ends [end] + strlen (other.ends [end]), 12,
                          "-%d", count);
        s_require (s_start (make, &other) != NULL, relay->name);
    }
    return first;
}

void
perf_relay_serve (relay_t *relay, zactor_t *actor)
{
    while (relay->stats == 0)
        pause ();
    struct timespec pace = { 0, 1000000000L / relay->stats };
    if (relay->stats == 1)
        pace = (struct timespec) { 1, 0 };
    zrelay_client_t *client = zrelay_client_new (actor);
    while (true) {
        nanosleep (&pace, NULL);
        zrelay_stats_t *stats = zrelay_client_stats (client);
        s_require (stats != NULL, "STATS");
        zrelay_stats_destroy (&stats);
    }
}
