/*  =========================================================================
    zrelay_work - tasks that many sites share by way of JetStream

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_work.h"

#include <nats/nats.h>
#include <pthread.h>

//  Names at the servers: of the subject, the stream and the consumer
#define WORD "task"
#define STREAM "zrelay-%s"
#define CONSUMER "pullers"

//  By this header a stream knows what it has already, for so long, in secs
#define MSG_ID "Nats-Msg-Id"
#define WINDOW (2 * 60)

//  The servers accept so many tasks that are not acknowledged yet
#define UNACKED_MOST 65536

//  What is asked of a new stream: copies in a cluster
#define REPLICAS 3

//  Last tokens of subjects on which servers answer: to a publication, and to a
//  request for tasks. The number behind them has sixteen hexadecimal digits.
#define ANSWER ".a."
#define REQUEST ".p."

//  Times, in msecs: for one request to the servers that manage streams; until
//  they are asked again; until a task is tried again; for the answer to a
//  publication; for which a request for tasks stands, and until it counts as
//  lost
#define MANAGE_TIME 1000
#define SET_UP_IVL 1000
#define RETRY_IVL 500
#define ANSWER_TIME 3000
#define REQUEST_TIME 2000
#define REQUEST_LOST 4000

//  A task that a puller's connection was given is acknowledged so much later,
//  in msecs: what is still in the memory of a relay that is killed is lost. For
//  so long, the acknowledgement is kept: it may get lost with a connection.
#define DONE_DELAY 100
#define DONE_KEPT 3000

//  Tasks of one request, until their sizes are known, and at most
#define BATCH_FIRST 16
#define BATCH_MOST 256

//  Tasks that are published, and settled, before the thread does something else
#define TURN 500

//  What a task costs besides its bytes
#define TASK_COST 256

//  A message has headers besides, of at most so many bytes
#define HEADERS 256

#define NSECS_PER_MSEC 1000000LL

//  A task that is to be stored
typedef struct {
    zrelay_parcel_t body;       //  The task
    uint64_t sequence;          //  Its number
    int64_t sent_at;            //  When it was given to a server, or 0
} put_t;

//  A task that came
typedef struct {
    natsMsg *msg;               //  All of it
    zrelay_work_task_t task;    //  What the relay sees of it
} got_t;

//  How a task ends
typedef struct {
    zrelay_work_end_t end;      //  What is to be said
    int64_t at;                 //  When; then, when it was
    char *reply;                //  And where
} end_t;

struct _zrelay_work_t {
    pthread_mutex_t mutex;      //  Guards everything that is not said to be
                                //  fixed or the thread's
    zrelay_link_t *link;        //  Whose guest it is; fixed
    char *subject;              //  Of tasks; fixed
    char *stream;               //  Name of the stream; fixed
    char *manage;               //  Where tasks are requested; fixed
    char inbox [64];            //  Where servers answer; fixed
    int64_t replicas;           //  As in the configuration; fixed
    int64_t ack_wait;           //  Likewise
    size_t tasks_most;
    size_t bytes_most;
    zrelay_work_status_t status;        //  What is reported
    char fault [ZRELAY_JETSTREAM_SENTENCE];     //  Why it is not set up, or ""
    char trouble [ZRELAY_JETSTREAM_SENTENCE];   //  Why a task was not stored
                                //  last, or ""
    bool told;                  //  The relay was woken, and has not looked yet
    bool starved;               //  It waits for room
    bool ending;                //  It has left
    bool set_up;                //  Stream and consumer are there
    bool doubtful;              //  They may have gone since
    int64_t set_up_at;          //  When that is looked at next
    int64_t retry_at;           //  When a task is tried again
    uint64_t sequence;          //  Number of the last task
    zlistx_t *out;              //  put_t that are to leave
    zlistx_t *sent;             //  put_t that have, without an answer yet
    zlistx_t *in;               //  got_t; the relay has the first
    bool reads;                 //  It does
    zlistx_t *ends;             //  end_t that are due at once
    zlistx_t *dones;            //  end_t that are due later
    zlistx_t *kept;             //  end_t that were sent a moment ago
    bool wanted;                //  Tasks are
    size_t requested;           //  Tasks that a request may still bring
    uint64_t request;           //  Number of the last request
    int64_t request_lost_at;    //  When it counts as lost
    size_t largest;             //  Bytes of its largest task
    size_t batch;               //  Tasks that the next request asks for
    natsConnection *nc;         //  The thread's; NULL: none
    natsSubscription *sub;      //  The thread's
};


//  --------------------------------------------------------------------------
//  Small things. Functions with "locked" in their names need the lock.

static void
s_lock (zrelay_work_t *self)
{
    pthread_mutex_lock (&self->mutex);
}

static void
s_unlock (zrelay_work_t *self)
{
    pthread_mutex_unlock (&self->mutex);
}

//  Wake the relay, once until it looks

static void
s_tell_locked (zrelay_work_t *self)
{
    if (!self->told)
        zrelay_link_wake (self->link);
    self->told = true;
}

static zlistx_t *
s_list (zlistx_destructor_fn *destructor)
{
    zlistx_t *list = zlistx_new ();
    assert (list);
    zlistx_set_destructor (list, destructor);
    return list;
}

static void
s_free_put (void **item_p)
{
    put_t *put = (put_t *) *item_p;
    zrelay_parcel_clear (&put->body);
    freen (put);
    *item_p = NULL;
}

static void
s_free_got (void **item_p)
{
    got_t *got = (got_t *) *item_p;
    natsMsg_Destroy (got->msg);
    freen (got);
    *item_p = NULL;
}

static void
s_free_end (void **item_p)
{
    end_t *end = (end_t *) *item_p;
    free (end->reply);
    freen (end);
    *item_p = NULL;
}

static size_t
s_waiting_locked (zrelay_work_t *self)
{
    return zlistx_size (self->out) + zlistx_size (self->sent);
}

//  A task is no longer ours

static void
s_forget_locked (zrelay_work_t *self, zlistx_t *list, put_t *put)
{
    self->status.waiting_bytes -= put->body.size + TASK_COST;
    zlistx_delete (list, zlistx_cursor (list));
    bool room = self->starved && s_waiting_locked (self) <= self->tasks_most / 2
             && self->status.waiting_bytes <= self->bytes_most / 2;
    self->starved = self->starved && !room;
    if (room || s_waiting_locked (self) == 0)
        s_tell_locked (self);
}

//  The task of that number that has no answer yet, as the list's cursor; NULL:
//  there is none. Answers come in order, so it is one of the first.

static put_t *
s_find_locked (zrelay_work_t *self, uint64_t sequence)
{
    put_t *put = (put_t *) zlistx_first (self->sent);
    while (put && put->sequence != sequence)
        put = (put_t *) zlistx_next (self->sent);
    return put;
}

//  A task that was sent is to leave again, before all others

static void
s_send_again_locked (zrelay_work_t *self, put_t *put)
{
    zlistx_detach (self->sent, zlistx_cursor (self->sent));
    zlistx_add_start (self->out, put);
}

//  All that were sent until that moment, in order

static void
s_send_older_again_locked (zrelay_work_t *self, int64_t until)
{
    zlistx_t *older = zlistx_new ();
    assert (older);
    put_t *put;
    while ((put = (put_t *) zlistx_first (self->sent)) && put->sent_at <= until)
        zlistx_add_end (older, zlistx_detach (self->sent, NULL));
    while ((put = (put_t *) zlistx_last (older))) {
        zlistx_detach (older, zlistx_cursor (older));
        zlistx_add_start (self->out, put);
    }
    zlistx_destroy (&older);
}


//  --------------------------------------------------------------------------
//  On threads of libnats: answers and tasks

//  Stream and consumer may be gone: look at them soon

static void
s_doubt_locked (zrelay_work_t *self)
{
    if (!self->doubtful)
        self->set_up_at = zclock_mono () + RETRY_IVL;
    self->doubtful = true;
}

static void
s_trouble_locked (zrelay_work_t *self, const char *sentence)
{
    if (strneq (self->trouble, sentence))
        s_tell_locked (self);
    snprintf (self->trouble, sizeof (self->trouble), "%s", sentence);
    self->retry_at = zclock_mono () + RETRY_IVL;
    s_doubt_locked (self);
}

static void
s_on_answer (zrelay_work_t *self, uint64_t sequence, natsMsg *msg)
{
    char sentence [ZRELAY_JETSTREAM_SENTENCE] = "no server has the stream now";
    bool stored = !natsMsg_IsNoResponders (msg)
        && zrelay_jetstream_stored (natsMsg_GetData (msg),
               (size_t) natsMsg_GetDataLength (msg), sentence);
    s_lock (self);
    put_t *put = s_find_locked (self, sequence);
    if (put && stored) {
        s_forget_locked (self, self->sent, put);
        self->status.stored++;
        *self->trouble = 0;
        s_tell_locked (self);
    }
    else
    if (put) {
        s_send_again_locked (self, put);
        s_trouble_locked (self, sentence);
    }
    bool more = zlistx_size (self->out) > 0 || self->doubtful;
    s_unlock (self);
    if (more)
        zrelay_link_nudge (self->link);
}

//  A request for tasks is over, or failed. Only two of the reasons matter:
//  there is no such consumer, or it has moved or is gone.

static void
s_on_request_over (zrelay_work_t *self, uint64_t request, natsMsg *msg)
{
    const char *code = NULL;
    natsMsgHeader_Get (msg, "Status", &code);
    s_lock (self);
    if (request == self->request) {
        self->requested = 0;
        if (code && (streq (code, "503") || streq (code, "409")))
            s_doubt_locked (self);
    }
    s_unlock (self);
    zrelay_link_nudge (self->link);
}

//  Returns false if it is not taken

static bool
s_on_task (zrelay_work_t *self, natsMsg *msg)
{
    uint64_t deliveries = zrelay_jetstream_deliveries (natsMsg_GetReply (msg));
    got_t *got = (got_t *) zmalloc (sizeof (got_t));
    assert (got);
    got->msg = msg;
    got->task.deliveries = deliveries;
    got->task.data = natsMsg_GetData (msg);
    got->task.size = (size_t) natsMsg_GetDataLength (msg);
    if (!zrelay_link_numbers (msg, &got->task.origin, &got->task.sequence))
        got->task.origin = got->task.sequence = 0;
    s_lock (self);
    self->status.invalid += deliveries == 0;
    bool room = zlistx_size (self->in) < 4 * BATCH_MOST;
    self->status.overrun += deliveries > 0 && !room;
    bool taken = deliveries > 0 && room && !self->ending;
    if (taken) {
        if (self->largest < got->task.size)
            self->largest = got->task.size;
        self->requested -= self->requested > 0;
        zlistx_add_end (self->in, got);
    }
    s_tell_locked (self);
    bool over = self->requested == 0;
    s_unlock (self);
    if (over)
        zrelay_link_nudge (self->link);
    if (!taken)
        freen (got);
    return taken;
}

//  The number behind the inbox and one of the tokens. Returns false if there is
//  none.

static bool
s_is_answer (zrelay_work_t *self, const char *subject, const char *token,
             uint64_t *number_p)
{
    size_t length = strlen (self->inbox);
    if (strncmp (subject, self->inbox, length)
    ||  strncmp (subject + length, token, strlen (token)))
        return false;
    *number_p = strtoull (subject + length + strlen (token), NULL, 16);
    return true;
}

static void
s_on_message (natsConnection *nc, natsSubscription *sub, natsMsg *msg,
              void *closure)
{
    (void) nc;
    (void) sub;
    zrelay_work_t *self = (zrelay_work_t *) closure;
    const char *subject = natsMsg_GetSubject (msg);
    uint64_t number;
    bool taken = false;
    if (s_is_answer (self, subject, ANSWER, &number))
        s_on_answer (self, number, msg);
    else
    if (s_is_answer (self, subject, REQUEST, &number))
        s_on_request_over (self, number, msg);
    else
        taken = s_on_task (self, msg);
    if (!taken)
        natsMsg_Destroy (msg);
}

static void
s_on_unsubscribed (void *closure)
{
    zrelay_link_release (((zrelay_work_t *) closure)->link);
}


//  --------------------------------------------------------------------------
//  On the link's thread: the stream and its consumer

//  A setting that an existing stream or consumer must not have
typedef struct {
    bool wrong;                 //  It has
    const char *what;           //  Which
} check_t;

static const char *
s_first_wrong (const check_t *checks, size_t count)
{
    for (size_t index = 0; index < count; index++)
        if (checks [index].wrong)
            return checks [index].what;
    return NULL;
}

static const char *
s_stream_differs (zrelay_work_t *self, const jsStreamConfig *config)
{
    bool bounded = config->MaxMsgs > 0 || config->MaxBytes > 0
                || config->MaxMsgsPerSubject > 0;
    const check_t checks [] = {
        { config->Retention != js_WorkQueuePolicy,
          "its retention is not workqueue" },
        { config->SubjectsLen != 1
          || strneq (config->Subjects [0], self->subject),
          "its subject is another one" },
        { bounded && config->Discard != js_DiscardNew,
          "it discards old messages" },
        { config->MaxAge > 0, "its messages expire" },
        { config->MaxMsgSize > 0, "it bounds the size of a message" },
        { config->Storage != js_FileStorage, "it is not stored in files" },
        { config->NoAck, "it does not acknowledge messages" },
        { config->Sealed || config->Mirror || config->SourcesLen > 0,
          "it takes no messages, or those of other streams" },
        { self->replicas > 0 && config->Replicas != self->replicas,
          "it has not as many replicas as join_replicas says" }
    };
    return s_first_wrong (checks, sizeof (checks) / sizeof (*checks));
}

static const char *
s_consumer_differs (zrelay_work_t *self, const jsConsumerConfig *config)
{
    const char *filter = config->FilterSubject;
    const check_t checks [] = {
        { config->DeliverSubject && *config->DeliverSubject,
          "it is not one to pull from" },
        { config->AckPolicy != js_AckExplicit,
          "its messages need not be acknowledged one by one" },
        { config->MaxDeliver > 0, "it gives up messages" },
        { filter && *filter && strneq (filter, self->subject),
          "it wants another subject" }
    };
    return s_first_wrong (checks, sizeof (checks) / sizeof (*checks));
}

//  Why a request failed, as a sentence. Returns false, as its callers do.

static bool
s_failed (char sentence [ZRELAY_JETSTREAM_SENTENCE], const char *what,
          natsStatus status, jsErrCode code)
{
    bool absent = status == NATS_NO_RESPONDERS || code == JSNotEnabledErr
               || code == JSNotEnabledForAccountErr;
    const char *reason = nats_GetLastError (NULL);
    snprintf (sentence, ZRELAY_JETSTREAM_SENTENCE, "%s: %s", what,
              absent? "JetStream is not enabled there":
              reason && *reason? reason: natsStatus_GetText (status));
    return false;
}

static natsStatus
s_add_stream (zrelay_work_t *self, jsCtx *js, jsStreamInfo **info_p,
              jsErrCode *code)
{
    jsStreamConfig config;
    jsStreamConfig_Init (&config);
    const char *subjects [] = { self->subject };
    config.Name = self->stream;
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    config.Retention = js_WorkQueuePolicy;
    config.Discard = js_DiscardNew;
    config.Storage = js_FileStorage;
    config.Replicas = self->replicas > 0? self->replicas: REPLICAS;
    config.Duplicates = WINDOW * 1000 * NSECS_PER_MSEC;
    natsStatus status = js_AddStream (info_p, js, &config, NULL, code);
    if (status != NATS_OK && self->replicas == 0
    &&  *code == JSStreamReplicasNotSupportedErr) {
        config.Replicas = 1;
        status = js_AddStream (info_p, js, &config, NULL, code);
    }
    //  Another site was faster
    if (status != NATS_OK && *code == JSStreamNameExistErr)
        status = js_GetStreamInfo (info_p, js, self->stream, NULL, code);
    return status;
}

static bool
s_set_up_stream (zrelay_work_t *self, jsCtx *js,
                 char sentence [ZRELAY_JETSTREAM_SENTENCE])
{
    jsStreamInfo *info = NULL;
    jsErrCode code = (jsErrCode) 0;
    natsStatus status = js_GetStreamInfo (&info, js, self->stream, NULL, &code);
    if (status == NATS_NOT_FOUND || code == JSStreamNotFoundErr)
        status = s_add_stream (self, js, &info, &code);
    if (status != NATS_OK)
        return s_failed (sentence, "there is no stream for tasks", status,
                         code);
    const char *differs = s_stream_differs (self, info->Config);
    if (differs)
        snprintf (sentence, ZRELAY_JETSTREAM_SENTENCE, "the stream %s exists"
                  " with other settings: %s", self->stream, differs);
    jsStreamInfo_Destroy (info);
    return !differs;
}

static bool
s_set_up_consumer (zrelay_work_t *self, jsCtx *js,
                   char sentence [ZRELAY_JETSTREAM_SENTENCE])
{
    jsConsumerInfo *info = NULL;
    jsErrCode code = (jsErrCode) 0;
    natsStatus status = js_GetConsumerInfo (&info, js, self->stream, CONSUMER,
                                            NULL, &code);
    if (status == NATS_NOT_FOUND || code == JSConsumerNotFoundErr) {
        jsConsumerConfig config;
        jsConsumerConfig_Init (&config);
        config.Durable = CONSUMER;
        config.AckPolicy = js_AckExplicit;
        config.AckWait = self->ack_wait * NSECS_PER_MSEC;
        config.MaxAckPending = UNACKED_MOST;
        status = js_AddConsumer (&info, js, self->stream, &config, NULL, &code);
    }
    if (status != NATS_OK)
        return s_failed (sentence, "there is no consumer for tasks", status,
                         code);
    const char *differs = s_consumer_differs (self, info->Config);
    if (differs)
        snprintf (sentence, ZRELAY_JETSTREAM_SENTENCE, "the consumer %s of %s"
                  " exists with other settings: %s", CONSUMER, self->stream,
                  differs);
    jsConsumerInfo_Destroy (info);
    return !differs;
}

//  libnats waits for the servers here

static void
s_set_up (zrelay_work_t *self)
{
    char sentence [ZRELAY_JETSTREAM_SENTENCE] = "";
    jsOptions options;
    jsOptions_Init (&options);
    options.Wait = MANAGE_TIME;
    jsCtx *js = NULL;
    natsStatus status = natsConnection_JetStream (&js, self->nc, &options);
    bool done = status == NATS_OK? s_set_up_stream (self, js, sentence)
                                && s_set_up_consumer (self, js, sentence):
                s_failed (sentence, "JetStream", status, (jsErrCode) 0);
    jsCtx_Destroy (js);
    for (char *at = sentence; *at; at++)
        if (!isprint ((byte) *at))
            *at = '?';
    s_lock (self);
    self->set_up = done;
    self->doubtful = false;
    self->set_up_at = zclock_mono () + SET_UP_IVL;
    if (strneq (self->fault, sentence) || (done && !self->status.begun))
        s_tell_locked (self);
    snprintf (self->fault, sizeof (self->fault), "%s", sentence);
    self->status.begun = self->status.begun || done;
    s_unlock (self);
}


//  --------------------------------------------------------------------------
//  On the link's thread: tasks that leave

//  The next task as a message; NULL: none is to leave now. It counts as sent
//  before it is, since the answer may be fast.

static natsMsg *
s_next_to_leave (zrelay_work_t *self, uint64_t *sequence_p)
{
    natsMsg *msg = NULL;
    int64_t now = zclock_mono ();
    s_lock (self);
    put_t *put = (put_t *) zlistx_first (self->out);
    //  After a failure, one is tried until that succeeds
    bool may = self->set_up && now >= self->retry_at
        && (!*self->trouble || zlistx_size (self->sent) == 0);
    char reply [sizeof (self->inbox) + 32];
    char id [40];
    if (put && may) {
        *sequence_p = put->sequence;
        snprintf (reply, sizeof (reply), "%s%s%016" PRIx64, self->inbox, ANSWER,
                  put->sequence);
        snprintf (id, sizeof (id), "%016" PRIx64 "%016" PRIx64,
                  zrelay_link_origin (self->link), put->sequence);
        msg = zrelay_link_make (self->link, self->subject, reply, &put->body,
                                put->sequence);
        if (msg && natsMsgHeader_Set (msg, MSG_ID, id) != NATS_OK) {
            natsMsg_Destroy (msg);
            msg = NULL;
        }
    }
    if (msg) {
        zlistx_detach (self->out, NULL);
        self->status.repeated += put->sent_at > 0;
        put->sent_at = now;
        zlistx_add_end (self->sent, put);
    }
    s_unlock (self);
    return msg;
}

static void
s_not_published (zrelay_work_t *self, uint64_t sequence, natsStatus status)
{
    s_lock (self);
    put_t *put = s_find_locked (self, sequence);
    if (put && status == NATS_MAX_PAYLOAD) {
        self->status.refused++;
        s_forget_locked (self, self->sent, put);
    }
    else
    if (put) {
        s_send_again_locked (self, put);
        self->retry_at = zclock_mono () + RETRY_IVL;
    }
    s_unlock (self);
}

static void
s_publish (zrelay_work_t *self)
{
    uint64_t sequence;
    natsMsg *msg = NULL;
    for (int left = TURN; left > 0; left--) {
        msg = s_next_to_leave (self, &sequence);
        if (!msg)
            return;
        natsStatus status = natsConnection_PublishMsg (self->nc, msg);
        natsMsg_Destroy (msg);
        if (status != NATS_OK)
            s_not_published (self, sequence, status);
    }
    zrelay_link_nudge (self->link);
}

//  Those without an answer are sent again: the server may have been lost, and
//  the stream knows by their numbers which it has already

static void
s_repeat_late (zrelay_work_t *self)
{
    s_lock (self);
    s_send_older_again_locked (self, zclock_mono () - ANSWER_TIME);
    s_unlock (self);
}


//  --------------------------------------------------------------------------
//  On the link's thread: tasks that come, and what is said about them

static void
s_request (zrelay_work_t *self)
{
    char reply [sizeof (self->inbox) + 32];
    char text [80];
    int64_t now = zclock_mono ();
    s_lock (self);
    if (now >= self->request_lost_at)
        self->requested = 0;
    bool asks = self->wanted && self->set_up && !self->doubtful
             && self->requested == 0
             && zlistx_size (self->in) < self->batch;
    if (asks) {
        size_t fit = self->bytes_most / (self->largest + TASK_COST);
        if (self->request > 0)
            self->batch = fit < 1? 1: fit < BATCH_MOST? fit: BATCH_MOST;
        self->largest = 0;
        self->requested = self->batch;
        self->request_lost_at = now + REQUEST_LOST;
        snprintf (reply, sizeof (reply), "%s%s%016" PRIx64, self->inbox,
                  REQUEST, ++self->request);
        snprintf (text, sizeof (text), "{\"batch\":%zu,\"expires\":%lld}",
                  self->requested, REQUEST_TIME * NSECS_PER_MSEC);
    }
    s_unlock (self);
    if (asks)
        natsConnection_PublishRequestString (self->nc, self->manage, reply,
                                             text);
}

//  The next thing that is to be said, or NULL

static end_t *
s_next_end_locked (zrelay_work_t *self, int64_t now)
{
    end_t *end = (end_t *) zlistx_first (self->ends);
    if (end)
        return (end_t *) zlistx_detach (self->ends, NULL);
    end = (end_t *) zlistx_first (self->dones);
    return end && (self->ending || end->at <= now)?
           (end_t *) zlistx_detach (self->dones, NULL): NULL;
}

//  It was said; an acknowledgement may have to be said again

static void
s_after_end (zrelay_work_t *self, end_t *end)
{
    int64_t now = zclock_mono ();
    bool again = end->end == ZRELAY_WORK_DONE;
    end->at = now;
    s_lock (self);
    if (again)
        zlistx_add_end (self->kept, end);
    end_t *oldest;
    while ((oldest = (end_t *) zlistx_first (self->kept))
       &&  now - oldest->at > DONE_KEPT)
        zlistx_delete (self->kept, NULL);
    bool last = zlistx_size (self->ends) + zlistx_size (self->dones) == 0;
    if (last)
        s_tell_locked (self);
    s_unlock (self);
    if (!again)
        s_free_end ((void **) &end);
}

static void
s_say_ends (zrelay_work_t *self)
{
    static const char *const words [] = {
        [ZRELAY_WORK_DONE] = "+ACK",
        [ZRELAY_WORK_RETURNED] = "-NAK",
        [ZRELAY_WORK_VOID] = "+TERM"
    };
    s_lock (self);
    int left = self->ending? INT_MAX: TURN;
    s_unlock (self);
    for (; left > 0; left--) {
        s_lock (self);
        end_t *end = s_next_end_locked (self, zclock_mono ());
        s_unlock (self);
        if (!end)
            return;
        //  One that fails is not heard, and the task comes again
        natsConnection_PublishString (self->nc, end->reply, words [end->end]);
        s_after_end (self, end);
    }
    zrelay_link_nudge (self->link);
}


//  --------------------------------------------------------------------------
//  On the link's thread: the guest

static void
s_attached (void *object, zrelay_link_t *link)
{
    ((zrelay_work_t *) object)->link = link;
}

static void
s_subscribe (zrelay_work_t *self, natsConnection *nc)
{
    char all [sizeof (self->inbox) + 2];
    snprintf (all, sizeof (all), "%s.>", self->inbox);
    self->nc = nc;
    zrelay_link_hold (self->link);
    if (natsConnection_Subscribe (&self->sub, nc, all, s_on_message, self)
            != NATS_OK
    ||  natsSubscription_SetOnCompleteCB (self->sub, s_on_unsubscribed, self)
            != NATS_OK)
        zrelay_link_release (self->link);
}

static void
s_connected (void *object, natsConnection *nc)
{
    zrelay_work_t *self = (zrelay_work_t *) object;
    if (nc != self->nc)
        s_subscribe (self, nc);
    s_lock (self);
    s_send_older_again_locked (self, INT64_MAX);
    void *end;
    while ((end = zlistx_last (self->kept))) {
        zlistx_detach (self->kept, zlistx_cursor (self->kept));
        zlistx_add_start (self->ends, end);
    }
    self->requested = 0;
    self->retry_at = 0;
    self->set_up = false;
    self->set_up_at = 0;
    s_unlock (self);
}

static void
s_disconnecting (void *object)
{
    zrelay_work_t *self = (zrelay_work_t *) object;
    natsSubscription_Destroy (self->sub);
    self->sub = NULL;
    self->nc = NULL;
    s_lock (self);
    self->set_up = false;
    s_unlock (self);
}

static int64_t
s_sooner (int64_t one, int64_t other)
{
    return one == 0 || (other > 0 && other < one)? other: one;
}

//  When there is more to do, if nobody says so before; 0: never

static int64_t
s_next_moment_locked (zrelay_work_t *self)
{
    int64_t next = self->set_up && !self->doubtful? 0: self->set_up_at;
    end_t *end = (end_t *) zlistx_first (self->dones);
    if (end)
        next = s_sooner (next, end->at);
    put_t *put = (put_t *) zlistx_first (self->sent);
    if (put)
        next = s_sooner (next, put->sent_at + ANSWER_TIME + 1);
    if (zlistx_size (self->out) > 0 && self->retry_at > zclock_mono ())
        next = s_sooner (next, self->retry_at);
    if (self->wanted && self->set_up && self->requested > 0)
        next = s_sooner (next, self->request_lost_at);
    return next;
}

static int64_t
s_work (void *object)
{
    zrelay_work_t *self = (zrelay_work_t *) object;
    if (!self->nc)
        return 0;
    s_say_ends (self);
    s_lock (self);
    bool lacks = (!self->set_up || self->doubtful) && !self->ending
              && zclock_mono () >= self->set_up_at;
    s_unlock (self);
    if (lacks)
        s_set_up (self);
    s_repeat_late (self);
    s_publish (self);
    s_request (self);
    s_lock (self);
    int64_t next = s_next_moment_locked (self);
    s_unlock (self);
    int64_t now = zclock_mono ();
    return next == 0? 0: next > now? next - now: 1;
}

static void
s_free (void *object)
{
    zrelay_work_t *self = (zrelay_work_t *) object;
    zlistx_destroy (&self->out);
    zlistx_destroy (&self->sent);
    zlistx_destroy (&self->in);
    zlistx_destroy (&self->ends);
    zlistx_destroy (&self->dones);
    zlistx_destroy (&self->kept);
    zstr_free (&self->subject);
    zstr_free (&self->stream);
    zstr_free (&self->manage);
    pthread_mutex_destroy (&self->mutex);
    free (self);
}


//  --------------------------------------------------------------------------
//  The relay's part

static char *
s_printed (const char *format, const char *text)
{
    char *printed = zsys_sprintf (format, text);
    assert (printed);
    return printed;
}

zrelay_work_t *
zrelay_work_new (const zrelay_work_config_t *config,
                 zrelay_link_guest_t *guest)
{
    zrelay_work_t *self = (zrelay_work_t *) zmalloc (sizeof (zrelay_work_t));
    assert (self);
    pthread_mutex_init (&self->mutex, NULL);
    self->subject = s_printed ("%s." WORD, config->address->name);
    self->stream = s_printed (STREAM, config->address->name);
    self->manage = s_printed ("$JS.API.CONSUMER.MSG.NEXT.%s." CONSUMER,
                              self->stream);
    self->replicas = config->replicas;
    self->ack_wait = config->ack_wait;
    self->tasks_most = config->tasks_most;
    self->bytes_most = config->bytes_most;
    self->batch = BATCH_FIRST;
    //  Hard to guess, as is everything that is based on the process's secret
    struct { int64_t time; void *place; } seed;
    memset (&seed, 0, sizeof (seed));
    seed.time = zclock_usecs ();
    seed.place = self;
    snprintf (self->inbox, sizeof (self->inbox), "_INBOX.%016" PRIx64,
              zrelay_index_hash (&seed, sizeof (seed)));
    self->out = s_list (s_free_put);
    self->sent = s_list (s_free_put);
    self->in = s_list (s_free_got);
    self->ends = s_list (s_free_end);
    self->dones = s_list (s_free_end);
    self->kept = s_list (s_free_end);
    *guest = (zrelay_link_guest_t) {
        .object = self,
        .attached = s_attached,
        .connected = s_connected,
        .work = s_work,
        .disconnecting = s_disconnecting,
        .destroy = s_free
    };
    return self;
}

void
zrelay_work_end (zrelay_work_t *self)
{
    s_lock (self);
    self->ending = true;
    self->wanted = false;
    s_unlock (self);
}

static void
s_look_locked (zrelay_work_t *self, zrelay_work_status_t *status)
{
    *status = self->status;
    status->ready = self->set_up && !*self->trouble;
    snprintf (status->sentence, sizeof (status->sentence), "%s",
              *self->fault? self->fault: self->trouble);
    status->waiting = s_waiting_locked (self);
    status->unsettled = zlistx_size (self->ends) + zlistx_size (self->dones)
                      + zlistx_size (self->in);
}

void
zrelay_work_look (zrelay_work_t *self, zrelay_work_status_t *status)
{
    s_lock (self);
    s_look_locked (self, status);
    s_unlock (self);
}

void
zrelay_work_status (zrelay_work_t *self, zrelay_work_status_t *status)
{
    s_lock (self);
    self->told = false;
    s_look_locked (self, status);
    s_unlock (self);
}

zrelay_link_send_t
zrelay_work_put (zrelay_work_t *self, zrelay_message_t *message)
{
    size_t cost = zrelay_parcel_cost (message, 0);
    if (cost == 0 || cost + HEADERS > zrelay_link_payload_most (self->link))
        return ZRELAY_LINK_UNFIT;
    s_lock (self);
    size_t waiting = s_waiting_locked (self);
    bool full = waiting >= self->tasks_most
        || (waiting > 0 && self->status.waiting_bytes + cost + TASK_COST
                           > self->bytes_most);
    if (full)
        self->starved = true;
    bool first = !full && zlistx_size (self->out) == 0;
    if (!full) {
        put_t *put = (put_t *) zmalloc (sizeof (put_t));
        assert (put);
        zrelay_parcel_add (&put->body, message, 0);
        put->sequence = ++self->sequence;
        zlistx_add_end (self->out, put);
        self->status.waiting_bytes += put->body.size + TASK_COST;
    }
    s_unlock (self);
    if (first)
        zrelay_link_nudge (self->link);
    return full? ZRELAY_LINK_FULL: ZRELAY_LINK_SENT;
}

bool
zrelay_work_take_back (zrelay_work_t *self, zrelay_message_t *message)
{
    s_lock (self);
    zlistx_t *list = zlistx_size (self->sent) > 0? self->sent: self->out;
    put_t *put = (put_t *) zlistx_first (list);
    size_t at = 0;
    if (put) {
        zrelay_parcel_next (put->body.data, put->body.size, &at, message);
        s_forget_locked (self, list, put);
    }
    s_unlock (self);
    return put != NULL;
}

void
zrelay_work_want (zrelay_work_t *self, bool wanted)
{
    s_lock (self);
    bool begins = wanted && !self->wanted;
    self->wanted = wanted;
    s_unlock (self);
    if (begins)
        zrelay_link_nudge (self->link);
}

bool
zrelay_work_next (zrelay_work_t *self, zrelay_work_task_t *task)
{
    s_lock (self);
    got_t *got = (got_t *) zlistx_first (self->in);
    self->reads = got != NULL;
    if (got)
        *task = got->task;
    s_unlock (self);
    return got != NULL;
}

void
zrelay_work_settle (zrelay_work_t *self, zrelay_work_end_t how)
{
    end_t *end = (end_t *) zmalloc (sizeof (end_t));
    assert (end);
    end->end = how;
    s_lock (self);
    assert (self->reads);
    self->reads = false;
    got_t *got = (got_t *) zlistx_detach (self->in, NULL);
    bool later = how == ZRELAY_WORK_DONE;
    end->at = later? zclock_mono () + DONE_DELAY: 0;
    zlistx_t *list = later? self->dones: self->ends;
    bool first = zlistx_size (list) == 0;
    bool over = zlistx_size (self->in) == 0 && self->requested == 0;
    end->reply = s_printed ("%s", natsMsg_GetReply (got->msg));
    zlistx_add_end (list, end);
    s_unlock (self);
    s_free_got ((void **) &got);
    if (first || over)
        zrelay_link_nudge (self->link);
}
