/*  =========================================================================
    zrelay_cidr - IP addresses and networks

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_CIDR_H_INCLUDED
#define ZRELAY_CIDR_H_INCLUDED

#include <zrelay.h>

//  A network, such as 10.0.0.0/8 or fe80::/10, or one address. IPv4-mapped
//  addresses (::ffff:127.0.0.1) are IPv4 addresses here.

typedef struct {
    byte bytes [16];            //  The address; beyond bits all are 0
    size_t size;                //  4 or 16; 0: not an IP address
    size_t bits;                //  How many bits all its members share
} zrelay_cidr_t;

//  Read a network as a person writes it. Returns 0, or -1 if text is none. An
//  address with bits beyond the network's length is a mistake.
int
    zrelay_cidr_parse (zrelay_cidr_t *self, const char *text);

//  Read an address as libzmq reports it, of so many bytes. What is not an IP
//  address, such as an ipc peer, belongs to no network.
void
    zrelay_cidr_set_address (zrelay_cidr_t *self, const void *text,
                             size_t size);

bool
    zrelay_cidr_contains (const zrelay_cidr_t *self,
                          const zrelay_cidr_t *address);

void
    zrelay_cidr_test (bool verbose);

#endif
