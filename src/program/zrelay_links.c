/*  =========================================================================
    zrelay_links - tells the user what becomes of relays' connections

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
#define FRAMES 6

struct _zrelay_links_t {
    zlistx_t *plans;            //  Say where relays connect; not ours
    zrelay_report_t *report;    //  Hears if that cannot be printed; not ours
    bool quiet;                 //  Print nothing
    zsock_t *events;            //  Where events arrive
    zlist_t *told;              //  Lines that were printed
};

//  What is in the way, by state and reason
static const struct {
    const char *state;
    const char *reason;
    const char *sentence;       //  Behind the endpoint
    zrelay_log_t level;         //  Whether it needs somebody
} s_obstacles [] = {
    { "unresolved", "", "there is no host of that name", ZRELAY_LOG_WARNING },
    { "refused", "auth", "the other end does not let this relay in", ZRELAY_LOG_WARNING },
    { "refused", "protocol", "the handshake failed: this is no ZeroMQ, or the"
      " two ends have different security", ZRELAY_LOG_WARNING },
    { "refused", "other", "the handshake was refused: a server with CURVE does"
      " so if the relay has no key, or a wrong one of the server", ZRELAY_LOG_WARNING },
    { "unreachable", "", "nobody answers there yet", ZRELAY_LOG_INFO },
    { "disconnected", "", "the connection has ended", ZRELAY_LOG_INFO }
};
#define OBSTACLES (sizeof (s_obstacles) / sizeof (*s_obstacles))

zrelay_links_t *
zrelay_links_new (zrelay_report_t *report, bool quiet)
{
    if (!zrelay_sockets_left (1))
        return NULL;
    zrelay_links_t *self = (zrelay_links_t *) zmalloc (sizeof (zrelay_links_t));
    assert (self);
    self->report = report;
    self->quiet = quiet;
    self->plans = zlistx_new ();
    self->told = zlist_new ();
    assert (self->plans && self->told);
    zlist_autofree (self->told);
    zlist_comparefn (self->told, (zlist_compare_fn *) strcmp);
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
        zlistx_destroy (&self->plans);
        zlist_destroy (&self->told);
        freen (self);
        *self_p = NULL;
    }
}

void
zrelay_links_add (zrelay_links_t *self, zrelay_plan_t *plan)
{
    zlistx_add_end (self->plans, plan);
}

void
zrelay_links_purge (zrelay_links_t *self)
{
    if (self)
        zlistx_purge (self->plans);
}

const char *
zrelay_links_endpoint (zrelay_links_t *self)
{
    return self && self->events? EVENTS: NULL;
}

zsock_t *
zrelay_links_sock (zrelay_links_t *self)
{
    return self? self->events: NULL;
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

static zrelay_plan_t *
s_plan (zrelay_links_t *self, const char *relay)
{
    zrelay_plan_t *plan = (zrelay_plan_t *) zlistx_first (self->plans);
    while (plan && strneq (zrelay_plan_name (plan), relay))
        plan = (zrelay_plan_t *) zlistx_next (self->plans);
    return plan;
}

//  A plan's endpoint that an event is about, or NULL

static const char *
s_find (zrelay_plan_t *plan, const char *side, const char *endpoint,
        bool (*same) (const char *, const char *))
{
    int index = zrelay_plan_find_side (plan, side);
    if (index == -1)
        return NULL;
    zlistx_t *endpoints = plan->sides [index].endpoints;
    zrelay_plan_endpoint_t *item =
        (zrelay_plan_endpoint_t *) zlistx_first (endpoints);
    while (item && (item->bind || !same (item->address, endpoint)))
        item = (zrelay_plan_endpoint_t *) zlistx_next (endpoints);
    return item? item->address: NULL;
}

//  The endpoint as its user gave it. One that others have added is in no plan.

static const char *
s_given (zrelay_links_t *self, const char *relay, const char *side,
         const char *endpoint)
{
    zrelay_plan_t *plan = s_plan (self, relay);
    const char *given = plan? s_find (plan, side, endpoint, s_same): NULL;
    if (plan && !given)
        given = s_find (plan, side, endpoint, s_same_port);
    return given? given: endpoint;
}

bool
zrelay_links_makes (zrelay_links_t *self, const char *relay, const char *side,
                    const char *endpoint)
{
    zrelay_plan_t *plan = self? s_plan (self, relay): NULL;
    return plan && s_find (plan, side, endpoint, s_same);
}

static void
s_print (zrelay_links_t *self, const char *relay, const char *side,
         const char *endpoint)
{
    char *line = zsys_sprintf ("%s: %s connected to %s", relay, side,
                               endpoint);
    assert (line);
    if (!self->quiet && !zlist_exists (self->told, line)) {
        zlist_append (self->told, line);
        zrelay_report_print (self->report, line);
    }
    zstr_free (&line);
}

static void
s_log (const char *relay, const char *side, const char *endpoint,
       const char *state, const char *reason)
{
    size_t index = 0;
    while (index < OBSTACLES
       && (strneq (s_obstacles [index].state, state)
        || strneq (s_obstacles [index].reason, reason)))
        index++;
    if (index == OBSTACLES)
        return;
    zrelay_printer_log (s_obstacles [index].level,
        "%s: %s to %s: %s; it goes on trying", relay, side, endpoint,
        s_obstacles [index].sentence);
}

//  The frames are LINK, side, state, endpoint, reason, relay

void
zrelay_links_handle (zrelay_links_t *self)
{
    char *words [FRAMES] = { NULL };
    zstr_recvx (self->events, &words [0], &words [1], &words [2], &words [3],
                &words [4], &words [5], NULL);
    const char *endpoint = words [5]?
        s_given (self, words [5], words [1], words [3]): NULL;
    if (endpoint && streq (words [2], "connected"))
        s_print (self, words [5], words [1], endpoint);
    else
    if (endpoint)
        s_log (words [5], words [1], endpoint, words [2], words [4]);
    for (int index = 0; index < FRAMES; index++)
        zstr_free (&words [index]);
}
