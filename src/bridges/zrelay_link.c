/*  =========================================================================
    zrelay_link - a connection to NATS servers that keeps nobody waiting

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_link.h"

#include <nats/nats.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>

//  Headers of a parcel, and what they hold: sixteen hexadecimal digits each
#define ORIGIN "Zrelay-Origin"
#define SEQUENCE "Zrelay-Sequence"
#define DIGITS 16

//  A parcel takes further messages up to this size, in bytes
#define PARCEL_MOST 65536

//  What a parcel costs besides its bytes
#define PARCEL_COST 256

//  Largest message: that of a server which is configured for larger ones than
//  most
#define MESSAGE_MOST (64 * 1024 * 1024)

//  What was sent is kept for so long, in msecs, and at most so many bytes and
//  parcels
#define KEPT_MSECS 3000
#define KEPT_BYTES (8 * 1024 * 1024)
#define KEPT_PARCELS 30000

//  Bytes for messages of the moment, where there is no more room for others
#define MOMENT_MOST 65536

//  Times, in msecs: for one attempt to connect or to subscribe, between two,
//  for a write; to send the rest at the end, and for libnats to end what it
//  began
#define CONNECT_TIME 2000
#define RETRY_IVL 500
#define WRITE_TIME 5000
#define REST_TIME 300
#define ENDING_TIME 5000

//  A subscription that is no longer wanted is ended so much later, in msecs.
//  What is under way for it would be lost, also where another one that replaces
//  it takes effect only now.
#define OVERLAP 500

//  How soon a server that is silent counts as gone: pings, and how many may be
//  unanswered
#define PING_IVL 2000
#define PINGS_MOST 2

//  Never give up
#define FOREVER (1 << 30)

//  libnats hands the link over to threads of its own, some of which are older
//  than the link. It is not instrumented, so ThreadSanitizer has to be told.
#if defined (__SANITIZE_THREAD__)
#   include <sanitizer/tsan_interface.h>
#   define HAND_OVER(link) __tsan_release (link)
#   define TAKE_OVER(link) __tsan_acquire (link)
#else
#   define HAND_OVER(link)
#   define TAKE_OVER(link)
#endif

typedef struct _parcel_t parcel_t;
struct _parcel_t {
    parcel_t *next;             //  The one behind it
    zrelay_parcel_t body;       //  Its messages
    uint64_t sequence;          //  Its number
    int64_t sent_at;            //  When it was given to a server, in msecs;
                                //  0: not yet, so it can take more messages
    bool moment;                //  Its messages are of the moment
    char subject [ZRELAY_ADDRESS_ROOM];     //  Where it goes
};

//  Parcels in a row
typedef struct {
    parcel_t *first;            //  The oldest
    parcel_t *last;             //  The newest
    size_t count;               //  How many these are
    size_t bytes;               //  What they cost
} parcels_t;

typedef struct _letter_t letter_t;
struct _letter_t {
    letter_t *next;             //  The one behind it
    natsMsg *msg;               //  What came
    uint64_t origin;            //  Whose it is
    uint64_t sequence;          //  Its number
    uint64_t trouble;           //  See zrelay_link_letter_t
    int64_t came_at;            //  Likewise
};

//  What a subscription is to be, and what it is
typedef struct {
    char *wanted;               //  Subject, or NULL: none
    int64_t ends_at;            //  When that is over, or 0: it is not
    bool changed;               //  The thread has to look at it
    natsSubscription *sub;      //  The thread's
} slot_t;

//  Numbers in a row
typedef struct {
    size_t *array;              //  Where they are
    size_t first;               //  Place of the first
    size_t end;                 //  Place behind the last
    size_t room;                //  How many there is room for
} numbers_t;

struct _zrelay_link_t {
    pthread_mutex_t mutex;      //  Guards everything that is not said to be
                                //  the thread's or the relay's
    pthread_cond_t work;        //  There is something for the thread
    pthread_cond_t over;        //  Something has ended
    zrelay_address_t address;   //  Where; fixed
    char *label;                //  Who; fixed
    char *creds;                //  Files; fixed
    char *ca;
    char *cert;
    char *key;
    size_t out_most;            //  Bounds; fixed
    size_t in_most;
    size_t payload_most;        //  Bytes that the server takes at once
    size_t parcel_most;         //  Bytes of a parcel that takes more messages
    uint64_t origin;            //  The own number; fixed
    int fd;                     //  Wakes the relay; fixed
    bool ending;                //  The relay has left
    bool ended;                 //  The thread has
    zrelay_link_status_t status;        //  What is reported
    bool closed;                //  libnats has given up the connection
    size_t subs;                //  Subscriptions that libnats still knows
    uint64_t sequence;          //  Number of the last parcel
    parcels_t out;              //  To leave
    parcels_t kept;             //  Have left, and may have to again
    bool repeat;                //  They have to
    bool starved;               //  The relay waits for room
    bool unseen;                //  Letters were dropped since it last looked
    slot_t *slots;              //  Subscriptions; their numbers count from 1
    size_t slots_count;         //  How many there are
    size_t slots_room;          //  How many there is room for
    numbers_t changes;          //  Those to look at
    numbers_t leaving;          //  Those that are to end, in order
    numbers_t unused;           //  Numbers that can be given again
    letter_t *in_first;         //  Have come
    letter_t *in_last;          //  The newest of them
    size_t in_bytes;            //  Their bytes
    natsConnection *nc;         //  The thread's; NULL: none
    zrelay_link_guest_t guest;  //  Who else uses it; fixed
    bool nudged;                //  The guest has work
    int64_t guest_at;           //  When it will have, or 0
    uint64_t guest_connects;    //  Connections that it was told of
    letter_t *taken;            //  The relay's: letters that it has, the first
                                //  of which it reads
    bool reads;                 //  The relay's: it does
};


//  --------------------------------------------------------------------------
//  Small things. Functions with "locked" in their names need the lock.

static void
s_lock (zrelay_link_t *self)
{
    pthread_mutex_lock (&self->mutex);
}

static void
s_unlock (zrelay_link_t *self)
{
    pthread_mutex_unlock (&self->mutex);
}

//  Wake the relay. An eventfd that cannot take more is readable anyway.

static void
s_wake_relay_locked (zrelay_link_t *self)
{
    uint64_t one = 1;
    if (write (self->fd, &one, sizeof (one)) == -1)
        return;
}

//  Wait for a condition, but not beyond a moment of zclock_mono (). Returns
//  false if that is over.

static bool
s_wait_locked (zrelay_link_t *self, pthread_cond_t *cond, int64_t until)
{
    int64_t left = until - zclock_mono ();
    if (left <= 0)
        return false;
    struct timespec moment;
    clock_gettime (CLOCK_MONOTONIC, &moment);
    moment.tv_sec += left / 1000;
    moment.tv_nsec += left % 1000 * 1000000;
    if (moment.tv_nsec >= 1000000000) {
        moment.tv_sec++;
        moment.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait (cond, &self->mutex, &moment);
    return true;
}

static void
s_push (numbers_t *self, size_t number)
{
    if (self->end == self->room && self->first >= self->room / 2) {
        self->end -= self->first;
        if (self->end > 0)
            memmove (self->array, self->array + self->first,
                     self->end * sizeof (size_t));
        self->first = 0;
    }
    if (self->end == self->room) {
        self->room = self->room? self->room * 2: 16;
        self->array = (size_t *)
            realloc (self->array, self->room * sizeof (size_t));
        assert (self->array);
    }
    self->array [self->end++] = number;
}

static bool
s_is_empty (const numbers_t *self)
{
    return self->first == self->end;
}

static size_t
s_cost (const parcel_t *parcel)
{
    return parcel->body.size + PARCEL_COST;
}

static void
s_append (parcels_t *self, parcel_t *parcel)
{
    parcel->next = NULL;
    if (self->last)
        self->last->next = parcel;
    else
        self->first = parcel;
    self->last = parcel;
    self->count++;
    self->bytes += s_cost (parcel);
}

static parcel_t *
s_shift (parcels_t *self)
{
    parcel_t *parcel = self->first;
    if (!parcel)
        return NULL;
    self->first = parcel->next;
    if (!self->first)
        self->last = NULL;
    self->count--;
    self->bytes -= s_cost (parcel);
    return parcel;
}

static void
s_free_parcel (parcel_t *parcel)
{
    zrelay_parcel_clear (&parcel->body);
    free (parcel);
}

static void
s_free_parcels (parcels_t *self)
{
    parcel_t *parcel;
    while ((parcel = s_shift (self)))
        s_free_parcel (parcel);
}

static void
s_free_letter (letter_t *letter)
{
    natsMsg_Destroy (letter->msg);
    free (letter);
}

static void
s_free (zrelay_link_t *self)
{
    s_free_parcels (&self->out);
    s_free_parcels (&self->kept);
    letter_t *letter;
    while ((letter = self->in_first)) {
        self->in_first = letter->next;
        s_free_letter (letter);
    }
    for (size_t index = 0; index < self->slots_count; index++)
        zstr_free (&self->slots [index].wanted);
    free (self->slots);
    free (self->changes.array);
    free (self->leaving.array);
    free (self->unused.array);
    zrelay_address_clear (&self->address);
    zstr_free (&self->label);
    zstr_free (&self->creds);
    zstr_free (&self->ca);
    zstr_free (&self->cert);
    zstr_free (&self->key);
    if (self->fd != -1)
        close (self->fd);
    if (self->guest.object)
        self->guest.destroy (self->guest.object);
    pthread_cond_destroy (&self->work);
    pthread_cond_destroy (&self->over);
    pthread_mutex_destroy (&self->mutex);
    free (self);
}


//  --------------------------------------------------------------------------
//  On threads of libnats: letters, and changes of the connection

//  The number that a header holds. Returns false if it is no such number.

static bool
s_header (natsMsg *msg, const char *name, uint64_t *number_p)
{
    const char *text = NULL;
    if (natsMsgHeader_Get (msg, name, &text) != NATS_OK || !text
    ||  strlen (text) != DIGITS
    ||  strspn (text, "0123456789abcdef") != DIGITS)
        return false;
    *number_p = strtoull (text, NULL, 16);
    return true;
}

bool
zrelay_link_numbers (natsMsg *msg, uint64_t *origin_p, uint64_t *sequence_p)
{
    return s_header (msg, ORIGIN, origin_p)
        && s_header (msg, SEQUENCE, sequence_p);
}

//  Returns false if there is no room

static bool
s_deliver_locked (zrelay_link_t *self, letter_t *letter, size_t size)
{
    if (self->in_first && self->in_bytes + size > self->in_most)
        return false;
    letter->next = NULL;
    if (self->in_first)
        self->in_last->next = letter;
    else
        self->in_first = letter;
    self->in_last = letter;
    self->in_bytes += size;
    return true;
}

static void
s_on_message (natsConnection *nc, natsSubscription *sub, natsMsg *msg,
              void *closure)
{
    (void) nc;
    (void) sub;
    zrelay_link_t *self = (zrelay_link_t *) closure;
    TAKE_OVER (self);
    letter_t *letter = (letter_t *) malloc (sizeof (letter_t));
    assert (letter);
    letter->msg = msg;
    bool valid =
        zrelay_link_numbers (msg, &letter->origin, &letter->sequence);
    bool own = valid && letter->origin == self->origin;
    size_t size = (size_t) natsMsg_GetDataLength (msg) + PARCEL_COST;
    bool delivered = false;
    letter->came_at = zclock_mono ();
    s_lock (self);
    bool wakes = !self->in_first;
    if (!valid)
        self->status.invalid++;
    else
    if (!own && !self->ending) {
        letter->trouble = self->status.connects + self->status.dropped;
        delivered = s_deliver_locked (self, letter, size);
        self->status.dropped += !delivered;
        wakes = wakes || (!delivered && !self->unseen);
        self->unseen = self->unseen || !delivered;
    }
    if (wakes)
        s_wake_relay_locked (self);
    s_unlock (self);
    if (!delivered)
        s_free_letter (letter);
}

static void
s_on_unsubscribed (void *closure)
{
    zrelay_link_t *self = (zrelay_link_t *) closure;
    s_lock (self);
    self->subs--;
    pthread_cond_broadcast (&self->over);
    s_unlock (self);
}

static void
s_set_state_locked (zrelay_link_t *self, zrelay_link_state_t state,
                    const char *sentence)
{
    self->status.state = state;
    snprintf (self->status.sentence, sizeof (self->status.sentence), "%s",
              sentence);
    s_wake_relay_locked (self);
}

static void
s_on_disconnected (natsConnection *nc, void *closure)
{
    zrelay_link_t *self = (zrelay_link_t *) closure;
    const char *reason = NULL;
    natsConnection_GetLastError (nc, &reason);
    s_lock (self);
    if (!self->ending)
        s_set_state_locked (self, ZRELAY_LINK_DOWN, reason && *reason? reason:
                            "the connection has ended");
    s_unlock (self);
}

//  What was said of the moment before is no longer true

static void
s_forget_moment_locked (zrelay_link_t *self)
{
    parcels_t out = self->out;
    memset (&self->out, 0, sizeof (self->out));
    parcel_t *parcel;
    while ((parcel = s_shift (&out)))
        if (parcel->moment) {
            self->status.waiting -= parcel->body.messages;
            s_free_parcel (parcel);
        }
        else
            s_append (&self->out, parcel);
}

//  What was sent shortly before may not have been passed on by that server

static void
s_note_connected (zrelay_link_t *self, natsConnection *nc)
{
    char url [256] = "";
    natsConnection_GetConnectedUrl (nc, url, sizeof (url));
    char *shown = zrelay_address_shown (url);
    s_lock (self);
    int64_t most = natsConnection_GetMaxPayload (nc);
    self->payload_most = most > 0? (size_t) most: SIZE_MAX;
    self->parcel_most = self->payload_most < PARCEL_MOST? self->payload_most:
                        PARCEL_MOST;
    self->repeat = self->status.connects > 0;
    s_forget_moment_locked (self);
    self->status.connects++;
    s_set_state_locked (self, ZRELAY_LINK_UP, shown);
    pthread_cond_broadcast (&self->work);
    s_unlock (self);
    zstr_free (&shown);
}

static void
s_on_reconnected (natsConnection *nc, void *closure)
{
    s_note_connected ((zrelay_link_t *) closure, nc);
}

static void
s_on_closed (natsConnection *nc, void *closure)
{
    zrelay_link_t *self = (zrelay_link_t *) closure;
    const char *reason = NULL;
    natsConnection_GetLastError (nc, &reason);
    s_lock (self);
    self->closed = true;
    if (!self->ending)
        s_set_state_locked (self, ZRELAY_LINK_DOWN, reason && *reason? reason:
                            "the connection was closed");
    pthread_cond_broadcast (&self->work);
    pthread_cond_broadcast (&self->over);
    s_unlock (self);
}

//  Such as a subject that the server does not permit, or letters that libnats
//  had to drop

static void
s_on_error (natsConnection *nc, natsSubscription *sub, natsStatus status,
            void *closure)
{
    (void) sub;
    zrelay_link_t *self = (zrelay_link_t *) closure;
    const char *reason = NULL;
    natsConnection_GetLastError (nc, &reason);
    s_lock (self);
    self->status.dropped += status == NATS_SLOW_CONSUMER;
    s_set_state_locked (self, self->status.state,
        status == NATS_SLOW_CONSUMER? "letters came too fast":
        reason && *reason? reason: natsStatus_GetText (status));
    s_unlock (self);
}


//  --------------------------------------------------------------------------
//  On the link's thread: the connection

static natsStatus
s_set_security (zrelay_link_t *self, natsOptions *options)
{
    natsStatus status = NATS_OK;
    bool tls = *self->ca || *self->cert
            || strncmp (self->address.servers [0], "tls://", 6) == 0;
    if (tls)
        status = natsOptions_SetSecure (options, true);
    if (status == NATS_OK && *self->ca)
        status = natsOptions_LoadCATrustedCertificates (options, self->ca);
    if (status == NATS_OK && *self->cert)
        status = natsOptions_LoadCertificatesChain (options, self->cert,
                                                    self->key);
    if (status == NATS_OK && *self->creds)
        status = natsOptions_SetUserCredentialsFromFiles (options, self->creds,
                                                          NULL);
    return status;
}

//  One thread delivers the messages of all subscriptions, so that they come in
//  order, and a thousand subscriptions need no thousand threads

static natsStatus
s_set_options (zrelay_link_t *self, natsOptions *options)
{
    natsStatus status [] = {
        natsOptions_SetServers (options,
            (const char **) self->address.servers, (int) self->address.count),
        natsOptions_SetName (options, self->label),
        natsOptions_SetTimeout (options, CONNECT_TIME),
        natsOptions_SetWriteDeadline (options, WRITE_TIME),
        natsOptions_SetMaxReconnect (options, FOREVER),
        natsOptions_SetReconnectWait (options, RETRY_IVL),
        natsOptions_SetPingInterval (options, PING_IVL),
        natsOptions_SetMaxPingsOut (options, PINGS_MOST),
        natsOptions_SetNoEcho (options, true),
        natsOptions_SetSendAsap (options, true),
        natsOptions_UseGlobalMessageDelivery (options, true),
        natsOptions_SetDisconnectedCB (options, s_on_disconnected, self),
        natsOptions_SetReconnectedCB (options, s_on_reconnected, self),
        natsOptions_SetClosedCB (options, s_on_closed, self),
        natsOptions_SetErrorHandler (options, s_on_error, self)
    };
    for (size_t index = 0; index < sizeof (status) / sizeof (*status); index++)
        if (status [index] != NATS_OK)
            return status [index];
    return s_set_security (self, options);
}

static natsStatus
s_try_to_connect (zrelay_link_t *self)
{
    natsOptions *options = NULL;
    natsStatus status = natsOptions_Create (&options);
    if (status == NATS_OK)
        status = s_set_options (self, options);
    if (status == NATS_OK)
        status = natsConnection_Connect (&self->nc, options);
    natsOptions_Destroy (options);
    return status;
}

//  Returns false if that failed, having waited for the next attempt

static bool
s_connect (zrelay_link_t *self)
{
    natsStatus status = s_try_to_connect (self);
    if (status == NATS_OK) {
        s_note_connected (self, self->nc);
        s_lock (self);
        for (size_t index = 0; index < self->slots_count; index++)
            if (self->slots [index].wanted && !self->slots [index].changed) {
                self->slots [index].changed = true;
                s_push (&self->changes, index);
            }
        s_unlock (self);
        return true;
    }
    self->nc = NULL;
    const char *reason = nats_GetLastError (NULL);
    s_lock (self);
    s_set_state_locked (self, self->status.state, reason && *reason? reason:
                        natsStatus_GetText (status));
    int64_t until = zclock_mono () + RETRY_IVL;
    while (!self->ending && s_wait_locked (self, &self->work, until));
    s_unlock (self);
    return false;
}

//  Returns false if there is no such slot; its subscription may be NULL

static bool
s_take_sub (zrelay_link_t *self, size_t index, natsSubscription **sub_p)
{
    s_lock (self);
    bool there = index < self->slots_count;
    if (there) {
        *sub_p = self->slots [index].sub;
        self->slots [index].sub = NULL;
    }
    s_unlock (self);
    return there;
}

//  The link must not be freed before libnats has made its last call

static void
s_disconnect (zrelay_link_t *self)
{
    if (!self->nc)
        return;
    if (self->guest.object)
        self->guest.disconnecting (self->guest.object);
    natsSubscription *sub;
    for (size_t index = 0; s_take_sub (self, index, &sub); index++)
        natsSubscription_Destroy (sub);
    natsConnection_Close (self->nc);
    natsConnection_Destroy (self->nc);
    self->nc = NULL;
    s_lock (self);
    int64_t until = zclock_mono () + ENDING_TIME;
    while ((!self->closed || self->subs > 0)
       &&  s_wait_locked (self, &self->over, until));
    s_unlock (self);
}


//  --------------------------------------------------------------------------
//  On the link's thread: its work

//  Make a subscription what it is to be

static void
s_change (zrelay_link_t *self, size_t index)
{
    s_lock (self);
    char *wanted = self->slots [index].wanted?
                   strdup (self->slots [index].wanted): NULL;
    natsSubscription *before = self->slots [index].sub;
    self->slots [index].changed = false;
    self->slots [index].sub = NULL;
    self->subs += wanted != NULL;
    if (!wanted)
        s_push (&self->unused, index);
    s_unlock (self);
    if (before)
        natsSubscription_Destroy (before);
    if (!wanted)
        return;
    natsSubscription *sub = NULL;
    natsStatus status =
        natsConnection_Subscribe (&sub, self->nc, wanted, s_on_message, self);
    bool complete = status == NATS_OK
        && natsSubscription_SetOnCompleteCB (sub, s_on_unsubscribed, self)
           == NATS_OK;
    zstr_free (&wanted);
    s_lock (self);
    self->subs -= !complete;
    self->slots [index].sub = sub;
    s_unlock (self);
}

//  Something failed. libnats will report the end of the connection, if it has
//  ended.

static void
s_pause_locked (zrelay_link_t *self)
{
    int64_t until = zclock_mono () + RETRY_IVL;
    if (!self->ending)
        s_wait_locked (self, &self->work, until);
}

//  Wait until the server has the first subscriptions: what others send before
//  that does not come

static void
s_confirm (zrelay_link_t *self, uint64_t connects)
{
    natsStatus status = natsConnection_FlushTimeout (self->nc, CONNECT_TIME);
    s_lock (self);
    if (status == NATS_OK) {
        self->status.subscribed = connects;
        s_wake_relay_locked (self);
    }
    else
        s_pause_locked (self);
    s_unlock (self);
}

static natsStatus
s_set_header (natsMsg *msg, const char *name, uint64_t number)
{
    char text [DIGITS + 1];
    snprintf (text, sizeof (text), "%016" PRIx64, number);
    return natsMsgHeader_Set (msg, name, text);
}

natsMsg *
zrelay_link_make (zrelay_link_t *self, const char *subject, const char *reply,
                  const zrelay_parcel_t *body, uint64_t sequence)
{
    natsMsg *msg = NULL;
    if (natsMsg_Create (&msg, subject, reply, (const char *) body->data,
                        (int) body->size) == NATS_OK
    &&  s_set_header (msg, ORIGIN, self->origin) == NATS_OK
    &&  s_set_header (msg, SEQUENCE, sequence) == NATS_OK)
        return msg;
    natsMsg_Destroy (msg);
    return NULL;
}

static natsStatus
s_publish (zrelay_link_t *self, const parcel_t *parcel)
{
    natsMsg *msg = zrelay_link_make (self, parcel->subject, NULL,
                                     &parcel->body, parcel->sequence);
    natsStatus status = msg? natsConnection_PublishMsg (self->nc, msg):
                        NATS_NO_MEMORY;
    natsMsg_Destroy (msg);
    return status;
}

//  A parcel that a server has is kept for a while. One that it will never take
//  is dropped, as is what was of the moment. Any other goes out again, before all
//  others.

static void
s_after_publish (zrelay_link_t *self, parcel_t *parcel, natsStatus status)
{
    int64_t now = zclock_mono ();
    s_lock (self);
    if (status == NATS_OK) {
        parcel->sent_at = now;
        self->status.parcels_out++;
        if (!parcel->moment) {
            s_append (&self->kept, parcel);
            parcel = NULL;
        }
    }
    else
    if (status == NATS_MAX_PAYLOAD)
        self->status.refused += parcel->moment? 0: parcel->body.messages;
    else
    if (!parcel->moment) {
        //  It may have arrived all the same, and must remain what it was
        parcel->sent_at = now;
        parcel->next = self->out.first;
        self->out.first = parcel;
        if (!self->out.last)
            self->out.last = parcel;
        self->out.count++;
        self->out.bytes += s_cost (parcel);
        self->status.waiting += parcel->body.messages;
        parcel = NULL;
        s_pause_locked (self);
    }
    while (self->kept.first
       && (self->kept.bytes > KEPT_BYTES || self->kept.count > KEPT_PARCELS
        || now - self->kept.first->sent_at > KEPT_MSECS))
        s_free_parcel (s_shift (&self->kept));
    bool room = self->starved && self->out.bytes <= self->out_most / 2;
    if (room) {
        self->starved = false;
        s_wake_relay_locked (self);
    }
    s_unlock (self);
    if (parcel)
        s_free_parcel (parcel);
}

//  What was kept goes out again before what waits

static void
s_repeat_locked (zrelay_link_t *self)
{
    self->repeat = false;
    parcels_t out = self->out;
    self->out = self->kept;
    memset (&self->kept, 0, sizeof (self->kept));
    for (parcel_t *parcel = self->out.first; parcel; parcel = parcel->next)
        self->status.waiting += parcel->body.messages;
    if (out.first) {
        if (self->out.last)
            self->out.last->next = out.first;
        else
            self->out.first = out.first;
        self->out.last = out.last;
        self->out.count += out.count;
        self->out.bytes += out.bytes;
    }
}

//  What the thread does next
typedef struct {
    bool ends;                  //  Nothing more
    bool broken;                //  libnats has given up
    size_t change;              //  Subscription to change, or SIZE_MAX
    uint64_t confirm;           //  Subscriptions to be confirmed since so many
                                //  connections, or 0: they were
    parcel_t *parcel;           //  To be sent, or NULL
    bool guest;                 //  The guest has work
} task_t;

//  Have a look at a subscription

static void
s_change_locked (zrelay_link_t *self, size_t index)
{
    if (self->slots [index].changed)
        return;
    self->slots [index].changed = true;
    s_push (&self->changes, index);
}

//  Subscriptions whose time is over. Returns when there will be more, or 0:
//  there are none.

static int64_t
s_expire_locked (zrelay_link_t *self)
{
    int64_t now = zclock_mono ();
    while (!s_is_empty (&self->leaving)) {
        size_t index = self->leaving.array [self->leaving.first];
        if (self->slots [index].ends_at > now)
            return self->slots [index].ends_at;
        self->leaving.first++;
        self->slots [index].ends_at = 0;
        zstr_free (&self->slots [index].wanted);
        s_change_locked (self, index);
    }
    return 0;
}

static bool
s_guest_has_task_locked (zrelay_link_t *self)
{
    return self->guest.object && self->status.state == ZRELAY_LINK_UP
        && (self->nudged || self->guest_connects != self->status.connects
         || (self->guest_at && self->guest_at <= zclock_mono ()));
}

static bool
s_has_to_confirm_locked (zrelay_link_t *self)
{
    return self->status.state == ZRELAY_LINK_UP && !self->ending
        && self->status.subscribed != self->status.connects;
}

static bool
s_has_task_locked (zrelay_link_t *self)
{
    return self->ending || self->closed || !s_is_empty (&self->changes)
        || (self->status.state == ZRELAY_LINK_UP
            && (self->out.first || self->repeat))
        || s_has_to_confirm_locked (self) || s_guest_has_task_locked (self);
}

//  Wait until there is one

static void
s_wait_for_task_locked (zrelay_link_t *self)
{
    while (true) {
        int64_t until = s_expire_locked (self);
        if (s_has_task_locked (self))
            return;
        bool up = self->status.state == ZRELAY_LINK_UP;
        if (up && self->guest_at && (!until || self->guest_at < until))
            until = self->guest_at;
        if (until)
            s_wait_locked (self, &self->work, until);
        else
            pthread_cond_wait (&self->work, &self->mutex);
    }
}

static task_t
s_next_task (zrelay_link_t *self)
{
    task_t task = { .change = SIZE_MAX };
    s_lock (self);
    s_wait_for_task_locked (self);
    bool up = self->status.state == ZRELAY_LINK_UP;
    if (self->closed)
        task.broken = true;
    else
    if (!s_is_empty (&self->changes) && !self->ending)
        task.change = self->changes.array [self->changes.first++];
    else
    if (s_has_to_confirm_locked (self))
        task.confirm = self->status.connects;
    else {
        if (self->repeat && up)
            s_repeat_locked (self);
        task.parcel = up? s_shift (&self->out): NULL;
        if (task.parcel)
            self->status.waiting -= task.parcel->body.messages;
    }
    task.ends = self->ending && !task.parcel;
    task.guest = s_guest_has_task_locked (self)
              || (task.ends && self->guest.object && up);
    s_unlock (self);
    return task;
}

//  The guest's turn

static void
s_serve_guest (zrelay_link_t *self)
{
    s_lock (self);
    bool anew = self->guest_connects != self->status.connects;
    self->guest_connects = self->status.connects;
    self->nudged = false;
    s_unlock (self);
    if (anew)
        self->guest.connected (self->guest.object, self->nc);
    int64_t msecs = self->guest.work (self->guest.object);
    s_lock (self);
    self->guest_at = msecs > 0? zclock_mono () + msecs: 0;
    s_unlock (self);
}

//  Returns when the relay has left, or the connection was given up

static void
s_work (zrelay_link_t *self)
{
    int64_t until = 0;
    while (true) {
        task_t task = s_next_task (self);
        if (task.change != SIZE_MAX)
            s_change (self, task.change);
        if (task.confirm > 0)
            s_confirm (self, task.confirm);
        if (task.parcel)
            s_after_publish (self, task.parcel, s_publish (self, task.parcel));
        if (task.guest)
            s_serve_guest (self);
        s_lock (self);
        if (self->ending && until == 0)
            until = zclock_mono () + REST_TIME;
        s_unlock (self);
        if (task.ends || task.broken || (until && zclock_mono () > until))
            return;
    }
}

static bool
s_is_ending (zrelay_link_t *self)
{
    s_lock (self);
    bool ending = self->ending;
    s_unlock (self);
    return ending;
}

static void *
s_run (void *arg)
{
    zrelay_link_t *self = (zrelay_link_t *) arg;
    while (!s_is_ending (self)) {
        s_lock (self);
        self->closed = false;
        s_unlock (self);
        if (s_connect (self))
            s_work (self);
        s_disconnect (self);
    }
    nats_ReleaseThreadMemory ();
    s_lock (self);
    self->ended = true;
    //  If libnats still has calls to make, what they need remains
    bool last = self->ending && self->fd == -1 && self->subs == 0;
    pthread_cond_broadcast (&self->over);
    s_unlock (self);
    if (last)
        s_free (self);
    return NULL;
}


//  --------------------------------------------------------------------------
//  The relay's part

//  The hash has a secret of the process

static uint64_t
s_draw (zrelay_link_t *self)
{
    struct { int64_t time; void *place; } seed;
    memset (&seed, 0, sizeof (seed));
    seed.time = zclock_usecs ();
    seed.place = self;
    return zrelay_index_hash (&seed, sizeof (seed));
}

static char *
s_copy (const char *text)
{
    char *copy = strdup (text);
    assert (copy);
    return copy;
}

static void
s_copy_address (zrelay_address_t *self, const zrelay_address_t *from)
{
    memset (self, 0, sizeof (*self));
    for (; self->count < from->count; self->count++)
        self->servers [self->count] = s_copy (from->servers [self->count]);
    self->name = s_copy (from->name);
}

static zrelay_link_t *
s_new (const zrelay_link_config_t *config)
{
    zrelay_link_t *self = (zrelay_link_t *) zmalloc (sizeof (zrelay_link_t));
    assert (self);
    pthread_mutex_init (&self->mutex, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init (&attributes);
    pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
    pthread_cond_init (&self->work, &attributes);
    pthread_cond_init (&self->over, &attributes);
    pthread_condattr_destroy (&attributes);
    s_copy_address (&self->address, config->address);
    self->label = s_copy (config->label);
    self->creds = s_copy (config->creds);
    self->ca = s_copy (config->ca);
    self->cert = s_copy (config->cert);
    self->key = s_copy (config->key);
    self->out_most = config->out_most;
    self->in_most = config->in_most;
    self->payload_most = SIZE_MAX;
    self->origin = s_draw (self);
    self->guest = config->guest;
    if (self->guest.object)
        self->guest.attached (self->guest.object, self);
    snprintf (self->status.sentence, sizeof (self->status.sentence),
              "there was no answer yet");
    self->fd = eventfd (0, EFD_NONBLOCK | EFD_CLOEXEC);
    return self;
}

//  The process's signals are for other threads than this one and those that
//  libnats starts from it

static int
s_start (zrelay_link_t *self)
{
    sigset_t all;
    sigset_t before;
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    pthread_t thread;
    int rc = pthread_create (&thread, NULL, s_run, self);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    if (rc == 0)
        pthread_detach (thread);
    return rc;
}

zrelay_link_t *
zrelay_link_new (const zrelay_link_config_t *config)
{
    zrelay_link_t *self = s_new (config);
    HAND_OVER (self);
    int rc = self->fd == -1? errno: s_start (self);
    if (rc == 0)
        return self;
    s_free (self);
    errno = rc;
    return NULL;
}

void
zrelay_link_destroy (zrelay_link_t **self_p, bool patient)
{
    assert (self_p);
    zrelay_link_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    letter_t *letter;
    while ((letter = self->taken)) {
        self->taken = letter->next;
        s_free_letter (letter);
    }
    s_lock (self);
    self->ending = true;
    pthread_cond_broadcast (&self->work);
    int64_t until = zclock_mono () + (patient? 2 * REST_TIME: 0);
    while (!self->ended && s_wait_locked (self, &self->over, until));
    bool last = self->ended && self->subs == 0;
    //  Nobody wakes a relay that has left
    int fd = self->fd;
    if (!last)
        self->fd = -1;
    s_unlock (self);
    if (last)
        s_free (self);
    else
        close (fd);
}

int
zrelay_link_fd (zrelay_link_t *self)
{
    return self->fd;
}

void
zrelay_link_heard (zrelay_link_t *self)
{
    uint64_t count;
    if (read (self->fd, &count, sizeof (count)) == -1)
        return;
}

void
zrelay_link_wake (zrelay_link_t *self)
{
    s_lock (self);
    s_wake_relay_locked (self);
    s_unlock (self);
}

void
zrelay_link_status (zrelay_link_t *self, zrelay_link_status_t *status)
{
    s_lock (self);
    *status = self->status;
    self->unseen = false;
    status->waiting_bytes = self->out.bytes;
    s_unlock (self);
}

void
zrelay_link_nudge (zrelay_link_t *self)
{
    s_lock (self);
    if (!self->nudged)
        pthread_cond_signal (&self->work);
    self->nudged = true;
    s_unlock (self);
}

void
zrelay_link_hold (zrelay_link_t *self)
{
    s_lock (self);
    self->subs++;
    s_unlock (self);
}

void
zrelay_link_release (zrelay_link_t *self)
{
    s_on_unsubscribed (self);
}

uint64_t
zrelay_link_origin (zrelay_link_t *self)
{
    return self->origin;
}

uint64_t
zrelay_link_sequence (zrelay_link_t *self)
{
    s_lock (self);
    uint64_t sequence = self->sequence;
    s_unlock (self);
    return sequence;
}

size_t
zrelay_link_payload_most (zrelay_link_t *self)
{
    s_lock (self);
    size_t most = self->payload_most;
    s_unlock (self);
    return most;
}

//  The parcel that a message can be added to, or a new one

static parcel_t *
s_parcel_locked (zrelay_link_t *self, const char *subject, size_t cost,
                 bool moment)
{
    parcel_t *parcel = self->out.last;
    if (parcel && parcel->body.size + cost <= self->parcel_most
    &&  parcel->sent_at == 0 && parcel->moment == moment
    &&  streq (parcel->subject, subject))
        return parcel;
    parcel = (parcel_t *) zmalloc (sizeof (parcel_t));
    assert (parcel);
    snprintf (parcel->subject, sizeof (parcel->subject), "%s", subject);
    parcel->sequence = ++self->sequence;
    parcel->moment = moment;
    s_append (&self->out, parcel);
    return parcel;
}

static zrelay_link_send_t
s_send (zrelay_link_t *self, const char *subject, zrelay_message_t *message,
        size_t first, bool moment)
{
    size_t cost = zrelay_parcel_cost (message, first);
    if (cost == 0 || cost > MESSAGE_MOST)
        return ZRELAY_LINK_UNFIT;
    s_lock (self);
    //  A message that is larger than the bound goes alone
    size_t most = self->out_most + (moment? MOMENT_MOST: 0);
    bool full = self->out.first && self->out.bytes + cost > most;
    if (full)
        self->starved = true;
    else {
        zrelay_parcel_add (&s_parcel_locked (self, subject, cost, moment)->body,
                           message, first);
        self->out.bytes += cost;
        if (self->status.waiting++ == 0)
            pthread_cond_signal (&self->work);
    }
    s_unlock (self);
    return full? ZRELAY_LINK_FULL: ZRELAY_LINK_SENT;
}

zrelay_link_send_t
zrelay_link_send (zrelay_link_t *self, const char *subject,
                  zrelay_message_t *message, size_t first)
{
    return s_send (self, subject, message, first, false);
}

zrelay_link_send_t
zrelay_link_tell (zrelay_link_t *self, const char *subject,
                  zrelay_message_t *message)
{
    return s_send (self, subject, message, 0, true);
}

//  The oldest parcel that is not of the moment, taken out; or NULL

static parcel_t *
s_shift_lasting (parcels_t *self)
{
    parcels_t before = { NULL, NULL, 0, 0 };
    while (self->first && self->first->moment)
        s_append (&before, s_shift (self));
    parcel_t *parcel = s_shift (self);
    if (before.first) {
        before.last->next = self->first;
        self->first = before.first;
        self->last = self->last? self->last: before.last;
        self->count += before.count;
        self->bytes += before.bytes;
    }
    return parcel;
}

size_t
zrelay_link_discard (zrelay_link_t *self)
{
    s_lock (self);
    parcel_t *parcel = s_shift_lasting (&self->out);
    size_t messages = parcel? parcel->body.messages: 0;
    self->status.waiting -= messages;
    s_unlock (self);
    if (parcel)
        s_free_parcel (parcel);
    return messages;
}

void
zrelay_link_repeat (zrelay_link_t *self)
{
    s_lock (self);
    self->repeat = true;
    pthread_cond_signal (&self->work);
    s_unlock (self);
}

size_t
zrelay_link_subscribe (zrelay_link_t *self, const char *subject)
{
    s_lock (self);
    size_t index;
    if (!s_is_empty (&self->unused))
        index = self->unused.array [self->unused.first++];
    else {
        if (self->slots_count == self->slots_room) {
            self->slots_room = self->slots_room? self->slots_room * 2: 16;
            self->slots = (slot_t *)
                realloc (self->slots, self->slots_room * sizeof (slot_t));
            assert (self->slots);
        }
        index = self->slots_count++;
        memset (&self->slots [index], 0, sizeof (slot_t));
    }
    self->slots [index].wanted = s_copy (subject);
    s_change_locked (self, index);
    pthread_cond_signal (&self->work);
    s_unlock (self);
    return index + 1;
}

void
zrelay_link_unsubscribe (zrelay_link_t *self, size_t number)
{
    s_lock (self);
    self->slots [number - 1].ends_at = zclock_mono () + OVERLAP;
    //  The thread may wait for longer than that
    if (s_is_empty (&self->leaving))
        pthread_cond_signal (&self->work);
    s_push (&self->leaving, number - 1);
    s_unlock (self);
}

bool
zrelay_link_receive (zrelay_link_t *self, zrelay_link_letter_t *letter)
{
    letter_t *read = self->taken;
    if (self->reads) {
        self->taken = read->next;
        s_free_letter (read);
    }
    if (!self->taken) {
        s_lock (self);
        self->taken = self->in_first;
        self->in_first = NULL;
        self->in_bytes = 0;
        s_unlock (self);
    }
    read = self->taken;
    self->reads = read != NULL;
    if (!read)
        return false;
    letter->origin = read->origin;
    letter->sequence = read->sequence;
    letter->trouble = read->trouble;
    letter->came_at = read->came_at;
    letter->subject = natsMsg_GetSubject (read->msg);
    letter->data = natsMsg_GetData (read->msg);
    letter->size = (size_t) natsMsg_GetDataLength (read->msg);
    return true;
}
