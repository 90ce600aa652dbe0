/*  =========================================================================
    zrelay_library - what every public header needs

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_LIBRARY_H_INCLUDED
#define ZRELAY_LIBRARY_H_INCLUDED

#include <czmq.h>

//  The library is compiled with hidden symbols; what is public says so
#if defined (__GNUC__)
#   define ZRELAY_EXPORT __attribute__ ((visibility ("default")))
#   define ZRELAY_SENTINEL __attribute__ ((sentinel))
#else
#   define ZRELAY_EXPORT
#   define ZRELAY_SENTINEL
#endif

#ifdef __cplusplus
extern "C" {
#endif

//  @interface
//  Every other public header includes this one. An application includes
//  <zrelay.h>, which includes them all.

//  Version of this header; zrelay_version () tells that of the library
//  at run time. Versions follow semver.org.
#define ZRELAY_VERSION_MAJOR 0
#define ZRELAY_VERSION_MINOR 2
#define ZRELAY_VERSION_PATCH 0

#define ZRELAY_MAKE_VERSION(major, minor, patch) \
    ((major) * 10000 + (minor) * 100 + (patch))
#define ZRELAY_VERSION \
    ZRELAY_MAKE_VERSION (ZRELAY_VERSION_MAJOR, ZRELAY_VERSION_MINOR, \
                         ZRELAY_VERSION_PATCH)

//  How a relay answers a command. The first five are sent by zsock_signal ()
//  and read with zsock_wait ().
typedef enum {
    ZRELAY_STATUS_DONE = 0,         //  Done
    ZRELAY_STATUS_UNKNOWN = 1,      //  Unknown command
    ZRELAY_STATUS_BAD_ARGUMENTS = 2, // Wrong number or value of arguments
    ZRELAY_STATUS_BAD_STATE = 3,    //  Not possible in this state
    ZRELAY_STATUS_REFUSED = 4,      //  Refused by the system: bind, file
    ZRELAY_STATUS_TIMEOUT = 5,      //  A client heard nothing in time
    ZRELAY_STATUS_LATER = -1        //  A handler will answer later
} zrelay_status_t;

//  Names of version 0.1, kept for one version
#define ZRELAY_DONE             ZRELAY_STATUS_DONE
#define ZRELAY_UNKNOWN          ZRELAY_STATUS_UNKNOWN
#define ZRELAY_BAD_ARGUMENTS    ZRELAY_STATUS_BAD_ARGUMENTS
#define ZRELAY_BAD_STATE        ZRELAY_STATUS_BAD_STATE
#define ZRELAY_REFUSED          ZRELAY_STATUS_REFUSED

//  Version of the library that the program runs with, as made by
//  ZRELAY_MAKE_VERSION.
ZRELAY_EXPORT int
    zrelay_version (void);

//  Take over the listening sockets that a service manager passed to this
//  process, as sd_listen_fds(3) describes. From then on a BIND to the address
//  of one of them, in any relay, uses that socket. It goes on listening when
//  the relay unbinds and when the process ends; so while a process is
//  restarted, connections wait, and none is refused. An endpoint is compared
//  as text, with the address as a number, tcp://127.0.0.1:5559, or any,
//  tcp://*:5559; of ipc, its path. Such an ipc endpoint keeps the permissions
//  that the service manager gave it. Call this before the process has threads.
//  Returns how many sockets there are.
ZRELAY_EXPORT size_t
    zrelay_inherit_sockets (void);

//  True if CZMQ's context can make so many sockets more, up to 16, else false,
//  with errno EMFILE. zactor_new () needs two, and ends the process if there
//  are fewer; so does zsock_new () if there is none. zrelay_engine_spawn ()
//  asks this itself.
ZRELAY_EXPORT bool
    zrelay_sockets_left (size_t count);
//  @end

#ifdef __cplusplus
}
#endif

#endif
