/*  =========================================================================
    zrelay_link - a connection to NATS servers that keeps nobody waiting

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_LINK_H_INCLUDED
#define ZRELAY_LINK_H_INCLUDED

#include "zrelay_address.h"
#include "zrelay_parcel.h"

//  What libnats does may wait for the network, so a thread of the link's own
//  does it, and libnats calls back on threads of its own. All of them meet the
//  relay's thread at two bounded queues: parcels that are to leave, and letters
//  that have come. The functions of this class are the relay's; none of them
//  waits, but for locks that are held for less than a copy of a message takes.

typedef struct _zrelay_link_t zrelay_link_t;

//  Somebody who uses the same connection. The functions are called on the
//  link's thread, but for the first one. natsConnection and natsMsg are
//  libnats'.
struct __natsConnection;
struct __natsMsg;

typedef struct {
    void *object;               //  Is given to the functions; NULL: nobody
    //  It is the guest of that link from now on
    void (*attached) (void *object, zrelay_link_t *link);
    //  There is a connection, which may be the one that there was, after an
    //  outage: what was under way may be lost
    void (*connected) (void *object, struct __natsConnection *nc);
    //  Do what there is to do; may wait for the servers, for seconds at most.
    //  Returns the msecs after which there is more, or 0: after a nudge
    int64_t (*work) (void *object);
    //  The connection ends: end what uses it
    void (*disconnecting) (void *object);
    //  The link does not need the guest any more
    void (*destroy) (void *object);
} zrelay_link_guest_t;

//  How to connect. All strings are copied.
typedef struct {
    const zrelay_address_t *address;    //  Where
    const char *label;          //  Who, in the servers' lists
    const char *creds;          //  File of a user's credentials, or ""
    const char *ca;             //  File of trusted certificates, or ""
    const char *cert;           //  File of the own certificate, or ""
    const char *key;            //  File of its key, or ""
    size_t out_most;            //  Bytes that may wait to leave
    size_t in_most;             //  Bytes that may wait to be read
    zrelay_link_guest_t guest;  //  Who else uses it
} zrelay_link_config_t;

//  Whether there is a connection
typedef enum {
    ZRELAY_LINK_BEGINS = 0,     //  There was none yet
    ZRELAY_LINK_UP = 1,         //  There is one
    ZRELAY_LINK_DOWN = 2        //  There was one; it is tried again
} zrelay_link_state_t;

typedef struct {
    zrelay_link_state_t state;  //  Whether it is connected
    char sentence [256];        //  What failed last, or the server's URL, which
                                //  has no password
    uint64_t connects;          //  How often it was connected
    uint64_t subscribed;        //  And how often by then when a server had all
                                //  subscriptions
    uint64_t parcels_out;       //  Parcels that were given to a server
    uint64_t dropped;           //  Letters that had no room
    uint64_t invalid;           //  Letters that are not a relay's
    uint64_t refused;           //  Messages that are too large for the server
    size_t waiting;             //  Messages that are still to leave
    size_t waiting_bytes;       //  Their bytes
} zrelay_link_status_t;

//  Something that came
typedef struct {
    uint64_t origin;            //  Number of the relay that sent it
    uint64_t sequence;          //  Its own number
    uint64_t trouble;           //  How many connections there had been, and
                                //  letters without room, before it came
    int64_t came_at;            //  When it came, in msecs of zclock_mono ()
    const char *subject;        //  Its subject
    const void *data;           //  A parcel, in which nothing was checked
    size_t size;                //  Its bytes
} zrelay_link_letter_t;

//  What became of a message
typedef enum {
    ZRELAY_LINK_SENT = 0,       //  It is on its way
    ZRELAY_LINK_FULL = 1,       //  There is no room now
    ZRELAY_LINK_UNFIT = 2       //  It is too large for any server
} zrelay_link_send_t;

//  Begin to connect, and go on until that succeeds. Returns NULL if the system
//  refuses a thread or a descriptor, with errno.
zrelay_link_t *
    zrelay_link_new (const zrelay_link_config_t *config);

//  End it. The thread sends what it can still send in a moment, and then ends.
//  patient: wait for that, some hundred milliseconds at most.
void
    zrelay_link_destroy (zrelay_link_t **self_p, bool patient);

//  Can be read when there are letters, when there is room again for one who had
//  found none, or when the state has changed. zrelay_link_heard () ends that,
//  and zrelay_link_wake () brings it about.
int
    zrelay_link_fd (zrelay_link_t *self);
void
    zrelay_link_heard (zrelay_link_t *self);

void
    zrelay_link_wake (zrelay_link_t *self);

void
    zrelay_link_status (zrelay_link_t *self, zrelay_link_status_t *status);

//  The number by which others know this relay.
uint64_t
    zrelay_link_origin (zrelay_link_t *self);

//  Number of the last parcel that was begun.
uint64_t
    zrelay_link_sequence (zrelay_link_t *self);

//  Most bytes of a message, headers included, that the server takes; SIZE_MAX:
//  that is not known yet.
size_t
    zrelay_link_payload_most (zrelay_link_t *self);

//  Send a message, without its first frames, to all that have subscribed to the
//  subject. Messages in a row for the same subject share a parcel while they
//  wait.
zrelay_link_send_t
    zrelay_link_send (zrelay_link_t *self, const char *subject,
                      zrelay_message_t *message, size_t first);

//  The same with a message of the moment, such as a report: there is some room of
//  its own for these, nothing makes room by forgetting them, and they do not
//  outlive the connection.
zrelay_link_send_t
    zrelay_link_tell (zrelay_link_t *self, const char *subject,
                      zrelay_message_t *message);

//  Forget the parcel that has waited longest. Returns how many messages were in
//  it; 0: there was none.
size_t
    zrelay_link_discard (zrelay_link_t *self);

//  Send again what was sent in the last seconds: somebody may have missed it,
//  and others know each parcel by its number.
void
    zrelay_link_repeat (zrelay_link_t *self);

//  Ask for a subject, in which "*" and ">" stand for others as NATS has it.
//  Returns a number above 0, to end it with.
size_t
    zrelay_link_subscribe (zrelay_link_t *self, const char *subject);
void
    zrelay_link_unsubscribe (zrelay_link_t *self, size_t number);

//  For a guest, on any thread: there is work; a subscription of libnats has
//  begun that calls back, and has called for the last time.
void
    zrelay_link_nudge (zrelay_link_t *self);
void
    zrelay_link_hold (zrelay_link_t *self);
void
    zrelay_link_release (zrelay_link_t *self);

//  For a guest: make a message, with headers that say who sends it and its
//  number there, and read these of a message that came. NULL: there is no
//  memory. False: it has no such headers.
struct __natsMsg *
    zrelay_link_make (zrelay_link_t *self, const char *subject,
                      const char *reply, const zrelay_parcel_t *body,
                      uint64_t sequence);
bool
    zrelay_link_numbers (struct __natsMsg *msg, uint64_t *origin_p,
                         uint64_t *sequence_p);

//  The next letter, valid until this is called again. Returns false if there is
//  none.
bool
    zrelay_link_receive (zrelay_link_t *self, zrelay_link_letter_t *letter);

#endif
