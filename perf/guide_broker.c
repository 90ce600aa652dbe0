/*  =========================================================================
    guide_broker - brokers to compare with

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

//  guide_broker () is a Majordomo 0.1 broker that works as the one in C in the
//  ZeroMQ Guide does, and so as the many that were made after it:
//
//  - One zmq_poll () and one zmsg_t for each message.
//  - A worker is known by its routing id in hexadecimal digits: a string that
//    is made for each of its messages, and is its key in a zhash.
//  - A service is known by its name, a string that is made for each request.
//  - A message to a worker is a copy of the one that came, with new frames in
//    front.
//  - Workers that wait are in a list of their service, and in one of all, where
//    a worker that gets work is searched from the front and taken out.
//  - Before a request is given out, and before heartbeats are sent, workers
//    whose time is over are taken from the front of the list of all, up to the
//    first one that lives.
//
//  It is written from this description, does not count, and has no bounds.

#include "crew.h"

//  Heartbeats that a worker may miss
#define LIVENESS 3

typedef struct {
    void *socket;               //  For clients and workers
    int heartbeat;              //  Msecs between heartbeats
    int64_t beat_at;            //  When they are due
    zhash_t *services;          //  By name
    zhash_t *workers;           //  By routing id, in hexadecimal digits
    zlist_t *waiting;           //  Workers that wait, of all services
} broker_t;

typedef struct {
    char *name;                 //  Key in the broker's services
    zlist_t *requests;          //  That wait for a worker
    zlist_t *waiting;           //  Workers that wait for a request
} line_t;

typedef struct {
    char *key;                  //  In the broker's workers
    zframe_t *id;               //  Routing id
    line_t *line;               //  What it serves, NULL: not ready yet
    int64_t expiry;             //  When it is taken for dead
} hand_t;

static void
s_bind (void *socket, char *endpoint)
{
    size_t size = PERF_ENDPOINT_SIZE;
    if (zmq_bind (socket, endpoint)
    ||  zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, endpoint, &size)) {
        fprintf (stderr, "broker: %s: %s\n", endpoint, zmq_strerror (errno));
        _exit (EXIT_FAILURE);
    }
}


//  --------------------------------------------------------------------------
//  Lines and hands

static line_t *
s_require_line (broker_t *self, zframe_t *frame)
{
    char *name = zframe_strdup (frame);
    line_t *line = (line_t *) zhash_lookup (self->services, name);
    if (line) {
        zstr_free (&name);
        return line;
    }
    line = (line_t *) zmalloc (sizeof (line_t));
    assert (line);
    line->name = name;
    line->requests = zlist_new ();
    line->waiting = zlist_new ();
    zhash_insert (self->services, name, line);
    return line;
}

static hand_t *
s_require_hand (broker_t *self, zframe_t *id)
{
    char *key = zframe_strhex (id);
    hand_t *hand = (hand_t *) zhash_lookup (self->workers, key);
    if (hand) {
        zstr_free (&key);
        return hand;
    }
    hand = (hand_t *) zmalloc (sizeof (hand_t));
    assert (hand);
    hand->key = key;
    hand->id = zframe_dup (id);
    zhash_insert (self->workers, key, hand);
    return hand;
}

//  A message to a worker: a copy of one that there is, or a new one

static void
s_send (broker_t *self, hand_t *hand, const char *command, zmsg_t *msg)
{
    msg = msg? zmsg_dup (msg): zmsg_new ();
    zmsg_pushstr (msg, command);
    zmsg_pushstr (msg, "MDPW01");
    zmsg_pushstr (msg, "");
    zframe_t *id = zframe_dup (hand->id);
    zmsg_prepend (msg, &id);
    zmsg_send (&msg, self->socket);
}

static void
s_remove (broker_t *self, hand_t *hand, bool told)
{
    if (told)
        s_send (self, hand, "\5", NULL);
    if (hand->line)
        zlist_remove (hand->line->waiting, hand);
    zlist_remove (self->waiting, hand);
    zhash_delete (self->workers, hand->key);
    zframe_destroy (&hand->id);
    zstr_free (&hand->key);
    freen (hand);
}

static void
s_purge (broker_t *self)
{
    hand_t *hand = (hand_t *) zlist_first (self->waiting);
    while (hand && self->heartbeat && zclock_time () >= hand->expiry) {
        s_remove (self, hand, false);
        hand = (hand_t *) zlist_first (self->waiting);
    }
}

static void
s_dispatch (broker_t *self, line_t *line, zmsg_t *msg)
{
    if (msg)
        zlist_append (line->requests, msg);
    s_purge (self);
    while (zlist_size (line->waiting) && zlist_size (line->requests)) {
        hand_t *hand = (hand_t *) zlist_pop (line->waiting);
        zlist_remove (self->waiting, hand);
        zmsg_t *request = (zmsg_t *) zlist_pop (line->requests);
        s_send (self, hand, "\2", request);
        zmsg_destroy (&request);
    }
}

static void
s_wait_for_work (broker_t *self, hand_t *hand)
{
    zlist_append (self->waiting, hand);
    zlist_append (hand->line->waiting, hand);
    hand->expiry = zclock_time () + self->heartbeat * LIVENESS;
    s_dispatch (self, hand->line, NULL);
}


//  --------------------------------------------------------------------------
//  Messages

static void
s_reply (broker_t *self, hand_t *hand, zmsg_t *msg)
{
    zframe_t *client = zmsg_unwrap (msg);
    zmsg_pushstr (msg, hand->line->name);
    zmsg_pushstr (msg, "MDPC01");
    zmsg_wrap (msg, client);
    zmsg_t *reply = msg;
    zmsg_send (&reply, self->socket);
    s_wait_for_work (self, hand);
}

static void
s_heard_worker (broker_t *self, zframe_t *sender, zmsg_t *msg)
{
    zframe_t *command = zmsg_pop (msg);
    char *key = zframe_strhex (sender);
    bool known = zhash_lookup (self->workers, key) != NULL;
    zstr_free (&key);
    hand_t *hand = s_require_hand (self, sender);
    if (zframe_streq (command, "\1") && !known) {
        zframe_t *name = zmsg_pop (msg);
        hand->line = s_require_line (self, name);
        zframe_destroy (&name);
        s_wait_for_work (self, hand);
        zmsg_destroy (&msg);
    }
    else
    if (zframe_streq (command, "\3") && known)
        s_reply (self, hand, msg);
    else {
        if (zframe_streq (command, "\4") && known)
            hand->expiry = zclock_time () + self->heartbeat * LIVENESS;
        else
            s_remove (self, hand, true);
        zmsg_destroy (&msg);
    }
    zframe_destroy (&command);
}

static void
s_heard_client (broker_t *self, zframe_t *sender, zmsg_t *msg)
{
    zframe_t *name = zmsg_pop (msg);
    line_t *line = s_require_line (self, name);
    zmsg_wrap (msg, zframe_dup (sender));
    s_dispatch (self, line, msg);
    zframe_destroy (&name);
}

static void
s_heard (broker_t *self, zmsg_t *msg)
{
    zframe_t *sender = zmsg_pop (msg);
    zframe_t *empty = zmsg_pop (msg);
    zframe_t *header = zmsg_pop (msg);
    if (header && zmsg_size (msg) && zframe_streq (header, "MDPC01"))
        s_heard_client (self, sender, msg);
    else
    if (header && zmsg_size (msg) && zframe_streq (header, "MDPW01"))
        s_heard_worker (self, sender, msg);
    else
        zmsg_destroy (&msg);
    zframe_destroy (&sender);
    zframe_destroy (&empty);
    zframe_destroy (&header);
}

static void
s_beat (broker_t *self)
{
    if (!self->heartbeat || zclock_time () < self->beat_at)
        return;
    s_purge (self);
    hand_t *hand = (hand_t *) zlist_first (self->waiting);
    while (hand) {
        s_send (self, hand, "\4", NULL);
        hand = (hand_t *) zlist_next (self->waiting);
    }
    self->beat_at = zclock_time () + self->heartbeat;
}

void
guide_broker (zsock_t *pipe, void *args)
{
    peer_relay_t *peer = (peer_relay_t *) args;
    broker_t self = {
        .socket = zsock_new (ZMQ_ROUTER),
        .heartbeat = peer->heartbeat,
        .beat_at = zclock_time () + peer->heartbeat,
        .services = zhash_new (),
        .workers = zhash_new (),
        .waiting = zlist_new ()
    };
    s_bind (zsock_resolve (self.socket), peer->ends [0]);
    zsock_signal (pipe, 0);
    zmq_pollitem_t item = { zsock_resolve (self.socket), 0, ZMQ_POLLIN, 0 };
    while (zmq_poll (&item, 1, self.heartbeat? self.heartbeat: -1) != -1) {
        if (item.revents & ZMQ_POLLIN)
            s_heard (&self, zmsg_recv (self.socket));
        s_beat (&self);
    }
}


//  --------------------------------------------------------------------------
//  The bare one

typedef struct {
    void *sockets [2];          //  For clients, for workers; may be the same
    zmq_msg_t *free;            //  Routing ids of free workers, a ring
    size_t first;               //  Of these
    size_t count;               //  How many these are
    size_t room;                //  For how many
} bare_t;

static void
s_free (bare_t *self, zmq_msg_t *id)
{
    assert (self->count < self->room);
    zmq_msg_t *place = self->free + (self->first + self->count++) % self->room;
    zmq_msg_init (place);
    zmq_msg_move (place, id);
}

//  A frame, and those that follow it

static void
s_pass (void *from, void *to, zmq_msg_t *frame)
{
    bool more = true;
    while (more) {
        more = zmq_msg_more (frame);
        zmq_msg_send (frame, to, more? ZMQ_SNDMORE: 0);
        if (more)
            zmq_msg_recv (frame, from, ZMQ_DONTWAIT);
    }
}

//  A reply has several frames, a worker's other messages have one

static void
s_from_workers (bare_t *self)
{
    zmq_msg_t id, frame;
    zmq_msg_init (&id);
    zmq_msg_init (&frame);
    while (zmq_msg_recv (&id, self->sockets [1], ZMQ_DONTWAIT) != -1) {
        zmq_msg_recv (&frame, self->sockets [1], ZMQ_DONTWAIT);
        if (zmq_msg_more (&frame)) {
            s_pass (self->sockets [1], self->sockets [0], &frame);
            s_free (self, &id);
        }
        else
        if (*(char *) zmq_msg_data (&frame) == 1)
            s_free (self, &id);
    }
    zmq_msg_close (&id);
    zmq_msg_close (&frame);
}

static void
s_from_clients (bare_t *self)
{
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    while (self->count
       &&  zmq_msg_recv (&frame, self->sockets [0], ZMQ_DONTWAIT) != -1) {
        zmq_msg_send (self->free + self->first, self->sockets [1], ZMQ_SNDMORE);
        self->first = (self->first + 1) % self->room;
        self->count--;
        s_pass (self->sockets [0], self->sockets [1], &frame);
    }
    zmq_msg_close (&frame);
}

//  Most workers
#define BARE_ROOM 100000

static void
s_bare_open (bare_t *self, zsock_t *pipe, peer_relay_t *peer, int sockets)
{
    self->room = BARE_ROOM;
    self->free = (zmq_msg_t *) zmalloc (self->room * sizeof (zmq_msg_t));
    assert (self->free);
    for (int side = 0; side < sockets; side++) {
        self->sockets [side] = zsock_resolve (zsock_new (ZMQ_ROUTER));
        s_bind (self->sockets [side], peer->ends [side]);
    }
    zsock_signal (pipe, 0);
}

void
bare_broker (zsock_t *pipe, void *args)
{
    bare_t self = { .first = 0 };
    s_bare_open (&self, pipe, (peer_relay_t *) args, 2);
    zmq_pollitem_t items [] = {
        { self.sockets [0], 0, ZMQ_POLLIN, 0 },
        { self.sockets [1], 0, ZMQ_POLLIN, 0 }
    };
    //  Clients wait while no worker is free
    while (zmq_poll (items + !self.count, 2 - !self.count, -1) != -1) {
        s_from_workers (&self);
        s_from_clients (&self);
    }
}


//  --------------------------------------------------------------------------
//  The bare one of Majordomo 0.1, for one service. There must be a free worker
//  for each request.

static void
s_send_text (bare_t *self, const char *text)
{
    zmq_send (self->sockets [0], text, strlen (text), ZMQ_SNDMORE);
}

//  To a worker: header, command, client, empty, body. The body is in hand.

static void
s_bare_request (bare_t *self, zmq_msg_t *client, zmq_msg_t *body)
{
    assert (self->count);
    zmq_msg_send (self->free + self->first, self->sockets [0], ZMQ_SNDMORE);
    self->first = (self->first + 1) % self->room;
    self->count--;
    s_send_text (self, "");
    s_send_text (self, "MDPW01");
    s_send_text (self, "\2");
    zmq_msg_send (client, self->sockets [0], ZMQ_SNDMORE);
    s_send_text (self, "");
    zmq_msg_send (body, self->sockets [0], 0);
}

//  To a client: header, service, body

static void
s_bare_reply (bare_t *self, zmq_msg_t *worker, zmq_msg_t *client,
              zmq_msg_t *body)
{
    zmq_msg_send (client, self->sockets [0], ZMQ_SNDMORE);
    s_send_text (self, "");
    s_send_text (self, "MDPC01");
    s_send_text (self, "s0");
    zmq_msg_send (body, self->sockets [0], 0);
    s_free (self, worker);
}

//  By the number of frames, a request has 5, a reply 7, READY 5 too and a
//  heartbeat 4

static void
s_bare_message (bare_t *self, zmq_msg_t frames [FORM_FRAMES], int count)
{
    bool client = *((char *) zmq_msg_data (frames + 2) + 3) == 'C';
    if (client)
        s_bare_request (self, frames, frames + 4);
    else
    if (count == 7)
        s_bare_reply (self, frames, frames + 4, frames + 6);
    else
    if (count == 5)
        s_free (self, frames);
}

void
bare_majordomo (zsock_t *pipe, void *args)
{
    bare_t self = { .first = 0 };
    s_bare_open (&self, pipe, (peer_relay_t *) args, 1);
    zmq_msg_t frames [FORM_FRAMES];
    for (int frame = 0; frame < FORM_FRAMES; frame++)
        zmq_msg_init (frames + frame);
    zmq_pollitem_t item = { self.sockets [0], 0, ZMQ_POLLIN, 0 };
    while (zmq_poll (&item, 1, -1) != -1)
        while (zmq_msg_recv (frames, self.sockets [0], ZMQ_DONTWAIT) != -1) {
            int count = 1;
            while (zmq_msg_more (frames + count - 1)) {
                zmq_msg_recv (frames + count, self.sockets [0], ZMQ_DONTWAIT);
                count++;
            }
            s_bare_message (&self, frames, count);
        }
}
