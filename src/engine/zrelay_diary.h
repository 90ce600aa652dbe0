/*  =========================================================================
    zrelay_diary - logs which peers come, go, and are refused

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_DIARY_H_INCLUDED
#define ZRELAY_DIARY_H_INCLUDED

#include <zrelay.h>

//  libzmq reports a failed handshake by the endpoint and not by the connection,
//  whose end it reports next, or, where the peer has to be told, after others.
//  So a failure belongs to the peer that leaves that endpoint next without
//  having said anything. Any thread may call these functions; the diary may be
//  NULL.

typedef struct _zrelay_diary_t zrelay_diary_t;

//  Has a line logged, without waiting.
typedef void (zrelay_diary_fn) (void *object, zrelay_log_t level,
                                const char *line);

//  A diary that writes nothing until it is opened.
zrelay_diary_t *
    zrelay_diary_new (zrelay_diary_fn *function, void *object);

void
    zrelay_diary_destroy (zrelay_diary_t **self_p);

void
    zrelay_diary_open (zrelay_diary_t *self);

//  A connection of a side
typedef struct {
    const char *side;           //  Name of the side
    bool made;                  //  The side has made it
    const char *endpoint;       //  Of the side
    const char *address;        //  Of the other end; NULL: it left too soon
} zrelay_diary_peer_t;

//  It is there.
void
    zrelay_diary_came (zrelay_diary_t *self, const zrelay_diary_peer_t *peer);

//  It is gone; where there is no address, this is of interest only if the
//  handshake has failed. spoke: there was a message, or a subscription; cut: by
//  us.
void
    zrelay_diary_went (zrelay_diary_t *self, const zrelay_diary_peer_t *peer,
                       bool spoke, bool cut);

//  It is cut, for a reason as STATS names it.
void
    zrelay_diary_cut (zrelay_diary_t *self, const zrelay_diary_peer_t *peer,
                      const char *reason);

//  A handshake has failed at an endpoint: libzmq's event, and its value.
void
    zrelay_diary_failed (zrelay_diary_t *self, const char *side,
                         const char *endpoint, uint16_t event,
                         uint32_t value);

void
    zrelay_diary_test (bool verbose);

#endif
