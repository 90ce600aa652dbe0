/*  =========================================================================
    zrelay_cuts - counts connections that were cut, and hand-shakes that failed

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_CUTS_H_INCLUDED
#define ZRELAY_CUTS_H_INCLUDED

#include <zrelay.h>
#include "zrelay_counts.h"

typedef enum {
    ZRELAY_CUT_ENDLESS,         //  A message that never ends
    ZRELAY_CUT_CONNECTIONS,     //  Too many
    ZRELAY_CUT_SUBSCRIPTIONS,   //  It has subscribed to too much
    ZRELAY_CUT_PERMIT,          //  It may not do what it does
    ZRELAY_CUT_ASKED,           //  A command said so
    ZRELAY_CUTS                 //  How many reasons there are
} zrelay_cut_t;

//  libzmq's events for hand-shakes that fail
#define ZRELAY_CUTS_FAILURES (ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL \
                            | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL \
                            | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)

//  Longest address that is reported
#define ZRELAY_CUTS_ADDRESS_MAX 100

typedef struct _zrelay_cuts_t zrelay_cuts_t;

zrelay_cuts_t *
    zrelay_cuts_new (void);

void
    zrelay_cuts_destroy (zrelay_cuts_t **self_p);

//  A reason, as STATS names it.
const char *
    zrelay_cuts_name (zrelay_cut_t reason);

//  A connection to that address was cut.
void
    zrelay_cuts_add (zrelay_cuts_t *self, zrelay_cut_t reason,
                     const char *address);

//  A hand-shake failed, as libzmq has reported.
void
    zrelay_cuts_failed (zrelay_cuts_t *self, uint16_t event, uint32_t error);

//  How many connections were cut since this was asked last; the address of the
//  last, and why. The strings remain the object's.
uint64_t
    zrelay_cuts_report (zrelay_cuts_t *self, const char **address,
                        const char **reason);

//  Add all counts to an answer to STATS, and set them to zero. Where self is
//  NULL, all are zero.
void
    zrelay_cuts_stats (zrelay_cuts_t *self, const char *name,
                       zrelay_counts_t *counts);
void
    zrelay_cuts_reset (zrelay_cuts_t *self);

void
    zrelay_cuts_test (bool verbose);

#endif
