/*  =========================================================================
    zrelay_titanic - a majordomo whose requests and replies are on disk

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_journal.h"
#include "zrelay_ledger.h"

#include <zrelay.h>
#include <zrelay_titanic.h>

//  Statuses, RFC 9
#define STATUS_DONE "200"
#define STATUS_PENDING "300"
#define STATUS_UNKNOWN "400"
#define STATUS_FAILED "500"

//  Most bytes in a service's name, as for any client
#define SERVICE_MOST 255

//  Services of brokers, which are not asked by way of the store
static const char *const s_own [] = { "titanic.", "mmi.", NULL };

//  Msecs between looks at what rests, what could not be stored, and what has
//  expired; and most of these that are looked at in one go
#define LOOK_IVL 1000
#define LOOK_MOST 1000

//  Defaults of settings
#define EXPIRY_DEFAULT ((int64_t) 7 * 24 * 60 * 60 * 1000)
#define REQUESTS_DEFAULT 100000
#define BYTES_DEFAULT (1024 * 1024 * 1024)
#define EXPIRY_MOST ((int64_t) 10 * 366 * 24 * 60 * 60 * 1000)

static const char *const s_syncs [] = { "always", "second", "never", NULL };

typedef struct {
    zrelay_broker_t *broker;    //  Speaks the protocol; comes first
    zrelay_broker_numbers_t counts; //  Its counters
    zrelay_pool_numbers_t pool; //  Settings and counters of its pool
    zrelay_ledger_numbers_t numbers;    //  And of what is stored
    zrelay_engine_t *engine;    //  Whose relay this is
    zrelay_store_t *store;      //  NULL until TITANIC was given
    char *directory;            //  Where it is
    zrelay_journal_t *journal;  //  Changes of the store
    zrelay_ledger_t *ledger;    //  What is in it
    zlistx_t *asks;             //  What workers were asked, the first first
    bool active;                //  The relay gives work to workers
    bool hungry;                //  All services are to be looked at soon
    bool making;                //  A timer will make changes
    bool ending;                //  No client can be answered any more
    char *told;                 //  Last problem that was logged, or NULL
} titanic_t;

//  What workers were asked. The entry may be deleted meanwhile.
typedef struct {
    zrelay_line_t *line;        //  The service
    zrelay_entry_t *entry;      //  The request, or NULL
    zrelay_request_t *request;  //  As the broker has it
    void *place;                //  Handle in the list of all
} ask_t;

//  A change that is being made
typedef enum {
    CHANGE_ADD,                 //  A request is stored
    CHANGE_REPLY,               //  And its reply in its place
    CHANGE_CLOSE,               //  Either is deleted by a client
    CHANGE_EXPIRE               //  Or because its time is over
} change_id_t;

typedef struct {
    change_id_t id;
    char uuid [ZRELAY_LEDGER_UUID + 1];     //  Which request
    zrelay_message_t *client;   //  The answer, without its body, or NULL
} change_t;


//  --------------------------------------------------------------------------
//  Changes of the store

static zrelay_entry_t *
s_find (titanic_t *self, const char *uuid)
{
    return zrelay_ledger_find (self->ledger, uuid, strlen (uuid));
}

static void
s_append (zrelay_message_t *message, const char *text)
{
    zrelay_message_append (message, text, strlen (text));
}

static void
s_on_made (zrelay_engine_t *engine, void *object, int timer);

static void
s_make_soon (titanic_t *self)
{
    if (!self->making && !self->ending)
        zrelay_engine_timer (self->engine, 0, 1, s_on_made, self);
    self->making = true;
}

//  *message_p is what is stored, NULL: nothing. client, or NULL, is taken.

static void
s_change (titanic_t *self, change_id_t id, zrelay_entry_t *entry,
          zrelay_message_t **message_p, zrelay_message_t *client)
{
    change_t *change = (change_t *) zmalloc (sizeof (change_t));
    assert (change);
    change->id = id;
    memcpy (change->uuid, entry->uuid, sizeof (change->uuid));
    change->client = client;
    if (message_p)
        zrelay_journal_set (self->journal, entry->uuid, message_p, change);
    else
        zrelay_journal_unset (self->journal, entry->uuid, change);
    s_make_soon (self);
}

static void
s_feed (titanic_t *self, zrelay_line_t *line);

static void
s_feed_all (titanic_t *self);

//  A request was stored, or not

static void
s_added (titanic_t *self, const change_t *change, zrelay_entry_t *entry,
         bool made)
{
    self->numbers.accepted += made;
    if (!made) {
        zrelay_ledger_remove (self->ledger, &entry);
        return;
    }
    if (change->client)
        s_append (change->client, entry->uuid);
    zrelay_ledger_set_state (self->ledger, entry, ZRELAY_ENTRY_READY, false);
    s_feed (self, entry->line);
}

//  A reply that was not stored is kept in memory, and tried again

static void
s_answered (titanic_t *self, const change_t *change, zrelay_entry_t *entry,
            bool made)
{
    (void) change;
    self->numbers.answered += made;
    if (!made) {
        zrelay_ledger_set_state (self->ledger, entry, ZRELAY_ENTRY_UNKEPT,
                                 false);
        return;
    }
    zrelay_ledger_set_replied (self->ledger, entry);
}

//  If workers were asked, their reply is ignored

static void
s_deleted (titanic_t *self, const change_t *change, zrelay_entry_t *entry,
           bool made)
{
    bool closed = change->id == CHANGE_CLOSE;
    if (!made) {
        zrelay_ledger_set_leaving (self->ledger, entry, false);
        self->hungry = true;
        return;
    }
    self->numbers.closed += closed;
    self->numbers.expired += !closed;
    if (entry->ask)
        ((ask_t *) entry->ask)->entry = NULL;
    zrelay_ledger_remove (self->ledger, &entry);
}

//  The journal reports that a change was made, or not

static void
s_on_change (void *object, void *arg, bool made)
{
    static void (*const functions []) (titanic_t *self, const change_t *change,
        zrelay_entry_t *entry, bool made) = {
        [CHANGE_ADD] = s_added,
        [CHANGE_REPLY] = s_answered,
        [CHANGE_CLOSE] = s_deleted,
        [CHANGE_EXPIRE] = s_deleted
    };
    titanic_t *self = (titanic_t *) object;
    bool stopped = zrelay_ledger_is_stopped (self->ledger);
    change_t *change = (change_t *) arg;
    zrelay_entry_t *entry = s_find (self, change->uuid);
    if (change->client) {
        self->numbers.failed += !made;
        s_append (change->client, made? STATUS_DONE: STATUS_FAILED);
    }
    //  A second one to close it finds nothing
    if (entry)
        functions [change->id] (self, change, entry, made);
    if (change->client && !self->ending)
        zrelay_broker_answer (self->broker, &change->client);
    zrelay_message_destroy (&change->client);
    freen (change);
    if (stopped && !zrelay_ledger_is_stopped (self->ledger))
        s_feed_all (self);
}

static void
s_on_made (zrelay_engine_t *engine, void *object, int timer)
{
    (void) engine;
    (void) timer;
    titanic_t *self = (titanic_t *) object;
    self->making = false;
    zrelay_journal_make (self->journal);
    self->numbers.failing = zrelay_journal_problem (self->journal) != NULL;
    if (zrelay_journal_waiting (self->journal) > 0)
        s_make_soon (self);
}

static void
s_on_synced (zrelay_engine_t *engine, void *object, void *sock, int fd)
{
    (void) engine;
    (void) sock;
    (void) fd;
    titanic_t *self = (titanic_t *) object;
    zrelay_journal_heard (self->journal);
    self->numbers.failing = zrelay_journal_problem (self->journal) != NULL;
}


//  --------------------------------------------------------------------------
//  Asking workers

//  Workers have what was asked no more

static void
s_ask_destroy (titanic_t *self, ask_t **ask_p)
{
    ask_t *ask = *ask_p;
    if (ask->entry)
        ask->entry->ask = NULL;
    ask->line->asked--;
    zlistx_detach (self->asks, ask->place);
    zrelay_ledger_leave_line (self->ledger, ask->line);
    freen (ask);
    *ask_p = NULL;
}

static ask_t *
s_ask_new (titanic_t *self, zrelay_entry_t *entry)
{
    ask_t *ask = (ask_t *) zmalloc (sizeof (ask_t));
    assert (ask);
    ask->line = entry->line;
    ask->entry = entry;
    entry->ask = ask;
    ask->line->asked++;
    ask->place = zlistx_add_end (self->asks, ask);
    zrelay_ledger_use_line (self->ledger, ask->line);
    return ask;
}

//  Returns false if too many requests wait already

static bool
s_ask (titanic_t *self, zrelay_entry_t *entry)
{
    zrelay_message_t *body = zrelay_message_new ();
    bool read = zrelay_ledger_read (entry, self->store, false, body);
    ask_t *ask = read? s_ask_new (self, entry): NULL;
    if (ask)
        ask->request = zrelay_broker_ask (self->broker, ask->line->name.data,
            ask->line->name.size, body, ask);
    zrelay_message_destroy (&body);
    if (ask && !ask->request) {
        s_ask_destroy (self, &ask);
        return false;
    }
    zrelay_ledger_set_state (self->ledger, entry,
        read? ZRELAY_ENTRY_ASKED: ZRELAY_ENTRY_BROKEN, false);
    if (!read)
        zrelay_engine_log (self->engine, ZRELAY_LOG_ERROR,
            "the stored request %s cannot be read", entry->uuid);
    return true;
}

//  As many at once as the service has workers, so that they have their turns
//  with those of other clients. Not while a reply would find no room.

static bool
s_may_feed (titanic_t *self, zrelay_line_t *line)
{
    return self->active && !self->ending
        && !zrelay_ledger_is_stopped (self->ledger)
        && line->asked < zrelay_pool_workers (
            zrelay_broker_pool (self->broker), line->name.data,
            line->name.size);
}

static void
s_feed (titanic_t *self, zrelay_line_t *line)
{
    zrelay_entry_t *entry;
    while ((entry = (zrelay_entry_t *) zlistx_first (line->ready))
        && s_may_feed (self, line))
        if (!s_ask (self, entry)) {
            self->hungry = true;
            break;
        }
}

static void
s_feed_all (titanic_t *self)
{
    self->hungry = false;
    zrelay_line_t *line = zrelay_ledger_first_line (self->ledger);
    for (; line; line = zrelay_ledger_next_line (self->ledger))
        s_feed (self, line);
}

static void
s_store_reply (titanic_t *self, zrelay_entry_t *entry)
{
    zrelay_message_t *message =
        zrelay_ledger_write (entry, true, entry->reply);
    s_change (self, CHANGE_REPLY, entry, &message, NULL);
}

//  One that is being deleted needs no reply; unless that fails

static void
s_replied (void *object, void *asker, zrelay_message_t *body)
{
    titanic_t *self = (titanic_t *) object;
    ask_t *ask = (ask_t *) asker;
    zrelay_entry_t *entry = ask->entry;
    s_ask_destroy (self, &ask);
    if (!entry)
        return;
    if (entry->leaving)
        zrelay_ledger_set_state (self->ledger, entry, ZRELAY_ENTRY_READY,
                                 false);
    else {
        zrelay_message_t *reply = zrelay_message_take (body);
        zrelay_ledger_set_answered (self->ledger, entry, &reply);
        s_store_reply (self, entry);
    }
}

static void
s_returned (void *object, void *asker, zrelay_pool_reason_t reason)
{
    (void) reason;
    titanic_t *self = (titanic_t *) object;
    ask_t *ask = (ask_t *) asker;
    zrelay_entry_t *entry = ask->entry;
    s_ask_destroy (self, &ask);
    self->numbers.returned++;
    if (entry)
        zrelay_ledger_set_state (self->ledger, entry, ZRELAY_ENTRY_RESTING,
                                 false);
}

static void
s_freed (void *object, const void *service, size_t size)
{
    titanic_t *self = (titanic_t *) object;
    zrelay_line_t *line =
        zrelay_ledger_find_line (self->ledger, service, size);
    if (line)
        s_feed (self, line);
}

//  Take it back if no worker has it yet; it is the next then

static void
s_withdraw (titanic_t *self, ask_t *ask)
{
    zrelay_entry_t *entry = ask->entry;
    if (!zrelay_pool_withdraw (zrelay_broker_pool (self->broker),
                               &ask->request))
        return;
    s_ask_destroy (self, &ask);
    if (entry)
        zrelay_ledger_set_state (self->ledger, entry, ZRELAY_ENTRY_READY, true);
}

//  From the last on, so that they get back into their order

static void
s_withdraw_all (titanic_t *self)
{
    ask_t *ask = (ask_t *) zlistx_last (self->asks);
    while (ask) {
        ask_t *before = (ask_t *) zlistx_prev (self->asks);
        s_withdraw (self, ask);
        ask = before;
    }
}


//  --------------------------------------------------------------------------
//  From time to time

static void
s_delete (titanic_t *self, zrelay_entry_t *entry, change_id_t id,
          zrelay_message_t *client)
{
    if (entry->ask)
        s_withdraw (self, (ask_t *) entry->ask);
    zrelay_ledger_set_leaving (self->ledger, entry, true);
    s_change (self, id, entry, NULL, client);
}

static void
s_expire (titanic_t *self)
{
    int64_t now = zclock_time ();
    zrelay_entry_t *entry;
    for (int left = LOOK_MOST; left > 0
         && (entry = zrelay_ledger_expired (self->ledger, now)); left--)
        s_delete (self, entry, CHANGE_EXPIRE, NULL);
}

static void
s_wake (titanic_t *self)
{
    zrelay_entry_t *entry;
    for (int left = LOOK_MOST; left > 0
         && (entry = zrelay_ledger_resting (self->ledger)); left--) {
        zrelay_ledger_set_state (self->ledger, entry, ZRELAY_ENTRY_READY,
                                 false);
        self->hungry = true;
    }
}

static void
s_store_unkept (titanic_t *self)
{
    zrelay_entry_t *entry;
    while ((entry = zrelay_ledger_unkept (self->ledger))) {
        zrelay_ledger_set_state (self->ledger, entry, ZRELAY_ENTRY_ANSWERED,
                                 false);
        s_store_reply (self, entry);
    }
}

//  An operator hears once of what is wrong, and when it no longer is

static void
s_tell (titanic_t *self)
{
    const char *problem = zrelay_journal_problem (self->journal);
    if (problem && (!self->told || strneq (self->told, problem)))
        zrelay_engine_log (self->engine, ZRELAY_LOG_WARNING,
            "some requests are refused: %s", problem);
    if (!problem && self->told)
        zrelay_engine_log (self->engine, ZRELAY_LOG_INFO,
            "requests are stored again");
    zstr_free (&self->told);
    self->told = problem? strdup (problem): NULL;
}

static void
s_on_look (zrelay_engine_t *engine, void *object, int timer)
{
    (void) engine;
    (void) timer;
    titanic_t *self = (titanic_t *) object;
    s_expire (self);
    s_wake (self);
    s_store_unkept (self);
    if (self->hungry)
        s_feed_all (self);
    s_tell (self);
}


//  --------------------------------------------------------------------------
//  Services

static bool
s_is_own (zrelay_message_t *body)
{
    for (const char *const *prefix = s_own; *prefix; prefix++)
        if (zrelay_message_size (body, 0) >= strlen (*prefix)
        &&  memcmp (zrelay_message_data (body, 0), *prefix,
                    strlen (*prefix)) == 0)
            return true;
    return false;
}

//  Store what is left of body, for a service. Returns NULL, or the status.

static const char *
s_store_request (titanic_t *self, const void *service, size_t size,
                 zrelay_message_t *body, zrelay_message_t *reply)
{
    size_t bytes = zrelay_ledger_bytes (body);
    if (!zrelay_ledger_has_room (self->ledger, bytes)) {
        self->numbers.refused++;
        return STATUS_FAILED;
    }
    zrelay_entry_t *entry =
        zrelay_ledger_add (self->ledger, service, size, bytes);
    if (!entry) {
        self->numbers.failed++;
        return STATUS_FAILED;
    }
    zrelay_message_t *message = zrelay_ledger_write (entry, false, body);
    s_change (self, CHANGE_ADD, entry, &message, zrelay_message_take (reply));
    return NULL;
}

static const char *
s_request (titanic_t *self, zrelay_message_t *body, zrelay_message_t *reply)
{
    byte service [SERVICE_MOST];
    size_t size = zrelay_message_size (body, 0);
    if (zrelay_message_frames (body) < 2 || size == 0 || size > SERVICE_MOST
    ||  s_is_own (body))
        return STATUS_UNKNOWN;
    memcpy (service, zrelay_message_data (body, 0), size);
    zrelay_message_pop (body);
    return s_store_request (self, service, size, body, reply);
}

//  The request that a body names, and nothing else; NULL if there is none

static zrelay_entry_t *
s_named (titanic_t *self, zrelay_message_t *body)
{
    return zrelay_message_frames (body) != 1? NULL:
        zrelay_ledger_find (self->ledger, zrelay_message_data (body, 0),
                            zrelay_message_size (body, 0));
}

static const char *
s_reply (titanic_t *self, zrelay_message_t *body, zrelay_message_t *reply)
{
    zrelay_entry_t *entry = s_named (self, body);
    if (!entry)
        return STATUS_UNKNOWN;
    bool replied = entry->state == ZRELAY_ENTRY_REPLIED;
    if (!replied && entry->state != ZRELAY_ENTRY_BROKEN)
        return STATUS_PENDING;
    zrelay_message_clear (body);
    if (!replied || !zrelay_ledger_read (entry, self->store, true, body)) {
        self->numbers.failed++;
        return STATUS_FAILED;
    }
    s_append (reply, STATUS_DONE);
    zrelay_message_move (reply, body, SIZE_MAX);
    return "";
}

//  What is being deleted already is answered after that was done

static const char *
s_close (titanic_t *self, zrelay_message_t *body, zrelay_message_t *reply)
{
    zrelay_entry_t *entry = s_named (self, body);
    if (!entry)
        return STATUS_DONE;
    s_delete (self, entry, CHANGE_CLOSE, zrelay_message_take (reply));
    return NULL;
}

static const char *const s_names [] = {
    "titanic.request", "titanic.reply", "titanic.close", NULL
};

//  Each returns the status; "" if the reply is complete, and NULL if it took
//  that, to answer later

static bool
s_serve (void *object, size_t service, zrelay_message_t *body,
         zrelay_message_t *reply)
{
    static const char *(*const functions []) (titanic_t *self,
        zrelay_message_t *body, zrelay_message_t *reply) = {
        s_request, s_reply, s_close
    };
    const char *status = functions [service] ((titanic_t *) object, body,
                                              reply);
    if (status && *status)
        s_append (reply, status);
    return status != NULL;
}

static const zrelay_broker_services_t s_services = {
    ZRELAY_BROKER_SERVICES,
    .prefix = "titanic.",
    .names = s_names,
    .serve = s_serve,
    .replied = s_replied,
    .returned = s_returned,
    .freed = s_freed
};


//  --------------------------------------------------------------------------
//  The object

static void *
s_create (zrelay_engine_t *engine)
{
    titanic_t *self = (titanic_t *) zmalloc (sizeof (titanic_t));
    assert (self);
    self->engine = engine;
    self->active = true;
    self->counts.size = sizeof (self->counts);
    self->pool.size = sizeof (self->pool);
    zrelay_broker_defaults (&self->pool);
    self->numbers.expiry = EXPIRY_DEFAULT;
    self->numbers.requests_most = REQUESTS_DEFAULT;
    self->numbers.bytes_most = BYTES_DEFAULT;
    self->numbers.sync = ZRELAY_STORE_SYNC_SECOND;
    self->broker = zrelay_broker_new (engine, self, &self->pool, &self->counts);
    return self;
}

//  What is still to be stored is, and nobody is told

static void
s_sink (titanic_t *self)
{
    self->ending = true;
    s_store_unkept (self);
    while (zrelay_journal_waiting (self->journal) > 0)
        zrelay_journal_make (self->journal);
    zrelay_journal_destroy (&self->journal);
    ask_t *ask;
    while ((ask = (ask_t *) zlistx_first (self->asks)))
        s_ask_destroy (self, &ask);
    if (zrelay_store_handle (self->store) != -1)
        zrelay_engine_reader_end (self->engine, NULL,
                                  zrelay_store_handle (self->store));
}

static void
s_close_store (titanic_t *self)
{
    zlistx_destroy (&self->asks);
    zrelay_ledger_destroy (&self->ledger);
    zrelay_store_destroy (&self->store);
    zstr_free (&self->directory);
}

static void
s_destroy (void **object_p)
{
    titanic_t *self = (titanic_t *) *object_p;
    if (self->store) {
        s_sink (self);
        s_close_store (self);
    }
    zrelay_broker_destroy (&self->broker);
    zstr_free (&self->told);
    freen (self);
    *object_p = NULL;
}


//  --------------------------------------------------------------------------
//  The command

static int
s_refuse (titanic_t *self, int status, const char *sentence)
{
    zrelay_engine_fail (self->engine, status, "%s", sentence);
    s_close_store (self);
    return status;
}

static int
s_open (titanic_t *self, const char *directory)
{
    self->directory = strdup (directory);
    assert (self->directory);
    self->ledger = zrelay_ledger_new (&self->numbers);
    self->asks = zlistx_new ();
    assert (self->asks);
    self->store = zrelay_store_new ();
    zrelay_store_set_sync (self->store,
                           (zrelay_store_sync_t) self->numbers.sync);
    if (zrelay_store_open (self->store, directory))
        return s_refuse (self, ZRELAY_STATUS_REFUSED,
                         zrelay_store_error (self->store));
    const char *problem = zrelay_ledger_load (self->ledger, self->store);
    if (problem) {
        zrelay_engine_fail (self->engine, ZRELAY_STATUS_REFUSED,
            "the store in %s is for something else: %s",
            zrelay_engine_quote (self->engine, directory), problem);
        s_close_store (self);
        return ZRELAY_STATUS_REFUSED;
    }
    return zrelay_broker_serve (self->broker, &s_services)?
        ZRELAY_STATUS_DONE: s_refuse (self, ZRELAY_STATUS_BAD_STATE,
            "a worker serves titanic.request, titanic.reply or titanic.close"
            " already");
}

static void
s_begin (titanic_t *self)
{
    self->journal = zrelay_journal_new (self->store, s_on_change, self);
    if (zrelay_store_handle (self->store) != -1)
        zrelay_engine_reader (self->engine, NULL,
                              zrelay_store_handle (self->store), s_on_synced,
                              self);
    zrelay_engine_timer (self->engine, LOOK_IVL, 0, s_on_look, self);
    if (self->numbers.requests + self->numbers.replies > 0)
        zrelay_engine_log (self->engine, ZRELAY_LOG_INFO,
            "waiting requests found: %" PRIu64 ", replies: %" PRIu64,
            self->numbers.requests, self->numbers.replies);
    s_feed_all (self);
}

static int
s_titanic (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
           zmsg_t *answer)
{
    (void) argc;
    (void) answer;
    titanic_t *self = (titanic_t *) object;
    if (self->store)
        return zrelay_engine_fail (engine, ZRELAY_STATUS_BAD_STATE,
            "requests are kept in %s already",
            zrelay_engine_quote (engine, self->directory));
    int status = s_open (self, argv [0]);
    if (status == ZRELAY_STATUS_DONE)
        s_begin (self);
    return status;
}


//  --------------------------------------------------------------------------
//  The kind

static void
s_on_state (zrelay_engine_t *engine, void *object, zrelay_state_t state)
{
    (void) engine;
    titanic_t *self = (titanic_t *) object;
    self->active = state == ZRELAY_STATE_ACTIVE;
    if (self->store && !self->active)
        s_withdraw_all (self);
    zrelay_pool_state (zrelay_broker_pool (self->broker), state);
    if (self->store && self->active)
        s_feed_all (self);
}

//  What waits in the store only does not count: it is safe there

static size_t
s_pending (zrelay_engine_t *engine, void *object)
{
    (void) engine;
    titanic_t *self = (titanic_t *) object;
    size_t pending = zrelay_pool_pending (zrelay_broker_pool (self->broker));
    if (self->store)
        pending += zrelay_journal_size (self->journal)
                 + (zrelay_ledger_unkept (self->ledger) != NULL);
    return pending;
}

static void
s_changed_sync (zrelay_engine_t *engine, void *object)
{
    (void) engine;
    titanic_t *self = (titanic_t *) object;
    if (!self->store)
        return;
    zrelay_store_set_sync (self->store,
                           (zrelay_store_sync_t) self->numbers.sync);
    zrelay_journal_heard (self->journal);
}

static void
s_changed_room (zrelay_engine_t *engine, void *object)
{
    (void) engine;
    titanic_t *self = (titanic_t *) object;
    if (self->store)
        s_feed_all (self);
}

static const zrelay_command_t s_commands [] = {
    ZRELAY_BROKER_COMMANDS,
    { ZRELAY_COMMAND, .name = "TITANIC", .args = "directory",
      .help = "keep requests there, and serve titanic.request and its like",
      .handler = s_titanic, .flags = ZRELAY_COMMAND_OWNER },
    { .name = NULL }
};

static const zrelay_setting_t s_settings [] = {
    ZRELAY_BROKER_SETTINGS (titanic_t, pool),
    { ZRELAY_SETTING, .name = "titanic_expiry",
      .help = "milliseconds to keep a request or reply; 0: any",
      .offset = offsetof (titanic_t, numbers.expiry), .most = EXPIRY_MOST },
    { ZRELAY_SETTING, .name = "titanic_requests",
      .help = "requests that may be stored, answered or not",
      .offset = offsetof (titanic_t, numbers.requests_most),
      .most = UINT32_MAX },
    { ZRELAY_SETTING, .name = "titanic_bytes",
      .help = "bytes in these, and in replies; 64 more a frame",
      .offset = offsetof (titanic_t, numbers.bytes_most), .most = INT64_MAX,
      .changed = s_changed_room },
    { ZRELAY_SETTING, .name = "titanic_sync",
      .help = "when the disk is to have what was stored",
      .offset = offsetof (titanic_t, numbers.sync), .words = s_syncs,
      .changed = s_changed_sync },
    { .name = NULL }
};

#define COUNTER(label, member, special) \
    { ZRELAY_COUNTER, .name = "titanic." label, \
      .offset = offsetof (titanic_t, numbers.member), .flags = special }

static const zrelay_counter_t s_counters [] = {
    ZRELAY_BROKER_COUNTERS (titanic_t, pool, counts),
    COUNTER ("requests", requests, ZRELAY_COUNTER_GAUGE),
    COUNTER ("request_bytes", request_bytes, ZRELAY_COUNTER_GAUGE),
    COUNTER ("replies", replies, ZRELAY_COUNTER_GAUGE),
    COUNTER ("reply_bytes", reply_bytes, ZRELAY_COUNTER_GAUGE),
    COUNTER ("accepted", accepted, 0),
    COUNTER ("answered", answered, 0),
    COUNTER ("closed", closed, 0),
    COUNTER ("expired", expired, 0),
    COUNTER ("returned", returned, 0),
    COUNTER ("refused", refused, 0),
    COUNTER ("failed", failed, 0),
    COUNTER ("failing", failing, ZRELAY_COUNTER_GAUGE),
    { .name = NULL }
};

static zrelay_kind_t s_kind;
static const zrelay_kind_t *const s_kinds [] = { &s_kind, NULL };
static pthread_once_t s_once = PTHREAD_ONCE_INIT;

//  It is the plain kind, and more

static void
s_describe (void)
{
    s_kind = *zrelay_majordomo_kind ();
    s_kind.size = sizeof (s_kind);
    s_kind.create = s_create;
    s_kind.destroy = s_destroy;
    s_kind.on_state = s_on_state;
    s_kind.pending = s_pending;
    s_kind.commands = s_commands;
    s_kind.settings = s_settings;
    s_kind.counters = s_counters;
}

const zrelay_kind_t *
zrelay_titanic_kind (void)
{
    pthread_once (&s_once, s_describe);
    return &s_kind;
}

const zrelay_kind_t *const *
zrelay_titanic_kinds (void)
{
    pthread_once (&s_once, s_describe);
    return s_kinds;
}


//  --------------------------------------------------------------------------
//  Selftest: see zrelay_titanic_test.c
