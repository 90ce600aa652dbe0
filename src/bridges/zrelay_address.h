/*  =========================================================================
    zrelay_address - where relays are joined, and the subjects that they use

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_ADDRESS_H_INCLUDED
#define ZRELAY_ADDRESS_H_INCLUDED

#include <zrelay.h>

//  Most servers, and most characters of a name
#define ZRELAY_ADDRESS_SERVERS 32
#define ZRELAY_ADDRESS_NAME 64

//  So many bytes of a topic are in its subject; beyond, relays compare
#define ZRELAY_ADDRESS_TOPIC 16

//  Room for any subject of these functions
#define ZRELAY_ADDRESS_ROOM 192

//  "nats://one:4222,nats://two:4222/orders", taken apart
typedef struct {
    char *servers [ZRELAY_ADDRESS_SERVERS + 1];     //  URLs; NULL at the end
    size_t count;               //  How many these are
    char *name;                 //  Of what is joined: subjects begin with it
} zrelay_address_t;

//  Take text apart. Returns NULL, or what is wrong with it; then there is
//  nothing to be cleared.
const char *
    zrelay_address_read (zrelay_address_t *self, const char *text);

void
    zrelay_address_clear (zrelay_address_t *self);

//  One of the servers without a name and password, as a fresh string.
char *
    zrelay_address_shown (const char *server);

//  The subject "NAME.WORD" of the publications, requests or tasks of what is
//  joined; "NAME.WORD.0123456789abcdef" for what only the site of that number
//  gets; and "NAME.WORD.41.42" for topics. Of a topic the first sixteen bytes
//  count. Returns room.
const char *
    zrelay_address_subject (const zrelay_address_t *self, const char *word,
                            char room [ZRELAY_ADDRESS_ROOM]);
const char *
    zrelay_address_origin (const zrelay_address_t *self, const char *word,
                           uint64_t origin, char room [ZRELAY_ADDRESS_ROOM]);
const char *
    zrelay_address_topic (const zrelay_address_t *self, const char *word,
                          const void *topic, size_t size,
                          char room [ZRELAY_ADDRESS_ROOM]);

//  Self test of this class
void
    zrelay_address_test (bool verbose);

#endif
