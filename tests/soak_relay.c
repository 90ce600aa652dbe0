/*  =========================================================================
    soak_relay - commands to relays in the soak test

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "soak_kinds.h"

void
soak_do (soak_relay_t *self, const char *command, ...)
{
    va_list argptr;
    va_start (argptr, command);
    int status = faults_command_va (self->actor, command, argptr);
    va_end (argptr);
    if (status == 0)
        return;
    printf ("#   that was %s\n", self->name);
    self->wrong++;
}

void
soak_query (soak_relay_t *self, const char *name, size_t columns, size_t most)
{
    zstr_send (self->actor, name);
    zmsg_t *answer = zmsg_recv (self->actor);
    char *first = answer? zmsg_popstr (answer): NULL;
    size_t cells = first? zmsg_size (answer): 0;
    if (!first || strneq (first, name) || cells % columns != 0
    ||  cells / columns > most) {
        printf ("#   %s: wrong answer to %s\n", self->name, name);
        self->wrong++;
    }
    zstr_free (&first);
    zmsg_destroy (&answer);
}

void
soak_set (soak_relay_t *self, const char *name, uint64_t value)
{
    char text [24];
    snprintf (text, sizeof (text), "%" PRIu64, value);
    soak_do (self, "SET", "RELAY", name, text, NULL);
}

void
soak_pause (soak_relay_t *self)
{
    soak_do (self, "PAUSE", NULL);
    self->paused = true;
}

void
soak_resume (soak_relay_t *self)
{
    soak_do (self, "RESUME", NULL);
    self->paused = false;
}
