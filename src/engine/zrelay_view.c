/*  =========================================================================
    zrelay_view - a message that is looked at, in either of two forms

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_view.h"


static zrelay_view_t *
s_new (zrelay_message_t *message)
{
    zrelay_view_t *self = (zrelay_view_t *) zmalloc (sizeof (zrelay_view_t));
    assert (self);
    self->message = message;
    return self;
}

zrelay_view_t *
zrelay_view_new (void)
{
    return s_new (zrelay_message_new ());
}

void
zrelay_view_destroy (zrelay_view_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_view_t *self = *self_p;
        zrelay_message_destroy (&self->message);
        zmsg_destroy (&self->zmsg);
        freen (self);
        *self_p = NULL;
    }
}

//  A ROUTER's routing id may have no properties, so all frames are received as
//  zframes

bool
zrelay_view_recv_zmsg (zrelay_view_t *self, zrelay_port_t *port)
{
    zframe_t *frame = zrelay_port_recv_zframe (port);
    if (!frame)
        return false;
    if (!self->zmsg)
        self->zmsg = zmsg_new ();
    while (frame) {
        bool more = zframe_more (frame);
        zmsg_append (self->zmsg, &frame);
        frame = more? zrelay_port_recv_zframe (port): NULL;
    }
    return true;
}

zrelay_view_t *
zrelay_view_take (zrelay_view_t *self)
{
    zrelay_view_t *taken = s_new (zrelay_message_take (self->message));
    taken->zmsg = self->zmsg;
    self->zmsg = NULL;
    return taken;
}

zrelay_view_t *
zrelay_view_split (zrelay_view_t *self, size_t index)
{
    zrelay_view_t *rest = zrelay_view_take (self);
    if (!zrelay_view_is_zmsg (rest)) {
        zrelay_message_move (self->message, rest->message, index);
        return rest;
    }
    self->zmsg = zmsg_new ();
    for (; index > 0; index--) {
        zframe_t *frame = zmsg_pop (rest->zmsg);
        zmsg_append (self->zmsg, &frame);
    }
    return rest;
}

zmsg_t **
zrelay_view_zmsg (zrelay_view_t *self)
{
    if (!self->zmsg)
        self->zmsg = zmsg_new ();
    if (!zrelay_view_is_zmsg (self))
        zrelay_message_show (self->message, self->zmsg);
    return &self->zmsg;
}

//  libzmq attaches properties to a message's own frames, but to a routing id
//  only if a poll has not fetched it ahead

const char *
zrelay_view_property (zrelay_view_t *self, const char *name)
{
    return zrelay_view_is_zmsg (self)?
        zframe_meta (zmsg_last (self->zmsg), name):
        zmq_msg_gets (zrelay_message_frame (self->message,
                                            self->message->count - 1), name);
}

bool
zrelay_view_frame (zrelay_view_t *self, size_t index, const void **data_p,
                   size_t *size_p)
{
    if (!zrelay_view_is_zmsg (self)) {
        if (index >= zrelay_message_frames (self->message))
            return false;
        *data_p = zrelay_message_data (self->message, index);
        *size_p = zrelay_message_size (self->message, index);
        return true;
    }
    zframe_t *frame = zmsg_first (self->zmsg);
    for (; frame && index > 0; index--)
        frame = zmsg_next (self->zmsg);
    if (frame) {
        *data_p = zframe_data (frame);
        *size_p = zframe_size (frame);
    }
    return frame != NULL;
}

void
zrelay_view_measure (zrelay_view_t *self, zrelay_port_t *port, bool router,
                     size_t *frames_p, size_t *bytes_p)
{
    if (!zrelay_view_is_zmsg (self)) {
        zrelay_port_measure (port, self->message, frames_p, bytes_p);
        return;
    }
    *frames_p = zmsg_size (self->zmsg) - router;
    *bytes_p = zmsg_content_size (self->zmsg)
             - (router? zframe_size (zmsg_first (self->zmsg)): 0);
}


//  --------------------------------------------------------------------------
//  Selftest

void
zrelay_view_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_view: ");
    //  @selftest
    zrelay_view_t *view = zrelay_view_new ();
    const void *data;
    size_t size;
    assert (!zrelay_view_frame (view, 0, &data, &size));

    //  One form of the other
    zmsg_t **msg_p = zrelay_view_zmsg (view);
    zmsg_addstr (*msg_p, "first");
    zmsg_addstr (*msg_p, "last");
    assert (zrelay_view_is_zmsg (view));
    bool found = zrelay_view_frame (view, 1, &data, &size);
    assert (found && size == 4 && memcmp (data, "last", 4) == 0);
    assert (!zrelay_view_frame (view, 2, &data, &size));
    zrelay_message_t *message = zrelay_view_message (view);
    assert (!zrelay_view_is_zmsg (view));
    assert (zrelay_message_streq (message, 0, "first"));
    found = zrelay_view_frame (view, 1, &data, &size);
    assert (found && size == 4 && memcmp (data, "last", 4) == 0);
    assert (zmsg_size (*zrelay_view_zmsg (view)) == 2);

    //  In two, in either form
    for (int form = 0; form < 2; form++) {
        zrelay_view_t *rest = zrelay_view_split (view, 1);
        assert (zrelay_view_frames (view) == 1);
        assert (zrelay_view_frames (rest) == 1);
        found = zrelay_view_frame (rest, 0, &data, &size);
        assert (found && size == 4 && memcmp (data, "last", 4) == 0);
        zrelay_view_destroy (&rest);
        zmsg_addstr (*zrelay_view_zmsg (view), "last");
        if (form == 0)
            zrelay_view_message (view);
    }

    //  Taken, the message is gone
    zrelay_view_t *taken = zrelay_view_take (view);
    assert (!zrelay_view_frame (view, 0, &data, &size));
    assert (zrelay_message_streq (zrelay_view_message (taken), 1, "last"));
    zrelay_view_clear (taken);
    assert (!zrelay_view_frame (taken, 0, &data, &size));
    zrelay_view_destroy (&taken);
    zrelay_view_destroy (&view);
    assert (view == NULL);
    //  @end
    printf ("OK\n");
}
