/*  =========================================================================
    zrelay_permission - has an engine follow a file of permissions

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_permission.h"
#include "zrelay_engine_internal.h"
#include "zrelay_permits.h"
#include "zrelay_refused.h"

//  The next line of the log is due after so many msecs
#define LOG_IVL 1000

//  Who is refused, for the log: an address and a user
#define WHO_SIZE 64

typedef struct {
    zrelay_engine_t *engine;    //  Logs
    zrelay_permits_t *permits;  //  The file
    zrelay_refused_t *refused;  //  What is to be logged
    int timer;                  //  Logs it, or 0
} permission_t;

static const zrelay_permits_right_t s_rights [] = {
    [ZRELAY_RIGHT_SUBSCRIBE] = ZRELAY_PERMITS_SUBSCRIBE,
    [ZRELAY_RIGHT_PUBLISH] = ZRELAY_PERMITS_PUBLISH,
    [ZRELAY_RIGHT_REQUEST] = ZRELAY_PERMITS_REQUEST,
    [ZRELAY_RIGHT_REPLY] = ZRELAY_PERMITS_REPLY
};


//  --------------------------------------------------------------------------
//  The log

static void
s_log (permission_t *self);

static void
s_on_timer (zrelay_engine_t *engine, void *object, int timer)
{
    (void) engine;
    (void) timer;
    permission_t *self = (permission_t *) object;
    self->timer = 0;
    s_log (self);
}

static void
s_log (permission_t *self)
{
    char *line = zrelay_refused_line (self->refused, zclock_mono ());
    if (line)
        zrelay_engine_log (self->engine, ZRELAY_LOG_WARNING, "%s", line);
    zstr_free (&line);
    if (zrelay_refused_waits (self->refused) && !self->timer)
        self->timer = zrelay_engine_timer (self->engine, LOG_IVL, 1,
                                           s_on_timer, self);
}

static void
s_refuse (permission_t *self, const zrelay_wish_t *wish)
{
    char who [WHO_SIZE];
    snprintf (who, sizeof (who), "%s%s%.32s", wish->address? wish->address: "",
              wish->user? " user ": "", wish->user? wish->user: "");
    zrelay_refused_add (self->refused, who,
                        zrelay_permits_name (s_rights [wish->right]));
    s_log (self);
}


//  --------------------------------------------------------------------------
//  What the engine asks

static void
s_update (permission_t *self)
{
    if (!zrelay_permits_update (self->permits, zclock_mono ()))
        return;
    const char *problem = zrelay_permits_problem (self->permits);
    if (problem)
        zrelay_engine_log (self->engine, ZRELAY_LOG_ERROR,
                           "nobody may do anything: %s", problem);
    else
        zrelay_engine_log (self->engine, ZRELAY_LOG_INFO,
                           "permissions were read again");
}

static bool
s_may (void *object, const zrelay_wish_t *wish)
{
    permission_t *self = (permission_t *) object;
    s_update (self);
    bool may = zrelay_permits_allow (self->permits, s_rights [wish->right],
        wish->user, wish->address, wish->data, wish->size);
    if (!may)
        s_refuse (self, wish);
    return may;
}

static uint64_t
s_revision (void *object)
{
    permission_t *self = (permission_t *) object;
    s_update (self);
    return zrelay_permits_revision (self->permits);
}

static void
s_destroy (void *object)
{
    permission_t *self = (permission_t *) object;
    zrelay_permits_destroy (&self->permits);
    zrelay_refused_destroy (&self->refused);
    freen (self);
}

int
zrelay_permission_set (zrelay_engine_t *engine, const char *filename)
{
    permission_t *self = (permission_t *) zmalloc (sizeof (permission_t));
    assert (self);
    self->engine = engine;
    self->permits = zrelay_permits_new (filename);
    self->refused = zrelay_refused_new ();
    const zrelay_permit_t permit = { s_may, s_revision, s_destroy, self };
    const char *problem = zrelay_permits_problem (self->permits);
    int status = problem?
        zrelay_engine_fail (engine, ZRELAY_STATUS_REFUSED, "%s", problem):
        (int) zrelay_engine_set_permit (engine, &permit);
    if (status != ZRELAY_STATUS_DONE)
        s_destroy (self);
    return status;
}
