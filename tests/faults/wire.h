/*  =========================================================================
    wire - peers that speak ZMTP by hand, as far and as wrongly as they like

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  A plain TCP connection to a socket of ZeroMQ. What goes over it is described
//  in ZeroMQ RFC 23, ZMTP 3.0; the mechanisms in RFC 24 (PLAIN) and RFC 26
//  (CURVE):
//
//      int fd = wire_connect (endpoint);
//      if (wire_handshake (fd, "DEALER")) {
//          wire_frame (fd, WIRE_MORE, "half a", 6);
//          wire_close (fd, true);
//      }

#ifndef WIRE_H_INCLUDED
#define WIRE_H_INCLUDED

#include <czmq.h>

//  Sizes of the greeting, and of its part that all versions of ZMTP share
#define WIRE_GREETING 64
#define WIRE_SIGNATURE 10

//  Flags of a frame
#define WIRE_MORE 1             //  The message goes on
#define WIRE_LONG 2             //  The size has eight bytes
#define WIRE_COMMAND 4          //  It is no part of a message

//  Connect to tcp://ADDRESS:PORT, ipc://PATH, or ipc://@NAME. Returns the
//  descriptor, or -1. Calls on it wait for at most ten seconds.
int
    wire_connect (const char *endpoint);

//  Close the connection in the usual way, or so that the other end sees a
//  reset. The latter leaves nothing behind in the system.
void
    wire_close (int fd, bool reset);

//  Send so many bytes; true if they went.
bool
    wire_send (int fd, const void *data, size_t size);

//  The same, however long it takes, and throw away what comes meanwhile; false
//  if the other end has closed the connection, which the system reports at
//  once only to those who read.
bool
    wire_send_all (int fd, const void *data, size_t size);

//  Receive exactly so many bytes; false if they do not come.
bool
    wire_receive (int fd, void *data, size_t size);

//  Receive what is there, if anything, and throw it away; false if the other
//  end has closed the connection.
bool
    wire_discard (int fd);

//  Send one frame.
bool
    wire_frame (int fd, byte flags, const void *data, size_t size);

//  Send the beginning of a frame: its header announces size bytes, of which
//  so many follow.
bool
    wire_half_frame (int fd, byte flags, uint64_t size, size_t sent);

//  Write a greeting into a buffer of WIRE_GREETING bytes.
void
    wire_greeting (byte *buffer, const char *mechanism);

//  Write the command READY with the properties of such a socket into a buffer
//  of WIRE_READY_MAX bytes, without its frame. Returns its size.
#define WIRE_READY_MAX 300
size_t
    wire_ready (byte *buffer, const char *socket_type);

//  Shake hands with the NULL mechanism; true if the other end was content.
bool
    wire_handshake (int fd, const char *socket_type);

//  The same with the PLAIN mechanism.
bool
    wire_plain (int fd, const char *socket_type, const char *user,
                const char *password);

//  Write what such a peer says first into a buffer of WIRE_HELLO_MAX bytes: its
//  greeting and the command HELLO. Returns its size.
#define WIRE_HELLO_MAX 600
size_t
    wire_hello (byte *buffer, const char *user, const char *password);

#endif
