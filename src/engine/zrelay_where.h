/*  =========================================================================
    zrelay_where - where connections come from

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_WHERE_H_INCLUDED
#define ZRELAY_WHERE_H_INCLUDED

#include <zrelay.h>
#include <netinet/in.h>

//  An IP address; an IPv4 one is mapped to IPv6
typedef struct {
    struct in6_addr ip;
    bool any;                   //  Every address, and none
    bool none;                  //  Connections without one
} zrelay_where_t;

//  Of a text: an address, which may name its interface if it is link-local, as
//  in fe80::1%eth0; "ipc": connections that have none; "*": all. Returns 0, or
//  -1 if it is none of these.
int
    zrelay_where_parse (zrelay_where_t *self, const char *text);

//  True if the other end of a connection is there.
bool
    zrelay_where_has (const zrelay_where_t *self, int fd);

//  The address of a connection's other end, as an endpoint that the caller
//  frees; NULL if there is none. ipc has no address: then it is that of this
//  end.
char *
    zrelay_where_address (int fd, const char *endpoint);

//  True if a connection may have been accepted at an endpoint: by tcp, the port
//  decides.
bool
    zrelay_where_came_by (int fd, const char *endpoint);

//  The system's number for what a descriptor refers to; 0: nothing.
ino_t
    zrelay_where_inode (int fd);

void
    zrelay_where_test (bool verbose);

#endif
