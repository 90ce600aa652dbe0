/*  =========================================================================
    client_test - zrelay_client and real relays

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  The class's own test plays the relay itself. Here the same calls go to real
//  relays, over their pipes and over a control endpoint: also while answers to
//  bare words lie in the pipe unread, while a DRAIN is under way, and after
//  calls that timed out.

#include "faults/faults.h"
#include <pthread.h>

#define DEADLINE        120         //  Seconds for everything
#define LIMIT           30000       //  Milliseconds for a call: only a hang
#define HURRIED         10          //  Calls that are not waited for
#define ANYWHERE        "tcp://127.0.0.1:*"

//  A queue with a client and a worker
typedef struct {
    zactor_t *relay;
    zrelay_client_t *client;        //  Steers it
    zsock_t *requester;             //  REQ
    zsock_t *worker;                //  REP
} bench_t;

static zsock_t *
s_attach (zrelay_client_t *client, const char *side, int type)
{
    zrelay_client_command (client, "BIND", side, ANYWHERE, NULL);
    char *endpoint = zrelay_client_ask (client, "ENDPOINT", side, NULL);
    zsock_t *sock = endpoint? faults_connect (type, endpoint): NULL;
    assert (sock);
    zstr_free (&endpoint);
    return sock;
}

static bench_t
s_open (void)
{
    bench_t bench = { .relay = zactor_new (zrelay_queue, "orders") };
    assert (bench.relay);
    zsock_set_rcvtimeo (bench.relay, LIMIT);
    bench.client = zrelay_client_new (bench.relay);
    assert (bench.client);
    zrelay_client_set_timeout (bench.client, LIMIT);
    bench.requester = s_attach (bench.client, "FRONTEND", ZMQ_REQ);
    bench.worker = s_attach (bench.client, "BACKEND", ZMQ_REP);
    return bench;
}

static void
s_close (bench_t *bench)
{
    zrelay_client_destroy (&bench->client);
    zactor_destroy (&bench->relay);
    zsock_destroy (&bench->requester);
    zsock_destroy (&bench->worker);
}

static bool
s_receives (zsock_t *sock, const char *expected)
{
    char *string = zstr_recv (sock);
    bool same = string && streq (string, expected);
    zstr_free (&string);
    return same;
}

//  A request that has reached the worker, which keeps a DRAIN waiting, and its
//  reply

static bool
s_request (bench_t *bench)
{
    zstr_send (bench->requester, "request");
    return s_receives (bench->worker, "request");
}

static bool
s_reply (bench_t *bench)
{
    zstr_send (bench->worker, "reply");
    return s_receives (bench->requester, "reply");
}

//  True if the answer to a query of up to two arguments begins with that string

static bool
s_asks (zrelay_client_t *client, const char *expected, const char *query,
        const char *one, const char *two)
{
    char *string = zrelay_client_ask (client, query, one, two, NULL);
    bool same = string && streq (string, expected);
    if (!same)
        printf ("#   %s: '%s', %s\n", query, string? string: "",
                zrelay_client_error (client));
    zstr_free (&string);
    return same;
}

//  True if the last call failed with that status, and a sentence with that word

static bool
s_failed (zrelay_client_t *client, int status, const char *word)
{
    bool same = zrelay_client_status (client) == status
             && strstr (zrelay_client_error (client), word);
    if (!same)
        printf ("#   status %d, %s\n", zrelay_client_status (client),
                zrelay_client_error (client));
    return same;
}

static bool
s_is_state (zrelay_client_t *client, const char *state)
{
    zrelay_stats_t *stats = zrelay_client_stats (client);
    bool same = stats && streq (zrelay_stats_state (stats), state)
             && s_asks (client, state, "STATE", NULL, NULL);
    zrelay_stats_destroy (&stats);
    return same;
}


//  --------------------------------------------------------------------------
//  The tests

static void
s_test_steering (void)
{
    zactor_t *idle = zactor_new (zrelay_queue, NULL);
    zrelay_client_t *client = zrelay_client_new (idle);
    TAP (s_is_state (client, "idle"), "a new relay is idle");
    zrelay_client_destroy (&client);
    zactor_destroy (&idle);

    bench_t bench = s_open ();
    client = bench.client;
    TAP (s_is_state (client, "active"), "it is active with both sides bound");
    TAP (s_request (&bench) && s_reply (&bench), "and carries messages");

    zrelay_stats_t *stats = zrelay_client_stats (client);
    TAP (stats && streq (zrelay_stats_name (stats), "orders")
      && zrelay_stats_value (stats, "frontend.in.messages") == 1
      && zrelay_stats_value (stats, "frontend.out.messages") == 1,
         "which it counts");
    zrelay_stats_destroy (&stats);

    TAP (zrelay_client_command (client, "SET", "BACKEND", "rate", "77",
                                NULL) == ZRELAY_STATUS_DONE
      && s_asks (client, "77", "GET", "BACKEND", "rate"),
         "an option is set and returned");
    TAP (zrelay_client_command (client, "PAUSE", NULL) == ZRELAY_STATUS_DONE
      && s_is_state (client, "paused")
      && zrelay_client_command (client, "RESUME", NULL) == ZRELAY_STATUS_DONE
      && s_is_state (client, "active"), "it pauses and resumes");

    zmsg_t *frames = zrelay_client_query (client, "PEERS", "FRONTEND", NULL);
    char *peers = frames? zmsg_popstr (frames): NULL;
    char *address = frames? zmsg_popstr (frames): NULL;
    TAP (peers && streq (peers, "1")
      && address && strstr (address, "tcp://127.0.0.1:") == address
      && zmsg_size (frames) == 0,
         "PEERS has several frames, without its name");
    zstr_free (&peers);
    zstr_free (&address);
    zmsg_destroy (&frames);
    frames = zrelay_client_query (client, "PING", NULL);
    TAP (frames && zmsg_size (frames) == 0, "PING has none");
    zmsg_destroy (&frames);

    zrelay_client_command (client, "DANCE", NULL);
    TAP (s_failed (client, ZRELAY_STATUS_UNKNOWN, "DANCE"),
         "an unknown command is refused");
    zrelay_client_command (client, "BIND", "FRONTEND", NULL);
    TAP (s_failed (client, ZRELAY_STATUS_BAD_ARGUMENTS, "BIND"),
         "and one with too few arguments");
    TAP (!zrelay_client_ask (client, "GET", "BACKEND", "beauty", NULL)
      && s_failed (client, ZRELAY_STATUS_BAD_ARGUMENTS, "beauty"),
         "a query for an option that does not exist fails");
    char *taken = zrelay_client_ask (client, "ENDPOINT", "BACKEND", NULL);
    zrelay_client_command (client, "BIND", "FRONTEND", taken, NULL);
    TAP (s_failed (client, ZRELAY_STATUS_REFUSED, "in use"),
         "a bind that the system refuses fails");
    zstr_free (&taken);
    TAP (zrelay_client_command (client, "RESET", NULL) == ZRELAY_STATUS_DONE
      && streq (zrelay_client_error (client), ""),
         "the next command does not inherit its sentence");
    s_close (&bench);
}

static void
s_test_unread (void)
{
    bench_t bench = s_open ();
    zstr_send (bench.relay, "STATE");
    zstr_send (bench.relay, "DANCE");
    zstr_send (bench.relay, "PAUSE");
    zstr_sendx (bench.relay, "GET", "BACKEND", "sndhwm", NULL);
    TAP (s_is_state (bench.client, "paused"),
         "answers to bare words, unread, are not taken for its own");
    TAP (zrelay_client_command (bench.client, "RESUME", NULL)
         == ZRELAY_STATUS_DONE, "nor is the status of one that failed");
    TAP (!(zsock_events (bench.relay) & ZMQ_POLLIN),
         "afterwards the pipe is empty");
    zstr_send (bench.relay, "DANCE");
    TAP (zsock_wait (bench.relay) == ZRELAY_STATUS_UNKNOWN,
         "and bare words are answered as ever");
    s_close (&bench);
}

static void
s_test_draining (void)
{
    bench_t bench = s_open ();
    zrelay_client_t *client = bench.client;
    TAP (s_request (&bench), "a request is under way");
    zstr_sendx (bench.relay, "DRAIN", "60000", NULL);
    TAP (s_is_state (client, "draining"),
         "queries are answered while a DRAIN is under way");
    TAP (zrelay_client_command (client, "SET", "BACKEND", "rate", "78",
                                NULL) == ZRELAY_STATUS_DONE
      && s_asks (client, "78", "GET", "BACKEND", "rate"),
         "and so are commands");
    zrelay_client_command (client, "DRAIN", "1", NULL);
    TAP (s_failed (client, ZRELAY_STATUS_BAD_STATE, "DRAIN"),
         "a second DRAIN is refused");
    zrelay_client_command (client, "PAUSE", NULL);
    TAP (s_failed (client, ZRELAY_STATUS_BAD_STATE, "DRAIN"),
         "and so is a PAUSE");
    zrelay_client_destroy (&bench.client);
    TAP (s_reply (&bench) && zsock_wait (bench.relay) == ZRELAY_STATUS_DONE,
         "the bare DRAIN is answered when the reply is there");
    s_close (&bench);
}

static void
s_test_times_out (void)
{
    bench_t bench = s_open ();
    zrelay_client_t *client = bench.client;
    TAP (s_request (&bench), "a request is under way");
    zrelay_client_set_timeout (client, 1);
    zrelay_client_command (client, "DRAIN", "60000", NULL);
    TAP (s_failed (client, ZRELAY_STATUS_TIMEOUT,
                   "did not answer DRAIN within 1 ms"), "a DRAIN times out");
    zrelay_client_set_timeout (client, LIMIT);
    TAP (s_is_state (client, "draining"), "it is under way");
    //  RESUME makes the DRAIN fail, so this is when its answer comes
    TAP (zrelay_client_command (client, "RESUME", NULL) == ZRELAY_STATUS_DONE,
         "its late answer is not taken for that of RESUME");
    TAP (s_is_state (client, "active"), "nor for others");

    zrelay_client_command (client, "DRAIN", "1", NULL);
    TAP (zrelay_client_status (client) == ZRELAY_STATUS_BAD_STATE
      && *zrelay_client_error (client),
         "a DRAIN that fails within the client's limit says so");
    zrelay_client_command (client, "RESUME", NULL);

    zrelay_client_set_timeout (client, 0);
    for (int count = 0; count < HURRIED; count++)
        zrelay_client_command (client, "DANCE", NULL);
    zrelay_client_set_timeout (client, LIMIT);
    TAP (s_is_state (client, "active"),
         "answers to hurried commands do not disturb later ones");
    TAP (s_reply (&bench), "and messages are carried");
    TAP (zrelay_client_command (client, "DRAIN", "60000", NULL)
         == ZRELAY_STATUS_DONE, "a DRAIN that succeeds is done");
    s_close (&bench);
}


//  --------------------------------------------------------------------------
//  A function of the relay's thread

static zrelay_verdict_t
s_filter (zmsg_t **msg_p, void *arg)
{
    zframe_t *body = zmsg_last (*msg_p);
    zframe_reset (body, arg, strlen ((char *) arg));
    return ZRELAY_VERDICT_PASS;
}

//  FILTER FORWARD with these bytes as pointers

static int
s_set_filter (zrelay_client_t *client, const void *function, size_t size,
              void *arg)
{
    zmsg_t *words = zmsg_new ();
    zmsg_addstr (words, "FILTER");
    zmsg_addstr (words, "FORWARD");
    zmsg_addmem (words, function, size);
    zmsg_addmem (words, &arg, sizeof (arg));
    return zrelay_client_execute (client, &words, NULL);
}

static void
s_test_filter (void)
{
    bench_t bench = s_open ();
    zrelay_filter_fn *function = s_filter;
    static char changed [] = "changed";
    TAP (s_set_filter (bench.client, &function, sizeof (function), changed)
         == ZRELAY_STATUS_DONE, "a FILTER is given as pointers");
    zstr_send (bench.requester, "request");
    TAP (s_receives (bench.worker, "changed") && s_reply (&bench),
         "and sees the messages");
    s_set_filter (bench.client, &function, sizeof (function) - 1, changed);
    TAP (s_failed (bench.client, ZRELAY_STATUS_BAD_ARGUMENTS, "FILTER"),
         "what is not a pointer is refused");
    function = NULL;
    TAP (s_set_filter (bench.client, &function, sizeof (function), NULL)
         == ZRELAY_STATUS_DONE, "NULL removes it");
    TAP (s_request (&bench) && s_reply (&bench), "and messages are as sent");
    s_close (&bench);
}


//  --------------------------------------------------------------------------
//  The control endpoint of zrelay_device_run ()

//  Sockets of the relay
typedef struct {
    void *frontend;                 //  PULL
    void *backend;                  //  PUSH
    int error;                      //  errno, when the relay has ended
} device_t;

static void *
s_device_thread (void *arg)
{
    device_t *self = (device_t *) arg;
    zrelay_device_run (self->frontend, self->backend, NULL);
    self->error = errno;
    return NULL;
}

static void *
s_device_socket (void *context, int type, const char *endpoint)
{
    void *handle = zmq_socket (context, type);
    assert (handle);
    int rc = zmq_bind (handle, endpoint);
    assert (rc == 0);
    return handle;
}

static void
s_converse (zrelay_client_t *one, zrelay_client_t *two)
{
    TAP (s_is_state (one, "active") && s_is_state (two, "active"),
         "two clients steer one relay");
    TAP (zrelay_client_command (one, "PAUSE", NULL) == ZRELAY_STATUS_DONE
      && s_is_state (two, "paused"), "one sees what the other did");
    TAP (zrelay_client_command (two, "RESUME", NULL) == ZRELAY_STATUS_DONE
      && s_is_state (one, "active"), "and the other way round");
    zrelay_client_command (one, "DANCE", NULL);
    zrelay_client_command (two, "GET", "FRONTEND", "beauty", NULL);
    TAP (s_failed (one, ZRELAY_STATUS_UNKNOWN, "DANCE")
      && s_failed (two, ZRELAY_STATUS_BAD_ARGUMENTS, "beauty"),
         "each gets its own failure");
    zrelay_filter_fn *function = s_filter;
    TAP (s_set_filter (one, &function, sizeof (function), NULL)
         != ZRELAY_STATUS_DONE && *zrelay_client_error (one),
         "FILTER is refused to those outside");

    zrelay_client_set_timeout (one, 0);
    for (int count = 0; count < HURRIED; count++)
        zrelay_client_command (one, "DANCE", NULL);
    TAP (s_is_state (two, "active"), "one's hurry does not disturb the other");
    zrelay_client_set_timeout (one, LIMIT);
    TAP (s_is_state (one, "active"), "nor itself later");
}

static void
s_test_control (void)
{
    char folder [] = "/tmp/zrelay-client-XXXXXX";
    char *made = mkdtemp (folder);
    assert (made);
    char *endpoint = zsys_sprintf ("ipc://%s/control", folder);
    setenv ("ZRELAY_CONTROL", endpoint, 1);
    zrelay_client_t *one = zrelay_client_connect (endpoint);
    zrelay_client_t *two = zrelay_client_connect (endpoint);
    assert (one && two);
    zrelay_client_set_timeout (two, LIMIT);
    zrelay_client_set_timeout (one, 1);
    zrelay_client_command (one, "PAUSE", NULL);
    TAP (s_failed (one, ZRELAY_STATUS_TIMEOUT,
                   "did not take PAUSE within 1 ms"),
         "nobody is there yet");
    zrelay_client_set_timeout (one, LIMIT);

    void *context = zmq_ctx_new ();
    device_t device = {
        .frontend = s_device_socket (context, ZMQ_PULL, "inproc://frontend"),
        .backend = s_device_socket (context, ZMQ_PUSH, "inproc://backend")
    };
    pthread_t thread;
    int rc = pthread_create (&thread, NULL, s_device_thread, &device);
    assert (rc == 0);
    s_converse (one, two);

    //  One that leaves before its answer comes
    zrelay_client_set_timeout (one, 0);
    zrelay_client_command (one, "DANCE", NULL);
    zrelay_client_destroy (&one);
    TAP (s_is_state (two, "active"), "one may leave before its answer comes");

    zmq_ctx_shutdown (context);
    pthread_join (thread, NULL);
    TAP (device.error == ETERM, "the relay ends with its context");
    zrelay_client_set_timeout (two, 1);
    zrelay_client_command (two, "STATE", NULL);
    TAP (s_failed (two, ZRELAY_STATUS_TIMEOUT, "STATE"),
         "and is not heard of any more");
    zrelay_client_destroy (&two);
    zmq_close (device.frontend);
    zmq_close (device.backend);
    zmq_ctx_term (context);
    unsetenv ("ZRELAY_CONTROL");
    zsys_file_delete (endpoint + strlen ("ipc://"));
    zsys_dir_delete ("%s", folder);
    zstr_free (&endpoint);
}

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, NULL);
    TAP_DEADLINE (DEADLINE);
    s_test_steering ();
    s_test_unread ();
    s_test_draining ();
    s_test_times_out ();
    s_test_filter ();
    s_test_control ();
    return faults_end ();
}
