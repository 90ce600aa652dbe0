/*  =========================================================================
    wire - peers that speak ZMTP by hand, as far and as wrongly as they like

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "wire.h"
#include <netinet/tcp.h>
#include <sys/un.h>

//  Seconds that a call waits at most
#define PATIENCE 10

//  Longest frame that is sent by wire_frame ()
#define FRAME_MAX 65536


//  --------------------------------------------------------------------------
//  Connections

static void
s_set_patience (int fd)
{
    struct timeval patience = { .tv_sec = PATIENCE };
    setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof (patience));
    setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof (patience));
}

//  A name that begins with @ is not in the file system

static int
s_connect_ipc (const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1)
        return -1;
    s_set_patience (fd);
    snprintf (address.sun_path, sizeof (address.sun_path), "%s", path);
    socklen_t size = sizeof (address);
    if (*path == '@') {
        address.sun_path [0] = 0;
        size = (socklen_t) (offsetof (struct sockaddr_un, sun_path)
                            + strlen (path));
    }
    if (connect (fd, (struct sockaddr *) &address, size) == 0)
        return fd;
    close (fd);
    return -1;
}

int
wire_connect (const char *endpoint)
{
    if (strncmp (endpoint, "ipc://", 6) == 0)
        return s_connect_ipc (endpoint + 6);
    unsigned bytes [4];
    unsigned port;
    if (sscanf (endpoint, "tcp://%3u.%3u.%3u.%3u:%5u", &bytes [0], &bytes [1],
                &bytes [2], &bytes [3], &port) != 5)
        return -1;
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1)
        return -1;
    int one = 1;
    s_set_patience (fd);
    setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof (one));
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons ((uint16_t) port),
        .sin_addr.s_addr = htonl (bytes [0] << 24 | bytes [1] << 16
                                  | bytes [2] << 8 | bytes [3])
    };
    if (connect (fd, (struct sockaddr *) &address, sizeof (address)) == 0)
        return fd;
    close (fd);
    return -1;
}

void
wire_close (int fd, bool reset)
{
    struct linger linger = { .l_onoff = reset, .l_linger = 0 };
    if (reset)
        setsockopt (fd, SOL_SOCKET, SO_LINGER, &linger, sizeof (linger));
    close (fd);
}

bool
wire_send (int fd, const void *data, size_t size)
{
    return send (fd, data, size, MSG_NOSIGNAL) == (ssize_t) size;
}

bool
wire_receive (int fd, void *data, size_t size)
{
    return recv (fd, data, size, MSG_WAITALL) == (ssize_t) size;
}

bool
wire_discard (int fd)
{
    byte buffer [4096];
    ssize_t count;
    do
        count = recv (fd, buffer, sizeof (buffer), MSG_DONTWAIT);
    while (count > 0);
    return count == -1 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

bool
wire_send_all (int fd, const void *data, size_t size)
{
    const byte *next = (const byte *) data;
    while (size > 0 && wire_discard (fd)) {
        ssize_t sent = send (fd, next, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent == -1 && errno != EAGAIN)
            return false;
        if (sent == -1)
            zclock_sleep (1);
        else {
            next += sent;
            size -= (size_t) sent;
        }
    }
    return size == 0;
}


//  --------------------------------------------------------------------------
//  Frames: flags, a size of one or of eight bytes, and the data

static size_t
s_header (byte *buffer, byte flags, uint64_t size)
{
    buffer [0] = flags;
    if (size < 256 && !(flags & WIRE_LONG)) {
        buffer [1] = (byte) size;
        return 2;
    }
    buffer [0] |= WIRE_LONG;
    for (int index = 8; index > 0; index--) {
        buffer [index] = (byte) size;
        size >>= 8;
    }
    return 9;
}

bool
wire_frame (int fd, byte flags, const void *data, size_t size)
{
    byte buffer [FRAME_MAX + 9];
    assert (size <= FRAME_MAX);
    size_t header = s_header (buffer, flags, size);
    memcpy (buffer + header, data, size);
    return wire_send (fd, buffer, header + size);
}

bool
wire_half_frame (int fd, byte flags, uint64_t size, size_t sent)
{
    byte buffer [FRAME_MAX + 9];
    assert (sent <= FRAME_MAX);
    size_t header = s_header (buffer, flags, size);
    memset (buffer + header, 'h', sent);
    return wire_send (fd, buffer, header + sent);
}


//  --------------------------------------------------------------------------
//  Hand-shakes

void
wire_greeting (byte *buffer, const char *mechanism)
{
    memset (buffer, 0, WIRE_GREETING);
    buffer [0] = 0xff;
    buffer [WIRE_SIGNATURE - 1] = 0x7f;
    buffer [WIRE_SIGNATURE] = 3;        //  Version 3.0
    strncpy ((char *) buffer + WIRE_SIGNATURE + 2, mechanism, 20);
}

static size_t
s_property (byte *buffer, const char *name, const char *value)
{
    size_t name_size = strlen (name);
    size_t value_size = strlen (value);
    *buffer++ = (byte) name_size;
    memcpy (buffer, name, name_size);
    buffer += name_size;
    memset (buffer, 0, 3);
    buffer [3] = (byte) value_size;
    memcpy (buffer + 4, value, value_size);
    return 1 + name_size + 4 + value_size;
}

size_t
wire_ready (byte *buffer, const char *socket_type)
{
    static const char name [] = "\5READY";
    size_t size = sizeof (name) - 1;
    memcpy (buffer, name, size);
    size += s_property (buffer + size, "Socket-Type", socket_type);
    size += s_property (buffer + size, "Identity", "");
    return size;
}

bool
wire_handshake (int fd, const char *socket_type)
{
    byte greeting [WIRE_GREETING];
    wire_greeting (greeting, "NULL");
    byte ready [WIRE_READY_MAX];
    size_t size = wire_ready (ready, socket_type);
    byte answer [WIRE_READY_MAX];
    return wire_send (fd, greeting, sizeof (greeting))
        && wire_frame (fd, WIRE_COMMAND, ready, size)
        && wire_receive (fd, answer, WIRE_GREETING)
        && wire_receive (fd, answer, 2)
        && answer [0] == WIRE_COMMAND
        && wire_receive (fd, answer + 2, answer [1])
        && memcmp (answer + 2, "\5READY", 6) == 0;
}

size_t
wire_hello (byte *buffer, const char *user, const char *password)
{
    static const char name [] = "\5HELLO";
    wire_greeting (buffer, "PLAIN");
    byte *place = buffer + WIRE_GREETING;
    size_t user_size = strlen (user);
    size_t password_size = strlen (password);
    assert (user_size + password_size < 240);
    *place++ = WIRE_COMMAND;
    *place++ = (byte) (sizeof (name) - 1 + 2 + user_size + password_size);
    memcpy (place, name, sizeof (name) - 1);
    place += sizeof (name) - 1;
    *place++ = (byte) user_size;
    memcpy (place, user, user_size);
    place += user_size;
    *place++ = (byte) password_size;
    memcpy (place, password, password_size);
    return (size_t) (place + password_size - buffer);
}

//  A command whose name begins so

static bool
s_receive_command (int fd, const char *name)
{
    byte answer [256];
    return wire_receive (fd, answer, 2)
        && answer [0] == WIRE_COMMAND
        && wire_receive (fd, answer + 2, answer [1])
        && answer [1] > strlen (name)
        && memcmp (answer + 3, name, strlen (name)) == 0;
}

bool
wire_plain (int fd, const char *socket_type, const char *user,
            const char *password)
{
    byte hello [WIRE_HELLO_MAX];
    size_t hello_size = wire_hello (hello, user, password);
    byte greeting [WIRE_GREETING];
    //  The metadata is that of READY
    static const char name [] = "\10INITIATE";
    byte ready [WIRE_READY_MAX];
    size_t ready_size = wire_ready (ready, socket_type);
    byte initiate [WIRE_READY_MAX + sizeof (name)];
    memcpy (initiate, name, sizeof (name) - 1);
    size_t skipped = strlen ("\5READY");
    memcpy (initiate + sizeof (name) - 1, ready + skipped,
            ready_size - skipped);
    return wire_send (fd, hello, hello_size)
        && wire_receive (fd, greeting, sizeof (greeting))
        && s_receive_command (fd, "WELCOME")
        && wire_frame (fd, WIRE_COMMAND, initiate,
                       sizeof (name) - 1 + ready_size - skipped)
        && s_receive_command (fd, "READY");
}
