/*  =========================================================================
    zrelay_outcome - what became of a message

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_OUTCOME_H_INCLUDED
#define ZRELAY_OUTCOME_H_INCLUDED

#include <zrelay.h>

//  What became of a message, or of one frame of it
typedef enum {
    ZRELAY_OUTCOME_SENT = 0,    //  The output socket has it
    ZRELAY_OUTCOME_FULL,        //  The output can take nothing now: hold it
    //  All others are reasons for which a message was dropped
    ZRELAY_OUTCOME_PEER_FULL,   //  This peer of a ROUTER can take no more
    ZRELAY_OUTCOME_UNROUTABLE,  //  No such peer, or nobody awaits this reply
    ZRELAY_OUTCOME_LOST,        //  The peer vanished in mid-message
    ZRELAY_OUTCOME_OVERFLOW,    //  More than the flow's queue
    ZRELAY_OUTCOME_SIZE,        //  More bytes than maxmsgsize, or a topic may
    ZRELAY_OUTCOME_FRAMES,      //  More frames than maxframes
    ZRELAY_OUTCOME_PERMIT,      //  Its sender may not do that
    ZRELAY_OUTCOME_FILTER,      //  A filter said so
    ZRELAY_OUTCOME_HANDLER,     //  The kind said so, without a reason
    ZRELAY_OUTCOME_REFUSED,     //  The socket refused it for another reason
    ZRELAY_OUTCOME_UNDELIVERED, //  Still held when the relay ended
    ZRELAY_OUTCOMES             //  How many there are
} zrelay_outcome_t;

//  Messages counted
typedef struct {
    uint64_t messages;          //  Whole messages
    uint64_t frames;            //  Their frames
    uint64_t bytes;             //  Bytes in these
} zrelay_tally_t;

#endif
