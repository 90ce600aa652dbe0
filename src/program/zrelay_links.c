/*  =========================================================================
    zrelay_links - tells the user what becomes of the relay's connections

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_links.h"

#define EVENTS "inproc://zrelay-links"

//  Frames of an event
#define FRAMES 5

struct _zrelay_links_t {
    zrelay_plan_t *plan;        //  Says where the relay connects; not ours
    zrelay_report_t *report;    //  Hears if that cannot be printed; not ours
    zsock_t *events;            //  Where events arrive, or NULL
    zlist_t *told;              //  Endpoints that were printed
};

//  What is in the way, by state and reason
static const struct {
    const char *state;
    const char *reason;
    const char *sentence;       //  Behind the endpoint
    bool warning;               //  It needs somebody
} s_obstacles [] = {
    { "unresolved", "", "there is no host of that name", true },
    { "refused", "auth", "the other end does not let this relay in", true },
    { "refused", "protocol", "the handshake failed: this is no ZeroMQ, or the"
      " two ends have different security", true },
    { "refused", "other", "the handshake was refused: a server with CURVE does"
      " so if the relay has no key, or a wrong one of the server", true },
    { "unreachable", "", "nobody answers there yet", false },
    { "disconnected", "", "the connection has ended", false }
};
#define OBSTACLES (sizeof (s_obstacles) / sizeof (*s_obstacles))

static bool
s_connects (zrelay_plan_t *plan)
{
    return zrelay_plan_connects (plan, ZRELAY_SIDE_FRONTEND)
        || zrelay_plan_connects (plan, ZRELAY_SIDE_BACKEND);
}

zrelay_links_t *
zrelay_links_new (zrelay_plan_t *plan, zrelay_report_t *report)
{
    zrelay_links_t *self = (zrelay_links_t *) zmalloc (sizeof (zrelay_links_t));
    assert (self);
    self->plan = plan;
    self->report = report;
    self->told = zlist_new ();
    assert (self->told);
    zlist_autofree (self->told);
    zlist_comparefn (self->told, (zlist_compare_fn *) strcmp);
    if (s_connects (plan) && zrelay_sockets_left (1))
        self->events = zsock_new_pull ("@" EVENTS);
    return self;
}

void
zrelay_links_destroy (zrelay_links_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_links_t *self = *self_p;
        zsock_destroy (&self->events);
        zlist_destroy (&self->told);
        freen (self);
        *self_p = NULL;
    }
}

const char *
zrelay_links_endpoint (zrelay_links_t *self)
{
    return self->events? EVENTS: NULL;
}

zsock_t *
zrelay_links_sock (zrelay_links_t *self)
{
    return self->events;
}

//  libzmq adds a path to an endpoint of ws

static size_t
s_size (const char *address)
{
    size_t size = strlen (address);
    return size > 0 && address [size - 1] == '/'? size - 1: size;
}

static bool
s_same (const char *one, const char *other)
{
    return s_size (one) == s_size (other)
        && strncmp (one, other, s_size (one)) == 0;
}

static bool
s_same_port (const char *one, const char *other)
{
    return strncmp (one, "tcp:", 4) == 0 && strncmp (other, "tcp:", 4) == 0
        && streq (strrchr (one, ':'), strrchr (other, ':'));
}

//  The plan's endpoint that an event is about, or NULL

static const char *
s_find (zrelay_links_t *self, const char *side, const char *endpoint,
        bool (*same) (const char *, const char *))
{
    int index = zrelay_plan_find_side (self->plan, side);
    if (index == -1)
        return NULL;
    zlistx_t *endpoints = self->plan->sides [index].endpoints;
    zrelay_plan_endpoint_t *item =
        (zrelay_plan_endpoint_t *) zlistx_first (endpoints);
    while (item && (item->bind || !same (item->address, endpoint)))
        item = (zrelay_plan_endpoint_t *) zlistx_next (endpoints);
    return item? item->address: NULL;
}

static void
s_print (zrelay_links_t *self, const char *side, const char *endpoint)
{
    if (zlist_exists (self->told, (void *) endpoint))
        return;
    zlist_append (self->told, (void *) endpoint);
    if (self->plan->quiet)
        return;
    char *line = zsys_sprintf ("%s: %s connected to %s",
                               zrelay_plan_name (self->plan), side, endpoint);
    assert (line);
    zrelay_report_print (self->report, line);
    zstr_free (&line);
}

static void
s_log (zrelay_links_t *self, const char *side, const char *endpoint,
       const char *state, const char *reason)
{
    size_t index = 0;
    while (index < OBSTACLES
       && (strneq (s_obstacles [index].state, state)
        || strneq (s_obstacles [index].reason, reason)))
        index++;
    if (index == OBSTACLES)
        return;
    (s_obstacles [index].warning? zsys_warning: zsys_info)
        ("%s: %s to %s: %s; it goes on trying", zrelay_plan_name (self->plan),
         side, endpoint, s_obstacles [index].sentence);
}

//  The frames are LINK, side, state, endpoint, reason

void
zrelay_links_handle (zrelay_links_t *self)
{
    char *words [FRAMES] = { NULL };
    zstr_recvx (self->events, &words [0], &words [1], &words [2], &words [3],
                &words [4], NULL);
    const char *endpoint = words [4]?
        s_find (self, words [1], words [3], s_same): NULL;
    if (!endpoint && words [4])
        endpoint = s_find (self, words [1], words [3], s_same_port);
    if (endpoint && streq (words [2], "connected"))
        s_print (self, words [1], endpoint);
    else
    if (endpoint)
        s_log (self, words [1], endpoint, words [2], words [4]);
    for (int index = 0; index < FRAMES; index++)
        zstr_free (&words [index]);
}
