/*  =========================================================================
    zrelay_broker - speaks the Majordomo protocol, for kinds of relay

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include <zrelay.h>

//  Most bytes in a service's name
#define NAME_MOST 255

//  Frames of an address: what a client's would be, where the kind asks. No peer
//  can have an id that begins with a zero byte, but those that libzmq chooses,
//  and these have 5 bytes.
#define ASKER_SIZE (1 + sizeof (uint64_t))
#define ASKER_FORM 0

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
    REASON_PARTIAL,                                 //  For a 0.1 client
    REASON_UNANSWERED                               //  The client is gone
};

//  Those of RFC 8, and the kind's
enum { SERVICES_MMI, SERVICES_KIND, SERVICES };

struct _zrelay_broker_t {
    zrelay_engine_t *engine;    //  Whose relay this is
    void *object;               //  The kind's
    zrelay_pool_t *pool;        //  The workers and their work
    zrelay_broker_numbers_t *numbers;   //  The kind's
    zrelay_broker_services_t services [SERVICES];   //  Served here; without a
                                //  prefix: none
    uint64_t asked;             //  Requests of the kind, ever
    zrelay_message_t *spare;    //  Empty between calls
};

//  The beginning of a message
typedef struct {
    int form;                   //  Which version it is
    bool worker;                //  A worker sent it
    size_t address;             //  Frames in front of the delimiter or header
    size_t rest;                //  First frame behind the header
} heading_t;

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

//  Those that serve the service of that name, or NULL: workers do

static const zrelay_broker_services_t *
s_find_own (zrelay_broker_t *self, zrelay_message_t *message, size_t index)
{
    for (int which = 0; which < SERVICES; which++) {
        const zrelay_broker_services_t *own = &self->services [which];
        size_t size = own->prefix? strlen (own->prefix): SIZE_MAX;
        if (zrelay_message_size (message, index) >= size
        &&  memcmp (zrelay_message_data (message, index), own->prefix,
                    size) == 0)
            return own;
    }
    return NULL;
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
s_disconnect (zrelay_broker_t *self, zrelay_message_t *message, int form,
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
s_on_nonsense (zrelay_broker_t *self, zrelay_message_t *message)
{
    zrelay_worker_t *worker = zrelay_pool_find (self->pool,
        zrelay_message_data (message, 0), zrelay_message_size (message, 0));
    zrelay_pool_lose (self->pool, &worker, true);
    return zrelay_engine_drop (self->engine, ZRELAY_POOL_INVALID);
}


//  --------------------------------------------------------------------------
//  Services of RFC 8

static void
s_append_service (void *arg, const void *service, size_t size)
{
    zrelay_message_append ((zrelay_message_t *) arg, service, size);
}

static bool
s_has_own (zrelay_broker_t *self, zrelay_message_t *message, size_t index)
{
    const zrelay_broker_services_t *own = &self->services [SERVICES_KIND];
    const char *const *name = own->prefix? own->names: NULL;
    while (name && *name && !zrelay_message_streq (message, index, *name))
        name++;
    return name && *name;
}

static void
s_mmi_service (zrelay_broker_t *self, zrelay_message_t *body,
               zrelay_message_t *reply)
{
    bool served = s_has_own (self, body, 0)
        || zrelay_pool_workers (self->pool, zrelay_message_data (body, 0),
                                zrelay_message_size (body, 0)) > 0;
    s_append_text (reply, served? MMI_OK: MMI_NOT_FOUND);
}

static void
s_mmi_services (zrelay_broker_t *self, zrelay_message_t *body,
                zrelay_message_t *reply)
{
    (void) body;
    s_append_text (reply, MMI_OK);
    const zrelay_broker_services_t *own = &self->services [SERVICES_KIND];
    const char *const *name = own->prefix? own->names: NULL;
    for (; name && *name; name++)
        s_append_text (reply, *name);
    zrelay_pool_each_service (self->pool, s_append_service, reply);
}

static const char *const s_mmi_names [] = {
    "mmi.service", "mmi.services", NULL
};

static bool
s_serve_mmi (void *object, size_t service, zrelay_message_t *body,
             zrelay_message_t *reply)
{
    static void (*const functions []) (zrelay_broker_t *self,
        zrelay_message_t *body, zrelay_message_t *reply) = {
        s_mmi_service, s_mmi_services
    };
    zrelay_broker_t *self = *(zrelay_broker_t **) object;
    functions [service] (self, body, reply);
    return true;
}

static const zrelay_broker_services_t s_mmi = {
    ZRELAY_BROKER_SERVICES,
    .prefix = "mmi.", .names = s_mmi_names, .serve = s_serve_mmi
};


//  --------------------------------------------------------------------------
//  Services that are served here

//  Returns true if reply, which has what precedes its body, is complete

static bool
s_serve_own (zrelay_broker_t *self, const zrelay_broker_services_t *own,
             const char *name, zrelay_message_t *body, zrelay_message_t *reply)
{
    size_t row = 0;
    while (own->names [row] && strneq (own->names [row], name))
        row++;
    if (own->names [row])
        return own->serve (self->object, row, body, reply);
    s_append_text (reply, MMI_NOT_IMPLEMENTED);
    return true;
}

//  Afterwards, the message has the reply, or nothing

static zrelay_verdict_t
s_on_own (zrelay_broker_t *self, const zrelay_broker_services_t *own,
          zrelay_message_t *message, const heading_t *heading, size_t service)
{
    char *name = zrelay_message_strdup (message, service);
    s_head_client (self->spare, message, heading->address, heading->form, true);
    for (size_t left = service + 1; left > 0; left--)
        zrelay_message_pop (message);
    self->numbers->mmi += own == &self->services [SERVICES_MMI];
    bool complete = s_serve_own (self, own, name, message, self->spare);
    zstr_free (&name);
    zrelay_message_clear (message);
    zrelay_message_move (message, self->spare, SIZE_MAX);
    return complete? ZRELAY_VERDICT_ANSWER: ZRELAY_VERDICT_KEPT;
}

void
zrelay_broker_answer (zrelay_broker_t *self, zrelay_message_t **reply_p)
{
    assert (reply_p && *reply_p);
    zrelay_send_t result = zrelay_engine_send (self->engine,
        ZRELAY_SIDE_FRONTEND, *reply_p);
    if (result != ZRELAY_SEND_DONE && result != ZRELAY_SEND_LOST)
        zrelay_engine_count_drop (self->engine, ZRELAY_FLOW_FORWARD,
                                  REASON_UNANSWERED);
    zrelay_message_destroy (reply_p);
}


//  --------------------------------------------------------------------------
//  The kind asks workers, as a client of the first version would

zrelay_request_t *
zrelay_broker_ask (zrelay_broker_t *self, const void *service, size_t size,
                   zrelay_message_t *body, void *asker)
{
    const version_t *version = &s_versions [ASKER_FORM];
    byte address [ASKER_SIZE] = { 0 };
    uint64_t number = ++self->asked;
    memcpy (address + 1, &number, sizeof (number));
    zrelay_message_t *message = zrelay_message_new ();
    zrelay_message_append (message, address, sizeof (address));
    zrelay_message_append (message, "", 0);
    s_append_text (message, version->client);
    zrelay_message_append (message, service, size);
    zrelay_message_share (message, body, 0, SIZE_MAX);
    zrelay_request_t *request = zrelay_pool_ask (self->pool, message, 1,
        service, size, ASKER_FORM, asker);
    if (request)
        zrelay_message_clear (body);
    zrelay_message_destroy (&message);
    return request;
}

static void
s_returned (void *object, void *asker, zrelay_pool_reason_t reason)
{
    zrelay_broker_t *self = *(zrelay_broker_t **) object;
    self->services [SERVICES_KIND].returned (self->object, asker, reason);
}

static void
s_freed (void *object, const void *service, size_t size)
{
    zrelay_broker_t *self = *(zrelay_broker_t **) object;
    if (self->services [SERVICES_KIND].freed)
        self->services [SERVICES_KIND].freed (self->object, service, size);
}

//  What a worker has in hand is answered. The kind gets the body.

static zrelay_verdict_t
s_on_reply (zrelay_broker_t *self, zrelay_message_t *message,
            zrelay_request_t **request_p, size_t body)
{
    void *asker = zrelay_request_asker (*request_p);
    while (body-- > 0)
        zrelay_message_pop (message);
    zrelay_message_t *reply = zrelay_message_take (message);
    self->services [SERVICES_KIND].replied (self->object, asker, reply);
    zrelay_message_destroy (&reply);
    zrelay_pool_done (self->pool, request_p);
    return ZRELAY_VERDICT_KEPT;
}


//  --------------------------------------------------------------------------
//  Clients

static zrelay_verdict_t
s_on_client (zrelay_broker_t *self, zrelay_message_t *message,
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
    const zrelay_broker_services_t *own = s_find_own (self, message, service);
    if (own)
        return s_on_own (self, own, message, heading, service);
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
s_on_ready (zrelay_broker_t *self, zrelay_message_t *message, int form,
            zrelay_worker_t *worker, size_t rest)
{
    if (zrelay_message_frames (message) != rest + 1
    || !s_is_name (message, rest) || s_find_own (self, message, rest))
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
s_on_heartbeat (zrelay_broker_t *self, zrelay_message_t *message, int form,
                zrelay_worker_t *worker, size_t rest)
{
    if (zrelay_message_frames (message) != rest)
        return s_disconnect (self, message, form, ZRELAY_POOL_INVALID);
    zrelay_pool_beat (self->pool, worker);
    return s_done_with (message);
}

static zrelay_verdict_t
s_on_disconnect (zrelay_broker_t *self, zrelay_message_t *message, int form,
                 zrelay_worker_t *worker, size_t rest)
{
    (void) form;
    (void) rest;
    zrelay_pool_lose (self->pool, &worker, false);
    return s_done_with (message);
}

//  Put what a client expects in front of a reply's body

static void
s_address_reply (zrelay_broker_t *self, zrelay_message_t *message,
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
s_on_answer (zrelay_broker_t *self, zrelay_message_t *message, int form,
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
    if (zrelay_request_asker (request))
        return s_on_reply (self, message, &request, body);
    s_address_reply (self, message, request, body, last);
    if (last)
        zrelay_pool_done (self->pool, &request);
    else
        zrelay_pool_began (self->pool, request);
    return ZRELAY_VERDICT_ANSWER;
}

static zrelay_verdict_t
s_on_partial (zrelay_broker_t *self, zrelay_message_t *message, int form,
              zrelay_worker_t *worker, size_t rest)
{
    return s_on_answer (self, message, form, worker, rest, false);
}

static zrelay_verdict_t
s_on_final (zrelay_broker_t *self, zrelay_message_t *message, int form,
            zrelay_worker_t *worker, size_t rest)
{
    return s_on_answer (self, message, form, worker, rest, true);
}

//  What workers may send. All but the first need a worker that is known.
static zrelay_verdict_t
    (*const s_handlers [COMMANDS]) (zrelay_broker_t *self,
        zrelay_message_t *message, int form, zrelay_worker_t *worker,
        size_t rest) = {
    [COMMAND_READY] = s_on_ready,
    [COMMAND_PARTIAL] = s_on_partial,
    [COMMAND_FINAL] = s_on_final,
    [COMMAND_HEARTBEAT] = s_on_heartbeat,
    [COMMAND_DISCONNECT] = s_on_disconnect
};

static zrelay_verdict_t
s_on_worker (zrelay_broker_t *self, zrelay_message_t *message,
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

zrelay_verdict_t
zrelay_broker_on_message (zrelay_engine_t *engine, void *object,
                          zrelay_message_t *message)
{
    (void) engine;
    zrelay_broker_t *self = *(zrelay_broker_t **) object;
    heading_t heading;
    if (!s_read_heading (message, &heading))
        return s_on_nonsense (self, message);
    return heading.worker? s_on_worker (self, message, &heading):
                           s_on_client (self, message, &heading);
}


//  --------------------------------------------------------------------------
//  Constructor and destructor

static const zrelay_pool_protocol_t s_protocol = {
    ZRELAY_POOL_PROTOCOL,
    .clients = ZRELAY_SIDE_FRONTEND,
    .workers = ZRELAY_SIDE_FRONTEND,
    .give = s_give,
    .beat = s_beat,
    .part = s_part,
    .returned = s_returned,
    .freed = s_freed
};

void
zrelay_broker_defaults (zrelay_pool_numbers_t *pool)
{
    pool->heartbeat = 1000;
    pool->liveness = 3;
    pool->retries = 1;
    pool->overflow = ZRELAY_POOL_DROP_NEW;
    pool->queue = 10000;
    pool->queue_bytes = 256 * 1024 * 1024;
    pool->service_queue = 1000;
    pool->service_bytes = 64 * 1024 * 1024;
}

zrelay_broker_t *
zrelay_broker_new (zrelay_engine_t *engine, void *object,
                   zrelay_pool_numbers_t *pool,
                   zrelay_broker_numbers_t *numbers)
{
    zrelay_broker_t *self =
        (zrelay_broker_t *) zmalloc (sizeof (zrelay_broker_t));
    assert (self);
    self->engine = engine;
    self->object = object;
    self->numbers = numbers;
    self->services [SERVICES_MMI] = s_mmi;
    self->pool = zrelay_pool_new (engine, object, &s_protocol, pool);
    self->spare = zrelay_message_new ();
    return self;
}

void
zrelay_broker_destroy (zrelay_broker_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_broker_t *self = *self_p;
        zrelay_pool_destroy (&self->pool);
        zrelay_message_destroy (&self->spare);
        freen (self);
        *self_p = NULL;
    }
}

bool
zrelay_broker_serve (zrelay_broker_t *self,
                     const zrelay_broker_services_t *services)
{
    assert (!self->services [SERVICES_KIND].prefix);
    for (const char *const *name = services->names; *name; name++)
        if (zrelay_pool_workers (self->pool, *name, strlen (*name)) > 0)
            return false;
    size_t size = services->size < sizeof (*services)?
                  services->size: sizeof (*services);
    memcpy (&self->services [SERVICES_KIND], services, size);
    return true;
}

zrelay_pool_t *
zrelay_broker_pool (zrelay_broker_t *self)
{
    return self->pool;
}


//  --------------------------------------------------------------------------
//  Functions of a kind's tables

void
zrelay_broker_changed (zrelay_engine_t *engine, void *object)
{
    (void) engine;
    zrelay_pool_changed ((*(zrelay_broker_t **) object)->pool);
}

int
zrelay_broker_list_services (zrelay_engine_t *engine, void *object, size_t argc,
                             char **argv, zmsg_t *answer)
{
    (void) engine;
    (void) argc;
    (void) argv;
    zrelay_pool_list_services ((*(zrelay_broker_t **) object)->pool, answer);
    return ZRELAY_STATUS_DONE;
}

int
zrelay_broker_list_workers (zrelay_engine_t *engine, void *object, size_t argc,
                            char **argv, zmsg_t *answer)
{
    (void) engine;
    zrelay_pool_list_workers ((*(zrelay_broker_t **) object)->pool,
                              argc > 0? argv [0]: NULL, answer);
    return ZRELAY_STATUS_DONE;
}


//  --------------------------------------------------------------------------
//  Selftest: see selftest/
