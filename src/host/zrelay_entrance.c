/*  =========================================================================
    zrelay_entrance - one socket at which a host takes commands

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_entrance.h"
#include "zrelay_bouncer.h"
#include "zrelay_envelope.h"
#include "zrelay_message_internal.h"

//  At a control socket, a command has at most so many frames, and so many bytes
//  in all. More than this is no command.
#define FRAMES_MAX 256
#define BYTES_MAX 262144

//  Most commands of one peer of a control socket that may await their answers,
//  so that it leaves room for others
#define PEER_COMMANDS_MAX 100

//  Milliseconds until a full pipe is tried again
#define AGAIN_IVL 10

//  A peer of a control socket, as long as it awaits answers
typedef struct {
    zrelay_name_t name;         //  Its routing id, which it may have chosen
    zframe_t *id;               //  Holds the bytes of that
    size_t calls;               //  How many answers it awaits
} peer_t;

struct _zrelay_call_t {
    zrelay_entrance_t *entrance;    //  Where it came in
    peer_t *peer;               //  Who sent it, or NULL
    zmsg_t *envelope;           //  To be returned before the answer; NULL: bare
    zmsg_t *answer;             //  Of bare words, kept until its turn
    void *place;                //  In the entrance's list of requests
    void *turn;                 //  Of bare words, in that of their order
};

struct _zrelay_entrance_t {
    zrelay_ears_t *ears;        //  Serve it
    zsock_t *sock;              //  The pipe, or the control socket
    zrelay_ear_t *ear;          //  Listens to it
    zrelay_bouncer_t *bouncer;  //  Cuts off who sends too much, or NULL
    bool control;               //  It is a control socket, which is ours
    bool strangers;             //  To which strangers can connect
    zrelay_entrance_fn *function;   //  Takes requests
    void *owner;                //  Its argument
    zlistx_t *requests;         //  All requests that were not answered
    zrelay_index_t *peers;      //  peer_t, who sent them, or NULL
    zlistx_t *order;            //  Those of bare words, in their order
    zlistx_t *outbox;           //  zmsg_t that a full pipe did not take
    int timer;                  //  Tries it again, and nothing is read until
                                //  it took all; 0: it took all
    char *error;                //  The last sentence
};

static zrelay_ear_result_t
s_read (void *owner);


//  --------------------------------------------------------------------------
//  Constructor and destructor

static void
s_destroy_message (void **item_p)
{
    zmsg_destroy ((zmsg_t **) item_p);
}

static zrelay_entrance_t *
s_entrance_new (zrelay_ears_t *ears, zsock_t *sock,
                zrelay_entrance_fn *function, void *owner)
{
    zrelay_entrance_t *self =
        (zrelay_entrance_t *) zmalloc (sizeof (zrelay_entrance_t));
    assert (self);
    self->ears = ears;
    self->sock = sock;
    self->function = function;
    self->owner = owner;
    self->requests = zlistx_new ();
    self->order = zlistx_new ();
    self->outbox = zlistx_new ();
    self->error = strdup ("");
    assert (self->requests && self->order && self->outbox && self->error);
    zlistx_set_destructor (self->outbox, s_destroy_message);
    //  Answers that nobody reads must not stop the host
    zsock_set_sndtimeo (sock, 0);
    zsock_set_rcvtimeo (sock, 0);
    self->ear = zrelay_ear_new (ears, zsock_resolve (sock), s_read, self);
    return self;
}

zrelay_entrance_t *
zrelay_entrance_new (zrelay_ears_t *ears, zsock_t *pipe,
                     zrelay_entrance_fn *function, void *owner)
{
    return s_entrance_new (ears, pipe, function, owner);
}

zrelay_entrance_t *
zrelay_entrance_new_control (zrelay_ears_t *ears, zsock_t **router_p,
                             bool strangers, zrelay_entrance_fn *function,
                             void *owner)
{
    zrelay_entrance_t *self =
        s_entrance_new (ears, *router_p, function, owner);
    self->control = true;
    self->strangers = strangers;
    self->peers = zrelay_index_new ();
    *router_p = NULL;
    return self;
}

int
zrelay_entrance_guard (zrelay_entrance_t *self)
{
    self->bouncer = zrelay_bouncer_new (self->ears, self->sock, FRAMES_MAX,
                                        BYTES_MAX);
    return self->bouncer? 0: -1;
}

void
zrelay_entrance_destroy (zrelay_entrance_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_entrance_t *self = *self_p;
        zrelay_ear_destroy (&self->ear);
        if (self->timer)
            zloop_timer_end (zrelay_ears_loop (self->ears), self->timer);
        zrelay_bouncer_destroy (&self->bouncer);
        if (self->control)
            zsock_destroy (&self->sock);
        zrelay_call_t *request;
        while ((request = (zrelay_call_t *) zlistx_first (self->requests)))
            zrelay_call_destroy (&request);
        zrelay_index_destroy (&self->peers);
        zlistx_destroy (&self->requests);
        zlistx_destroy (&self->order);
        zlistx_destroy (&self->outbox);
        zstr_free (&self->error);
        freen (self);
        *self_p = NULL;
    }
}

const char *
zrelay_entrance_error (zrelay_entrance_t *self)
{
    return self->error;
}

char *
zrelay_entrance_endpoint (zrelay_entrance_t *self)
{
    return self->control? zsock_last_endpoint (self->sock): NULL;
}


//  --------------------------------------------------------------------------
//  Peers

//  The one that an envelope of a control socket came from has one more command

static peer_t *
s_peer_enter (zrelay_entrance_t *self, zmsg_t *envelope)
{
    zframe_t *id = zmsg_first (envelope);
    peer_t *peer = (peer_t *) zrelay_index_find (
        self->peers, zframe_data (id), zframe_size (id));
    if (!peer) {
        peer = (peer_t *) zmalloc (sizeof (peer_t));
        assert (peer);
        peer->id = zframe_dup (id);
        assert (peer->id);
        peer->name.data = zframe_data (peer->id);
        peer->name.size = zframe_size (peer->id);
        zrelay_index_add (self->peers, &peer->name, peer);
    }
    peer->calls++;
    return peer;
}

static void
s_peer_leave (zrelay_entrance_t *self, peer_t *peer)
{
    if (--peer->calls == 0) {
        zrelay_index_remove (self->peers, &peer->name);
        zframe_destroy (&peer->id);
        freen (peer);
    }
}


//  --------------------------------------------------------------------------
//  Requests

static zrelay_call_t *
s_request_new (zrelay_entrance_t *entrance, zmsg_t *envelope)
{
    zrelay_call_t *self =
        (zrelay_call_t *) zmalloc (sizeof (zrelay_call_t));
    assert (self);
    self->entrance = entrance;
    self->envelope = envelope;
    self->place = zlistx_add_end (entrance->requests, self);
    if (!envelope)
        self->turn = zlistx_add_end (entrance->order, self);
    if (entrance->peers)
        self->peer = s_peer_enter (entrance, envelope);
    return self;
}

void
zrelay_call_destroy (zrelay_call_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_call_t *self = *self_p;
        zlistx_detach (self->entrance->requests, self->place);
        if (self->turn)
            zlistx_detach (self->entrance->order, self->turn);
        if (self->peer)
            s_peer_leave (self->entrance, self->peer);
        zmsg_destroy (&self->envelope);
        zmsg_destroy (&self->answer);
        freen (self);
        *self_p = NULL;
    }
}

zrelay_entrance_t *
zrelay_call_entrance (zrelay_call_t *self)
{
    return self->entrance;
}

bool
zrelay_call_is_remote (zrelay_call_t *self)
{
    return self->entrance->control;
}

bool
zrelay_call_is_bare (zrelay_call_t *self)
{
    return self->envelope == NULL;
}

bool
zrelay_call_is_strange (zrelay_call_t *self)
{
    return self->entrance->strangers;
}

bool
zrelay_call_is_only (zrelay_call_t *self)
{
    return self->peer && self->peer->calls == 1;
}


//  --------------------------------------------------------------------------
//  Sending

static int
s_on_timer (zloop_t *loop, int timer, void *arg);

//  Send what there is, as far as the pipe takes it

static void
s_flush (zrelay_entrance_t *self)
{
    zmsg_t *msg = (zmsg_t *) zlistx_first (self->outbox);
    while (msg) {
        zmsg_t *sent = zmsg_dup (msg);
        assert (sent);
        if (zmsg_send (&sent, self->sock) == -1) {
            zmsg_destroy (&sent);
            break;
        }
        zlistx_delete (self->outbox, zlistx_cursor (self->outbox));
        msg = (zmsg_t *) zlistx_first (self->outbox);
    }
    if (msg && !self->timer) {
        self->timer = zloop_timer (zrelay_ears_loop (self->ears), AGAIN_IVL, 0,
                                   s_on_timer, self);
        zrelay_ear_pause (self->ear);
    }
    else
    if (!msg && self->timer) {
        zloop_timer_end (zrelay_ears_loop (self->ears), self->timer);
        self->timer = 0;
        zrelay_ear_resume (self->ear);
    }
    zrelay_ear_look (self->ear);
}

static int
s_on_timer (zloop_t *loop, int timer, void *arg)
{
    (void) loop;
    (void) timer;
    s_flush ((zrelay_entrance_t *) arg);
    return 0;
}

//  A control socket's ROUTER says which peer is full or gone. This one has
//  itself to blame.

static void
s_send (zrelay_entrance_t *self, zmsg_t **msg_p)
{
    if (self->control) {
        zrelay_message_give (zsock_resolve (self->sock), msg_p);
        zmsg_destroy (msg_p);
        zrelay_ear_look (self->ear);
        return;
    }
    zlistx_add_end (self->outbox, *msg_p);
    *msg_p = NULL;
    s_flush (self);
}

//  Send the answers to bare words that have their turn

static void
s_send_in_order (zrelay_entrance_t *self)
{
    zrelay_call_t *first = (zrelay_call_t *) zlistx_first (self->order);
    while (first && first->answer) {
        s_send (self, &first->answer);
        zrelay_call_destroy (&first);
        first = (zrelay_call_t *) zlistx_first (self->order);
    }
}


//  --------------------------------------------------------------------------
//  Answers

//  Bare words are answered by the frames of a query or by a signal

static void
s_answer_bare (zrelay_call_t **self_p, int status, zmsg_t *frames)
{
    zrelay_call_t *self = *self_p;
    zrelay_entrance_t *entrance = self->entrance;
    if (status == ZRELAY_STATUS_DONE && zmsg_size (frames) > 0) {
        s_send (entrance, &frames);
        zrelay_call_destroy (self_p);
    }
    else {
        zmsg_destroy (&frames);
        self->answer = zmsg_new_signal ((byte) status);
        *self_p = NULL;
    }
    s_send_in_order (entrance);
}

void
zrelay_call_answer (zrelay_call_t **self_p, int status,
                    zmsg_t **frames_p)
{
    zrelay_call_t *self = *self_p;
    zmsg_t *frames = frames_p && *frames_p? *frames_p: zmsg_new ();
    assert (frames);
    if (frames_p)
        *frames_p = NULL;
    zframe_t *first = zmsg_first (frames);
    if (status != ZRELAY_STATUS_DONE && first) {
        zstr_free (&self->entrance->error);
        self->entrance->error = zframe_strdup (first);
        assert (self->entrance->error);
    }
    if (!self->envelope) {
        s_answer_bare (self_p, status, frames);
        return;
    }
    zmsg_pushstrf (frames, "%d", status);
    zframe_t *frame;
    while ((frame = zmsg_last (self->envelope))) {
        zmsg_remove (self->envelope, frame);
        zmsg_prepend (frames, &frame);
    }
    s_send (self->entrance, &frames);
    zrelay_call_destroy (self_p);
}

//  To a control socket, without a zframe_t for each string

static void
s_send_packed (zrelay_call_t *self, const char *name, const char *block,
               size_t size)
{
    void *handle = zsock_resolve (self->entrance->sock);
    const char *end = block + size;
    zmsg_t *start = self->envelope;
    zmsg_addstrf (start, "%d", ZRELAY_STATUS_DONE);
    zmsg_addstr (start, name);
    int rc = 0;
    size_t left = zmsg_size (start);
    zframe_t *frame = zmsg_first (start);
    for (; frame && rc == 0; frame = zmsg_next (start))
        rc = zrelay_message_give_frame (handle, zframe_data (frame),
                                        zframe_size (frame),
                                        --left > 0 || block < end);
    while (rc == 0 && block < end) {
        size_t length = strlen (block);
        zrelay_message_give_frame (handle, block, length,
                                   block + length + 1 < end);
        block += length + 1;
    }
    zrelay_ear_look (self->entrance->ear);
}

void
zrelay_call_answer_packed (zrelay_call_t **self_p, const char *name,
                           zframe_t *block)
{
    const char *data = (const char *) zframe_data (block);
    size_t size = zframe_size (block);
    if ((*self_p)->entrance->control) {
        s_send_packed (*self_p, name, data, size);
        zrelay_call_destroy (self_p);
        return;
    }
    zmsg_t *frames = zmsg_new ();
    assert (frames);
    zmsg_addstr (frames, name);
    for (const char *string = data; string < data + size;
         string += strlen (string) + 1)
        zmsg_addstr (frames, string);
    zrelay_call_answer (self_p, ZRELAY_STATUS_DONE, &frames);
}

void
zrelay_call_refuse (zrelay_call_t **self_p, int status,
                    const char *format, ...)
{
    va_list argptr;
    va_start (argptr, format);
    char *sentence = zsys_vprintf (format, argptr);
    va_end (argptr);
    assert (sentence);
    zmsg_t *frames = zmsg_new ();
    assert (frames);
    zmsg_addstr (frames, sentence);
    zstr_free (&sentence);
    zrelay_call_answer (self_p, status, &frames);
}


//  --------------------------------------------------------------------------
//  Reading

//  What cannot be a command gets no more than a refusal, and without an
//  envelope not even that

static int
s_take (zrelay_entrance_t *self, zmsg_t *msg)
{
    bool large = self->control && (zmsg_size (msg) > FRAMES_MAX
                                || zmsg_content_size (msg) > BYTES_MAX);
    zmsg_t *envelope = zrelay_envelope_take (msg, !self->control);
    if (self->control && !envelope)
        return 0;
    zrelay_call_t *request = s_request_new (self, envelope);
    if (large)
        zrelay_call_refuse (&request, ZRELAY_STATUS_BAD_ARGUMENTS,
            "a command has at most %d words and %d bytes", FRAMES_MAX,
            BYTES_MAX);
    else
    if (request->peer && request->peer->calls > PEER_COMMANDS_MAX)
        zrelay_call_refuse (&request, ZRELAY_STATUS_BAD_STATE,
            "%d of your commands have no answer yet; wait for it",
            PEER_COMMANDS_MAX);
    else
    if (zmsg_size (msg) == 0)
        zrelay_call_refuse (&request, ZRELAY_STATUS_BAD_ARGUMENTS,
            "a command has no words; its first word is its name");
    else
        return self->function (self->owner, request, msg);
    return 0;
}

//  Overwrite what may have been a password or a key

static void
s_wipe (zmsg_t *msg)
{
    zframe_t *frame = zmsg_first (msg);
    for (; frame; frame = zmsg_next (msg))
        memset (zframe_data (frame), 0, zframe_size (frame));
}

//  The ear pauses while the pipe does not take the answers

static zrelay_ear_result_t
s_read (void *owner)
{
    zrelay_entrance_t *self = (zrelay_entrance_t *) owner;
    zmsg_t *msg = zmsg_recv (self->sock);
    if (!msg) {
        zrelay_bouncer_emptied (self->bouncer);
        return ZRELAY_EAR_EMPTY;
    }
    zrelay_bouncer_spoke (self->bouncer, msg);
    int rc = s_take (self, msg);
    s_wipe (msg);
    zmsg_destroy (&msg);
    return rc == 0? ZRELAY_EAR_READ: ZRELAY_EAR_END;
}
