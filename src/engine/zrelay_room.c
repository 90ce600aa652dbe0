/*  =========================================================================
    zrelay_room - how many messages an output can take for sure

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_room.h"

struct _zrelay_room_t {
    zrelay_port_t *port;        //  The output's
    size_t left;                //  Messages that it can take for sure
};


zrelay_room_t *
zrelay_room_new (zrelay_port_t *port)
{
    zrelay_room_t *self = (zrelay_room_t *) zmalloc (sizeof (zrelay_room_t));
    assert (self);
    self->port = port;
    return self;
}

void
zrelay_room_destroy (zrelay_room_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        freen (*self_p);
        *self_p = NULL;
    }
}

//  Half of an odd high-water mark is no whole number, so each message counts. A
//  REQ takes one at a time.

static size_t
s_step (zrelay_room_t *self)
{
    size_t mark = zrelay_port_high_water_mark (self->port);
    if (mark == 0)
        return SIZE_MAX;
    return mark % 2 == 1 || zrelay_port_type (self->port) == ZMQ_REQ? 1:
           mark / 2;
}

size_t
zrelay_room_left (zrelay_room_t *self)
{
    if (!zrelay_port_reports_room (self->port))
        return SIZE_MAX;
    if (self->left == 0 && zrelay_port_has (self->port, ZMQ_POLLOUT))
        self->left = s_step (self);
    return self->left;
}

void
zrelay_room_use (zrelay_room_t *self, size_t messages)
{
    self->left -= messages < self->left? messages: self->left;
}

void
zrelay_room_filled (zrelay_room_t *self)
{
    self->left = 0;
}


//  --------------------------------------------------------------------------
//  Selftest: a PUSH that is filled again and again

//  Send as much as there is room for; returns how much that was

static size_t
s_test_fill (zrelay_room_t *room, zrelay_port_t *port)
{
    size_t sent = 0;
    while (zrelay_room_left (room) > 0) {
        zmq_msg_t frame;
        zmq_msg_init (&frame);
        zrelay_outcome_t outcome = zrelay_port_send (port, &frame, false);
        assert (outcome == ZRELAY_OUTCOME_SENT);
        zrelay_room_use (room, 1);
        sent++;
    }
    return sent;
}

static void
s_test_mark (int mark, int times)
{
    size_t most = (size_t) (mark + times * mark);
    char endpoint [40];
    snprintf (endpoint, sizeof (endpoint), "inproc://room-%d-%d", mark, times);
    zsock_t *sink = zsock_new (ZMQ_PULL);
    zsock_set_rcvhwm (sink, times * mark);
    int rc = zsock_bind (sink, "%s", endpoint);
    assert (rc == 0);
    zsock_t *source = zsock_new (ZMQ_PUSH);
    zsock_set_sndhwm (source, mark);
    rc = zsock_connect (source, "%s", endpoint);
    assert (rc == 0);
    zrelay_port_t *port = zrelay_port_new ();
    zrelay_port_open (port, zsock_resolve (source), ZMQ_PUSH);
    zrelay_room_t *room = zrelay_room_new (port);
    size_t waiting = s_test_fill (room, port);
    assert (waiting == most);
    for (int round = 1; round < 10; round++) {
        for (int left = round * mark / 4; left > 0 && waiting > 0; left--) {
            zframe_t *frame = zframe_recv (sink);
            zframe_destroy (&frame);
            waiting--;
        }
        waiting += s_test_fill (room, port);
        assert (waiting <= most);
    }
    zrelay_room_destroy (&room);
    zrelay_port_destroy (&port);
    zsock_destroy (&source);
    zsock_destroy (&sink);
}

void
zrelay_room_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_room: ");
    //  @selftest
    static const int marks [] = { 1, 2, 3, 10, 999, 1000 };
    for (size_t index = 0; index < sizeof (marks) / sizeof (*marks); index++) {
        s_test_mark (marks [index], 1);
        //  What its peer reports is three times half of the mark
        s_test_mark (marks [index], 2);
    }
    //  @end
    printf ("OK\n");
}
