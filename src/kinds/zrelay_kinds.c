/*  =========================================================================
    zrelay_kinds - the kinds of relay that this library has

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include <zrelay.h>

//  In the order in which the program lists them
static const zrelay_kind_t *(*const s_descriptions []) (void) = {
    zrelay_queue_kind,
    zrelay_forwarder_kind,
    zrelay_streamer_kind,
    zrelay_proxy_kind,
    zrelay_balancer_kind,
    zrelay_majordomo_kind,
    zrelay_cache_kind
};
#define KINDS (sizeof (s_descriptions) / sizeof (*s_descriptions))

static const zrelay_kind_t *s_kinds [KINDS + 1];
static pthread_once_t s_once = PTHREAD_ONCE_INIT;

static void
s_fill (void)
{
    for (size_t index = 0; index < KINDS; index++)
        s_kinds [index] = s_descriptions [index] ();
}

const zrelay_kind_t *const *
zrelay_kinds (void)
{
    pthread_once (&s_once, s_fill);
    return s_kinds;
}

const zrelay_kind_t *
zrelay_kinds_find (const zrelay_kind_t *const *kinds, const char *name)
{
    while (*kinds && strneq ((*kinds)->name, name))
        kinds++;
    return *kinds;
}


//  --------------------------------------------------------------------------
//  Selftest

void
zrelay_kinds_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_kinds: ");

    //  @selftest
    //  Each kind of the table can be started
    const zrelay_kind_t *const *kinds = zrelay_kinds ();
    for (; *kinds; kinds++) {
        assert (zrelay_kinds_find (zrelay_kinds (), (*kinds)->name) == *kinds);
        zactor_t *relay = zrelay_engine_spawn (*kinds, "test");
        assert (relay);
        zrelay_stats_t *stats = zrelay_stats_query (relay);
        assert (stats);
        assert (streq (zrelay_stats_kind (stats), (*kinds)->name));
        assert (streq (zrelay_stats_name (stats), "test"));
        zrelay_stats_destroy (&stats);
        zactor_destroy (&relay);
    }
    assert (!zrelay_kinds_find (zrelay_kinds (), "queues"));
    //  @end
    printf ("OK\n");
}
