/*  =========================================================================
    zrelay_inflow - which descriptors have brought something

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_INFLOW_H_INCLUDED
#define ZRELAY_INFLOW_H_INCLUDED

#include <zrelay.h>

typedef struct _zrelay_inflow_t zrelay_inflow_t;

//  Returns NULL if the system has no descriptor for this, or does not report
//  such things.
zrelay_inflow_t *
    zrelay_inflow_new (void);

void
    zrelay_inflow_destroy (zrelay_inflow_t **self_p);

//  From now on, until its last owner closes it. What waits there has come.
void
    zrelay_inflow_add (zrelay_inflow_t *self, int fd);

//  Those by which something has come since they were asked for last: at most so
//  many of them. Returns how many; the others wait for the next call. Those to
//  which more can be sent now are among them. Not among them is one by which
//  nothing can be sent, if what came was read: look at some of all in turn, too.
size_t
    zrelay_inflow_next (zrelay_inflow_t *self, int *fds, size_t most);

void
    zrelay_inflow_test (bool verbose);

#endif
