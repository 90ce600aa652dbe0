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

//  Most bytes in a service's name, and how the broker's own begin
#define NAME_MOST 255
#define OWN_PREFIX "mmi."

//  The broker's status codes, RFC 8
#define MMI_OK "200"
#define MMI_NOT_FOUND "404"
#define MMI_NOT_IMPLEMENTED "501"

//  What a message of the protocol is about
typedef enum {
    COMMAND_READY,
    COMMAND_REQUEST,
    COMMAND_PARTIAL,
    COMMAND_FINAL,
    COMMAND_HEARTBEAT,
    COMMAND_DISCONNECT,
    COMMANDS,                   //  How many there are
    COMMAND_NONE = COMMANDS
} command_t;

//  The versions of the protocol. A command is one byte; 0: the version does not
//  have it. A version without client_request puts no command into messages to
//  and from clients.
typedef struct {
    const char *client;         //  Header of messages from and to clients
    const char *worker;         //  The same for workers
    bool delimited;             //  An empty frame stands before the header
    byte codes [COMMANDS];      //  Commands of workers
    byte client_request;        //  Commands of clients
    byte client_partial;
    byte client_final;
} version_t;

//  A form, for the pool, is a place in this table
static const version_t s_versions [] = {
    //  RFC 7
    { "MDPC01", "MDPW01", true, { 1, 2, 0, 3, 4, 5 }, 0, 0, 0 },
    //  RFC 18
    { "MDPC02", "MDPW02", false, { 1, 2, 3, 4, 5, 6 }, 1, 2, 3 }
};
#define VERSIONS (sizeof (s_versions) / sizeof (*s_versions))

//  Reasons to drop messages, after the pool's
enum {
    REASON_UNEXPECTED = ZRELAY_POOL_INVALID + 1,    //  At this time
    REASON_PARTIAL                                  //  For a 0.1 client
};

typedef struct {
    zrelay_engine_t *engine;    //  Whose relay this is
    zrelay_pool_t *pool;        //  The workers and their work
    zrelay_pool_numbers_t numbers;  //  Its settings and counters
    uint64_t managed;           //  Requests to services of our own
    zrelay_message_t *spare;    //  Empty between calls
} majordomo_t;

//  The beginning of a message
typedef struct {
    int form;                   //  Which version it is
    bool worker;                //  A worker sent it
    size_t address;             //  Frames in front of the delimiter or header
    size_t rest;                //  First frame behind the header
} heading_t;

static const zrelay_pool_protocol_t s_protocol;


//  --------------------------------------------------------------------------
//  The object

static void *
s_create (zrelay_engine_t *engine)
{
    majordomo_t *self = (majordomo_t *) zmalloc (sizeof (majordomo_t));
    assert (self);
    self->engine = engine;
    self->numbers = (zrelay_pool_numbers_t) {
        .size = sizeof (zrelay_pool_numbers_t),
        .heartbeat = 1000,
        .liveness = 3,
        .retries = 1,
        .overflow = ZRELAY_POOL_DROP_NEW,
        .queue = 10000,
        .queue_bytes = 256 * 1024 * 1024,
        .service_queue = 1000,
        .service_bytes = 64 * 1024 * 1024
    };
    self->pool = zrelay_pool_new (engine, self, &s_protocol, &self->numbers);
    self->spare = zrelay_message_new ();
    return self;
}

static void
s_destroy (void **object_p)
{
    majordomo_t *self = (majordomo_t *) *object_p;
    zrelay_pool_destroy (&self->pool);
    zrelay_message_destroy (&self->spare);
    freen (self);
    *object_p = NULL;
}


//  --------------------------------------------------------------------------
//  Reading

//  The place of the header. What has no header in the second frame has an empty
//  frame before it, and may have come through other ROUTERs.

static size_t
s_header (zrelay_message_t *message)
{
    size_t frames = zrelay_message_frames (message);
    size_t index = 1;
    while (index < frames && zrelay_message_size (message, index) > 0)
        index++;
    return index + 1;
}

static bool
s_read_heading (zrelay_message_t *message, heading_t *heading)
{
    for (size_t form = 0; form < VERSIONS; form++) {
        const version_t *version = &s_versions [form];
        size_t header = version->delimited? s_header (message): 1;
        heading->worker = zrelay_message_streq (message, header,
                                                version->worker);
        if (!heading->worker
        &&  !zrelay_message_streq (message, header, version->client))
            continue;
        heading->form = (int) form;
        heading->address = header - version->delimited;
        heading->rest = header + 1;
        //  Workers are not behind other ROUTERs
        return !heading->worker || heading->address == 1;
    }
    return false;
}

