/*  =========================================================================
    zrelay_work - tasks that many sites share by way of JetStream

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_WORK_H_INCLUDED
#define ZRELAY_WORK_H_INCLUDED

#include "zrelay_jetstream.h"
#include "zrelay_link.h"

//  A work queue is a stream of JetStream from which each task is removed when
//  it was acknowledged, and one durable consumer, which all sites pull from.
//  This class puts tasks there, and keeps each until the servers have stored
//  it; and it gets tasks, as long as that is wanted. It is the guest of a link:
//  what may wait for the network is done on the link's thread. The functions
//  below are the relay's, and do not wait.

typedef struct _zrelay_work_t zrelay_work_t;

typedef struct {
    const zrelay_address_t *address;    //  Whose name the stream gets
    int64_t replicas;           //  Servers that keep each task; 0: 3 in a
                                //  cluster, else 1
    int64_t ack_wait;           //  Msecs after which a task that was given to a
                                //  site that says nothing is given to another
    size_t tasks_most;          //  Tasks that may wait to be stored
    size_t bytes_most;          //  And their bytes
} zrelay_work_config_t;

//  Everything is copied. The guest is its only owner, and is to be given to a
//  link.
zrelay_work_t *
    zrelay_work_new (const zrelay_work_config_t *config,
                     zrelay_link_guest_t *guest);

//  The relay leaves: from now on, it calls nothing of this class. What was
//  settled is still sent.
void
    zrelay_work_end (zrelay_work_t *self);

typedef struct {
    bool ready;                 //  The stream can be used
    bool begun;                 //  It could be used once
    char sentence [ZRELAY_JETSTREAM_SENTENCE];  //  What is wrong, or ""
    uint64_t stored;            //  Tasks that the servers have acknowledged
    uint64_t repeated;          //  Tasks that were sent again
    uint64_t refused;           //  Tasks that are too large for the server
    uint64_t invalid;           //  What is neither a task nor an answer
    uint64_t overrun;           //  Tasks that had no room; they come again
    size_t waiting;             //  Tasks that are not stored yet
    size_t waiting_bytes;       //  Their bytes
    size_t unsettled;           //  Tasks whose settlement was not sent yet
} zrelay_work_status_t;

//  What is so now. The first function counts as a look of the relay, which is
//  woken when there is news after that.
void
    zrelay_work_status (zrelay_work_t *self, zrelay_work_status_t *status);
void
    zrelay_work_look (zrelay_work_t *self, zrelay_work_status_t *status);

//  Put a copy of a task into the stream. ZRELAY_LINK_FULL: it says so later
//  that there is room, by way of the link.
zrelay_link_send_t
    zrelay_work_put (zrelay_work_t *self, zrelay_message_t *message);

//  Take back a task that was put and is not known to be stored: at the end.
//  Fills an empty message. Returns false if there is none.
bool
    zrelay_work_take_back (zrelay_work_t *self, zrelay_message_t *message);

//  Whether tasks are to be got.
void
    zrelay_work_want (zrelay_work_t *self, bool wanted);

//  The next task that came, valid until it is settled. Returns false if there
//  is none.
typedef struct {
    uint64_t origin;            //  Number of the relay that put it
    uint64_t sequence;          //  Its number there; 0 for both: none is known
    uint64_t deliveries;        //  How often it was given to a site
    const void *data;           //  A parcel, in which nothing was checked
    size_t size;                //  Its bytes
} zrelay_work_task_t;

bool
    zrelay_work_next (zrelay_work_t *self, zrelay_work_task_t *task);

//  Settle it: done, to be given to another site, or never to be given again.
typedef enum {
    ZRELAY_WORK_DONE = 0,
    ZRELAY_WORK_RETURNED = 1,
    ZRELAY_WORK_VOID = 2
} zrelay_work_end_t;

void
    zrelay_work_settle (zrelay_work_t *self, zrelay_work_end_t end);

#endif
