/*  =========================================================================
    zrelay_watcher - looks at descriptors while relays are busy

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_WATCHER_H_INCLUDED
#define ZRELAY_WATCHER_H_INCLUDED

#include <zrelay.h>

//  There is one thread for all watchers of the process, which lives as long as
//  there are any. It sleeps while nothing arrives at their descriptors.

typedef struct _zrelay_watcher_t zrelay_watcher_t;

//  Something has arrived at this descriptor, some msecs ago. Called on that
//  thread, for one watcher of the process at a time.
typedef void (zrelay_watcher_fn) (void *object, int fd);

//  Returns NULL if the system has no thread or no descriptors to give.
zrelay_watcher_t *
    zrelay_watcher_new (zrelay_watcher_fn *function, void *object);

//  The function is not called any more. Must not be called by it.
void
    zrelay_watcher_destroy (zrelay_watcher_t **self_p);

//  Watch a descriptor until it is closed. May be called by the function, also
//  for a descriptor that is watched already: if something waits there, that
//  counts as having arrived now.
void
    zrelay_watcher_add (zrelay_watcher_t *self, int fd);

void
    zrelay_watcher_test (bool verbose);

#endif
