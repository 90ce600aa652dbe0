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
#include "zrelay_signals.h"

#include <signal.h>

//  A zrelay_client_t waits for the answer to each command. This part of the
//  program must handle signals while the relay drains, so it sends commands in
//  the client's format but waits for whatever comes next. The envelope of a
//  command, most often its name, finds the handler of the answer in s_answers.

//  Msecs that messages in sockets have at least to leave them: with none,
//  libzmq ends the process when a connection breaks in mid-message. More than
//  the 200 that zsys_shutdown () sleeps while some thread has a socket still,
//  which says nothing about messages.
#define LINGER_LEAST 300

//  Msecs to drain in that are left when somebody is in a hurry: as many as it
//  takes to find that there is nothing more
#define HURRY 20

//  Msecs that the process has after all of this, to take down libzmq
#define LIMIT_MARGIN 50

//  Msecs for whoever has stopped the relay to read the answer: a client with
//  ZMQ_IMMEDIATE, such as ours, may lose what has just come when its connection
//  ends
#define FAREWELL 100

//  Msecs that a service manager should grant beyond the time to drain
#define STOP_MARGIN 5000

//  What the relay is doing
typedef enum {
    PHASE_RUNNING,              //  It works
    PHASE_DRAINING,             //  It was told to finish
    PHASE_HURRYING,             //  And then to make haste
    PHASE_ENDED                 //  It has finished, or need not
} phase_t;

typedef struct {
    zactor_t *host;             //  Runs the relay
    zrelay_plan_t *plan;        //  Says how it ends
    zrelay_guard_t *guard;      //  Says who is no longer let in
    zrelay_links_t *links;      //  Hears where the relay has connected
    zrelay_service_t *service;  //  Hears what the relay is doing
    zrelay_report_t *report;    //  Hears about failures
    phase_t phase;              //  What the relay is doing
    size_t asked;               //  Statistics that were asked for and have not
                                //  come yet
    int64_t over_at;            //  When its time to drain is over
    size_t drains;              //  Answers to DRAIN that have not come yet
    bool undelivered;           //  Messages have not left it
    zrelay_serve_end_t *end;    //  For the caller
} serve_t;

//  Begin a message: an empty frame, the envelope, an empty frame

static zmsg_t *
s_message_new (const char *envelope)
{
    zmsg_t *message = zmsg_new ();
    assert (message);
    zmsg_addstr (message, "");
    zmsg_addstr (message, envelope);
    zmsg_addstr (message, "");
    return message;
}

//  Send the relay a command with these arguments, which are strings

