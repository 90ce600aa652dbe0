/*  =========================================================================
    zrelay_side - a socket with its endpoints, options and topics

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_SIDE_H_INCLUDED
#define ZRELAY_SIDE_H_INCLUDED

#include <zrelay.h>
#include "zrelay_access.h"
#include "zrelay_choices.h"
#include "zrelay_error.h"
#include "zrelay_limits.h"
#include "zrelay_peers.h"
#include "zrelay_port.h"
#include "zrelay_subscriptions.h"

//  Functions that return a status keep a sentence in the error object that the
//  side was given when it is not ZRELAY_STATUS_DONE, and have then changed
//  nothing.

typedef struct _zrelay_side_t zrelay_side_t;

//  A new side. If spec names a single socket type, the socket exists at once,
//  else when zrelay_side_choose () was called. Where the system has no socket
//  to give, it is asked again when the side is to be attached. An option of
//  spec that is refused ends the program. name and error must outlive the side.
zrelay_side_t *
    zrelay_side_new (const char *name, const zrelay_side_spec_t *spec,
                     zrelay_error_t *error);

//  A side on a socket of somebody else, who closes it and sets its options.
zrelay_side_t *
    zrelay_side_borrow (const char *name, void *handle, zrelay_error_t *error);

void
    zrelay_side_destroy (zrelay_side_t **self_p);

//  Belong to the same relay as another side, to which it must not connect.
void
    zrelay_side_join (zrelay_side_t *self, zrelay_side_t *other);

const char *
    zrelay_side_name (zrelay_side_t *self);

//  Its port, which moves frames, and its limits; both live as long as the side.
zrelay_port_t *
    zrelay_side_port (zrelay_side_t *self);
zrelay_limits_t *
    zrelay_side_limits (zrelay_side_t *self);

//  libzmq's socket, its type and peers: NULL, -1 and NULL before a type is
//  chosen. The peers of a borrowed side are not watched: NULL.
void *
    zrelay_side_handle (zrelay_side_t *self);
int
    zrelay_side_type (zrelay_side_t *self);
zrelay_peers_t *
    zrelay_side_peers (zrelay_side_t *self);

//  Tell of the connections that the side makes, and log all; both must outlive
//  it.
void
    zrelay_side_report_to (zrelay_side_t *self, zrelay_events_t *events,
                           zrelay_diary_t *diary);

//  Make the socket. If it exists, with another type, it is replaced as long
//  as it has no endpoint. And close it again, type -1: not chosen.
zrelay_status_t
    zrelay_side_choose (zrelay_side_t *self, const char *type);
void
    zrelay_side_close (zrelay_side_t *self);


//  --------------------------------------------------------------------------
//  Endpoints: one, or all of a comma-separated list, as
//  zrelay_attachments_attach_list ()

zrelay_status_t
    zrelay_side_attach (zrelay_side_t *self, const char *endpoint, bool bind);
zrelay_status_t
    zrelay_side_detach (zrelay_side_t *self, const char *endpoint, bool bound);
zrelay_status_t
    zrelay_side_attach_list (zrelay_side_t *self, const char *endpoints,
                             bool bind);

//  True if the side has an endpoint; and add a frame for each, marked with "@"
//  if it is bound, and ">" if it is connected.
bool
    zrelay_side_attached (zrelay_side_t *self);
void
    zrelay_side_endpoints (zrelay_side_t *self, zmsg_t *answer, bool marked);

//  True if peers may have connections, and so properties; by inproc there are
//  none.
bool
    zrelay_side_has_connections (zrelay_side_t *self);

//  True if nobody is connected who could still reply to so many messages.
bool
    zrelay_side_deserted (zrelay_side_t *self, uint64_t awaited);


//  --------------------------------------------------------------------------
//  Options and subscriptions

//  See zrelay_choices_set () and zrelay_choices_get (). Where nobody knows a
//  value, that is refused.
zrelay_status_t
    zrelay_side_set_option (zrelay_side_t *self, const char *option,
                            const char *value);
zrelay_status_t
    zrelay_side_get_option (zrelay_side_t *self, const char *option,
                            char **value_p);
zrelay_choices_t *
    zrelay_side_choices (zrelay_side_t *self);

//  The relay's own subscriptions.
zrelay_subscriptions_t *
    zrelay_side_subscriptions (zrelay_side_t *self);

//  Whom its ipc endpoints let in.
zrelay_access_t *
    zrelay_side_access (zrelay_side_t *self);

//  See zrelay_choices_stamp ().
const char *
    zrelay_side_stamp (zrelay_side_t *self);


//  --------------------------------------------------------------------------
//  What subscribers send

//  True if the side is told of all subscriptions, see the next function: it is
//  an XPUB that the relay made.
bool
    zrelay_side_hears_topics (zrelay_side_t *self);

//  A frame about a topic came there, from that connection; it is not empty.
//  Returns false if it is a subscription that is not to be passed on, because
//  the publishers know of one already, or because its peer is cut.
bool
    zrelay_side_heard_topic (zrelay_side_t *self,
                             const zrelay_voice_t *voice,
                             const void *data, size_t size);

//  True if the side passes on each subscription, as an XPUB with xpub_verbose.
bool
    zrelay_side_repeats (zrelay_side_t *self);


//  --------------------------------------------------------------------------
//  Housekeeping

//  Let libzmq handle what happened on a socket without traffic.
void
    zrelay_side_service (zrelay_side_t *self);

//  Give what was sent so many msecs to leave when the socket is closed, unless
//  the user has said how many; and take that back.
void
    zrelay_side_set_linger (zrelay_side_t *self, int msecs);
void
    zrelay_side_restore_linger (zrelay_side_t *self);

void
    zrelay_side_stats (zrelay_side_t *self, zrelay_counts_t *counts);
void
    zrelay_side_reset (zrelay_side_t *self);

//  For the tests of those that have sides: a socket of a type that is connected
//  to where the side was attached last.
zsock_t *
    zrelay_side_test_peer (zrelay_side_t *self, int type);

void
    zrelay_side_test (bool verbose);

#endif