static command_t
s_read_command (zrelay_message_t *message, const heading_t *heading)
{
    const byte *codes = s_versions [heading->form].codes;
    const byte *data = zrelay_message_data (message, heading->rest);
    if (zrelay_message_size (message, heading->rest) == 1)
        for (int command = 0; command < COMMANDS; command++)
            if (codes [command] == *data && codes [command])
                return (command_t) command;
    return COMMAND_NONE;
}

static bool
s_is_name (zrelay_message_t *message, size_t index)
{
    size_t size = zrelay_message_size (message, index);
    return size > 0 && size <= NAME_MOST;
}

static bool
s_is_own (zrelay_message_t *message, size_t index)
{
    return zrelay_message_size (message, index) >= strlen (OWN_PREFIX)
        && memcmp (zrelay_message_data (message, index), OWN_PREFIX,
                   strlen (OWN_PREFIX)) == 0;
}


//  --------------------------------------------------------------------------
//  Writing

static void
s_append_text (zrelay_message_t *message, const char *text)
{
    zrelay_message_append (message, text, strlen (text));
}

//  What stands before the rest of a message to a worker, behind its address

static void
s_head_worker (zrelay_message_t *message, int form, command_t command)
{
    const version_t *version = &s_versions [form];
    if (version->delimited)
        zrelay_message_append (message, "", 0);
    s_append_text (message, version->worker);
    zrelay_message_append (message, &version->codes [command], 1);
}

static void
s_give (void *object, zrelay_worker_t *worker, zrelay_request_t *request,
        zrelay_message_t *message)
{
    (void) object;
    zrelay_message_t *from = zrelay_request_message (request);
    const version_t *version = &s_versions [zrelay_request_form (request)];
    size_t body = zrelay_request_address (request) + version->delimited
                + 1 + (version->client_request > 0) + 1;
    s_head_worker (message, zrelay_worker_form (worker), COMMAND_REQUEST);
    //  Workers expect one frame, and the request has the others
    zrelay_message_share (message, from, 0, 1);
    zrelay_message_append (message, "", 0);
    zrelay_message_share (message, from, body, SIZE_MAX);
}

static void
s_beat (void *object, zrelay_worker_t *worker, zrelay_message_t *message)
{
    (void) object;
    s_head_worker (message, zrelay_worker_form (worker), COMMAND_HEARTBEAT);
}

static void
s_part (void *object, zrelay_worker_t *worker, zrelay_message_t *message)
{
    (void) object;
    s_head_worker (message, zrelay_worker_form (worker), COMMAND_DISCONNECT);
}

static const zrelay_pool_protocol_t s_protocol = {
    ZRELAY_POOL_PROTOCOL,
    .clients = ZRELAY_SIDE_FRONTEND,
    .workers = ZRELAY_SIDE_FRONTEND,
    .give = s_give,
    .beat = s_beat,
    .part = s_part
};

//  Write what stands before the body of a reply, from a request as it came: the
//  client's address, header and command, and the service

static void
s_head_client (zrelay_message_t *message, zrelay_message_t *request,
               size_t address, int form, bool last)
{
    const version_t *version = &s_versions [form];
    size_t service = address + version->delimited + 1
                   + (version->client_request > 0);
    zrelay_message_share (message, request, 0, address);
    if (version->delimited)
        zrelay_message_append (message, "", 0);
    s_append_text (message, version->client);
    if (version->client_request)
        zrelay_message_append (message, last? &version->client_final:
                                              &version->client_partial, 1);
    zrelay_message_share (message, request, service, 1);
}


//  --------------------------------------------------------------------------
//  Ending a conversation

//  Tell the sender of a message to disconnect. If it is a worker, it is lost.

static zrelay_verdict_t
s_disconnect (majordomo_t *self, zrelay_message_t *message, int form,
              size_t reason)
{
    zrelay_worker_t *worker = zrelay_pool_find (self->pool,
        zrelay_message_data (message, 0), zrelay_message_size (message, 0));
    zrelay_pool_lose (self->pool, &worker, false);
    zrelay_engine_count_drop (self->engine, ZRELAY_FLOW_FORWARD, reason);
    zrelay_message_move (self->spare, message, 1);
    zrelay_message_clear (message);
    zrelay_message_move (message, self->spare, 1);
    s_head_worker (message, form, COMMAND_DISCONNECT);
    return ZRELAY_VERDICT_ANSWER;
}

