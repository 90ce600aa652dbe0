/*  =========================================================================
    tsan_race - a race that ThreadSanitizer has to find

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  What is wrong here is wrong on purpose: two relays of a kind of their own
//  share what they may not share. Their code runs on the relays' threads,
//  below CZMQ's loop, as that of the engine does. `make tsan` runs this to see
//  that its suppressions do not hide such races.
//
//      tsan_race number|text|nothing

#include <zrelay.h>

#define TICKS 200

static int s_number;            //  Shared by all relays
static char s_text [64];        //  Likewise, by way of libc
static const char *s_what;      //  What is shared: "number" or "text"

typedef struct {
    uint64_t ticks;             //  Calls of the timer
} racer_t;

//  So that memcpy () is called, and not replaced by the compiler
static void *(*volatile s_copy) (void *, const void *, size_t) = memcpy;

static void
s_tick (zrelay_engine_t *engine, void *object, int timer)
{
    (void) engine;
    (void) timer;
    racer_t *self = (racer_t *) object;
    self->ticks++;
    char text [sizeof (s_text)] = "text";
    if (streq (s_what, "number"))
        s_number++;
    else
    if (streq (s_what, "text"))
        s_copy (s_text, text, sizeof (text));
}

static void *
s_create (zrelay_engine_t *engine)
{
    racer_t *self = (racer_t *) zmalloc (sizeof (racer_t));
    assert (self);
    zrelay_engine_timer (engine, 1, 0, s_tick, NULL);
    return self;
}

static void
s_destroy (void **object_p)
{
    freen (*object_p);
}

static void
s_stats (zrelay_engine_t *engine, void *object, zmsg_t *answer)
{
    (void) engine;
    zrelay_engine_stat (answer, "ticks", ((racer_t *) object)->ticks);
}

static const zrelay_kind_t s_racer = {
    ZRELAY_KIND,
    .name = "racer",
    .frontend = { .types = "PULL" },
    .create = s_create,
    .destroy = s_destroy,
    .stats = s_stats
};

static void
s_actor (zsock_t *pipe, void *args)
{
    zrelay_engine_run (&s_racer, pipe, args);
}

static bool
s_has_ticked (zactor_t *relay)
{
    zrelay_stats_t *stats = zrelay_stats_query (relay);
    bool ticked = !stats || zrelay_stats_value (stats, "ticks") >= TICKS;
    zrelay_stats_destroy (&stats);
    return ticked;
}

int
main (int argc, char **argv)
{
    alarm (60);
    s_what = argc > 1? argv [1]: "nothing";
    zactor_t *one = zactor_new (s_actor, "one");
    zactor_t *other = zactor_new (s_actor, "other");
    assert (one && other);
    while (!s_has_ticked (one) || !s_has_ticked (other))
        zclock_sleep (10);
    zactor_destroy (&one);
    zactor_destroy (&other);
    return 0;
}
