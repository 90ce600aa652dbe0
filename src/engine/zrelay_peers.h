/*  =========================================================================
    zrelay_peers - who is connected to a socket

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_PEERS_H_INCLUDED
#define ZRELAY_PEERS_H_INCLUDED

#include <zrelay.h>
#include "zrelay_cuts.h"
#include "zrelay_diary.h"
#include "zrelay_events.h"
#include "zrelay_limits.h"
#include "zrelay_subscriber.h"

typedef struct _zrelay_peers_t zrelay_peers_t;

//  Watch a libzmq socket. Returns NULL with errno set if the system refuses.
//  limits, which outlive it, say how many peers there may be.
zrelay_peers_t *
    zrelay_peers_new (void *watched, zrelay_limits_t *limits);

//  Tell of the connections that the watched socket makes, and log all, under
//  that name; all three must outlive the peers.
void
    zrelay_peers_report_to (zrelay_peers_t *self, zrelay_events_t *events,
                            zrelay_diary_t *diary, const char *name);

//  To be called before the watched socket is closed.
void
    zrelay_peers_destroy (zrelay_peers_t **self_p, void *watched);

//  The socket's peers send nothing but subscriptions: see to it that they do
//  not flood it while its thread is inside libzmq. encrypted: as CURVE does it.
void
    zrelay_peers_watch (zrelay_peers_t *self);
void
    zrelay_peers_set_encrypted (zrelay_peers_t *self, bool encrypted);

//  While the limits are changed. self may be NULL.
void
    zrelay_peers_lock (zrelay_peers_t *self);
void
    zrelay_peers_unlock (zrelay_peers_t *self);

//  The socket that becomes readable when there are events to be read.
void *
    zrelay_peers_handle (zrelay_peers_t *self);

//  Read waiting events, at most a bounded number of them; are there more?
//  self may be NULL for the latter.
void
    zrelay_peers_update (zrelay_peers_t *self);
bool
    zrelay_peers_behind (zrelay_peers_t *self);

//  All connections of one endpoint were cut by the relay itself.
void
    zrelay_peers_forget (zrelay_peers_t *self, const char *endpoint);

//  Number of peers, and add a frame with the address of each to a message.
size_t
    zrelay_peers_count (zrelay_peers_t *self);
void
    zrelay_peers_list (zrelay_peers_t *self, zmsg_t *answer);

//  How many connections ever came, and went; strangers whose handshake failed
//  are not among the latter.
void
    zrelay_peers_turnover (zrelay_peers_t *self, uint64_t *came_p,
                           uint64_t *went_p);

//  True if by each connection all has arrived that had left libzmq's queues when
//  this was asked anew, see zrelay_kernel_sent (); it is to be asked again after
//  times in which libzmq writes what it can. more: bytes that libzmq may keep
//  back for a connection. waiting_p gets the bytes that the system has still to
//  send.
bool
    zrelay_peers_flushed (zrelay_peers_t *self, bool anew, size_t more,
                          uint64_t *waiting_p);

//  True if nobody is connected, although somebody was, and so many endpoints are
//  tried again in vain.
bool
    zrelay_peers_lost (zrelay_peers_t *self, size_t connections);

//  End all connections from an IP address; "ipc": those that have none; "*":
//  all. They are peers until libzmq reports that they have gone. Returns 0, or
//  -1 if address is none of these. self may be NULL.
int
    zrelay_peers_cut (zrelay_peers_t *self, const char *address);

//  Add "NAME.peers", the counts of failed handshakes and of peers that left
//  before theirs was over to an answer to STATS, up to date; and set all but
//  the first to zero. Where self is NULL, all are zero.
void
    zrelay_peers_stats (zrelay_peers_t *self, const char *name,
                        zrelay_counts_t *counts);
void
    zrelay_peers_reset (zrelay_peers_t *self);


//  --------------------------------------------------------------------------
//  Cutting connections that go too far: there are too many, or one brings more
//  than a message may have.

//  A message came with this property, see below. To be called for each where
//  zrelay_peers_look () is.
void
    zrelay_peers_spoke (zrelay_peers_t *self, const char *property);

//  A subscription came from there. Returns false if its connection was cut, or
//  is now.
bool
    zrelay_peers_subscribed (zrelay_peers_t *self,
                             const zrelay_voice_t *voice,
                             const void *topic, size_t size);

//  A cancellation came, without a property if somebody left. Returns false if
//  there is still somebody who has that topic.
bool
    zrelay_peers_cancelled (zrelay_peers_t *self, const char *property,
                            const void *topic, size_t size);

//  Another message came with this property, with so many bytes in its first
//  frame.
void
    zrelay_peers_handed (zrelay_peers_t *self, const char *property,
                         size_t size);

//  As zrelay_peers_subscribed (), but its connection may not have that topic,
//  and is cut: when this returns, nothing more can leave by it. And cut all.
void
    zrelay_peers_refuse (zrelay_peers_t *self, const zrelay_voice_t *voice,
                         const void *topic, size_t size);
void
    zrelay_peers_refuse_all (zrelay_peers_t *self);

//  Look at connections, at most a bounded number. waiting is the number of
//  bytes that whole messages in the socket may have, INT64_MAX: any. watched is
//  the socket; NULL if it keeps messages to itself, so that one that was not
//  heard of may be whole. Returns the msecs after which to look again.
size_t
    zrelay_peers_look (zrelay_peers_t *self, void *watched, int64_t waiting);

//  True if a peer came that was not looked at yet.
bool
    zrelay_peers_has_new (zrelay_peers_t *self);

//  How many connections were cut since this was asked last; the address of the
//  last, and why. The strings remain the object's.
uint64_t
    zrelay_peers_report (zrelay_peers_t *self, const char **address,
                         const char **reason);


//  --------------------------------------------------------------------------
//  Peers that have gone: routing ids of a ROUTER's peers whose connections have
//  ended. Messages belong to connections by their descriptors, which libzmq
//  reports for both (ZMQ_SRCFD); descriptors are used again.

//  A message came with this routing id, and with this property of libzmq's, the
//  connection's descriptor in digits; NULL: by inproc, which has none. The
//  string is one for all messages of a connection, so its place tells apart two
//  connections that have the same descriptor one after the other. Returns true
//  if another peer had that routing id before, which is to be reported by
//  zrelay_peers_gone () now.
#define ZRELAY_PEERS_PROPERTY "__fd"
bool
    zrelay_peers_heard (zrelay_peers_t *self, const char *property,
                        const void *id, size_t size);

//  The socket was read until it was empty, so that all who had left by then
//  were heard to the end.
void
    zrelay_peers_emptied (zrelay_peers_t *self);

//  True if there are peers that have left and were not reported yet.
bool
    zrelay_peers_leaving (zrelay_peers_t *self);

//  The next routing id that has gone, in id, which has room for
//  ZRELAY_PEERS_ID_MAX bytes; returns its size, or 0 if there is none. Those
//  are passed over from which messages may still come.
#define ZRELAY_PEERS_ID_MAX 255
size_t
    zrelay_peers_gone (zrelay_peers_t *self, byte *id);

void
    zrelay_peers_test (bool verbose);

#endif
