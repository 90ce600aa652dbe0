/*  =========================================================================
    zrelay_classes - internal header: the classes that the engine is made of

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

#ifndef ZRELAY_CLASSES_H_INCLUDED
#define ZRELAY_CLASSES_H_INCLUDED

#include "../include/zrelay.h"

//  What the classes below know of each other, from the bottom up: message,
//  option, endpoint and pairing know nobody; peers and topics know nobody; a
//  side owns its peers and topics and uses option, endpoint and pairing;
//  capture owns a side; a flow joins two sides and uses capture and message;
//  the engine owns them all; command is the table of what the pipe
//  understands, and works on the engine.

typedef struct _zrelay_message_t zrelay_message_t;
typedef struct _zrelay_peers_t zrelay_peers_t;
typedef struct _zrelay_topics_t zrelay_topics_t;
typedef struct _zrelay_side_t zrelay_side_t;
typedef struct _zrelay_capture_t zrelay_capture_t;
typedef struct _zrelay_flow_t zrelay_flow_t;

//  What became of a message, or of one frame of it
typedef enum {
    ZRELAY_SENT = 0,            //  The output socket has it
    ZRELAY_FULL,                //  The output can take nothing now: hold it
    //  All others are reasons for which a message was dropped
    ZRELAY_DROP_FULL,           //  This peer of a ROUTER can take no more
    ZRELAY_DROP_UNROUTABLE,     //  No such peer, or nobody awaits this reply
    ZRELAY_DROP_LOST,           //  The peer vanished in mid-message
    ZRELAY_DROP_OVERFLOW,       //  More than the flow was told to keep
    ZRELAY_DROP_SIZE,           //  More bytes than maxmsgsize, or a topic may
    ZRELAY_DROP_FRAMES,         //  More frames than maxframes
    ZRELAY_DROP_FILTER,         //  A filter said so
    ZRELAY_DROP_HANDLER,        //  The kind said so
    ZRELAY_DROP_REFUSED,        //  The socket refused it for another reason
    ZRELAY_DROP_UNDELIVERED,    //  Still held when the relay ended
    ZRELAY_OUTCOMES             //  How many there are
} zrelay_outcome_t;

//  Messages counted
typedef struct {
    uint64_t messages;          //  Whole messages
    uint64_t frames;            //  Their frames
    uint64_t bytes;             //  Bytes in these
} zrelay_tally_t;


//  --------------------------------------------------------------------------
//  message: a whole multipart message that is held or looked at

//  A new message without frames.
zrelay_message_t *
    zrelay_message_new (void);

//  A new message of the frames of a zmsg. Takes the zmsg and nulls the caller's
//  pointer.
zrelay_message_t *
    zrelay_message_from_zmsg (zmsg_t **msg_p);

//  Add copies of the frames to a zmsg, for those who look at it; and take all
//  frames of a zmsg in the place of the message's own. Of those that are equal
//  the own remain, which libzmq's threads made and will free; that is a third
//  of the cost.
void
    zrelay_message_show (zrelay_message_t *self, zmsg_t *msg);
void
    zrelay_message_take (zrelay_message_t *self, zmsg_t *msg);

//  Let go of all frames.
void
    zrelay_message_clear (zrelay_message_t *self);

void
    zrelay_message_destroy (zrelay_message_t **self_p);

//  Move a frame to the end of the message; the caller's becomes empty.
void
    zrelay_message_append (zrelay_message_t *self, zmq_msg_t *frame);

//  Receive a message from a socket of libzmq's. Never waits; returns NULL with
//  errno, EAGAIN if there is none.
zmsg_t *
    zrelay_message_poll (void *handle);

//  Number of frames, and one of them. The frame remains the message's, but
//  may be sent or moved away.
size_t
    zrelay_message_frames (zrelay_message_t *self);
zmq_msg_t *
    zrelay_message_frame (zrelay_message_t *self, size_t index);

//  Bytes in all frames
size_t
    zrelay_message_bytes (zrelay_message_t *self);

void
    zrelay_message_test (bool verbose);


//  --------------------------------------------------------------------------
//  option: libzmq's socket options by their zsock names

typedef struct {
    const char *name;           //  zsock's name for it
    int id;                     //  libzmq's number for it
    char type;                  //  'i' int, 'l' int64, 'u' uint64, 's' string,
                                //  'b' bytes, 'k' a key in Z85
    unsigned flags;             //  ZRELAY_OPTION_..., below
    const char *refusal;        //  Why a relay does not take it, or NULL
} zrelay_option_t;

//  libzmq 4.3 has it in every build, but names it with the DRAFT API only
#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#   define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif

#define ZRELAY_OPTION_NOW    1  //  Acts on connections that exist already
#define ZRELAY_OPTION_SECRET 2  //  Its value is never told to anybody
#define ZRELAY_OPTION_GET    4  //  Can only be read
#define ZRELAY_OPTION_HELD   8  //  Does not act on connections that endpoints
                                //  accept which are bound already

//  The option of that name, or NULL. Letters in either case.
const zrelay_option_t *
    zrelay_option_find (const char *name);

//  True if value can be a value of this option: a number in range for its
//  type, a string of a length that libzmq can take.
bool
    zrelay_option_valid (const zrelay_option_t *self, const char *value);

//  Set it on a libzmq socket. value has been found valid. Returns 0, or -1 with
//  errno as from zmq_setsockopt.
int
    zrelay_option_set (const zrelay_option_t *self, void *handle,
                       const char *value);

//  Its value as a fresh string, or NULL with errno as from zmq_getsockopt.
char *
    zrelay_option_get (const zrelay_option_t *self, void *handle);

void
    zrelay_option_test (bool verbose);


//  --------------------------------------------------------------------------
//  endpoint: which ones libzmq may be asked for

//  NULL if zmq_bind, or else zmq_connect, may be called with that endpoint,
//  which does not mean that it succeeds. Otherwise the reason why not. Waits
//  some msecs only for a path of ipc that this process itself listens at.
const char *
    zrelay_endpoint_refusal (const char *endpoint, bool bind);

void
    zrelay_endpoint_test (bool verbose);


//  --------------------------------------------------------------------------
//  pairing: socket types, and which of them make a relay

//  Number of the socket type of that name, letters in either case; -1 if
//  there is no such type or a relay cannot use it.
int
    zrelay_pairing_type (const char *name);

//  True if name is one of the comma-separated types.
bool
    zrelay_pairing_allows (const char *types, const char *name);

//  True if a message can be received from, or sent to, a socket of that type.
bool
    zrelay_pairing_receives (int type);
bool
    zrelay_pairing_sends (int type);

//  NULL if frontend and backend make a relay, else the reason why not.
const char *
    zrelay_pairing_refusal (int frontend, int backend);

//  Add the table of pairs to a text for people, for the types in question.
void
    zrelay_pairing_explain (zchunk_t *text, const char *frontends,
                            const char *backends);

void
    zrelay_pairing_test (bool verbose);


//  --------------------------------------------------------------------------
//  peers: who is connected to a socket

//  Watch a libzmq socket. Returns NULL with errno set if the system refuses.
zrelay_peers_t *
    zrelay_peers_new (void *watched);

//  To be called before the watched socket is closed.
void
    zrelay_peers_destroy (zrelay_peers_t **self_p, void *watched);

//  The socket that becomes readable when there are events to be read.
void *
    zrelay_peers_handle (zrelay_peers_t *self);

//  Read waiting events, at most a bounded number of them; are there more?
//  self may be NULL for the latter.
void
    zrelay_peers_update (zrelay_peers_t *self);
bool
    zrelay_peers_behind (zrelay_peers_t *self);

//  All connections of one endpoint were cut by the relay itself.
void
    zrelay_peers_forget (zrelay_peers_t *self, const char *endpoint);

//  Number of peers, and add a frame with the address of each to a message.
size_t
    zrelay_peers_count (zrelay_peers_t *self);
void
    zrelay_peers_list (zrelay_peers_t *self, zmsg_t *answer);

//  Add "NAME.peers" and the counts of failed hand-shakes to an answer to
//  STATS, up to date; and set the latter to zero. Where self is NULL, all are
//  zero.
void
    zrelay_peers_stats (zrelay_peers_t *self, const char *name, zmsg_t *answer);
void
    zrelay_peers_reset (zrelay_peers_t *self);

void
    zrelay_peers_test (bool verbose);


//  --------------------------------------------------------------------------
//  topics: a set of topics, which are any bytes

zrelay_topics_t *
    zrelay_topics_new (void);

void
    zrelay_topics_destroy (zrelay_topics_t **self_p);

//  Returns false if the topic was in the set already.
bool
    zrelay_topics_insert (zrelay_topics_t *self, const void *data, size_t size);

//  No matter whether it is there.
void
    zrelay_topics_delete (zrelay_topics_t *self, const void *data, size_t size);

void
    zrelay_topics_test (bool verbose);


//  --------------------------------------------------------------------------
//  side: a socket with its endpoints, options, topics and counters.
//
//  Methods that return a zrelay_status_t keep a sentence for people in
//  zrelay_side_error () when it is not ZRELAY_DONE, and have then changed
//  nothing.

//  A new side. If spec names a single socket type, the socket exists at once,
//  else when zrelay_side_choose () was called. Where the system has no socket
//  to give, it is asked again when the side is to be attached.
zrelay_side_t *
    zrelay_side_new (const char *name, const zrelay_side_spec_t *spec);

//  A side on a socket of somebody else, who closes it and sets its options.
zrelay_side_t *
    zrelay_side_borrow (const char *name, void *handle);

void
    zrelay_side_destroy (zrelay_side_t **self_p);

const char *
    zrelay_side_name (zrelay_side_t *self);

//  The last failure, or, after ZRELAY_DONE, a remark; NULL if none.
const char *
    zrelay_side_error (zrelay_side_t *self);

//  libzmq's socket, its type and peers: NULL, -1 and NULL before a type is chosen.
void *
    zrelay_side_handle (zrelay_side_t *self);
int
    zrelay_side_type (zrelay_side_t *self);
zrelay_peers_t *
    zrelay_side_peers (zrelay_side_t *self);

//  Make the socket. If it exists, with another type, it is replaced as long
//  as it has no endpoint.
zrelay_status_t
    zrelay_side_choose (zrelay_side_t *self, const char *type);

//  Attach and detach
zrelay_status_t
    zrelay_side_bind (zrelay_side_t *self, const char *endpoint);
zrelay_status_t
    zrelay_side_connect (zrelay_side_t *self, const char *endpoint);
zrelay_status_t
    zrelay_side_unbind (zrelay_side_t *self, const char *endpoint);
zrelay_status_t
    zrelay_side_disconnect (zrelay_side_t *self, const char *endpoint);

//  FRONTEND and BACKEND: choose the type, attach to all of endpoints, and
//  then come topics, or HEARTBEAT_IVL, _TIMEOUT, _TTL and a number for each.
zrelay_status_t
    zrelay_side_configure (zrelay_side_t *self, const char *type,
                           const char *endpoints, size_t count, char **topics);

//  Attach to all of a comma-separated list, or to none: "@" before an
//  endpoint binds it, ">" connects it, otherwise bind says which.
zrelay_status_t
    zrelay_side_attach (zrelay_side_t *self, const char *endpoints, bool bind);

//  True if the side has an endpoint; and add a frame for each.
bool
    zrelay_side_attached (zrelay_side_t *self);
void
    zrelay_side_endpoints (zrelay_side_t *self, zmsg_t *answer);

//  Options: libzmq's, and rate, rate_burst, maxmsgsize, maxframes.
//  zrelay_side_get_option sets *value_p to a fresh string.
zrelay_status_t
    zrelay_side_set (zrelay_side_t *self, const char *option,
                     const char *value);
zrelay_status_t
    zrelay_side_get_option (zrelay_side_t *self, const char *option,
                            char **value_p);

//  DOMAIN, PLAIN and CURVE: how peers are authenticated. Not once the side is
//  attached.
zrelay_status_t
    zrelay_side_set_domain (zrelay_side_t *self, const char *domain);
zrelay_status_t
    zrelay_side_set_plain (zrelay_side_t *self);
zrelay_status_t
    zrelay_side_set_curve (zrelay_side_t *self, const char *public_txt,
                           const char *secret_txt);

//  The relay's own subscriptions: a set.
zrelay_status_t
    zrelay_side_subscribe (zrelay_side_t *self, size_t count, char **topics);
zrelay_status_t
    zrelay_side_unsubscribe (zrelay_side_t *self, size_t count, char **topics);

//  Receive the next frame into an initialised, empty one. Never waits.
//  Returns 0, or -1 if there is none.
int
    zrelay_side_get (zrelay_side_t *self, zmq_msg_t *frame);

//  True if a signal was caught by this thread while a frame was received or
//  sent; told once.
bool
    zrelay_side_interrupted (zrelay_side_t *self);

//  Send one frame; more tells whether its message goes on. Never waits.
//  Only the first frame of a message can be answered with ZRELAY_FULL, and
//  only then the frame is left with the caller. After a reason to drop, the
//  rest of the message must be put too; it is thrown away. A frame that went
//  is empty again.
zrelay_outcome_t
    zrelay_side_put (zrelay_side_t *self, zmq_msg_t *frame, bool more);

//  Messages that passed, or that may
typedef struct {
    uint64_t messages;          //  Whole messages
    uint64_t frames;            //  All of their frames, routing ids among them
    uint64_t bytes;             //  Bytes in these
    uint64_t firsts;            //  Bytes in the first frame of each; no limit
} zrelay_passage_t;

//  Why passing on has ended
typedef enum {
    ZRELAY_ENOUGH,              //  As much as was allowed
    ZRELAY_EMPTY,               //  There is nothing more
    ZRELAY_IN_HAND              //  A frame was received, but not taken
} zrelay_end_t;

//  Pass on messages to another side, using an empty frame, as long as each of
//  their frames is taken, and until one of the numbers of *most is reached,
//  which become those of what passed. If a frame is in hand then, it and the
//  rest of its message, all counted as received, are to be put by
//  zrelay_side_put (). Only if the two sides are simple, which they are not
//  between two frames of a message.
bool
    zrelay_side_simple (zrelay_side_t *self, zrelay_side_t *to);
zrelay_end_t
    zrelay_side_pass (zrelay_side_t *self, zrelay_side_t *to,
                      zmq_msg_t *frame, zrelay_passage_t *most);

//  True if there are limits to what a message may be; and ZRELAY_SENT if a
//  message that was received is within them, else the reason to drop it.
bool
    zrelay_side_limited (zrelay_side_t *self);
zrelay_outcome_t
    zrelay_side_judge (zrelay_side_t *self, zrelay_message_t *message);

//  True if the side tells of each subscription, as an XPUB with xpub_verbose;
//  and have the other side, an XSUB, cope with that.
bool
    zrelay_side_repeats (zrelay_side_t *self);
void
    zrelay_side_expect_repeats (zrelay_side_t *self);

//  True if the side cannot be sent every message; and ZRELAY_SENT if it can
//  be sent this one, else the reason to drop it.
bool
    zrelay_side_selective (zrelay_side_t *self);
zrelay_outcome_t
    zrelay_side_suits (zrelay_side_t *self, zrelay_message_t *message);

//  How many messages may be read now, at most wanted; and so many were read,
//  throttled telling that there was no allowance for more. With a rate, this
//  is a token bucket.
size_t
    zrelay_side_allowance (zrelay_side_t *self, size_t wanted);
void
    zrelay_side_taken (zrelay_side_t *self, size_t messages, bool throttled);

//  Time in msecs until there is allowance for a message; 0: there may be now.
size_t
    zrelay_side_wait (zrelay_side_t *self);

//  True if ZMQ_POLLOUT on the socket means that the next message will be
//  taken. PUB and XPUB always report it, also where xpub_nodrop refuses.
bool
    zrelay_side_polls_out (zrelay_side_t *self);

//  Let libzmq handle what happened on a socket without traffic.
void
    zrelay_side_service (zrelay_side_t *self);

//  Give what was sent so many msecs to leave when the socket is closed, unless
//  the user has said how many; and take that back.
void
    zrelay_side_linger (zrelay_side_t *self, int msecs);
void
    zrelay_side_unlinger (zrelay_side_t *self);

//  Bytes and messages that passed, and their part in STATS
const zrelay_tally_t *
    zrelay_side_received (zrelay_side_t *self);
const zrelay_tally_t *
    zrelay_side_sent (zrelay_side_t *self);

//  Bytes of a ROUTER's routing ids, which are not among these
uint64_t
    zrelay_side_received_ids (zrelay_side_t *self);
uint64_t
    zrelay_side_sent_ids (zrelay_side_t *self);
void
    zrelay_side_stats (zrelay_side_t *self, zmsg_t *answer);
void
    zrelay_side_reset (zrelay_side_t *self);

void
    zrelay_side_test (bool verbose);


//  --------------------------------------------------------------------------
//  capture: copies of what passes

zrelay_capture_t *
    zrelay_capture_new (void);

void
    zrelay_capture_destroy (zrelay_capture_t **self_p);

//  Start, with a socket of that type attached to endpoints; what ran before
//  ends. prefixes are two, one for each flow, or NULL. On failure nothing
//  has changed, and *error_p is a fresh string.
zrelay_status_t
    zrelay_capture_start (zrelay_capture_t *self, const char *endpoints,
                          const char *type, char **prefixes, char **error_p);
void
    zrelay_capture_stop (zrelay_capture_t *self);

//  Start with a socket of somebody else, who closes it.
void
    zrelay_capture_borrow (zrelay_capture_t *self, void *handle);

//  Copies that wait until such a socket takes them; and send them, as far as
//  it does.
size_t
    zrelay_capture_waiting (zrelay_capture_t *self);
void
    zrelay_capture_flush (zrelay_capture_t *self);

bool
    zrelay_capture_active (zrelay_capture_t *self);

//  Take one frame of a message that passed; more tells whether it goes on.
//  The frame is empty afterwards, whatever became of it.
void
    zrelay_capture_put (zrelay_capture_t *self, zrelay_flow_id_t flow,
                        zmq_msg_t *frame, bool more);

//  True between two frames of one message
bool
    zrelay_capture_within (zrelay_capture_t *self);

void
    zrelay_capture_service (zrelay_capture_t *self);
void
    zrelay_capture_stats (zrelay_capture_t *self, zmsg_t *answer);
void
    zrelay_capture_reset (zrelay_capture_t *self);

void
    zrelay_capture_test (bool verbose);


//  --------------------------------------------------------------------------
//  flow: one direction of travel, a state machine around a backlog

//  Join two sides, which must outlive the flow. output may be NULL: a kind
//  with one socket answers everything.
zrelay_flow_t *
    zrelay_flow_new (zrelay_flow_id_t id, zrelay_side_t *input,
                     zrelay_side_t *output, zrelay_capture_t *capture);

//  What is still held is lost; see zrelay_flow_abandon ().
void
    zrelay_flow_destroy (zrelay_flow_t **self_p);

const char *
    zrelay_flow_name (zrelay_flow_t *self);

//  The kind's handler, and the FILTER's; NULL for none.
void
    zrelay_flow_set_handler (zrelay_flow_t *self, zrelay_handler_fn *handler,
                             void *arg);
void
    zrelay_flow_set_filter (zrelay_flow_t *self, zrelay_handler_fn *filter,
                            void *arg);

//  Options: burst, overflow, queue. *error_p becomes a fresh string when the
//  status is not ZRELAY_DONE.
zrelay_status_t
    zrelay_flow_set (zrelay_flow_t *self, const char *option,
                     const char *value, char **error_p);
zrelay_status_t
    zrelay_flow_get (zrelay_flow_t *self, const char *option,
                     char **value_p, char **error_p);

//  True if messages can travel this way at all with these socket types.
bool
    zrelay_flow_possible (zrelay_flow_t *self);

//  Whether the flow may move messages (paused, or not attached, it may not)
//  and whether the kind holds it back from reading.
void
    zrelay_flow_run (zrelay_flow_t *self, bool run);
void
    zrelay_flow_hold (zrelay_flow_t *self, bool hold);

//  Draining: what the input has is still read, until once it had nothing.
//  open ends that. quiet is true once the input was empty and nothing is
//  held.
void
    zrelay_flow_close (zrelay_flow_t *self);
void
    zrelay_flow_open (zrelay_flow_t *self);
bool
    zrelay_flow_quiet (zrelay_flow_t *self);

//  One turn: move what can be moved, a bounded number of messages.
void
    zrelay_flow_turn (zrelay_flow_t *self);

//  Add what the flow waits for: ZMQ_POLLIN on its input, ZMQ_POLLOUT on the
//  side that is full, each to the events of that side, which is told by
//  comparison with the two given. Returns the time in msecs after which it
//  must be given a turn though no poll would tell, or 0.
size_t
    zrelay_flow_wants (zrelay_flow_t *self, zrelay_side_t *sides [2],
                       short events [2]);

//  Send a message to one of the flow's sides and to the capture. Never
//  waits. The message's frames are empty then, unless ZRELAY_FULL is returned.
zrelay_outcome_t
    zrelay_flow_send (zrelay_flow_t *self, zrelay_side_t *to,
                      zrelay_message_t *message);

//  The same for one frame, as zrelay_side_put ().
zrelay_outcome_t
    zrelay_flow_put (zrelay_flow_t *self, zrelay_side_t *to,
                     zmq_msg_t *frame, bool more);

//  Messages passed on to the output, ever, and dropped, ever; for telling
//  how many replies are still to come, and whether anything moves.
uint64_t
    zrelay_flow_passed (zrelay_flow_t *self);
uint64_t
    zrelay_flow_dropped (zrelay_flow_t *self);

//  Messages that are held now
size_t
    zrelay_flow_held (zrelay_flow_t *self);

//  The relay ends: count what is held as dropped. Returns how many.
size_t
    zrelay_flow_abandon (zrelay_flow_t *self);

void
    zrelay_flow_stats (zrelay_flow_t *self, zmsg_t *answer);
void
    zrelay_flow_reset (zrelay_flow_t *self);

void
    zrelay_flow_test (bool verbose);


//  --------------------------------------------------------------------------
//  engine: what the command table works on. Other classes leave it alone.

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


//  --------------------------------------------------------------------------
//  command: the table of the engine's commands

//  The command of that name, the kind's before the engine's; or NULL.
const zrelay_command_t *
    zrelay_command_find (const zrelay_kind_t *kind, const char *name);

//  Carry out a command whose arguments are the frames of msg. Returns its
//  status; a query's frames are added to answer.
int
    zrelay_command_execute (const zrelay_command_t *self,
                            zrelay_engine_t *engine, zmsg_t *msg,
                            zmsg_t *answer);

//  Take a value out of the sentence for ERROR if it may be a key.
void
    zrelay_command_conceal (zrelay_engine_t *engine, const char *value);


//  --------------------------------------------------------------------------
//  testing: what the classes' own tests share

//  Longest wait for anything, in msecs
#define ZRELAY_TESTING_TIMEOUT 5000

//  Bind a side to a free port, and return a socket of that type that is
//  connected there, with a time limit for receiving.
zsock_t *
    zrelay_testing_connect (zactor_t *relay, const char *side, int type);

//  Send a command of up to two arguments; true if that is its status.
bool
    zrelay_testing_status (zactor_t *relay, int status, const char *command,
                           const char *one, const char *two);

//  True if the last sentence of ERROR contains the word.
bool
    zrelay_testing_error (zactor_t *relay, const char *word);

//  Wait until a counter has that value; false if it does not come to it.
bool
    zrelay_testing_reaches (zactor_t *relay, const char *counter,
                            uint64_t value);

//  True if the next message on a socket is of these strings; two may be NULL.
bool
    zrelay_testing_receives (zsock_t *sock, const char *one, const char *two);

#endif
