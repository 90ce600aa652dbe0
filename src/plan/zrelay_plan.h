/*  =========================================================================
    zrelay_plan - what the program is to run

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_PLAN_H_INCLUDED
#define ZRELAY_PLAN_H_INCLUDED

#include "zrelay_report.h"

//  A plan describes one relay as its user wants it. The command line fills it
//  in, or a file, of which it then knows where each wish stands; the parts that
//  start and serve the relay read it. All strings and lists are the plan's.

//  An endpoint, given as [TYPE][@|>]ADDRESS
typedef struct {
    char *type;                 //  Type of the socket, or NULL: the kind's
    bool bind;                  //  Or else connect
    char *address;              //  What libzmq gets
    zrelay_place_t place;       //  Where it is in the file
} zrelay_plan_endpoint_t;

//  An option to be set, given as PLACE.OPTION=VALUE
typedef struct {
    char *place;                //  A side, a flow, or the relay
    char *option;               //  Name of the option
    char *value;                //  May be empty
    zrelay_place_t at;          //  Where it is in the file
} zrelay_plan_setting_t;

//  A rule about topics
typedef struct {
    const char *rule;           //  "only", "except" or "rename"
    char *topic;                //  What it is about
    char *to;                   //  What takes its place, or NULL
    zrelay_place_t place;       //  Where it is in the file
} zrelay_plan_rule_t;

//  A topic that the relay itself subscribes to
typedef struct {
    char *text;                 //  May be empty, for everything
    zrelay_place_t place;       //  Where it is in the file
} zrelay_plan_topic_t;

//  Any other command of the relay
typedef struct {
    char *name;                 //  In capitals
    char *arguments;            //  Words, separated by spaces
    bool whole;                 //  Or one word, which may have spaces
    zrelay_place_t place;       //  Where it is in the file
} zrelay_plan_command_t;

//  Where in the file an option is that is not of a list
typedef struct {
    char *option;               //  Its name
    zrelay_place_t place;       //  Where it is
} zrelay_plan_note_t;

//  One side of the relay
typedef struct {
    const char *name;           //  "frontend" or "backend"
    zlistx_t *endpoints;        //  zrelay_plan_endpoint_t
    bool guarded;               //  Named as one that security applies to
} zrelay_plan_side_t;

//  Number of sides; zrelay_side_id_t counts them from 0
#define ZRELAY_PLAN_SIDES 2

//  Milliseconds that the relay has to finish, unless the user says otherwise
#define ZRELAY_PLAN_DRAIN 1000

typedef struct {
    const zrelay_kind_t *kind; //  Kind of relay, or NULL so far
    char *name;                 //  Its name, or NULL: that of its kind
    zrelay_plan_side_t sides [ZRELAY_PLAN_SIDES];   //  By zrelay_side_id_t
    zlistx_t *settings;         //  zrelay_plan_setting_t
    zlistx_t *topics;           //  zrelay_plan_topic_t
    zlistx_t *commands;         //  zrelay_plan_command_t
    zlistx_t *rules;            //  zrelay_plan_rule_t
    zrelay_plan_endpoint_t *capture;    //  Where copies go, or NULL
    char *prefixes [ZRELAY_PLAN_SIDES]; //  What these begin with, by flow, or
                                        //  NULL
    size_t drain;               //  Milliseconds to finish in; 0: end at once
    size_t io_threads;          //  Threads for input and output, or 0: as
                                //  many as CZMQ takes
    char *curve;                //  File of the relay's certificate, or NULL
    char *clients;              //  Directory of those of clients, "any", NULL
    char *server;               //  File of that of the server, or NULL
    char *plain;                //  File of names and passwords, or NULL
    char *user;                 //  USER or USER:GROUP to become, or NULL
    char *pid_file;             //  File for the PID, or NULL
    char *runtime_dir;          //  Directory to make, or NULL
    char *permit;               //  File that says who may do what, or NULL
    zlist_t *allow;             //  IP networks that are let in
    zlist_t *deny;              //  IP networks that are not
    bool revoke_cuts;           //  Connections end when a peer is taken off a
                                //  list
    char *metrics;              //  HOST:PORT of the HTTP server, or NULL: none
    char *metrics_steer;        //  File with the token that steers, or NULL
    bool core;                  //  Core files may have secrets
    bool zmtp1;                 //  Peers may speak ZMTP 1.0
    bool verbose;               //  Log commands, print statistics at the end
    bool quiet;                 //  Print and log nothing but failures
    char *control;              //  Where others steer, or NULL
    char *control_curve;        //  File of the certificate there, or NULL
    char *control_clients;      //  Directory of those of its clients, or NULL
    char *file;                 //  Where the plan was read, or NULL
    zrelay_place_t place;       //  Where it begins there
    zlistx_t *notes;            //  zrelay_plan_note_t
} zrelay_plan_t;

//  A plan without a kind, which asks for nothing but defaults.
zrelay_plan_t *
    zrelay_plan_new (void);

void
    zrelay_plan_destroy (zrelay_plan_t **self_p);

//  What the relay is called: its name, or that of its kind.
const char *
    zrelay_plan_name (zrelay_plan_t *self);

//  The side of that name, "frontend" or "backend", as a zrelay_side_id_t; -1 if
//  there is none.
int
    zrelay_plan_find_side (zrelay_plan_t *self, const char *name);

//  What the kind says about one of its sides.
const zrelay_side_spec_t *
    zrelay_plan_spec (zrelay_plan_t *self, zrelay_side_id_t side);

//  True if the kind has that side; and if it leaves the type of that side's
//  socket to the user.
bool
    zrelay_plan_has_side (zrelay_plan_t *self, zrelay_side_id_t side);
bool
    zrelay_plan_type_is_open (zrelay_plan_t *self, zrelay_side_id_t side);

//  The type of that side's socket, where the kind does not leave it to the
//  user, or the user has named it; otherwise a list of those it can be.
const char *
    zrelay_plan_type (zrelay_plan_t *self, zrelay_side_id_t side);

//  The types that the kind allows for that side's socket, for people, such as
//  "PULL" or "SUB, XSUB or PULL". The caller frees the string with
//  zstr_free ().
char *
    zrelay_plan_types (zrelay_plan_t *self, zrelay_side_id_t side);

//  Add an endpoint to a side. text is [TYPE][@|>]ADDRESS: it is bound with "@"
//  and without a mark, and connected with ">". Returns the endpoint, whose
//  address may turn out to be empty.
zrelay_plan_endpoint_t *
    zrelay_plan_add_endpoint (zrelay_plan_t *self, zrelay_side_id_t side,
                              const char *text);

//  Add a rule about topics. text is TOPIC, or, for "rename", FROM=TO, where the
//  last equals sign counts. Returns it, or NULL if text does not have that
//  form.
zrelay_plan_rule_t *
    zrelay_plan_add_rule (zrelay_plan_t *self, const char *rule,
                          const char *text);

//  The flow of messages with topics, "forward" or "return": from where the
//  relay subscribes.
const char *
    zrelay_plan_topical_flow (zrelay_plan_t *self);

//  Say where copies go. text is as for an endpoint, but it is connected without
//  a mark. Returns it.
zrelay_plan_endpoint_t *
    zrelay_plan_set_capture (zrelay_plan_t *self, const char *text);

//  Say how copies begin. text is FORWARD,RETURN. Returns 0, or -1 if it does
//  not have that form.
int
    zrelay_plan_set_prefixes (zrelay_plan_t *self, const char *text);

//  Add an option to be set. text is PLACE.OPTION=VALUE. Returns 0, or -1 if
//  text does not have that form.
int
    zrelay_plan_add_setting (zrelay_plan_t *self, const char *text);

//  True if the user sets that option.
bool
    zrelay_plan_sets (zrelay_plan_t *self, const char *place,
                      const char *option);

//  True if no other machine can reach that side.
bool
    zrelay_plan_is_local (zrelay_plan_t *self, zrelay_side_id_t side);

//  Add an option to be set, by its parts.
zrelay_plan_setting_t *
    zrelay_plan_set (zrelay_plan_t *self, const char *place,
                     const char *option, const char *value);

//  Add a subscription, or a command.
zrelay_plan_topic_t *
    zrelay_plan_add_topic (zrelay_plan_t *self, const char *text);
zrelay_plan_command_t *
    zrelay_plan_add_command (zrelay_plan_t *self, const char *name,
                             const char *arguments);

//  Note where an option is. path is copied.
void
    zrelay_plan_note (zrelay_plan_t *self, const char *option, size_t line,
                      const char *path);

//  Where an option is, or else the whole plan; what begins an option's name in
//  a sentence, which is "--" for the command line's.
const zrelay_place_t *
    zrelay_plan_place (zrelay_plan_t *self, const char *option);
const char *
    zrelay_plan_dashes (zrelay_plan_t *self);

//  Fill in a place.
void
    zrelay_place_set (zrelay_place_t *self, size_t line, const char *path);

//  True if an endpoint of that side is to be bound, or connected.
bool
    zrelay_plan_binds (zrelay_plan_t *self, zrelay_side_id_t side);
bool
    zrelay_plan_connects (zrelay_plan_t *self, zrelay_side_id_t side);

//  True if a setting limits messages, so that peers may be strangers.
bool
    zrelay_plan_limits (zrelay_plan_t *self);

//  The names of all kinds of a table, for a sentence, as a fresh string.
char *
    zrelay_plan_kind_names (const zrelay_kind_t *const *kinds);

#endif
