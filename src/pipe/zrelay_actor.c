/*  =========================================================================
    zrelay_actor - what the owner of a relay needs besides its commands

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_command.h"

//  Msecs between looks at a pipe that brings nothing; and after how many an
//  actor that takes nothing either has ended before
#define LOOK_IVL 10
#define PATIENCE 1000


//  --------------------------------------------------------------------------
//  The end. A relay answers a $TERM in an envelope when it has ended, and that
//  answer cannot be taken for another one.

#define ENVELOPE "zrelay_destroy"

//  Send $TERM, unless the pipe is full. Never waits.

static bool
s_ask_to_end (void *handle)
{
    static const char *frames [] = { "", ENVELOPE, "", "$TERM" };
    size_t count = sizeof (frames) / sizeof (*frames);
    for (size_t index = 0; index < count; index++) {
        int flags = ZMQ_DONTWAIT | (index + 1 < count? ZMQ_SNDMORE: 0);
        int rc;
        do
            rc = zmq_send (handle, frames [index], strlen (frames [index]),
                           flags);
        while (rc == -1 && errno == EINTR);
        if (rc == -1)
            return false;
    }
    return true;
}

//  Read one answer, which is there; is it the last?

static bool
s_read_last (void *handle)
{
    zmsg_t *msg = zmsg_recv (handle);
    zframe_t *frame = msg? zmsg_first (msg): NULL;
    bool last = frame && zframe_size (frame) == 0
        && (frame = zmsg_next (msg)) && zframe_streq (frame, ENVELOPE);
    zmsg_destroy (&msg);
    return last;
}

static void
s_end (void *handle)
{
    bool asked = false;
    for (int silent = 0; silent < PATIENCE; ) {
        if (!asked)
            asked = s_ask_to_end (handle);
        zmq_pollitem_t item = { .socket = handle, .events = ZMQ_POLLIN };
        int rc = zmq_poll (&item, 1, LOOK_IVL);
        if (rc == -1 && errno != EINTR)
            return;
        if (rc == 1) {
            if (s_read_last (handle))
                return;
            silent = 0;
        }
        else
            silent = zsock_events (handle) & ZMQ_POLLOUT? 0:
                     silent + LOOK_IVL;
    }
}

void
zrelay_destroy (zactor_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        s_end (zsock_resolve (*self_p));
        zactor_destroy (self_p);
    }
}


//  --------------------------------------------------------------------------
//  Filters. Both pointers travel as their bytes, and a function is not a void.

static int
s_set_filter (zactor_t *self, zrelay_flow_id_t flow, const void *function,
              void *argument, const char *form)
{
    assert (self);
    zrelay_client_t *client = zrelay_client_new (self);
    if (!client)
        return ZRELAY_STATUS_REFUSED;
    zmsg_t *words = zmsg_new ();
    assert (words);
    zmsg_addstr (words, "FILTER");
    zmsg_addstr (words, flow == ZRELAY_FLOW_FORWARD? "FORWARD": "RETURN");
    zmsg_addmem (words, function, sizeof (void *));
    zmsg_addmem (words, &argument, sizeof (void *));
    zmsg_addstr (words, form);
    zmsg_addmem (words, zrelay_command_mark (), ZRELAY_COMMAND_MARK_SIZE);
    int status = zrelay_client_execute (client, &words, NULL);
    zrelay_client_destroy (&client);
    return status;
}

int
zrelay_set_filter (zactor_t *self, zrelay_flow_id_t flow,
                   zrelay_filter_fn *function, void *argument)
{
    return s_set_filter (self, flow, &function, argument, "zmsg");
}

int
zrelay_set_message_filter (zactor_t *self, zrelay_flow_id_t flow,
                           zrelay_message_fn *function, void *argument)
{
    return s_set_filter (self, flow, &function, argument, "message");
}


//  --------------------------------------------------------------------------
//  Selftest

static zrelay_verdict_t
s_test_filter (zmsg_t **msg_p, void *argument)
{
    (void) msg_p;
    (*(int *) argument)++;
    return ZRELAY_VERDICT_PASS;
}

static zrelay_verdict_t
s_test_look (zrelay_engine_t *engine, void *argument,
             zrelay_message_t *message)
{
    (void) engine;
    zrelay_message_append (message, argument, strlen ((char *) argument));
    return ZRELAY_VERDICT_PASS;
}

//  FILTER by hand, with a pointer that is none to a function. mark may be NULL.

static int
s_test_strange_filter (zactor_t *relay, const byte *mark)
{
    const void *nowhere = &relay;
    zmsg_t *words = zmsg_new ();
    zmsg_addstr (words, "FILTER");
    zmsg_addstr (words, "FORWARD");
    zmsg_addmem (words, &nowhere, sizeof (nowhere));
    zmsg_addmem (words, &nowhere, sizeof (nowhere));
    zmsg_addstr (words, "zmsg");
    if (mark)
        zmsg_addmem (words, mark, ZRELAY_COMMAND_MARK_SIZE);
    zmsg_send (&words, relay);
    return zsock_wait (relay);
}

void
zrelay_actor_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_actor: ");
    //  @selftest
    zactor_t *relay = zactor_new (zrelay_streamer, NULL);
    zstr_sendx (relay, "BIND", "FRONTEND", "inproc://actor-in", NULL);
    zstr_sendx (relay, "BIND", "BACKEND", "inproc://actor-out", NULL);
    zsock_t *source = zsock_new_push (">inproc://actor-in");
    zsock_t *sink = zsock_new_pull (">inproc://actor-out");
    int calls = 0;
    int status = zrelay_set_filter (relay, ZRELAY_FLOW_FORWARD, s_test_filter,
                                    &calls);
    assert (status == ZRELAY_STATUS_DONE);
    zstr_send (source, "task");
    char *task = zstr_recv (sink);
    assert (streq (task, "task") && calls == 1);
    zstr_free (&task);
    status = zrelay_set_message_filter (relay, ZRELAY_FLOW_FORWARD,
                                        s_test_look, "seen");
    assert (status == ZRELAY_STATUS_DONE);
    zstr_send (source, "task");
    char *seen = NULL;
    zstr_recvx (sink, &task, &seen, NULL);
    assert (streq (task, "task") && streq (seen, "seen") && calls == 1);
    zstr_free (&task);
    zstr_free (&seen);
    status = zrelay_set_filter (relay, ZRELAY_FLOW_RETURN, s_test_filter,
                                &calls);
    assert (status == ZRELAY_STATUS_BAD_STATE);
    status = zrelay_set_filter (relay, ZRELAY_FLOW_FORWARD, NULL, NULL);
    assert (status == ZRELAY_STATUS_DONE);

    //  A pointer to nowhere is refused, also under the mark of another process
    assert (s_test_strange_filter (relay, NULL) == ZRELAY_STATUS_BAD_ARGUMENTS);
    byte mark [ZRELAY_COMMAND_MARK_SIZE];
    memcpy (mark, zrelay_command_mark (), sizeof (mark));
    assert (s_test_strange_filter (relay, mark) == ZRELAY_STATUS_DONE);
    mark [sizeof (mark) - 1] ^= 1;
    assert (s_test_strange_filter (relay, mark) == ZRELAY_STATUS_BAD_ARGUMENTS);

    //  The end comes with answers unread, and once only
    zstr_sendx (relay, "DRAIN", "60000", NULL);
    zstr_send (relay, "PAUSE");
    zrelay_destroy (&relay);
    assert (!relay);
    zrelay_destroy (&relay);
    zsock_destroy (&source);
    zsock_destroy (&sink);
    //  @end
    printf ("OK\n");
}
