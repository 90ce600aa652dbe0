/*  =========================================================================
    zrelay_usher - gives a host's commands to the gate

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_usher.h"

//  Those of an actor's pipe
#define GATE_SOCKETS 2

//  A command that has no outcome yet
typedef struct {
    zmsg_t *words;              //  Its words; NULL: the gate has them
    zrelay_usher_fn *function;  //  Hears the outcome
    void *object;               //  Its argument
    int status;                 //  As the gate said; sentence follows
} errand_t;

struct _zrelay_usher_t {
    zloop_t *loop;              //  Serves the gate's pipe
    zactor_t *gate;             //  The gate, or NULL so far
    bool verbose;               //  It logs everything
    zlistx_t *errands;          //  errand_t; the first one is under way
};

static int
s_on_gate (zloop_t *loop, zsock_t *pipe, void *arg);

static void
s_errand_destroy (void **item_p)
{
    errand_t *errand = (errand_t *) *item_p;
    zmsg_destroy (&errand->words);
    freen (errand);
    *item_p = NULL;
}

zrelay_usher_t *
zrelay_usher_new (zloop_t *loop)
{
    zrelay_usher_t *self = (zrelay_usher_t *) zmalloc (sizeof (zrelay_usher_t));
    assert (self);
    self->loop = loop;
    self->errands = zlistx_new ();
    assert (self->errands);
    zlistx_set_destructor (self->errands, s_errand_destroy);
    return self;
}

void
zrelay_usher_destroy (zrelay_usher_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_usher_t *self = *self_p;
        if (self->gate)
            zloop_reader_end (self->loop, zactor_sock (self->gate));
        //  A signal that was not read would be mistaken for the end
        if (zlistx_size (self->errands) > 0) {
            zmsg_t *msg = zmsg_recv (self->gate);
            zmsg_destroy (&msg);
        }
        zactor_destroy (&self->gate);
        zlistx_destroy (&self->errands);
        freen (self);
        *self_p = NULL;
    }
}


//  --------------------------------------------------------------------------
//  The dialogue

static void
s_send_first (zrelay_usher_t *self)
{
    errand_t *errand = (errand_t *) zlistx_first (self->errands);
    if (errand)
        zmsg_send (&errand->words, self->gate);
}

//  Report the outcome of the command that is under way, and send the next

static void
s_conclude (zrelay_usher_t *self, int status, zmsg_t **frames_p)
{
    errand_t *errand = (errand_t *) zlistx_first (self->errands);
    zlistx_detach (self->errands, zlistx_cursor (self->errands));
    s_send_first (self);
    errand->function (errand->object, status, frames_p);
    s_errand_destroy ((void **) &errand);
}

//  The answer is a signal, the frames of a query, or, after a refusal, ERROR
//  and the sentence

static int
s_on_gate (zloop_t *loop, zsock_t *pipe, void *arg)
{
    (void) loop;
    zrelay_usher_t *self = (zrelay_usher_t *) arg;
    zmsg_t *msg = zmsg_recv (pipe);
    errand_t *errand = (errand_t *) zlistx_first (self->errands);
    if (!msg || !errand) {
        zmsg_destroy (&msg);
        return 0;
    }
    int signal = zmsg_signal (msg);
    if (signal > ZRELAY_STATUS_DONE) {
        errand->status = signal;
        zstr_send (self->gate, "ERROR");
    }
    else {
        if (signal == ZRELAY_STATUS_DONE || errand->status) {
            zframe_t *first = zmsg_pop (msg);
            zframe_destroy (&first);
        }
        s_conclude (self, errand->status, &msg);
    }
    zmsg_destroy (&msg);
    return 0;
}

static void
s_give (zrelay_usher_t *self, zmsg_t **words_p, zrelay_usher_fn *function,
        void *object)
{
    errand_t *errand = (errand_t *) zmalloc (sizeof (errand_t));
    assert (errand);
    errand->words = *words_p;
    *words_p = NULL;
    errand->function = function;
    errand->object = object;
    zlistx_add_end (self->errands, errand);
    if (zlistx_size (self->errands) == 1)
        s_send_first (self);
}

static void
s_forget (void *object, int status, zmsg_t **frames_p)
{
    (void) object;
    (void) status;
    (void) frames_p;
}

static void
s_make_verbose (zrelay_usher_t *self)
{
    zmsg_t *words = zmsg_new ();
    assert (words);
    zmsg_addstr (words, "VERBOSE");
    s_give (self, &words, s_forget, NULL);
}

void
zrelay_usher_set_verbose (zrelay_usher_t *self)
{
    self->verbose = true;
    if (self->gate)
        s_make_verbose (self);
}

bool
zrelay_usher_has_gate (zrelay_usher_t *self)
{
    return self->gate != NULL;
}

void
zrelay_usher_give (zrelay_usher_t *self, zmsg_t **words_p,
                   zrelay_usher_fn *function, void *object)
{
    if (!self->gate) {
        if (zrelay_sockets_left (GATE_SOCKETS))
            self->gate = zactor_new (zrelay_gate, NULL);
        if (!self->gate) {
            zmsg_t *frames = zmsg_new ();
            assert (frames);
            zmsg_addstrf (frames, "cannot create the gate's sockets: %s",
                          zmq_strerror (errno));
            function (object, ZRELAY_STATUS_REFUSED, &frames);
            zmsg_destroy (&frames);
            zmsg_destroy (words_p);
            return;
        }
        zloop_reader (self->loop, zactor_sock (self->gate), s_on_gate, self);
        if (self->verbose)
            s_make_verbose (self);
    }
    s_give (self, words_p, function, object);
}
