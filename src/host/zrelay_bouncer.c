/*  =========================================================================
    zrelay_bouncer - cuts off who sends too much to a control socket

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_bouncer.h"
#include "zrelay_peers.h"

//  The two ends of a monitor
#define MONITOR_SOCKETS 2

//  Msecs until a newcomer is looked at
#define LOOK_FIRST 5

struct _zrelay_bouncer_t {
    zloop_t *loop;              //  Serves it
    zsock_t *sock;              //  The socket; not ours
    zrelay_limits_t *limits;    //  Of its messages
    zrelay_peers_t *peers;      //  Who is connected to it
    zrelay_ear_t *ear;          //  Hears when they come or go
    int timer;                  //  Looks at them; 0: there are none
};

static int
s_on_timer (zloop_t *loop, int timer, void *arg);

//  Nobody is looked at while nobody is there

static void
s_look_again (zrelay_bouncer_t *self, size_t msecs)
{
    if (!self->timer && zrelay_peers_count (self->peers) > 0)
        self->timer = zloop_timer (self->loop, msecs, 1, s_on_timer, self);
}

static int
s_on_timer (zloop_t *loop, int timer, void *arg)
{
    (void) loop;
    (void) timer;
    zrelay_bouncer_t *self = (zrelay_bouncer_t *) arg;
    self->timer = 0;
    zrelay_peers_update (self->peers);
    zrelay_ear_look (self->ear);
    int64_t most = zrelay_limits_most_bytes (self->limits)
                 * (zsock_rcvhwm (self->sock) + 1);
    size_t msecs =
        zrelay_peers_look (self->peers, zsock_resolve (self->sock), most);
    const char *address, *reason;
    uint64_t count = zrelay_peers_report (self->peers, &address, &reason);
    if (count > 0)
        zrelay_printer_log (ZRELAY_LOG_WARNING, "control: %" PRIu64
            " connections were cut; the last came from %s (%s)", count,
            address, reason);
    s_look_again (self, msecs);
    return 0;
}

static zrelay_ear_result_t
s_on_peers (void *owner)
{
    zrelay_bouncer_t *self = (zrelay_bouncer_t *) owner;
    zrelay_peers_update (self->peers);
    s_look_again (self, LOOK_FIRST);
    return zrelay_peers_behind (self->peers)? ZRELAY_EAR_READ:
                                              ZRELAY_EAR_EMPTY;
}

zrelay_bouncer_t *
zrelay_bouncer_new (zrelay_ears_t *ears, zsock_t *sock, size_t frames,
                    size_t bytes)
{
    if (!zrelay_sockets_left (MONITOR_SOCKETS))
        return NULL;
    zrelay_bouncer_t *self =
        (zrelay_bouncer_t *) zmalloc (sizeof (zrelay_bouncer_t));
    assert (self);
    self->loop = zrelay_ears_loop (ears);
    self->sock = sock;
    self->limits = zrelay_limits_new ();
    zrelay_limits_set_message (self->limits, frames, bytes);
    self->peers = zrelay_peers_new (zsock_resolve (sock), self->limits);
    if (self->peers)
        self->ear = zrelay_ear_new (ears, zrelay_peers_handle (self->peers),
                                    s_on_peers, self);
    else {
        int error = errno;
        zrelay_bouncer_destroy (&self);
        errno = error;
    }
    return self;
}

void
zrelay_bouncer_destroy (zrelay_bouncer_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_bouncer_t *self = *self_p;
        if (self->timer)
            zloop_timer_end (self->loop, self->timer);
        zrelay_ear_destroy (&self->ear);
        zrelay_peers_destroy (&self->peers, zsock_resolve (self->sock));
        zrelay_limits_destroy (&self->limits);
        freen (self);
        *self_p = NULL;
    }
}

void
zrelay_bouncer_spoke (zrelay_bouncer_t *self, zmsg_t *msg)
{
    if (self)
        zrelay_peers_spoke (self->peers, zframe_meta (zmsg_last (msg),
                                                     ZRELAY_PEERS_PROPERTY));
}

void
zrelay_bouncer_emptied (zrelay_bouncer_t *self)
{
    if (self)
        zrelay_peers_emptied (self->peers);
}
