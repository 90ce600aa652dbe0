/*  =========================================================================
    soak - relays of all kinds under fire for long, and an account of it

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Relays of several kinds carry numbered messages between peers, threads of
//  this process and processes of their own, for SOAK_SECONDS. Commands come
//  at random, peers die at random and come back, endpoints are unbound and
//  bound again. SOAK_SEED makes chance begin where it did in another run;
//  SOAK_RATE tells how many messages a second each sender sends, SOAK_VERBOSE
//  shows every decision.
//
//  Who sent and received what is noted in memory that all processes share, a
//  byte a message. At the end each message is delivered, or counted by the
//  relay as dropped, or in a window: it was on its way through a connection
//  when that was cut, because its peer died or the relay unbound. A window
//  begins behind what is known to have got through before the cut, and ends
//  with what had been sent when all connections were there again and messages
//  arrived. Whatever is lost besides is unaccounted, and fails the test.
//
//  Relays without cuts have no windows: there, sent is what the relay
//  received, and delivered is what it sent.

#include "faults/faults.h"
#include "soak_kinds.h"
#include <malloc.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define SECONDS 10
#define RATE 400            //  Messages a second and sender
#define PATIENCE 30000      //  Msecs for things to settle, on a busy machine
#define PEERS 4             //  Most on one side of a relay
#define TICK 20             //  Msecs between two looks of a sender
#define MOST_SILENT 200     //  Msecs that a sender is silent
#define MOST_RESTING 300    //  Msecs that a receiver does not read, or longer
                            //  where messages are to be dropped
#define MOST_AHEAD 1000     //  Messages of a publisher that are on their way
//  Bytes the system keeps of a connection, at the sender and the receiver. A
//  small buffer of a receiver stops Linux' TCP now and then: a window that
//  stays just below a segment is waited for by a timer that gets ever slower.
#define SEND_BUFFER "8192"
#define RECEIVE_BUFFER "65536"
#define GROWTH 16384        //  KiB that memory may grow in the second half

#define FRONT ZRELAY_FRONTEND
#define BACK ZRELAY_BACKEND

//  What happens to a relay, besides commands
#define CUTS 1              //  Endpoints are unbound and bound again
#define DEATHS 2            //  Peers die and come back
#define DROPS 4             //  Commands that make it drop messages
//  What it does
#define RETURNS 8           //  Backend peers answer each message
#define FANS_OUT 16         //  Each receiver gets each message
#define ENVELOPE 32         //  Backend peers see a routing id

typedef struct {
    int type;               //  Socket type of these peers
    int count;              //  How many there are
    int children;           //  How many of them, the last, are processes
} crowd_t;

static const struct {
    const char *name;
    const char *kind;       //  As for faults_relay ()
    const char *types [2];  //  For a proxy, of its sides
    const char *endpoint;   //  Of both sides, or made up
    const char *hwm;        //  Of all sockets
    crowd_t peers [2];      //  At the frontend, at the backend
    unsigned flags;
} s_table [] = {
    { "streamer, calm", "streamer", { NULL }, "inproc", "100",
      { { ZMQ_PUSH, 3, 0 }, { ZMQ_PULL, 1, 0 } }, 0 },
    { "streamer", "streamer", { NULL }, "tcp", "20",
      { { ZMQ_PUSH, 3, 1 }, { ZMQ_PULL, 3, 2 } }, CUTS | DEATHS },
    { "queue, calm", "queue", { NULL }, "tcp", "1000",
      { { ZMQ_DEALER, 2, 0 }, { ZMQ_DEALER, 2, 1 } }, RETURNS | ENVELOPE },
    { "queue", "queue", { NULL }, "tcp", "50",
      { { ZMQ_DEALER, 3, 1 }, { ZMQ_DEALER, 3, 2 } },
      CUTS | DEATHS | RETURNS | ENVELOPE },
    { "forwarder", "forwarder", { NULL }, "tcp", "0",
      { { ZMQ_PUB, 2, 1 }, { ZMQ_SUB, 3, 1 } }, CUTS | DEATHS | FANS_OUT },
    { "proxy that drops", "proxy", { "PULL", "PUSH" }, "ipc", "20",
      { { ZMQ_PUSH, 3, 0 }, { ZMQ_PULL, 1, 1 } }, DROPS },
    { "proxy of DEALERs", "proxy", { "DEALER", "DEALER" }, "tcp", "100",
      { { ZMQ_DEALER, 2, 0 }, { ZMQ_DEALER, 3, 2 } }, DEATHS | RETURNS },
    { "proxy, all at once", "proxy", { "PULL", "PUSH" }, "tcp", "50",
      { { ZMQ_PUSH, 3, 2 }, { ZMQ_PULL, 2, 1 } }, CUTS | DEATHS | DROPS },
};
#define RELAYS ((int) (sizeof (s_table) / sizeof (*s_table)))

static bool
s_has (int relay, unsigned flag)
{
    return (s_table [relay].flags & flag) != 0;
}

//  Flow 0 leads from the frontend to the backend, flow 1 back

static int
s_flows (int relay)
{
    return s_has (relay, RETURNS)? 2: 1;
}

static int
s_senders (int relay, int flow)
{
    return s_table [relay].peers [flow].count;
}

static int
s_receivers (int relay, int flow)
{
    return s_table [relay].peers [!flow].count;
}


//  --------------------------------------------------------------------------
//  What all processes share

typedef struct {
    uint64_t sent;              //  Number of the last message, or the try
    uint64_t last [PEERS];      //  Highest that each receiver got
} path_t;

typedef struct {
    path_t paths [PEERS];       //  By sender
    uint64_t torn;              //  Messages that were not whole
    uint64_t twice;             //  Or came again
    uint64_t foreign;           //  Or belong somewhere else
} flow_t;

typedef struct {
    uint64_t stop;              //  Senders send no more
    uint64_t lives;             //  Peers started
    flow_t flows [RELAYS] [2];
} shared_t;

//  A byte for each message. Its other bits are those of its receivers.
#define SENT 128
#define LATE 64                 //  Came after one with a higher number

static shared_t *s_shared;
static byte *s_states;          //  Behind it
static uint64_t s_most;         //  Messages that there is room for, by sender
static int s_handle = -1;       //  The memory's
static long s_rate;             //  As SOAK_RATE

static uint64_t
s_load (uint64_t *value)
{
    return __atomic_load_n (value, __ATOMIC_SEQ_CST);
}

static void
s_store (uint64_t *value, uint64_t to)
{
    __atomic_store_n (value, to, __ATOMIC_SEQ_CST);
}

static void
s_increment (uint64_t *value)
{
    __atomic_fetch_add (value, 1, __ATOMIC_SEQ_CST);
}

static byte *
s_state (int relay, int flow, int sender, uint64_t number)
{
    assert (number < s_most);
    size_t row = ((size_t) relay * 2 + (size_t) flow) * PEERS + (size_t) sender;
    return s_states + row * s_most + number;
}

static void
s_share (int handle)
{
    s_handle = handle;
    s_rate = faults_parameter ("SOAK_RATE", RATE);
    //  A worker may have to answer all that several clients send
    long seconds = faults_parameter ("SOAK_SECONDS", SECONDS) + 120;
    s_most = (uint64_t) (seconds * s_rate * PEERS);
    size_t size = sizeof (shared_t) + (size_t) RELAYS * 2 * PEERS * s_most;
    //  Pages come into being as they are used
    int rc = ftruncate (handle, (off_t) size);
    assert (rc == 0);
    void *memory = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
                         handle, 0);
    assert (memory != MAP_FAILED);
    s_shared = (shared_t *) memory;
    s_states = (byte *) (s_shared + 1);
}


//  --------------------------------------------------------------------------
//  Chance

static uint64_t
s_seed (uint64_t salt)
{
    uint64_t seed = (uint64_t) faults_parameter ("SOAK_SEED", 1);
    return ((seed + 1) * UINT64_C (0x9E3779B97F4A7C15))
         ^ ((salt + 1) * UINT64_C (0xD1B54A32D192ED03));
}

static uint64_t
s_upto (uint64_t *seed, uint64_t most)
{
    return chance_next (seed) % (most + 1);
}


//  --------------------------------------------------------------------------
//  Messages: a header, and a body in several frames

#define MAGIC UINT64_C (0x6B616F732D79727A)
#define BODIES 4                //  Most frames after the header
#define POOL 65536              //  Bytes that bodies are cut from
#define LONG_BODY 16384

typedef struct {
    uint64_t magic;
    uint32_t relay;
    uint32_t flow;
    uint32_t sender;
    uint32_t frames;            //  After this one
    uint64_t number;
    uint64_t bytes;             //  In all of them
    uint64_t sum;               //  Of all of them
} header_t;

typedef struct {
    const byte *data [BODIES];
    size_t sizes [BODIES];
} bodies_t;

static byte s_pool [POOL];

static void
s_fill_pool (void)
{
    uint64_t seed = 1;
    for (size_t index = 0; index < POOL; index++)
        s_pool [index] = (byte) chance_next (&seed);
}

static uint64_t
s_sum (uint64_t sum, const byte *data, size_t size)
{
    while (size >= 8) {
        uint64_t word;
        memcpy (&word, data, 8);
        sum = (sum ^ word) * UINT64_C (0x100000001B3);
        sum ^= sum >> 29;
        data += 8;
        size -= 8;
    }
    while (size-- > 0)
        sum = (sum ^ *data++) * UINT64_C (0x100000001B3);
    return sum + 1;
}

//  Few are long

static size_t
s_size (uint64_t *seed)
{
    uint64_t dice = s_upto (seed, 199);
    return s_upto (seed, dice == 0? LONG_BODY: dice < 20? 1000: 100);
}

static void
s_compose (header_t *header, bodies_t *bodies)
{
    uint64_t seed = header->number * 64 + header->relay * 8
                  + header->flow * 4 + header->sender + 1;
    chance_next (&seed);
    header->magic = MAGIC;
    header->frames = (uint32_t) s_upto (&seed, BODIES);
    header->bytes = 0;
    header->sum = header->number;
    for (uint32_t index = 0; index < header->frames; index++) {
        size_t size = s_size (&seed);
        bodies->sizes [index] = size;
        bodies->data [index] = s_pool + s_upto (&seed, POOL - LONG_BODY - 1);
        header->bytes += size;
        header->sum = s_sum (header->sum, bodies->data [index], size);
    }
}

//  Returns false if the message is not whole. skip frames come before it.

static bool
s_whole (zmsg_t *msg, size_t skip, header_t *header)
{
    zframe_t *frame = zmsg_first (msg);
    while (frame && skip-- > 0)
        frame = zmsg_next (msg);
    if (!frame || zframe_size (frame) != sizeof (*header))
        return false;
    memcpy (header, zframe_data (frame), sizeof (*header));
    uint64_t frames = 0, bytes = 0, sum = header->number;
    while ((frame = zmsg_next (msg))) {
        frames++;
        bytes += zframe_size (frame);
        sum = s_sum (sum, zframe_data (frame), zframe_size (frame));
    }
    return header->magic == MAGIC && frames == header->frames
        && bytes == header->bytes && sum == header->sum;
}


//  --------------------------------------------------------------------------
//  A peer, in a thread or a process of its own

typedef struct {
    int relay;
    int side;                   //  Where it is connected
    int slot;                   //  Its number there
    zsock_t *sock;
    uint64_t seed;
    zlist_t *envelopes;         //  Replies wait to be sent to these
    double tokens;              //  Messages that may be sent now
    int64_t counted_at;         //  When they were counted
    int64_t silent_until;       //  It sends nothing until then
    int64_t resting_until;      //  It reads nothing until then
    int64_t sent_at;            //  Last message
} peer_t;

//  Messages leave by the flow that begins at the peer's side, and arrive by
//  the other

static bool
s_initiates (peer_t *self)
{
    return self->side == FRONT;
}

static bool
s_listens (peer_t *self)
{
    return self->side == BACK || s_has (self->relay, RETURNS);
}

static path_t *
s_own_path (peer_t *self)
{
    return &s_shared->flows [self->relay] [self->side].paths [self->slot];
}

//  Frames that follow one that was taken are taken, or dropped by libzmq with
//  the whole message

static void
s_send_rest (void *handle, header_t *header, bodies_t *bodies)
{
    for (uint32_t index = 0; index < header->frames; index++)
        zmq_send (handle, bodies->data [index], bodies->sizes [index],
                  ZMQ_DONTWAIT
                  | (index + 1 < header->frames? ZMQ_SNDMORE: 0));
}

static int
s_send_frames (peer_t *self, uint64_t number)
{
    void *handle = zsock_resolve (self->sock);
    header_t header = {
        .relay = (uint32_t) self->relay, .flow = (uint32_t) self->side,
        .sender = (uint32_t) self->slot, .number = number
    };
    bodies_t bodies;
    s_compose (&header, &bodies);
    int flags = ZMQ_DONTWAIT | (header.frames > 0? ZMQ_SNDMORE: 0);
    zmsg_t *envelope = (zmsg_t *) zlist_first (self->envelopes);
    zframe_t *id = envelope? zmsg_first (envelope): NULL;
    if (id && zmq_send (handle, zframe_data (id), zframe_size (id),
                        ZMQ_DONTWAIT | ZMQ_SNDMORE) == -1)
        return -1;
    int rc = zmq_send (handle, &header, sizeof (header), flags);
    if (rc == -1 && !id)
        return -1;
    s_send_rest (handle, &header, &bodies);
    return 0;
}

//  A message is noted before it is sent, since the peer may be killed at any
//  time. Returns false if the socket is full.

static bool
s_send (peer_t *self)
{
    path_t *path = s_own_path (self);
    uint64_t number = s_load (&path->sent) + 1;
    byte *state = s_state (self->relay, self->side, self->slot, number);
    s_store (&path->sent, number);
    __atomic_fetch_or (state, SENT, __ATOMIC_SEQ_CST);
    if (s_send_frames (self, number) == 0)
        return true;
    __atomic_fetch_and (state, (byte) ~SENT, __ATOMIC_SEQ_CST);
    s_store (&path->sent, number - 1);
    return false;
}

//  A publisher's queues have no bound, so it keeps one itself. Now and then it
//  sends nevertheless, since what is on its way may be lost.

static bool
s_far_ahead (peer_t *self, int64_t now)
{
    if (!s_has (self->relay, FANS_OUT) || now > self->sent_at + TICK)
        return false;
    path_t *path = s_own_path (self);
    uint64_t first = 0;
    for (int receiver = 0; receiver < PEERS; receiver++) {
        uint64_t last = s_load (&path->last [receiver]);
        first = last > first? last: first;
    }
    return s_load (&path->sent) > first + MOST_AHEAD;
}

static void
s_send_some (peer_t *self)
{
    int64_t now = zclock_mono ();
    self->tokens += (double) (now - self->counted_at) * (double) s_rate / 1000;
    self->counted_at = now;
    if (self->tokens > (double) s_rate)
        self->tokens = (double) s_rate;
    if (now < self->silent_until || s_load (&s_shared->stop))
        return;
    while (self->tokens >= 1 && !s_far_ahead (self, now) && s_send (self)) {
        self->tokens--;
        self->sent_at = now;
    }
    if (s_upto (&self->seed, 9) == 0)
        self->silent_until = now + (int64_t) s_upto (&self->seed, MOST_SILENT);
}

static void
s_note (peer_t *self, const header_t *header)
{
    flow_t *flow = &s_shared->flows [self->relay] [!self->side];
    path_t *path = &flow->paths [header->sender];
    byte bit = (byte) (1 << self->slot);
    byte *state = s_state (self->relay, !self->side, (int) header->sender,
                           header->number);
    uint64_t last = s_load (&path->last [self->slot]);
    byte before = __atomic_fetch_or (state,
        header->number <= last? bit | LATE: bit, __ATOMIC_SEQ_CST);
    byte all = s_has (self->relay, FANS_OUT)? bit: LATE - 1;
    if (before & all)
        s_increment (&flow->twice);
    if (!(before & SENT))
        s_increment (&flow->foreign);
    if (header->number > last)
        s_store (&path->last [self->slot], header->number);
}

static bool
s_mine (peer_t *self, const header_t *header)
{
    return header->relay == (uint32_t) self->relay
        && header->flow == (uint32_t) !self->side
        && header->sender < PEERS && header->number < s_most;
}

static bool
s_receive (peer_t *self)
{
    zmsg_t *msg = zmsg_recv (self->sock);
    if (!msg)
        return false;
    flow_t *flow = &s_shared->flows [self->relay] [!self->side];
    size_t skip = self->side == BACK && s_has (self->relay, ENVELOPE);
    header_t header;
    if (!s_whole (msg, skip, &header))
        s_increment (&flow->torn);
    else
    if (!s_mine (self, &header))
        s_increment (&flow->foreign);
    else
        s_note (self, &header);
    if (self->side == BACK && s_has (self->relay, RETURNS)) {
        //  What came before the message is where the reply goes
        zmsg_t *envelope = zmsg_new ();
        zframe_t *id = skip? zmsg_pop (msg): NULL;
        if (id)
            zmsg_append (envelope, &id);
        zlist_append (self->envelopes, envelope);
    }
    zmsg_destroy (&msg);
    return true;
}

//  Requests are read also while replies wait. libzmq does not learn that a
//  connection is gone while the queue of what came by it is full, and a peer
//  that waits for room to send, and reads nothing meanwhile, waits for ever
//  (stream_engine_base_t::in_event_internal with _input_stopped).

static void
s_reply (peer_t *self)
{
    while (zlist_size (self->envelopes) > 0 && s_send (self)) {
        zmsg_t *envelope = (zmsg_t *) zlist_pop (self->envelopes);
        zmsg_destroy (&envelope);
    }
}

static void
s_receive_some (peer_t *self)
{
    int left = 100;
    while (left-- > 0 && s_receive (self))
        s_reply (self);
    uint64_t most = s_has (self->relay, DROPS)? 4 * MOST_RESTING: MOST_RESTING;
    if (s_upto (&self->seed, 199) == 0)
        self->resting_until = zclock_mono ()
                            + (int64_t) s_upto (&self->seed, most);
}

static void
s_peer_begin (peer_t *self, const char *endpoint)
{
    s_increment (&s_shared->lives);
    self->seed = s_seed (s_load (&s_shared->lives) * 64
                         + (uint64_t) (self->relay * 8 + self->slot));
    const crowd_t *crowd = &s_table [self->relay].peers [self->side];
    int hwm = atoi (s_table [self->relay].hwm);
    self->envelopes = zlist_new ();
    self->sock = zsock_new (crowd->type);
    assert (self->envelopes && self->sock);
    zsock_set_sndhwm (self->sock, hwm);
    zsock_set_rcvhwm (self->sock, hwm);
    zsock_set_sndbuf (self->sock, atoi (SEND_BUFFER));
    zsock_set_rcvbuf (self->sock, atoi (RECEIVE_BUFFER));
    zsock_set_reconnect_ivl (self->sock, 10);
    zsock_set_rcvtimeo (self->sock, 0);
    if (crowd->type == ZMQ_SUB)
        zsock_set_subscribe (self->sock, "");
    int rc = zsock_connect (self->sock, "%s", endpoint);
    assert (rc == 0);
    self->counted_at = zclock_mono ();
}

//  Until something comes through the pipe; a process has none, and is killed

static void
s_peer_run (peer_t *self, void *pipe)
{
    zmq_pollitem_t items [2] = {
        { .socket = zsock_resolve (self->sock) },
        { .socket = pipe, .events = ZMQ_POLLIN }
    };
    while (true) {
        bool rests = zclock_mono () < self->resting_until;
        items [0].events = (s_listens (self) && !rests? ZMQ_POLLIN: 0)
                         | (zlist_size (self->envelopes)? ZMQ_POLLOUT: 0);
        if (zmq_poll (items, pipe? 2: 1, TICK) == -1
        || (pipe && items [1].revents))
            break;
        s_reply (self);
        if (items [0].revents & ZMQ_POLLIN)
            s_receive_some (self);
        if (s_initiates (self))
            s_send_some (self);
    }
    zmsg_t *envelope;
    while ((envelope = (zmsg_t *) zlist_pop (self->envelopes)))
        zmsg_destroy (&envelope);
    zlist_destroy (&self->envelopes);
    zsock_destroy (&self->sock);
}

//  As an actor. Its arguments are those of a process, in one string.

static void
s_actor (zsock_t *pipe, void *args)
{
    peer_t self = { .relay = 0 };
    char endpoint [256];
    int count = sscanf ((const char *) args, "%d %d %d %255s", &self.relay,
                        &self.side, &self.slot, endpoint);
    assert (count == 4);
    s_peer_begin (&self, endpoint);
    zsock_signal (pipe, 0);
    s_peer_run (&self, zsock_resolve (pipe));
}

static int
s_process (int argc, char **argv)
{
    assert (argc == 5);
    s_fill_pool ();
    s_share (atoi (argv [4]));
    peer_t self = { .relay = atoi (argv [0]), .side = atoi (argv [1]),
                    .slot = atoi (argv [2]) };
    s_peer_begin (&self, argv [3]);
    s_peer_run (&self, NULL);
    return EXIT_FAILURE;
}


//  --------------------------------------------------------------------------
//  A relay, as it is steered from the main thread

static const char *s_reasons [] = {
    "full", "unroutable", "lost", "overflow", "size", "frames", "filter",
    "handler", "refused", "undelivered"
};
#define REASONS ((int) (sizeof (s_reasons) / sizeof (*s_reasons)))
#define FILTERED 6
#define FRAMES 5
#define SIZE 4

//  Of one flow, since the relay's start
typedef struct {
    uint64_t in;                //  Messages
    uint64_t out;
    uint64_t dropped;
    uint64_t reasons [REASONS];
    uint64_t stalls;
} counts_t;

//  Messages that may have been lost with a connection
typedef struct {
    int flow;
    bool input;                 //  It was the sender's connection
    bool open;                  //  Still being lost
    bool sideways;              //  Not all receivers: only this one
    int receiver;
    uint64_t through [PEERS];   //  By sender: what had got through
    uint64_t low [PEERS];       //  Behind this
    uint64_t high [PEERS];      //  Up to this
    uint64_t closed_at;         //  Messages that the relay had read then
} window_t;
#define UNTOUCHED UINT64_MAX

//  What goes on after a connection was cut
typedef enum {
    CALM,
    LEAVING,                    //  The relay has to see that the peer is gone
    RETURNING,                  //  And that it is here again
    ARRIVING                    //  Messages have to arrive again
} trouble_t;

//  A filter's argument. Its relay's thread writes it.
typedef struct {
    uint64_t calls;
    uint64_t torn;
    uint64_t dropped;
    uint64_t every;             //  Drops each of these, 0: none
    size_t skip;                //  Frames before the message
} filter_t;

typedef struct {
    int index;                  //  In s_table
    zactor_t *actor;
    char *endpoints [2];
    char path [2] [64];         //  Files of endpoints, or ""
    zactor_t *threads [2] [PEERS];
    pid_t processes [2] [PEERS];
    bool paused;
    uint64_t burst;             //  As it was set
    uint64_t rate;
    filter_t filter;
    int filtered;               //  Flow that has one, or -1
    counts_t unfiltered;        //  That flow's counts when it began
    counts_t base [2];          //  What RESET has set back
    counts_t now [2];
    uint64_t held [2];
    uint64_t peers [2];
    uint64_t throttled;
    uint64_t unbalanced;        //  Times that counts did not match
    uint64_t miscounted;        //  Times that a filter's did not
    trouble_t trouble;
    int side;                   //  Where it is
    int slot;                   //  Peer that died, or -1
    uint64_t marks [2] [PEERS]; //  Messages sent when all were here again
    window_t *windows;
    size_t count;               //  Of windows
    zactor_t *reader;           //  Of the capture
    char *captured;             //  Its endpoint
} relay_t;

static relay_t s_relays [RELAYS];
static uint64_t s_chance;       //  Main thread's
static bool s_verbose;

//  What has been done
static uint64_t s_commands, s_refused, s_wrong, s_deaths, s_cuts, s_drains;
static uint64_t s_captures, s_copies_torn, s_copies_read;
static uint64_t s_unwhole;      //  Seen by filters

static bool
s_chance_of (uint64_t one_in)
{
    return s_upto (&s_chance, one_in - 1) == 0;
}

static void
s_say (relay_t *self, const char *what)
{
    if (s_verbose)
        printf ("# %8" PRId64 " %s: %s\n", zclock_mono () % 100000000,
                s_table [self->index].name, what);
}


//  --------------------------------------------------------------------------
//  Commands

static void
s_mistake (relay_t *self, const char *command, int status)
{
    char *error = faults_error (self->actor);
    printf ("#   %s: %s: answer %d: %s\n", s_table [self->index].name,
            command, status, error);
    zstr_free (&error);
    s_wrong++;
}

static int
s_status (relay_t *self, zmsg_t *msg)
{
    s_commands++;
    zmsg_send (&msg, self->actor);
    return zsock_wait (self->actor);
}

static zmsg_t *
s_words (const char *command, va_list argptr)
{
    zmsg_t *msg = zmsg_new ();
    zmsg_addstr (msg, command);
    const char *argument;
    while ((argument = va_arg (argptr, const char *)))
        zmsg_addstr (msg, argument);
    return msg;
}

//  Has to be done

static void __attribute__ ((sentinel))
s_do (relay_t *self, const char *command, ...)
{
    s_say (self, command);
    va_list argptr;
    va_start (argptr, command);
    int status = s_status (self, s_words (command, argptr));
    va_end (argptr);
    if (status != 0)
        s_mistake (self, command, status);
}

//  May be refused. Returns the status.

static int __attribute__ ((sentinel))
s_try (relay_t *self, const char *command, ...)
{
    s_say (self, command);
    va_list argptr;
    va_start (argptr, command);
    int status = s_status (self, s_words (command, argptr));
    va_end (argptr);
    if (status == -1)
        s_mistake (self, command, status);
    return status;
}

//  Returns what follows the name, as one string; the caller frees it

static char *
s_answer (relay_t *self, const char *command, const char *one,
          const char *two)
{
    s_commands++;
    zstr_sendx (self->actor, command, one, two, NULL);
    zmsg_t *msg = zmsg_recv (self->actor);
    char *name = msg? zmsg_popstr (msg): NULL;
    char *value = msg? zmsg_popstr (msg): NULL;
    if (!name || strneq (name, command))
        s_mistake (self, command, -1);
    zstr_free (&name);
    zmsg_destroy (&msg);
    return value? value: strdup ("");
}


//  --------------------------------------------------------------------------
//  Counters. What a relay received it has sent, dropped, or holds, always.

static uint64_t
s_value (zrelay_stats_t *stats, const char *first, const char *second)
{
    char name [80];
    snprintf (name, sizeof (name), "%s.%s", first, second);
    if (!zrelay_stats_has (stats, name))
        printf ("#   no counter %s\n", name);
    return zrelay_stats_value (stats, name);
}

static void
s_read_counts (relay_t *self, zrelay_stats_t *stats, int flow)
{
    static const char *sides [] = { "frontend", "backend" };
    static const char *flows [] = { "forward", "return" };
    counts_t *base = &self->base [flow];
    counts_t *now = &self->now [flow];
    const char *name = flows [flow];
    now->in = base->in + s_value (stats, sides [flow], "in.messages");
    now->out = base->out + s_value (stats, sides [!flow], "out.messages");
    now->dropped = base->dropped + s_value (stats, name, "dropped");
    now->stalls = base->stalls + s_value (stats, name, "stalls");
    uint64_t sum = 0;
    for (int reason = 0; reason < REASONS; reason++) {
        char key [40];
        snprintf (key, sizeof (key), "dropped_%s", s_reasons [reason]);
        now->reasons [reason] = base->reasons [reason]
                              + s_value (stats, name, key);
        sum += now->reasons [reason];
    }
    self->held [flow] = s_value (stats, name, "held");
    if (now->in == now->out + now->dropped + self->held [flow]
    &&  now->dropped == sum)
        return;
    if (self->unbalanced++ == 0)
        printf ("#   %s: %s: %" PRIu64 " in, %" PRIu64 " out, %" PRIu64
                " dropped (%" PRIu64 " by reason), %" PRIu64 " held\n",
                s_table [self->index].name, name, now->in, now->out,
                now->dropped, sum, self->held [flow]);
}

static void
s_stats (relay_t *self)
{
    s_commands++;
    zrelay_stats_t *stats = zrelay_stats_query (self->actor);
    if (!stats) {
        s_mistake (self, "STATS", -1);
        return;
    }
    for (int flow = 0; flow < 2; flow++)
        s_read_counts (self, stats, flow);
    self->peers [FRONT] = s_value (stats, "frontend", "peers");
    self->peers [BACK] = s_value (stats, "backend", "peers");
    const char *expected = self->paused? "paused": "active";
    if (strneq (zrelay_stats_state (stats), expected)) {
        printf ("#   %s: is %s, not %s\n", s_table [self->index].name,
                zrelay_stats_state (stats), expected);
        s_wrong++;
    }
    zrelay_stats_destroy (&stats);
}


//  --------------------------------------------------------------------------
//  Peers of a relay

static bool
s_is_child (relay_t *self, int side, int slot)
{
    const crowd_t *crowd = &s_table [self->index].peers [side];
    return slot >= crowd->count - crowd->children;
}

static void
s_start_peer (relay_t *self, int side, int slot)
{
    char words [4] [12];
    char args [320];
    snprintf (words [0], sizeof (words [0]), "%d", self->index);
    snprintf (words [1], sizeof (words [1]), "%d", side);
    snprintf (words [2], sizeof (words [2]), "%d", slot);
    snprintf (words [3], sizeof (words [3]), "%d", s_handle);
    snprintf (args, sizeof (args), "%s %s %s %s", words [0], words [1],
              words [2], self->endpoints [side]);
    if (s_is_child (self, side, slot))
        self->processes [side] [slot] = faults_spawn ("peer", words [0],
            words [1], words [2], self->endpoints [side], words [3], NULL);
    else {
        self->threads [side] [slot] = zactor_new (s_actor, args);
        assert (self->threads [side] [slot]);
    }
}

static void
s_end_peer (relay_t *self, int side, int slot)
{
    zactor_destroy (&self->threads [side] [slot]);
    if (self->processes [side] [slot])
        faults_kill (self->processes [side] [slot]);
    self->processes [side] [slot] = 0;
}

static void
s_each_peer (relay_t *self, void (*act) (relay_t *, int, int))
{
    for (int side = 0; side < 2; side++)
        for (int slot = 0; slot < s_table [self->index].peers [side].count;
             slot++)
            act (self, side, slot);
}


//  --------------------------------------------------------------------------
//  Windows

static path_t *
s_path (relay_t *self, int flow, int sender)
{
    return &s_shared->flows [self->index] [flow].paths [sender];
}

//  Highest, or lowest, number of a sender's that receivers have got

static uint64_t
s_got (relay_t *self, int flow, int sender, bool highest)
{
    path_t *path = s_path (self, flow, sender);
    uint64_t got = s_load (&path->last [0]);
    for (int slot = 1; slot < s_receivers (self->index, flow); slot++) {
        uint64_t last = s_load (&path->last [slot]);
        if (highest? last > got: last < got)
            got = last;
    }
    return got;
}

//  What a sender sent on a connection that is cut came through up to the
//  highest number that arrived anywhere; to a receiver that is cut off, up to
//  the highest that it got

static uint64_t
s_through (relay_t *self, int flow, int sender, int side, int slot)
{
    if (side == flow)
        return slot == -1 || slot == sender?
            s_got (self, flow, sender, true): UNTOUCHED;
    return slot == -1? s_got (self, flow, sender, false):
           s_load (&s_path (self, flow, sender)->last [slot]);
}

static window_t *
s_add_window (relay_t *self)
{
    self->count++;
    self->windows = (window_t *) realloc (self->windows,
        self->count * sizeof (window_t));
    assert (self->windows);
    window_t *window = &self->windows [self->count - 1];
    memset (window, 0, sizeof (*window));
    return window;
}

//  What the relay's socket had got from a connection is read after the cut,
//  turn by turn with what comes from the new one. Until all of it is, it can be
//  lost at the output, however old it is.

static bool
s_leaves_late (relay_t *self, const window_t *window)
{
    int hwm = atoi (s_table [self->index].hwm);
    int senders = s_senders (self->index, window->flow);
    int most = 2 * senders * (hwm? hwm: MOST_AHEAD);
    return window->input
        && self->now [window->flow].in < window->closed_at + (uint64_t) most;
}

static void
s_carry (relay_t *self, window_t *window)
{
    for (size_t index = 0; index + 1 < self->count; index++) {
        const window_t *other = &self->windows [index];
        if (other->flow != window->flow || !s_leaves_late (self, other))
            continue;
        for (int sender = 0; sender < PEERS; sender++)
            if (window->low [sender] != UNTOUCHED
            &&  other->through [sender] < window->low [sender])
                window->low [sender] = other->through [sender];
    }
}

static void
s_open_window (relay_t *self, int flow, int side, int slot)
{
    window_t *window = s_add_window (self);
    window->flow = flow;
    window->open = true;
    window->input = side == flow;
    window->sideways = side != flow && slot != -1
                    && s_has (self->index, FANS_OUT);
    window->receiver = slot;
    for (int sender = 0; sender < PEERS; sender++) {
        window->low [sender] = UNTOUCHED;
        window->high [sender] = UNTOUCHED;
        if (sender < s_senders (self->index, flow))
            window->low [sender] = s_through (self, flow, sender, side, slot);
    }
    memcpy (window->through, window->low, sizeof (window->through));
    s_carry (self, window);
}

static void
s_close_windows (relay_t *self)
{
    for (size_t index = 0; index < self->count; index++) {
        window_t *window = &self->windows [index];
        if (!window->open)
            continue;
        for (int sender = 0; sender < PEERS; sender++)
            window->high [sender] =
                s_load (&s_path (self, window->flow, sender)->sent);
        window->open = false;
        window->closed_at = self->now [window->flow].in;
    }
}

static bool
s_covered (relay_t *self, int flow, int sender, uint64_t number, int receiver)
{
    for (size_t index = 0; index < self->count; index++) {
        const window_t *window = &self->windows [index];
        if (window->flow == flow && window->low [sender] < number
        &&  number <= window->high [sender]
        && (!window->sideways || window->receiver == receiver))
            return true;
    }
    return false;
}

//  Messages in windows, lost or not: how much the test does not see

static int
s_compare_low (const void *left, const void *right)
{
    uint64_t one = ((const uint64_t *) left) [0];
    uint64_t two = ((const uint64_t *) right) [0];
    return one < two? -1: one > two;
}

static uint64_t
s_sender_in_windows (relay_t *self, int flow, int sender)
{
    uint64_t (*pairs) [2] = malloc ((self->count + 1) * sizeof (*pairs));
    assert (pairs);
    size_t count = 0;
    for (size_t index = 0; index < self->count; index++)
        if (self->windows [index].flow == flow
        &&  self->windows [index].low [sender] != UNTOUCHED) {
            pairs [count] [0] = self->windows [index].low [sender];
            pairs [count++] [1] = self->windows [index].high [sender];
        }
    qsort (pairs, count, sizeof (*pairs), s_compare_low);
    uint64_t sum = 0, end = 0;
    for (size_t index = 0; index < count; index++) {
        uint64_t from = pairs [index] [0] > end? pairs [index] [0]: end;
        if (pairs [index] [1] > from)
            sum += (end = pairs [index] [1]) - from;
    }
    freen (pairs);
    return sum;
}

static uint64_t
s_in_windows (relay_t *self, int flow)
{
    uint64_t sum = 0;
    for (int sender = 0; sender < s_senders (self->index, flow); sender++)
        sum += s_sender_in_windows (self, flow, sender);
    return sum;
}


//  --------------------------------------------------------------------------
//  Trouble: a peer dies, or all of a side are cut off. One at a time.

static void
s_begin_trouble (relay_t *self, int side, int slot)
{
    for (int flow = 0; flow < s_flows (self->index); flow++)
        s_open_window (self, flow, side, slot);
    self->side = side;
    self->slot = slot;
}

static void
s_kill_peer (relay_t *self)
{
    if (self->trouble != CALM)
        return;
    int side = (int) s_upto (&s_chance, 1);
    const crowd_t *crowd = &s_table [self->index].peers [side];
    int slot = (int) s_upto (&s_chance, (uint64_t) crowd->count - 1);
    s_say (self, "death of a peer");
    s_begin_trouble (self, side, slot);
    s_end_peer (self, side, slot);
    self->trouble = LEAVING;
    s_deaths++;
}

//  libzmq lets go of the port some time after it was told

static void
s_cut_side (relay_t *self)
{
    if (self->trouble != CALM)
        return;
    int side = (int) s_upto (&s_chance, 1);
    const char *name = side == FRONT? "FRONTEND": "BACKEND";
    s_begin_trouble (self, side, -1);
    s_do (self, "UNBIND", name, self->endpoints [side], NULL);
    int64_t deadline = zclock_mono () + PATIENCE;
    int status;
    while ((status = s_try (self, "BIND", name, self->endpoints [side], NULL))
           == 4 && zclock_mono () < deadline)
        zclock_sleep (1);
    if (status != 0)
        s_mistake (self, "BIND after UNBIND", status);
    self->trouble = RETURNING;
    s_cuts++;
}

static void
s_mark (relay_t *self)
{
    for (int flow = 0; flow < 2; flow++)
        for (int sender = 0; sender < PEERS; sender++)
            self->marks [flow] [sender] =
                s_load (&s_path (self, flow, sender)->sent);
}

//  Has something arrived from each sender that was sent after the mark? From
//  a publisher, at each subscriber.

static bool
s_arrives (relay_t *self)
{
    bool highest = !s_has (self->index, FANS_OUT);
    for (int flow = 0; flow < s_flows (self->index); flow++)
        for (int sender = 0; sender < s_senders (self->index, flow); sender++)
            if (s_got (self, flow, sender, highest)
                <= self->marks [flow] [sender])
                return false;
    return true;
}

static void
s_go_through (relay_t *self)
{
    if (self->trouble == CALM)
        return;
    uint64_t all = (uint64_t) s_table [self->index].peers [self->side].count;
    s_stats (self);
    if (self->trouble == LEAVING && self->peers [self->side] < all) {
        s_start_peer (self, self->side, self->slot);
        self->trouble = RETURNING;
    }
    else
    if (self->trouble == RETURNING && self->peers [self->side] == all) {
        s_mark (self);
        self->trouble = ARRIVING;
    }
    else
    if (self->trouble == ARRIVING && s_arrives (self)) {
        s_close_windows (self);
        self->trouble = CALM;
        s_say (self, "calm again");
    }
}


//  --------------------------------------------------------------------------
//  Captures

static void
s_read_copy (zsock_t *sock)
{
    zmsg_t *msg = zmsg_recv (sock);
    header_t header;
    zframe_t *frame = msg? zmsg_first (msg): NULL;
    size_t skip = 0;
    uint64_t magic = 0;
    while (frame && magic != MAGIC) {
        if (zframe_size (frame) == sizeof (header))
            memcpy (&magic, zframe_data (frame), sizeof (magic));
        skip++;
        frame = zmsg_next (msg);
    }
    //  Subscriptions are copied too
    if (magic == MAGIC) {
        s_increment (&s_copies_read);
        if (!s_whole (msg, skip - 1, &header))
            s_increment (&s_copies_torn);
    }
    zmsg_destroy (&msg);
}

static void
s_reader (zsock_t *pipe, void *args)
{
    zsock_t *sock = (zsock_t *) args;
    zpoller_t *poller = zpoller_new (pipe, sock, NULL);
    zsock_signal (pipe, 0);
    while (zpoller_wait (poller, -1) == sock)
        s_read_copy (sock);
    zpoller_destroy (&poller);
    zsock_destroy (&sock);
}

static void
s_start_reader (relay_t *self)
{
    zsock_t *sock = faults_listen (ZMQ_PULL);
    self->captured = strdup (zsock_endpoint (sock));
    self->reader = zactor_new (s_reader, sock);
}

static void
s_capture (relay_t *self)
{
    s_captures++;
    switch (s_upto (&s_chance, 3)) {
        case 0:
            s_do (self, "CAPTURE", self->captured, NULL);
            break;
        case 1:
            s_do (self, "CAPTURE", self->captured, "PUSH", "I", "O", NULL);
            break;
        case 2:
            s_do (self, "CAPTURE", "@tcp://127.0.0.1:*",
                  s_chance_of (2)? "PUB": "PUSH", NULL);
            break;
        default:
            s_do (self, "CAPTURE", NULL);
    }
}


//  --------------------------------------------------------------------------
//  Filters. One sees exactly what the relay reads while it is there.

static zrelay_verdict_t
s_counting (zmsg_t **msg_p, void *arg)
{
    filter_t *self = (filter_t *) arg;
    header_t header;
    self->calls++;
    if (!s_whole (*msg_p, self->skip, &header))
        self->torn++;
    if (self->every > 0 && self->calls % self->every == 0) {
        self->dropped++;
        return ZRELAY_DROP;
    }
    //  It may put another in the message's place
    if (self->calls % 7 == 0) {
        zmsg_t *copy = zmsg_dup (*msg_p);
        zmsg_destroy (msg_p);
        *msg_p = copy;
    }
    return ZRELAY_PASS;
}

static void
s_set_filter (relay_t *self, int flow, zrelay_handler_fn *function)
{
    s_say (self, "FILTER");
    s_commands++;
    zsock_send (self->actor, "sspp", "FILTER", flow? "RETURN": "FORWARD",
                (void *) function, &self->filter);
    int status = zsock_wait (self->actor);
    if (status != 0)
        s_mistake (self, "FILTER", status);
}

static void
s_filter_on (relay_t *self)
{
    int flow = (int) s_upto (&s_chance, (uint64_t) s_flows (self->index) - 1);
    memset (&self->filter, 0, sizeof (self->filter));
    self->filter.skip = s_has (self->index, ENVELOPE);
    if (s_has (self->index, DROPS))
        self->filter.every = s_upto (&s_chance, 20);
    s_set_filter (self, flow, s_counting);
    self->unfiltered = self->now [flow];
    self->filtered = flow;
}

static void
s_filter_off (relay_t *self)
{
    int flow = self->filtered;
    s_set_filter (self, flow, NULL);
    counts_t *then = &self->unfiltered;
    counts_t *now = &self->now [flow];
    uint64_t seen = now->in - then->in
        - (now->reasons [FRAMES] - then->reasons [FRAMES])
        - (now->reasons [SIZE] - then->reasons [SIZE]);
    uint64_t dropped = now->reasons [FILTERED] - then->reasons [FILTERED];
    if (self->filter.calls != seen || self->filter.dropped != dropped) {
        self->miscounted++;
        printf ("#   %s: a filter saw %" PRIu64 " of %" PRIu64 ", dropped %"
                PRIu64 " of %" PRIu64 "\n", s_table [self->index].name,
                self->filter.calls, seen, self->filter.dropped, dropped);
    }
    s_unwhole += self->filter.torn;
    self->filtered = -1;
}

//  While it stands still its counters do

static void
s_filter (relay_t *self)
{
    bool paused = self->paused;
    s_do (self, "PAUSE", NULL);
    self->paused = true;
    s_stats (self);
    if (self->filtered == -1)
        s_filter_on (self);
    else
        s_filter_off (self);
    if (!paused)
        s_do (self, "RESUME", NULL);
    self->paused = paused;
}


//  --------------------------------------------------------------------------
//  Other commands

static void
s_pause (relay_t *self)
{
    s_do (self, "PAUSE", NULL);
    self->paused = true;
}

static void
s_resume (relay_t *self)
{
    s_do (self, "RESUME", NULL);
    self->paused = false;
}

static void
s_set_number (relay_t *self, const char *where, const char *option,
              uint64_t value)
{
    char string [24];
    snprintf (string, sizeof (string), "%" PRIu64, value);
    s_do (self, "SET", where, option, string, NULL);
}

static void
s_set_flow (relay_t *self)
{
    static const char *overflows [] = { "hold", "drop-new", "drop-old" };
    const char *flow = s_chance_of (3)? "RETURN": "FORWARD";
    uint64_t most = s_has (self->index, DROPS)? 2: 0;
    s_do (self, "SET", flow, "overflow", overflows [s_upto (&s_chance, most)],
          NULL);
    s_set_number (self, flow, "queue", s_upto (&s_chance, 100));
    if (s_has (self->index, DROPS))
        s_set_number (self, "FRONTEND", "maxframes",
                      s_chance_of (3)? BODIES: 0);
}

static void
s_set_burst (relay_t *self)
{
    self->burst = s_chance_of (2)? 1 + s_upto (&s_chance, 9):
                  100 + s_upto (&s_chance, 9900);
    s_set_number (self, "FORWARD", "burst", self->burst);
}

static void
s_set_rate (relay_t *self)
{
    self->rate = s_chance_of (2)? 0: 100 + s_upto (&s_chance, 4900);
    s_set_number (self, "FRONTEND", "rate", self->rate);
    s_set_number (self, "FRONTEND", "rate_burst", s_upto (&s_chance, 100));
}

static void
s_get (relay_t *self)
{
    static const char *names [] [2] = {
        { "FORWARD", "burst" }, { "FRONTEND", "rate" }
    };
    uint64_t expected [] = { self->burst, self->rate };
    size_t index = s_upto (&s_chance, 1);
    char *value = s_answer (self, "GET", names [index] [0],
                            names [index] [1]);
    if (strtoull (value, NULL, 10) != expected [index]) {
        printf ("#   %s: %s is %s\n", s_table [self->index].name,
                names [index] [1], value);
        s_wrong++;
    }
    zstr_free (&value);
}

static void
s_look (relay_t *self)
{
    static const char *names [] [2] = {
        { "PING", NULL }, { "HELP", NULL }, { "STATE", NULL },
        { "ERROR", NULL }, { "HELP", "BIND" }, { "PEERS", "FRONTEND" },
        { "PEERS", "BACKEND" }, { "ENDPOINT", "FRONTEND" },
        { "ENDPOINT", "BACKEND" }
    };
    size_t count = sizeof (names) / sizeof (*names);
    size_t index = s_upto (&s_chance, count - 1);
    char *value = s_answer (self, names [index] [0], names [index] [1], NULL);
    zstr_free (&value);
}

//  Each of these is refused. None begins with an empty frame, which would
//  announce an envelope, and be answered with one.

static void
s_garbage_bytes (relay_t *self)
{
    zmsg_t *msg = zmsg_new ();
    byte data [40];
    for (uint64_t left = 1 + s_upto (&s_chance, 5); left > 0; left--) {
        size_t size = s_upto (&s_chance, sizeof (data));
        if (zmsg_size (msg) == 0 && size == 0)
            size = 1;
        for (size_t index = 0; index < size; index++)
            data [index] = (byte) chance_next (&s_chance) | 128;
        zmsg_addmem (msg, data, size);
    }
    int status = s_status (self, msg);
    if (status != 1)
        s_mistake (self, "garbage", status);
    s_refused++;
}

static void
s_garbage (relay_t *self)
{
    static const char *words [] [4] = {
        { "BIND", NULL }, { "BIND", "FRONTEND", "nonsense", NULL },
        { "UNBIND", "FRONTEND", "tcp://127.0.0.1:1", NULL },
        { "CONNECT", "SIDEWAYS", "tcp://127.0.0.1:1", NULL },
        { "SET", "FORWARD", "burst", "0" }, { "SET", "FRONTEND", "rate", "-1" },
        { "SET", "FORWARD", "overflow", "leak" }, { "GET", "BACKEND", NULL },
        { "FILTER", "FORWARD", NULL }, { "DRAIN", "soon", NULL },
        { "CAPTURE", "nonsense", NULL }, { "FRONTEND", "REQ", "nonsense" },
        { "pause", NULL }, { "", NULL }, { "STATS", "please", NULL }
    };
    if (s_chance_of (3)) {
        s_garbage_bytes (self);
        return;
    }
    size_t count = sizeof (words) / sizeof (*words);
    const char **chosen = words [s_upto (&s_chance, count - 1)];
    int status = s_try (self, chosen [0], chosen [1], chosen [2], chosen [3],
                        NULL);
    if (status == 0)
        s_mistake (self, chosen [0], status);
    s_refused++;
}

//  Time may run out, where replies were lost or a receiver rests

static void
s_drain (relay_t *self)
{
    char msecs [12];
    snprintf (msecs, sizeof (msecs), "%d", (int) s_upto (&s_chance, 300));
    int status = s_try (self, "DRAIN", msecs, NULL);
    if (status != 0 && status != 3)
        s_mistake (self, "DRAIN", status);
    s_resume (self);
    s_drains++;
}

static void
s_reset (relay_t *self)
{
    bool paused = self->paused;
    s_pause (self);
    s_stats (self);
    s_do (self, "RESET", NULL);
    memcpy (self->base, self->now, sizeof (self->base));
    //  What is held will leave without having come
    for (int flow = 0; flow < 2; flow++)
        s_stats (self);
    if (!paused)
        s_resume (self);
}

static const struct {
    void (*act) (relay_t *self);
    unsigned weight;
    unsigned flag;              //  That the relay must have, or 0
} s_actions [] = {
    { s_pause, 12, 0 }, { s_set_flow, 12, 0 }, { s_set_burst, 10, 0 },
    { s_set_rate, 10, 0 }, { s_capture, 10, 0 }, { s_filter, 12, 0 },
    { s_stats, 10, 0 }, { s_get, 8, 0 }, { s_look, 8, 0 },
    { s_garbage, 12, 0 }, { s_drain, 6, 0 }, { s_reset, 3, 0 },
    { s_cut_side, 2, CUTS }, { s_kill_peer, 4, DEATHS }
};
#define ACTIONS (sizeof (s_actions) / sizeof (*s_actions))

static void
s_act (relay_t *self)
{
    size_t chosen = chance_weighed (&s_chance, &s_actions->weight, ACTIONS,
                                    sizeof (*s_actions));
    if (s_actions [chosen].flag && !s_has (self->index,
                                           s_actions [chosen].flag))
        chosen = 0;
    if (self->paused && s_chance_of (2))
        s_resume (self);
    else
        s_actions [chosen].act (self);
}


//  --------------------------------------------------------------------------
//  Begin and end of a relay

static void
s_make_endpoint (relay_t *self, int side, char *endpoint, size_t size)
{
    const char *transport = s_table [self->index].endpoint;
    if (streq (transport, "tcp"))
        snprintf (endpoint, size, "tcp://127.0.0.1:*");
    else
    if (streq (transport, "inproc"))
        snprintf (endpoint, size, "inproc://soak-%d-%d", self->index, side);
    else {
        snprintf (self->path [side], sizeof (self->path [side]),
                  "/tmp/zrelay-soak-%d-%d-%d", (int) getpid (), self->index,
                  side);
        snprintf (endpoint, size, "ipc://%s", self->path [side]);
    }
}

static void
s_attach (relay_t *self, int side)
{
    const char *name = side == FRONT? "FRONTEND": "BACKEND";
    const char *hwm = s_table [self->index].hwm;
    const char *type = s_table [self->index].types [side];
    char endpoint [100];
    s_do (self, "SET", name, "sndhwm", hwm, NULL);
    s_do (self, "SET", name, "rcvhwm", hwm, NULL);
    s_do (self, "SET", name, "sndbuf", SEND_BUFFER, NULL);
    s_do (self, "SET", name, "rcvbuf", RECEIVE_BUFFER, NULL);
    s_make_endpoint (self, side, endpoint, sizeof (endpoint));
    if (type)
        s_do (self, name, type, endpoint, NULL);
    else
        s_do (self, "BIND", name, endpoint, NULL);
    self->endpoints [side] = s_answer (self, "ENDPOINT", name, NULL);
}

//  Publishers drop what they send before the first subscription is there

static void
s_relay_begin (relay_t *self, int index)
{
    memset (self, 0, sizeof (*self));
    self->index = index;
    self->burst = 1000;
    self->filtered = -1;
    self->actor = faults_relay (s_table [index].kind);
    zsock_set_rcvtimeo (zactor_sock (self->actor), PATIENCE);
    s_attach (self, FRONT);
    s_attach (self, BACK);
    s_start_reader (self);
    if (s_has (index, FANS_OUT)) {
        s_do (self, "SUBSCRIBE", "", NULL);
        s_begin_trouble (self, BACK, -1);
        self->trouble = RETURNING;
    }
    s_each_peer (self, s_start_peer);
}

//  As it was in the beginning

static void
s_pacify (relay_t *self)
{
    if (self->filtered != -1)
        s_filter (self);
    s_resume (self);
    s_do (self, "CAPTURE", NULL);
    for (int flow = 0; flow < 2; flow++)
        s_do (self, "SET", flow? "RETURN": "FORWARD", "overflow", "hold",
              NULL);
    s_do (self, "SET", "FRONTEND", "rate", "0", NULL);
    s_do (self, "SET", "FRONTEND", "maxframes", "0", NULL);
}

static void
s_relay_end (relay_t *self)
{
    s_each_peer (self, s_end_peer);
    zactor_destroy (&self->actor);
    zactor_destroy (&self->reader);
    zstr_free (&self->captured);
    for (int side = 0; side < 2; side++) {
        zstr_free (&self->endpoints [side]);
        if (*self->path [side])
            unlink (self->path [side]);
    }
    freen (self->windows);
}


//  --------------------------------------------------------------------------
//  The account of one flow

typedef struct {
    uint64_t sent;
    uint64_t delivered;         //  Each at each receiver, if it fans out
    uint64_t missing;           //  Likewise
    uint64_t unexplained;       //  Of these, in no window
    uint64_t late;              //  Came late, in no window
    int64_t lost_in;            //  Sent, and never read by the relay
    int64_t lost_out;           //  Sent by the relay, and not delivered
    uint64_t unaccounted;
} account_t;

static void
s_account_copy (relay_t *self, account_t *account, int flow, int sender,
                uint64_t number, byte state, int receiver)
{
    byte bits = receiver == -1? LATE - 1: (byte) (1 << receiver);
    bool lost = (state & bits) == 0;
    bool late = (state & LATE) != 0;
    account->delivered += !lost;
    account->missing += lost;
    if ((lost || late)
    && !s_covered (self, flow, sender, number, receiver)) {
        account->unexplained += lost;
        account->late += late;
    }
}

static void
s_account_message (relay_t *self, account_t *account, int flow, int sender,
                   uint64_t number)
{
    byte state = __atomic_load_n (s_state (self->index, flow, sender, number),
                                  __ATOMIC_SEQ_CST);
    if (!(state & SENT))
        return;
    account->sent++;
    if (!s_has (self->index, FANS_OUT))
        s_account_copy (self, account, flow, sender, number, state, -1);
    else
    for (int slot = 0; slot < s_receivers (self->index, flow); slot++)
        s_account_copy (self, account, flow, sender, number, state, slot);
}

static uint64_t
s_excess (uint64_t value, uint64_t limit)
{
    return value > limit? value - limit: 0;
}

//  Of the relay's counters, those of the last STATS

static account_t
s_account (relay_t *self, int flow)
{
    account_t account = { .sent = 0 };
    for (int sender = 0; sender < s_senders (self->index, flow); sender++) {
        uint64_t sent = s_load (&s_path (self, flow, sender)->sent);
        for (uint64_t number = 1; number <= sent; number++)
            s_account_message (self, &account, flow, sender, number);
    }
    counts_t *now = &self->now [flow];
    uint64_t copies = s_has (self->index, FANS_OUT)?
                      (uint64_t) s_receivers (self->index, flow): 1;
    account.lost_in = (int64_t) account.sent - (int64_t) now->in;
    account.lost_out = (int64_t) (copies * now->out)
                     - (int64_t) account.delivered;
    //  A message that the relay lost without counting it is seen twice
    uint64_t left = now->out + now->dropped + self->held [flow];
    uint64_t relays = s_excess (now->in, left) + s_excess (left, now->in);
    uint64_t peers = s_excess (account.unexplained, copies * now->dropped);
    account.unaccounted = (relays > peers? relays: peers)
        + s_excess (now->in, account.sent)
        + s_excess (account.delivered, copies * now->out)
        + copies * self->held [flow];
    return account;
}


//  --------------------------------------------------------------------------
//  Relays of kinds that have accounts of their own, see soak_kinds.h. A new
//  kind adds its table here.

static const soak_kind_t *const s_kinds [] = { soak_pools, soak_caches };
#define KINDS ((int) (sizeof (s_kinds) / sizeof (*s_kinds)))
#define EXTRA_MOST 16

typedef struct {
    const soak_kind_t *kind;
    void *object;               //  The kind's
} extra_t;

static extra_t s_extras [EXTRA_MOST];
static int s_extra_count;

static void
s_begin_extras (void)
{
    for (int table = 0; table < KINDS; table++)
        for (const soak_kind_t *kind = s_kinds [table]; kind->name; kind++) {
            assert (s_extra_count < EXTRA_MOST);
            extra_t *extra = &s_extras [s_extra_count++];
            extra->kind = kind;
            extra->object = kind->begin (kind->name, kind->about,
                s_seed (UINT32_MAX + (uint64_t) s_extra_count));
        }
}

static void
s_pacify_extras (void)
{
    for (int index = 0; index < s_extra_count; index++)
        s_extras [index].kind->pacify (s_extras [index].object);
}

static bool
s_extras_settled (void *arg)
{
    (void) arg;
    bool settled = true;
    for (int index = 0; index < s_extra_count; index++)
        settled = s_extras [index].kind->settled (s_extras [index].object)
               && settled;
    return settled;
}

static void
s_end_extras (void)
{
    for (int index = 0; index < s_extra_count; index++) {
        s_extras [index].kind->judge (s_extras [index].object);
        s_extras [index].kind->end (&s_extras [index].object);
    }
}


//  --------------------------------------------------------------------------
//  The whole

//  In KiB, without what is shared and without what the allocator could give
//  back

static int64_t
s_memory (void)
{
    malloc_trim (0);
    FILE *file = fopen ("/proc/self/status", "r");
    assert (file);
    char line [200];
    long value = 0;
    while (fgets (line, sizeof (line), file))
        if (sscanf (line, "RssAnon: %ld", &value) == 1)
            break;
    fclose (file);
    return value;
}

typedef struct {
    int64_t first;              //  KiB at most, in the first half
    int64_t second;
    int64_t looked_at;          //  Last time
} memory_t;

static void
s_watch_memory (memory_t *self, bool second)
{
    if (zclock_mono () < self->looked_at + 1000)
        return;
    self->looked_at = zclock_mono ();
    int64_t memory = s_memory ();
    int64_t *most = second? &self->second: &self->first;
    *most = memory > *most? memory: *most;
}

static void
s_progress (int64_t elapsed)
{
    uint64_t sent = 0;
    for (int index = 0; index < RELAYS; index++)
        for (int flow = 0; flow < 2; flow++)
            for (int sender = 0; sender < PEERS; sender++)
                sent += s_load (&s_shared->flows [index] [flow]
                                .paths [sender].sent);
    printf ("# %" PRId64 " s: %" PRIu64 " messages, %" PRIu64 " commands, %"
            PRIu64 " deaths, %" PRIu64 " cuts, %" PRId64 " KiB\n",
            elapsed / 1000, sent, s_commands, s_deaths, s_cuts, s_memory ());
}

static void
s_soak (int64_t msecs, memory_t *memory)
{
    int64_t start = zclock_mono ();
    int64_t elapsed = 0;
    int64_t next = 60000;
    while (elapsed < msecs) {
        s_act (&s_relays [s_upto (&s_chance, (uint64_t) RELAYS - 1)]);
        if (s_extra_count > 0) {
            extra_t *extra = &s_extras [s_upto (&s_chance,
                                        (uint64_t) s_extra_count - 1)];
            extra->kind->act (extra->object);
        }
        for (int index = 0; index < RELAYS; index++)
            s_go_through (&s_relays [index]);
        s_watch_memory (memory, elapsed > msecs / 2);
        zclock_sleep ((int) s_upto (&s_chance, 20));
        elapsed = zclock_mono () - start;
        if (elapsed > next) {
            s_progress (elapsed);
            next += 60000;
        }
    }
}

static bool
s_all_calm (void *arg)
{
    (void) arg;
    bool calm = true;
    for (int index = 0; index < RELAYS; index++) {
        s_go_through (&s_relays [index]);
        calm = calm && s_relays [index].trouble == CALM;
    }
    return calm;
}

//  Everything that is sent has arrived, if it does

static bool
s_all_accounted (void *arg)
{
    static uint64_t before;
    (void) arg;
    uint64_t sum = 0;
    bool accounted = true;
    for (int index = 0; index < RELAYS; index++) {
        relay_t *self = &s_relays [index];
        s_stats (self);
        for (int flow = 0; flow < s_flows (index); flow++) {
            account_t account = s_account (self, flow);
            accounted = accounted && account.unaccounted == 0;
            sum += self->now [flow].in + self->now [flow].out * 3
                 + account.delivered * 5;
        }
    }
    //  And nothing moves any more
    bool quiet = sum == before;
    before = sum;
    if (!quiet || !accounted)
        zclock_sleep (500);
    return quiet && accounted;
}

static void
s_print_reasons (relay_t *self, int flow)
{
    for (int reason = 0; reason < REASONS; reason++)
        if (self->now [flow].reasons [reason])
            printf ("#       %" PRIu64 " dropped: %s\n",
                    self->now [flow].reasons [reason], s_reasons [reason]);
}

static void
s_print (relay_t *self, int flow, const account_t *account)
{
    counts_t *now = &self->now [flow];
    printf ("# %-20s %-7s %9" PRIu64 " %7" PRId64 " %9" PRIu64 " %7" PRIu64
            " %9" PRIu64 " %7" PRId64 " %9" PRIu64 " %5" PRIu64 "\n",
            s_table [self->index].name, flow? "return": "forward",
            account->sent, account->lost_in, now->in, now->dropped, now->out,
            account->lost_out, account->delivered, account->unaccounted);
    s_print_reasons (self, flow);
    printf ("#       %" PRIu64 " stalls; %" PRIu64 " messages sent in "
            "windows, %" PRIu64 " not delivered, %" PRIu64 " of them in none"
            "\n", now->stalls, s_in_windows (self, flow), account->missing,
            account->unexplained);
}

static void
s_judge (relay_t *self)
{
    const char *name = s_table [self->index].name;
    for (int flow = 0; flow < s_flows (self->index); flow++) {
        const char *way = flow? "return": "forward";
        flow_t *shared = &s_shared->flows [self->index] [flow];
        account_t account = s_account (self, flow);
        TAP (account.unaccounted == 0 && account.delivered > 0,
             "%s: %s: every message is accounted for", name, way);
        TAP (shared->torn == 0 && shared->foreign == 0,
             "%s: %s: none is torn or astray", name, way);
        TAP (shared->twice == 0, "%s: %s: none came twice", name, way);
        TAP (account.late == 0, "%s: %s: all were in order", name, way);
    }
    TAP (self->unbalanced == 0, "%s: its counters always matched", name);
    TAP (self->miscounted == 0, "%s: filters saw what it read", name);
}

static void
s_report (void)
{
    printf ("# %-20s %-7s %9s %7s %9s %7s %9s %7s %9s %5s\n", "relay", "flow",
            "sent", "lost", "in", "dropped", "out", "lost", "delivered",
            "unacc");
    for (int index = 0; index < RELAYS; index++) {
        s_stats (&s_relays [index]);
        for (int flow = 0; flow < s_flows (index); flow++) {
            account_t account = s_account (&s_relays [index], flow);
            s_print (&s_relays [index], flow, &account);
        }
    }
    printf ("# %" PRIu64 " commands, %" PRIu64 " refused as they should, %"
            PRIu64 " drains, %" PRIu64 " captures with %" PRIu64 " copies "
            "read, %" PRIu64 " deaths, %" PRIu64 " unbound and bound again\n",
            s_commands, s_refused, s_drains, s_captures,
            s_load (&s_copies_read), s_deaths, s_cuts);
    for (int index = 0; index < RELAYS; index++)
        s_judge (&s_relays [index]);
}

//  Sockets are closed some time after they were let go. How many descriptors
//  are there when nothing more happens?

static int
s_descriptors (void)
{
    int least = faults_descriptors ();
    for (int64_t quiet = zclock_mono () + 1000; zclock_mono () < quiet; ) {
        int now = faults_descriptors ();
        if (now < least) {
            least = now;
            quiet = zclock_mono () + 1000;
        }
        zclock_sleep (10);
    }
    return least;
}

static bool
s_descriptors_back (void *arg)
{
    return faults_descriptors () <= *(int *) arg;
}

//  What the relays that are not calm wait for

static void
s_tell_trouble (void)
{
    static const char *states [] = {
        "calm", "until a peer has left", "until a peer has come back",
        "for messages"
    };
    for (int index = 0; index < RELAYS; index++) {
        relay_t *self = &s_relays [index];
        if (self->trouble != CALM)
            printf ("# %s waits %s; peers %" PRIu64 " and %" PRIu64
                    ", of the %s should be %d\n", s_table [index].name,
                    states [self->trouble], self->peers [FRONT],
                    self->peers [BACK], self->side? "backend": "frontend",
                    s_table [index].peers [self->side].count);
    }
}

static void
s_finish (void)
{
    for (int index = 0; index < RELAYS; index++)
        s_pacify (&s_relays [index]);
    TAP (faults_wait (s_all_calm, NULL, PATIENCE),
         "all peers came back, and messages with them");
    s_tell_trouble ();
    s_pacify_extras ();
    TAP (faults_wait (s_extras_settled, NULL, PATIENCE),
         "all clients were answered again, and nothing remained");
    s_end_extras ();
    s_store (&s_shared->stop, 1);
    faults_wait (s_all_accounted, NULL, PATIENCE);
    s_report ();
    TAP (s_wrong == 0, "every command was answered as it should");
    TAP (s_load (&s_copies_torn) == 0 && s_unwhole == 0,
         "captures and filters saw whole messages");
    for (int index = 0; index < RELAYS; index++)
        s_relay_end (&s_relays [index]);
}

static void
s_test (long seconds)
{
    //  What libzmq opens once is not counted
    zactor_t *first = faults_relay ("queue");
    zactor_destroy (&first);
    int descriptors = s_descriptors ();
    for (int index = 0; index < RELAYS; index++)
        s_relay_begin (&s_relays [index], index);
    s_begin_extras ();
    memory_t memory = { 0, 0, 0 };
    s_soak (seconds * 1000, &memory);
    s_finish ();
    printf ("# memory: at most %" PRId64 " KiB in the first half, %" PRId64
            " KiB in the second\n", memory.first, memory.second);
    if (FAULTS_SANITIZED)
        TAP_SKIP ("memory", "sanitizers keep memory");
    else
        TAP (memory.second < memory.first + GROWTH, "memory does not grow");
    bool back = faults_wait (s_descriptors_back, &descriptors, PATIENCE);
    TAP (back, "all descriptors return: %d, now %d", descriptors,
         faults_descriptors ());
}

int
main (int argc, char **argv)
{
    static const faults_role_t roles [] = {
        { "peer", s_process },
        { "pool-worker", soak_pool_worker },
        { NULL, NULL }
    };
    faults_begin (argc, argv, roles);
    long seconds = faults_parameter ("SOAK_SECONDS", SECONDS);
    long seed = faults_parameter ("SOAK_SEED", (long) time (NULL) % 1000000);
    char string [24];
    snprintf (string, sizeof (string), "%ld", seed);
    setenv ("SOAK_SEED", string, 1);
    printf ("# SOAK_SECONDS=%ld SOAK_SEED=%ld\n", seconds, seed);
    TAP_DEADLINE ((unsigned) seconds + 10 * PATIENCE / 1000);
    s_verbose = getenv ("SOAK_VERBOSE") != NULL;
    s_chance = s_seed (0);
    s_fill_pool ();
    int handle = (int) syscall (SYS_memfd_create, "soak", 0);
    assert (handle != -1);
    s_share (handle);
    s_test (seconds);
    return faults_end ();
}
