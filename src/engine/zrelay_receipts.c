/*  =========================================================================
    zrelay_receipts - which messages have left the process

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_receipts.h"
#include "zrelay_message_internal.h"

//  Msecs between two looks, in which libzmq's threads write what they can. If
//  nothing has changed, the next look comes after twice that time.
#define LOOK_LEAST 20
#define LOOK_MOST 1000

//  Others have left lately if the next look is due in so many msecs at most
#define MOVING_MOST 200

//  Bytes that libzmq takes from a queue before it writes them to a connection:
//  its out_batch_size
#define BATCH 8192

//  libzmq hands a parcel over from the relay's thread to its own, in order. It
//  is not instrumented, so ThreadSanitizer has to be told.
#if defined (__SANITIZE_THREAD__)
#   include <sanitizer/tsan_interface.h>
#   define HAND_OVER(parcel) __tsan_release (parcel)
#   define TAKE_OVER(parcel) __tsan_acquire (parcel)
#else
#   define HAND_OVER(parcel)
#   define TAKE_OVER(parcel)
#endif

//  Parcels are made one behind the other in a block of that size: what one
//  thread gets and another one frees, one by one, costs more than all the rest.
//  So many blocks are kept to be filled again: for each that malloc () makes, it
//  first tidies up all of libzmq's small ones.
#define BLOCK_SIZE 65536
#define SPARE_MOST 16

//  More than the parcels that a block has room for, so that it has users as
//  long as it is filled; and more than the frames that a parcel can have
#define BLOCK_MOST (BLOCK_SIZE / 16 + 1)
#define PARCEL_MOST (1 << 30)

//  Messages of one parcel
#define PARCEL_MESSAGES 16

//  Larger frames would leave much of it unused
#define SMALL_MOST 1024

typedef struct _block_t block_t;
struct _block_t {
    block_t *next;              //  That is kept to be filled again
    size_t used;                //  Bytes
    int count;                  //  Parcels
    int users;                  //  Parcels that are needed, and those for which
                                //  there may be room while it is filled
    byte bytes [] __attribute__ ((aligned (16)));
};

//  Some messages on their way: what libzmq's frames refer to. The bytes of
//  frames follow it, as far as the block has room for them.
typedef struct {
    block_t *block;             //  Where it is
    int users;                  //  While the receipts have it, PARCEL_MOST less
                                //  the frames that libzmq does not need any
                                //  more; then those that it needs
} parcel_t;

typedef struct {
    parcel_t *parcel;           //  NULL: libzmq does not need it any more
    size_t frames;              //  That were made in it by then
    size_t messages;            //  That were sent, of those in it
    size_t bytes;               //  Of these
} receipt_t;

struct _zrelay_receipts_t {
    block_t *block;             //  That is filled, or NULL
    block_t *spare;             //  Those that are kept
    int spares;                 //  How many
    parcel_t *parcel;           //  In which messages are made, or NULL
    size_t frames;              //  That were made in it
    size_t messages;            //  That were made in it, and sent
    bool begun;                 //  Another one is made, or was, and not sent
    size_t made;                //  Its frames
    receipt_t *receipts;        //  A ring, in the order of sending
    size_t room;                //  Receipts that it can have, a power of 2
    size_t head;                //  The first
    size_t count;               //  How many
    size_t sent;                //  Messages of all of them
    uint64_t bytes;             //  And bytes
    size_t released;            //  The first so many are not needed by libzmq
    size_t marked;              //  Of these, those that were not when the
                                //  system was looked at anew
    bool moved;                 //  Some were released since the last look
    size_t behind;              //  Bytes in those that were released later,
                                //  but for the last
    size_t last;                //  Bytes in that one
    bool alone;                 //  There has been one connection only
    bool flushed;               //  Those that were marked have left
    bool overtaken;             //  More was sent behind them than libzmq keeps
                                //  back and the system has
    uint64_t came;              //  Connections that ever came,
    uint64_t went;              //  and that ever went
    bool endangered;            //  Some have gone since this was asked
    int64_t interval;           //  Msecs between the last look and the next
    int64_t looked_at;          //  When that was, in msecs
};


//  --------------------------------------------------------------------------
//  Parcels

static receipt_t *
s_receipt (zrelay_receipts_t *self, size_t index)
{
    return &self->receipts [(self->head + index) & (self->room - 1)];
}

//  Returns true if nobody needs the block any more

static bool
s_leave_block (block_t *block, int users)
{
    return __atomic_sub_fetch (&block->users, users, __ATOMIC_ACQ_REL) == 0;
}

static bool
s_is_released (const receipt_t *receipt)
{
    int left = __atomic_load_n (&receipt->parcel->users, __ATOMIC_ACQUIRE);
    return left == PARCEL_MOST - (int) receipt->frames;
}

static void
s_keep (zrelay_receipts_t *self, block_t *block)
{
    if (self->spares == SPARE_MOST) {
        free (block);
        return;
    }
    block->next = self->spare;
    self->spare = block;
    self->spares++;
}

//  The receipts do not need it any more, in which so many frames were made

static void
s_leave_parcel (zrelay_receipts_t *self, parcel_t *parcel, size_t frames)
{
    block_t *block = parcel->block;
    if (__atomic_sub_fetch (&parcel->users, PARCEL_MOST - (int) frames,
                            __ATOMIC_ACQ_REL) == 0
    &&  s_leave_block (block, 1))
        s_keep (self, block);
}

//  Nor do they need what this one is about, unless more is made there

static void
s_settle (zrelay_receipts_t *self, receipt_t *receipt)
{
    if (receipt->parcel && receipt->parcel != self->parcel)
        s_leave_parcel (self, receipt->parcel, receipt->frames);
    receipt->parcel = NULL;
}

//  No more messages will be made in the parcel. If there is a receipt, it needs
//  it.

static void
s_close_parcel (zrelay_receipts_t *self)
{
    parcel_t *parcel = self->parcel;
    self->parcel = NULL;
    if (parcel && !(self->count > self->released
                 && s_receipt (self, self->count - 1)->parcel == parcel))
        s_leave_parcel (self, parcel, self->frames);
}

//  No more parcels will be made in the block

static void
s_close_block (zrelay_receipts_t *self)
{
    block_t *block = self->block;
    if (block && s_leave_block (block, BLOCK_MOST - block->count))
        s_keep (self, block);
    self->block = NULL;
}

static block_t *
s_take_spare (zrelay_receipts_t *self)
{
    block_t *block = self->spare;
    if (block) {
        self->spare = block->next;
        self->spares--;
    }
    return block;
}

//  A parcel is left while it is in the processor's caches, so that its block
//  can be filled again while it is there, and so that there are few of them

static void
s_look_at_messages (zrelay_receipts_t *self)
{
    while (self->released < self->count) {
        receipt_t *receipt = s_receipt (self, self->released);
        if (!s_is_released (receipt))
            break;
        s_settle (self, receipt);
        self->behind += self->last;
        self->last = receipt->bytes;
        self->released++;
        self->moved = true;
    }
}

static void
s_open_block (zrelay_receipts_t *self)
{
    s_look_at_messages (self);
    self->block = s_take_spare (self);
    if (!self->block)
        self->block = (block_t *) malloc (sizeof (block_t) + BLOCK_SIZE);
    assert (self->block);
    self->block->used = 0;
    self->block->count = 0;
    self->block->users = BLOCK_MOST;
}

static size_t
s_round (size_t size)
{
    return (size + 15) & ~(size_t) 15;
}

//  Room for so many bytes in the block, or NULL

static void *
s_take (zrelay_receipts_t *self, size_t size)
{
    void *room = self->block->bytes + self->block->used;
    if (s_round (size) > BLOCK_SIZE - self->block->used)
        return NULL;
    self->block->used += s_round (size);
    return room;
}

static void
s_open_parcel (zrelay_receipts_t *self, size_t bytes)
{
    s_close_parcel (self);
    size_t size = s_round (sizeof (parcel_t)) + s_round (bytes);
    if (self->block && size > BLOCK_SIZE - self->block->used)
        s_close_block (self);
    if (!self->block)
        s_open_block (self);
    self->block->count++;
    self->parcel = (parcel_t *) s_take (self, sizeof (parcel_t));
    *self->parcel = (parcel_t) { self->block, PARCEL_MOST };
    self->frames = self->messages = 0;
}

//  A message begins with so many bytes, or more

static void
s_begin (zrelay_receipts_t *self, size_t bytes)
{
    if (!self->parcel || self->messages == PARCEL_MESSAGES
    ||  s_round (bytes) > BLOCK_SIZE - self->block->used)
        s_open_parcel (self, bytes);
    self->begun = true;
}

//  Called by libzmq, on any thread

static void
s_on_free (void *data, void *hint)
{
    (void) data;
    TAKE_OVER (hint);
    parcel_t *parcel = (parcel_t *) hint;
    block_t *block = parcel->block;
    if (__atomic_sub_fetch (&parcel->users, 1, __ATOMIC_ACQ_REL) == 0
    &&  s_leave_block (block, 1))
        free (block);
}

static void
s_on_free_own (void *data, void *hint)
{
    TAKE_OVER (hint);
    free (data);
    s_on_free (NULL, hint);
}

//  A frame that the block has no room for has its own

static void
s_make_frame (void *arg, zmq_msg_t *frame, const void *data, size_t size)
{
    zrelay_receipts_t *self = (zrelay_receipts_t *) arg;
    bool small = size <= SMALL_MOST;
    if (!self->begun)
        s_begin (self, small? size: 0);
    void *room = small? s_take (self, size): NULL;
    bool own = !room;
    if (own)
        room = malloc (size + 1);
    assert (room);
    if (size > 0)
        memcpy (room, data, size);
    int rc = zmq_msg_init_data (frame, room, size,
                                own? s_on_free_own: s_on_free, self->parcel);
    assert (rc == 0);
    self->frames++;
    self->made++;
}

void
zrelay_receipts_serve (zrelay_receipts_t *self, zrelay_message_t *message)
{
    zrelay_message_set_maker (message, s_make_frame, self);
}

//  Of frames that were put into the message in another way, copies are made

static void
s_make_all (zrelay_receipts_t *self, zrelay_message_t *message)
{
    zrelay_message_t *others = zrelay_message_take (message);
    zrelay_receipts_serve (self, message);
    for (size_t index = 0; index < zrelay_message_frames (others); index++)
        zrelay_message_append (message, zrelay_message_data (others, index),
                               zrelay_message_size (others, index));
    zrelay_message_destroy (&others);
}

void
zrelay_receipts_follow (zrelay_receipts_t *self, zrelay_message_t *message)
{
    if (self->made < zrelay_message_frames (message))
        s_make_all (self, message);
    if (!self->begun)
        s_begin (self, 0);
    HAND_OVER (self->parcel);
}


//  --------------------------------------------------------------------------
//  Constructor and destructor

zrelay_receipts_t *
zrelay_receipts_new (void)
{
    zrelay_receipts_t *self =
        (zrelay_receipts_t *) zmalloc (sizeof (zrelay_receipts_t));
    assert (self);
    self->interval = LOOK_LEAST;
    return self;
}

void
zrelay_receipts_destroy (zrelay_receipts_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_receipts_t *self = *self_p;
        zrelay_receipts_forget (self);
        s_close_block (self);
        for (block_t *block; (block = s_take_spare (self)) != NULL; )
            free (block);
        freen (self->receipts);
        freen (self);
        *self_p = NULL;
    }
}


//  --------------------------------------------------------------------------
//  The ring

static void
s_need_room (zrelay_receipts_t *self)
{
    if (self->count < self->room)
        return;
    size_t room = self->room? self->room * 2: 64;
    receipt_t *receipts = (receipt_t *) malloc (room * sizeof (receipt_t));
    assert (receipts);
    for (size_t index = 0; index < self->count; index++)
        receipts [index] = *s_receipt (self, index);
    freen (self->receipts);
    self->receipts = receipts;
    self->room = room;
    self->head = 0;
}

static void
s_add_receipt (zrelay_receipts_t *self)
{
    if (self->count == 0) {
        self->interval = LOOK_LEAST;
        self->looked_at = zclock_mono ();
    }
    s_need_room (self);
    self->count++;
    *s_receipt (self, self->count - 1) = (receipt_t) { .parcel = self->parcel };
}

void
zrelay_receipts_sent (zrelay_receipts_t *self, size_t bytes)
{
    assert (self->begun);
    if (self->count == self->released
    ||  s_receipt (self, self->count - 1)->parcel != self->parcel)
        s_add_receipt (self);
    receipt_t *receipt = s_receipt (self, self->count - 1);
    receipt->frames = self->frames;
    receipt->messages++;
    receipt->bytes += bytes;
    self->messages++;
    self->sent++;
    self->bytes += bytes;
    self->begun = false;
    self->made = 0;
}

size_t
zrelay_receipts_forget_first (zrelay_receipts_t *self)
{
    assert (self->count > 0);
    receipt_t *receipt = s_receipt (self, 0);
    size_t messages = receipt->messages;
    s_settle (self, receipt);
    self->sent -= messages;
    self->bytes -= receipt->bytes;
    self->head = (self->head + 1) & (self->room - 1);
    self->count--;
    self->released -= self->released > 0;
    self->marked -= self->marked > 0;
    return messages;
}

void
zrelay_receipts_forget (zrelay_receipts_t *self)
{
    while (self->count > 0)
        zrelay_receipts_forget_first (self);
    s_close_parcel (self);
    self->begun = false;
    self->made = 0;
}

size_t
zrelay_receipts_count (zrelay_receipts_t *self)
{
    return self->sent;
}

uint64_t
zrelay_receipts_bytes (zrelay_receipts_t *self)
{
    return self->bytes;
}


//  --------------------------------------------------------------------------
//  Looking

//  Returns true if none has ended. What the end of one may have released was
//  looked at before, and so was the system, so that end is known now.

static bool
s_look_at_connections (zrelay_receipts_t *self, zrelay_peers_t *peers)
{
    uint64_t came = self->came, went = self->went;
    if (peers) {
        zrelay_peers_update (peers);
        zrelay_peers_turnover (peers, &came, &went);
    }
    bool none_ended = went == self->went;
    self->endangered |= !none_ended;
    self->alone &= came == self->came && none_ended;
    self->came = came;
    self->went = went;
    return none_ended && !zrelay_peers_behind (peers);
}

//  Without connections, there is nothing between libzmq and a receiver

static void
s_look_at_system (zrelay_receipts_t *self, zrelay_peers_t *peers, bool anew)
{
    uint64_t waiting = 0;
    self->flushed = !peers
                 || zrelay_peers_flushed (peers, anew, BATCH, &waiting);
    self->overtaken = self->behind >= BATCH + waiting;
}

//  What libzmq does not need any more; but nothing, if that may have gone by
//  connections that are not known yet

static void
s_mark (zrelay_receipts_t *self, zrelay_peers_t *peers)
{
    self->marked = zrelay_peers_behind (peers)? 0: self->released;
    self->behind = self->last = 0;
    self->alone = peers && zrelay_peers_count (peers) == 1;
    s_look_at_system (self, peers, true);
}

//  Those that overtook the marked ones went by the same connection, unless
//  another one came meanwhile

static bool
s_have_left (zrelay_receipts_t *self)
{
    return self->flushed || (self->alone && self->overtaken);
}

static size_t
s_forget_marked (zrelay_receipts_t *self)
{
    size_t messages = 0;
    while (self->marked > 0)
        messages += zrelay_receipts_forget_first (self);
    return messages;
}

size_t
zrelay_receipts_look (zrelay_receipts_t *self, zrelay_peers_t *peers)
{
    int64_t now = zclock_mono ();
    if (self->count == 0 || now < self->looked_at + self->interval)
        return 0;
    s_look_at_messages (self);
    if (self->marked > 0)
        s_look_at_system (self, peers, false);
    bool calm = s_look_at_connections (self, peers);
    size_t left = calm && s_have_left (self)? s_forget_marked (self): 0;
    if (!calm || self->marked == 0)
        s_mark (self, peers);
    self->looked_at = now;
    self->interval = self->moved || left > 0? LOOK_LEAST:
        self->interval * 2 < LOOK_MOST? self->interval * 2: LOOK_MOST;
    self->moved = false;
    return left;
}

size_t
zrelay_receipts_wants (zrelay_receipts_t *self)
{
    if (self->count == 0)
        return 0;
    int64_t left = self->looked_at + self->interval - zclock_mono ();
    return left > 0? (size_t) left: 1;
}

bool
zrelay_receipts_moving (zrelay_receipts_t *self)
{
    return self->count > 0 && self->interval <= MOVING_MOST;
}

bool
zrelay_receipts_endangered (zrelay_receipts_t *self)
{
    bool endangered = self->endangered;
    self->endangered = false;
    return endangered;
}


//  --------------------------------------------------------------------------
//  Selftest

#define TEST_MESSAGES 100
#define TEST_MANY 10000
#define TEST_CROWD 150
#define TEST_SIZE 1000

//  Send numbered messages, as many as are taken of so many. Each other one is
//  copied.

static size_t
s_test_send (zrelay_receipts_t *self, zsock_t *source, size_t count)
{
    zrelay_message_t *message = zrelay_message_new ();
    byte body [2 * TEST_SIZE] = { 0 };
    size_t sent = 0;
    bool taken = true;
    while (taken && sent < count) {
        size_t size = sent % 2? sizeof (body): TEST_SIZE;
        zrelay_message_append (message, &sent, sizeof (sent));
        zrelay_message_append (message, body, size);
        zrelay_receipts_follow (self, message);
        assert (zrelay_message_size (message, 1) == size);
        void *handle = zsock_resolve (source);
        taken = zmq_msg_send (zrelay_message_frame (message, 0), handle,
                              ZMQ_DONTWAIT | ZMQ_SNDMORE) != -1;
        if (taken) {
            int rc = zmq_msg_send (zrelay_message_frame (message, 1), handle,
                                   ZMQ_DONTWAIT);
            assert (rc == (int) size);
        }
        zrelay_message_clear (message);
        zrelay_receipts_sent (self, sizeof (sent) + size);
        sent += taken;
    }
    zrelay_message_destroy (&message);
    return sent;
}

//  A message that somebody keeps, or not

static zrelay_message_t *
s_test_one (zrelay_receipts_t *self, zrelay_message_t *message, bool keep)
{
    zrelay_message_append (message, "small", 5);
    zrelay_receipts_follow (self, message);
    zrelay_message_t *kept = keep? zrelay_message_dup (message): NULL;
    zrelay_message_clear (message);
    zrelay_receipts_sent (self, 5);
    return kept;
}

//  Wait until so many have left, five seconds at most

static bool
s_test_left (zrelay_receipts_t *self, zrelay_peers_t *peers, size_t count)
{
    int64_t end = zclock_mono () + 5000;
    while (count > 0 && zclock_mono () < end) {
        size_t left = zrelay_receipts_look (self, peers);
        assert (left <= count);
        count -= left;
        zclock_sleep (1);
    }
    return count == 0;
}

static void
s_test_receive (zsock_t *sink, size_t from, size_t count)
{
    for (size_t number = from; number < from + count; number++) {
        zmsg_t *msg = zmsg_recv (sink);
        assert (msg && zmsg_size (msg) == 2);
        assert (memcmp (zframe_data (zmsg_first (msg)), &number,
                        sizeof (number)) == 0);
        zmsg_destroy (&msg);
    }
}

//  Parcels: what is kept back, and what may be forgotten

static void
s_test_parcels (void)
{
    zrelay_receipts_t *self = zrelay_receipts_new ();
    zrelay_message_t *message = zrelay_message_new ();
    zrelay_receipts_serve (self, message);

    //  One in the second parcel is kept
    for (int count = 0; count < PARCEL_MESSAGES + 1; count++)
        s_test_one (self, message, false);
    zrelay_message_t *kept = s_test_one (self, message, true);
    for (int count = 0; count < 2 * PARCEL_MESSAGES; count++)
        s_test_one (self, message, false);
    assert (s_test_left (self, NULL, PARCEL_MESSAGES));
    assert (zrelay_receipts_count (self) == 2 * PARCEL_MESSAGES + 2);
    zrelay_message_destroy (&kept);
    assert (s_test_left (self, NULL, 2 * PARCEL_MESSAGES + 2));
    assert (zrelay_receipts_bytes (self) == 0);

    //  All of a parcel have left, or are forgotten, and others are made in it,
    //  one of them before that
    kept = s_test_one (self, message, true);
    zrelay_message_append (message, "small", 5);
    zrelay_receipts_follow (self, message);
    zrelay_message_destroy (&kept);
    assert (s_test_left (self, NULL, 1));
    zrelay_message_clear (message);
    zrelay_receipts_sent (self, 5);
    kept = s_test_one (self, message, true);
    size_t forgotten = zrelay_receipts_forget_first (self);
    assert (forgotten == 2);
    s_test_one (self, message, false);
    assert (zrelay_receipts_count (self) == 1);
    zrelay_message_destroy (&kept);
    assert (s_test_left (self, NULL, 1));

    //  What was forgotten may be kept longer
    kept = s_test_one (self, message, true);
    zrelay_receipts_forget (self);
    assert (zrelay_receipts_count (self) == 0);
    s_test_one (self, message, false);
    assert (s_test_left (self, NULL, 1));
    zrelay_message_destroy (&message);
    zrelay_receipts_destroy (&self);
    assert (zrelay_message_streq (kept, 0, "small"));
    zrelay_message_destroy (&kept);
}

//  A source whose connections are known

typedef struct {
    zsock_t *source;
    zrelay_limits_t *limits;
    zrelay_peers_t *peers;
} test_source_t;

static test_source_t
s_test_source (const char *endpoint)
{
    test_source_t self = { zsock_new (ZMQ_PUSH), zrelay_limits_new (), NULL };
    zsock_set_sndhwm (self.source, TEST_MESSAGES);
    zsock_set_backlog (self.source, TEST_CROWD);
    self.peers = zrelay_peers_new (zsock_resolve (self.source), self.limits);
    assert (self.peers);
    int rc = zsock_bind (self.source, "%s", endpoint);
    assert (rc != -1);
    return self;
}

static void
s_test_source_destroy (test_source_t *self)
{
    zrelay_peers_destroy (&self->peers, zsock_resolve (self->source));
    zsock_destroy (&self->source);
    zrelay_limits_destroy (&self->limits);
}

//  One more that takes so many messages ahead

static zsock_t *
s_test_connect (test_source_t *source, int ahead)
{
    zsock_t *sink = zsock_new (ZMQ_PULL);
    zsock_set_rcvhwm (sink, ahead);
    zsock_set_rcvbuf (sink, 4096);
    char *endpoint = zsock_last_endpoint (source->source);
    int rc = zsock_connect (sink, "%s", endpoint);
    assert (rc == 0);
    zstr_free (&endpoint);
    while (!(zsock_events (source->source) & ZMQ_POLLOUT))
        zclock_sleep (1);
    return sink;
}

//  Once it is known

static zsock_t *
s_test_sink (test_source_t *source, int ahead)
{
    size_t others = zrelay_peers_count (source->peers);
    zsock_t *sink = s_test_connect (source, ahead);
    while (zrelay_peers_count (source->peers) == others) {
        zrelay_peers_update (source->peers);
        zclock_sleep (1);
    }
    return sink;
}

//  Where nobody reads, nothing more leaves; and when the reader goes, that is
//  reported and not taken for an arrival

static void
s_test_reader (const char *endpoint)
{
    test_source_t test = s_test_source (endpoint);
    zsock_t *source = test.source;
    zrelay_peers_t *peers = test.peers;
    zsock_t *sink = s_test_sink (&test, 1);

    zrelay_receipts_t *self = zrelay_receipts_new ();
    assert (zrelay_receipts_wants (self) == 0);
    size_t sent = s_test_send (self, source, TEST_MESSAGES);
    assert (sent == TEST_MESSAGES);
    assert (zrelay_receipts_count (self) == sent);
    assert (zrelay_receipts_bytes (self) ==
            sent * (TEST_SIZE * 3 / 2 + sizeof (size_t)));
    assert (zrelay_receipts_wants (self) > 0);
    s_test_receive (sink, 0, sent);
    assert (s_test_left (self, peers, sent));
    assert (zrelay_receipts_count (self) == 0);
    assert (zrelay_receipts_bytes (self) == 0);
    assert (!zrelay_receipts_endangered (self));

    //  More than all buffers can have
    sent = 0;
    for (int64_t end = zclock_mono () + 300; zclock_mono () < end; )
        sent += s_test_send (self, source, TEST_MESSAGES);
    while (zrelay_receipts_wants (self) < LOOK_MOST / 2) {
        zrelay_receipts_look (self, peers);
        zclock_sleep (1);
    }
    assert (zrelay_receipts_count (self) >= TEST_MESSAGES);
    assert (!zrelay_receipts_moving (self));
    size_t count = zrelay_receipts_count (self);
    zsock_destroy (&sink);
    while (!zrelay_receipts_endangered (self)) {
        size_t left = zrelay_receipts_look (self, peers);
        assert (left == 0);
        zclock_sleep (1);
    }
    assert (zrelay_receipts_count (self) == count);
    zrelay_receipts_forget_first (self);
    zrelay_receipts_forget (self);
    assert (zrelay_receipts_count (self) == 0);
    zrelay_receipts_destroy (&self);
    assert (self == NULL);
    s_test_source_destroy (&test);
}

//  Look once more; nothing leaves

static void
s_test_stays (zrelay_receipts_t *self, zrelay_peers_t *peers)
{
    self->looked_at = 0;
    size_t left = zrelay_receipts_look (self, peers);
    assert (left == 0);
}

//  What overtakes messages by another connection does not tell that they have
//  arrived

static void
s_test_newcomer (const char *endpoint)
{
    test_source_t test = s_test_source (endpoint);
    zsock_t *sink = s_test_sink (&test, 1);
    zrelay_receipts_t *self = zrelay_receipts_new ();
    size_t sent = s_test_send (self, test.source, PARCEL_MESSAGES);
    assert (sent == PARCEL_MESSAGES);
    while (self->marked == 0) {
        size_t left = zrelay_receipts_look (self, test.peers);
        assert (left == 0);
        zclock_sleep (1);
    }

    zsock_t *newcomer = s_test_sink (&test, TEST_MANY);
    while (!self->overtaken) {
        s_test_send (self, test.source, PARCEL_MESSAGES);
        zclock_sleep (1);
        s_look_at_messages (self);
        s_look_at_system (self, test.peers, false);
    }
    assert (!self->flushed);
    for (int look = 0; look < 5; look++)
        s_test_stays (self, test.peers);
    zrelay_receipts_destroy (&self);
    zsock_destroy (&newcomer);
    zsock_destroy (&sink);
    s_test_source_destroy (&test);
}

//  Nor does anything that is known while a connection is not: so many come at
//  once that the one by which messages went is not known yet

static void
s_test_crowd (void)
{
    test_source_t test = s_test_source ("tcp://127.0.0.1:*");
    char *endpoint = zsock_last_endpoint (test.source);
    zsock_t *crowd = zsock_new (ZMQ_STREAM);
    for (int count = 0; count < TEST_CROWD; count++) {
        int rc = zsock_connect (crowd, "%s", endpoint);
        assert (rc == 0);
    }
    zstr_free (&endpoint);
    zsock_t *sink = s_test_connect (&test, 1);

    zrelay_receipts_t *self = zrelay_receipts_new ();
    size_t sent = s_test_send (self, test.source, PARCEL_MESSAGES);
    assert (sent == PARCEL_MESSAGES);
    while (self->released == 0) {
        s_look_at_messages (self);
        zclock_sleep (1);
    }
    s_test_stays (self, test.peers);
    assert (zrelay_peers_behind (test.peers));
    for (int look = 1; look < 5; look++)
        s_test_stays (self, test.peers);
    s_test_receive (sink, 0, sent);
    assert (s_test_left (self, test.peers, sent));
    zrelay_receipts_destroy (&self);
    zsock_destroy (&sink);
    zsock_destroy (&crowd);
    s_test_source_destroy (&test);
}

void
zrelay_receipts_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_receipts: ");
    //  @selftest
    //  A message that was dropped has left at once; so has one without frames.
    //  One that is kept by somebody has not.
    zrelay_receipts_t *self = zrelay_receipts_new ();
    zrelay_message_t *message = zrelay_message_new ();
    zrelay_receipts_follow (self, message);
    zrelay_receipts_sent (self, 0);
    zrelay_message_append (message, "small", 5);
    zrelay_receipts_follow (self, message);
    assert (zrelay_message_streq (message, 0, "small"));
    zrelay_message_t *kept = zrelay_message_dup (message);
    zrelay_message_clear (message);
    assert (s_test_left (self, NULL, 1));
    zrelay_receipts_sent (self, 5);
    assert (zrelay_receipts_look (self, NULL) == 0);
    assert (zrelay_receipts_count (self) == 1);
    assert (zrelay_message_streq (kept, 0, "small"));
    zrelay_message_destroy (&kept);
    assert (s_test_left (self, NULL, 1));

    //  Whoever has it may have it longer than this object lives
    zrelay_message_append (message, "small", 5);
    zrelay_receipts_follow (self, message);
    zrelay_receipts_destroy (&self);
    assert (zrelay_message_streq (message, 0, "small"));
    zrelay_message_clear (message);

    //  Blocks that are exactly full, of which no message is left
    self = zrelay_receipts_new ();
    zrelay_receipts_serve (self, message);
    const int full = BLOCK_SIZE / 16 * PARCEL_MESSAGES;
    for (int round = 0; round < 2; round++) {
        for (int count = 0; count < full; count++) {
            zrelay_message_append (message, "", 0);
            zrelay_receipts_follow (self, message);
            zrelay_message_clear (message);
            zrelay_receipts_sent (self, 0);
        }
        assert (s_test_left (self, NULL, (size_t) full));
    }
    zrelay_message_destroy (&message);
    zrelay_receipts_destroy (&self);

    s_test_parcels ();
    char name [40];
    snprintf (name, sizeof (name), "ipc://@zrelay-receipts-%d",
              (int) getpid ());
    s_test_reader ("tcp://127.0.0.1:*");
    s_test_reader (name);
    strcat (name, "-2");
    s_test_newcomer ("tcp://127.0.0.1:*");
    s_test_newcomer (name);
    s_test_crowd ();
    //  @end
    printf ("OK\n");
}
