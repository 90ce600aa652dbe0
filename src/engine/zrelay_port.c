/*  =========================================================================
    zrelay_port - moves frames in and out of one libzmq socket, and counts them

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_port.h"
#include "zrelay_hush.h"
#include "zrelay_mask.h"
#include "zrelay_message_internal.h"
#include "zrelay_topics.h"

//  The fate of the rest of a message of which a frame was refused
typedef enum {
    REST_SEND,                  //  Nothing was refused
    REST_DISCARD,               //  Close the frames
    REST_SWALLOW                //  Give them to the socket, which drops them
} rest_t;

struct _zrelay_port_t {
    void *handle;               //  libzmq's socket, or NULL
    int type;                   //  Its type, or -1
    zrelay_tally_t in;          //  Received
    zrelay_tally_t out;         //  Sent
    uint64_t in_ids;            //  Bytes of a ROUTER's routing ids, which are
    uint64_t out_ids;           //  not among these
    zrelay_tally_t sending;     //  Frames of the message that is being sent
    bool in_more;               //  Receiving is in mid-message
    bool out_more;              //  Sending is in mid-message
    bool refused;               //  The frame that is sent next has been tried
    rest_t rest;                //  The fate of the rest of it
    zrelay_outcome_t outcome;   //  And why
    bool router;                //  Its messages begin with routing ids
    zrelay_mask_t mask;         //  Hides these
    zrelay_hush_t *hush;        //  For sending without taking in, or NULL
    bool hushed;                //  It does that now
    bool interrupted;           //  By a signal that the caller caught
    zrelay_topics_t *topics;    //  Subscriptions that were sent; NULL if they
                                //  do not come again
};


//  --------------------------------------------------------------------------
//  Constructor and destructor

zrelay_port_t *
zrelay_port_new (void)
{
    zrelay_port_t *self = (zrelay_port_t *) zmalloc (sizeof (zrelay_port_t));
    assert (self);
    self->type = -1;
    return self;
}

void
zrelay_port_destroy (zrelay_port_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_topics_destroy (&(*self_p)->topics);
        zrelay_hush_destroy (&(*self_p)->hush);
        freen (*self_p);
    }
}

void
zrelay_port_open (zrelay_port_t *self, void *handle, int type)
{
    zrelay_topics_destroy (&self->topics);
    zrelay_hush_destroy (&self->hush);
    self->handle = handle;
    self->type = type;
    self->router = type == ZMQ_ROUTER;
    //  A secret is needed only here, and is kept
    if (self->router && !self->mask.active)
        zrelay_mask_init (&self->mask);
}

void
zrelay_port_share_mask (zrelay_port_t *self)
{
    zrelay_mask_share (&self->mask);
}

void
zrelay_port_show_ids (zrelay_port_t *self)
{
    self->mask.active = false;
}

void *
zrelay_port_handle (zrelay_port_t *self)
{
    return self->handle;
}

int
zrelay_port_type (zrelay_port_t *self)
{
    return self->type;
}


//  --------------------------------------------------------------------------
//  Receiving

//  A signal that an application catches may come between two frames, and must
//  not tear the message. The signal is reported when the message is through.

static inline bool
s_interrupted (zrelay_port_t *self, int rc)
{
    if (rc != -1 || errno != EINTR)
        return false;
    self->interrupted = true;
    return true;
}

bool
zrelay_port_interrupted (zrelay_port_t *self)
{
    bool interrupted = self->interrupted;
    self->interrupted = false;
    return interrupted;
}

static inline int
s_receive (zrelay_port_t *self, zmq_msg_t *frame)
{
    int rc;
    do
        rc = zmq_msg_recv (frame, self->handle, ZMQ_DONTWAIT);
    while (s_interrupted (self, rc));
    return rc;
}

//  Receive a frame that may be the first of a message

static inline int
s_receive_any (zrelay_port_t *self, zmq_msg_t *frame)
{
    int rc = s_receive (self, frame);
    if (self->router && rc != -1 && !self->in_more)
        zrelay_mask_hide (&self->mask, frame);
    return rc;
}

//  libzmq's functions return the size, if it fits into an int

static inline size_t
s_size (zmq_msg_t *frame, int size)
{
    return size < INT_MAX? (size_t) size: zmq_msg_size (frame);
}

//  A frame of that size was received

static inline void
s_count_received (zrelay_port_t *self, size_t size, bool more)
{
    if (self->in_more || self->type != ZMQ_ROUTER) {
        self->in.frames++;
        self->in.bytes += size;
    }
    else
        self->in_ids += size;
    self->in_more = more;
    self->in.messages += !more;
}

int
zrelay_port_recv (zrelay_port_t *self, zmq_msg_t *frame)
{
    if (s_receive_any (self, frame) == -1)
        return -1;
    s_count_received (self, zmq_msg_size (frame), zmq_msg_more (frame));
    return 0;
}

zframe_t *
zrelay_port_recv_zframe (zrelay_port_t *self)
{
    zframe_t *frame;
    do
        frame = zframe_recv_nowait (self->handle);
    while (!frame && s_interrupted (self, -1));
    if (!frame)
        return NULL;
    if (self->router && !self->in_more)
        zrelay_mask_hide_bytes (&self->mask, zframe_data (frame),
                                zframe_size (frame));
    s_count_received (self, zframe_size (frame), zframe_more (frame));
    return frame;
}

//  Receive one frame right into its place. Returns false if there is none.

static inline bool
s_recv_into (zrelay_port_t *self, zrelay_message_t *message)
{
    zmq_msg_t *slot = zrelay_message_slot (message);
    int size = s_receive_any (self, slot);
    if (size == -1)
        return false;
    size_t bytes = s_size (slot, size);
    zrelay_message_fill_slot (message, bytes);
    s_count_received (self, bytes, zmq_msg_more (slot));
    return true;
}

void
zrelay_port_recv_rest (zrelay_port_t *self, zrelay_message_t *message)
{
    bool more = self->in_more;
    while (more) {
        zmq_msg_t *slot = zrelay_message_slot (message);
        int size = s_receive (self, slot);
        if (size == -1)
            break;
        size_t bytes = s_size (slot, size);
        zrelay_message_fill_slot (message, bytes);
        self->in.frames++;
        self->in.bytes += bytes;
        more = zmq_msg_more (slot);
    }
    self->in.messages += self->in_more && !more;
    self->in_more = more;
}

bool
zrelay_port_recv_message (zrelay_port_t *self, zrelay_message_t *message)
{
    if (!s_recv_into (self, message))
        return false;
    if (self->in_more)
        zrelay_port_recv_rest (self, message);
    return true;
}

void
zrelay_port_measure (zrelay_port_t *self, zrelay_message_t *message,
                     size_t *frames_p, size_t *bytes_p)
{
    bool router = self->type == ZMQ_ROUTER;
    *frames_p = zrelay_message_frames (message) - router;
    *bytes_p = zrelay_message_bytes (message)
             - (router? zrelay_message_size (message, 0): 0);
}


//  --------------------------------------------------------------------------
//  Sending

//  Why the socket refused a message's first frame

static zrelay_outcome_t
s_first_refused (zrelay_port_t *self)
{
    switch (errno) {
        case EAGAIN:
            //  A full client is that client's loss; the others go on
            return self->type == ZMQ_ROUTER? ZRELAY_OUTCOME_PEER_FULL:
                                             ZRELAY_OUTCOME_FULL;
        case EFSM:
            //  A REQ will be ready when its reply has come; a REP has nobody
            //  to reply to
            return self->type == ZMQ_REQ? ZRELAY_OUTCOME_FULL:
                                          ZRELAY_OUTCOME_UNROUTABLE;
        case EHOSTUNREACH:
            return ZRELAY_OUTCOME_UNROUTABLE;
        default:
            return ZRELAY_OUTCOME_REFUSED;
    }
}

//  PUSH, DEALER and REQ, when their peer has vanished in mid-message, drop
//  the rest of it themselves, and must be given it or they would drop the
//  beginning of the next one. Other sockets would send it as a message of its
//  own.

static rest_t
s_rest_of_lost (zrelay_port_t *self)
{
    return self->type == ZMQ_PUSH || self->type == ZMQ_DEALER
        || self->type == ZMQ_REQ? REST_SWALLOW: REST_DISCARD;
}

//  Throw one frame away, and remember why and how until the message's end

static zrelay_outcome_t
s_drop (zrelay_port_t *self, zmq_msg_t *frame, bool more,
        zrelay_outcome_t outcome, rest_t rest)
{
    zmq_msg_close (frame);
    zmq_msg_init (frame);
    memset (&self->sending, 0, sizeof (self->sending));
    self->outcome = outcome;
    self->rest = more? rest: REST_SEND;
    self->out_more = more;
    return outcome;
}

static inline int
s_try (zrelay_port_t *self, zmq_msg_t *frame, bool more)
{
    int rc;
    do
        rc = zmq_msg_send (frame, self->handle,
                           ZMQ_DONTWAIT | (more? ZMQ_SNDMORE: 0));
    while (s_interrupted (self, rc));
    return rc;
}

//  A send looks only now and then for word from the peers that there is room
//  again; asking for events makes sure.

static inline int
s_send (zrelay_port_t *self, zmq_msg_t *frame, bool more)
{
    int rc = s_try (self, frame, more);
    if (rc == -1 && errno == EAGAIN && !self->out_more) {
        zsock_events (self->handle);
        rc = s_try (self, frame, more);
    }
    return rc;
}

//  An XSUB passes on each subscription but only the last cancellation, and so
//  counts. An XPUB with xpub_verbose reports each subscription but only the
//  last cancellation. Between the two, a topic that was subscribed to twice
//  would never be cancelled. So after a subscription that comes again the XSUB
//  is given a cancellation, which it keeps to itself. Returns true if that has
//  to be done, with cancellation initialised.

static bool
s_comes_again (zrelay_port_t *self, zmq_msg_t *frame, zmq_msg_t *cancellation)
{
    byte *data = (byte *) zmq_msg_data (frame);
    size_t size = zmq_msg_size (frame);
    if (size == 0 || data [0] > ZRELAY_TOPICS_SUBSCRIBE)
        return false;
    if (data [0] == ZRELAY_TOPICS_CANCEL) {
        zrelay_topics_delete (self->topics, data + 1, size - 1);
        return false;
    }
    if (zrelay_topics_insert (self->topics, data + 1, size - 1))
        return false;
    int rc = zmq_msg_init_size (cancellation, size);
    assert (rc == 0);
    memcpy (zmq_msg_data (cancellation), data, size);
    *(byte *) zmq_msg_data (cancellation) = ZRELAY_TOPICS_CANCEL;
    return true;
}

static inline int
s_send_topic (zrelay_port_t *self, zmq_msg_t *frame, bool more)
{
    if (!self->topics)
        return s_send (self, frame, more);
    zmq_msg_t cancellation;
    bool again = s_comes_again (self, frame, &cancellation);
    int rc = s_send (self, frame, more);
    if (again) {
        s_send (self, &cancellation, more);
        zmq_msg_close (&cancellation);
    }
    return rc;
}

void
zrelay_port_expect_repeats (zrelay_port_t *self, bool expect)
{
    if (!expect)
        zrelay_topics_destroy (&self->topics);
    else
    if (!self->topics && self->type == ZMQ_XSUB)
        self->topics = zrelay_topics_new ();
}

bool
zrelay_port_expects_repeats (zrelay_port_t *self)
{
    return self->topics != NULL;
}

//  All frames of a message were sent

static inline void
s_count_sending (zrelay_port_t *self)
{
    self->out_more = false;
    self->out.messages++;
    self->out.frames += self->sending.frames;
    self->out.bytes += self->sending.bytes;
    self->sending.frames = 0;
    self->sending.bytes = 0;
}

//  A frame of that size was sent

static inline void
s_count_sent (zrelay_port_t *self, size_t size, bool more)
{
    if (self->out_more || self->type != ZMQ_ROUTER) {
        self->sending.frames++;
        self->sending.bytes += size;
    }
    else
        self->out_ids += size;
    self->out_more = more;
    if (!more)
        s_count_sending (self);
}

//  Offer a frame of that size as the first of a message

static inline zrelay_outcome_t
s_offer (zrelay_port_t *self, zmq_msg_t *frame, size_t size, bool more)
{
    //  A ROUTER takes a routing id without a message, and forgets it
    if (self->router && !more)
        return ZRELAY_OUTCOME_UNROUTABLE;
    if (self->router)
        zrelay_mask_reveal (&self->mask, frame);
    if (s_send_topic (self, frame, more) == -1) {
        zrelay_outcome_t outcome = s_first_refused (self);
        if (self->router)
            zrelay_mask_hide (&self->mask, frame);
        return outcome;
    }
    s_count_sent (self, size, more);
    return ZRELAY_OUTCOME_SENT;
}

zrelay_outcome_t
zrelay_port_offer (zrelay_port_t *self, zmq_msg_t *frame, bool more)
{
    return s_offer (self, frame, zmq_msg_size (frame), more);
}

bool
zrelay_port_hush (zrelay_port_t *self)
{
    if (!self->hush)
        self->hush = zrelay_hush_new (self->handle);
    self->hushed = self->hush && zrelay_hush_begin (self->hush);
    return self->hushed;
}

void
zrelay_port_unhush (zrelay_port_t *self)
{
    if (self->hushed)
        zrelay_hush_end (self->hush);
    else
    if (self->hush)
        zrelay_hush_forward (self->hush);
    self->hushed = false;
}

int
zrelay_port_hush_fd (zrelay_port_t *self)
{
    return self->hush? zrelay_hush_fd (self->hush): -1;
}

static zrelay_outcome_t
s_send_first (zrelay_port_t *self, zmq_msg_t *frame, bool more)
{
    zrelay_outcome_t outcome = zrelay_port_offer (self, frame, more);
    return outcome == ZRELAY_OUTCOME_SENT || outcome == ZRELAY_OUTCOME_FULL?
           outcome: s_drop (self, frame, more, outcome, REST_DISCARD);
}

static zrelay_outcome_t
s_send_other (zrelay_port_t *self, zmq_msg_t *frame, bool more)
{
    size_t size = zmq_msg_size (frame);
    int rc = self->refused? -1: s_send_topic (self, frame, more);
    self->refused = false;
    if (self->rest == REST_SWALLOW)
        return s_drop (self, frame, more, self->outcome, REST_SWALLOW);
    if (rc == -1)
        return s_drop (self, frame, more, ZRELAY_OUTCOME_LOST,
                       s_rest_of_lost (self));
    s_count_sent (self, size, more);
    return ZRELAY_OUTCOME_SENT;
}

zrelay_outcome_t
zrelay_port_send (zrelay_port_t *self, zmq_msg_t *frame, bool more)
{
    if (self->rest == REST_DISCARD)
        return s_drop (self, frame, more, self->outcome, REST_DISCARD);
    return self->out_more? s_send_other (self, frame, more)
                         : s_send_first (self, frame, more);
}

//  Send frames behind a first one, as long as each is taken. Returns how many
//  were; the next one, if there is one, has been tried.

static size_t
s_send_others (zrelay_port_t *self, zmq_msg_t *frame, const size_t *sizes,
               size_t frames)
{
    size_t sent = 0;
    uint64_t bytes = 0;
    for (; sent < frames; sent++) {
        if (s_try (self, &frame [sent], sent + 1 < frames) == -1)
            break;
        bytes += sizes [sent];
    }
    self->sending.frames += sent;
    self->sending.bytes += bytes;
    if (sent == frames)
        s_count_sending (self);
    self->refused = sent < frames;
    return sent;
}

zrelay_outcome_t
zrelay_port_send_message (zrelay_port_t *self, zrelay_message_t *message)
{
    size_t frames = message->count;
    zmq_msg_t *frame = &message->slots [message->first];
    zrelay_outcome_t outcome =
        s_offer (self, frame, message->sizes [message->first], frames > 1);
    if (outcome != ZRELAY_OUTCOME_SENT)
        return outcome;
    size_t sent = 1;
    if (!self->topics && frames > 1)
        sent += s_send_others (self, frame + 1,
                               &message->sizes [message->first + 1],
                               frames - 1);
    for (; sent < frames; sent++)
        outcome = zrelay_port_send (self, &frame [sent], sent + 1 < frames);
    zrelay_message_sent (message);
    return outcome;
}


//  --------------------------------------------------------------------------
//  Passing on: what zrelay_port_recv () and zrelay_port_send () do, for as long
//  as nothing is out of the ordinary. This is where a relay spends its time, so
//  nothing is looked at twice and the counters are brought up to date at the
//  end.

static void
s_count (zrelay_port_t *self, zrelay_tally_t *tally, uint64_t *ids,
         const zrelay_passage_t *passage)
{
    bool router = self->type == ZMQ_ROUTER;
    tally->messages += passage->messages;
    tally->frames += passage->frames - (router? passage->messages: 0);
    tally->bytes += passage->bytes - (router? passage->firsts: 0);
    *ids += router? passage->firsts: 0;
}

//  The frame in hand is the last of these of one message, the others were sent

static void
s_leave_in_hand (zrelay_port_t *self, zrelay_port_t *to, zmq_msg_t *frame,
                 bool more, const zrelay_passage_t *one)
{
    s_count (self, &self->in, &self->in_ids, one);
    self->in_more = more;
    self->in.messages -= self->in_more;
    //  Within a message, libzmq must not be given the frame again: what it did
    //  with that would not be what became of the message
    if (one->frames > 1) {
        to->out_more = true;
        to->refused = true;
        to->sending.frames = one->frames - 1 - (to->type == ZMQ_ROUTER);
        to->sending.bytes = one->bytes - zmq_msg_size (frame)
                          - (to->type == ZMQ_ROUTER? one->firsts: 0);
    }
}

//  Can a message be sent whose first frame this is, without a look at the rest?
//  A ROUTER takes a routing id without a message, and forgets it. An XSUB is
//  sent no topic that is too long.

static bool
s_begins_well (zrelay_port_t *self, bool more, size_t size)
{
    return self->type == ZMQ_ROUTER? more:
           !more && size <= ZRELAY_PORT_TOPIC_MAX + 1;
}

//  As s_try (), for the first frame of a message

static inline bool
s_pass_first (zrelay_port_t *self, zmq_msg_t *frame, bool more)
{
    if (!self->router)
        return s_try (self, frame, more) != -1;
    zrelay_mask_reveal (&self->mask, frame);
    bool taken = s_try (self, frame, more) != -1;
    if (!taken)
        zrelay_mask_hide (&self->mask, frame);
    return taken;
}

//  The frames that follow the first. Returns false if the last of them was not
//  taken.

static bool
s_pass_others (zrelay_port_t *self, zrelay_port_t *to, zmq_msg_t *frame,
               zrelay_passage_t *one)
{
    bool taken = true;
    for (bool more = true; taken && more; ) {
        int size = s_receive (self, frame);
        more = zmq_msg_more (frame);
        one->frames++;
        one->bytes += size == -1? 0: s_size (frame, size);
        taken = size != -1 && s_try (to, frame, more) != -1;
    }
    return taken;
}

static inline uint64_t
s_left (uint64_t most, uint64_t used)
{
    return most > used? most - used: 0;
}

//  The rest of a message that was dropped after its first frame. Counts all;
//  returns its bytes.

static uint64_t
s_drop_rest (zrelay_port_t *self, zmq_msg_t *frame, bool more, size_t first)
{
    zrelay_passage_t one = { 1, 1, first, first };
    while (more) {
        int size = s_receive (self, frame);
        if (size == -1)
            break;
        more = zmq_msg_more (frame);
        one.frames++;
        one.bytes += s_size (frame, size);
    }
    s_count (self, &self->in, &self->in_ids, &one);
    zmq_msg_close (frame);
    zmq_msg_init (frame);
    return one.bytes;
}

typedef struct {
    zrelay_port_sift_fn *function;  //  Decides about a message
    void *arg;                  //  Its argument
    uint64_t dropped;           //  How many it has dropped
} sift_t;

//  Of messages of one frame, only their number and their bytes are counted. The
//  compiler makes two functions of this, one of which asks nobody.

static inline __attribute__ ((always_inline)) zrelay_passed_t
s_pass (zrelay_port_t *self, zrelay_port_t *to, zmq_msg_t *frame,
        zrelay_passage_t *most, sift_t *sift)
{
    bool particular = to->type == ZMQ_ROUTER || to->type == ZMQ_XSUB;
    zrelay_passage_t others = { 0, 0, 0, 0 };
    uint64_t messages = 0;
    uint64_t firsts = 0;
    uint64_t sent = 0;
    uint64_t last = most->messages < most->frames? most->messages: most->frames;
    uint64_t last_byte = most->bytes;
    zrelay_passed_t end = ZRELAY_PASSED_ENOUGH;
    while (messages < last && firsts < last_byte) {
        int size = s_receive (self, frame);
        if (size == -1) {
            end = ZRELAY_PASSED_ALL;
            break;
        }
        if (self->router)
            zrelay_mask_hide (&self->mask, frame);
        bool more = zmq_msg_more (frame);
        size_t first = s_size (frame, size);
        size_t changed = first;
        if (sift && !sift->function (sift->arg, frame, &changed)) {
            last_byte = s_left (last_byte,
                                s_drop_rest (self, frame, more, first));
            last--;
            sift->dropped++;
            continue;
        }
        bool taken = (!particular || s_begins_well (to, more, first))
                  && s_pass_first (to, frame, more);
        if (!taken || more) {
            zrelay_passage_t one = { 1, 1, first, first };
            if (!taken || !s_pass_others (self, to, frame, &one)) {
                if (one.frames > 1)
                    more = zmq_msg_more (frame);
                s_leave_in_hand (self, to, frame, more, &one);
                to->sending.bytes += one.frames > 1? changed - first: 0;
                end = ZRELAY_PASSED_IN_HAND;
                break;
            }
            others.frames += one.frames - 1;
            others.bytes += one.bytes - first;
            last_byte = s_left (most->bytes, others.bytes);
            last = s_left (most->frames, others.frames);
            last = last < most->messages? last: most->messages;
        }
        messages++;
        firsts += first;
        if (sift)
            sent += changed;
    }
    *most = (zrelay_passage_t) { messages, messages + others.frames,
                                 firsts + others.bytes, firsts };
    s_count (self, &self->in, &self->in_ids, most);
    zrelay_passage_t out = *most;
    if (sift) {
        out.bytes = sent + others.bytes;
        out.firsts = sent;
    }
    s_count (to, &to->out, &to->out_ids, &out);
    return end;
}

zrelay_passed_t
zrelay_port_pass (zrelay_port_t *self, zrelay_port_t *to, zmq_msg_t *frame,
                  zrelay_passage_t *most)
{
    return s_pass (self, to, frame, most, NULL);
}

zrelay_passed_t
zrelay_port_sift (zrelay_port_t *self, zrelay_port_t *to, zmq_msg_t *frame,
                  zrelay_passage_t *most, zrelay_port_sift_fn *function,
                  void *arg, uint64_t *dropped)
{
    sift_t sift = { function, arg, 0 };
    zrelay_passed_t end = s_pass (self, to, frame, most, &sift);
    *dropped = sift.dropped;
    return end;
}

bool
zrelay_port_in_more (zrelay_port_t *self)
{
    return self->in_more;
}


//  --------------------------------------------------------------------------
//  Properties. An XSUB takes each frame that begins with 0 or 1 for a
//  subscription, see ZeroMQ RFC 23, whatever its length.

bool
zrelay_port_accepts_any (zrelay_port_t *self)
{
    return self->type != ZMQ_XSUB;
}

zrelay_outcome_t
zrelay_port_accepts (zrelay_port_t *self, zrelay_message_t *message)
{
    size_t frames = zrelay_port_accepts_any (self)? 0:
                    zrelay_message_frames (message);
    for (size_t index = 0; index < frames; index++)
        if (zrelay_message_size (message, index) > ZRELAY_PORT_TOPIC_MAX + 1
        &&  *zrelay_message_data (message, index) <= ZRELAY_TOPICS_SUBSCRIBE)
            return ZRELAY_OUTCOME_SIZE;
    return ZRELAY_OUTCOME_SENT;
}

bool
zrelay_port_polls_out (zrelay_port_t *self)
{
    return self->type != ZMQ_PUB && self->type != ZMQ_XPUB;
}

void
zrelay_port_count_more (zrelay_port_t *self)
{
    self->in.messages++;
}

void
zrelay_port_discount (zrelay_port_t *self, size_t frames, size_t bytes)
{
    self->in.messages--;
    self->in.frames -= frames;
    self->in.bytes -= bytes;
}

//  A ROUTER drops what it cannot send, and so do PUB and XPUB unless they were
//  told to refuse, which they do not report. A REP refuses a reply that nobody
//  waits for, and must not keep that for the next request.

bool
zrelay_port_reports_room (zrelay_port_t *self)
{
    return self->type == ZMQ_PUSH || self->type == ZMQ_DEALER
        || self->type == ZMQ_REQ || self->type == ZMQ_PAIR;
}

size_t
zrelay_port_high_water_mark (zrelay_port_t *self)
{
    return (size_t) zsock_sndhwm (self->handle);
}

//  That a context has ended shows with the next message

bool
zrelay_port_has (zrelay_port_t *self, short event)
{
    int events;
    size_t size = sizeof (events);
    return zmq_getsockopt (self->handle, ZMQ_EVENTS, &events, &size) == -1
        || (events & event) != 0;
}

const zrelay_tally_t *
zrelay_port_received (zrelay_port_t *self)
{
    return &self->in;
}

const zrelay_tally_t *
zrelay_port_sent (zrelay_port_t *self)
{
    return &self->out;
}

uint64_t
zrelay_port_received_ids (zrelay_port_t *self)
{
    return self->in_ids;
}

uint64_t
zrelay_port_sent_ids (zrelay_port_t *self)
{
    return self->out_ids;
}

void
zrelay_port_reset (zrelay_port_t *self)
{
    memset (&self->in, 0, sizeof (self->in));
    memset (&self->out, 0, sizeof (self->out));
    self->in_ids = 0;
    self->out_ids = 0;
}


//  --------------------------------------------------------------------------
//  Selftest: ports on bare sockets

static zrelay_port_t *
s_test_port (int type)
{
    zrelay_port_t *self = zrelay_port_new ();
    void *handle = zsys_socket (type, __FILE__, __LINE__);
    assert (handle);
    int one = 1;
    if (type == ZMQ_ROUTER)
        zmq_setsockopt (handle, ZMQ_ROUTER_MANDATORY, &one, sizeof (one));
    zrelay_port_open (self, handle, type);
    return self;
}

static void
s_test_close (zrelay_port_t **self_p)
{
    zsys_close ((*self_p)->handle, __FILE__, __LINE__);
    zrelay_port_destroy (self_p);
}

static void
s_test_messages (void)
{
    zrelay_port_t *output = s_test_port (ZMQ_PUSH);
    zrelay_port_t *input = s_test_port (ZMQ_PULL);

    //  Nobody is there: the first frame stays with us
    zmq_msg_t frame;
    zmq_msg_init_size (&frame, 10);
    assert (zrelay_port_send (output, &frame, true) == ZRELAY_OUTCOME_FULL);
    assert (zmq_msg_size (&frame) == 10);

    int rc = zmq_bind (output->handle, "inproc://port-test");
    assert (rc == 0);
    rc = zmq_connect (input->handle, "inproc://port-test");
    assert (rc == 0);
    assert (zrelay_port_send (output, &frame, true) == ZRELAY_OUTCOME_SENT);
    assert (zmq_msg_size (&frame) == 0);
    assert (zrelay_port_sent (output)->messages == 0);
    assert (zrelay_port_send (output, &frame, false) == ZRELAY_OUTCOME_SENT);
    assert (zrelay_port_sent (output)->messages == 1);
    assert (zrelay_port_sent (output)->frames == 2);
    assert (zrelay_port_sent (output)->bytes == 10);

    zrelay_message_t *message = zrelay_message_new ();
    assert (zrelay_port_recv_message (input, message));
    assert (zrelay_message_frames (message) == 2);
    assert (zrelay_port_received (input)->messages == 1);
    assert (zrelay_port_received (input)->bytes == 10);

    //  A frame that was refused in mid-message is not sent again, where it
    //  would begin another message
    zrelay_passage_t one = { 1, 2, 20, 10 };
    zmq_msg_init_size (&frame, 10);
    s_leave_in_hand (input, output, &frame, false, &one);
    assert (zrelay_port_send (output, &frame, false) == ZRELAY_OUTCOME_LOST);
    assert (zrelay_port_recv (input, &frame) == -1);
    assert (zrelay_port_send (output, &frame, false) == ZRELAY_OUTCOME_SENT);
    assert (zrelay_port_recv (input, &frame) == 0);
    assert (zmq_msg_size (&frame) == 0);
    zmq_msg_close (&frame);

    //  A whole message goes, and leaves none
    assert (zrelay_port_send_message (output, message) == ZRELAY_OUTCOME_SENT);
    assert (zrelay_message_frames (message) == 0);
    zframe_t *first = zrelay_port_recv_zframe (input);
    assert (first && zframe_size (first) == 10 && zframe_more (first));
    zframe_destroy (&first);
    zrelay_port_recv_rest (input, message);
    assert (zrelay_message_frames (message) == 1);
    assert (!zrelay_port_recv_zframe (input));
    zrelay_message_destroy (&message);
    s_test_close (&input);
    s_test_close (&output);
}

//  A ROUTER loses nothing without saying so

static void
s_test_router (void)
{
    zrelay_port_t *self = s_test_port (ZMQ_ROUTER);
    zmq_msg_t frame;
    zmq_msg_init_size (&frame, 5);
    memset (zmq_msg_data (&frame), 'x', 5);
    assert (zrelay_port_offer (self, &frame, true)
            == ZRELAY_OUTCOME_UNROUTABLE);
    assert (zmq_msg_size (&frame) == 5);
    assert (zrelay_port_send (self, &frame, true) == ZRELAY_OUTCOME_UNROUTABLE);
    assert (zrelay_port_send (self, &frame, true) == ZRELAY_OUTCOME_UNROUTABLE);
    assert (zrelay_port_send (self, &frame, false)
            == ZRELAY_OUTCOME_UNROUTABLE);
    assert (zrelay_port_send (self, &frame, false)
            == ZRELAY_OUTCOME_UNROUTABLE);
    assert (zrelay_port_sent (self)->messages == 0);
    zmq_msg_close (&frame);

    //  A message that is refused remains as it was
    zrelay_message_t *message = zrelay_message_new ();
    zrelay_message_append (message, "nobody", 6);
    zrelay_message_append (message, "body", 4);
    assert (zrelay_port_send_message (self, message)
            == ZRELAY_OUTCOME_UNROUTABLE);
    assert (zrelay_message_frames (message) == 2);
    assert (zrelay_message_streq (message, 0, "nobody"));

    //  The routing id counts for nothing
    size_t frames, bytes;
    zrelay_port_measure (self, message, &frames, &bytes);
    assert (frames == 1 && bytes == 4);
    zrelay_message_destroy (&message);
    s_test_close (&self);
}

//  A topic that is too long is refused, and so is the message it comes in

static void
s_test_topics (void)
{
    zrelay_port_t *self = s_test_port (ZMQ_XSUB);
    assert (!zrelay_port_accepts_any (self));
    byte topic [ZRELAY_PORT_TOPIC_MAX + 2];
    memset (topic, ZRELAY_TOPICS_SUBSCRIBE, sizeof (topic));
    for (size_t excess = 0; excess < 2; excess++) {
        zrelay_message_t *message = zrelay_message_new ();
        zrelay_message_append (message, topic,
                               1 + ZRELAY_PORT_TOPIC_MAX + excess);
        assert (zrelay_port_accepts (self, message)
                == (excess? ZRELAY_OUTCOME_SIZE: ZRELAY_OUTCOME_SENT));
        *(byte *) zmq_msg_data (zrelay_message_frame (message, 0)) = 'A';
        assert (zrelay_port_accepts (self, message) == ZRELAY_OUTCOME_SENT);
        zrelay_message_destroy (&message);
    }
    s_test_close (&self);
}

void
zrelay_port_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_port: ");
    //  @selftest
    s_test_messages ();
    s_test_router ();
    s_test_topics ();
    //  @end
    printf ("OK\n");
}
