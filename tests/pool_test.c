/*  =========================================================================
    pool_test - workers and clients in C, and what may become of them

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  The forms of workers and clients are tables, written from those of the
//  protocols (ZeroMQ RFC 6, 7 and 18). Every form of worker serves every form
//  of client; is killed with a request in hand; and breaks off in the middle of
//  its reply. Then come clients that never read, hundreds of workers, peers by
//  inproc, and the end of the relay with work inside.

#include "kind_testing.h"
#include "faults/wire.h"
#include <signal.h>

#define DEADLINE        240         //  Seconds for everything
#define FRAMES_MOST     8           //  Frames in front of a message
#define BODY_MOST       20          //  Frames of a body
#define CROWD           200         //  Workers in a crowd
#define FILL_BODY       20000       //  Bytes in each reply that is not read
#define FILL_HWM        "10"        //  Such replies that there is room for
#define FILL_COUNT      2000        //  How many are more than that

//  Frames that stand in front of a message, ended by NULL
typedef const char *const prefix_t [FRAMES_MOST];

//  One form of worker. What follows the prefix of a request is to follow that
//  of the reply: the client's address, an empty frame, and the body.
typedef struct {
    const char *kind;           //  Of relay
    const char *name;
    int type;                   //  Of socket
    prefix_t ready;             //  The message that it begins with
    prefix_t beat;              //  That both sides send meanwhile, if any
    prefix_t request;           //  Prefixes
    prefix_t reply;
} worker_form_t;

static const worker_form_t s_workers [] = {
    { "balancer", "READY", ZMQ_REQ, { "READY" }, { NULL }, { NULL }, { NULL } },
    { "balancer", "Simple Pirate", ZMQ_REQ,
      { "\1" }, { NULL }, { NULL }, { NULL } },
    { "balancer", "Paranoid Pirate", ZMQ_DEALER,
      { "\1" }, { "\2" }, { NULL }, { NULL } },
    { "majordomo", "MDP 0.1", ZMQ_DEALER, { "", "MDPW01", "\1", "echo" },
      { "", "MDPW01", "\4" }, { "", "MDPW01", "\2" }, { "", "MDPW01", "\3" } },
    { "majordomo", "MDP 0.2", ZMQ_DEALER, { "MDPW02", "\1", "echo" },
      { "MDPW02", "\5" }, { "MDPW02", "\2" }, { "MDPW02", "\4" } },
    { .kind = NULL }
};

//  One form of client
typedef struct {
    const char *kind;           //  Of relay
    const char *name;
    int type;                   //  Of socket
    prefix_t request;           //  Prefixes
    prefix_t reply;
} client_form_t;

static const client_form_t s_clients [] = {
    { "balancer", "REQ", ZMQ_REQ, { NULL }, { NULL } },
    { "balancer", "DEALER", ZMQ_DEALER, { "" }, { "" } },
    { "balancer", "bare DEALER", ZMQ_DEALER, { NULL }, { NULL } },
    { "majordomo", "MDP 0.1 REQ", ZMQ_REQ,
      { "MDPC01", "echo" }, { "MDPC01", "echo" } },
    { "majordomo", "MDP 0.1 DEALER", ZMQ_DEALER,
      { "", "MDPC01", "echo" }, { "", "MDPC01", "echo" } },
    { "majordomo", "MDP 0.2", ZMQ_DEALER,
      { "MDPC02", "\1", "echo" }, { "MDPC02", "\3", "echo" } },
    { .kind = NULL }
};


//  --------------------------------------------------------------------------
//  Messages with prefixes

//  Put a prefix in front of a message, and send it.

static void
s_send (zsock_t *sock, prefix_t prefix, zmsg_t **msg_p)
{
    size_t count = 0;
    while (prefix [count])
        count++;
    while (count-- > 0)
        zmsg_pushstr (*msg_p, prefix [count]);
    int rc = zmsg_send (msg_p, sock);
    assert (rc == 0);
}

//  Take a prefix off a message; false if it is not there.

static bool
s_take_prefix (zmsg_t *msg, prefix_t prefix)
{
    bool same = true;
    for (; *prefix && same; prefix++) {
        char *text = zmsg_popstr (msg);
        same = text && streq (text, *prefix);
        zstr_free (&text);
    }
    return same;
}

//  True if that is all of the message.

static bool
s_is (zmsg_t *msg, prefix_t prefix)
{
    zframe_t *frame = zmsg_first (msg);
    for (; frame && *prefix; frame = zmsg_next (msg))
        if (!zframe_streq (frame, *prefix++))
            return false;
    return !frame && !*prefix;
}

//  A body of so many frames, the first of which is text.

static zmsg_t *
s_body (const char *text, size_t frames)
{
    zmsg_t *msg = zmsg_new ();
    assert (msg);
    zmsg_addstr (msg, text);
    for (size_t index = 1; index < frames; index++)
        zmsg_addstrf (msg, "%zu", index);
    return msg;
}

static void
s_ask (zsock_t *sock, const client_form_t *form, const char *text,
       size_t frames)
{
    zmsg_t *msg = s_body (text, frames);
    s_send (sock, form->request, &msg);
}

//  True if the next message is the reply with that body.

static bool
s_answered (zsock_t *sock, const client_form_t *form, const char *text,
            size_t frames)
{
    zmsg_t *msg = zmsg_recv (sock);
    zmsg_t *body = s_body (text, frames);
    bool same = msg && s_take_prefix (msg, form->reply)
             && zmsg_eq (msg, body);
    if (!same && msg)
        zmsg_print (msg);
    zmsg_destroy (&body);
    zmsg_destroy (&msg);
    return same;
}

//  Receive the next request: its address, the empty frame, and its body; NULL
//  if there is none. Heartbeats are passed over.

static zmsg_t *
s_take (zsock_t *sock, const worker_form_t *form)
{
    zmsg_t *msg = zmsg_recv (sock);
    while (msg && *form->beat && s_is (msg, form->beat)) {
        zmsg_destroy (&msg);
        msg = zmsg_recv (sock);
    }
    if (msg && !s_take_prefix (msg, form->request))
        zmsg_destroy (&msg);
    return msg;
}

//  Serve one request by returning it. False if there is none.

static bool
s_serve (zsock_t *sock, const worker_form_t *form)
{
    zmsg_t *request = s_take (sock, form);
    bool taken = request != NULL;
    if (taken)
        s_send (sock, form->reply, &request);
    return taken;
}

static void
s_ready (zsock_t *sock, const worker_form_t *form)
{
    zmsg_t *msg = zmsg_new ();
    assert (msg);
    s_send (sock, form->ready, &msg);
}


//  --------------------------------------------------------------------------
//  A relay, and where its peers connect

typedef struct {
    zactor_t *relay;
    char *clients;              //  Endpoints
    char *workers;
} place_t;

static place_t
s_open (const char *kind)
{
    place_t place = { .relay = kind_spawn (
        zrelay_kinds_find (zrelay_kinds (), kind), NULL) };
    place.clients = faults_bind (place.relay, "FRONTEND");
    place.workers = streq (kind, "majordomo")? strdup (place.clients):
                    faults_bind (place.relay, "BACKEND");
    return place;
}

//  True if all requests are accounted for.

static bool
s_accounts (place_t *place)
{
    static const char *const parts [] = {
        "replies", "requests_waiting", "requests_in_hand",
        "forward.dropped_queue_full", "forward.dropped_deadline",
        "forward.dropped_retries", "forward.dropped_client_gone", NULL
    };
    uint64_t sum = 0;
    for (const char *const *part = parts; *part; part++)
        sum += faults_counter (place->relay, *part);
    return kind_counts (place->relay, "requests", sum);
}

static void
s_close (place_t *place)
{
    zactor_destroy (&place->relay);
    zstr_free (&place->clients);
    zstr_free (&place->workers);
}

//  Wait until a gauge or a count has just that value.

typedef struct {
    zactor_t *relay;
    const char *name;
    uint64_t value;
} expected_t;

static bool
s_is_value (void *arg)
{
    expected_t *self = (expected_t *) arg;
    return faults_counter (self->relay, self->name) == self->value;
}

static bool
s_becomes (place_t *place, const char *name, uint64_t value)
{
    expected_t expected = { place->relay, name, value };
    return faults_wait (s_is_value, &expected, FAULTS_PATIENCE)
        || kind_counts (place->relay, name, value);
}

//  A worker that is ready, and that the relay has heard.

static zsock_t *
s_join (place_t *place, const worker_form_t *form)
{
    uint64_t before = faults_counter (place->relay, "workers");
    zsock_t *sock = faults_connect (form->type, place->workers);
    s_ready (sock, form);
    bool heard = s_becomes (place, "workers", before + 1);
    assert (heard);
    return sock;
}

static const client_form_t *
s_client_of (const worker_form_t *worker)
{
    const client_form_t *form = s_clients;
    while (!streq (form->kind, worker->kind) || form->type == ZMQ_REQ)
        form++;
    return form;
}


//  --------------------------------------------------------------------------
//  Processes that work until they are killed

//  FORM ENDPOINT: take a request, and hang

static int
s_labourer (int argc, char **argv)
{
    assert (argc == 2);
    const worker_form_t *form = &s_workers [atoi (argv [0])];
    zsock_t *sock = faults_connect (form->type, argv [1]);
    s_ready (sock, form);
    zmsg_t *request = s_take (sock, form);
    zmsg_destroy (&request);
    pause ();
    return 1;
}

static const faults_role_t s_roles [] = {
    { "labourer", s_labourer }, { NULL, NULL }
};


//  --------------------------------------------------------------------------
//  Every form of worker with every form of client

static bool
s_converse (zsock_t *worker, const worker_form_t *worker_form,
            zsock_t *client, const client_form_t *client_form)
{
    bool good = true;
    for (size_t frames = 1; frames <= BODY_MOST && good; frames++) {
        s_ask (client, client_form, "hello", frames);
        good = s_serve (worker, worker_form)
            && s_answered (client, client_form, "hello", frames);
    }
    return good;
}

static void
s_test_forms (const worker_form_t *form)
{
    place_t place = s_open (form->kind);
    zsock_t *worker = s_join (&place, form);
    const client_form_t *client_form = s_clients;
    for (; client_form->kind; client_form++) {
        if (!streq (client_form->kind, form->kind))
            continue;
        zsock_t *client = faults_connect (client_form->type, place.clients);
        TAP (s_converse (worker, form, client, client_form),
             "%s: a %s worker serves a %s client", form->kind, form->name,
             client_form->name);
        zsock_destroy (&client);
    }
    TAP (s_accounts (&place), "%s: all requests are accounted for",
         form->name);
    zsock_destroy (&worker);
    s_close (&place);
}


//  --------------------------------------------------------------------------
//  Workers that are killed, and that break off

static void
s_test_killed (const worker_form_t *form)
{
    place_t place = s_open (form->kind);
    char number [4];
    snprintf (number, sizeof (number), "%d", (int) (form - s_workers));
    pid_t labourer = faults_spawn ("labourer", number, place.workers, NULL);
    bool heard = s_becomes (&place, "workers", 1);
    const client_form_t *client_form = s_client_of (form);
    zsock_t *client = faults_connect (client_form->type, place.clients);
    s_ask (client, client_form, "hello", 3);
    bool given = s_becomes (&place, "requests_in_hand", 1);
    zsock_t *worker = s_join (&place, form);
    faults_kill (labourer);
    bool served = s_serve (worker, form);
    TAP (heard && given && served
      && s_answered (client, client_form, "hello", 3),
         "%s: a worker is killed, and another gets its request", form->name);
    TAP (kind_counts (place.relay, "requests_retried", 1)
      && kind_counts (place.relay, "workers_lost", 1)
      && kind_counts (place.relay, "workers", 1)
      && kind_silent (client) && s_accounts (&place),
         "%s: that is counted, and there is one reply", form->name);
    zsock_destroy (&client);
    zsock_destroy (&worker);
    s_close (&place);
}

//  A connection of the worker's own, which sends frames one by one

static void
s_wire_frames (int fd, const char *const *frames, bool more)
{
    for (; *frames; frames++) {
        byte flags = more || frames [1]? WIRE_MORE: 0;
        bool sent = wire_frame (fd, flags, *frames, strlen (*frames));
        assert (sent);
    }
}

static void
s_test_half_reply (const worker_form_t *form)
{
    place_t place = s_open (form->kind);
    int fd = wire_connect (place.workers);
    bool shaken = fd != -1
        && wire_handshake (fd, form->type == ZMQ_REQ? "REQ": "DEALER");
    assert (shaken);
    //  A REQ socket makes an empty frame
    static const char *const empty [] = { "", NULL };
    if (form->type == ZMQ_REQ)
        s_wire_frames (fd, empty, true);
    s_wire_frames (fd, form->ready, false);
    bool heard = s_becomes (&place, "workers", 1);

    const client_form_t *client_form = s_client_of (form);
    zsock_t *client = zsock_new (client_form->type);
    assert (client);
    zsock_set_identity (client, "me");
    zsock_set_rcvtimeo (client, FAULTS_PATIENCE);
    int rc = zsock_connect (client, "%s", place.clients);
    assert (rc == 0);
    s_ask (client, client_form, "hello", 3);
    bool given = s_becomes (&place, "requests_in_hand", 1);
    zsock_t *worker = s_join (&place, form);

    //  All of the reply but its end
    static const char *const half [] = { "me", "", "half", "a reply", NULL };
    if (form->type == ZMQ_REQ)
        s_wire_frames (fd, empty, true);
    s_wire_frames (fd, form->reply, true);
    s_wire_frames (fd, half, true);
    wire_close (fd, false);
    bool served = s_serve (worker, form);
    TAP (heard && given && served
      && s_answered (client, client_form, "hello", 3)
      && kind_silent (client)
      && kind_counts (place.relay, "requests_retried", 1)
      && s_accounts (&place),
         "%s: half a reply is none, and another worker gets the request",
         form->name);
    zsock_destroy (&client);
    zsock_destroy (&worker);
    s_close (&place);
}


//  --------------------------------------------------------------------------
//  A client that never reads

static void
s_test_client_never_reads (const worker_form_t *form)
{
    place_t place = s_open (form->kind);
    //  For connections that come later
    int rc = faults_command (place.relay, "SET", "FRONTEND", "sndhwm",
                             FILL_HWM, NULL);
    assert (rc == 0);
    char *old = place.clients;
    place.clients = faults_bind (place.relay, "FRONTEND");
    zstr_free (&old);
    zsock_t *worker = s_join (&place, form);
    const client_form_t *client_form = s_client_of (form);
    zsock_t *deaf = zsock_new (client_form->type);
    assert (deaf);
    zsock_set_rcvhwm (deaf, 1);
    zsock_set_rcvbuf (deaf, FILL_BODY);
    rc = zsock_connect (deaf, "%s", place.clients);
    assert (rc == 0);
    zsock_t *client = faults_connect (client_form->type, place.clients);
    char *text = (char *) zmalloc (FILL_BODY + 1);
    memset (text, 'x', FILL_BODY);
    bool good = true;
    for (int index = 0; index < FILL_COUNT && good; index++) {
        s_ask (deaf, client_form, text, 1);
        good = s_serve (worker, form);
        if (index % 10)
            continue;
        s_ask (client, client_form, "hello", 1);
        good = good && s_serve (worker, form)
            && s_answered (client, client_form, "hello", 1);
    }
    uint64_t full = faults_counter (place.relay,
        streq (form->kind, "majordomo")? "forward.dropped_full":
                                         "return.dropped_full");
    TAP (good && full > 0,
         "%s: a client never reads; others, and its worker, go on",
         form->name);
    TAP (kind_counts (place.relay, "workers_lost", 0)
      && s_becomes (&place, "requests_in_hand", 0)
      && s_accounts (&place),
         "%s: replies that it does not take are counted", form->name);
    zstr_free (&text);
    zsock_destroy (&client);
    zsock_destroy (&deaf);
    zsock_destroy (&worker);
    s_close (&place);
}


//  --------------------------------------------------------------------------
//  Hundreds of workers, used in the order in which they became free

static bool
s_all_in_order (zsock_t **crew, const worker_form_t *form, zsock_t *client,
                const client_form_t *client_form, size_t from)
{
    bool good = true;
    for (size_t index = from; index < CROWD && good; index++) {
        s_ask (client, client_form, "hello", 1);
        good = s_serve (crew [index], form)
            && s_answered (client, client_form, "hello", 1);
    }
    return good;
}

static void
s_test_crowd (const worker_form_t *form)
{
    place_t place = s_open (form->kind);
    zsock_t *crew [CROWD];
    for (size_t index = 0; index < CROWD; index++)
        crew [index] = s_join (&place, form);
    const client_form_t *client_form = s_client_of (form);
    zsock_t *client = faults_connect (client_form->type, place.clients);
    bool first = s_all_in_order (crew, form, client, client_form, 0);
    bool second = s_all_in_order (crew, form, client, client_form, 0);
    TAP (first && second, "%s: %d workers are used in turn", form->name,
         CROWD);
    for (size_t index = 0; index < CROWD / 2; index++)
        zsock_destroy (&crew [index]);
    bool gone = s_becomes (&place, "workers", CROWD - CROWD / 2);
    TAP (gone && s_all_in_order (crew, form, client, client_form, CROWD / 2)
      && kind_counts (place.relay, "workers_lost", CROWD / 2),
         "%s: half of them leave, and the others are used in turn",
         form->name);
    for (size_t index = CROWD / 2; index < CROWD; index++)
        zsock_destroy (&crew [index]);
    zsock_destroy (&client);
    s_close (&place);
}


//  --------------------------------------------------------------------------
//  Peers by inproc, of which the relay does not see that they go

static void
s_test_inproc (const worker_form_t *form)
{
    place_t place = s_open (form->kind);
    zstr_free (&place.workers);
    place.workers = strdup ("inproc://workers");
    bool majordomo = streq (form->kind, "majordomo");
    int rc = faults_command (place.relay, "BIND",
                             majordomo? "FRONTEND": "BACKEND", place.workers,
                             NULL);
    assert (rc == 0);
    rc = faults_command (place.relay, "SET", "RELAY", "heartbeat", "100", NULL);
    assert (rc == 0);
    zsock_t *worker = s_join (&place, form);
    const client_form_t *client_form = s_client_of (form);
    zsock_t *client = faults_connect (client_form->type, place.clients);
    TAP (s_converse (worker, form, client, client_form),
         "%s by inproc: a worker serves a client", form->name);

    //  One with heartbeats goes with a request in hand
    s_ask (client, client_form, "hello", 3);
    zmsg_t *request = s_take (worker, form);
    bool taken = request != NULL;
    zmsg_destroy (&request);
    if (*form->beat) {
        zmsg_t *beat = zmsg_new ();
        s_send (worker, form->beat, &beat);
        zsock_destroy (&worker);
        bool lost = s_becomes (&place, "workers_lost", 1);
        worker = s_join (&place, form);
        TAP (taken && lost && s_serve (worker, form)
          && s_answered (client, client_form, "hello", 3),
             "%s by inproc: one that goes is missed by its heartbeats",
             form->name);
    }
    TAP (s_accounts (&place), "%s by inproc: requests are accounted for",
         form->name);
    zsock_destroy (&client);
    zsock_destroy (&worker);
    s_close (&place);
}


//  --------------------------------------------------------------------------
//  The relay ends with requests that wait and are in hand

static void
s_test_end (const worker_form_t *form, const char *command)
{
    place_t place = s_open (form->kind);
    const client_form_t *client_form = s_client_of (form);
    zsock_t *client = faults_connect (client_form->type, place.clients);
    zsock_t *worker = s_join (&place, form);
    for (size_t index = 0; index < 10; index++)
        s_ask (client, client_form, "hello", BODY_MOST);
    bool held = s_becomes (&place, "requests_in_hand", 1)
             && s_becomes (&place, "requests_waiting", 9);
    if (streq (command, "DRAIN"))
        kind_send (place.relay, "DRAIN", "60000", NULL);
    else
    if (*command)
        faults_command (place.relay, command, NULL);
    bool prompt = faults_prompt (faults_end_relay (&place.relay));
    TAP (held && prompt, "%s: the relay ends at once with work inside%s%s",
         form->name, *command? ", after ": "", command);
    zsock_destroy (&client);
    zsock_destroy (&worker);
    s_close (&place);
}

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, s_roles);
    TAP_DEADLINE (DEADLINE);
    const worker_form_t *form = s_workers;
    for (; form->kind; form++) {
        s_test_forms (form);
        s_test_killed (form);
        s_test_half_reply (form);
        s_test_client_never_reads (form);
        s_test_crowd (form);
        s_test_inproc (form);
        s_test_end (form, "");
        s_test_end (form, "PAUSE");
        s_test_end (form, "DRAIN");
    }
    return faults_end ();
}
