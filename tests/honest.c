/*  =========================================================================
    honest - clients and workers that keep to the protocols

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "honest.h"

#define BEAT_IVL 150            //  Msecs between heartbeats of a worker
//  The least time, in msecs, after which a relay forgets a worker that was
//  silent: the shortest silence that the tests allow, ten times
#define FORGOTTEN_IN 400
#define BEATS_PATIENCE 15000    //  Msecs without any until it comes back anew
#define FILLING 300             //  Most bytes in a request, besides its name
#define TURN_MOST 20            //  Messages received in one turn
#define FRAMES 6                //  Most frames of an envelope, and NULL
#define PARTS_IN 3              //  One reply in so many comes in parts, where
                                //  the protocol has parts

//  Frames that stand before the body, and some messages, for each form. "%s" is
//  the service.
typedef struct {
    const char *name;           //  For people
    int type;                   //  Socket type
    bool worker;
    bool mmi;                   //  The broker itself answers
    const char *asks [FRAMES];  //  Client: before the body of a request
    const char *final [FRAMES]; //  Before that of a reply
    const char *part [FRAMES];  //  The same of a partial one, if there are any
    //  Of a worker
    const char *given [FRAMES]; //  Before the address in a request
    const char *ready [FRAMES]; //  These are whole messages
    const char *beat [FRAMES];
    const char *leave [FRAMES];
} form_t;

#define NONE { NULL }

static const form_t s_forms [HONEST_FORMS] = {
    { "REQ client", ZMQ_REQ, false, false,
      NONE, NONE, NONE, NONE, NONE, NONE, NONE },
    { "DEALER client", ZMQ_DEALER, false, false,
      { "" }, { "" }, NONE, NONE, NONE, NONE, NONE },
    { "bare DEALER client", ZMQ_DEALER, false, false,
      NONE, NONE, NONE, NONE, NONE, NONE, NONE },
    { "chained client", ZMQ_DEALER, false, false,
      { "hop", "\x01", "" }, { "hop", "\x01", "" },
      NONE, NONE, NONE, NONE, NONE },
    { "READY worker", ZMQ_REQ, true, false,
      NONE, NONE, NONE, NONE, { "READY" }, NONE, NONE },
    { "Simple Pirate worker", ZMQ_REQ, true, false,
      NONE, NONE, NONE, NONE, { "\x01" }, NONE, NONE },
    { "Paranoid Pirate worker", ZMQ_DEALER, true, false,
      NONE, NONE, NONE, NONE, { "\x01" }, { "\x02" }, NONE },
    { "MDP 0.1 REQ client", ZMQ_REQ, false, false,
      { "MDPC01", "%s" }, { "MDPC01", "%s" }, NONE, NONE, NONE, NONE, NONE },
    { "MDP 0.1 client", ZMQ_DEALER, false, false,
      { "", "MDPC01", "%s" }, { "", "MDPC01", "%s" },
      NONE, NONE, NONE, NONE, NONE },
    { "MDP 0.2 client", ZMQ_DEALER, false, false,
      { "MDPC02", "\x01", "%s" }, { "MDPC02", "\x03", "%s" },
      { "MDPC02", "\x02", "%s" }, NONE, NONE, NONE, NONE },
    { "MMI client", ZMQ_REQ, false, true,
      { "MDPC01", "mmi.service" }, { "MDPC01", "mmi.service" },
      NONE, NONE, NONE, NONE, NONE },
    { "MDP 0.1 worker", ZMQ_DEALER, true, false,
      NONE, { "", "MDPW01", "\x03" }, NONE, { "", "MDPW01", "\x02" },
      { "", "MDPW01", "\x01", "%s" }, { "", "MDPW01", "\x04" },
      { "", "MDPW01", "\x05" } },
    { "MDP 0.2 worker", ZMQ_DEALER, true, false,
      NONE, { "MDPW02", "\x04" }, { "MDPW02", "\x03" }, { "MDPW02", "\x02" },
      { "MDPW02", "\x01", "%s" }, { "MDPW02", "\x05" },
      { "MDPW02", "\x06" } },
};

struct _honest_t {
    const form_t *form;
    const char *service;
    char *endpoint;
    zsock_t *sock;
    honest_counts_t counts;
    unsigned serial;            //  Its own number, part of the names below
    char question [40];         //  Client: name of its last request
    size_t filling;             //  Client: bytes in its second frame
    bool waits;                 //  Client: the last is not answered yet
    bool silent;                //  Client: asks no more
    zmsg_t *work;               //  Worker: request in hand, or NULL
    unsigned pace;              //  Worker: turns that a request takes
    unsigned turns_left;        //  Worker: of the one in hand
    int64_t beat_at;            //  Worker: when the last heartbeat was sent
    int64_t heard_at;           //  Worker: when the relay sent something
};

//  Each thread that drives peers has its own
static __thread byte s_filling [FILLING];
static __thread zframe_t *s_clients [HONEST_CLIENTS];
static __thread unsigned s_clients_seen;


//  --------------------------------------------------------------------------
//  Envelopes

static const char *
s_word (honest_t *self, const char *word)
{
    return streq (word, "%s")? self->service: word;
}

static void
s_add (honest_t *self, zmsg_t *msg, const char *const *frames)
{
    for (; *frames; frames++)
        zmsg_addstr (msg, s_word (self, *frames));
}

//  Take these frames off a message; false if it does not begin with them

static bool
s_pop (honest_t *self, zmsg_t *msg, const char *const *frames)
{
    zframe_t *frame = zmsg_first (msg);
    size_t count = 0;
    for (; frames [count]; count++) {
        if (!frame || !zframe_streq (frame, s_word (self, frames [count])))
            return false;
        frame = zmsg_next (msg);
    }
    while (count-- > 0) {
        frame = zmsg_pop (msg);
        zframe_destroy (&frame);
    }
    return true;
}

static bool
s_is (honest_t *self, zmsg_t *msg, const char *const *frames)
{
    size_t count = 0;
    while (frames [count])
        count++;
    return count > 0 && zmsg_size (msg) == count && s_pop (self, msg, frames);
}

//  A socket that has no room loses the message, as protocols expect

static void
s_send (honest_t *self, zmsg_t **msg_p)
{
    zmsg_send (msg_p, self->sock);
    zmsg_destroy (msg_p);
}

static void
s_send_words (honest_t *self, const char *const *frames)
{
    zmsg_t *msg = zmsg_new ();
    s_add (self, msg, frames);
    s_send (self, &msg);
}

static void
s_complain (honest_t *self, uint64_t *count, const char *what, zmsg_t *msg)
{
    if ((*count)++ > 0)
        return;
    printf ("#   %s: %s:\n", self->form->name, what);
    zframe_t *frame = zmsg_first (msg);
    for (int left = 10; frame && left > 0; left--) {
        char *text = zframe_strhex (frame);
        printf ("#       %.80s (%zu)\n", text, zframe_size (frame));
        zstr_free (&text);
        frame = zmsg_next (msg);
    }
}


//  --------------------------------------------------------------------------
//  A client

static void
s_ask (honest_t *self)
{
    honest_counts_t *counts = &self->counts;
    snprintf (self->question, sizeof (self->question), "%u-%" PRIu64,
              self->serial, ++counts->asked);
    self->filling = 1 + (counts->asked * 7) % FILLING;
    zmsg_t *msg = zmsg_new ();
    s_add (self, msg, self->form->asks);
    if (self->form->mmi)
        zmsg_addstr (msg, self->service);
    else {
        zmsg_addstr (msg, self->question);
        zmsg_addmem (msg, s_filling, self->filling);
    }
    self->waits = true;
    s_send (self, &msg);
}

//  The whole reply of an honest worker is the request, and its mark

static bool
s_is_honest (honest_t *self, zmsg_t *msg)
{
    zframe_t *name = zmsg_first (msg);
    zframe_t *filling = zmsg_next (msg);
    return zmsg_size (msg) == 3 && zframe_streq (name, self->question)
        && zframe_size (filling) == self->filling
        && memcmp (zframe_data (filling), s_filling, self->filling) == 0;
}

static bool
s_is_ours (honest_t *self, zframe_t *name)
{
    char start [20];
    int size = snprintf (start, sizeof (start), "%u-", self->serial);
    return name && zframe_size (name) > (size_t) size
        && memcmp (zframe_data (name), start, (size_t) size) == 0;
}

//  The message has no envelope any more

static void
s_on_body (honest_t *self, zmsg_t *msg, bool final)
{
    honest_counts_t *counts = &self->counts;
    zframe_t *last = zmsg_last (msg);
    bool marked = last && zframe_streq (last, HONEST_MARK);
    zframe_t *first = zmsg_first (msg);
    if (first && zframe_streq (first, HONEST_FORGED))
        s_complain (self, &counts->forged, "reply of a stranger", msg);
    else
    if (!marked) {
        counts->misled += final && self->waits;
        counts->teased += !final;
    }
    else
    if (!s_is_ours (self, first))
        s_complain (self, &counts->astray, "another's reply", msg);
    else
    if (!self->waits || !s_is_honest (self, msg))
        s_complain (self, &counts->twice, "a reply again, or in pieces", msg);
    else
        counts->answered += final;
    self->waits = self->waits && !final;
}

static void
s_on_status (honest_t *self, zmsg_t *msg)
{
    zframe_t *status = zmsg_first (msg);
    if (zmsg_size (msg) != 1
    || (!zframe_streq (status, "200") && !zframe_streq (status, "404")))
        s_complain (self, &self->counts.malformed, "not a status", msg);
    else
        self->counts.answered++;
    self->waits = false;
}

static void
s_client_receive (honest_t *self, zmsg_t *msg)
{
    const form_t *form = self->form;
    bool part = *form->part && s_pop (self, msg, form->part);
    if (!part && !s_pop (self, msg, form->final))
        s_complain (self, &self->counts.malformed, "not a reply", msg);
    else
    if (form->mmi)
        s_on_status (self, msg);
    else
        s_on_body (self, msg, !part);
}


//  --------------------------------------------------------------------------
//  A worker

static void
s_note_client (zframe_t *id)
{
    zframe_t **place = &s_clients [s_clients_seen++ % HONEST_CLIENTS];
    zframe_destroy (place);
    *place = zframe_dup (id);
}

static void
s_join (honest_t *self)
{
    s_send_words (self, self->form->ready);
    self->beat_at = self->heard_at = zclock_mono ();
}

static void
s_reply (honest_t *self)
{
    const form_t *form = self->form;
    zmsg_addstr (self->work, HONEST_MARK);
    self->counts.served++;
    if (*form->part && self->counts.served % PARTS_IN == 0) {
        zmsg_t *part = zmsg_new ();
        s_add (self, part, form->part);
        zframe_t *frame = zmsg_first (self->work);
        for (; frame; frame = zmsg_next (self->work)) {
            zframe_t *copy = zframe_dup (frame);
            zmsg_append (part, &copy);
        }
        s_send (self, &part);
    }
    zmsg_t *msg = zmsg_new ();
    s_add (self, msg, form->final);
    zframe_t *frame;
    while ((frame = zmsg_pop (self->work)))
        zmsg_append (msg, &frame);
    zmsg_destroy (&self->work);
    s_send (self, &msg);
}

//  Is it an address, an empty frame, and a body?

static bool
s_is_request (zmsg_t *msg)
{
    zframe_t *frame = zmsg_first (msg);
    size_t address = 0;
    for (; frame && zframe_size (frame) > 0; frame = zmsg_next (msg))
        address++;
    return frame && address > 0;
}

static void
s_worker_receive (honest_t *self, zmsg_t **msg_p)
{
    const form_t *form = self->form;
    self->heard_at = zclock_mono ();
    if (s_is (self, *msg_p, form->beat))
        return;
    if (s_is (self, *msg_p, form->leave)) {
        self->counts.disconnected++;
        honest_return (self);
    }
    else
    if (self->work)
        s_complain (self, &self->counts.malformed, "more than one request",
                    *msg_p);
    else
    if (!s_pop (self, *msg_p, form->given) || !s_is_request (*msg_p))
        s_complain (self, &self->counts.malformed, "not a request", *msg_p);
    else {
        s_note_client (zmsg_first (*msg_p));
        self->work = *msg_p;
        *msg_p = NULL;
        self->turns_left = self->pace;
    }
}

//  Heartbeats both ways. A worker that hears none begins anew. So does one that
//  was held up so long that the relay may have forgotten it: a heartbeat alone
//  would say that it is free, and it may have a request.

static void
s_beat (honest_t *self)
{
    int64_t now = zclock_mono ();
    if (*self->form->beat == NULL)
        return;
    if (now > self->heard_at + BEATS_PATIENCE
    ||  now > self->beat_at + FORGOTTEN_IN) {
        self->counts.deserted++;
        honest_return (self);
    }
    else
    if (now > self->beat_at + BEAT_IVL) {
        s_send_words (self, self->form->beat);
        self->beat_at = now;
    }
}


//  --------------------------------------------------------------------------
//  Both

static void
s_connect (honest_t *self)
{
    self->sock = faults_connect (self->form->type, self->endpoint);
    zsock_set_rcvtimeo (self->sock, 0);
    zsock_set_sndtimeo (self->sock, 0);
}

honest_t *
honest_new (honest_form_t form, const char *endpoint, const char *service)
{
    static unsigned serial = 0;
    honest_t *self = (honest_t *) zmalloc (sizeof (honest_t));
    assert (self);
    self->form = &s_forms [form];
    self->service = service;
    self->endpoint = strdup (endpoint);
    self->serial = __atomic_add_fetch (&serial, 1, __ATOMIC_RELAXED);
    memset (s_filling, 'f', sizeof (s_filling));
    s_connect (self);
    if (self->form->worker)
        s_join (self);
    return self;
}

void
honest_destroy (honest_t **self_p, int linger)
{
    honest_t *self = *self_p;
    if (!self)
        return;
    zsock_set_linger (self->sock, linger);
    zsock_destroy (&self->sock);
    zmsg_destroy (&self->work);
    zstr_free (&self->endpoint);
    freen (self);
    *self_p = NULL;
}

//  What it has sent goes out. A reply of which only the first part had left
//  would be the end of its request.

void
honest_return (honest_t *self)
{
    zsock_set_linger (self->sock, *self->form->part? 10000: 0);
    zsock_destroy (&self->sock);
    zmsg_destroy (&self->work);
    s_connect (self);
    if (self->form->worker)
        s_join (self);
    else
    if (self->waits)
        s_ask (self);
}

bool
honest_turn (honest_t *self)
{
    bool received = false;
    for (int left = TURN_MOST; left > 0; left--) {
        zmsg_t *msg = zmsg_recv (self->sock);
        if (!msg)
            break;
        received = true;
        if (self->form->worker)
            s_worker_receive (self, &msg);
        else
            s_client_receive (self, msg);
        zmsg_destroy (&msg);
    }
    if (self->work && self->turns_left-- == 0)
        s_reply (self);
    if (self->form->worker)
        s_beat (self);
    else
    if (!self->waits && !self->silent)
        s_ask (self);
    return received;
}

void
honest_set_pace (honest_t *self, unsigned turns)
{
    self->pace = turns;
}

void
honest_set_silent (honest_t *self, bool silent)
{
    self->silent = silent;
}

bool
honest_waits (honest_t *self)
{
    return self->waits;
}

bool
honest_is_worker (honest_t *self)
{
    return self->form->worker;
}

bool
honest_form_works (honest_form_t form)
{
    return s_forms [form].worker;
}

const char *
honest_name (honest_t *self)
{
    return self->form->name;
}

const honest_counts_t *
honest_counts (honest_t *self)
{
    return &self->counts;
}

zframe_t *
honest_client_id (unsigned which)
{
    return s_clients [which % HONEST_CLIENTS];
}

void
honest_end (void)
{
    for (unsigned index = 0; index < HONEST_CLIENTS; index++)
        zframe_destroy (&s_clients [index]);
}