//  Not of the protocol. Only workers can be told so.

static zrelay_verdict_t
s_on_nonsense (majordomo_t *self, zrelay_message_t *message)
{
    zrelay_worker_t *worker = zrelay_pool_find (self->pool,
        zrelay_message_data (message, 0), zrelay_message_size (message, 0));
    zrelay_pool_lose (self->pool, &worker, true);
    return zrelay_engine_drop (self->engine, ZRELAY_POOL_INVALID);
}


//  --------------------------------------------------------------------------
//  Services of our own, RFC 8

static void
s_append_service (void *arg, const void *service, size_t size)
{
    zrelay_message_append ((zrelay_message_t *) arg, service, size);
}

static void
s_mmi_service (majordomo_t *self, zrelay_message_t *message, size_t body,
               zrelay_message_t *reply)
{
    size_t workers = zrelay_pool_workers (self->pool,
        zrelay_message_data (message, body),
        zrelay_message_size (message, body));
    s_append_text (reply, workers > 0? MMI_OK: MMI_NOT_FOUND);
}

static void
s_mmi_services (majordomo_t *self, zrelay_message_t *message, size_t body,
                zrelay_message_t *reply)
{
    (void) message;
    (void) body;
    s_append_text (reply, MMI_OK);
    zrelay_pool_each_service (self->pool, s_append_service, reply);
}

static void
s_mmi_unknown (majordomo_t *self, zrelay_message_t *message, size_t body,
               zrelay_message_t *reply)
{
    (void) self;
    (void) message;
    (void) body;
    s_append_text (reply, MMI_NOT_IMPLEMENTED);
}

//  Each appends the body of its reply. The last row is for all other names.
static const struct {
    const char *name;           //  The service
    void (*answer) (majordomo_t *self, zrelay_message_t *message, size_t body,
                    zrelay_message_t *reply);
} s_own [] = {
    { OWN_PREFIX "service", s_mmi_service },
    { OWN_PREFIX "services", s_mmi_services },
    { NULL, s_mmi_unknown }
};

static zrelay_verdict_t
s_on_own (majordomo_t *self, zrelay_message_t *message,
          const heading_t *heading, size_t service)
{
    int row = 0;
    while (s_own [row].name
        && !zrelay_message_streq (message, service, s_own [row].name))
        row++;
    self->managed++;
    s_head_client (self->spare, message, heading->address, heading->form, true);
    s_own [row].answer (self, message, service + 1, self->spare);
    zrelay_message_clear (message);
    zrelay_message_move (message, self->spare, SIZE_MAX);
    return ZRELAY_VERDICT_ANSWER;
}


//  --------------------------------------------------------------------------
//  Clients

static zrelay_verdict_t
s_on_client (majordomo_t *self, zrelay_message_t *message,
             const heading_t *heading)
{
    const version_t *version = &s_versions [heading->form];
    size_t service = heading->rest;
    if (version->client_request) {
        if (!zrelay_message_equals (message, service,
                                    &version->client_request, 1))
            return s_on_nonsense (self, message);
        service++;
    }
    if (zrelay_message_frames (message) < service + 2
    || !s_is_name (message, service))
        return s_on_nonsense (self, message);
    if (s_is_own (message, service))
        return s_on_own (self, message, heading, service);
    return zrelay_pool_take (self->pool, message, heading->address,
        zrelay_message_data (message, service),
        zrelay_message_size (message, service), heading->form);
}


//  --------------------------------------------------------------------------
//  Workers. rest is the first frame behind the command.

//  The message has told us what it had to

static zrelay_verdict_t
s_done_with (zrelay_message_t *message)
{
    zrelay_message_clear (message);
    return ZRELAY_VERDICT_KEPT;
}

//  A worker says this once. One that was lost for its silence starts anew.

static zrelay_verdict_t
s_on_ready (majordomo_t *self, zrelay_message_t *message, int form,
            zrelay_worker_t *worker, size_t rest)
{
    if (zrelay_message_frames (message) != rest + 1
    || !s_is_name (message, rest) || s_is_own (message, rest))
        return s_disconnect (self, message, form, ZRELAY_POOL_INVALID);
    if (worker && zrelay_worker_state (worker) != ZRELAY_WORKER_SILENT)
        return s_disconnect (self, message, form, REASON_UNEXPECTED);
    zrelay_pool_lose (self->pool, &worker, false);
    worker = zrelay_pool_add (self->pool,
        zrelay_message_data (message, 0), zrelay_message_size (message, 0),
        zrelay_message_data (message, rest),
        zrelay_message_size (message, rest), form, true);
    zrelay_pool_beat (self->pool, worker);
    return s_done_with (message);
}

