/*  =========================================================================
    zrelay_spooling - a flow's messages on disk, within bounds

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_spooling.h"
#include "zrelay_counts.h"
#include "zrelay_receipts.h"
#include "zrelay_setting.h"

//  What was put is committed after so many msecs, or when it has so many bytes:
//  a commit costs more than many messages do
#define COMMIT_MSECS 10
#define COMMIT_BYTES (128 * 1024)

//  A disk that was full is asked again after so many msecs
#define RETRY_MSECS 1000

//  Where the next message is still on its way to the disk
#define WAIT_MSECS 1

//  Most messages that were sent and are kept, as they may not have left. Where
//  each message must go through the queue, no more are sent then; else the
//  oldest are removed.
#define SENT_MOST 1000000

//  The queue has reached a bound: which messages are dropped
typedef enum {
    FULL_HOLD,                  //  None, and no more are read
    FULL_DROP_NEW,              //  Those that are too many
    FULL_DROP_OLD               //  Those that have waited longest
} full_t;

static const char *const s_fulls [] = { "hold", "drop-new", "drop-old", NULL };
static const char *const s_syncs [] = { "always", "second", "never", NULL };
#define SYNC_SECOND 1

struct _zrelay_spooling_t {
    const char *flow;           //  Its name
    const zrelay_spooler_t *spooler;    //  Whose functions to call
    void *object;               //  The spooler's, or NULL: there is no queue
    char *directory;            //  Where it is, or NULL
    int64_t bytes;              //  Most bytes, 0: as many as the disk has
    int64_t messages;           //  Most messages, 0: likewise
    int64_t full;               //  A full_t
    int64_t sync;               //  One of s_syncs
    int64_t durable;            //  Each message goes through it
    zrelay_receipts_t *receipts;    //  Messages that were sent. These are the
                                    //  first in the queue
    uint64_t resent;            //  Messages that were sent again
    zrelay_message_t *message;  //  The first of the others, when it was read
    bool read;                  //  It was
    size_t size;                //  Its bytes
    byte mark;                  //  Its mark
    int64_t since;              //  When it was put
    int64_t now;                //  In this turn, or 0 if nobody has asked yet:
                                //  a clock costs what a part of a message does
    bool changed;               //  Since the last commit
    size_t uncommitted;         //  Bytes put since then
    int64_t committed_at;       //  When that was, in msecs
    bool failed;                //  It was refused
    char *news;                 //  For an operator, or NULL
    char *told;                 //  The last that was
};


//  --------------------------------------------------------------------------
//  Constructor and destructor

zrelay_spooling_t *
zrelay_spooling_new (const char *flow)
{
    zrelay_spooling_t *self =
        (zrelay_spooling_t *) zmalloc (sizeof (zrelay_spooling_t));
    assert (self);
    self->flow = flow;
    self->sync = SYNC_SECOND;
    self->message = zrelay_message_new ();
    self->receipts = zrelay_receipts_new ();
    zrelay_receipts_serve (self->receipts, self->message);
    return self;
}

void
zrelay_spooling_destroy (zrelay_spooling_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_spooling_t *self = *self_p;
        zrelay_spooling_close (self);
        zrelay_message_destroy (&self->message);
        zrelay_receipts_destroy (&self->receipts);
        zstr_free (&self->news);
        zstr_free (&self->told);
        freen (self);
        *self_p = NULL;
    }
}


//  --------------------------------------------------------------------------
//  Commit

static void
s_tell (zrelay_spooling_t *self, const char *sentence)
{
    zstr_free (&self->news);
    self->news = strdup (sentence);
    assert (self->news);
}

static void
s_commit (zrelay_spooling_t *self)
{
    const char *problem = self->spooler->commit (self->object);
    self->committed_at = zclock_mono ();
    if (problem && !self->failed)
        s_tell (self, problem);
    if (!problem && self->failed)
        s_tell (self, "the spool takes messages again");
    self->failed = problem != NULL;
    if (!problem) {
        self->changed = false;
        self->uncommitted = 0;
    }
}

//  Msecs until it is time, or -1 if nothing has changed

static int64_t
s_due (zrelay_spooling_t *self)
{
    if (!self->object || !self->changed)
        return -1;
    int64_t interval = self->failed? RETRY_MSECS:
        self->durable || self->uncommitted > COMMIT_BYTES? 0: COMMIT_MSECS;
    int64_t left = self->committed_at + interval - zclock_mono ();
    return interval > 0 && left > 0? left: 0;
}

//  The first of the queue go

static void
s_remove (zrelay_spooling_t *self, size_t count)
{
    self->spooler->remove (self->object, count);
    self->changed = true;
}

//  What was sent may have been lost with a connection. To keep the order, all
//  messages go again from there on.

static void
s_send_again (zrelay_spooling_t *self)
{
    self->resent += zrelay_receipts_count (self->receipts);
    zrelay_receipts_forget (self->receipts);
    zrelay_message_clear (self->message);
    self->read = false;
    self->spooler->rewind (self->object);
}

static void
s_look_after_sent (zrelay_spooling_t *self, zrelay_peers_t *peers,
                   bool sends_again)
{
    size_t left = zrelay_receipts_look (self->receipts, peers);
    if (left > 0)
        s_remove (self, left);
    if (zrelay_receipts_endangered (self->receipts) && sends_again
    &&  self->durable
    &&  zrelay_receipts_count (self->receipts) > 0)
        s_send_again (self);
}

void
zrelay_spooling_tend (zrelay_spooling_t *self, zrelay_peers_t *peers,
                      bool sends_again)
{
    self->now = 0;
    if (self->object)
        s_look_after_sent (self, peers, sends_again);
    if (s_due (self) == 0)
        s_commit (self);
}

//  Is there a message that cannot be sent before it is on the disk?

static bool
s_waits (zrelay_spooling_t *self)
{
    byte mark;
    return self->object && self->durable && zrelay_spooling_size (self) > 0
        && zrelay_receipts_count (self->receipts) < SENT_MOST
        && !self->spooler->damage (self->object)
        && !zrelay_spooling_first (self, &mark);
}

size_t
zrelay_spooling_wants (zrelay_spooling_t *self)
{
    int64_t due = s_due (self);
    if (due == 0 || s_waits (self))
        return WAIT_MSECS;
    size_t look = zrelay_receipts_wants (self->receipts);
    return due > 0 && (look == 0 || (size_t) due < look)? (size_t) due: look;
}

const char *
zrelay_spooling_news (zrelay_spooling_t *self)
{
    if (!self->news)
        return NULL;
    zstr_free (&self->told);
    self->told = self->news;
    self->news = NULL;
    return self->told;
}


//  --------------------------------------------------------------------------
//  Open and close

uint64_t
zrelay_spooling_at_risk (zrelay_spooling_t *self)
{
    if (!self->object)
        return 0;
    uint64_t size = self->spooler->messages (self->object);
    uint64_t kept = self->spooler->kept (self->object);
    return size > kept? size - kept: 0;
}

//  When it closes, a queue syncs what was committed

uint64_t
zrelay_spooling_close (zrelay_spooling_t *self)
{
    uint64_t lost = 0;
    if (self->object) {
        s_commit (self);
        lost = self->failed? zrelay_spooling_at_risk (self): 0;
        self->spooler->close (self->object);
    }
    self->object = NULL;
    zrelay_receipts_forget (self->receipts);
    zstr_free (&self->directory);
    zrelay_message_clear (self->message);
    self->read = self->changed = self->failed = false;
    return lost;
}

static void
s_apply (zrelay_spooling_t *self)
{
    if (!self->object)
        return;
    self->spooler->set_sync (self->object, (int) self->sync);
    self->spooler->set_durable (self->object, self->durable);
}

static void
s_on_changed (zrelay_engine_t *engine, void *object)
{
    (void) engine;
    s_apply ((zrelay_spooling_t *) object);
}

static int
s_refuse (zrelay_engine_t *engine, const char *sentence)
{
    return engine? zrelay_engine_fail (engine, ZRELAY_STATUS_REFUSED, "%s",
                                       sentence): ZRELAY_STATUS_REFUSED;
}

static int
s_open (zrelay_spooling_t *self, zrelay_engine_t *engine,
        const char *directory)
{
    char *reason = NULL;
    void *object = self->spooler->open (directory, self->flow, &reason);
    if (!object) {
        int status = s_refuse (engine, reason? reason: "cannot spool there");
        zstr_free (&reason);
        return status;
    }
    self->object = object;
    self->directory = strdup (directory);
    assert (self->directory);
    self->committed_at = zclock_mono ();
    s_apply (self);
    return ZRELAY_STATUS_DONE;
}

//  A queue that cannot keep what it has remains open

static int
s_set_spool (zrelay_engine_t *engine, void *object, const char *directory)
{
    zrelay_spooling_t *self = (zrelay_spooling_t *) object;
    const zrelay_spooler_t *spooler = zrelay_spooler_provided ();
    if (!spooler && *directory)
        return s_refuse (engine, ZRELAY_SPOOLING_ABSENT);
    if (self->directory && streq (self->directory, directory))
        return ZRELAY_STATUS_DONE;
    if (self->object)
        s_commit (self);
    if (self->failed)
        return s_refuse (engine, "the present spool cannot be written, so it"
                                 " cannot be left");
    zrelay_spooling_close (self);
    self->spooler = spooler;
    return *directory? s_open (self, engine, directory): ZRELAY_STATUS_DONE;
}

static char *
s_get_spool (zrelay_engine_t *engine, void *object)
{
    (void) engine;
    zrelay_spooling_t *self = (zrelay_spooling_t *) object;
    return strdup (self->directory? self->directory: "");
}

const zrelay_setting_t zrelay_spooling_settings [] = {
    { ZRELAY_SETTING, .name = "spool", .help = "directory for overflow spool",
      .set = s_set_spool, .get = s_get_spool, .flags = ZRELAY_SETTING_OWNER },
    { ZRELAY_SETTING, .name = "spool_bytes",
      .help = "most bytes in the spool; 0: as many as the disk has",
      .offset = offsetof (zrelay_spooling_t, bytes), .most = INT64_MAX },
    { ZRELAY_SETTING, .name = "spool_messages",
      .help = "most messages in the spool; 0: as many as the disk has",
      .offset = offsetof (zrelay_spooling_t, messages), .most = INT64_MAX },
    { ZRELAY_SETTING, .name = "spool_full", .help = "when the spool is full",
      .offset = offsetof (zrelay_spooling_t, full), .words = s_fulls },
    { ZRELAY_SETTING, .name = "spool_sync",
      .help = "when the disk is to have what was spooled",
      .offset = offsetof (zrelay_spooling_t, sync), .words = s_syncs,
      .changed = s_on_changed },
    { ZRELAY_SETTING, .name = "durable",
      .help = "1: every message goes through the spool",
      .offset = offsetof (zrelay_spooling_t, durable), .most = 1,
      .changed = s_on_changed },
    { .name = NULL }
};

bool
zrelay_spooling_is_open (zrelay_spooling_t *self)
{
    return self->object != NULL;
}

bool
zrelay_spooling_is_durable (zrelay_spooling_t *self)
{
    return self->object && self->durable;
}


//  --------------------------------------------------------------------------
//  Messages

uint64_t
zrelay_spooling_size (zrelay_spooling_t *self)
{
    return self->object? self->spooler->messages (self->object)
                         - zrelay_receipts_count (self->receipts): 0;
}

uint64_t
zrelay_spooling_leaving (zrelay_spooling_t *self)
{
    return zrelay_receipts_moving (self->receipts)?
           zrelay_receipts_count (self->receipts): 0;
}

//  Has it reached a bound, or would so many bytes more exceed it?

static bool
s_is_full (zrelay_spooling_t *self, size_t more)
{
    uint64_t bytes = self->spooler->bytes (self->object)
                     - zrelay_receipts_bytes (self->receipts) + more;
    return (self->messages > 0
         && (int64_t) zrelay_spooling_size (self) >= self->messages)
        || (self->bytes > 0 && (int64_t) bytes > self->bytes);
}

bool
zrelay_spooling_stops (zrelay_spooling_t *self)
{
    return self->object
        && (self->failed || (self->full == FULL_HOLD && s_is_full (self, 1)));
}

//  The message that was read has been sent, or dropped

static void
s_forget_message (zrelay_spooling_t *self)
{
    zrelay_message_clear (self->message);
    self->read = false;
    zrelay_receipts_sent (self->receipts, self->size);
}

static void
s_forget_oldest (zrelay_spooling_t *self)
{
    s_remove (self, zrelay_receipts_forget_first (self->receipts));
}

static bool
s_read (zrelay_spooling_t *self)
{
    if (self->read)
        return true;
    self->read = self->spooler->next (self->object, self->message,
                                      &self->mark, &self->since);
    if (!self->read)
        return false;
    self->size = zrelay_message_bytes (self->message);
    zrelay_receipts_follow (self->receipts, self->message);
    return true;
}

//  Drop the oldest message; returns false if there is none, or it cannot be
//  read. It leaves the queue when those have left that were sent before it.

static bool
s_drop_first (zrelay_spooling_t *self)
{
    if (!s_read (self))
        return false;
    s_forget_message (self);
    if (zrelay_receipts_count (self->receipts) == 1)
        s_forget_oldest (self);
    return true;
}

//  Returns false if there is no room. One message more than the bounds allow is
//  kept where none is to be dropped: it was read already.

static bool
s_make_room (zrelay_spooling_t *self, size_t bytes, size_t *dropped_p)
{
    if (self->full == FULL_HOLD)
        return true;
    //  No others make room for one that never fits
    if (self->bytes > 0 && (int64_t) bytes > self->bytes)
        return false;
    while (s_is_full (self, bytes)) {
        if (self->full == FULL_DROP_NEW || !s_drop_first (self))
            return false;
        ++*dropped_p;
    }
    return true;
}

size_t
zrelay_spooling_add (zrelay_spooling_t *self, zrelay_message_t *message,
                     byte mark)
{
    size_t dropped = 0;
    size_t bytes = zrelay_message_bytes (message);
    if (s_make_room (self, bytes, &dropped)
    &&  self->spooler->put (self->object, message, mark)) {
        self->changed = true;
        self->uncommitted += bytes;
    }
    else
        dropped++;
    zrelay_message_clear (message);
    return dropped;
}

zrelay_message_t *
zrelay_spooling_first (zrelay_spooling_t *self, byte *mark_p)
{
    if (!self->object || (self->durable && !self->read
                       && zrelay_receipts_count (self->receipts) >= SENT_MOST))
        return NULL;
    if (!s_read (self)) {
        const char *damage = self->spooler->damage (self->object);
        if (damage && !(self->told && streq (self->told, damage)))
            s_tell (self, damage);
        return NULL;
    }
    *mark_p = self->mark;
    return self->message;
}

bool
zrelay_spooling_has_first (zrelay_spooling_t *self)
{
    return self->read;
}

int64_t
zrelay_spooling_remove (zrelay_spooling_t *self)
{
    if (self->now == 0)
        self->now = zclock_time ();
    int64_t held = self->now - self->since;
    s_forget_message (self);
    if (!self->durable && zrelay_receipts_count (self->receipts) > SENT_MOST)
        s_forget_oldest (self);
    //  The machine's clock may have been set
    return held > 0? held: 0;
}


//  --------------------------------------------------------------------------
//  Counters

void
zrelay_spooling_stats (zrelay_spooling_t *self, zrelay_counts_t *counts,
                       const char *flow)
{
    uint64_t kept = 0, bytes = 0;
    int64_t time = 0;
    if (self->object) {
        if (self->changed && !self->failed)
            s_commit (self);
        kept = self->spooler->kept (self->object);
        bytes = self->spooler->bytes (self->object);
        time = self->spooler->time (self->object);
    }
    int64_t age = time > 0? zclock_time () - time: 0;
    zrelay_counts_add (counts, kept, "%s.spooled", flow);
    zrelay_counts_add (counts, bytes, "%s.spooled_bytes", flow);
    zrelay_counts_add (counts, age > 0? age: 0, "%s.spooled_ms", flow);
    zrelay_counts_add (counts, self->failed, "%s.spool_failed", flow);
    zrelay_counts_add (counts, zrelay_receipts_count (self->receipts),
                       "%s.spool_sent", flow);
    zrelay_counts_add (counts, self->resent, "%s.spool_resent", flow);
}

void
zrelay_spooling_reset (zrelay_spooling_t *self)
{
    self->resent = 0;
}


//  --------------------------------------------------------------------------
//  Selftest: a queue in memory, which can be told to refuse

#define TEST_MOST 100

typedef struct {
    zrelay_message_t *messages [TEST_MOST];
    byte marks [TEST_MOST];
    size_t first;               //  That was not removed
    size_t next;                //  To be read
    size_t end;
    size_t kept;                //  Committed, of all ever
    bool refuses;               //  Does not commit
    bool damaged;               //  Nor read
    bool durable;
    int sync;
} test_queue_t;

static void *
s_test_open (const char *directory, const char *name, char **reason_p)
{
    assert (streq (name, "forward"));
    if (streq (directory, "foreign")) {
        *reason_p = strdup ("it is another's");
        return NULL;
    }
    return zmalloc (sizeof (test_queue_t));
}

static void
s_test_close (void *object)
{
    test_queue_t *queue = (test_queue_t *) object;
    for (size_t index = 0; index < queue->end; index++)
        zrelay_message_destroy (&queue->messages [index]);
    freen (queue);
}

static void
s_test_set_sync (void *object, int sync)
{
    ((test_queue_t *) object)->sync = sync;
}

static void
s_test_set_durable (void *object, bool durable)
{
    ((test_queue_t *) object)->durable = durable;
}

static bool
s_test_put (void *object, zrelay_message_t *message, byte mark)
{
    test_queue_t *queue = (test_queue_t *) object;
    if (queue->end == TEST_MOST)
        return false;
    queue->marks [queue->end] = mark;
    queue->messages [queue->end++] = zrelay_message_dup (message);
    return true;
}

static bool
s_test_next (void *object, zrelay_message_t *message, byte *mark_p,
             int64_t *time_p)
{
    test_queue_t *queue = (test_queue_t *) object;
    if (queue->damaged
    ||  queue->next == (queue->durable? queue->kept: queue->end))
        return false;
    *mark_p = queue->marks [queue->next];
    *time_p = zclock_time ();
    zrelay_message_share (message, queue->messages [queue->next++], 0,
                          SIZE_MAX);
    return true;
}

static void
s_test_remove (void *object, size_t count)
{
    test_queue_t *queue = (test_queue_t *) object;
    queue->first += count;
    assert (queue->first <= queue->next);
}

static void
s_test_rewind (void *object)
{
    test_queue_t *queue = (test_queue_t *) object;
    queue->next = queue->first;
}

static const char *
s_test_commit (void *object)
{
    test_queue_t *queue = (test_queue_t *) object;
    if (queue->refuses)
        return "it is full";
    queue->kept = queue->end;
    return NULL;
}

static const char *
s_test_damage (void *object)
{
    return ((test_queue_t *) object)->damaged? "it is damaged": NULL;
}

static uint64_t
s_test_messages (void *object)
{
    test_queue_t *queue = (test_queue_t *) object;
    return queue->end - queue->first;
}

static uint64_t
s_test_kept (void *object)
{
    test_queue_t *queue = (test_queue_t *) object;
    return queue->kept > queue->first? queue->kept - queue->first: 0;
}

static uint64_t
s_test_bytes (void *object)
{
    test_queue_t *queue = (test_queue_t *) object;
    uint64_t bytes = 0;
    for (size_t index = queue->first; index < queue->end; index++)
        bytes += zrelay_message_bytes (queue->messages [index]);
    return bytes;
}

static int64_t
s_test_time (void *object)
{
    return s_test_messages (object) > 0? zclock_time (): 0;
}

static const zrelay_spooler_t s_test_spooler = {
    ZRELAY_SPOOLER, .open = s_test_open, .close = s_test_close,
    .set_sync = s_test_set_sync, .set_durable = s_test_set_durable,
    .put = s_test_put, .next = s_test_next, .remove = s_test_remove,
    .rewind = s_test_rewind, .commit = s_test_commit, .damage = s_test_damage,
    .messages = s_test_messages, .kept = s_test_kept, .bytes = s_test_bytes,
    .time = s_test_time
};

static zrelay_spooling_t *
s_test_new (void)
{
    zrelay_spooling_t *self = zrelay_spooling_new ("forward");
    self->spooler = &s_test_spooler;
    int status = s_open (self, NULL, "somewhere");
    assert (status == ZRELAY_STATUS_DONE);
    assert (zrelay_spooling_is_open (self));
    return self;
}

//  One of so many bytes, which begins with its letter

static size_t
s_test_add (zrelay_spooling_t *self, char letter, size_t size)
{
    zrelay_message_t *message = zrelay_message_new ();
    byte *body = (byte *) zmalloc (size);
    assert (body);
    *body = (byte) letter;
    zrelay_message_append (message, body, size);
    size_t dropped = zrelay_spooling_add (self, message, (byte) letter);
    assert (zrelay_message_frames (message) == 0);
    zrelay_message_destroy (&message);
    freen (body);
    return dropped;
}

//  The first message, or 0 if none may be sent

static char
s_test_first (zrelay_spooling_t *self)
{
    byte mark;
    zrelay_message_t *message = zrelay_spooling_first (self, &mark);
    assert (!message || *zrelay_message_data (message, 0) == mark);
    return message? (char) mark: 0;
}

//  Tend until there are so many messages in the queue, five seconds at most

static bool
s_test_tend (zrelay_spooling_t *self, size_t messages)
{
    int64_t end = zclock_mono () + 5000;
    while (s_test_messages (self->object) != messages
        && zclock_mono () < end) {
        zrelay_spooling_tend (self, NULL, true);
        zclock_sleep (1);
    }
    return s_test_messages (self->object) == messages;
}

static uint64_t
s_test_stat (zrelay_spooling_t *self, const char *name)
{
    zrelay_counts_t *counts = zrelay_counts_new ();
    zrelay_spooling_stats (self, counts, "forward");
    uint64_t value = zrelay_counts_value (counts, name);
    zrelay_counts_destroy (&counts);
    return value;
}

static void
s_test_life (void)
{
    zrelay_spooling_t *self = s_test_new ();
    assert (zrelay_spooling_wants (self) == 0);
    assert (s_test_first (self) == 0);
    for (char letter = 'a'; letter <= 'c'; letter++) {
        size_t dropped = s_test_add (self, letter, 10);
        assert (dropped == 0);
    }
    assert (zrelay_spooling_size (self) == 3);
    assert (zrelay_spooling_at_risk (self) == 3);
    assert (zrelay_spooling_wants (self) > 0);
    //  STATS commits
    assert (s_test_stat (self, "forward.spooled") == 3);
    assert (s_test_stat (self, "forward.spooled_bytes") == 30);
    assert (zrelay_spooling_at_risk (self) == 0);
    assert (zrelay_spooling_wants (self) == 0);

    //  What was sent is there until it has left; then comes the next one
    assert (s_test_first (self) == 'a');
    assert (s_test_first (self) == 'a');
    byte mark;
    zrelay_message_t *sent =
        zrelay_message_dup (zrelay_spooling_first (self, &mark));
    zrelay_spooling_remove (self);
    assert (s_test_first (self) == 'b');
    zrelay_spooling_remove (self);
    assert (zrelay_spooling_size (self) == 1);
    assert (s_test_stat (self, "forward.spooled") == 3);
    assert (s_test_stat (self, "forward.spool_sent") == 2);
    assert (zrelay_spooling_leaving (self) == 2);
    for (int look = 0; look < 10; look++) {
        zrelay_spooling_tend (self, NULL, true);
        zclock_sleep (10);
    }
    assert (s_test_messages (self->object) == 3);
    zrelay_message_destroy (&sent);
    assert (s_test_tend (self, 1));
    assert (s_test_stat (self, "forward.spool_sent") == 0);
    assert (s_test_first (self) == 'c');

    //  They go again, in order
    zrelay_spooling_remove (self);
    s_test_add (self, 'd', 10);
    assert (s_test_first (self) == 'd');
    s_send_again (self);
    assert (zrelay_spooling_size (self) == 2);
    assert (s_test_first (self) == 'c');
    assert (s_test_stat (self, "forward.spool_resent") == 1);
    zrelay_spooling_reset (self);
    assert (s_test_stat (self, "forward.spool_resent") == 0);
    assert (zrelay_spooling_close (self) == 0);
    assert (!zrelay_spooling_is_open (self));
    assert (zrelay_spooling_size (self) == 0);
    zrelay_spooling_destroy (&self);
    assert (self == NULL);
}

static void
s_test_bounds (void)
{
    zrelay_spooling_t *self = s_test_new ();
    self->messages = 2;
    s_test_add (self, 'a', 10);
    assert (!zrelay_spooling_stops (self));
    s_test_add (self, 'b', 10);
    assert (zrelay_spooling_stops (self));
    //  What was read already is kept
    assert (s_test_add (self, 'c', 10) == 0);
    self->full = FULL_DROP_NEW;
    assert (!zrelay_spooling_stops (self));
    assert (s_test_add (self, 'd', 10) == 1);
    self->full = FULL_DROP_OLD;
    assert (s_test_add (self, 'd', 10) == 2);
    assert (zrelay_spooling_size (self) == 2);
    assert (s_test_first (self) == 'c');
    //  The one that is to be sent next
    assert (s_test_add (self, 'e', 10) == 1);
    assert (s_test_first (self) == 'd');
    //  Those that were sent have no part in it
    zrelay_spooling_remove (self);
    assert (s_test_add (self, 'f', 10) == 0);
    assert (s_test_add (self, 'g', 10) == 1);
    assert (s_test_first (self) == 'f');
    self->messages = 0;
    self->bytes = 25;
    assert (s_test_add (self, 'h', 10) == 1);
    assert (s_test_add (self, 'i', 26) == 1);
    assert (zrelay_spooling_size (self) == 2);
    zrelay_spooling_destroy (&self);
}

static void
s_test_failures (void)
{
    zrelay_spooling_t *self = s_test_new ();
    test_queue_t *queue = (test_queue_t *) self->object;
    queue->refuses = true;
    s_test_add (self, 'a', 10);
    for (int64_t end = zclock_mono () + 5000;
         !zrelay_spooling_stops (self) && zclock_mono () < end; ) {
        zrelay_spooling_tend (self, NULL, true);
        zclock_sleep (1);
    }
    assert (zrelay_spooling_stops (self));
    assert (streq (zrelay_spooling_news (self), "it is full"));
    assert (!zrelay_spooling_news (self));
    assert (s_test_stat (self, "forward.spool_failed") == 1);
    assert (s_test_stat (self, "forward.spooled") == 0);
    //  It cannot be left
    int status = s_set_spool (NULL, self, "");
    assert (status == ZRELAY_STATUS_REFUSED);
    assert (zrelay_spooling_close (self) == 1);

    self->spooler = &s_test_spooler;
    status = s_open (self, NULL, "foreign");
    assert (status == ZRELAY_STATUS_REFUSED);
    assert (!zrelay_spooling_is_open (self));
    zrelay_spooling_destroy (&self);

    self = s_test_new ();
    s_test_add (self, 'a', 10);
    ((test_queue_t *) self->object)->damaged = true;
    assert (s_test_first (self) == 0 && s_test_first (self) == 0);
    assert (streq (zrelay_spooling_news (self), "it is damaged"));
    assert (s_test_first (self) == 0);
    assert (!zrelay_spooling_news (self));
    zrelay_spooling_destroy (&self);
}

//  Nothing is sent before it is committed

static void
s_test_durable (void)
{
    zrelay_spooling_t *self = s_test_new ();
    assert (!zrelay_spooling_is_durable (self));
    self->durable = true;
    s_on_changed (NULL, self);
    assert (zrelay_spooling_is_durable (self));
    assert (((test_queue_t *) self->object)->sync == SYNC_SECOND);
    s_test_add (self, 'a', 10);
    assert (s_test_first (self) == 0);
    assert (zrelay_spooling_wants (self) == WAIT_MSECS);
    zrelay_spooling_tend (self, NULL, true);
    assert (s_test_first (self) == 'a');
    zrelay_spooling_destroy (&self);
}

void
zrelay_spooling_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_spooling: ");
    //  @selftest
    zrelay_spooling_t *self = zrelay_spooling_new ("forward");
    assert (!zrelay_spooling_is_open (self));
    assert (zrelay_spooling_size (self) == 0);
    assert (zrelay_spooling_wants (self) == 0);
    zrelay_spooling_tend (self, NULL, true);
    zrelay_spooling_destroy (&self);
    assert (self == NULL);
    s_test_life ();
    s_test_bounds ();
    s_test_failures ();
    s_test_durable ();
    //  @end
    printf ("OK\n");
}
