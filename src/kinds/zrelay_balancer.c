/*  =========================================================================
    zrelay_balancer - gives requests to idle workers, longest idle first

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include <zrelay.h>

#define HEARTBEAT "\x02"

//  How a worker or a client puts its messages
typedef enum {
    FORM_DELIMITED,             //  With an empty frame in front of the rest
    FORM_BARE                   //  Without
} form_t;

//  What a worker says
typedef enum {
    WORD_NONE,                  //  Nothing that we know
    WORD_READY,                 //  It is ready for work
    WORD_HEARTBEAT,             //  It lives
    WORD_REPLY                  //  It has an answer
} word_t;

//  Those that are a single frame
static const struct {
    form_t form;                //  Of the worker
    const char *text;           //  The frame
    word_t word;                //  What it means
} s_words [] = {
    { FORM_DELIMITED, "\x01", WORD_READY },     //  The Guide's Simple Pirate
    { FORM_DELIMITED, "READY", WORD_READY },    //  The Guide's load balancer
    { FORM_BARE, "\x01", WORD_READY },          //  Paranoid Pirate, RFC 6
    { FORM_BARE, HEARTBEAT, WORD_HEARTBEAT }
};
#define WORDS (sizeof (s_words) / sizeof (*s_words))

typedef struct {
    zrelay_pool_t *pool;        //  The workers and their work
    zrelay_pool_numbers_t numbers;  //  Its settings and counters
    zrelay_message_t *spare;    //  Empty between calls
} balancer_t;

static const zrelay_pool_protocol_t s_protocol;


//  --------------------------------------------------------------------------
//  The object

static void *
s_create (zrelay_engine_t *engine)
{
    balancer_t *self = (balancer_t *) zmalloc (sizeof (balancer_t));
    assert (self);
    self->numbers = (zrelay_pool_numbers_t) {
        .size = sizeof (zrelay_pool_numbers_t),
        .heartbeat = 1000,
        .liveness = 3,
        .retries = 1,
        .overflow = ZRELAY_POOL_HOLD,
        .queue = 1000,
        .queue_bytes = 64 * 1024 * 1024,
        .service_queue = INT64_MAX,
        .service_bytes = INT64_MAX
    };
    self->pool = zrelay_pool_new (engine, self, &s_protocol, &self->numbers);
    self->spare = zrelay_message_new ();
    return self;
}

static void
s_destroy (void **object_p)
{
    balancer_t *self = (balancer_t *) *object_p;
    zrelay_pool_destroy (&self->pool);
    zrelay_message_destroy (&self->spare);
    freen (self);
    *object_p = NULL;
}


//  --------------------------------------------------------------------------
//  Clients. A request is the client's address, which is its routing id and
//  those of relays in between, an empty frame, and at least one frame more. A
//  DEALER may leave the empty frame out.

static size_t
s_delimiter (zrelay_message_t *message, size_t from)
{
    size_t frames = zrelay_message_frames (message);
    while (from < frames && zrelay_message_size (message, from) > 0)
        from++;
    return from;
}

static zrelay_verdict_t
s_on_request (zrelay_engine_t *engine, void *object, zrelay_message_t *message)
{
    balancer_t *self = (balancer_t *) object;
    size_t frames = zrelay_message_frames (message);
    size_t delimiter = s_delimiter (message, 1);
    if (frames < 2 || delimiter == frames - 1)
        return zrelay_engine_drop (engine, ZRELAY_POOL_INVALID);
    return delimiter < frames?
        zrelay_pool_take (self->pool, message, delimiter, NULL, 0,
                          FORM_DELIMITED):
        zrelay_pool_take (self->pool, message, 1, NULL, 0, FORM_BARE);
}

//  Write a request for a worker

static void
s_give (void *object, zrelay_worker_t *worker, zrelay_request_t *request,
        zrelay_message_t *message)
{
    (void) object;
    zrelay_message_t *from = zrelay_request_message (request);
    size_t address = zrelay_request_address (request);
    if (zrelay_worker_form (worker) == FORM_DELIMITED)
        zrelay_message_append (message, "", 0);
    zrelay_message_share (message, from, 0, address);
    if (zrelay_request_form (request) == FORM_BARE)
        zrelay_message_append (message, "", 0);
    zrelay_message_share (message, from, address, SIZE_MAX);
}


//  --------------------------------------------------------------------------
//  Workers

static void
s_beat (void *object, zrelay_worker_t *worker, zrelay_message_t *message)
{
    (void) object;
    (void) worker;
    zrelay_message_append (message, HEARTBEAT, 1);
}

static const zrelay_pool_protocol_t s_protocol = {
    ZRELAY_POOL_PROTOCOL,
    .clients = ZRELAY_SIDE_FRONTEND,
    .workers = ZRELAY_SIDE_BACKEND,
    .give = s_give,
    .beat = s_beat
};

//  Remove the empty frame behind the client's address, for a client that uses
//  none

static void
s_strip (balancer_t *self, zrelay_message_t *message, size_t address)
{
    zrelay_message_move (self->spare, message, address);
    zrelay_message_pop (message);
    zrelay_message_move (self->spare, message, SIZE_MAX);
    zrelay_message_move (message, self->spare, SIZE_MAX);
}

//  A REQ worker that has sent anything has nothing in hand any more

static void
s_give_up (balancer_t *self, zrelay_worker_t *worker)
{
    if (worker && zrelay_worker_form (worker) == FORM_DELIMITED)
        zrelay_pool_ready (self->pool, worker);
}

static zrelay_verdict_t
s_on_nonsense (balancer_t *self, zrelay_engine_t *engine,
               zrelay_worker_t *worker)
{
    s_give_up (self, worker);
    return zrelay_engine_drop (engine, ZRELAY_POOL_INVALID);
}

//  The message has told us what it had to

static zrelay_verdict_t
s_done_with (zrelay_message_t *message)
{
    zrelay_message_clear (message);
    return ZRELAY_VERDICT_KEPT;
}

//  Pass on a reply, if it is one to the request that the worker has

static zrelay_verdict_t
s_on_reply (balancer_t *self, zrelay_worker_t *worker,
            zrelay_message_t *message)
{
    size_t address = s_delimiter (message, 0);
    zrelay_request_t *request =
        zrelay_pool_match (self->pool, worker, message, 0, address);
    if (!request || address != zrelay_request_address (request)) {
        s_give_up (self, worker);
        return zrelay_pool_late (self->pool, worker, true);
    }
    if (zrelay_request_form (request) == FORM_BARE)
        s_strip (self, message, address);
    zrelay_pool_done (self->pool, &request);
    return ZRELAY_VERDICT_PASS;
}

//  What a worker says. A reply is a client's address, an empty frame, and more.

static word_t
s_word (zrelay_message_t *message, form_t form, size_t envelope)
{
    size_t frames = zrelay_message_frames (message);
    if (frames != envelope + 1) {
        size_t delimiter = s_delimiter (message, envelope);
        return delimiter > envelope && delimiter + 1 < frames? WORD_REPLY:
                                                               WORD_NONE;
    }
    for (size_t index = 0; index < WORDS; index++)
        if (s_words [index].form == form
        &&  zrelay_message_streq (message, envelope, s_words [index].text))
            return s_words [index].word;
    return WORD_NONE;
}

//  A worker that was unknown joins the pool: whatever it says shows that it is
//  there. After the relay was started again, the tutorials' workers begin with
//  a reply or a heartbeat.

static zrelay_verdict_t
s_welcome (balancer_t *self, zrelay_message_t *message, form_t form,
           word_t word)
{
    zrelay_worker_t *worker = zrelay_pool_add (self->pool,
        zrelay_message_data (message, 0), zrelay_message_size (message, 0),
        NULL, 0, form, form == FORM_BARE);
    if (word == WORD_HEARTBEAT)
        zrelay_pool_beat (self->pool, worker);
    return word == WORD_REPLY? zrelay_pool_late (self->pool, worker, false):
                               s_done_with (message);
}

static zrelay_verdict_t
s_on_word (balancer_t *self, zrelay_message_t *message,
           zrelay_worker_t *worker, word_t word)
{
    if (word == WORD_HEARTBEAT)
        zrelay_pool_beat (self->pool, worker);
    else
        zrelay_pool_ready (self->pool, worker);
    return s_done_with (message);
}

static zrelay_verdict_t
s_on_worker (zrelay_engine_t *engine, void *object, zrelay_message_t *message)
{
    balancer_t *self = (balancer_t *) object;
    bool delimited = zrelay_message_equals (message, 1, "", 0);
    form_t form = delimited? FORM_DELIMITED: FORM_BARE;
    word_t word = s_word (message, form, delimited? 2: 1);
    zrelay_worker_t *worker = zrelay_pool_find (self->pool,
        zrelay_message_data (message, 0), zrelay_message_size (message, 0));
    if (word == WORD_NONE)
        return s_on_nonsense (self, engine, worker);
    if (!worker)
        return s_welcome (self, message, form, word);

    zrelay_pool_heard (self->pool, worker);
    zrelay_message_pop (message);
    if (delimited)
        zrelay_message_pop (message);
    return word == WORD_REPLY? s_on_reply (self, worker, message):
                               s_on_word (self, message, worker, word);
}


//  --------------------------------------------------------------------------
//  The pool's functions, for the engine

static void
s_on_gone (zrelay_engine_t *engine, void *object, zrelay_side_id_t side,
           const void *id, size_t size)
{
    (void) engine;
    zrelay_pool_gone (((balancer_t *) object)->pool, side, id, size);
}

static void
s_on_state (zrelay_engine_t *engine, void *object, zrelay_state_t state)
{
    (void) engine;
    zrelay_pool_state (((balancer_t *) object)->pool, state);
}

static size_t
s_pending (zrelay_engine_t *engine, void *object)
{
    (void) engine;
    return zrelay_pool_pending (((balancer_t *) object)->pool);
}

static void
s_changed (zrelay_engine_t *engine, void *object)
{
    (void) engine;
    zrelay_pool_changed (((balancer_t *) object)->pool);
}

static void
s_reset (zrelay_engine_t *engine, void *object)
{
    (void) engine;
    zrelay_pool_reset (((balancer_t *) object)->pool);
}

static int
s_workers (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
           zmsg_t *answer)
{
    (void) engine;
    (void) argc;
    (void) argv;
    zrelay_pool_list_workers (((balancer_t *) object)->pool, NULL, answer);
    return ZRELAY_STATUS_DONE;
}


//  --------------------------------------------------------------------------
//  The kind

static const zrelay_command_t s_commands [] = {
    { ZRELAY_COMMAND, .name = "WORKERS", .args = "",
      .help = "each worker: id, state, client, requests served, silent msecs",
      .handler = s_workers, .flags = ZRELAY_COMMAND_QUERY },
    { .name = NULL }
};

static const char *const s_overflows [] = {
    "hold", "drop-new", "drop-old", NULL
};

static const zrelay_setting_t s_settings [] = {
    ZRELAY_POOL_SETTINGS (balancer_t, numbers, s_changed),
    { ZRELAY_SETTING, .name = "overflow",
      .help = "hold, drop-new or drop-old, when as many wait",
      .offset = offsetof (balancer_t, numbers.overflow),
      .words = s_overflows, .changed = s_changed },
    { .name = NULL }
};

static const zrelay_counter_t s_counters [] = {
    ZRELAY_POOL_COUNTERS (balancer_t, numbers),
    { .name = NULL }
};

static const char *const s_reasons [] = { ZRELAY_POOL_REASONS, NULL };

static const zrelay_kind_t s_kind = {
    ZRELAY_KIND,
    .name = "balancer",
    .help = "gives requests to idle workers, longest idle first",
    .frontend = { .types = "ROUTER", .endpoint = "@tcp://127.0.0.1:5555",
                  .peers = "REQ and DEALER clients" },
    .backend = { .types = "ROUTER", .endpoint = "@tcp://127.0.0.1:5556",
                 .peers = "workers that say READY, and Paranoid Pirates" },
    .create = s_create,
    .destroy = s_destroy,
    .on_forward = s_on_request,
    .on_return = s_on_worker,
    .on_gone = s_on_gone,
    .on_state = s_on_state,
    .pending = s_pending,
    .commands = s_commands,
    .settings = s_settings,
    .counters = s_counters,
    .reasons = s_reasons,
    .reset = s_reset
};

const zrelay_kind_t *
zrelay_balancer_kind (void)
{
    return &s_kind;
}

void
zrelay_balancer (zsock_t *pipe, void *args)
{
    zrelay_engine_run (&s_kind, pipe, args);
}
