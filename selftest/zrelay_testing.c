/*  =========================================================================
    zrelay_testing - what the classes' own tests share

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

#include "zrelay_testing.h"

zsock_t *
zrelay_testing_connect (zactor_t *relay, const char *side, int type)
{
    zstr_sendx (relay, "BIND", side, "tcp://127.0.0.1:*", NULL);
    int rc = zsock_wait (relay);
    assert (rc == 0);
    char *name, *endpoint;
    zstr_sendx (relay, "ENDPOINT", side, NULL);
    zstr_recvx (relay, &name, &endpoint, NULL);
    assert (streq (name, "ENDPOINT"));
    zsock_t *sock = zsock_new (type);
    assert (sock);
    rc = zsock_connect (sock, "%s", endpoint);
    assert (rc == 0);
    zsock_set_rcvtimeo (sock, ZRELAY_TESTING_TIMEOUT);
    zstr_free (&name);
    zstr_free (&endpoint);
    return sock;
}

bool
zrelay_testing_status (zactor_t *relay, int status, const char *command,
                       const char *one, const char *two)
{
    zstr_sendx (relay, command, one, two, NULL);
    return zsock_wait (relay) == status;
}

bool
zrelay_testing_error (zactor_t *relay, const char *word)
{
    char *name, *sentence;
    zstr_send (relay, "ERROR");
    zstr_recvx (relay, &name, &sentence, NULL);
    bool found = strstr (sentence, word) != NULL;
    zstr_free (&name);
    zstr_free (&sentence);
    return found;
}

bool
zrelay_testing_reaches (zactor_t *relay, const char *counter, uint64_t value)
{
    int64_t deadline = zclock_mono () + ZRELAY_TESTING_TIMEOUT;
    uint64_t found;
    do {
        zrelay_stats_t *stats = zrelay_stats_query (relay);
        assert (stats);
        found = zrelay_stats_value (stats, counter);
        zrelay_stats_destroy (&stats);
    }
    while (found != value && zclock_mono () < deadline);
    return found == value;
}

bool
zrelay_testing_receives (zsock_t *sock, const char *one, const char *two)
{
    char *first = NULL;
    char *second = NULL;
    zstr_recvx (sock, &first, &second, NULL);
    bool same = first && streq (first, one)
             && (two? second && streq (second, two): !second);
    zstr_free (&first);
    zstr_free (&second);
    return same;
}
