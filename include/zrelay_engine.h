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
#include "zrelay_message.h"
#include "zrelay_printer.h"

#ifdef __cplusplus
extern "C" {
#endif

//  @interface
//  A kind of relay is a description, zrelay_kind_t:
//
//      static const zrelay_kind_t s_kind = {
//          ZRELAY_KIND,
//          .name = "streamer",
//          .frontend = { .types = "PULL" },
//          .backend = { .types = "PUSH" },
//      };
//
//  zrelay_engine_spawn (&s_kind, "orders") starts such a relay as an actor, and
//  zrelay_main () (see zrelay_main.h) makes a program of it. The kinds of this
//  library are written against this header alone, and so is yours.
//
//  Threads: every function that a kind provides is called on the relay's own
//  thread, one call at a time, never before create nor after destroy. None of
//  them may wait: no sleep, no lock that is held for long, no blocking receive.
//  While such a function runs, the whole relay stands still. These functions
//  may use CZMQ freely, but must not close the relay's sockets, nor send to or
//  receive from them except through this header.
//
//  Growth: structures that a kind fills in begin with their size, which the
//  macros ZRELAY_KIND, ZRELAY_COMMAND, ZRELAY_SETTING and ZRELAY_COUNTER set.
//  Later versions only add members at their ends and read no more of a
//  structure than its size; members that an older kind does not have count as
//  0. So a kind that was compiled with an older header runs on.
//
//  C++ has no designated initializers before C++20. In C++17, fill in an empty
//  description member by member; it needs to outlive only the call that takes
//  it:
//
//      zrelay_kind_t kind = {};
//      kind.size = sizeof (kind);
//      kind.name = "streamer";
//      kind.frontend.types = "PULL";
//      kind.backend.types = "PUSH";
//      zactor_t *relay = zrelay_engine_spawn (&kind, "orders");

typedef struct _zrelay_engine_t zrelay_engine_t;

//  A side is one of the relay's two sockets with its endpoints and options
typedef enum {
    ZRELAY_SIDE_FRONTEND = 0,   //  Towards clients, publishers, pushers
    ZRELAY_SIDE_BACKEND = 1     //  Towards workers, subscribers, pullers
} zrelay_side_id_t;

//  A flow is one direction of travel, named for where it leads
typedef enum {
    ZRELAY_FLOW_FORWARD = 0,    //  Frontend to backend
    ZRELAY_FLOW_RETURN = 1      //  Backend to frontend
} zrelay_flow_id_t;

//  What the relay does, as STATE reports it
typedef enum {
    ZRELAY_STATE_IDLE = 0,      //  A side has no endpoint
    ZRELAY_STATE_ACTIVE = 1,    //  Messages move
    ZRELAY_STATE_PAUSED = 2,    //  PAUSE was given
    ZRELAY_STATE_DRAINING = 3   //  DRAIN was given, and no RESUME since
} zrelay_state_t;

//  What a handler wants done with the message that it was shown
typedef enum {
    ZRELAY_VERDICT_PASS = 0,    //  Send it on, the way it was going
    ZRELAY_VERDICT_ANSWER = 1,  //  Send it back to the side it came from
    ZRELAY_VERDICT_DROP = 2,    //  Forget it; counted as dropped
    ZRELAY_VERDICT_KEPT = 3     //  The kind has taken its frames; not counted
} zrelay_verdict_t;

//  What became of a message that a kind sent
typedef enum {
    ZRELAY_SEND_DONE = 0,       //  The socket has all of it
    ZRELAY_SEND_FULL = 1,       //  That side, or this peer of a ROUTER, has no
                                //  room now; the message is the caller's
    ZRELAY_SEND_UNROUTABLE = 2, //  A ROUTER has no such peer, or there is no
                                //  routing id; the message is the caller's
    ZRELAY_SEND_REFUSED = 3,    //  That side does not exist, or cannot send
                                //  this; the message is the caller's
    ZRELAY_SEND_LOST = 4        //  The peer vanished after the first frame; the
                                //  message is gone, and counted as dropped. A
                                //  ROUTER does not report this (libzmq)
} zrelay_send_t;

//  Whether a flow reads from its input
typedef enum {
    ZRELAY_READING_ON = 0,      //  It does
    ZRELAY_READING_OFF = 1,     //  It does not; messages wait in the socket, up
                                //  to its high-water mark
    ZRELAY_READING_TO_END = 2   //  It does until the input is empty, then no
                                //  more: this is how a flow drains
} zrelay_reading_t;


//  --------------------------------------------------------------------------
//  What a kind provides

//  Handler of one flow's messages. The message's frames are as the socket gave
//  them: from a ROUTER the first frame is the peer's routing id, and to a
//  ROUTER the first frame must be one. The handler may change the message; the
//  engine owns it, and reuses it after the call. object is what create
//  returned, or the argument of the FILTER command. A message without frames
//  counts as ZRELAY_VERDICT_DROP. To keep a message, take its frames with
//  zrelay_message_take () and return ZRELAY_VERDICT_KEPT.
typedef zrelay_verdict_t (zrelay_message_fn) (zrelay_engine_t *engine,
    void *object, zrelay_message_t *message);

//  The same with a zmsg, for convenience: its frames are copies, which costs
//  some hundred nanoseconds for each message. The handler may change *msg_p or
//  replace it; the engine owns what it points to when the handler returns.
//  NULL, or a message without frames, counts as ZRELAY_VERDICT_DROP. A handler
//  that returns ZRELAY_VERDICT_KEPT owns the message. zframe_meta () finds the
//  peer's properties, best in the last frame (a ROUTER's routing id may have
//  none).
typedef zrelay_verdict_t (zrelay_zmsg_fn) (zrelay_engine_t *engine,
    void *object, zmsg_t **msg_p);

//  The function of a FILTER command, in its usual form: a zrelay_zmsg_fn
//  without an engine. arg is the argument of the command. A filter cannot keep
//  messages: ZRELAY_VERDICT_KEPT counts as ZRELAY_VERDICT_DROP.
typedef zrelay_verdict_t (zrelay_filter_fn) (zmsg_t **msg_p, void *arg);

//  Handler of a command. argv holds argc strings, the command's name not among
//  them; they are the caller's until the handler returns. Returns
//  ZRELAY_STATUS_DONE, or another status through zrelay_engine_fail (), which
//  keeps the sentence for ERROR, or ZRELAY_STATUS_LATER, see
//  zrelay_engine_defer (). A query adds the frames of its answer to answer; for
//  other commands answer is NULL. A command that is refused must have changed
//  nothing.
typedef int (zrelay_command_fn) (zrelay_engine_t *engine, void *object,
    size_t argc, char **argv, zmsg_t *answer);

//  What is special about a command
#define ZRELAY_COMMAND_QUERY    1   //  It is answered with a message, at once
#define ZRELAY_COMMAND_OWNER    2   //  Only the actor's owner may give it, no
                                    //  stranger at a control socket
#define ZRELAY_COMMAND_SECRET   4   //  Its arguments are never repeated, in no
                                    //  sentence and no log

//  One command. The number of arguments that a caller may give is read from
//  args: a word is one argument, words in brackets are optional, and "..."
//  after a word lets it be repeated. "side endpoint" takes two, "[topic ...]"
//  any number. An argument written "side" or "flow" is checked by the engine
//  before the handler sees it; one that begins with "*" is a pointer, which is
//  sent as its bytes. Any frame may have as many, so such a command should be
//  ZRELAY_COMMAND_OWNER, and have a function that gives it. A table of commands
//  ends with one without a name.
typedef struct {
    size_t size;                //  Set by ZRELAY_COMMAND
    const char *name;           //  Name, in capitals
    const char *args;           //  Arguments as HELP shows them, or ""
    const char *help;           //  One line for HELP
    zrelay_command_fn *handler; //  Carries it out
    unsigned flags;             //  ZRELAY_COMMAND_..., or 0
} zrelay_command_t;
#define ZRELAY_COMMAND .size = sizeof (zrelay_command_t)

//  What is special about an option
#define ZRELAY_SETTING_OWNER    1   //  Only the actor's owner may set it, no
                                    //  stranger at a control socket: it names a
                                    //  file, say

//  One option of a kind, for SET RELAY and GET RELAY. Most are numbers that the
//  engine checks and stores in the kind's object. A table of settings ends with
//  one without a name.
typedef struct {
    size_t size;                //  Set by ZRELAY_SETTING
    const char *name;           //  Name, in small letters
    const char *help;           //  One line for HELP; names the unit
    size_t offset;              //  Where in the object its int64_t is; that has
                                //  the default when create returns, and HELP
                                //  shows this
    int64_t least;              //  Smallest value
    int64_t most;               //  Largest value
    const char *const *words;   //  NULL, or words ended by NULL: the value is
                                //  one of them, and the int64_t its place
    //  Called when the int64_t was set, or NULL
    void (*changed) (zrelay_engine_t *engine, void *object);
    //  For what is not a number or a word; NULL: it is. set returns a status as
    //  a command's handler does; get returns a fresh string.
    int (*set) (zrelay_engine_t *engine, void *object, const char *value);
    char *(*get) (zrelay_engine_t *engine, void *object);
    unsigned flags;             //  ZRELAY_SETTING_..., or 0
} zrelay_setting_t;
#define ZRELAY_SETTING .size = sizeof (zrelay_setting_t)

//  What is special about a counter
#define ZRELAY_COUNTER_GAUGE    1   //  It tells how many there are now, and so
                                    //  is left alone by RESET

//  One counter of a kind: an uint64_t in its object, which STATS reports and
//  RESET sets to zero. The name consists of letters, digits, "_" and dots
//  between parts; no name is the beginning of another one up to a dot. A table
//  of counters ends with one without a name.
typedef struct {
    size_t size;                //  Set by ZRELAY_COUNTER
    const char *name;           //  Name in STATS, such as "requests.late"
    size_t offset;              //  Where in the object its uint64_t is
    unsigned flags;             //  ZRELAY_COUNTER_..., or 0
} zrelay_counter_t;
#define ZRELAY_COUNTER .size = sizeof (zrelay_counter_t)

//  One side of a kind. This structure is part of others and does not grow.
typedef struct {
    const char *types;          //  Names of the socket types that may be used,
                                //  separated by commas; where there is one, the
                                //  socket exists from the start, else FRONTEND
                                //  or BACKEND chooses it. NULL: no such side
    const char *options;        //  Settings made on each new socket, as in SET:
                                //  "sndhwm=0,maxmsgsize=1000", or NULL
    const char *endpoint;       //  Where the program attaches this side unless
                                //  its user says otherwise, after "@" (bind) or
                                //  ">" (connect); NULL: the user must say
    const char *peers;          //  The sockets at the other end, for people:
                                //  "REQ and DEALER clients", or NULL
} zrelay_side_spec_t;

//  Every socket type that a relay can use, for zrelay_side_spec_t.types
#define ZRELAY_ANY_TYPE \
    "PAIR,PUB,SUB,REQ,REP,DEALER,ROUTER,PULL,PUSH,XPUB,XSUB"

//  What pending returns if the kind does not know
#define ZRELAY_PENDING_UNKNOWN SIZE_MAX

//  The description of a kind. Members that are not set do nothing. An option
//  that a side refuses is the programmer's mistake: it ends the program, with
//  the sentence that SET would give.
typedef struct _zrelay_kind_t {
    size_t size;                    //  Set by ZRELAY_KIND
    const char *name;               //  Name in STATS and in logs: letters,
                                    //  digits, "_", "-", "."; at most 127
    const char *help;               //  What it does, for people: "shares
                                    //  requests among workers"
    zrelay_side_spec_t frontend;    //  The two sides
    zrelay_side_spec_t backend;

    //  Makes the kind's object, once the sides exist and before any command or
    //  message. Everything below gets it. The object is not shared.
    void *(*create) (zrelay_engine_t *engine);
    void (*destroy) (void **object_p);

    //  Handlers of what the frontend received (forward) and of what the
    //  backend received (return), each in one of the two forms. A flow without
    //  a handler passes messages through, frame by frame, without copies.
    zrelay_message_fn *on_forward;
    zrelay_message_fn *on_return;
    zrelay_zmsg_fn *on_forward_zmsg;
    zrelay_zmsg_fn *on_return_zmsg;

    //  A peer of a ROUTER side has gone: its connection has ended, and all that
    //  it had sent was handled, so while its flow does not read this waits.
    //  Called once for each connection from which a message had come, with the
    //  peer's routing id, and before the first message of another connection
    //  with the same id. Peers that connect by inproc have no connections, and
    //  are never reported.
    void (*on_gone) (zrelay_engine_t *engine, void *object,
                     zrelay_side_id_t side, const void *id, size_t size);

    //  The relay was paused, resumed (active) or told to drain. A kind that
    //  has this function decides for itself which flows read meanwhile, see
    //  zrelay_engine_set_reading (): the engine stops none and resumes none,
    //  so heartbeats can go on while work is paused.
    void (*on_state) (zrelay_engine_t *engine, void *object,
                      zrelay_state_t state);

    //  How much work the kind has inside: requests that it keeps, replies that
    //  it awaits; ZRELAY_PENDING_UNKNOWN: it keeps no account now, as if it did
    //  not have this function. DRAIN waits until there is none. Without on_state, DRAIN
    //  stops the reading of a kind's forward flow only, so that replies go on.
    size_t (*pending) (zrelay_engine_t *engine, void *object);

    const zrelay_command_t *commands;   //  Besides the engine's own. One with
                                        //  the name of an engine's command
                                        //  takes its place
    const zrelay_setting_t *settings;   //  Options of its own
    const zrelay_counter_t *counters;   //  Counters of its own
    const char *const *reasons;         //  Why it drops messages, ended by
                                        //  NULL; each is counted by its name,
                                        //  "expired" as forward.dropped_expired

    //  Adds to the answer to STATS what no table can describe, such as counts
    //  of each worker, with zrelay_engine_stat () and its like; and sets those
    //  to zero, on RESET.
    void (*stats) (zrelay_engine_t *engine, void *object, zmsg_t *answer);
    void (*reset) (zrelay_engine_t *engine, void *object);

    //  The topic to which the side that is an XSUB or a SUB, and no other type,
    //  subscribes as long as SUBSCRIBE has given it none, "" being everything.
    //  NULL: none
    const char *topic;

    //  A side of which zrelay_engine_has_room () has said that it has none has
    //  room now. Called once each time.
    void (*on_room) (zrelay_engine_t *engine, void *object,
                     zrelay_side_id_t side);
} zrelay_kind_t;
#define ZRELAY_KIND .size = sizeof (zrelay_kind_t)


//  --------------------------------------------------------------------------
//  Running

//  Start a relay of this kind as an actor. name names it in logs and
//  statistics; NULL: as its kind. It consists of letters, digits, "_", "-" and
//  "."; other characters become "_", and 127 are kept. kind must outlive the
//  actor. Returns NULL, with errno EMFILE, if the system has no sockets left,
//  where zactor_new () ends the process. The caller owns the actor, and ends it
//  with zrelay_destroy (), see zrelay_actor.h.
ZRELAY_EXPORT zactor_t *
    zrelay_engine_spawn (const zrelay_kind_t *kind, const char *name);

//  Run a relay of this kind on the calling thread until $TERM arrives on the
//  pipe. For use in an actor function. args is NULL or a string, the name.
ZRELAY_EXPORT void
    zrelay_engine_run (const zrelay_kind_t *kind, zsock_t *pipe, void *args);


//  --------------------------------------------------------------------------
//  What a kind may ask of the engine, from within its own functions

//  Send a message to one side, outside the usual course of a flow: a heartbeat,
//  a request that was kept until a worker was free. Never waits. The first form
//  takes the message's frames, and the second takes the zmsg and nulls *msg_p,
//  if the result is ZRELAY_SEND_DONE or ZRELAY_SEND_LOST; else nothing was
//  sent, the message is as it was, and nothing is counted.
ZRELAY_EXPORT zrelay_send_t
    zrelay_engine_send (zrelay_engine_t *self, zrelay_side_id_t side,
                        zrelay_message_t *message);
ZRELAY_EXPORT zrelay_send_t
    zrelay_engine_send_zmsg (zrelay_engine_t *self, zrelay_side_id_t side,
                             zmsg_t **msg_p);

//  In a handler: note why this message is dropped, an index into the kind's
//  reasons, and return ZRELAY_VERDICT_DROP, for the handler to return in turn.
ZRELAY_EXPORT zrelay_verdict_t
    zrelay_engine_drop (zrelay_engine_t *self, size_t reason);

//  Count a message that the kind had kept, and now forgets, as dropped.
ZRELAY_EXPORT void
    zrelay_engine_count_drop (zrelay_engine_t *self, zrelay_flow_id_t flow,
                              size_t reason);

//  How many messages a flow holds, for which its output is full. One that a
//  kind sends itself may overtake these.
ZRELAY_EXPORT size_t
    zrelay_engine_held (zrelay_engine_t *self, zrelay_flow_id_t flow);

//  True if a side can take a message now, as far as is known before: a ROUTER
//  always says so, and a PUSH without peers does not. If not, on_room is called
//  when it can.
ZRELAY_EXPORT bool
    zrelay_engine_has_room (zrelay_engine_t *self, zrelay_side_id_t side);

//  From now on, give what a flow would send to its output to this function
//  instead, which takes a copy or duplicate of the message and returns
//  ZRELAY_SEND_DONE. Or it returns ZRELAY_SEND_FULL: then the flow holds the
//  message as its options overflow, queue, spool and durable say, and tries
//  again when zrelay_engine_outlet_ready () was called, if not before. Or
//  ZRELAY_SEND_REFUSED: the message is dropped, and counted. NULL: the output
//  gets them again. The function sees messages after the flow's handler;
//  zrelay_engine_send () is not affected.
typedef zrelay_send_t (zrelay_outlet_fn) (zrelay_engine_t *engine,
    void *object, zrelay_message_t *message);
ZRELAY_EXPORT void
    zrelay_engine_set_outlet (zrelay_engine_t *self, zrelay_flow_id_t flow,
                              zrelay_outlet_fn *outlet);
ZRELAY_EXPORT void
    zrelay_engine_outlet_ready (zrelay_engine_t *self, zrelay_flow_id_t flow);

//  Let a flow read, or not. Paused flows do not read in any case.
ZRELAY_EXPORT void
    zrelay_engine_set_reading (zrelay_engine_t *self, zrelay_flow_id_t flow,
                               zrelay_reading_t reading);

//  From now on, show the messages of a flow to this function instead of to the
//  kind's, or to none if it is NULL. A flow without a handler passes messages
//  through, so a kind that only sometimes looks at them costs nothing the rest
//  of the time. Not for a handler of that flow itself.
ZRELAY_EXPORT void
    zrelay_engine_set_handler (zrelay_engine_t *self, zrelay_flow_id_t flow,
                               zrelay_message_fn *handler);

//  Call a function after msecs milliseconds, and then again until it was called
//  so many times (0: for as long as the relay lives). The function gets object;
//  NULL: the kind's. Returns a number above 0 that identifies the timer. One
//  that was ended never fires again.
typedef void (zrelay_timer_fn) (zrelay_engine_t *engine, void *object,
                                int timer);
ZRELAY_EXPORT int
    zrelay_engine_timer (zrelay_engine_t *self, size_t msecs, size_t times,
                         zrelay_timer_fn *function, void *object);
ZRELAY_EXPORT void
    zrelay_engine_timer_end (zrelay_engine_t *self, int timer);

//  Call a function whenever there is something to read on a socket of the
//  kind's own, libzmq's or CZMQ's, or, where sock is NULL, on a descriptor. The
//  function should read what there is. It gets object; NULL: the kind's. End
//  that before the socket or descriptor is closed, in destroy at the latest.
typedef void (zrelay_reader_fn) (zrelay_engine_t *engine, void *object,
                                 void *sock, int fd);
ZRELAY_EXPORT void
    zrelay_engine_reader (zrelay_engine_t *self, void *sock, int fd,
                          zrelay_reader_fn *function, void *object);
ZRELAY_EXPORT void
    zrelay_engine_reader_end (zrelay_engine_t *self, void *sock, int fd);

//  Bind a socket of the kind's own, as BIND does: it takes over ipv6, ipc_mode,
//  ipc_group and the security of one side - CURVE, PLAIN, DOMAIN - as it is
//  now, or else has the domain of DOMAIN RELAY, and endpoints that libzmq would
//  take amiss are refused. Returns a status as a command's handler does, having
//  kept a sentence if it is not ZRELAY_STATUS_DONE.
ZRELAY_EXPORT int
    zrelay_engine_bind (zrelay_engine_t *self, zrelay_side_id_t side,
                        void *sock, const char *endpoint);

//  In a command's handler that returns ZRELAY_STATUS_LATER: the command's place
//  in the order of answers. Give the answer later: any status, one other than
//  ZRELAY_STATUS_DONE through zrelay_engine_fail (), and for a query the frames
//  of its answer. frames_p is NULL for other commands; else the frames are
//  taken, and *frames_p is nulled. *answer_p is nulled too. Answers that are
//  never given are forgotten when the relay ends, after destroy.
typedef struct _zrelay_answer_t zrelay_answer_t;
ZRELAY_EXPORT zrelay_answer_t *
    zrelay_engine_defer (zrelay_engine_t *self);
ZRELAY_EXPORT void
    zrelay_engine_answer (zrelay_engine_t *self, zrelay_answer_t **answer_p,
                          int status, zmsg_t **frames_p);

//  Keep a sentence for ERROR, made as by printf, and return status: the last
//  line of a command handler that refuses. The sentence says what was wrong and
//  what is allowed. Any string that a caller gave is put into it by way of
//  zrelay_engine_quote (), which puts quotes around it, makes it printable and
//  short, and hides what may be a key or a password. Four such strings can be
//  used in one sentence.
ZRELAY_EXPORT int
    zrelay_engine_fail (zrelay_engine_t *self, int status,
                        const char *format, ...) CHECK_PRINTF (3);
ZRELAY_EXPORT const char *
    zrelay_engine_quote (zrelay_engine_t *self, const char *value);

//  Add a count to an answer to STATS; and one of several of the same name,
//  which a label tells apart: the second line below adds
//  "served{service=coffee}", its value encoded by zrelay_engine_encode ():
//
//      zrelay_engine_stat (answer, "workers", 12);
//      zrelay_engine_stat_of (answer, "served", "service", "coffee", 6, 17);
ZRELAY_EXPORT void
    zrelay_engine_stat (zmsg_t *answer, const char *name, uint64_t value);
ZRELAY_EXPORT void
    zrelay_engine_stat_of (zmsg_t *answer, const char *name, const char *label,
                           const void *data, size_t size, uint64_t value);

//  Make bytes, such as a peer's routing id, a string that any output can take:
//  every byte but letters, digits, "_", "-" and "." is percent-encoded. Of more
//  than 64 bytes only the beginning is left, before "%-" and a digest of all of
//  them. Different bytes have different strings. Returns room.
#define ZRELAY_LABEL_ROOM 193
ZRELAY_EXPORT const char *
    zrelay_engine_encode (char room [ZRELAY_LABEL_ROOM],
                          const void *data, size_t size);

//  Log a sentence, with the relay's name before it.
ZRELAY_EXPORT void
    zrelay_engine_log (zrelay_engine_t *self, zrelay_log_t level,
                       const char *format, ...) CHECK_PRINTF (3);

//  The relay's name, its state, and the kind's object, as create returned it.
ZRELAY_EXPORT const char *
    zrelay_engine_name (zrelay_engine_t *self);
ZRELAY_EXPORT zrelay_state_t
    zrelay_engine_state (zrelay_engine_t *self);
ZRELAY_EXPORT void *
    zrelay_engine_object (zrelay_engine_t *self);

//  libzmq's socket of one side, for zmq_getsockopt () or zsock's functions
//  that ask for options; NULL if it does not exist. It remains the engine's.
ZRELAY_EXPORT void *
    zrelay_engine_socket (zrelay_engine_t *self, zrelay_side_id_t side);

//  The value of one side's option as GET returns it, also of those that libzmq
//  does not tell, such as xpub_nodrop: as a fresh string, which the caller
//  frees with zstr_free (); NULL if GET would be refused.
ZRELAY_EXPORT char *
    zrelay_engine_option (zrelay_engine_t *self, zrelay_side_id_t side,
                          const char *name);

//  True if a relay of that kind has an option of that name that only its owner
//  may set, see ZRELAY_SETTING_OWNER: one of the kind's, or of the engine's.
ZRELAY_EXPORT bool
    zrelay_engine_is_owners (const zrelay_kind_t *kind, const char *option);

//  How many connections one side has. Peers that connect by inproc have none.
ZRELAY_EXPORT size_t
    zrelay_engine_peers (zrelay_engine_t *self, zrelay_side_id_t side);

//  Add what PEERS answers about one side: their number, and the address of
//  each. For a kind that has a command PEERS of its own, which says more.
ZRELAY_EXPORT void
    zrelay_engine_list_peers (zrelay_engine_t *self, zrelay_side_id_t side,
                              zmsg_t *answer);

//  The same as zrelay_engine_option () of one flow, such as "overflow".
ZRELAY_EXPORT char *
    zrelay_engine_flow_option (zrelay_engine_t *self, zrelay_flow_id_t flow,
                               const char *name);


//  --------------------------------------------------------------------------
//  Names of version 0.1, kept for one version

#define ZRELAY_FRONTEND         ZRELAY_SIDE_FRONTEND
#define ZRELAY_BACKEND          ZRELAY_SIDE_BACKEND
#define ZRELAY_FORWARD          ZRELAY_FLOW_FORWARD
#define ZRELAY_RETURN           ZRELAY_FLOW_RETURN
#define ZRELAY_PASS             ZRELAY_VERDICT_PASS
#define ZRELAY_ANSWER           ZRELAY_VERDICT_ANSWER
#define ZRELAY_DROP             ZRELAY_VERDICT_DROP
typedef zrelay_filter_fn zrelay_handler_fn;
//  @end

#ifdef __cplusplus
}
#endif

#endif
