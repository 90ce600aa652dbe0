/*  =========================================================================
    crew - clients and workers for relays that know their workers

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  crew.c brings requests through a relay to workers, and the replies back, and
//  takes the figures; contest.c lets several crews take turns, and compares;
//  work.c and scale.c say what is compared. guide_broker.c has relays to
//  compare with.

#ifndef CREW_H_INCLUDED
#define CREW_H_INCLUDED

#include "perf.h"

//  --------------------------------------------------------------------------
//  Relays to compare with: guide_broker.c. Actors that do not end; args is a
//  peer_relay_t, where they put what they have bound.

typedef struct {
    char ends [2] [PERF_ENDPOINT_SIZE];     //  Where to bind
    int heartbeat;                          //  Msecs between them, 0: none
} peer_relay_t;

//  A Majordomo 0.1 broker with the structure of the Guide's in C
void
    guide_broker (zsock_t *pipe, void *args);

//  Two ROUTERs, and the least recently used worker gets a request: receives
//  and sends, and does nothing else. What this costs is libzmq's part.
void
    bare_broker (zsock_t *pipe, void *args);
//  The same for Majordomo 0.1, and one service
void
    bare_majordomo (zsock_t *pipe, void *args);


//  --------------------------------------------------------------------------
//  How clients and workers speak to a relay: crew.c

//  Most frames of a message, without routing ids, and an end
#define FORM_FRAMES 8

//  Frames are strings, and these
extern const char form_service [], form_body [];

typedef struct {
    const char *name;           //  Of relay and protocol
    zactor_fn *relay;           //  The relay
    bool zrelay;                //  It takes zrelay's commands
    bool shared;                //  Clients and workers share its frontend
    const char *ready [FORM_FRAMES];        //  A worker's first message
    const char *beat [FORM_FRAMES];         //  And its heartbeats
    const char *request [FORM_FRAMES];      //  A client's request
    int frames;                 //  That a worker gets with a request
    int mark;                   //  The one of these that it changes, or -1
    const char *reply;          //  To this
} form_t;

//  All forms; the last one has no name
extern const form_t crew_forms [];

//  The form of that name, or NULL
const form_t *
    crew_form (const char *name);


//  --------------------------------------------------------------------------
//  A crew

typedef struct {
    const form_t *form;         //  Of the relay
    const char *transport;      //  "tcp" or "inproc"
    int clients;                //  Connections of clients
    int workers;                //  Connections of workers that get work
    int services;               //  That these serve, in turn
    int idle;                   //  Workers more, each of a service of its own
                                //  that nobody asks for
    int window;                 //  Requests under way, in all
    size_t size;                //  Bytes in a request
    int64_t requests;           //  In one run; 0: only look at the relay
    int msecs;                  //  For how long to look
    int heartbeat;              //  Msecs between heartbeats of the relay and of
                                //  each worker, 0: none
} crew_t;

typedef struct {
    double rate;                //  Requests a second
    double cpu;                 //  Nsecs of the relay's own thread for each
    double all;                 //  The same of all threads, those of the crew
                                //  and of libzmq too
    double share;               //  Percent of a core that the relay's thread
                                //  used
    double beats_in;            //  Heartbeats to the relay a second
    double beats_out;           //  And from it
    char error [80];            //  Why there are no figures, or empty
} toll_t;

//  Run a crew and its relay in this process, which is left with sockets and
//  threads, so has to be one of its own
void
    crew_run (const crew_t *crew, toll_t *toll);

//  Bring so many requests through the relay in batches of a window: the next
//  one begins when the last one is over. For programs that count instructions.
void
    crew_step (const crew_t *crew, toll_t *toll);


//  --------------------------------------------------------------------------
//  Crews side by side: contest.c

typedef struct {
    crew_t crew;                //  What is measured
    char label [64];            //  What it is called
    int peer;                   //  Place of the entry that it is compared with
    int floor;                  //  Place of the entry that does the same with
                                //  the least effort, -1: none
    double rate_least;          //  Bound of its rate to the peer's, 0: none
    double cpu_most;            //  And of its CPU time
} entry_t;

typedef struct {
    int rounds;                 //  How often each one runs
    const char *title;          //  Of the table
    const char *peer;           //  What entries are compared with, in words
    const char *csv;            //  A file for each run, or NULL
    bool looks;                 //  Crews have no requests
} contest_t;

//  Let all entries run in turn, round after round, each in a process of its
//  own. Prints medians of figures and of ratios, round by round. Returns the
//  number of runs that failed.
int
    contest_run (const contest_t *self, const entry_t *entries, int count);

//  Read "--name value" from the command line. names ends with NULL. Returns
//  false, and complains, if there is anything else.
typedef struct {
    const char *name;           //  With its dashes
    const char **value_p;       //  Where to put its value
} flag_t;
bool
    contest_flags (const flag_t *flags, int argc, char *argv []);

//  Whether a list with commas has this name
bool
    contest_chosen (const char *name, const char *list);

#endif
