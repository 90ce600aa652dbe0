/*  =========================================================================
    zrelay_endless - finds messages that never end

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_ENDLESS_H_INCLUDED
#define ZRELAY_ENDLESS_H_INCLUDED

#include <zrelay.h>

//  Messages that never end. libzmq hands over whole messages, and puts no bound
//  on the frames that are in memory before that. So we compare what a
//  connection has brought with what it had brought when a message of it came
//  last. Where the socket was found empty after that, all whole messages were
//  handed over; else as many may wait as its high-water mark allows.

//  What is known of a connection
typedef struct {
    uint64_t mark;              //  Bytes it had brought when a message came
    int64_t marked_at;          //  When that was, in msecs
    uint64_t revision;          //  The limits that mark is about
    uint64_t seen;              //  Bytes it had brought at the last look
    uint64_t empties;           //  Times the socket was empty by then
    bool spoke;                 //  A message came since the last look
    bool suspect;               //  It had brought too much, if it was nothing
                                //  whole
} zrelay_endless_t;

//  What it is looked at with
typedef struct {
    void *watched;              //  The socket; NULL if it keeps messages to
                                //  itself
    int64_t most;               //  Bytes of a message; INT64_MAX: any
    int64_t waiting;            //  Bytes of whole ones that may wait; likewise
    uint64_t revision;          //  Of these limits
    uint64_t empties;           //  Times the socket was read empty
} zrelay_endless_look_t;

typedef enum {
    ZRELAY_ENDLESS_RESTS,       //  It has brought no more since the last look
                                //  than heartbeats
    ZRELAY_ENDLESS_BRINGS,      //  It has
    ZRELAY_ENDLESS_HALF,        //  Half of what is too much, since its last
                                //  message
    ZRELAY_ENDLESS_FOUND        //  Too much
} zrelay_endless_verdict_t;

//  It has come, and what it has brought is accounted for.
void
    zrelay_endless_begin (zrelay_endless_t *self, uint64_t bytes,
                          uint64_t revision);

//  It has brought so many bytes in its life.
zrelay_endless_verdict_t
    zrelay_endless_judge (zrelay_endless_t *self, uint64_t bytes,
                          const zrelay_endless_look_t *look);

void
    zrelay_endless_test (bool verbose);

#endif
