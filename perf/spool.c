/*  =========================================================================
    spool - what a consumer that is away costs

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Usage: perf/spool DIR [messages [sync]]
//
//  Three processes, by tcp: messages of 100 bytes (10,000,000 by default) are
//  pushed to a streamer with overflow spool, whose puller is away; then the
//  puller comes. DIR must not exist, and is left to the caller. Reports messages
//  a second into and out of the spool, and how much memory the relay's process
//  had for itself, without pages of files.

#include <zrelay.h>
#include <zrelay_store.h>

#define MESSAGES 10000000
#define SIZE 100

static void
s_require (bool condition, const char *what)
{
    if (!condition) {
        fprintf (stderr, "spool: %s\n", what);
        exit (EXIT_FAILURE);
    }
}

//  Kilobytes of the process's own, now

static long
s_memory (void)
{
    char line [256];
    long size = 0;
    FILE *file = fopen ("/proc/self/status", "r");
    while (file && fgets (line, sizeof (line), file))
        sscanf (line, "RssAnon: %ld", &size);
    if (file)
        fclose (file);
    return size;
}

static uint64_t
s_spooled (zactor_t *relay)
{
    zstr_send (relay, "STATS");
    zmsg_t *msg = zmsg_recv (relay);
    s_require (msg != NULL, "the relay has gone");
    zrelay_stats_t *stats = zrelay_stats_new (msg);
    zmsg_destroy (&msg);
    uint64_t value = zrelay_stats_value (stats, "forward.spooled");
    zrelay_stats_destroy (&stats);
    return value;
}

static void
s_do (zactor_t *relay, const char *option, const char *value)
{
    zstr_sendx (relay, "SET", "FORWARD", option, value, NULL);
    s_require (zsock_wait (relay) == 0, option);
}

static char *
s_bind (zactor_t *relay, const char *side)
{
    zstr_sendx (relay, "BIND", side, "tcp://127.0.0.1:*", NULL);
    s_require (zsock_wait (relay) == 0, "cannot bind");
    zstr_sendx (relay, "ENDPOINT", side, NULL);
    char *name, *first, *endpoint;
    zstr_recvx (relay, &name, &first, &endpoint, NULL);
    zstr_free (&name);
    if (!endpoint)
        return first;
    zstr_free (&first);
    return endpoint;
}

//  Another process, which calls the work once it is told an endpoint

typedef struct {
    pid_t pid;
    int ear;                            //  Where it is told the endpoint
} peer_t;

static peer_t
s_peer (void (*work) (const char *endpoint, uint64_t messages),
        uint64_t messages)
{
    int ends [2];
    s_require (pipe (ends) == 0, "no pipe");
    peer_t self = { fork (), ends [1] };
    s_require (self.pid >= 0, "cannot fork");
    if (self.pid > 0) {
        close (ends [0]);
        return self;
    }
    close (ends [1]);
    char endpoint [256] = "";
    if (read (ends [0], endpoint, sizeof (endpoint) - 1) > 0)
        work (endpoint, messages);
    exit (EXIT_SUCCESS);
}

static void
s_push (const char *endpoint, uint64_t messages)
{
    zsock_t *pusher = zsock_new (ZMQ_PUSH);
    s_require (zsock_connect (pusher, "%s", endpoint) == 0, "cannot connect");
    byte data [SIZE] = { 0 };
    for (uint64_t number = 0; number < messages; number++) {
        memcpy (data, &number, sizeof (number));
        zmq_send (zsock_resolve (pusher), data, sizeof (data), 0);
    }
    zsock_set_linger (pusher, -1);
    zsock_destroy (&pusher);
    zsys_shutdown ();
}

static void
s_pull (const char *endpoint, uint64_t messages)
{
    zsock_t *puller = zsock_new (ZMQ_PULL);
    s_require (zsock_connect (puller, "%s", endpoint) == 0, "cannot connect");
    byte data [SIZE];
    for (uint64_t number = 0; number < messages; number++) {
        int size = zmq_recv (zsock_resolve (puller), data, sizeof (data), 0);
        s_require (size == SIZE && memcmp (data, &number, sizeof (number)) == 0,
                   "a message is missing, or is not what it was");
    }
    zsock_destroy (&puller);
}

//  The peer does its work, which has ended when the spool holds so many

static void
s_measure (zactor_t *relay, const char *what, peer_t *peer,
           const char *endpoint, uint64_t messages, uint64_t left)
{
    long most = 0;
    int64_t since = zclock_usecs ();
    s_require (write (peer->ear, endpoint, strlen (endpoint)) > 0, "no peer");
    close (peer->ear);
    int status;
    bool working = true;
    while (working || s_spooled (relay) != left) {
        if (working && waitpid (peer->pid, &status, WNOHANG) == peer->pid) {
            s_require (status == EXIT_SUCCESS, "a peer has failed");
            working = false;
        }
        long memory = s_memory ();
        if (memory > most)
            most = memory;
        zclock_sleep (10);
    }
    double seconds = (zclock_usecs () - since) / 1e6;
    printf ("%s: %.1f s, %.0f messages/s, at most %ld kB of memory\n", what,
            seconds, messages / seconds, most);
    fflush (stdout);
}

int
main (int argc, char *argv [])
{
    s_require (argc > 1, "which directory?");
    uint64_t messages = argc > 2? strtoull (argv [2], NULL, 10): MESSAGES;
    peer_t pusher = s_peer (s_push, messages);
    peer_t puller = s_peer (s_pull, messages);
    zrelay_spooler_provide (zrelay_store_spooler ());
    zactor_t *relay = zactor_new (zrelay_streamer, NULL);
    s_do (relay, "overflow", "spool");
    s_do (relay, "spool_sync", argc > 3? argv [3]: "second");
    s_do (relay, "spool", argv [1]);
    char *frontend = s_bind (relay, "FRONTEND");
    char *backend = s_bind (relay, "BACKEND");
    s_measure (relay, "filled", &pusher, frontend, messages, messages);
    s_measure (relay, "drained", &puller, backend, messages, 0);
    zstr_free (&frontend);
    zstr_free (&backend);
    zactor_destroy (&relay);
    return EXIT_SUCCESS;
}
