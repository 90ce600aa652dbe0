/*  =========================================================================
    19_log_never_read - standard error is a pipe that nobody reads

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Whoever logs to a full pipe waits until somebody reads it, and holds the
//  stream meanwhile. Here a relay, a gate and a function that replaces
//  libzmq's have much to say. They must go on, and end when they are asked.
//  What the program does then is in tests/program_test.py.

#include "faults.h"
#include <fcntl.h>

#define DEADLINE 60
#define COMMANDS 2000           //  Each of which is logged twice

static int s_unread = -1;       //  The end of the pipe that nobody reads

//  Standard error becomes a full pipe, and CZMQ logs there

static void
s_fill_stderr (void)
{
    int ends [2];
    int rc = pipe (ends);
    assert (rc == 0);
    s_unread = ends [0];
    fcntl (ends [1], F_SETFL, O_NONBLOCK);
    char block [4096] = { 0 };
    while (write (ends [1], block, sizeof (block)) > 0);
    fcntl (ends [1], F_SETFL, 0);
    rc = dup2 (ends [1], STDERR_FILENO);
    assert (rc == STDERR_FILENO);
    close (ends [1]);
    zsys_set_logstream (stderr);
}

//  One more message goes from the frontend to the backend

static bool
s_passes (zsock_t *pusher, zsock_t *puller)
{
    zstr_send (pusher, "task");
    char *task = zstr_recv (puller);
    bool passed = task && streq (task, "task");
    zstr_free (&task);
    return passed;
}

static void
s_test_relay (void)
{
    zactor_t *relay = faults_relay ("streamer");
    char *frontend = faults_bind (relay, "FRONTEND");
    char *backend = faults_bind (relay, "BACKEND");
    zsock_t *pusher = faults_connect (ZMQ_PUSH, frontend);
    zsock_t *puller = faults_connect (ZMQ_PULL, backend);
    bool answers = faults_command (relay, "VERBOSE", NULL) == 0;
    for (int round = 0; answers && round < COMMANDS; round++)
        answers = faults_command (relay, "RESET", NULL) == 0;
    TAP (answers, "a relay that logs %d commands answers each", COMMANDS);
    TAP (s_passes (pusher, puller), "and messages pass");
    zsock_destroy (&pusher);
    zsock_destroy (&puller);
    //  It waits for half a second, in case that somebody reads after all
    TAP (faults_end_relay (&relay) != -1, "and it ends");
    zstr_free (&frontend);
    zstr_free (&backend);
}

static void
s_test_gate (void)
{
    zactor_t *gate = zactor_new (zrelay_gate, NULL);
    zsock_set_rcvtimeo (zactor_sock (gate), FAULTS_PATIENCE);
    zstr_send (gate, "VERBOSE");
    bool answers = zsock_wait (gate) == 0;
    for (int round = 0; answers && round < COMMANDS; round++) {
        zstr_sendx (gate, "DENY", "domain", "10.0.0.1", NULL);
        answers = zsock_wait (gate) == 0;
    }
    TAP (answers, "a gate that logs %d commands answers each", COMMANDS);
    TAP (faults_end_relay (&gate) != -1, "and it ends");
}


//  --------------------------------------------------------------------------
//  A function that replaces libzmq's, on the application's thread

typedef struct {
    zsock_t *sides [2];         //  Lent to the function
    zsock_t *ends [2];          //  Both ends of the control socket
} device_t;

static void
s_device (zsock_t *pipe, void *args)
{
    device_t *self = (device_t *) args;
    zsock_signal (pipe, 0);
    zrelay_device_steer (zsock_resolve (self->sides [0]),
                         zsock_resolve (self->sides [1]), NULL,
                         zsock_resolve (self->ends [0]));
    for (int side = 0; side < 2; side++)
        zsock_destroy (&self->sides [side]);
    char *term = zstr_recv (pipe);
    zstr_free (&term);
}

static void
s_test_device (void)
{
    setenv ("ZRELAY_LOG", "1", true);
    device_t self = {
        .sides = { faults_listen (ZMQ_PULL), faults_listen (ZMQ_PUSH) },
        .ends = { zsock_new_pair ("@inproc://control"),
                  zsock_new_pair (">inproc://control") }
    };
    zsock_t *pusher = faults_connect (ZMQ_PUSH, zsock_endpoint (self.sides [0]));
    zsock_t *puller = faults_connect (ZMQ_PULL, zsock_endpoint (self.sides [1]));
    zactor_t *thread = zactor_new (s_device, &self);
    TAP (s_passes (pusher, puller),
         "a function that replaces libzmq's and logs moves messages");
    zsock_t *control = self.ends [1];
    zstr_send (control, "TERMINATE");
    TAP (faults_end_relay (&thread) != -1, "and it ends");
    zsock_destroy (&self.ends [0]);
    zsock_destroy (&self.ends [1]);
    zsock_destroy (&pusher);
    zsock_destroy (&puller);
}

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, NULL);
    TAP_DEADLINE (DEADLINE);
    s_fill_stderr ();
    s_test_relay ();
    if (!faults_naive ()) {
        s_test_gate ();
        s_test_device ();
    }
    close (s_unread);
    return faults_end ();
}
