/*  =========================================================================
    zrelay_snapshot - the statistics of all relays at one moment

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_snapshot.h"

//  A relay that is slower than this, in msecs, is left out
#define RELAY_TIMEOUT 1000

typedef struct {
    char *name;                 //  Its name
    char *kind;                 //  Its kind
    zrelay_stats_t *stats;      //  Its statistics, or NULL: it is silent
} relay_t;

struct _zrelay_snapshot_t {
    relay_t *relays;            //  All relays
    size_t size;                //  How many there are
    char *error;                //  Why they could not be listed, or NULL
};

//  --------------------------------------------------------------------------
//  Asking

//  Let the next call take no more than is left. Returns false if nothing is.

static bool
s_limit (zrelay_client_t *client, int64_t deadline)
{
    int64_t left = deadline - zclock_mono ();
    if (left > RELAY_TIMEOUT)
        left = RELAY_TIMEOUT;
    if (left > 0)
        zrelay_client_set_timeout (client, (size_t) left);
    return left > 0;
}

static void
s_list (zrelay_snapshot_t *self, zrelay_client_t *client)
{
    zrelay_client_set_relay (client, NULL);
    zmsg_t *list = zrelay_client_query (client, "LIST", NULL);
    if (!list) {
        self->error = strdup (zrelay_client_error (client));
        assert (self->error);
        return;
    }
    //  Names and kinds, by turns
    size_t size = zmsg_size (list) / 2;
    self->relays = (relay_t *) zmalloc ((size + 1) * sizeof (relay_t));
    assert (self->relays);
    while (self->size < size) {
        self->relays [self->size].name = zmsg_popstr (list);
        self->relays [self->size].kind = zmsg_popstr (list);
        self->size++;
    }
    zmsg_destroy (&list);
}

static zrelay_stats_t *
s_stats (zrelay_client_t *client, const char *name)
{
    zrelay_client_set_relay (client, name);
    return zrelay_client_stats (client);
}

//  --------------------------------------------------------------------------
//  Constructor and destructor

zrelay_snapshot_t *
zrelay_snapshot_new (zrelay_client_t *client, size_t msecs)
{
    zrelay_snapshot_t *self =
        (zrelay_snapshot_t *) zmalloc (sizeof (zrelay_snapshot_t));
    assert (self);
    int64_t deadline = zclock_mono () + (int64_t) msecs;
    s_limit (client, deadline);
    s_list (self, client);
    for (size_t index = 0; index < self->size; index++)
        if (s_limit (client, deadline))
            self->relays [index].stats =
                s_stats (client, self->relays [index].name);
    return self;
}

void
zrelay_snapshot_destroy (zrelay_snapshot_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_snapshot_t *self = *self_p;
        for (size_t index = 0; index < self->size; index++) {
            zstr_free (&self->relays [index].name);
            zstr_free (&self->relays [index].kind);
            zrelay_stats_destroy (&self->relays [index].stats);
        }
        freen (self->relays);
        zstr_free (&self->error);
        freen (self);
        *self_p = NULL;
    }
}

//  --------------------------------------------------------------------------
//  Properties

const char *
zrelay_snapshot_error (zrelay_snapshot_t *self)
{
    return self->error;
}

size_t
zrelay_snapshot_size (zrelay_snapshot_t *self)
{
    return self->size;
}

const char *
zrelay_snapshot_name (zrelay_snapshot_t *self, size_t index)
{
    return self->relays [index].name;
}

const char *
zrelay_snapshot_kind (zrelay_snapshot_t *self, size_t index)
{
    return self->relays [index].kind;
}

zrelay_stats_t *
zrelay_snapshot_stats (zrelay_snapshot_t *self, size_t index)
{
    return self->relays [index].stats;
}

//  --------------------------------------------------------------------------
//  Readiness

//  What keeps a relay from being ready, or NULL: nothing

static const char *
s_obstacle (zrelay_stats_t *stats)
{
    if (!stats)
        return "does not answer";
    const char *state = zrelay_stats_state (stats);
    return streq (state, "idle")? "is idle: a side is not attached":
           streq (state, "draining")? "is draining":
           zrelay_stats_has (stats, "join.ready")
        && zrelay_stats_value (stats, "join.ready") == 0?
           "is not joined, as its answer to JOINED explains": NULL;
}

char *
zrelay_snapshot_obstacles (zrelay_snapshot_t *self)
{
    char *text = self->error? zsys_sprintf ("%s\n", self->error): NULL;
    for (size_t index = 0; index < self->size; index++) {
        const char *obstacle = s_obstacle (self->relays [index].stats);
        if (!obstacle)
            continue;
        char *longer = zsys_sprintf ("%s%s %s\n", text? text: "",
                                     self->relays [index].name, obstacle);
        assert (longer);
        zstr_free (&text);
        text = longer;
    }
    return text;
}