static zrelay_verdict_t
s_on_heartbeat (majordomo_t *self, zrelay_message_t *message, int form,
                zrelay_worker_t *worker, size_t rest)
{
    if (zrelay_message_frames (message) != rest)
        return s_disconnect (self, message, form, ZRELAY_POOL_INVALID);
    zrelay_pool_beat (self->pool, worker);
    return s_done_with (message);
}

static zrelay_verdict_t
s_on_disconnect (majordomo_t *self, zrelay_message_t *message, int form,
                 zrelay_worker_t *worker, size_t rest)
{
    (void) form;
    (void) rest;
    zrelay_pool_lose (self->pool, &worker, false);
    return s_done_with (message);
}

//  Put what a client expects in front of a reply's body

static void
s_address_reply (majordomo_t *self, zrelay_message_t *message,
                 zrelay_request_t *request, size_t body, bool last)
{
    s_head_client (self->spare, zrelay_request_message (request),
                   zrelay_request_address (request),
                   zrelay_request_form (request), last);
    while (body-- > 0)
        zrelay_message_pop (message);
    zrelay_message_move (self->spare, message, SIZE_MAX);
    zrelay_message_move (message, self->spare, SIZE_MAX);
}

//  client is the frame with the client's address

static zrelay_verdict_t
s_on_answer (majordomo_t *self, zrelay_message_t *message, int form,
             zrelay_worker_t *worker, size_t client, bool last)
{
    size_t body = client + 2;
    if (zrelay_message_frames (message) <= body
    || !zrelay_message_equals (message, client + 1, "", 0))
        return s_disconnect (self, message, form, ZRELAY_POOL_INVALID);
    zrelay_request_t *request =
        zrelay_pool_match (self->pool, worker, message, client, 1);
    if (!request)
        return zrelay_worker_state (worker) == ZRELAY_WORKER_OWING?
            zrelay_pool_late (self->pool, worker, last):
            s_disconnect (self, message, form, REASON_UNEXPECTED);
    bool partials = s_versions [zrelay_request_form (request)].client_partial;
    if (!last && !partials)
        return zrelay_engine_drop (self->engine, REASON_PARTIAL);
    s_address_reply (self, message, request, body, last);
    if (last)
        zrelay_pool_done (self->pool, &request);
    else
        zrelay_pool_began (self->pool, request);
    return ZRELAY_VERDICT_ANSWER;
}

static zrelay_verdict_t
s_on_partial (majordomo_t *self, zrelay_message_t *message, int form,
              zrelay_worker_t *worker, size_t rest)
{
    return s_on_answer (self, message, form, worker, rest, false);
}

static zrelay_verdict_t
s_on_final (majordomo_t *self, zrelay_message_t *message, int form,
            zrelay_worker_t *worker, size_t rest)
{
    return s_on_answer (self, message, form, worker, rest, true);
}

//  What workers may send. All but the first need a worker that is known.
static zrelay_verdict_t
    (*const s_handlers [COMMANDS]) (majordomo_t *self,
        zrelay_message_t *message, int form, zrelay_worker_t *worker,
        size_t rest) = {
    [COMMAND_READY] = s_on_ready,
    [COMMAND_PARTIAL] = s_on_partial,
    [COMMAND_FINAL] = s_on_final,
    [COMMAND_HEARTBEAT] = s_on_heartbeat,
    [COMMAND_DISCONNECT] = s_on_disconnect
};

static zrelay_verdict_t
s_on_worker (majordomo_t *self, zrelay_message_t *message,
             const heading_t *heading)
{
    command_t command = s_read_command (message, heading);
    if (command == COMMAND_NONE || !s_handlers [command])
        return s_disconnect (self, message, heading->form,
                             ZRELAY_POOL_INVALID);
    zrelay_worker_t *worker = zrelay_pool_find (self->pool,
        zrelay_message_data (message, 0), zrelay_message_size (message, 0));
    bool known = worker && zrelay_worker_form (worker) == heading->form;
    if (command != COMMAND_READY) {
        if (!known)
            return s_disconnect (self, message, heading->form,
                                 REASON_UNEXPECTED);
        zrelay_pool_heard (self->pool, worker);
    }
    return s_handlers [command] (self, message, heading->form, worker,
                                 heading->rest + 1);
}

