/*  =========================================================================
    relay - a relay of any make as a process of its own

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

//      perf/relay NAME KIND FRONT BACK [CAPTURE [COUNT [STATS]]]
//
//  Starts COUNT relays of one make, see the table in relays.c, binds them,
//  prints "ready" and the endpoints of the first of them, and serves until it
//  is ended by a signal. With STATS it asks the first relay for its statistics
//  so many times a second.

#include "perf.h"

static int
s_misuse (const char *what)
{
    fprintf (stderr, "relay: %s; usage: relay NAME KIND FRONT BACK "
             "[CAPTURE [COUNT [STATS]]]\n", what);
    return 2;
}

int
main (int argc, char *argv [])
{
    if (argc < 5)
        return s_misuse ("too few arguments");
    relay_t relay = { .name = argv [1], .kind = perf_kind (argv [2]) };
    if (!relay.kind || !perf_relay_known (relay.name))
        return s_misuse ("no such name or kind");
    for (int end = 0; end < ENDS && 3 + end < argc; end++)
        snprintf (relay.ends [end], PERF_ENDPOINT_SIZE, "%s", argv [3 + end]);
    relay.count = argc > 6? atoi (argv [6]): 1;
    relay.stats = argc > 7? atoi (argv [7]): 0;
    perf_relay_prepare (relay.kind);
    zactor_t *actor = perf_relay_start (&relay);
    printf ("ready %s %s %s\n", relay.ends [FRONT], relay.ends [BACK],
            *relay.ends [CAPTURE]? relay.ends [CAPTURE]: "-");
    fflush (stdout);
    perf_relay_serve (&relay, actor);
    return 0;
}
