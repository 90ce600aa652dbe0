/*  =========================================================================
    zrelay_testing - what the classes' own tests share

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_TESTING_H_INCLUDED
#define ZRELAY_TESTING_H_INCLUDED

#include <zrelay.h>

//  Longest wait for anything, in msecs
#define ZRELAY_TESTING_TIMEOUT 5000

//  Bind a side to a free port, and return a socket of that type that is
//  connected there, with a time limit for receiving.
zsock_t *
    zrelay_testing_connect (zactor_t *relay, const char *side, int type);

//  Send a command of up to two arguments; true if that is its status.
bool
    zrelay_testing_status (zactor_t *relay, int status, const char *command,
                           const char *one, const char *two);

//  True if the last sentence of ERROR contains the word.
bool
    zrelay_testing_error (zactor_t *relay, const char *word);

//  Wait until a counter has that value; false if it does not come to it.
bool
    zrelay_testing_reaches (zactor_t *relay, const char *counter,
                            uint64_t value);

//  True if the next message on a socket is of these strings; two may be NULL.
bool
    zrelay_testing_receives (zsock_t *sock, const char *one, const char *two);

//  Self tests that are here, since they need more than the layer of their
//  class.
void
    zrelay_thread_test (bool verbose);
void
    zrelay_engine_test (bool verbose);
void
    zrelay_queue_test (bool verbose);
void
    zrelay_forwarder_test (bool verbose);
void
    zrelay_streamer_test (bool verbose);
void
    zrelay_proxy_test (bool verbose);
void
    zrelay_pool_test (bool verbose);
void
    zrelay_balancer_test (bool verbose);
void
    zrelay_majordomo_test (bool verbose);
void
    zrelay_broker_test (bool verbose);
void
    zrelay_cache_test (bool verbose);

#endif
