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
    OVERFLOW_DROP_OLD           //  Those that have waited longest
} overflow_t;

static const char *const s_overflows [] = {
    "hold", "drop-new", "drop-old", NULL
};

typedef struct {
    zrelay_message_t *message;  //  All of its frames
    zrelay_side_t *to;          //  Where it goes
    int64_t since;              //  When it came, in msecs
} held_t;

struct _zrelay_backlog_t {
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
zrelay_backlog_new (void)
{
    zrelay_backlog_t *self =
        (zrelay_backlog_t *) zmalloc (sizeof (zrelay_backlog_t));
    assert (self);
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
        zlistx_destroy (&self->held);
        zrelay_holds_destroy (&self->holds);
        freen (self);
        *self_p = NULL;
    }
}

bool
zrelay_backlog_stops (zrelay_backlog_t *self)
{
    return self->overflow == OVERFLOW_HOLD;
}

//  Returns false if there is room for no message. Holding has no bound here: a
//  full output stops the reading.

static bool
s_make_room (zrelay_backlog_t *self)
{
    if (self->overflow == OVERFLOW_HOLD || (int64_t) self->size < self->queue)
        return true;
    if (self->overflow == OVERFLOW_DROP_NEW || self->queue == 0)
        return false;
    zrelay_backlog_remove (self);
    return true;
}

size_t
zrelay_backlog_add (zrelay_backlog_t *self, zrelay_message_t *message,
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
zrelay_backlog_size (zrelay_backlog_t *self)
{
    return self->size;
}

zrelay_message_t *
zrelay_backlog_first (zrelay_backlog_t *self, zrelay_side_t **to_p)
{
    if (self->size == 0)
        return NULL;
    held_t *held = (held_t *) zlistx_first (self->held);
    *to_p = held->to;
    return held->message;
}

void
zrelay_backlog_remove (zrelay_backlog_t *self)
{
    held_t *held = (held_t *) zlistx_first (self->held);
    zrelay_holds_add (self->holds, zclock_mono () - held->since);
    zlistx_delete (self->held, NULL);
    self->size--;
}

void
zrelay_backlog_stats (zrelay_backlog_t *self, zmsg_t *answer, const char *flow)
{
    zrelay_counts_add (answer, self->size, "%s.held", flow);
    zrelay_holds_stats (self->holds, answer, flow);
}

void
zrelay_backlog_reset (zrelay_backlog_t *self)
{
    zrelay_holds_reset (self->holds);
}


//  --------------------------------------------------------------------------
//  Selftest: of three messages two are kept

static void
s_test_overflow (const char *overflow, const char *first, const char *last)
{
    zrelay_backlog_t *backlog = zrelay_backlog_new ();
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
    zrelay_backlog_t *backlog = zrelay_backlog_new ();
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
