/*  =========================================================================
    zrelay_permit - asks somebody whether a peer may do what it does

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_PERMIT_H_INCLUDED
#define ZRELAY_PERMIT_H_INCLUDED

#include <zrelay.h>

//  What a message does that comes to a relay
typedef enum {
    ZRELAY_RIGHT_SUBSCRIBE,     //  It is a subscription
    ZRELAY_RIGHT_PUBLISH,       //  It is no answer, and wants none
    ZRELAY_RIGHT_REQUEST,       //  It wants an answer
    ZRELAY_RIGHT_REPLY          //  It comes from the backend
} zrelay_right_t;

typedef struct {
    zrelay_right_t right;       //  What it does
    const char *user;           //  Its sender's User-Id, or NULL
    const char *address;        //  And Peer-Address, or NULL
    const void *data;           //  The topic, or the frame that is looked at
    size_t size;                //  Bytes in that
} zrelay_wish_t;

//  The one who decides
typedef struct {
    //  May it?
    bool (*may) (void *object, const zrelay_wish_t *wish);
    //  A number that is another one when a peer may do less than before
    uint64_t (*revision) (void *object);
    //  It is not asked any more
    void (*destroy) (void *object);
    void *object;               //  The functions'
} zrelay_permit_t;

#endif
