/*  =========================================================================
    zrelay_spooler - where relays keep messages that their output cannot take

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_SPOOLER_H_INCLUDED
#define ZRELAY_SPOOLER_H_INCLUDED

#include "zrelay_message.h"

#ifdef __cplusplus
extern "C" {
#endif

//  @interface
//  Where the flows of relays keep messages that their output cannot take, see
//  "spool" in zrelay_proxy.h. The library itself has no such place, since that
//  would need another library; libzrelay-store has one, on LMDB:
//
//      zrelay_spooler_provide (zrelay_store_spooler ());
//
//  The program zrelay does this if libzrelay-store is installed. An application
//  does it once, before relays are told to spool. To write a spooler of your
//  own, fill in these functions. A relay calls them on its own thread; object
//  is what open returned.
typedef struct {
    size_t size;                //  Set by ZRELAY_SPOOLER

    //  Open the queue of that name, such as "forward", in a directory, or make
    //  it. Returns NULL if that is not possible, and a fresh string that says
    //  why.
    void *(*open) (const char *directory, const char *name, char **reason_p);
    void (*close) (void *object);

    //  What a crash of the machine may cost: 0 nothing of what kept () counts,
    //  1 a second, 2 more. And whether next () returns only what that counts.
    void (*set_sync) (void *object, int sync);
    void (*set_durable) (void *object, bool durable);

    //  Put a copy of a message at the end, with a number that comes back with
    //  it. Returns false if it is too large.
    bool (*put) (void *object, zrelay_message_t *message, byte mark);

    //  Read the next message behind the frames of this one, or pass it over if
    //  that is NULL; and when it was put, in msecs since 1970. Returns false if
    //  there is none, or it cannot be read. And remove the first so many of
    //  those that were read.
    bool (*next) (void *object, zrelay_message_t *message, byte *mark_p,
                  int64_t *time_p);
    void (*remove) (void *object, size_t count);

    //  Read from the first message again.
    void (*rewind) (void *object);

    //  Make what was put and removed survive the end of the process. Returns
    //  NULL, or a sentence, which remains the object's, if that is not possible
    //  now; then messages remain in memory.
    const char *(*commit) (void *object);

    //  A sentence if a message cannot be read any more, or NULL.
    const char *(*damage) (void *object);

    //  Messages in the queue, those of them that are committed and, with sync
    //  0, on the disk, the bytes of all, and when the first was put, or 0.
    uint64_t (*messages) (void *object);
    uint64_t (*kept) (void *object);
    uint64_t (*bytes) (void *object);
    int64_t (*time) (void *object);
} zrelay_spooler_t;
#define ZRELAY_SPOOLER .size = sizeof (zrelay_spooler_t)

//  Let relays of this process use a spooler, which remains the caller's and
//  must not change any more.
ZRELAY_EXPORT void
    zrelay_spooler_provide (const zrelay_spooler_t *spooler);

//  The one that was provided, or NULL.
ZRELAY_EXPORT const zrelay_spooler_t *
    zrelay_spooler_provided (void);
//  @end

#ifdef __cplusplus
}
#endif

#endif
