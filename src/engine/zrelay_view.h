/*  =========================================================================
    zrelay_view - a message that is looked at, in either of two forms

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_VIEW_H_INCLUDED
#define ZRELAY_VIEW_H_INCLUDED

#include <zrelay.h>
#include "zrelay_message_internal.h"
#include "zrelay_port.h"

//  A message as the socket delivered its frames, or as a zmsg, whichever was
//  wanted last. Either is made of the other without loss. Seen here for the sake
//  of flows that look at each message.
typedef struct {
    zrelay_message_t *message;  //  Its frames, unless there is a zmsg
    zmsg_t *zmsg;               //  It as zframes, while this has any; or NULL
} zrelay_view_t;

zrelay_view_t *
    zrelay_view_new (void);
void
    zrelay_view_destroy (zrelay_view_t **self_p);

//  Receive the next message in the place of none; false if there is none. Only
//  a zframe that was received as such has the properties of its peer for
//  zframe_meta (), and to receive one costs more than to copy a frame into one.
bool
    zrelay_view_recv_zmsg (zrelay_view_t *self, zrelay_port_t *port);

static inline bool
zrelay_view_recv (zrelay_view_t *self, zrelay_port_t *port, bool zframes)
{
    return zframes? zrelay_view_recv_zmsg (self, port):
                    zrelay_port_recv_message (port, self->message);
}

//  A new view with this message, which this one has no longer.
zrelay_view_t *
    zrelay_view_take (zrelay_view_t *self);

//  A new view with the message's frames from that one on, which this one has no
//  longer.
zrelay_view_t *
    zrelay_view_split (zrelay_view_t *self, size_t index);

//  True if there is a zmsg, which is the message then.
static inline bool
zrelay_view_is_zmsg (zrelay_view_t *self)
{
    return self->zmsg && zmsg_size (self->zmsg) > 0;
}

//  The message in one form. That of zmsg may be taken, or replaced.
static inline zrelay_message_t *
zrelay_view_message (zrelay_view_t *self)
{
    if (zrelay_view_is_zmsg (self))
        zrelay_message_restore (self->message, self->zmsg);
    return self->message;
}

zmsg_t **
    zrelay_view_zmsg (zrelay_view_t *self);

//  A property of the peer that sent it, see zmq_msg_gets(3), or NULL.
const char *
    zrelay_view_property (zrelay_view_t *self, const char *name);

//  Number of frames.
static inline size_t
zrelay_view_frames (zrelay_view_t *self)
{
    return zrelay_view_is_zmsg (self)? zmsg_size (self->zmsg):
                                       self->message->count;
}

//  A frame's data and size; false if there is no such frame.
bool
    zrelay_view_frame (zrelay_view_t *self, size_t index, const void **data_p,
                       size_t *size_p);

//  Frames and bytes as the port that it came from counts them, which is that of
//  a ROUTER or not.
void
    zrelay_view_measure (zrelay_view_t *self, zrelay_port_t *port, bool router,
                         size_t *frames_p, size_t *bytes_p);

//  There is no message any more.
static inline void
zrelay_view_clear (zrelay_view_t *self)
{
    if (self->message->count > 0 || self->message->origin)
        zrelay_message_clear (self->message);
    if (zrelay_view_is_zmsg (self))
        zmsg_destroy (&self->zmsg);
}

void
    zrelay_view_test (bool verbose);

#endif
