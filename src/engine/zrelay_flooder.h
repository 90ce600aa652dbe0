/*  =========================================================================
    zrelay_flooder - an address that subscriptions flood from

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_FLOODER_H_INCLUDED
#define ZRELAY_FLOODER_H_INCLUDED

#include <zrelay.h>

//  What a flood of subscriptions leaves behind takes libzmq longer to tidy up
//  than the flood takes to come. So until the relay has caught up with one, the
//  system takes no newcomer from there.

typedef struct _zrelay_flooder_t zrelay_flooder_t;

zrelay_flooder_t *
    zrelay_flooder_new (void);

void
    zrelay_flooder_destroy (zrelay_flooder_t **self_p);

//  Connections are accepted at this descriptor, or no longer.
void
    zrelay_flooder_listen (zrelay_flooder_t *self, int fd);
void
    zrelay_flooder_unlisten (zrelay_flooder_t *self, int fd);

//  A flood came from this address, and by this connection; and that has ended,
//  when the socket had been read empty so many times. The object only compares
//  connections.
void
    zrelay_flooder_note (zrelay_flooder_t *self, const char *address,
                         const void *connection);
void
    zrelay_flooder_left (zrelay_flooder_t *self, const void *connection,
                         uint64_t empties);

//  True if that address is the flooder's, whatever the port.
bool
    zrelay_flooder_is (zrelay_flooder_t *self, const char *address);

//  True if the relay has caught up: since the connection has ended, all that is
//  there was read twice.
bool
    zrelay_flooder_over (zrelay_flooder_t *self, uint64_t empties);

//  Let it in again, unless it floods at this moment; or if it was long ago.
void
    zrelay_flooder_forget (zrelay_flooder_t *self);
void
    zrelay_flooder_forget_old (zrelay_flooder_t *self);

void
    zrelay_flooder_test (bool verbose);

#endif
