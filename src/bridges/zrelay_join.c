/*  =========================================================================
    zrelay_join - what all kinds that can be joined to others have in common

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_join.h"

//  Defaults of settings
#define BUFFER_DEFAULT (16 * 1024 * 1024)
#define PATIENCE_DEFAULT 1000

//  Messages and bytes of letters that are delivered in one turn
#define TURN_MESSAGES 1000
#define TURN_BYTES (1024 * 1024)

//  Milliseconds until a message is tried again that could not be delivered,
//  and until a paused relay looks whether it still is
#define RETRY_IVL 5
#define PAUSED_IVL 50

//  Longest name of a site that is taken from others
#define SITE_MOST 255

//  What a site reports: that it is there, at the beginning that others should
//  report themselves, too, and after an outage that they should repeat what it
//  may have missed
static const char s_here [] = "HERE";
static const char s_new [] = "NEW";
static const char s_back [] = "BACK";
static const char s_bye [] = "BYE";


//  --------------------------------------------------------------------------
//  Reports

static const char *
s_site_subject (zrelay_join_t *self, char room [ZRELAY_ADDRESS_ROOM])
{
    char word [32];
    snprintf (word, sizeof (word), "site.%s", self->kind->word);
    return zrelay_address_subject (&self->address, word, room);
}

//  Numbers of the kind follow in a frame of their own

static void
s_append_numbers (zrelay_join_t *self, zrelay_message_t *message,
                  uint64_t *numbers)
{
    byte data [ZRELAY_JOIN_NUMBERS * ZRELAY_PARCEL_LONG];
    self->kind->report (self, numbers);
    for (size_t index = 0; index < self->kind->numbers; index++)
        zrelay_parcel_put_long (data + index * ZRELAY_PARCEL_LONG,
                                numbers [index]);
    zrelay_message_append (message, data,
                           self->kind->numbers * ZRELAY_PARCEL_LONG);
}

static void
s_hear_numbers (zrelay_join_t *self, zrelay_message_t *message)
{
    uint64_t numbers [ZRELAY_JOIN_NUMBERS];
    const byte *data = zrelay_message_data (message, 2);
    for (size_t index = 0; index < self->kind->numbers; index++)
        numbers [index] =
            zrelay_parcel_get_long (data + index * ZRELAY_PARCEL_LONG);
    self->kind->hear (self, self->letter.origin, numbers);
}

//  Returns false if there is no room

static bool
s_report (zrelay_join_t *self, const char *verb)
{
    char subject [ZRELAY_ADDRESS_ROOM];
    uint64_t numbers [ZRELAY_JOIN_NUMBERS];
    zrelay_message_t *message = zrelay_message_new ();
    zrelay_message_append (message, verb, strlen (verb));
    zrelay_message_append (message, self->site, strlen (self->site));
    if (self->kind->numbers > 0)
        s_append_numbers (self, message, numbers);
    bool sent = zrelay_link_tell (self->link, s_site_subject (self, subject),
                                  message) == ZRELAY_LINK_SENT;
    zrelay_message_destroy (&message);
    if (sent && self->kind->reported)
        self->kind->reported (self, numbers);
    return sent;
}

//  What is to be said now is said as soon as there is room. One that is said
//  from time to time is missed no more than one that gets lost.

static void
s_pay (zrelay_join_t *self)
{
    if (self->owed && s_report (self, self->owed))
        self->owed = NULL;
}

void
zrelay_join_report (zrelay_join_t *self)
{
    if (self->status.state == ZRELAY_LINK_UP)
        s_report (self, s_here);
}

static void
s_on_timer (zrelay_engine_t *engine, void *object, int timer)
{
    (void) engine;
    (void) timer;
    zrelay_join_t *self = (zrelay_join_t *) object;
    zrelay_join_report (self);
    zrelay_sites_expire (self->sites, zclock_mono ());
    self->sites_count = zrelay_sites_count (self->sites);
}

static void
s_refresh (zrelay_join_t *self);

static bool
s_is_report (zrelay_join_t *self, zrelay_message_t *message)
{
    size_t frames = zrelay_message_frames (message);
    size_t name = zrelay_message_size (message, 1);
    size_t numbers = self->kind->numbers;
    return name > 0 && name <= SITE_MOST && frames == (numbers > 0? 3: 2)
        && (numbers == 0 || zrelay_message_size (message, 2)
                            == numbers * ZRELAY_PARCEL_LONG);
}

//  A name is shown to people, so it has no control characters

static void
s_hear_report (zrelay_join_t *self, zrelay_message_t *message)
{
    if (!s_is_report (self, message)) {
        self->invalid++;
        return;
    }
    //  If it came by a new connection, others hear of that before anything else
    s_refresh (self);
    size_t size = zrelay_message_size (message, 1);
    char name [SITE_MOST + 1];
    memcpy (name, zrelay_message_data (message, 1), size);
    name [size] = 0;
    for (size_t index = 0; index < size; index++)
        if (!isgraph ((byte) name [index]))
            name [index] = '?';
    bool leaves = zrelay_message_streq (message, 0, s_bye);
    if (leaves)
        zrelay_sites_leave (self->sites, self->letter.origin);
    else
        zrelay_sites_report (self->sites, self->letter.origin, name,
                             zclock_mono ());
    self->sites_count = zrelay_sites_count (self->sites);
    if (self->kind->numbers > 0 && leaves)
        self->kind->hear (self, self->letter.origin, NULL);
    else
    if (self->kind->numbers > 0)
        s_hear_numbers (self, message);
    bool back = zrelay_message_streq (message, 0, s_back);
    if (back)
        zrelay_link_repeat (self->link);
    if (back || zrelay_message_streq (message, 0, s_new))
        s_report (self, s_here);
}


//  --------------------------------------------------------------------------
//  The connection

//  The first success, each loss and each new failure are worth a line

static void
s_log_change (zrelay_join_t *self, const zrelay_link_status_t *before)
{
    const zrelay_link_status_t *now = &self->status;
    if (now->state == before->state && now->connects == before->connects
    &&  streq (now->sentence, before->sentence))
        return;
    if (now->state == ZRELAY_LINK_UP
    && (before->state != ZRELAY_LINK_UP || now->connects > before->connects))
        zrelay_engine_log (self->engine, ZRELAY_LOG_INFO,
            "has joined %s through %s", self->address.name, now->sentence);
    else
        zrelay_engine_log (self->engine, ZRELAY_LOG_WARNING,
            now->state == ZRELAY_LINK_UP? "joined to %s, but: %s":
            "is not joined to %s: %s; it goes on alone and tries again",
            self->address.name, now->sentence);
}

//  What is missing besides a connection is worth a line, too. Returns false if
//  something is.

static bool
s_refresh_lack (zrelay_join_t *self)
{
    const char *lack = self->kind->lacks? self->kind->lacks (self): NULL;
    const char *sentence = lack? lack: "";
    if (*sentence && strneq (sentence, self->lack))
        zrelay_engine_log (self->engine, ZRELAY_LOG_WARNING,
            "joined to %s, but: %s", self->address.name, sentence);
    snprintf (self->lack, sizeof (self->lack), "%s", sentence);
    return !lack;
}

static void
s_refresh (zrelay_join_t *self)
{
    zrelay_link_status_t before = self->status;
    zrelay_link_status (self->link, &self->status);
    const zrelay_link_status_t *now = &self->status;
    self->ready = s_refresh_lack (self) && now->state == ZRELAY_LINK_UP
               && now->subscribed == now->connects;
    self->connects += now->connects - before.connects;
    self->dropped += now->dropped - before.dropped;
    self->invalid += now->invalid - before.invalid;
    self->missed += now->refused - before.refused;
    s_log_change (self, &before);
    if (now->connects > before.connects)
        self->owed = before.connects > 0? s_back: s_new;
    s_pay (self);
}

bool
zrelay_join_works (const zrelay_join_t *self)
{
    return self->link && self->status.state != ZRELAY_LINK_BEGINS;
}


//  --------------------------------------------------------------------------
//  Letters

static void
s_read (zrelay_join_t *self);

static void
s_on_retry (zrelay_engine_t *engine, void *object, int timer)
{
    (void) engine;
    (void) timer;
    zrelay_join_t *self = (zrelay_join_t *) object;
    self->retry = 0;
    s_read (self);
}

static void
s_retry_in (zrelay_join_t *self, size_t msecs)
{
    if (!self->retry)
        self->retry = zrelay_engine_timer (self->engine, msecs, 1, s_on_retry,
                                           self);
}

//  Nothing of a letter is used unless all of it can be read

static bool
s_accept (zrelay_join_t *self)
{
    const zrelay_link_letter_t *letter = &self->letter;
    size_t messages;
    if (zrelay_parcel_fault (letter->data, letter->size, &messages)) {
        self->invalid++;
        return false;
    }
    char subject [ZRELAY_ADDRESS_ROOM];
    self->reported = streq (letter->subject, s_site_subject (self, subject));
    self->parcels_in++;
    bool fresh = zrelay_sites_accept (self->sites, letter->origin,
                                      letter->sequence, zclock_mono ());
    self->duplicates += fresh? 0: messages;
    return fresh;
}

//  Deliver the message that was read last. Returns false if that has to wait.

static bool
s_deliver (zrelay_join_t *self)
{
    if (self->reported)
        s_hear_report (self, self->message);
    else
    if (!self->kind->deliver (self, &self->letter, self->message)) {
        s_retry_in (self, RETRY_IVL);
        return false;
    }
    zrelay_message_clear (self->message);
    return true;
}

//  The next message, of this letter or of one that follows. Returns false if
//  there is none.

static bool
s_next (zrelay_join_t *self)
{
    while (true) {
        if (self->reading
        &&  zrelay_parcel_next (self->letter.data, self->letter.size, &self->at,
                                self->message))
            return true;
        self->at = 0;
        self->reading = zrelay_link_receive (self->link, &self->letter);
        if (!self->reading)
            return false;
        if (!s_accept (self))
            self->at = self->letter.size;
    }
}

//  A turn. LEAVE may not come from within it, so the link remains.

static void
s_read (zrelay_join_t *self)
{
    if (self->retry)
        return;
    if (zrelay_engine_state (self->engine) == ZRELAY_STATE_PAUSED) {
        s_retry_in (self, PAUSED_IVL);
        return;
    }
    size_t bytes = 0;
    for (int left = TURN_MESSAGES; left > 0 && bytes < TURN_BYTES; left--) {
        if (zrelay_message_frames (self->message) == 0 && !s_next (self))
            return;
        bytes += zrelay_message_bytes (self->message);
        if (!s_deliver (self))
            return;
    }
    zrelay_link_wake (self->link);
}

static void
s_on_link (zrelay_engine_t *engine, void *object, void *sock, int fd)
{
    (void) engine;
    (void) sock;
    (void) fd;
    zrelay_join_t *self = (zrelay_join_t *) object;
    zrelay_link_heard (self->link);
    s_refresh (self);
    self->kind->go_on (self);
    s_read (self);
}


//  --------------------------------------------------------------------------
//  Joining and leaving

//  The first part of the name comes from the machine

static char *
s_own_name (zrelay_join_t *self)
{
    char host [128] = "localhost";
    gethostname (host, sizeof (host) - 1);
    char *name = zsys_sprintf ("%s/%s", host,
                               zrelay_engine_name (self->engine));
    assert (name);
    return name;
}

void
zrelay_join_init (zrelay_join_t *self, zrelay_engine_t *engine,
                  const zrelay_join_kind_t *kind)
{
    self->engine = engine;
    self->kind = kind;
    self->ready = 1;
    self->buffer = BUFFER_DEFAULT;
    self->patience = PATIENCE_DEFAULT;
    self->message = zrelay_message_new ();
    self->sites = zrelay_sites_new ();
}

static void
s_leave (zrelay_join_t *self, bool patient)
{
    self->kind->left (self);
    s_report (self, s_bye);
    zrelay_engine_timer_end (self->engine, self->timer);
    if (self->retry)
        zrelay_engine_timer_end (self->engine, self->retry);
    self->retry = 0;
    zrelay_engine_reader_end (self->engine, NULL, zrelay_link_fd (self->link));
    self->undelivered += zrelay_message_frames (self->message) > 0;
    zrelay_message_clear (self->message);
    self->reading = false;
    self->owed = NULL;
    self->at = 0;
    zrelay_link_destroy (&self->link, patient);
    //  If it joins again, they may send again what it had from them
    zrelay_sites_expire (self->sites, INT64_MAX);
    zrelay_address_clear (&self->address);
    zstr_free (&self->site);
    self->sites_count = 0;
    self->ready = 1;
    memset (&self->status, 0, sizeof (self->status));
    *self->lack = 0;
}

void
zrelay_join_term (zrelay_join_t *self)
{
    if (self->link)
        s_leave (self, true);
    zrelay_sites_destroy (&self->sites);
    zrelay_message_destroy (&self->message);
    zstr_free (&self->creds);
    zstr_free (&self->ca);
    zstr_free (&self->cert);
    zstr_free (&self->key);
}

static const char *
s_file (const char *file)
{
    return file? file: "";
}

static int
s_begin (zrelay_join_t *self)
{
    self->site = s_own_name (self);
    zrelay_link_config_t config = {
        .address = &self->address,
        .label = self->site,
        .creds = s_file (self->creds),
        .ca = s_file (self->ca),
        .cert = s_file (self->cert),
        .key = s_file (self->key),
        .out_most = (size_t) self->buffer,
        .in_most = (size_t) self->buffer
    };
    if (self->kind->invite)
        self->kind->invite (self, &config.guest);
    self->link = zrelay_link_new (&config);
    if (!self->link) {
        zrelay_address_clear (&self->address);
        zstr_free (&self->site);
        return zrelay_engine_fail (self->engine, ZRELAY_STATUS_REFUSED,
            "the system has no thread to join with: %s", zmq_strerror (errno));
    }
    self->ready = 0;
    zrelay_link_status (self->link, &self->status);
    zrelay_engine_reader (self->engine, NULL, zrelay_link_fd (self->link),
                          s_on_link, self);
    self->timer = zrelay_engine_timer (self->engine, ZRELAY_SITES_IVL, 0,
                                       s_on_timer, self);
    char subject [ZRELAY_ADDRESS_ROOM];
    zrelay_link_subscribe (self->link, s_site_subject (self, subject));
    self->kind->joined (self);
    return ZRELAY_STATUS_DONE;
}

static int
s_do_join (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
           zmsg_t *answer)
{
    (void) argc;
    (void) answer;
    zrelay_join_t *self = (zrelay_join_t *) object;
    if (self->link)
        return zrelay_engine_fail (engine, ZRELAY_STATUS_BAD_STATE,
            "the relay has joined %s already; LEAVE ends that",
            self->address.name);
    if (!*s_file (self->cert) != !*s_file (self->key))
        return zrelay_engine_fail (engine, ZRELAY_STATUS_BAD_STATE,
            "join_cert and join_key are needed both, or neither");
    //  What was given may have a password in it, so it is not repeated
    const char *fault = zrelay_address_read (&self->address, argv [0]);
    return fault? zrelay_engine_fail (engine, ZRELAY_STATUS_BAD_ARGUMENTS,
        "cannot join there: %s; JOIN takes nats://HOST:PORT/NAME, with "
        "servers separated by commas", fault): s_begin (self);
}

static int
s_do_leave (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
            zmsg_t *answer)
{
    (void) argc;
    (void) argv;
    (void) answer;
    zrelay_join_t *self = (zrelay_join_t *) object;
    if (!self->link)
        return zrelay_engine_fail (engine, ZRELAY_STATUS_BAD_STATE,
            "the relay has not joined others; JOIN does that");
    s_leave (self, false);
    return ZRELAY_STATUS_DONE;
}

static int
s_do_peers (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
            zmsg_t *answer)
{
    zrelay_join_t *self = (zrelay_join_t *) object;
    if (argc > 0) {
        zrelay_engine_list_peers (engine, strcasecmp (argv [0], "BACKEND") == 0?
            ZRELAY_SIDE_BACKEND: ZRELAY_SIDE_FRONTEND, answer);
        return ZRELAY_STATUS_DONE;
    }
    zmsg_addstrf (answer, "%" PRIu64, self->sites_count);
    const char *name = zrelay_sites_first (self->sites);
    for (; name; name = zrelay_sites_next (self->sites))
        zmsg_addstr (answer, name);
    return ZRELAY_STATUS_DONE;
}

static int
s_do_joined (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
             zmsg_t *answer)
{
    (void) engine;
    (void) argc;
    (void) argv;
    zrelay_join_t *self = (zrelay_join_t *) object;
    if (!self->link)
        return ZRELAY_STATUS_DONE;
    s_refresh (self);
    zmsg_addstr (answer, self->address.name);
    zmsg_addstr (answer, self->ready? "1": "0");
    zmsg_addstr (answer, self->status.state == ZRELAY_LINK_UP && *self->lack?
                 self->lack: self->status.sentence);
    return ZRELAY_STATUS_DONE;
}


//  --------------------------------------------------------------------------
//  Settings and statistics

static int
s_set_file (char **file_p, const char *value)
{
    zstr_free (file_p);
    *file_p = strdup (value);
    assert (*file_p);
    return ZRELAY_STATUS_DONE;
}

static char *
s_get_file (const char *file)
{
    char *copy = strdup (s_file (file));
    assert (copy);
    return copy;
}

#define FILE_SETTING(member) \
    int \
    zrelay_join_set_ ## member (zrelay_engine_t *engine, void *object, \
                                const char *value) \
    { \
        (void) engine; \
        return s_set_file (&((zrelay_join_t *) object)->member, value); \
    } \
    char * \
    zrelay_join_get_ ## member (zrelay_engine_t *engine, void *object) \
    { \
        (void) engine; \
        return s_get_file (((zrelay_join_t *) object)->member); \
    }
FILE_SETTING (creds)
FILE_SETTING (ca)
FILE_SETTING (cert)
FILE_SETTING (key)

static void
s_stats (zrelay_engine_t *engine, void *object, zmsg_t *answer)
{
    (void) engine;
    zrelay_join_t *self = (zrelay_join_t *) object;
    zrelay_link_status_t status;
    memset (&status, 0, sizeof (status));
    if (self->link)
        zrelay_link_status (self->link, &status);
    zrelay_engine_stat (answer, "join.waiting", status.waiting);
    zrelay_engine_stat (answer, "join.waiting_bytes", status.waiting_bytes);
}


//  --------------------------------------------------------------------------
//  The kinds

static const zrelay_command_t s_commands [] = {
    { ZRELAY_COMMAND, .name = "JOIN", .args = "address",
      .help = "join the relays at nats://HOST:4222/NAME",
      .handler = s_do_join, .flags = ZRELAY_COMMAND_SECRET },
    { ZRELAY_COMMAND, .name = "LEAVE", .args = "",
      .help = "leave the relays that it has joined",
      .handler = s_do_leave },
    { ZRELAY_COMMAND, .name = "PEERS", .args = "[side]",
      .help = "number and names of the relays joined, or of a side's peers",
      .handler = s_do_peers, .flags = ZRELAY_COMMAND_QUERY },
    { ZRELAY_COMMAND, .name = "JOINED", .args = "",
      .help = "name, whether it is connected, and to what or why not",
      .handler = s_do_joined, .flags = ZRELAY_COMMAND_QUERY },
    { .name = NULL }
};

static void
s_describe (zrelay_kind_t *kind, const zrelay_kind_t *plain,
            const zrelay_kind_t *more)
{
    *kind = *plain;
    kind->size = sizeof (*kind);
    kind->create = more->create;
    kind->destroy = more->destroy;
    kind->on_return = more->on_return;
    kind->on_room = more->on_room;
    kind->pending = more->pending;
    kind->settings = more->settings;
    kind->counters = more->counters;
    kind->reasons = more->reasons;
    kind->commands = s_commands;
    kind->stats = more->stats? more->stats: s_stats;
}

const zrelay_kind_t *
zrelay_join_kind (zrelay_kind_t *kind, const zrelay_kind_t *plain,
                  const zrelay_kind_t *more)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock (&mutex);
    if (kind->size == 0)
        s_describe (kind, plain, more);
    pthread_mutex_unlock (&mutex);
    return kind;
}
