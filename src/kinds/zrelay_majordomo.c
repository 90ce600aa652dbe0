/*  =========================================================================
    zrelay_majordomo - shares requests among workers, service by service

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include <zrelay.h>

typedef struct {
    zrelay_broker_t *broker;    //  Does the work; comes first
    zrelay_broker_numbers_t numbers;    //  Its counters
    zrelay_pool_numbers_t pool; //  Settings and counters of its pool
} majordomo_t;


//  --------------------------------------------------------------------------
//  The object

static void *
s_create (zrelay_engine_t *engine)
{
    majordomo_t *self = (majordomo_t *) zmalloc (sizeof (majordomo_t));
    assert (self);
    self->numbers.size = sizeof (self->numbers);
    self->pool.size = sizeof (self->pool);
    zrelay_broker_defaults (&self->pool);
    self->broker = zrelay_broker_new (engine, self, &self->pool,
                                      &self->numbers);
    return self;
}

static void
s_destroy (void **object_p)
{
    majordomo_t *self = (majordomo_t *) *object_p;
    zrelay_broker_destroy (&self->broker);
    freen (self);
    *object_p = NULL;
}


//  --------------------------------------------------------------------------
//  The pool's functions, for the engine. Objects of other kinds get here, too:
//  all of them begin with a broker.

static zrelay_pool_t *
s_pool (void *object)
{
    return zrelay_broker_pool (*(zrelay_broker_t **) object);
}

static void
s_on_gone (zrelay_engine_t *engine, void *object, zrelay_side_id_t side,
           const void *id, size_t size)
{
    (void) engine;
    zrelay_pool_gone (s_pool (object), side, id, size);
}

static void
s_on_state (zrelay_engine_t *engine, void *object, zrelay_state_t state)
{
    (void) engine;
    zrelay_pool_state (s_pool (object), state);
}

static size_t
s_pending (zrelay_engine_t *engine, void *object)
{
    (void) engine;
    return zrelay_pool_pending (s_pool (object));
}

static void
s_stats (zrelay_engine_t *engine, void *object, zmsg_t *answer)
{
    (void) engine;
    zrelay_pool_stats (s_pool (object), answer);
}

static void
s_reset (zrelay_engine_t *engine, void *object)
{
    (void) engine;
    zrelay_pool_reset (s_pool (object));
}


//  --------------------------------------------------------------------------
//  The kind

static const zrelay_command_t s_commands [] = {
    ZRELAY_BROKER_COMMANDS,
    { .name = NULL }
};

static const zrelay_setting_t s_settings [] = {
    ZRELAY_BROKER_SETTINGS (majordomo_t, pool),
    { .name = NULL }
};

static const zrelay_counter_t s_counters [] = {
    ZRELAY_BROKER_COUNTERS (majordomo_t, pool, numbers),
    { .name = NULL }
};

static const char *const s_reasons [] = { ZRELAY_BROKER_REASONS, NULL };

static const zrelay_kind_t s_kind = {
    ZRELAY_KIND,
    .name = "majordomo",
    .help = "shares requests among workers, service by service",
    .frontend = { .types = "ROUTER", .endpoint = "@tcp://127.0.0.1:5555",
                  .peers = "Majordomo clients and workers" },
    .create = s_create,
    .destroy = s_destroy,
    .on_forward = zrelay_broker_on_message,
    .on_gone = s_on_gone,
    .on_state = s_on_state,
    .pending = s_pending,
    .commands = s_commands,
    .settings = s_settings,
    .counters = s_counters,
    .reasons = s_reasons,
    .stats = s_stats,
    .reset = s_reset
};

const zrelay_kind_t *
zrelay_majordomo_kind (void)
{
    return &s_kind;
}

void
zrelay_majordomo (zsock_t *pipe, void *args)
{
    zrelay_engine_run (&s_kind, pipe, args);
}


//  --------------------------------------------------------------------------
//  Selftest: see selftest/
