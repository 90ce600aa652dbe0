/*  =========================================================================
    zrelay_attachments - the endpoints that a socket is attached to

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_ATTACHMENTS_H_INCLUDED
#define ZRELAY_ATTACHMENTS_H_INCLUDED

#include <zrelay.h>
#include "zrelay_access.h"
#include "zrelay_error.h"
#include "zrelay_peers.h"

//  The endpoints of a side. Each function gets libzmq's socket, to which they
//  belong. A function that is refused has changed nothing.

typedef struct _zrelay_attachments_t zrelay_attachments_t;

//  Without any. name, which is used in sentences, and access, which applies to
//  what is bound, must outlive the object.
zrelay_attachments_t *
    zrelay_attachments_new (const char *name, zrelay_access_t *access,
                            zrelay_error_t *error);

void
    zrelay_attachments_destroy (zrelay_attachments_t **self_p);

//  Bind or connect any socket, with the same care. access may be NULL. Returns
//  NULL, or the reason why it cannot be done.
const char *
    zrelay_attachments_ask (void *handle, const char *endpoint, bool bind,
                            zrelay_access_t *access);

//  Belong to the same relay as another object. What one of these is bound to,
//  none may connect to: messages would go round for ever.
void
    zrelay_attachments_join (zrelay_attachments_t *self,
                             zrelay_attachments_t *other);

//  Bind, or else connect.
zrelay_status_t
    zrelay_attachments_attach (zrelay_attachments_t *self, void *handle,
                               const char *endpoint, bool bind);

//  The same for all of a comma-separated list, or for none: "@" before an
//  endpoint binds it, ">" connects it, otherwise bind says which. peers are
//  those of the socket, or NULL.
zrelay_status_t
    zrelay_attachments_attach_list (zrelay_attachments_t *self, void *handle,
                                    zrelay_peers_t *peers,
                                    const char *endpoints, bool bind);

//  Undo one of these. Only libzmq knows the endpoints that an application
//  attached to its own socket.
zrelay_status_t
    zrelay_attachments_detach (zrelay_attachments_t *self, void *handle,
                               zrelay_peers_t *peers, bool borrowed,
                               const char *endpoint, bool bound);

//  How many there are; true if one is bound; and add a frame for each.
size_t
    zrelay_attachments_count (zrelay_attachments_t *self);
bool
    zrelay_attachments_bound (zrelay_attachments_t *self);
void
    zrelay_attachments_list (zrelay_attachments_t *self, zmsg_t *answer,
                             bool marked);

//  True if one is not by inproc.
bool
    zrelay_attachments_connect (zrelay_attachments_t *self);

//  True if none is by inproc; and how many are connected.
bool
    zrelay_attachments_counted (zrelay_attachments_t *self, size_t *connected);

//  libzmq closes a socket some time later, on threads of its own. Give back
//  names of inproc and files of ipc now, so that whoever binds next finds them
//  free; nothing but the name is lost by it.
void
    zrelay_attachments_release (zrelay_attachments_t *self, void *handle);

//  After the socket was closed: wait until its ports are free, too, or nearly
//  a second at most.
void
    zrelay_attachments_await_release (zrelay_attachments_t *self);

#endif
