/*  =========================================================================
    zrelay_serve - looks after a relay until it ends

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_serve.h"
#include "zrelay_dialogue.h"
#include "zrelay_signals.h"

#include <signal.h>

//  What the relay is doing
typedef enum {
    PHASE_RUNNING,              //  It works
    PHASE_DRAINING,             //  It was told to finish
    PHASE_ENDED                 //  It has, or need not
} phase_t;

typedef struct {
    zactor_t *relay;            //  The relay
    zrelay_plan_t *plan;        //  How it is to end
    zrelay_report_t *report;    //  Hears about failures
    phase_t phase;              //  What the relay is doing
    bool asked;                 //  Statistics were asked for while draining
} serve_t;

static void
s_print_stats (serve_t *self)
{
    zrelay_stats_t *stats = zrelay_stats_query (self->relay);
    if (!stats) {
        zsys_error ("%s: the statistics cannot be read",
                    zrelay_plan_name (self->plan));
        return;
    }
    char *text = zrelay_stats_text (stats);
    fputs (text, stderr);
    zstr_free (&text);
    zrelay_stats_destroy (&stats);
}

//  --------------------------------------------------------------------------
//  The end

//  Give up what was not passed on yet. RESUME ends a DRAIN, which is answered
//  first. All answers are read, since zactor_destroy () would take one that
//  is left for the sign that the relay has ended.

static void
s_cut_short (serve_t *self)
{
    size_t answers = 2;
    for (size_t side = 0; side < ZRELAY_PLAN_SIDES; side++, answers++)
        zstr_sendx (self->relay, "SET", self->plan->sides [side].name,
                    "linger", "0", NULL);
    zstr_send (self->relay, "RESUME");
    while (answers--)
        zsock_wait (self->relay);
}

//  End the relay: first in peace, and when asked again at once

static void
s_end (serve_t *self)
{
    bool in_peace = self->phase == PHASE_RUNNING && self->plan->drain > 0;
    if (in_peace) {
        char *msecs = zsys_sprintf ("%zu", self->plan->drain);
        assert (msecs);
        zstr_sendx (self->relay, "DRAIN", msecs, NULL);
        zstr_free (&msecs);
    }
    else
    if (self->phase == PHASE_DRAINING)
        s_cut_short (self);
    self->phase = in_peace? PHASE_DRAINING: PHASE_ENDED;
}

//  --------------------------------------------------------------------------
//  Events

static void
s_signal_arrived (serve_t *self)
{
    int number = zrelay_signals_next ();
    if (number == SIGINT || number == SIGTERM)
        s_end (self);
    else
    if (number == SIGUSR1 && self->phase == PHASE_RUNNING)
        s_print_stats (self);
    else
    if (number == SIGUSR1)
        //  The answer would come behind that to DRAIN
        self->asked = true;
}

//  Handle what the relay says without being asked: that it has drained, or,
//  which should not be, that it has ended

static zrelay_exit_t
s_relay_spoke (serve_t *self)
{
    const char *name = zrelay_plan_name (self->plan);
    char *sentence = NULL;
    if (self->phase != PHASE_DRAINING)
        return zrelay_report_say (self->report, ZRELAY_EXIT_FAILED,
            "%s: the relay ended by itself", name);
    sentence = zrelay_dialogue_answer (self->relay);
    if (sentence && !self->plan->quiet)
        zrelay_report_say (self->report, ZRELAY_EXIT_NOT_YET,
            "%s: %s; --drain gives it more time", name, sentence);
    zstr_free (&sentence);
    self->phase = PHASE_ENDED;
    return ZRELAY_EXIT_NOT_YET;
}

//  Wait for an event and handle it

static zrelay_exit_t
s_wait (serve_t *self)
{
    zmq_pollitem_t items [] = {
        { zsock_resolve (self->relay), 0, ZMQ_POLLIN, 0 },
        { NULL, zrelay_signals_fd (), ZMQ_POLLIN, 0 }
    };
    zrelay_signals_unblock ();
    int rc = zmq_poll (items, sizeof (items) / sizeof (items [0]), -1);
    int error = errno;
    zrelay_signals_block ();
    if (rc == -1 && error != EINTR)
        return zrelay_report_say (self->report, ZRELAY_EXIT_FAILED,
            "cannot wait for the relay: %s", zmq_strerror (error));
    if (rc > 0 && items [0].revents)
        return s_relay_spoke (self);
    if (rc > 0 && items [1].revents)
        s_signal_arrived (self);
    return ZRELAY_EXIT_NOT_YET;
}

zrelay_exit_t
zrelay_serve (zactor_t *relay, zrelay_plan_t *plan, zrelay_report_t *report)
{
    serve_t self = { relay, plan, report, PHASE_RUNNING, false };
    zrelay_exit_t status = ZRELAY_EXIT_NOT_YET;
    while (status == ZRELAY_EXIT_NOT_YET && self.phase != PHASE_ENDED)
        status = s_wait (&self);
    if (status != ZRELAY_EXIT_NOT_YET)
        return status;
    if (plan->verbose || self.asked)
        s_print_stats (&self);
    return ZRELAY_EXIT_ASKED;
}
