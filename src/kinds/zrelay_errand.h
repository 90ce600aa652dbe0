/*  =========================================================================
    zrelay_errand - a thread that does what would take a relay too long

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_ERRAND_H_INCLUDED
#define ZRELAY_ERRAND_H_INCLUDED

#include <zrelay.h>

//  Reading and writing a file may take seconds, for which a relay must not
//  stand still, nor wait when it ends. So that is done by a thread of its own,
//  which reports by a descriptor that can be polled, and which frees what it
//  works on if nobody is there any more.

typedef struct _zrelay_errand_t zrelay_errand_t;

//  The work, on the thread; and what frees its argument, which is called once,
//  by the last of thread and owner to leave.
typedef void (zrelay_errand_fn) (zrelay_errand_t *self, void *work);
typedef void (zrelay_errand_free_fn) (void *work);

//  Start the thread. NULL, with errno, if the system has none; then work was
//  freed.
zrelay_errand_t *
    zrelay_errand_new (zrelay_errand_fn *run, zrelay_errand_free_fn *release,
                       void *work);

//  Leave it: it is told to stop, and is not waited for.
void
    zrelay_errand_leave (zrelay_errand_t **self_p);

//  A descriptor with something to read when the work has ended.
int
    zrelay_errand_fd (zrelay_errand_t *self);

//  True once the work has ended. Then it belongs to the owner alone, who needs
//  no lock any more; but to poll the descriptor is not enough for that, as
//  only this call makes sure that the owner sees all that the thread wrote.
bool
    zrelay_errand_ended (zrelay_errand_t *self);


//  --------------------------------------------------------------------------
//  Both sides share the work's members under this lock, which nobody keeps for
//  long. The thread waits for changes, and whoever makes one says so.

void
    zrelay_errand_lock (zrelay_errand_t *self);
void
    zrelay_errand_unlock (zrelay_errand_t *self);
void
    zrelay_errand_wait (zrelay_errand_t *self);
void
    zrelay_errand_changed (zrelay_errand_t *self);

//  True if nobody is there any more. To be asked under the lock.
bool
    zrelay_errand_left (zrelay_errand_t *self);

void
    zrelay_errand_test (bool verbose);

#endif
