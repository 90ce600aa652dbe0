/*  =========================================================================
    zrelay_backlog - messages that a flow holds, and which of them it drops

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_backlog.h"
#include "zrelay_counts.h"
#include "zrelay_holds.h"
#include "zrelay_setting.h"

//  Messages kept with overflow drop-new or drop-old, unless queue is set
#define QUEUE_DEFAULT 1000

//  Output is full: which messages are dropped
typedef enum {
    OVERFLOW_HOLD,              //  None; one message is held, and no more read
    OVERFLOW_DROP_NEW,          //  Those that are too many
    OVERFLOW_DROP_OLD,          //  Those that have waited longest
    OVERFLOW_SPOOL              //  As the spool has it; without one, as hold
} overflow_t;

static const char *const s_overflows [] = {
    "hold", "drop-new", "drop-old", "spool", NULL
};

//  Where a message on disk goes
#define MARK_OUTPUT 0
#define MARK_INPUT 1

typedef struct {
    zrelay_message_t *message;  //  All of its frames
    zrelay_side_t *to;          //  Where it goes
    int64_t since;              //  When it came, in msecs
} held_t;

//  Messages on disk go first: once there is a spool, none are added to those in
//  memory while overflow is spool.
struct _zrelay_backlog_t {
    zrelay_side_t *output;      //  Where most go, or NULL
    zrelay_side_t *input;       //  And where answers go
    zrelay_spooling_t *spooling;    //  Those on disk
    zlistx_t *held;             //  held_t in order
    size_t size;                //  How many these are
    zrelay_holds_t *holds;      //  How long the earlier ones were held
    int64_t overflow;           //  An overflow_t
    int64_t queue;              //  How many to keep, unless it is to hold
};

const zrelay_setting_t zrelay_backlog_settings [] = {
    { ZRELAY_SETTING, .name = "overflow", .help = "when the output is full",
      .offset = offsetof (zrelay_backlog_t, overflow), .words = s_overflows },
    { ZRELAY_SETTING, .name = "queue", .help = "messages that overflow keeps",
      .offset = offsetof (zrelay_backlog_t, queue), .most = UINT32_MAX },
    { .name = NULL }
};


static void
s_held_destroy (void **item_p)
{
    held_t *held = (held_t *) *item_p;
    zrelay_message_destroy (&held->message);
    freen (held);
    *item_p = NULL;
}

zrelay_backlog_t *
zrelay_backlog_new (const char *flow, zrelay_side_t *output,
                    zrelay_side_t *input)
{
    zrelay_backlog_t *self =
        (zrelay_backlog_t *) zmalloc (sizeof (zrelay_backlog_t));
    assert (self);
    self->output = output;
    self->input = input;
    self->spooling = zrelay_spooling_new (flow);
    self->queue = QUEUE_DEFAULT;
    self->held = zlistx_new ();
    assert (self->held);
    zlistx_set_destructor (self->held, s_held_destroy);
    self->holds = zrelay_holds_new ();
    return self;
}

void
zrelay_backlog_destroy (zrelay_backlog_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_backlog_t *self = *self_p;
        zrelay_spooling_destroy (&self->spooling);
        zlistx_destroy (&self->held);
        zrelay_holds_destroy (&self->holds);
        freen (self);
        *self_p = NULL;
    }
}

zrelay_spooling_t *
zrelay_backlog_spooling (zrelay_backlog_t *self)
{
    return self->spooling;
}

bool
zrelay_backlog_lacks_spooler (const zrelay_setting_t *setting,
                              const char *value)
{
    return setting->words == s_overflows && !zrelay_spooler_provided ()
        && strcasecmp (value, s_overflows [OVERFLOW_SPOOL]) == 0;
}

//  Does a new message go to the disk?

static bool
s_spools (zrelay_backlog_t *self)
{
    return self->overflow == OVERFLOW_SPOOL
        && zrelay_spooling_is_open (self->spooling);
}

bool
zrelay_backlog_stops (zrelay_backlog_t *self)
{
    return s_spools (self)? zrelay_spooling_stops (self->spooling):
           self->overflow == OVERFLOW_HOLD || self->overflow == OVERFLOW_SPOOL;
}

bool
zrelay_backlog_takes_all (zrelay_backlog_t *self)
{
    return s_spools (self) && zrelay_spooling_is_durable (self->spooling);
}

//  The message in memory that was held longest is ours no more

static void
s_forget_first (zrelay_backlog_t *self)
{
    held_t *held = (held_t *) zlistx_first (self->held);
    zrelay_holds_add (self->holds, zclock_mono () - held->since);
    zlistx_delete (self->held, NULL);
    self->size--;
}

//  Returns false if there is room for no message. Holding has no bound here: a
//  full output stops the reading.

static bool
s_make_room (zrelay_backlog_t *self)
{
    if (zrelay_backlog_stops (self) || (int64_t) self->size < self->queue)
        return true;
    if (self->overflow == OVERFLOW_DROP_NEW || self->queue == 0)
        return false;
    s_forget_first (self);
    return true;
}

static size_t
s_add_in_memory (zrelay_backlog_t *self, zrelay_message_t *message,
                 zrelay_side_t *to)
{
    size_t before = self->size;
    if (!s_make_room (self)) {
        zrelay_message_clear (message);
        return 1;
    }
    size_t dropped = before - self->size;
    held_t *held = (held_t *) zmalloc (sizeof (held_t));
    assert (held);
    held->message = zrelay_message_take (message);
    held->to = to;
    held->since = zclock_mono ();
    zlistx_add_end (self->held, held);
    self->size++;
    return dropped;
}

size_t
zrelay_backlog_add (zrelay_backlog_t *self, zrelay_message_t *message,
                    zrelay_side_t *to)
{
    return s_spools (self)?
        zrelay_spooling_add (self->spooling, message,
                             to == self->output? MARK_OUTPUT: MARK_INPUT):
        s_add_in_memory (self, message, to);
}

//  They were held before anything can go to the disk from now on

void
zrelay_backlog_changed (zrelay_backlog_t *self)
{
    while (s_spools (self) && self->size > 0) {
        held_t *held = (held_t *) zlistx_first (self->held);
        zrelay_backlog_add (self, held->message, held->to);
        s_forget_first (self);
    }
}

size_t
zrelay_backlog_in_memory (zrelay_backlog_t *self)
{
    return self->size;
}

size_t
zrelay_backlog_size (zrelay_backlog_t *self)
{
    return self->size + (size_t) zrelay_spooling_size (self->spooling);
}

zrelay_message_t *
zrelay_backlog_first (zrelay_backlog_t *self, zrelay_side_t **to_p)
{
    byte mark;
    zrelay_message_t *message = zrelay_spooling_first (self->spooling, &mark);
    if (message) {
        *to_p = mark == MARK_INPUT || !self->output? self->input: self->output;
        return message;
    }
    if (self->size == 0 || zrelay_spooling_size (self->spooling) > 0)
        return NULL;
    held_t *held = (held_t *) zlistx_first (self->held);
    *to_p = held->to;
    return held->message;
}

void
zrelay_backlog_remove (zrelay_backlog_t *self)
{
    if (zrelay_spooling_has_first (self->spooling))
        zrelay_holds_add (self->holds, zrelay_spooling_remove (self->spooling));
    else
        s_forget_first (self);
}

size_t
zrelay_backlog_abandon (zrelay_backlog_t *self)
{
    size_t lost = (size_t) zrelay_spooling_close (self->spooling) + self->size;
    while (self->size > 0)
        s_forget_first (self);
    return lost;
}

void
zrelay_backlog_stats (zrelay_backlog_t *self, zrelay_counts_t *counts,
                      const char *flow)
{
    zrelay_counts_add (counts, zrelay_backlog_size (self), "%s.held", flow);
    zrelay_holds_stats (self->holds, counts, flow);
    zrelay_spooling_stats (self->spooling, counts, flow);
}

void
zrelay_backlog_reset (zrelay_backlog_t *self)
{
    zrelay_holds_reset (self->holds);
    zrelay_spooling_reset (self->spooling);
}


//  --------------------------------------------------------------------------
//  Selftest: of three messages two are kept

static void
s_test_overflow (const char *overflow, const char *first, const char *last)
{
    zrelay_backlog_t *backlog = zrelay_backlog_new ("forward", NULL, NULL);
    zrelay_error_t *error = zrelay_error_new ();
    int rc = zrelay_setting_set (
        zrelay_setting_find (zrelay_backlog_settings, "overflow"), NULL,
        backlog, overflow, error);
    assert (rc == ZRELAY_STATUS_DONE);
    rc = zrelay_setting_set (
        zrelay_setting_find (zrelay_backlog_settings, "queue"), NULL, backlog,
        "2", error);
    assert (rc == ZRELAY_STATUS_DONE);
    assert (!zrelay_backlog_stops (backlog));
    zrelay_message_t *message = zrelay_message_new ();
    size_t dropped = 0;
    for (char letter = 'A'; letter <= 'C'; letter++) {
        zrelay_message_append (message, &letter, 1);
        dropped += zrelay_backlog_add (backlog, message, NULL);
        assert (zrelay_message_frames (message) == 0);
    }
    assert (dropped == 1 && zrelay_backlog_size (backlog) == 2);
    zrelay_side_t *to;
    assert (zrelay_message_streq (zrelay_backlog_first (backlog, &to), 0,
                                  first));
    zrelay_backlog_remove (backlog);
    assert (zrelay_message_streq (zrelay_backlog_first (backlog, &to), 0,
                                  last));
    zrelay_message_destroy (&message);
    zrelay_error_destroy (&error);
    zrelay_backlog_destroy (&backlog);
}

void
zrelay_backlog_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_backlog: ");
    //  @selftest
    zrelay_backlog_t *backlog = zrelay_backlog_new ("forward", NULL, NULL);
    zrelay_side_t *to;
    assert (zrelay_backlog_stops (backlog));
    assert (!zrelay_backlog_first (backlog, &to));
    zrelay_backlog_destroy (&backlog);
    assert (backlog == NULL);
    s_test_overflow ("drop-new", "A", "B");
    s_test_overflow ("drop-old", "B", "C");
    //  @end
    printf ("OK\n");
}
