/*  =========================================================================
    zrelay_port - moves frames in and out of one libzmq socket, and counts them

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_PORT_H_INCLUDED
#define ZRELAY_PORT_H_INCLUDED

#include <zrelay.h>
#include "zrelay_outcome.h"

//  The hot path: a relay spends its time here, and nowhere else is a frame
//  received or sent. No call waits. A frame's journey is
//
//
//  A ROUTER's routing id, the first frame of its messages, never was on the
//  wire, and is not counted. One that libzmq chose is hidden on its way in, and
//  revealed on its way out, see zrelay_mask.h.

typedef struct _zrelay_port_t zrelay_port_t;

//  A port without a socket.
zrelay_port_t *
    zrelay_port_new (void);

void
    zrelay_port_destroy (zrelay_port_t **self_p);

//  Use this socket of libzmq's, which the caller closes; NULL and -1: none.
void
    zrelay_port_open (zrelay_port_t *self, void *handle, int type);

//  Hide routing ids with the secret of all borrowed sockets, see zrelay_mask.h;
//  or do not hide them.
void
    zrelay_port_share_mask (zrelay_port_t *self);
void
    zrelay_port_show_ids (zrelay_port_t *self);

//  The socket and its type; NULL and -1 where there is none.
void *
    zrelay_port_handle (zrelay_port_t *self);
int
    zrelay_port_type (zrelay_port_t *self);


//  --------------------------------------------------------------------------
//  Frame by frame

//  Receive the next frame into an initialised, empty one. Returns -1 with errno
//  as from zmq_msg_recv (), EAGAIN if there is none.
int
    zrelay_port_recv (zrelay_port_t *self, zmq_msg_t *frame);

//  Send one frame; more is true if others of its message follow. On
//  ZRELAY_OUTCOME_FULL, which only a first frame meets, nothing has happened,
//  and the frame is the caller's. Else the frame is empty, and all frames up to
//  the message's end must be sent, whatever became of the first.
zrelay_outcome_t
    zrelay_port_send (zrelay_port_t *self, zmq_msg_t *frame, bool more);

//  Send the first frame of a message; unless it is ZRELAY_OUTCOME_SENT, nothing
//  has happened, and the frame is the caller's.
zrelay_outcome_t
    zrelay_port_offer (zrelay_port_t *self, zmq_msg_t *frame, bool more);


//  --------------------------------------------------------------------------
//  Whole messages

//  Receive the next message into one without frames, or the rest of one whose
//  last frame says that there is more. Returns false if there is none.
bool
    zrelay_port_recv_message (zrelay_port_t *self, zrelay_message_t *message);
void
    zrelay_port_recv_rest (zrelay_port_t *self, zrelay_message_t *message);

//  Receive the next frame as a zframe; NULL if there is none.
zframe_t *
    zrelay_port_recv_zframe (zrelay_port_t *self);

//  Send all frames. The message has none after ZRELAY_OUTCOME_SENT and
//  ZRELAY_OUTCOME_LOST; after any other outcome it is as it was.
zrelay_outcome_t
    zrelay_port_send_message (zrelay_port_t *self, zrelay_message_t *message);

//  Frames and bytes of a message that was received here, as counted.
void
    zrelay_port_measure (zrelay_port_t *self, zrelay_message_t *message,
                         size_t *frames_p, size_t *bytes_p);


//  --------------------------------------------------------------------------
//  Bursts

//  Messages that passed, or that may
typedef struct {
    uint64_t messages;          //  Whole messages
    uint64_t frames;            //  All of their frames, routing ids among them
    uint64_t bytes;             //  Bytes in these
    uint64_t firsts;            //  Bytes in the first frame of each; no limit
} zrelay_passage_t;

//  Why passing on has ended
typedef enum {
    ZRELAY_PASSED_ENOUGH,       //  As much as was allowed
    ZRELAY_PASSED_ALL,          //  There is nothing more
    ZRELAY_PASSED_IN_HAND       //  A frame was received, but not taken
} zrelay_passed_t;

//  Pass on messages to another port, using an empty frame, as long as each of
//  their frames is taken, and until one of the numbers of *most is reached,
//  which become those of what passed. If a frame is in hand then, it and the
//  rest of its message, all counted as received, are to be sent by
//  zrelay_port_send (). Not between two frames of a message.
zrelay_passed_t
    zrelay_port_pass (zrelay_port_t *self, zrelay_port_t *to,
                      zmq_msg_t *frame, zrelay_passage_t *most);

//  Likewise, but decide about each message by its first frame: the function may
//  replace that, and *size_p, which is its size, and returns false if the
//  message is to be dropped, as are those that *dropped counts then. A frame in
//  hand has been decided about.
typedef bool (zrelay_port_sift_fn) (void *arg, zmq_msg_t *frame,
                                    size_t *size_p);
zrelay_passed_t
    zrelay_port_sift (zrelay_port_t *self, zrelay_port_t *to,
                      zmq_msg_t *frame, zrelay_passage_t *most,
                      zrelay_port_sift_fn *sift, void *arg,
                      uint64_t *dropped);

//  True if more frames are to be received of the message that is in hand.
bool
    zrelay_port_in_more (zrelay_port_t *self);

//  False if the port must be asked about each message whether it can be sent:
//  zrelay_port_accepts () returns ZRELAY_OUTCOME_SENT, or why it is to be
//  dropped. An XSUB takes no topics that are too long.
bool
    zrelay_port_accepts_any (zrelay_port_t *self);
zrelay_outcome_t
    zrelay_port_accepts (zrelay_port_t *self, zrelay_message_t *message);

//  Longest topic in bytes. libzmq keeps the topics of a SUB or XSUB byte by
//  byte, and forgets them by recursion: some hundred thousand bytes are the end
//  of the stack, and of the process.
#define ZRELAY_PORT_TOPIC_MAX 4096

//  Have an XSUB cope with subscriptions that come again, as they do from an
//  XPUB with xpub_verbose, or no longer; and true if it has to, so that pass is
//  not possible.
void
    zrelay_port_expect_repeats (zrelay_port_t *self, bool expect);
bool
    zrelay_port_expects_repeats (zrelay_port_t *self);

//  True if ZMQ_POLLOUT on the socket means that the next message will be
//  taken. PUB and XPUB always report it, also where xpub_nodrop refuses.
bool
    zrelay_port_polls_out (zrelay_port_t *self);

//  Take in nothing while messages are sent, see zrelay_hush.h. Returns false if
//  the system refuses that. Not for borrowed sockets.
bool
    zrelay_port_hush (zrelay_port_t *self);
void
    zrelay_port_unhush (zrelay_port_t *self);

//  A descriptor that becomes readable when zrelay_port_unhush () has to be
//  called once more, or -1.
int
    zrelay_port_hush_fd (zrelay_port_t *self);

//  True if the socket reports truly whether the next message will be taken, and
//  waiting for that makes sense; and true if it reports that event now.
bool
    zrelay_port_reports_room (zrelay_port_t *self);
bool
    zrelay_port_has (zrelay_port_t *self, short event);

//  Messages that each of its peers may have waiting; 0: any number.
size_t
    zrelay_port_high_water_mark (zrelay_port_t *self);

//  True if a signal that the caller catches came since this was asked last. It
//  was not allowed to tear a message.
bool
    zrelay_port_interrupted (zrelay_port_t *self);

//  The message that was received last counts as two.
void
    zrelay_port_count_more (zrelay_port_t *self);

//  The message that was received last, of so many frames and bytes, does not
//  count.
void
    zrelay_port_discount (zrelay_port_t *self, size_t frames, size_t bytes);

//  Messages received and sent, and the bytes of a ROUTER's routing ids, which
//  are not among these; and set all to zero.
const zrelay_tally_t *
    zrelay_port_received (zrelay_port_t *self);
const zrelay_tally_t *
    zrelay_port_sent (zrelay_port_t *self);
uint64_t
    zrelay_port_received_ids (zrelay_port_t *self);
uint64_t
    zrelay_port_sent_ids (zrelay_port_t *self);
void
    zrelay_port_reset (zrelay_port_t *self);

void
    zrelay_port_test (bool verbose);

#endif