#define s_send(self, command, ...) \
    s_send_words ((self), command, command, ##__VA_ARGS__, NULL)

static void
s_send_words (serve_t *self, const char *envelope, const char *command, ...)
{
    zmsg_t *message = s_message_new (envelope);
    zmsg_addstr (message, "RELAY");
    zmsg_addstr (message, zrelay_plan_name (self->plan));
    va_list argptr;
    va_start (argptr, command);
    for (const char *word = command; word; word = va_arg (argptr, char *))
        zmsg_addstr (message, word);
    va_end (argptr);
    zmsg_send (&message, self->host);
}

//  --------------------------------------------------------------------------
//  Statistics

static void
s_ask_stats (serve_t *self)
{
    s_send (self, "STATS");
    self->asked++;
}

//  Returns NULL if there are none

static zrelay_stats_t *
s_read_stats (serve_t *self, bool done, zmsg_t *frames)
{
    self->asked--;
    zrelay_stats_t *stats = done? zrelay_stats_new (frames): NULL;
    if (!stats)
        zsys_error ("%s: cannot read the statistics",
                    zrelay_plan_name (self->plan));
    return stats;
}

//  Those of the gate follow

static void
s_ask_gate (serve_t *self)
{
    zmsg_t *message = s_message_new ("GATE");
    zmsg_addstr (message, "GATE");
    zmsg_addstr (message, "STATS");
    zmsg_send (&message, self->host);
    self->asked++;
}

static void
s_on_gate (serve_t *self, bool done, zmsg_t *frames)
{
    self->asked--;
    char *line = done? zrelay_guard_line (frames): NULL;
    if (line)
        zrelay_report_note (self->report, line);
    zstr_free (&line);
}

static void
s_print_stats (serve_t *self, zrelay_stats_t *stats)
{
    char *text = zrelay_stats_text (stats);
    zrelay_report_note (self->report, text);
    zstr_free (&text);
    if (zrelay_guard_active (self->guard))
        s_ask_gate (self);
}

static void
s_on_stats (serve_t *self, bool done, zmsg_t *frames)
{
    zrelay_stats_t *stats = s_read_stats (self, done, frames);
    if (stats)
        s_print_stats (self, stats);
    zrelay_stats_destroy (&stats);
}

//  --------------------------------------------------------------------------
//  The end

//  Subscriptions that a side sends are no messages

static bool
s_delivers (serve_t *self, zrelay_side_id_t side)
{
    return zrelay_plan_has_side (self->plan, side)
        && strcasecmp (zrelay_plan_type (self->plan, side), "XSUB") != 0;
}

//  Messages that are in sockets now have what is left of the time

static void
s_linger (serve_t *self, zrelay_stats_t *stats)
{
    int64_t left = self->over_at - zclock_mono ();
    left = left < LINGER_LEAST? LINGER_LEAST: left;
    char *msecs = zsys_sprintf ("%" PRId64, left);
    assert (msecs);
    for (int index = 0; index < ZRELAY_PLAN_SIDES; index++) {
        zrelay_side_id_t side = (zrelay_side_id_t) index;
        if (!s_delivers (self, side))
            continue;
        const char *name = self->plan->sides [side].name;
        char *count = zsys_sprintf ("%s.out.messages", name);
        assert (count);
        if (zrelay_stats_value (stats, count) > 0)
            self->end->sent = true;
        zstr_free (&count);
        if (!zrelay_plan_sets (self->plan, name, "linger"))
            s_send (self, "SET", name, "linger", msecs);
    }
    zstr_free (&msecs);
    self->end->until = zclock_mono () + left;
    //  If the limit is met now, it is known what that means
    zrelay_signals_limit ((size_t) left + LIMIT_MARGIN,
        self->undelivered || self->end->sent? ZRELAY_EXIT_UNDELIVERED:
                                              ZRELAY_EXIT_ASKED);
}

static void
s_on_last_stats (serve_t *self, bool done, zmsg_t *frames)
{
    zrelay_stats_t *stats = s_read_stats (self, done, frames);
    if (stats) {
        s_linger (self, stats);
        if (self->plan->verbose)
            s_print_stats (self, stats);
    }
    zrelay_stats_destroy (&stats);
}

static void
s_end (serve_t *self)
{
    self->phase = PHASE_ENDED;
    s_send_words (self, "END", "STATS", NULL);
    self->asked++;
}

static void
s_send_drain (serve_t *self, size_t msecs)
{
    char *word = zsys_sprintf ("%zu", msecs);
    assert (word);
    s_send (self, "DRAIN", word);
    zstr_free (&word);
    self->drains++;
}

static void
s_drain (serve_t *self)
{
    self->over_at = zclock_mono () + (int64_t) self->plan->drain;
    zrelay_signals_limit (self->plan->drain + LINGER_LEAST + LIMIT_MARGIN,
                          ZRELAY_EXIT_UNDELIVERED);
    s_send_drain (self, self->plan->drain);
    self->phase = PHASE_DRAINING;
}

static void
s_on_drained (serve_t *self, bool done, zmsg_t *frames)
{
    //  Of two, the last one counts
    if (--self->drains > 0)
        return;
    self->undelivered = !done;
    char *sentence = done? NULL: zmsg_popstr (frames);
    if (sentence && !self->plan->quiet)
        zrelay_report_say (self->report, ZRELAY_EXIT_NOT_YET,
            "%s: %s; --drain gives it more time",
            zrelay_plan_name (self->plan), sentence);
    zstr_free (&sentence);
    s_end (self);
}

//  Give up messages that have not left yet. A second DRAIN says whether there
//  are any.

static void
s_cut_short (serve_t *self)
{
    self->phase = PHASE_HURRYING;
    self->over_at = zclock_mono ();
    zrelay_signals_limit (HURRY + LINGER_LEAST + LIMIT_MARGIN,
                          ZRELAY_EXIT_UNDELIVERED);
    s_send (self, "RESUME");
    s_send_drain (self, HURRY);
}

//  --------------------------------------------------------------------------
//  Events

//  End the relay: in peace at first, and at once when asked again

static void
s_end_asked (serve_t *self)
{
    if (self->phase == PHASE_RUNNING) {
        //  Sockets have the same time again
        zrelay_service_stopping (self->service,
                                 2 * self->plan->drain + STOP_MARGIN);
        s_drain (self);
    }
    else
    if (self->phase == PHASE_DRAINING)
        s_cut_short (self);
}

static void
s_signal_arrived (serve_t *self)
{
    int number = zrelay_signals_next ();
    if (number == SIGUSR1)
        s_ask_stats (self);
    else
    if (number)
        s_end_asked (self);
}

//  Somebody has stopped the relay, which is what the program was there for. A
//  signal that came first has the last word.

static void
s_on_stopped (serve_t *self, bool done, zmsg_t *frames)
{
    (void) frames;
    if (!done || self->phase != PHASE_RUNNING)
        return;
    zrelay_printer_log (ZRELAY_LOG_INFO, "%s: stopped, by a command",
                        zrelay_plan_name (self->plan));
    zrelay_service_stopping (self->service, STOP_MARGIN);
    zclock_sleep (FAREWELL);
    self->phase = PHASE_ENDED;
}

static void
s_await_stop (serve_t *self)
{
    zmsg_t *message = s_message_new ("WAIT");
    zmsg_addstr (message, "WAIT");
    zmsg_addstr (message, zrelay_plan_name (self->plan));
    zmsg_send (&message, self->host);
}

static void
s_on_ping (serve_t *self, bool done, zmsg_t *frames)
{
    (void) frames;
    if (done)
        zrelay_service_alive (self->service);
}

//  Handlers of answers, which get the frames behind the status. Other answers
//  do not matter.
static const struct {
    const char *command;        //  The envelope
    void (*handler) (serve_t *self, bool done, zmsg_t *frames);
} s_answers [] = {
    { "DRAIN", s_on_drained },
    { "END", s_on_last_stats },
    { "PING", s_on_ping },
    { "STATS", s_on_stats },
    { "GATE", s_on_gate },
    { "WAIT", s_on_stopped }
};
#define ANSWERS (sizeof (s_answers) / sizeof (s_answers [0]))

//  Handle an answer: an empty frame, the envelope, an empty frame, the status,
//  and more

static void
s_answer_arrived (serve_t *self, zmsg_t *answer)
{
    char *words [] = { NULL, NULL, NULL, NULL };
    const size_t count = sizeof (words) / sizeof (words [0]);
    for (size_t index = 0; index < count; index++)
        words [index] = zmsg_popstr (answer);
    const char *envelope = words [1];
    const char *status = words [3];
    for (size_t index = 0; status && index < ANSWERS; index++)
        if (streq (s_answers [index].command, envelope))
            s_answers [index].handler (self, streq (status, "0"), answer);
    for (size_t index = 0; index < count; index++)
        zstr_free (&words [index]);
}

//  Handle what the host sent: an answer, or the signal that its actor sends at
//  the end, which should not come yet

static zrelay_exit_t
s_host_spoke (serve_t *self)
{
    zmsg_t *message = zmsg_recv (self->host);
    bool ended = message && zmsg_signal (message) != -1;
    if (message && !ended)
        s_answer_arrived (self, message);
    zmsg_destroy (&message);
    if (ended)
        return zrelay_report_say (self->report, ZRELAY_EXIT_FAILED,
            "%s: the relay ended unexpectedly",
            zrelay_plan_name (self->plan));
    return ZRELAY_EXIT_NOT_YET;
}

//  A peer that is still let in connects again

static void
s_guard_spoke (serve_t *self)
{
    zrelay_side_id_t side;
    char *address = zrelay_guard_revoked (self->guard, &side);
    if (address)
        s_send (self, "CUT", self->plan->sides [side].name, address);
    zstr_free (&address);
}

//  An item of zmq_poll () for a socket, or, without one, for no descriptor,
//  which reports nothing

static zmq_pollitem_t
s_item (zsock_t *sock)
{
    zmq_pollitem_t item = {
        sock? zsock_resolve (sock): NULL, -1, sock? ZMQ_POLLIN: 0, 0
    };
    return item;
}

//  Wait for an event and handle it

static zrelay_exit_t
s_wait (serve_t *self)
{
    zmq_pollitem_t items [] = {
        { zsock_resolve (self->host), 0, ZMQ_POLLIN, 0 },
        { NULL, zrelay_signals_fd (), ZMQ_POLLIN, 0 },
        s_item (zrelay_guard_events (self->guard)),
        s_item (zrelay_links_sock (self->links))
    };
    zrelay_signals_unblock ();
    int rc = zmq_poll (items, sizeof (items) / sizeof (*items),
                       zrelay_service_wait (self->service));
    int error = errno;
    zrelay_signals_block ();
    if (rc == -1 && error != EINTR)
        return zrelay_report_say (self->report, ZRELAY_EXIT_FAILED,
            "cannot wait for the relay: %s", zmq_strerror (error));
    if (zrelay_service_due (self->service))
        s_send (self, "PING");
    //  Signals first: those that came before the end are still served
    if (rc > 0 && items [1].revents)
        s_signal_arrived (self);
    else
    if (rc > 0 && items [0].revents)
        return s_host_spoke (self);
    else
    if (rc > 0 && items [2].revents)
        s_guard_spoke (self);
    else
    if (rc > 0 && items [3].revents)
        zrelay_links_handle (self->links);
    return ZRELAY_EXIT_NOT_YET;
}

//  Answers that are left behind do no harm: zrelay_destroy () throws them away

zrelay_exit_t
zrelay_serve (zactor_t *host, zrelay_plan_t *plan, zrelay_guard_t *guard,
              zrelay_links_t *links, zrelay_service_t *service,
              zrelay_report_t *report, zrelay_serve_end_t *end)
{
    serve_t self = {
        .host = host, .plan = plan, .guard = guard, .links = links,
        .service = service, .report = report, .phase = PHASE_RUNNING,
        .end = end
    };
    zrelay_exit_t status = ZRELAY_EXIT_NOT_YET;
    zrelay_service_ready (service);
    s_await_stop (&self);
    while (status == ZRELAY_EXIT_NOT_YET
       && (self.phase != PHASE_ENDED || self.asked > 0))
        status = s_wait (&self);
    return status != ZRELAY_EXIT_NOT_YET? status:
           self.undelivered? ZRELAY_EXIT_UNDELIVERED: ZRELAY_EXIT_ASKED;
}
