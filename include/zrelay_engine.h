/*  =========================================================================
    zrelay_engine - moves messages between two sockets; what kinds are made of

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_ENGINE_H_INCLUDED
#define ZRELAY_ENGINE_H_INCLUDED

#include "zrelay_library.h"

#ifdef __cplusplus
extern "C" {
#endif

//  @interface
//  A kind of relay is a description, zrelay_kind_t, and an actor function of
//  three lines that runs the engine with it:
//
//      static const zrelay_kind_t s_kind = {
//          .name = "streamer",
//          .frontend = { .types = "PULL" },
//          .backend  = { .types = "PUSH" },
//      };
//
//      void
//      my_streamer (zsock_t *pipe, void *args)
//      {
//          zrelay_engine_run (&s_kind, pipe, args);
//      }
//
//  and zactor_new (my_streamer, NULL) starts it. The kinds of this library
//  are written against this header alone, and so is yours.
//
//  Threads: everything a kind provides - create, destroy, handlers, command
//  handlers, stats, timers - is called on the relay's own thread, one call at
//  a time, never after destroy. None of them may wait: no sleep, no lock that
//  is held for long, no blocking receive. Time they take is time the whole
//  relay stands still. They may use CZMQ freely, but must not close the
//  relay's sockets, nor send on or receive from them except through
//  zrelay_engine_send ().

typedef struct _zrelay_engine_t zrelay_engine_t;

//  A side is one of the relay's two sockets with its endpoints and options
typedef enum {
    ZRELAY_FRONTEND = 0,        //  Towards clients, publishers, pushers
    ZRELAY_BACKEND = 1          //  Towards workers, subscribers, pullers
} zrelay_side_id_t;

//  A flow is one direction of travel, named for where it leads
typedef enum {
    ZRELAY_FORWARD = 0,         //  Frontend to backend
    ZRELAY_RETURN = 1           //  Backend to frontend
} zrelay_flow_id_t;

//  What a handler wants done with the message it was shown
typedef enum {
    ZRELAY_PASS = 0,            //  Send it on, the way it was going
    ZRELAY_ANSWER = 1,          //  Send it back to the side it came from
    ZRELAY_DROP = 2             //  Forget it; counted as dropped
} zrelay_verdict_t;

//  Handler of one flow's messages, of a kind or of a FILTER command.
//
//  msg_p points to the message, frames as the socket gave them: from a ROUTER
//  the first frame is the peer's routing id, and to a ROUTER the first frame
//  must be one. The handler may change the message, or destroy it and put
//  another in its place. The engine owns whatever msg_p points to when the
//  handler returns; NULL, or a message without frames, counts as
//  ZRELAY_DROP. arg is the kind's object (what create returned), or the
//  argument of the FILTER command.
//
//  A flow that has a handler gets whole messages with their frames copied;
//  one that has none is passed through frame by frame, without copies.
typedef zrelay_verdict_t (zrelay_handler_fn) (zmsg_t **msg_p, void *arg);

//  Handler of a command. argv holds argc strings, the command's name not
//  among them; they are the caller's until the handler returns. Returns a
//  status; any but ZRELAY_DONE through zrelay_engine_fail (), which keeps the
//  sentence for ERROR. A query adds the frames of its answer to answer; for
//  other commands answer is NULL. object is what the kind's create returned.
//  A command that is refused must have changed nothing.
typedef int (zrelay_command_fn) (zrelay_engine_t *engine, void *object,
                                 size_t argc, char **argv, zmsg_t *answer);

//  One command. The number of arguments that a caller may give is read from
//  args: a word is one argument, words in brackets are optional, and "..."
//  after a word lets it be repeated. "side endpoint" takes two, "[topic ...]"
//  any number. An argument written "side" or "flow" is checked by the engine
//  before the handler sees it.
typedef struct {
    const char *name;           //  Name, in capitals
    const char *args;           //  Arguments as HELP shows them, or ""
    const char *help;           //  One line for HELP
    zrelay_command_fn *handler; //  Does it
    bool query;                 //  Answered with a message, not a status
} zrelay_command_t;

//  One side of a kind
typedef struct {
    const char *types;          //  Names of the socket types that may be used,
                                //  separated by commas; where there is one, the
                                //  socket exists from the start, else FRONTEND
                                //  or BACKEND chooses it. NULL: no such side
    const char *options;        //  Settings made on each new socket, as in SET:
                                //  "sndhwm=0,linger=100", or NULL
} zrelay_side_spec_t;

//  Every socket type that a relay can use, for zrelay_side_spec_t.types
#define ZRELAY_ANY_TYPE \
    "PAIR,PUB,SUB,REQ,REP,DEALER,ROUTER,PULL,PUSH,XPUB,XSUB"

//  The description of a kind. Members that are not set do nothing.
typedef struct {
    const char *name;               //  Name in STATS and in logs
    zrelay_side_spec_t frontend;    //  The two sides
    zrelay_side_spec_t backend;
    zrelay_handler_fn *on_forward;  //  Sees what the frontend received
    zrelay_handler_fn *on_return;   //  Sees what the backend received

    //  Makes the kind's object, once the sides exist and before any command
    //  or message. It is handed to handlers, commands, stats and destroy.
    void *(*create) (zrelay_engine_t *engine);
    void (*destroy) (void **object_p);

    //  Commands besides the engine's own, ended by one without a name. One
    //  with the name of an engine's command takes its place.
    const zrelay_command_t *commands;

    //  Adds counters of the kind's own to the answer to STATS, with
    //  zrelay_engine_stat ()
    void (*stats) (void *object, zmsg_t *answer);
} zrelay_kind_t;

//  Run a relay of this kind on the calling thread until $TERM arrives on the
//  pipe. For use in an actor function. args is NULL or a string that names
//  the relay in logs and statistics; it is copied. kind must outlive the call.
ZRELAY_EXPORT void
    zrelay_engine_run (const zrelay_kind_t *kind, zsock_t *pipe, void *args);

//  Send a message to one side, outside the usual course of a flow: an answer
//  made later, a heartbeat, a request kept back until a worker was there.
//  Never waits. Takes the message and nulls *msg_p if it returns 0. Returns
//  -1 and leaves the message with the caller, errno telling why:
//      EAGAIN       that side can take nothing now (for a ROUTER: this peer)
//      EHOSTUNREACH a ROUTER has no such peer, or the message no routing id
//      ENOTSOCK     that side does not exist or cannot send
ZRELAY_EXPORT int
    zrelay_engine_send (zrelay_engine_t *self, zrelay_side_id_t side,
                        zmsg_t **msg_p);

//  Stop (hold true) or let go on (hold false) the reading of one flow. While
//  held, messages queue up in the socket to its high-water mark.
ZRELAY_EXPORT void
    zrelay_engine_hold (zrelay_engine_t *self, zrelay_flow_id_t flow,
                        bool hold);

//  Call handler every msecs milliseconds with the kind's object, for as long
//  as the relay lives.
ZRELAY_EXPORT void
    zrelay_engine_every (zrelay_engine_t *self, size_t msecs,
                         void (*handler) (void *object));

//  Keep a sentence for ERROR, made as by printf, and return status. To be
//  used as the last line of a command handler that refuses. The sentence says
//  what was wrong and what is allowed.
ZRELAY_EXPORT int
    zrelay_engine_fail (zrelay_engine_t *self, int status,
                        const char *format, ...) CHECK_PRINTF (3);

//  Add a counter to an answer to STATS.
ZRELAY_EXPORT void
    zrelay_engine_stat (zmsg_t *answer, const char *name, uint64_t value);

//  The relay's name: what was given as args, else the name of its kind.
ZRELAY_EXPORT const char *
    zrelay_engine_name (zrelay_engine_t *self);

//  The kind's object, as create returned it.
ZRELAY_EXPORT void *
    zrelay_engine_object (zrelay_engine_t *self);

//  libzmq's socket of one side, for zmq_getsockopt () or zsock's functions
//  that ask for options; NULL if it does not exist. It remains the engine's.
ZRELAY_EXPORT void *
    zrelay_engine_socket (zrelay_engine_t *self, zrelay_side_id_t side);

//  Self test of this class
ZRELAY_EXPORT void
    zrelay_engine_test (bool verbose);
//  @end

#ifdef __cplusplus
}
#endif

#endif