static zrelay_verdict_t
s_on_message (zrelay_engine_t *engine, void *object, zrelay_message_t *message)
{
    (void) engine;
    majordomo_t *self = (majordomo_t *) object;
    heading_t heading;
    if (!s_read_heading (message, &heading))
        return s_on_nonsense (self, message);
    return heading.worker? s_on_worker (self, message, &heading):
                           s_on_client (self, message, &heading);
}


//  --------------------------------------------------------------------------
//  The pool's functions, for the engine

static void
s_on_gone (zrelay_engine_t *engine, void *object, zrelay_side_id_t side,
           const void *id, size_t size)
{
    (void) engine;
    zrelay_pool_gone (((majordomo_t *) object)->pool, side, id, size);
}

static void
s_on_state (zrelay_engine_t *engine, void *object, zrelay_state_t state)
{
    (void) engine;
    zrelay_pool_state (((majordomo_t *) object)->pool, state);
}

static size_t
s_pending (zrelay_engine_t *engine, void *object)
{
    (void) engine;
    return zrelay_pool_pending (((majordomo_t *) object)->pool);
}

static void
s_changed (zrelay_engine_t *engine, void *object)
{
    (void) engine;
    zrelay_pool_changed (((majordomo_t *) object)->pool);
}

static void
s_stats (zrelay_engine_t *engine, void *object, zmsg_t *answer)
{
    (void) engine;
    zrelay_pool_stats (((majordomo_t *) object)->pool, answer);
}

static void
s_reset (zrelay_engine_t *engine, void *object)
{
    (void) engine;
    zrelay_pool_reset (((majordomo_t *) object)->pool);
}


//  --------------------------------------------------------------------------
//  Queries

static int
s_services (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
            zmsg_t *answer)
{
    (void) engine;
    (void) argc;
    (void) argv;
    zrelay_pool_list_services (((majordomo_t *) object)->pool, answer);
    return ZRELAY_STATUS_DONE;
}

static int
s_workers (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
           zmsg_t *answer)
{
    (void) engine;
    zrelay_pool_list_workers (((majordomo_t *) object)->pool,
                              argc > 0? argv [0]: NULL, answer);
    return ZRELAY_STATUS_DONE;
}


//  --------------------------------------------------------------------------
//  The kind

static const zrelay_command_t s_commands [] = {
    { ZRELAY_COMMAND, .name = "SERVICES", .args = "",
      .help = "each service: name, workers, waiting, served, failed, mean and "
              "greatest time in usecs",
      .handler = s_services, .flags = ZRELAY_COMMAND_QUERY },
    { ZRELAY_COMMAND, .name = "WORKERS", .args = "[service]",
      .help = "each worker: id, state, client, requests served, silent msecs",
      .handler = s_workers, .flags = ZRELAY_COMMAND_QUERY },
    { .name = NULL }
};

static const zrelay_setting_t s_settings [] = {
    ZRELAY_POOL_SETTINGS (majordomo_t, numbers, s_changed),
    { ZRELAY_SETTING, .name = "service_queue",
      .help = "requests that may wait for one service",
      .offset = offsetof (majordomo_t, numbers.service_queue),
      .most = UINT32_MAX, .changed = s_changed },
    { ZRELAY_SETTING, .name = "service_bytes",
      .help = "bytes in these, 64 more for each frame",
      .offset = offsetof (majordomo_t, numbers.service_bytes),
      .most = INT64_MAX, .changed = s_changed },
    { .name = NULL }
};

static const zrelay_counter_t s_counters [] = {
    ZRELAY_POOL_COUNTERS (majordomo_t, numbers),
    { ZRELAY_COUNTER, .name = "requests_mmi",
      .offset = offsetof (majordomo_t, managed) },
    { .name = NULL }
};

static const char *const s_reasons [] = {
    ZRELAY_POOL_REASONS, "unexpected", "partial", NULL
};

static const zrelay_kind_t s_kind = {
    ZRELAY_KIND,
    .name = "majordomo",
    .help = "shares requests among workers, service by service",
    .frontend = { .types = "ROUTER", .endpoint = "@tcp://127.0.0.1:5555",
                  .peers = "Majordomo clients and workers" },
    .create = s_create,
    .destroy = s_destroy,
    .on_forward = s_on_message,
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
