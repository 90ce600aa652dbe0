/*  =========================================================================
    zrelay_lookup - answers requests for snapshots

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_lookup.h"
#include "zrelay_scan.h"

//  Requests that may be under way at the same time; others wait in the socket
#define LOOKUPS_MOST 1000

//  Requests read, and frames and bytes sent, in one turn; and values sent to
//  one requester before the next has its turn
#define TURN_REQUESTS 100
#define TURN_FRAMES 1000
#define TURN_BYTES (4 * 1024 * 1024)
#define SHARE 100

//  A requester that takes nothing for so long is forgotten, in msecs; the same
//  if others need its place; and the time until it is tried again
#define PATIENCE 10000
#define ROOM_IVL 100
#define RETRY_IVL 5

//  A message is in memory as a whole until its last frame is sent. More bytes
//  than that are not sent in one.
#define WHOLE_MOST (64 * 1024 * 1024)

//  Requests are short. Longest prefix, as of a subscription
#define REQUEST_MOST 8192
#define PREFIX_MOST 4096

//  Closed with none, libzmq 4.3 may end the process if a connection breaks
//  right then in the middle of a message (session_base_t::clean_pipes); in
//  msecs
#define LINGER 100

static const char s_request [] = "ICANHAZ?";
static const char s_end [] = "KTHXBAI";

//  One request that is being answered
typedef struct {
    zrelay_ring_t link;         //  Place in the round
    zrelay_scan_t *scan;        //  Which values are still to be sent
    uint64_t sequence;          //  Updates received before it began
    int64_t heard_at;           //  When it last took something, in msecs
    bool whole;                 //  All in one message
    bool begun;                 //  And the beginning of that was sent
    size_t bytes;               //  So much of it
    size_t size;                //  Of the routing id
    byte id [];                 //  The requester's routing id
} request_t;

//  What is left of the bounds of a turn
typedef struct {
    int64_t now;                //  Time, in msecs
    int64_t frames;             //  How many may still be sent
    int64_t bytes;              //  Likewise
} turn_t;

//  What became of a request in a turn
typedef enum {
    RESULT_MORE,                //  There is more to send
    RESULT_FULL,                //  There is, but no room now
    RESULT_DONE,                //  It was answered
    RESULT_FAILED               //  It cannot be
} result_t;

struct _zrelay_lookup_t {
    void *handle;               //  libzmq's ROUTER
    zrelay_tree_t *tree;        //  The values
    zrelay_lookup_counts_t *counts;     //  What happened
    zrelay_ring_t round;        //  Requests under way. The first may be in the
                                //  middle of a message, and then stays first.
    size_t count;               //  How many these are
};


//  --------------------------------------------------------------------------
//  The socket

zrelay_lookup_t *
zrelay_lookup_new (zrelay_tree_t *tree, zrelay_lookup_counts_t *counts)
{
    void *handle = zsys_socket (ZMQ_ROUTER, __FILE__, __LINE__);
    if (!handle)
        return NULL;
    int one = 1;
    int linger = LINGER;
    int64_t most = REQUEST_MOST;
    zmq_setsockopt (handle, ZMQ_LINGER, &linger, sizeof (linger));
    zmq_setsockopt (handle, ZMQ_ROUTER_MANDATORY, &one, sizeof (one));
    zmq_setsockopt (handle, ZMQ_MAXMSGSIZE, &most, sizeof (most));
    zrelay_lookup_t *self =
        (zrelay_lookup_t *) zmalloc (sizeof (zrelay_lookup_t));
    assert (self);
    self->handle = handle;
    self->tree = tree;
    self->counts = counts;
    zrelay_ring_init (&self->round);
    return self;
}

static request_t *
s_first (zrelay_lookup_t *self)
{
    return ZRELAY_RING_ITEM (zrelay_ring_first (&self->round), request_t, link);
}

static void
s_forget (zrelay_lookup_t *self, request_t *request)
{
    zrelay_ring_leave (&request->link);
    self->counts->pending = --self->count;
    zrelay_scan_destroy (&request->scan);
    freen (request);
}

void
zrelay_lookup_destroy (zrelay_lookup_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_lookup_t *self = *self_p;
        request_t *request;
        while ((request = s_first (self)))
            s_forget (self, request);
        zsys_close (self->handle, __FILE__, __LINE__);
        freen (self);
        *self_p = NULL;
    }
}

void *
zrelay_lookup_handle (zrelay_lookup_t *self)
{
    return self->handle;
}


//  --------------------------------------------------------------------------
//  Requests

//  Frames of a request: routing id, an empty one if all is to be in one
//  message, "ICANHAZ?", prefix. Returns false if that is not what msg has.

static bool
s_add (zrelay_lookup_t *self, zmsg_t *msg, uint64_t sequence, int64_t now)
{
    zframe_t *id = zmsg_first (msg);
    zframe_t *frame = zmsg_next (msg);
    bool whole = frame && zframe_size (frame) == 0;
    if (whole)
        frame = zmsg_next (msg);
    zframe_t *prefix = zmsg_next (msg);
    if (!frame || !prefix || zmsg_next (msg)
    || !zframe_streq (frame, s_request)
    ||  zframe_size (prefix) > PREFIX_MOST)
        return false;
    request_t *request =
        (request_t *) zmalloc (sizeof (request_t) + zframe_size (id));
    assert (request);
    request->size = zframe_size (id);
    memcpy (request->id, zframe_data (id), request->size);
    request->scan = zrelay_scan_new (zframe_data (prefix),
                                     zframe_size (prefix));
    request->whole = whole;
    request->sequence = sequence;
    request->heard_at = now;
    zrelay_ring_init (&request->link);
    zrelay_ring_add (&self->round, &request->link);
    self->counts->pending = ++self->count;
    return true;
}

//  Whoever asks often and does not read must not keep others from asking: when
//  there are too many, the one goes that has taken nothing for longest

static bool
s_make_room (zrelay_lookup_t *self, int64_t now)
{
    if (self->count < LOOKUPS_MOST)
        return true;
    request_t *idlest = s_first (self);
    zrelay_ring_t *link = &idlest->link;
    for (; link; link = zrelay_ring_next (&self->round, link)) {
        request_t *request = ZRELAY_RING_ITEM (link, request_t, link);
        if (!request->begun && request->heard_at < idlest->heard_at)
            idlest = request;
    }
    if (idlest->begun || now - idlest->heard_at < ROOM_IVL)
        return false;
    self->counts->abandoned++;
    s_forget (self, idlest);
    return true;
}

bool
zrelay_lookup_read (zrelay_lookup_t *self, uint64_t sequence, int64_t now)
{
    for (int left = TURN_REQUESTS; left > 0; left--) {
        if (!(zsock_events (self->handle) & ZMQ_POLLIN))
            return true;
        if (!s_make_room (self, now))
            return false;
        zmsg_t *msg = zmsg_recv_nowait (self->handle);
        if (!msg)
            return true;
        if (!s_add (self, msg, sequence, now))
            self->counts->invalid++;
        zmsg_destroy (&msg);
    }
    return true;
}


//  --------------------------------------------------------------------------
//  Answers. Once a ROUTER has taken the first frame of a message it takes the
//  others, whatever becomes of the peer.

static bool
s_send (zrelay_lookup_t *self, turn_t *turn, const void *data, size_t size,
        bool more)
{
    int rc;
    do
        rc = zmq_send (self->handle, data, size,
                       ZMQ_DONTWAIT | (more? ZMQ_SNDMORE: 0));
    while (rc == -1 && errno == EINTR);
    turn->frames--;
    turn->bytes -= (int64_t) size;
    return rc != -1;
}

static result_t
s_address (zrelay_lookup_t *self, turn_t *turn, request_t *request)
{
    if (!s_send (self, turn, request->id, request->size, true)) {
        //  Word that there is room again is read where events are asked for
        if (errno != EAGAIN || !(zsock_events (self->handle) & ZMQ_POLLOUT)
        || !s_send (self, turn, request->id, request->size, true))
            return errno == EAGAIN? RESULT_FULL: RESULT_FAILED;
    }
    request->heard_at = turn->now;
    return RESULT_MORE;
}

static void
s_send_value (zrelay_lookup_t *self, turn_t *turn, zrelay_topic_t *topic,
              bool more)
{
    size_t frames = zrelay_topic_frames (topic);
    for (size_t index = 0; index < frames; index++) {
        size_t size;
        const byte *data = zrelay_topic_frame (topic, index, &size);
        s_send (self, turn, data, size, more || index + 1 < frames);
    }
}

//  The last frames of an answer, after the address

static void
s_send_end (zrelay_lookup_t *self, turn_t *turn, request_t *request)
{
    byte sequence [8];
    for (int index = 0; index < 8; index++)
        sequence [index] = (byte) (request->sequence >> (56 - 8 * index));
    size_t size;
    const byte *prefix = zrelay_scan_prefix (request->scan, &size);
    s_send (self, turn, s_end, strlen (s_end), true);
    s_send (self, turn, sequence, sizeof (sequence), true);
    s_send (self, turn, "", 0, true);
    s_send (self, turn, "", 0, true);
    s_send (self, turn, prefix, size, false);
}

//  Each value is a message

static result_t
s_answer_each (zrelay_lookup_t *self, turn_t *turn, request_t *request)
{
    zrelay_leaf_t *leaf = zrelay_scan_resume (request->scan, self->tree);
    result_t result = RESULT_MORE;
    for (int left = SHARE; leaf && left > 0 && turn->frames > 0
         && turn->bytes > 0; left--) {
        result = s_address (self, turn, request);
        if (result != RESULT_MORE)
            break;
        s_send_value (self, turn, (zrelay_topic_t *) leaf, false);
        leaf = zrelay_scan_next (request->scan, leaf);
    }
    if (leaf) {
        zrelay_scan_pause (request->scan, leaf);
        return result;
    }
    result = s_address (self, turn, request);
    if (result == RESULT_MORE) {
        s_send_end (self, turn, request);
        return RESULT_DONE;
    }
    //  Nothing is left but the end
    zrelay_scan_finish (request->scan);
    return result;
}

//  All values in one message. The round stands still until it is sent, which
//  depends on nobody.

static result_t
s_answer_whole (zrelay_lookup_t *self, turn_t *turn, request_t *request)
{
    if (!request->begun) {
        result_t result = s_address (self, turn, request);
        if (result != RESULT_MORE)
            return result;
        s_send (self, turn, "", 0, true);
        request->begun = true;
    }
    zrelay_leaf_t *leaf = zrelay_scan_resume (request->scan, self->tree);
    while (leaf && turn->frames > 0 && turn->bytes > 0) {
        zrelay_topic_t *topic = (zrelay_topic_t *) leaf;
        request->bytes += topic->size;
        if (request->bytes > WHOLE_MOST) {
            static const char reason [] = "too much for one message; ask with "
                "a longer prefix, or from a DEALER without the empty frame";
            s_send (self, turn, "ERROR", 5, true);
            s_send (self, turn, reason, strlen (reason), false);
            return RESULT_FAILED;
        }
        char count [20];
        snprintf (count, sizeof (count), "%zu", zrelay_topic_frames (topic));
        s_send (self, turn, count, strlen (count), true);
        s_send_value (self, turn, topic, true);
        leaf = zrelay_scan_next (request->scan, leaf);
    }
    if (leaf) {
        zrelay_scan_pause (request->scan, leaf);
        return RESULT_MORE;
    }
    s_send_end (self, turn, request);
    return RESULT_DONE;
}

//  Returns false if the requester had no room

static bool
s_serve_first (zrelay_lookup_t *self, turn_t *turn)
{
    request_t *request = s_first (self);
    result_t result = request->whole? s_answer_whole (self, turn, request):
                                      s_answer_each (self, turn, request);
    if (result == RESULT_FULL && turn->now - request->heard_at >= PATIENCE)
        result = RESULT_FAILED;
    if (result == RESULT_DONE || result == RESULT_FAILED) {
        self->counts->lookups += result == RESULT_DONE;
        self->counts->abandoned += result == RESULT_FAILED;
        s_forget (self, request);
    }
    else
    if (!request->begun)
        zrelay_ring_add (&self->round, &request->link);
    return result != RESULT_FULL;
}

int64_t
zrelay_lookup_turn (zrelay_lookup_t *self, int64_t now)
{
    turn_t turn = { now, TURN_FRAMES, TURN_BYTES };
    //  The turn also ends when all that are left have no room
    size_t full = 0;
    while (self->count > full && turn.frames > 0 && turn.bytes > 0)
        full = s_serve_first (self, &turn)? 0: full + 1;
    if (self->count == 0)
        return -1;
    return full < self->count? 0: RETRY_IVL;
}
