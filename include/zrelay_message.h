/*  =========================================================================
    zrelay_message - a whole multipart message, its frames as libzmq has them

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_MESSAGE_H_INCLUDED
#define ZRELAY_MESSAGE_H_INCLUDED

#include "zrelay_library.h"

#ifdef __cplusplus
extern "C" {
#endif

//  @interface
//  A message as a kind's handler sees it: frames 0 to n - 1, just as the socket
//  delivered them. Looking at frames, and moving them from message to message,
//  copies no data and, for messages of up to six frames, allocates nothing:
//
//      if (zrelay_message_streq (message, 1, "PING"))
//          ...
//
//  A frame that is not there has no data and size 0, so a handler may look at
//  frames that a peer did not send. An object is used by one thread at a time.

typedef struct _zrelay_message_t zrelay_message_t;

//  A new message without frames. The caller owns it.
ZRELAY_EXPORT zrelay_message_t *
    zrelay_message_new (void);

ZRELAY_EXPORT void
    zrelay_message_destroy (zrelay_message_t **self_p);

//  Number of frames, and of the bytes in all of them.
ZRELAY_EXPORT size_t
    zrelay_message_frames (zrelay_message_t *self);
ZRELAY_EXPORT size_t
    zrelay_message_bytes (zrelay_message_t *self);

//  Data of one frame, counted from 0, and its size in bytes. The data remains
//  the message's; it is valid until that frame changes, moves or is sent.
ZRELAY_EXPORT const byte *
    zrelay_message_data (zrelay_message_t *self, size_t index);
ZRELAY_EXPORT size_t
    zrelay_message_size (zrelay_message_t *self, size_t index);

//  True if that frame exists and consists of just these bytes, or of just the
//  characters of the string.
ZRELAY_EXPORT bool
    zrelay_message_equals (zrelay_message_t *self, size_t index,
                           const void *data, size_t size);
ZRELAY_EXPORT bool
    zrelay_message_streq (zrelay_message_t *self, size_t index,
                          const char *string);

//  That frame as a fresh string, which the caller frees with zstr_free ();
//  "" if the frame does not exist.
ZRELAY_EXPORT char *
    zrelay_message_strdup (zrelay_message_t *self, size_t index);

//  A property of the peer that sent the message, such as "User-Id" (set by the
//  ZAP handler that let the peer in) or "Peer-Address", see zmq_msg_gets(3);
//  NULL if there is none. The string remains the message's. Properties are
//  attached to frames that a socket delivered; those that were made here have
//  none, and inproc has none at all.
ZRELAY_EXPORT const char *
    zrelay_message_property (zrelay_message_t *self, const char *name);

//  Put a new frame with a copy of these bytes before the first frame, or
//  behind the last.
ZRELAY_EXPORT void
    zrelay_message_push (zrelay_message_t *self, const void *data, size_t size);
ZRELAY_EXPORT void
    zrelay_message_append (zrelay_message_t *self,
                           const void *data, size_t size);

//  Put other bytes in the place of a frame, which must exist.
ZRELAY_EXPORT void
    zrelay_message_set (zrelay_message_t *self, size_t index,
                        const void *data, size_t size);

//  Remove the first frame, if there is one.
ZRELAY_EXPORT void
    zrelay_message_pop (zrelay_message_t *self);

//  Remove all frames.
ZRELAY_EXPORT void
    zrelay_message_clear (zrelay_message_t *self);

//  Move frames from another message, in order, behind this message's own: the
//  first so many, or as many as there are.
ZRELAY_EXPORT void
    zrelay_message_move (zrelay_message_t *self, zrelay_message_t *from,
                         size_t frames);

//  A new message that has all frames of this one, which has none then. This is
//  how a handler keeps a message; see ZRELAY_VERDICT_KEPT. The caller owns it.
ZRELAY_EXPORT zrelay_message_t *
    zrelay_message_take (zrelay_message_t *self);

//  A new message that shares the data of this one's frames; only frames of up
//  to some thirty bytes are copied. The caller owns it.
ZRELAY_EXPORT zrelay_message_t *
    zrelay_message_dup (zrelay_message_t *self);

//  Share frames of another message, so many from first on or as many as there
//  are, behind this message's own; as zrelay_message_dup () does.
ZRELAY_EXPORT void
    zrelay_message_share (zrelay_message_t *self, zrelay_message_t *from,
                          size_t first, size_t frames);

//  A fresh zmsg with copies of the frames; and a new message of a zmsg's
//  frames, which takes the zmsg and nulls the caller's pointer.
ZRELAY_EXPORT zmsg_t *
    zrelay_message_to_zmsg (zrelay_message_t *self);
ZRELAY_EXPORT zrelay_message_t *
    zrelay_message_from_zmsg (zmsg_t **msg_p);

//  For those who use libzmq itself: a frame, which must exist, remains the
//  message's, and must not get another size; and move a frame behind the last
//  one, which leaves the caller's empty.
ZRELAY_EXPORT zmq_msg_t *
    zrelay_message_frame (zrelay_message_t *self, size_t index);
ZRELAY_EXPORT void
    zrelay_message_append_frame (zrelay_message_t *self, zmq_msg_t *frame);

//  Self test of this class
ZRELAY_EXPORT void
    zrelay_message_test (bool verbose);
//  @end

#ifdef __cplusplus
}
#endif

#endif
