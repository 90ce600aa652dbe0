/*  =========================================================================
    zrelay_engine_internal - what those that steer an engine need of it

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_ENGINE_INTERNAL_H_INCLUDED
#define ZRELAY_ENGINE_INTERNAL_H_INCLUDED

#include <zrelay.h>
#include "zrelay_side.h"
#include "zrelay_flow.h"
#include "zrelay_capture.h"

struct _zrelay_engine_t {
    const zrelay_kind_t *kind;      //  What this relay is
    char *name;                     //  Its name
    void *object;                   //  The kind's own state
    void *pipe;                     //  Brings commands; not ours; or NULL
    bool remote;                    //  From strangers, not an actor's owner
    int pipe_timer;                 //  Has the pipe looked at again, or 0
    bool borrowed;                  //  Sockets and thread are somebody else's
    FILE *log;                      //  Where such a relay logs, or NULL
    zloop_t *loop;                  //  What drives everything
    zrelay_side_t *sides [2];       //  By zrelay_side_id_t; backend or NULL
    zrelay_flow_t *flows [2];       //  By zrelay_flow_id_t; return or NULL
    zrelay_capture_t *capture;      //  Copies of what passes
    void *polled [2];               //  libzmq's sockets that the loop polls
    short events [2];               //  And for what
    void *monitors [2];             //  Peers' sockets that it watches
    int monitor_fds [2];            //  By these descriptors
    void *capturing;                //  A borrowed capture's socket, or NULL
    short capture_events;           //  What that is polled for
    bool paused;                    //  PAUSE was the last word
    bool draining;                  //  DRAIN was
    zmsg_t *drain_answer;           //  Its place in answers, until given
    int64_t drain_until;            //  When its time is over, by zclock_mono ()
    int drain_timer;                //  The loop's timer for that, or 0
    zlist_t *answers;               //  Those that could not be sent yet
    bool answers_blocked;           //  Because the pipe is full; it is polled
    zlist_t *tickers;               //  The kind's timers
    int wake_timer;                 //  Gives a turn though no poll tells, or 0
    int64_t wake_at;                //  When it will
    uint64_t spin;                  //  Usecs to look on before sleeping
    int64_t moved_at;               //  When messages moved last, in usecs
    uint64_t moved;                 //  How many had, ever
    bool exhausted;                 //  The process has no descriptors left
    bool verbose;                   //  Log commands
    bool terminated;                //  $TERM came
    bool interrupted;               //  A signal was caught in mid-turn
    int64_t started;                //  When, in msecs of zclock_mono ()
    char *error;                    //  Answer to ERROR
};

//  What a command handler returns if the answer is given later
#define ZRELAY_LATER -1

//  A relay between libzmq's sockets of somebody else, in that one's thread,
//  which closes none of them. backend may be the frontend, capture NULL.
zrelay_engine_t *
    zrelay_engine_borrow (const zrelay_kind_t *kind,
                          void *frontend, void *backend, void *capture);

void
    zrelay_engine_destroy (zrelay_engine_t **self_p);

//  Take commands from a libzmq socket, and answer there: an actor's pipe, or,
//  remote, one to which anybody may have connected. Their commands may name
//  no pointer and cannot end the relay; an answer to them is the status as a
//  string, and what a query tells, or a sentence if the status is not 0.
void
    zrelay_engine_listen (zrelay_engine_t *self, void *pipe, bool remote);

//  Log a sentence with the relay's name: through zsys_info (), zsys_warning ()
//  or zsys_error (), or, if it is borrowed, to its own log.
void
    zrelay_engine_log (zrelay_engine_t *self,
                       void (*log) (const char *format, ...),
                       const char *format, ...) CHECK_PRINTF (3);

//  Run until a command ends the relay, and return 0; or until polling fails,
//  and return -1 with errno: ETERM, EINTR, ENOTSOCK. Can be called again.
int
    zrelay_engine_loop (zrelay_engine_t *self);

//  Stop taking work; the answer is given when that is done, or after msecs.
void
    zrelay_engine_drain (zrelay_engine_t *self, size_t msecs);

//  Undo PAUSE and DRAIN.
void
    zrelay_engine_resume (zrelay_engine_t *self);

//  The relay's own option: spin. On failure the sentence for ERROR is kept.
//  zrelay_engine_get_option () sets *value_p to a fresh string.
zrelay_status_t
    zrelay_engine_set_option (zrelay_engine_t *self, const char *option,
                              const char *value);
zrelay_status_t
    zrelay_engine_get_option (zrelay_engine_t *self, const char *option,
                              char **value_p);

//  "idle", "active", "paused" or "draining"
const char *
    zrelay_engine_state (zrelay_engine_t *self);

//  Poll for what sides and flows want now. To be called after anything that
//  may have changed it; the loop does so after every event.
void
    zrelay_engine_watch (zrelay_engine_t *self);

#endif
