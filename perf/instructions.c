/*  =========================================================================
    instructions - carries a given number of messages, to be counted

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

//  Carries messages of 100 bytes by inproc through a streamer of any make, or
//  directly, so that perf/instructions.sh can count what that takes. All
//  messages wait before the relay starts, and none is received before the relay
//  has passed on the last, so that who waits for whom is the same each time.
//
//      perf/instructions RELAY MESSAGES
//
//  Relays that know their workers, see crew.c, are brought requests by clients,
//  in batches, as there must be workers before and after. Here the instructions
//  of the relay's own thread are to be counted, which is the last one started:
//
//      perf/instructions FORM REQUESTS WINDOW WORKERS SERVICES

#include "crew.h"

#define MESSAGE_SIZE 100

//  The relay is done when this process uses no more than so many nsecs of CPU
//  in so many msecs
#define QUIET_MSECS 300
#define QUIET_NSECS 10000000

static void *
s_socket (int type, const char *endpoint)
{
    void *handle = zmq_socket (zsys_init (), type);
    assert (handle);
    int hwm = 0;
    zmq_setsockopt (handle, ZMQ_SNDHWM, &hwm, sizeof (hwm));
    zmq_setsockopt (handle, ZMQ_RCVHWM, &hwm, sizeof (hwm));
    //  The relay binds later
    int rc = zmq_connect (handle, endpoint);
    assert (rc == 0);
    return handle;
}

static void
s_await_quiet (void)
{
    usage_t usage = { getpid (), 0 };
    sample_t last, now;
    usage_sample (&usage, &now);
    do {
        last = now;
        zclock_sleep (QUIET_MSECS);
        usage_sample (&usage, &now);
    }
    while (now.cpu - last.cpu > QUIET_NSECS);
}

static int
s_carry (relay_t *relay, bool direct, long messages)
{
    void *source = s_socket (ZMQ_PUSH, relay->ends [FRONT]);
    void *sink = direct? zmq_socket (zsys_init (), ZMQ_PULL):
                         s_socket (ZMQ_PULL, relay->ends [BACK]);
    char data [MESSAGE_SIZE] = "A";
    for (long count = 0; count < messages; count++)
        zmq_send (source, data, sizeof (data), 0);
    if (direct)
        zmq_bind (sink, relay->ends [FRONT]);
    else
        perf_relay_start (relay);
    s_await_quiet ();
    for (long count = 0; count < messages; count++)
        if (zmq_recv (sink, data, sizeof (data), ZMQ_DONTWAIT) == -1) {
            fprintf (stderr, "instructions: %ld of %ld messages arrived\n",
                     count, messages);
            return EXIT_FAILURE;
        }
    return EXIT_SUCCESS;
}

static int
s_step (char *argv [])
{
    crew_t crew = {
        .form = crew_form (argv [1]), .transport = "inproc", .clients = 1,
        .requests = atoi (argv [2]), .window = atoi (argv [3]),
        .workers = atoi (argv [4]), .services = atoi (argv [5]),
        .size = MESSAGE_SIZE
    };
    if (crew.window < 1 || crew.workers < crew.window
    ||  crew.services < 1) {
        fprintf (stderr, "instructions: usage: instructions FORM REQUESTS "
                 "WINDOW WORKERS SERVICES\n");
        return 2;
    }
    toll_t toll;
    crew_step (&crew, &toll);
    if (*toll.error)
        fprintf (stderr, "instructions: %s\n", toll.error);
    return *toll.error? EXIT_FAILURE: EXIT_SUCCESS;
}

int
main (int argc, char *argv [])
{
    if (argc == 6 && crew_form (argv [1]))
        _exit (s_step (argv));
    long messages = argc == 3? strtol (argv [2], NULL, 10): 0;
    if (messages < 1 || !perf_relay_known (argv [1])) {
        fprintf (stderr, "instructions: usage: instructions RELAY MESSAGES\n");
        return 2;
    }
    //  Nothing is to be full
    kind_t kind = perf_streamer;
    kind.hwm = 0;
    perf_relay_prepare (&kind);
    relay_t relay = { .name = argv [1], .kind = &kind, .count = 1,
                      .ends = { "inproc://front", "inproc://back" } };
    int rc = s_carry (&relay, streq (argv [1], "direct"), messages);
    //  Relays run on, and are not waited for
    fflush (stdout);
    _exit (rc);
}
