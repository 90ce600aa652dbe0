/*  =========================================================================
    kind_test - all that a kind can do, done by kinds of this test

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Each part below has a kind of its own, written against zrelay_engine.h, and
//  a test that shows what becomes of it. Peers that go are in kind_gone_test.c,
//  sending in kind_send_test.c, older kinds in kind_growth_test.c, and peers
//  with names in kind_names_test.c.

#include "kind_testing.h"

#define DEADLINE        240         //  Seconds for everything

//  How often a relay's clock ticks, in msecs; and after how many ticks a timer
//  or reader that was to be called would have been
#define TICK_IVL        1
#define TICKS_ENOUGH    20


//  --------------------------------------------------------------------------
//  Verdicts. A judge does with each message as its last frame says, in either
//  flow and in either form.

typedef struct {
    zlistx_t *kept;             //  Messages kept, as zmsg_t or zrelay_message_t
} judge_t;

enum { REASON_RUDE, REASON_LATE };
static const char *const s_judge_reasons [] = { "rude", "late", NULL };

static void *
s_judge_new (zrelay_engine_t *engine)
{
    (void) engine;
    judge_t *self = (judge_t *) zmalloc (sizeof (judge_t));
    assert (self);
    self->kept = zlistx_new ();
    return self;
}

static void
s_judge_destroy (void **object_p)
{
    judge_t *self = (judge_t *) *object_p;
    assert (zlistx_size (self->kept) == 0);
    zlistx_destroy (&self->kept);
    freen (self);
    *object_p = NULL;
}

static zrelay_verdict_t
s_sentence (zrelay_engine_t *engine, const char *text)
{
    return streq (text, "answer")? ZRELAY_VERDICT_ANSWER:
           streq (text, "drop")? ZRELAY_VERDICT_DROP:
           streq (text, "rude")? zrelay_engine_drop (engine, REASON_RUDE):
           streq (text, "keep")? ZRELAY_VERDICT_KEPT: ZRELAY_VERDICT_PASS;
}

static zrelay_verdict_t
s_judge_message (zrelay_engine_t *engine, void *object,
                 zrelay_message_t *message)
{
    judge_t *self = (judge_t *) object;
    size_t last = zrelay_message_frames (message) - 1;
    char *text = zrelay_message_strdup (message, last);
    zrelay_verdict_t verdict = s_sentence (engine, text);
    if (verdict == ZRELAY_VERDICT_KEPT)
        zlistx_add_end (self->kept, zrelay_message_take (message));
    else
    if (streq (text, "empty") || streq (text, "gone"))
        zrelay_message_clear (message);
    else
    if (streq (text, "change"))
        zrelay_message_set (message, last, "changed", 7);
    zstr_free (&text);
    return verdict;
}

static zrelay_verdict_t
s_judge_zmsg (zrelay_engine_t *engine, void *object, zmsg_t **msg_p)
{
    judge_t *self = (judge_t *) object;
    char *text = zframe_strdup (zmsg_last (*msg_p));
    zrelay_verdict_t verdict = s_sentence (engine, text);
    if (verdict == ZRELAY_VERDICT_KEPT)
        zlistx_add_end (self->kept, *msg_p);
    else
    if (streq (text, "gone"))
        zmsg_destroy (msg_p);
    else
    if (streq (text, "change"))
        zframe_reset (zmsg_last (*msg_p), "changed", 7);
    while (streq (text, "empty") && zmsg_size (*msg_p) > 0) {
        zframe_t *frame = zmsg_pop (*msg_p);
        zframe_destroy (&frame);
    }
    zstr_free (&text);
    return verdict;
}

//  RELEASE side: send what was kept longest there; LATE flow: forget it

static int
s_judge_release (zrelay_engine_t *engine, void *object, size_t argc,
                 char **argv, zmsg_t *answer)
{
    (void) argc, (void) answer;
    judge_t *self = (judge_t *) object;
    zrelay_message_t *kept =
        (zrelay_message_t *) zlistx_detach (self->kept, NULL);
    zrelay_send_t sent = !kept? ZRELAY_SEND_REFUSED:
        zrelay_engine_send (engine, streq (argv [0], "FRONTEND")?
            ZRELAY_SIDE_FRONTEND: ZRELAY_SIDE_BACKEND, kept);
    zrelay_message_destroy (&kept);
    return sent == ZRELAY_SEND_DONE? ZRELAY_STATUS_DONE:
        zrelay_engine_fail (engine, ZRELAY_STATUS_BAD_STATE, "not sent");
}

static int
s_judge_release_zmsg (zrelay_engine_t *engine, void *object, size_t argc,
                      char **argv, zmsg_t *answer)
{
    (void) argc, (void) answer;
    judge_t *self = (judge_t *) object;
    zmsg_t *kept = (zmsg_t *) zlistx_detach (self->kept, NULL);
    zrelay_send_t sent = !kept? ZRELAY_SEND_REFUSED:
        zrelay_engine_send_zmsg (engine, streq (argv [0], "FRONTEND")?
            ZRELAY_SIDE_FRONTEND: ZRELAY_SIDE_BACKEND, &kept);
    zmsg_destroy (&kept);
    return sent == ZRELAY_SEND_DONE? ZRELAY_STATUS_DONE:
        zrelay_engine_fail (engine, ZRELAY_STATUS_BAD_STATE, "not sent");
}

static int
s_judge_late (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
              zmsg_t *answer)
{
    (void) object, (void) argc, (void) answer;
    zrelay_engine_count_drop (engine, streq (argv [0], "RETURN")?
        ZRELAY_FLOW_RETURN: ZRELAY_FLOW_FORWARD, REASON_LATE);
    return ZRELAY_STATUS_DONE;
}

static const zrelay_command_t s_judge_commands [] = {
    { ZRELAY_COMMAND, .name = "RELEASE", .args = "side", .help = "send",
      .handler = s_judge_release },
    { ZRELAY_COMMAND, .name = "LATE", .args = "flow", .help = "forget",
      .handler = s_judge_late },
    { .name = NULL }
};

static const zrelay_command_t s_judge_zmsg_commands [] = {
    { ZRELAY_COMMAND, .name = "RELEASE", .args = "side", .help = "send",
      .handler = s_judge_release_zmsg },
    { ZRELAY_COMMAND, .name = "LATE", .args = "flow", .help = "forget",
      .handler = s_judge_late },
    { .name = NULL }
};

static const zrelay_kind_t s_judge = {
    ZRELAY_KIND, .name = "judge",
    .frontend = { .types = "DEALER" }, .backend = { .types = "DEALER" },
    .create = s_judge_new, .destroy = s_judge_destroy,
    .on_forward = s_judge_message, .on_return = s_judge_message,
    .commands = s_judge_commands, .reasons = s_judge_reasons
};

static const zrelay_kind_t s_judge_of_zmsgs = {
    ZRELAY_KIND, .name = "judge-of-zmsgs",
    .frontend = { .types = "DEALER" }, .backend = { .types = "DEALER" },
    .create = s_judge_new, .destroy = s_judge_destroy,
    .on_forward_zmsg = s_judge_zmsg, .on_return_zmsg = s_judge_zmsg,
    .commands = s_judge_zmsg_commands, .reasons = s_judge_reasons
};

//  True if a flow has dropped so many, for each reason

static bool
s_dropped (zactor_t *relay, const char *flow, uint64_t handler, uint64_t rude,
           uint64_t late)
{
    char name [40];
    snprintf (name, sizeof (name), "%s.dropped", flow);
    bool right = kind_counts (relay, name, handler + rude + late);
    snprintf (name, sizeof (name), "%s.dropped_handler", flow);
    right = kind_counts (relay, name, handler) && right;
    snprintf (name, sizeof (name), "%s.dropped_rude", flow);
    right = kind_counts (relay, name, rude) && right;
    snprintf (name, sizeof (name), "%s.dropped_late", flow);
    return kind_counts (relay, name, late) && right;
}

static void
s_test_verdicts (const zrelay_kind_t *kind, bool forward)
{
    const char *flow = forward? "forward": "return";
    zactor_t *relay = kind_spawn (kind, NULL);
    zsock_t *front = kind_connect (relay, "FRONTEND", ZMQ_DEALER);
    zsock_t *back = kind_connect (relay, "BACKEND", ZMQ_DEALER);
    zsock_t *from = forward? front: back;
    zsock_t *to = forward? back: front;

    static const char *texts [] = {
        "pass", "answer", "drop", "rude", "keep", "gone", "empty", "change"
    };
    for (size_t index = 0; index < sizeof (texts) / sizeof (*texts); index++)
        zstr_sendx (from, "head", texts [index], NULL);
    TAP (kind_receives (to, "head", "pass")
      && kind_receives (to, "head", "changed"),
         "%s, %s: PASS, also of a changed message", kind->name, flow);
    TAP (kind_receives (from, "head", "answer"), "%s, %s: ANSWER",
         kind->name, flow);
    TAP (s_dropped (relay, flow, 3, 1, 0),
         "%s, %s: DROP, with a reason, without one, and of nothing; "
         "KEPT is none", kind->name, flow);
    TAP (kind_silent (to) && kind_silent (from),
         "%s, %s: nothing else arrives", kind->name, flow);
    const char *other = forward? "return": "forward";
    TAP (s_dropped (relay, other, 0, 0, 0), "%s, %s: the other flow counts "
         "nothing", kind->name, flow);

    const char *side = forward? "BACKEND": "FRONTEND";
    TAP (faults_command (relay, "RELEASE", side, NULL) == 0
      && kind_receives (to, "head", "keep"),
         "%s, %s: a kept message is sent later", kind->name, flow);
    faults_command (relay, "LATE", forward? "FORWARD": "RETURN", NULL);
    TAP (s_dropped (relay, flow, 3, 1, 1), "%s, %s: or counted as dropped",
         kind->name, flow);
    zsock_destroy (&front);
    zsock_destroy (&back);
    zactor_destroy (&relay);
}


//  --------------------------------------------------------------------------
//  A load balancer. Clients send requests; workers send READY, and for each
//  request "REPLY" and the client's envelope with a reply; and heartbeats.

typedef struct {
    byte id [255];              //  Routing id
    size_t size;                //  Bytes in that
    uint64_t behind;            //  Ticks in a row that found its beats unread
} worker_t;

typedef struct {
    zlistx_t *requests;         //  zrelay_message_t that wait for workers
    zlistx_t *ready;            //  worker_t that wait for requests
    uint64_t received;          //  Requests
    uint64_t working;           //  Workers that have a request
    uint64_t beats;             //  Heartbeats heard
    uint64_t beats_before;      //  Those that had been sent one tick ago
    uint64_t ticks;             //  Calls of the timer
    uint64_t expired;           //  Workers lost
    uint64_t states;            //  Calls of on_state
    uint64_t workers;           //  As many as in ready
} balancer_t;

//  Heartbeats that the test's worker has sent. They are read by the relay's
//  thread, so that a worker is late only if the relay does not read.
static uint64_t s_beats_sent;

#define HEARTBEAT_IVL 20        //  Msecs
#define LIVENESS 5              //  Heartbeats
#define PAUSE_TICKS 10          //  For how many a relay is paused

static void
s_item_free (void **item_p)
{
    freen (*item_p);
}

static void
s_message_free (void **item_p)
{
    zrelay_message_destroy ((zrelay_message_t **) item_p);
}

//  A worker is lost if heartbeats that it had sent by the tick before were not
//  read for several ticks. Between two ticks the relay reads what there is.

static void
s_balancer_tick (zrelay_engine_t *engine, void *object, int timer)
{
    (void) engine, (void) timer;
    balancer_t *self = (balancer_t *) object;
    self->ticks++;
    bool behind = self->beats < self->beats_before;
    self->beats_before = __atomic_load_n (&s_beats_sent, __ATOMIC_ACQUIRE);
    worker_t *worker = (worker_t *) zlistx_first (self->ready);
    while (worker) {
        worker->behind = behind? worker->behind + 1: 0;
        if (worker->behind == LIVENESS) {
            zlistx_delete (self->ready, zlistx_cursor (self->ready));
            self->expired++;
            self->workers--;
        }
        worker = (worker_t *) zlistx_next (self->ready);
    }
}

static void *
s_balancer_new (zrelay_engine_t *engine)
{
    balancer_t *self = (balancer_t *) zmalloc (sizeof (balancer_t));
    assert (self);
    self->requests = zlistx_new ();
    self->ready = zlistx_new ();
    assert (self->requests && self->ready);
    zlistx_set_destructor (self->requests, s_message_free);
    zlistx_set_destructor (self->ready, s_item_free);
    zrelay_engine_timer (engine, HEARTBEAT_IVL, 0, s_balancer_tick, NULL);
    return self;
}

static void
s_balancer_destroy (void **object_p)
{
    balancer_t *self = (balancer_t *) *object_p;
    zlistx_destroy (&self->requests);
    zlistx_destroy (&self->ready);
    freen (self);
    *object_p = NULL;
}

static void
s_balancer_dispatch (zrelay_engine_t *engine, balancer_t *self)
{
    while (zlistx_size (self->requests) > 0 && zlistx_size (self->ready) > 0) {
        worker_t *worker = (worker_t *) zlistx_detach (self->ready, NULL);
        zrelay_message_t *request =
            (zrelay_message_t *) zlistx_detach (self->requests, NULL);
        zrelay_message_push (request, worker->id, worker->size);
        zrelay_send_t sent =
            zrelay_engine_send (engine, ZRELAY_SIDE_BACKEND, request);
        assert (sent == ZRELAY_SEND_DONE);
        self->workers--;
        self->working++;
        zrelay_message_destroy (&request);
        freen (worker);
    }
}

static zrelay_verdict_t
s_balancer_on_request (zrelay_engine_t *engine, void *object,
                       zrelay_message_t *message)
{
    balancer_t *self = (balancer_t *) object;
    self->received++;
    zlistx_add_end (self->requests, zrelay_message_take (message));
    s_balancer_dispatch (engine, self);
    return ZRELAY_VERDICT_KEPT;
}

static zrelay_verdict_t
s_balancer_on_worker (zrelay_engine_t *engine, void *object,
                      zrelay_message_t *message)
{
    balancer_t *self = (balancer_t *) object;
    if (zrelay_message_streq (message, 1, "REPLY")) {
        self->working--;
        zrelay_message_pop (message);
        zrelay_message_pop (message);
        return ZRELAY_VERDICT_PASS;
    }
    if (zrelay_message_streq (message, 1, "BEAT")) {
        self->beats++;
        return ZRELAY_VERDICT_DROP;
    }
    worker_t *worker = (worker_t *) zmalloc (sizeof (worker_t));
    assert (worker);
    worker->size = zrelay_message_size (message, 0);
    memcpy (worker->id, zrelay_message_data (message, 0), worker->size);
    zlistx_add_end (self->ready, worker);
    self->workers++;
    s_balancer_dispatch (engine, self);
    return ZRELAY_VERDICT_DROP;
}

static size_t
s_balancer_pending (zrelay_engine_t *engine, void *object)
{
    (void) engine;
    balancer_t *self = (balancer_t *) object;
    return zlistx_size (self->requests) + self->working;
}

//  Requests wait while the relay is paused, and heartbeats go on

static void
s_balancer_on_state (zrelay_engine_t *engine, void *object,
                     zrelay_state_t state)
{
    balancer_t *self = (balancer_t *) object;
    self->states++;
    assert (zrelay_engine_state (engine) == state);
    zrelay_engine_set_reading (engine, ZRELAY_FLOW_FORWARD,
        state == ZRELAY_STATE_PAUSED? ZRELAY_READING_OFF:
        state == ZRELAY_STATE_DRAINING? ZRELAY_READING_TO_END:
                                        ZRELAY_READING_ON);
}

static const zrelay_counter_t s_balancer_counters [] = {
    { ZRELAY_COUNTER, .name = "received",
      .offset = offsetof (balancer_t, received) },
    { ZRELAY_COUNTER, .name = "working",
      .offset = offsetof (balancer_t, working) },
    { ZRELAY_COUNTER, .name = "beats",
      .offset = offsetof (balancer_t, beats) },
    { ZRELAY_COUNTER, .name = "ticks",
      .offset = offsetof (balancer_t, ticks) },
    { ZRELAY_COUNTER, .name = "expired",
      .offset = offsetof (balancer_t, expired) },
    { ZRELAY_COUNTER, .name = "states",
      .offset = offsetof (balancer_t, states) },
    { ZRELAY_COUNTER, .name = "workers",
      .offset = offsetof (balancer_t, workers) },
    { .name = NULL }
};

#define BALANCER(kind_name) \
    ZRELAY_KIND, .name = kind_name, \
    .frontend = { .types = "ROUTER" }, .backend = { .types = "ROUTER" }, \
    .create = s_balancer_new, .destroy = s_balancer_destroy, \
    .on_forward = s_balancer_on_request, .on_return = s_balancer_on_worker, \
    .pending = s_balancer_pending, .counters = s_balancer_counters

static const zrelay_kind_t s_balancer = {
    BALANCER ("stately"), .on_state = s_balancer_on_state
};
static const zrelay_kind_t s_stateless = { BALANCER ("stateless") };

//  The worker gets this request, and replies if it is told to

static bool
s_works (zsock_t *worker, const char *body)
{
    zmsg_t *request = zmsg_recv (worker);
    char *text = request? zframe_strdup (zmsg_last (request)): NULL;
    bool right = text && streq (text, body);
    zstr_free (&text);
    if (request)
        zmsg_pushstr (request, "REPLY");
    zmsg_send (&request, worker);
    return right;
}

//  A drain that is under way: a query is answered, and not the drain

static bool
s_drains (zactor_t *relay)
{
    char *state = kind_query (relay, "STATE", NULL);
    bool right = state && streq (state, "draining") && kind_silent (relay);
    zstr_free (&state);
    return right;
}

static void
s_send_request (zsock_t *client, const char *body)
{
    zstr_sendx (client, "", body, NULL);
}

static void
s_test_drain (const zrelay_kind_t *kind)
{
    zactor_t *relay = kind_spawn (kind, NULL);
    zsock_t *client = kind_connect (relay, "FRONTEND", ZMQ_DEALER);
    zsock_t *worker = kind_connect (relay, "BACKEND", ZMQ_DEALER);
    char *endpoint = kind_query (relay, "ENDPOINT", "BACKEND");
    zsock_t *other = faults_connect (ZMQ_DEALER, endpoint);
    zstr_free (&endpoint);
    zstr_send (worker, "READY");
    s_send_request (client, "one");
    s_send_request (client, "two");
    s_send_request (client, "three");
    TAP (faults_counted (relay, "received", 3)
      && faults_counted (relay, "working", 1),
         "%s: three requests came, a worker has one", kind->name);

    TAP (faults_command (relay, "DRAIN", "50", NULL) == 3
      && kind_explains (relay, "time ran out; the ")
      && kind_explains (relay, "has 3 inside"),
         "%s: a drain that runs out of time says what is inside", kind->name);
    TAP (faults_command (relay, "RESUME", NULL) == 0, "%s: goes on",
         kind->name);

    kind_send (relay, "DRAIN", "60000", NULL);
    TAP (s_drains (relay), "%s: a drain waits for what is inside", kind->name);
    s_send_request (client, "late");
    TAP (s_works (worker, "one") && kind_receives (client, "", "one"),
         "%s: a reply returns during the drain", kind->name);
    TAP (s_drains (relay), "%s: the drain waits for those that wait",
         kind->name);
    zstr_send (worker, "READY");
    zstr_send (other, "READY");
    zmsg_t *request = zmsg_recv (worker);
    TAP (s_works (other, "three") && kind_receives (client, "", "three"),
         "%s: workers that come during the drain are given work", kind->name);
    TAP (s_drains (relay), "%s: the drain waits for the last reply",
         kind->name);
    zmsg_pushstr (request, "REPLY");
    zmsg_send (&request, worker);
    TAP (zsock_wait (relay) == 0, "%s: then it is done", kind->name);
    TAP (kind_counts (relay, "frontend.out.messages", 3),
         "%s: the last reply has left by then", kind->name);
    TAP (kind_receives (client, "", "two"), "%s: and arrives", kind->name);
    TAP (kind_counts (relay, "received", 3),
         "%s: no new request was taken", kind->name);
    faults_command (relay, "RESUME", NULL);
    zstr_send (worker, "READY");
    TAP (s_works (worker, "late") && kind_receives (client, "", "late"),
         "%s: it is after RESUME", kind->name);
    zsock_destroy (&client);
    zsock_destroy (&worker);
    zsock_destroy (&other);
    zactor_destroy (&relay);
}

//  Beat until the relay's clock has ticked so many times

static bool
s_beat (zactor_t *relay, zsock_t *worker, uint64_t ticks)
{
    uint64_t until = faults_counter (relay, "ticks") + ticks;
    int64_t deadline = zclock_mono () + FAULTS_PATIENCE;
    do {
        zstr_send (worker, "BEAT");
        __atomic_add_fetch (&s_beats_sent, 1, __ATOMIC_RELEASE);
        zclock_sleep (HEARTBEAT_IVL / 2);
        if (zclock_mono () > deadline)
            return false;
    }
    while (faults_counter (relay, "ticks") < until);
    return true;
}

static void
s_test_pause (const zrelay_kind_t *kind)
{
    //  By inproc, what was sent can be read
    s_beats_sent = 0;
    bool lives = kind->on_state != NULL;
    zactor_t *relay = kind_spawn (kind, NULL);
    char *endpoint = zsys_sprintf ("inproc://pause-%s", kind->name);
    int status = faults_command (relay, "BIND", "BACKEND", endpoint, NULL);
    assert (status == 0);
    zsock_t *worker = faults_connect (ZMQ_DEALER, endpoint);
    zsock_t *client = kind_connect (relay, "FRONTEND", ZMQ_DEALER);
    zstr_send (worker, "READY");
    TAP (faults_counted (relay, "workers", 1), "%s: a worker is there",
         kind->name);
    TAP (s_beat (relay, worker, PAUSE_TICKS) && kind_counts (relay, "expired", 0),
         "%s: its heartbeats are heard", kind->name);

    TAP (faults_command (relay, "PAUSE", NULL) == 0, "%s: is paused",
         kind->name);
    s_send_request (client, "work");
    TAP (s_beat (relay, worker, PAUSE_TICKS)
      && kind_counts (relay, "expired", !lives)
      && kind_counts (relay, "workers", lives),
         "%s: a pause of ten heartbeats %s", kind->name,
         lives? "expires nobody": "expires the worker");
    TAP (kind_counts (relay, "received", 0), "%s: requests wait",
         kind->name);
    TAP (faults_command (relay, "RESUME", NULL) == 0
      && faults_counted (relay, "received", 1), "%s: until it goes on",
         kind->name);
    TAP (kind_counts (relay, "states", lives? 2: 0),
         "%s: the kind was told of states", kind->name);
    if (lives)
        TAP (s_works (worker, "work") && kind_receives (client, "", "work"),
             "%s: the worker is given the request", kind->name);
    zsock_destroy (&client);
    zsock_destroy (&worker);
    zactor_destroy (&relay);
    zstr_free (&endpoint);
}


//  --------------------------------------------------------------------------
//  Counts

typedef struct {
    uint64_t served;            //  A counter
    uint64_t waiting;           //  A gauge
    uint64_t labelled;          //  Reported with labels
    uint64_t resets;            //  Calls of reset; a gauge
} clerk_t;

static void *
s_clerk_new (zrelay_engine_t *engine)
{
    (void) engine;
    return zmalloc (sizeof (clerk_t));
}

static int
s_clerk_serve (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
               zmsg_t *answer)
{
    (void) engine, (void) argc, (void) argv, (void) answer;
    clerk_t *self = (clerk_t *) object;
    self->served += 2;
    self->waiting += 3;
    self->labelled += 4;
    return ZRELAY_STATUS_DONE;
}

#define TEN_LETTERS "abcdefghij"
#define SIXTY_LETTERS \
    TEN_LETTERS TEN_LETTERS TEN_LETTERS TEN_LETTERS TEN_LETTERS TEN_LETTERS

//  Labels as bytes, and as they are reported
static const struct {
    const char *data;
    size_t size;
    const char *name;
} s_labels [] = {
    { "coffee", 6, "by{worker=coffee}" },
    { "", 0, "by{worker=%}" },
    { "a b", 3, "by{worker=a%20b}" },
    { "\0\1\377", 3, "by{worker=%00%01%FF}" },
    { "{x=%}\n", 6, "by{worker=%7Bx%3D%25%7D%0A}" },
    { "A-z_0.9", 7, "by{worker=A-z_0.9}" },
    { "caf\303\251", 5, "by{worker=caf%C3%A9}" },
    { SIXTY_LETTERS "1234", 64, "by{worker=" SIXTY_LETTERS "1234}" },
    //  What is longer ends with the SHA-1 of all of it
    { SIXTY_LETTERS "1234567", 67, "by{worker=abcdefghijabcdefghijab%-"
      "9481AC884A7F28EB7DB109BBCEABAB8A8BF7376D}" }
};
#define LABELS (sizeof (s_labels) / sizeof (*s_labels))

static void
s_clerk_stats (zrelay_engine_t *engine, void *object, zmsg_t *answer)
{
    (void) engine;
    clerk_t *self = (clerk_t *) object;
    for (size_t index = 0; index < LABELS; index++)
        zrelay_engine_stat_of (answer, "by", "worker", s_labels [index].data,
                               s_labels [index].size, self->labelled + index);
    zrelay_engine_stat (answer, "labels.total", LABELS);
}

static void
s_clerk_reset (zrelay_engine_t *engine, void *object)
{
    (void) engine;
    clerk_t *self = (clerk_t *) object;
    self->labelled = 0;
    self->resets++;
}

static const zrelay_command_t s_clerk_commands [] = {
    { ZRELAY_COMMAND, .name = "SERVE", .args = "", .help = "count",
      .handler = s_clerk_serve },
    { .name = NULL }
};

static const zrelay_counter_t s_clerk_counters [] = {
    { ZRELAY_COUNTER, .name = "served", .offset = offsetof (clerk_t, served) },
    { ZRELAY_COUNTER, .name = "requests.waiting",
      .offset = offsetof (clerk_t, waiting), .flags = ZRELAY_COUNTER_GAUGE },
    { ZRELAY_COUNTER, .name = "resets", .offset = offsetof (clerk_t, resets),
      .flags = ZRELAY_COUNTER_GAUGE },
    { .name = NULL }
};

static const zrelay_kind_t s_clerk = {
    ZRELAY_KIND, .name = "clerk", .frontend = { .types = "PULL" },
    .create = s_clerk_new, .destroy = s_item_free,
    .commands = s_clerk_commands, .counters = s_clerk_counters,
    .stats = s_clerk_stats, .reset = s_clerk_reset
};

static bool
s_has_labels (zactor_t *relay, uint64_t first)
{
    zrelay_stats_t *stats = zrelay_stats_query (relay);
    bool right = stats != NULL;
    for (size_t index = 0; stats && index < LABELS; index++)
        right = right && zrelay_stats_has (stats, s_labels [index].name)
             && zrelay_stats_value (stats, s_labels [index].name)
                == first + index;
    zrelay_stats_destroy (&stats);
    return right;
}

static void
s_test_counts (void)
{
    zactor_t *relay = kind_spawn (&s_clerk, NULL);
    faults_command (relay, "SERVE", NULL);
    TAP (kind_counts (relay, "served", 2)
      && kind_counts (relay, "requests.waiting", 3)
      && kind_counts (relay, "labels.total", LABELS),
         "counts of a kind are among the relay's");
    TAP (s_has_labels (relay, 4), "labels are percent-encoded");
    TAP (faults_command (relay, "RESET", NULL) == 0
      && kind_counts (relay, "served", 0), "RESET sets counters to zero");
    TAP (kind_counts (relay, "requests.waiting", 3), "and leaves gauges");
    TAP (kind_counts (relay, "resets", 1) && s_has_labels (relay, 0),
         "and the kind resets what it counts itself");
    zactor_destroy (&relay);
}


//  --------------------------------------------------------------------------
//  Timers

enum { ONCE, THRICE, FOREVER, PAIR, SELF, SECOND, UNBORN, CHILD, CLOCK, TIMERS };

typedef struct {
    int ids [TIMERS];           //  Numbers of timers
    int partner;                //  The other one of the pair
    uint64_t calls [TIMERS];    //  Calls of each
    bool wrong;                 //  Something was not as it should be
} watch_t;

static void
s_timer_count (zrelay_engine_t *engine, void *object, int timer)
{
    watch_t *self = (watch_t *) object;
    self->wrong = self->wrong || zrelay_engine_object (engine) != object;
    for (int index = 0; index < TIMERS; index++)
        self->calls [index] += self->ids [index] == timer;
}

//  Two timers that are due at the same time: each ends both

static void
s_timer_pair (zrelay_engine_t *engine, void *object, int timer)
{
    watch_t *self = (watch_t *) object;
    self->calls [PAIR]++;
    self->wrong = self->wrong || (timer != self->partner
                               && timer != self->ids [PAIR]);
    zrelay_engine_timer_end (engine, self->partner);
    zrelay_engine_timer_end (engine, self->ids [PAIR]);
}

static void
s_timer_self (zrelay_engine_t *engine, void *object, int timer)
{
    s_timer_count (engine, object, timer);
    zrelay_engine_timer_end (engine, timer);
    zrelay_engine_timer_end (engine, timer);
}

//  Ends itself at its second call of five, and has a child at its first

static void
s_timer_second (zrelay_engine_t *engine, void *object, int timer)
{
    watch_t *self = (watch_t *) object;
    s_timer_count (engine, object, timer);
    if (self->calls [SECOND] == 1)
        self->ids [CHILD] =
            zrelay_engine_timer (engine, 0, 1, s_timer_count, NULL);
    if (self->calls [SECOND] == 2)
        zrelay_engine_timer_end (engine, timer);
}

static void *
s_watch_new (zrelay_engine_t *engine)
{
    watch_t *self = (watch_t *) zmalloc (sizeof (watch_t));
    assert (self);
    self->ids [CLOCK] =
        zrelay_engine_timer (engine, TICK_IVL, 0, s_timer_count, NULL);
    self->wrong = self->ids [CLOCK] <= 0;
    return self;
}

static int
s_watch_start (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
               zmsg_t *answer)
{
    (void) argc, (void) argv, (void) answer;
    watch_t *self = (watch_t *) object;
    int *ids = self->ids;
    ids [ONCE] = zrelay_engine_timer (engine, TICK_IVL, 1, s_timer_count, NULL);
    ids [THRICE] = zrelay_engine_timer (engine, TICK_IVL, 3, s_timer_count, NULL);
    ids [FOREVER] =
        zrelay_engine_timer (engine, TICK_IVL, 0, s_timer_count, NULL);
    ids [PAIR] = zrelay_engine_timer (engine, 0, 0, s_timer_pair, NULL);
    self->partner = zrelay_engine_timer (engine, 0, 0, s_timer_pair, NULL);
    ids [SELF] = zrelay_engine_timer (engine, 0, 0, s_timer_self, NULL);
    ids [SECOND] = zrelay_engine_timer (engine, 0, 5, s_timer_second, NULL);
    ids [UNBORN] = zrelay_engine_timer (engine, 0, 0, s_timer_count, NULL);
    zrelay_engine_timer_end (engine, ids [UNBORN]);
    zrelay_engine_timer_end (engine, ids [UNBORN]);
    zrelay_engine_timer_end (engine, 0);
    zrelay_engine_timer_end (engine, -1);
    zrelay_engine_timer_end (engine, INT_MAX);
    for (int index = 0; index < CLOCK; index++)
        for (int other = 0; other < index; other++)
            self->wrong = self->wrong || ids [other] <= 0
                       || ids [index] == ids [other];
    return ZRELAY_STATUS_DONE;
}

static int
s_watch_end (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
             zmsg_t *answer)
{
    (void) argc, (void) argv, (void) answer;
    watch_t *self = (watch_t *) object;
    zrelay_engine_timer_end (engine, self->ids [FOREVER]);
    //  Timers that have had all their calls are unknown
    zrelay_engine_timer_end (engine, self->ids [ONCE]);
    zrelay_engine_timer_end (engine, self->ids [THRICE]);
    self->calls [FOREVER] = 0;
    return ZRELAY_STATUS_DONE;
}

static const char *const s_timer_names [] = {
    "once", "thrice", "forever", "pair", "self", "second", "unborn", "child",
    "clock"
};

static void
s_watch_stats (zrelay_engine_t *engine, void *object, zmsg_t *answer)
{
    (void) engine;
    watch_t *self = (watch_t *) object;
    for (int index = 0; index < TIMERS; index++)
        zrelay_engine_stat (answer, s_timer_names [index],
                            self->calls [index]);
    zrelay_engine_stat (answer, "wrong", self->wrong);
}

static const zrelay_command_t s_watch_commands [] = {
    { ZRELAY_COMMAND, .name = "START", .args = "", .help = "timers",
      .handler = s_watch_start },
    { ZRELAY_COMMAND, .name = "END", .args = "", .help = "timers",
      .handler = s_watch_end },
    { .name = NULL }
};

static const zrelay_kind_t s_watch = {
    ZRELAY_KIND, .name = "watch", .frontend = { .types = "PULL" },
    .create = s_watch_new, .destroy = s_item_free,
    .commands = s_watch_commands, .stats = s_watch_stats
};

//  Wait until a relay's clock has ticked so often that a timer or reader would
//  have been called

static bool
s_ticks (zactor_t *relay)
{
    uint64_t now = faults_counter (relay, "clock");
    return faults_counted (relay, "clock", now + TICKS_ENOUGH);
}

static void
s_test_timers (void)
{
    zactor_t *relay = kind_spawn (&s_watch, NULL);
    TAP (s_ticks (relay), "timers: one that is made in create");
    faults_command (relay, "START", NULL);
    TAP (faults_counted (relay, "forever", TICKS_ENOUGH), "timers: for ever");
    TAP (s_ticks (relay) && kind_counts (relay, "once", 1), "timers: once");
    TAP (kind_counts (relay, "thrice", 3), "timers: three times");
    TAP (kind_counts (relay, "pair", 1),
         "timers: of two that are due, the first ends the other");
    TAP (kind_counts (relay, "self", 1), "timers: one that ends itself");
    TAP (kind_counts (relay, "second", 2),
         "timers: one that ends itself before its last call");
    TAP (kind_counts (relay, "child", 1), "timers: one made by another");
    TAP (kind_counts (relay, "unborn", 0),
         "timers: one that was ended at once");
    faults_command (relay, "END", NULL);
    TAP (s_ticks (relay) && kind_counts (relay, "forever", 0),
         "timers: one that was ended later");
    TAP (kind_counts (relay, "wrong", 0), "timers: their numbers differ");
    zactor_destroy (&relay);
}


//  --------------------------------------------------------------------------
//  Readers

typedef struct {
    zsock_t *sock;              //  PULL
    zsock_t *other;             //  PUSH to that
    int fds [2];                //  A pipe
    uint64_t messages;          //  Read from the socket
    uint64_t bytes;             //  Read from the pipe
    uint64_t rivals;            //  Calls of readers of which one ends the other
    uint64_t clock;             //  Ticks
} reader_t;

static void
s_read_sock (zrelay_engine_t *engine, void *object, void *sock, int fd)
{
    (void) engine, (void) fd;
    reader_t *self = (reader_t *) object;
    assert (sock == self->sock);
    zmsg_t *msg;
    while ((msg = zmsg_recv_nowait (sock))) {
        self->messages++;
        zmsg_destroy (&msg);
    }
}

static void
s_read_fd (zrelay_engine_t *engine, void *object, void *sock, int fd)
{
    (void) engine;
    reader_t *self = (reader_t *) object;
    assert (!sock && fd == self->fds [0]);
    char buffer [16];
    ssize_t size = read (fd, buffer, sizeof (buffer));
    assert (size > 0);
    self->bytes += (uint64_t) size;
}

//  Both are ready: each ends both

static void
s_read_rival (zrelay_engine_t *engine, void *object, void *sock, int fd)
{
    (void) sock, (void) fd;
    reader_t *self = (reader_t *) object;
    self->rivals++;
    zrelay_engine_reader_end (engine, self->sock, -1);
    zrelay_engine_reader_end (engine, NULL, self->fds [0]);
}

static void
s_reader_tick (zrelay_engine_t *engine, void *object, int timer)
{
    (void) engine, (void) timer;
    ((reader_t *) object)->clock++;
}

static void *
s_reader_new (zrelay_engine_t *engine)
{
    reader_t *self = (reader_t *) zmalloc (sizeof (reader_t));
    assert (self);
    self->sock = zsock_new_pull ("@inproc://kind-reader");
    self->other = zsock_new_push (">inproc://kind-reader");
    assert (self->sock && self->other);
    int rc = pipe (self->fds);
    assert (rc == 0);
    zrelay_engine_reader (engine, self->sock, -1, s_read_sock, NULL);
    zrelay_engine_reader (engine, NULL, self->fds [0], s_read_fd, NULL);
    zrelay_engine_timer (engine, TICK_IVL, 0, s_reader_tick, NULL);
    return self;
}

static void
s_reader_destroy (void **object_p)
{
    reader_t *self = (reader_t *) *object_p;
    zsock_destroy (&self->sock);
    zsock_destroy (&self->other);
    close (self->fds [0]);
    close (self->fds [1]);
    freen (self);
    *object_p = NULL;
}

static void
s_reader_fill (reader_t *self)
{
    zstr_send (self->other, "text");
    ssize_t size = write (self->fds [1], "byte", 4);
    assert (size == 4);
}

static int
s_reader_feed (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
               zmsg_t *answer)
{
    (void) engine, (void) argc, (void) argv, (void) answer;
    s_reader_fill ((reader_t *) object);
    return ZRELAY_STATUS_DONE;
}

static int
s_reader_end (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
              zmsg_t *answer)
{
    (void) argc, (void) argv, (void) answer;
    reader_t *self = (reader_t *) object;
    zrelay_engine_reader_end (engine, self->sock, -1);
    zrelay_engine_reader_end (engine, NULL, self->fds [0]);
    //  Those that are not read
    zrelay_engine_reader_end (engine, self->sock, -1);
    zrelay_engine_reader_end (engine, NULL, self->fds [0]);
    zrelay_engine_reader_end (engine, NULL, self->fds [1]);
    return ZRELAY_STATUS_DONE;
}

static int
s_reader_rival (zrelay_engine_t *engine, void *object, size_t argc,
                char **argv, zmsg_t *answer)
{
    (void) argc, (void) argv, (void) answer;
    reader_t *self = (reader_t *) object;
    zrelay_engine_reader (engine, self->sock, -1, s_read_rival, NULL);
    zrelay_engine_reader (engine, NULL, self->fds [0], s_read_rival, NULL);
    return ZRELAY_STATUS_DONE;
}

static const zrelay_command_t s_reader_commands [] = {
    { ZRELAY_COMMAND, .name = "FEED", .args = "", .help = "both",
      .handler = s_reader_feed },
    { ZRELAY_COMMAND, .name = "END", .args = "", .help = "both",
      .handler = s_reader_end },
    { ZRELAY_COMMAND, .name = "RIVAL", .args = "", .help = "read again",
      .handler = s_reader_rival },
    { .name = NULL }
};

static const zrelay_counter_t s_reader_counters [] = {
    { ZRELAY_COUNTER, .name = "messages",
      .offset = offsetof (reader_t, messages) },
    { ZRELAY_COUNTER, .name = "bytes", .offset = offsetof (reader_t, bytes) },
    { ZRELAY_COUNTER, .name = "rivals", .offset = offsetof (reader_t, rivals) },
    { ZRELAY_COUNTER, .name = "clock", .offset = offsetof (reader_t, clock) },
    { .name = NULL }
};

static const zrelay_kind_t s_reader = {
    ZRELAY_KIND, .name = "reader", .frontend = { .types = "PULL" },
    .create = s_reader_new, .destroy = s_reader_destroy,
    .commands = s_reader_commands, .counters = s_reader_counters
};

static void
s_test_readers (void)
{
    zactor_t *relay = kind_spawn (&s_reader, NULL);
    faults_command (relay, "FEED", NULL);
    TAP (faults_counted (relay, "messages", 1),
         "readers: of a socket of the kind's own");
    TAP (faults_counted (relay, "bytes", 4), "readers: of a descriptor");
    faults_command (relay, "FEED", NULL);
    TAP (faults_counted (relay, "messages", 2)
      && faults_counted (relay, "bytes", 8), "readers: again and again");
    faults_command (relay, "END", NULL);
    faults_command (relay, "FEED", NULL);
    TAP (s_ticks (relay) && kind_counts (relay, "messages", 2)
      && kind_counts (relay, "bytes", 8), "readers: not after their end");
    faults_command (relay, "RIVAL", NULL);
    TAP (s_ticks (relay) && kind_counts (relay, "rivals", 1),
         "readers: of two that are ready, the first ends the other");
    zactor_destroy (&relay);
}


//  --------------------------------------------------------------------------
//  Deferred answers

typedef struct {
    zlistx_t *answers;          //  zrelay_answer_t in order of time
    uint64_t kept;              //  How many these are
    bool wrong;                 //  A pointer was not nulled
} slow_t;

static void *
s_slow_new (zrelay_engine_t *engine)
{
    (void) engine;
    slow_t *self = (slow_t *) zmalloc (sizeof (slow_t));
    assert (self);
    self->answers = zlistx_new ();
    return self;
}

static void
s_slow_destroy (void **object_p)
{
    slow_t *self = (slow_t *) *object_p;
    zlistx_destroy (&self->answers);
    freen (self);
    *object_p = NULL;
}

//  Give the oldest or the newest answer. One that says "no" fails.

static void
s_slow_give (zrelay_engine_t *engine, slow_t *self, bool oldest, int status)
{
    if (oldest)
        zlistx_first (self->answers);
    else
        zlistx_last (self->answers);
    zrelay_answer_t *answer = (zrelay_answer_t *)
        zlistx_detach (self->answers, zlistx_cursor (self->answers));
    assert (answer);
    zmsg_t *frames = zmsg_new ();
    zmsg_addstrf (frames, "%zu", zlistx_size (self->answers));
    if (status != ZRELAY_STATUS_DONE)
        status = zrelay_engine_fail (engine, status, "refused at last");
    zrelay_engine_answer (engine, &answer, status, &frames);
    self->wrong = self->wrong || answer || frames;
    zmsg_destroy (&frames);
    self->kept = zlistx_size (self->answers);
}

static void
s_slow_one (zrelay_engine_t *engine, void *object, int timer)
{
    (void) timer;
    s_slow_give (engine, (slow_t *) object, true, ZRELAY_STATUS_DONE);
}

static void
s_slow_refuse (zrelay_engine_t *engine, void *object, int timer)
{
    (void) timer;
    s_slow_give (engine, (slow_t *) object, true, ZRELAY_STATUS_BAD_STATE);
}

//  The newer first, which fails

static void
s_slow_two (zrelay_engine_t *engine, void *object, int timer)
{
    (void) timer;
    s_slow_give (engine, (slow_t *) object, false, ZRELAY_STATUS_REFUSED);
    s_slow_give (engine, (slow_t *) object, false, ZRELAY_STATUS_DONE);
}

static void
s_slow_two_done (zrelay_engine_t *engine, void *object, int timer)
{
    (void) timer;
    s_slow_give (engine, (slow_t *) object, false, ZRELAY_STATUS_DONE);
    s_slow_give (engine, (slow_t *) object, false, ZRELAY_STATUS_DONE);
}

//  KEEP and ASK, with the way in which the answer is given

static int
s_slow_keep (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
             zmsg_t *answer)
{
    (void) answer;
    static const struct {
        const char *name;
        zrelay_timer_fn *function;
    } ways [] = {
        { "one", s_slow_one }, { "refuse", s_slow_refuse },
        { "two", s_slow_two }, { "two-done", s_slow_two_done }
    };
    slow_t *self = (slow_t *) object;
    zlistx_add_end (self->answers, zrelay_engine_defer (engine));
    self->kept = zlistx_size (self->answers);
    for (size_t index = 0; index < sizeof (ways) / sizeof (*ways); index++)
        if (argc > 0 && streq (argv [0], ways [index].name))
            zrelay_engine_timer (engine, HEARTBEAT_IVL, 1,
                                 ways [index].function, NULL);
    return ZRELAY_STATUS_LATER;
}

//  At once, but by way of a deferred answer

static int
s_slow_prompt (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
               zmsg_t *answer)
{
    (void) object, (void) argc, (void) argv, (void) answer;
    zrelay_answer_t *place = zrelay_engine_defer (engine);
    zrelay_engine_answer (engine, &place, ZRELAY_STATUS_DONE, NULL);
    return ZRELAY_STATUS_LATER;
}

static const zrelay_command_t s_slow_commands [] = {
    { ZRELAY_COMMAND, .name = "KEEP", .args = "[way]", .help = "later",
      .handler = s_slow_keep },
    { ZRELAY_COMMAND, .name = "ASK", .args = "[way]", .help = "later",
      .handler = s_slow_keep, .flags = ZRELAY_COMMAND_QUERY },
    { ZRELAY_COMMAND, .name = "ASK2", .args = "[way]", .help = "later",
      .handler = s_slow_keep, .flags = ZRELAY_COMMAND_QUERY },
    { ZRELAY_COMMAND, .name = "PROMPT", .args = "", .help = "at once",
      .handler = s_slow_prompt },
    { .name = NULL }
};

static void
s_slow_stats (zrelay_engine_t *engine, void *object, zmsg_t *answer)
{
    (void) engine;
    slow_t *self = (slow_t *) object;
    zrelay_engine_stat (answer, "kept", self->kept);
    zrelay_engine_stat (answer, "wrong", self->wrong);
}

static const zrelay_kind_t s_slow = {
    ZRELAY_KIND, .name = "slow", .frontend = { .types = "PULL" },
    .create = s_slow_new, .destroy = s_slow_destroy,
    .commands = s_slow_commands, .stats = s_slow_stats
};

static void
s_test_one_answer (zactor_t *relay)
{
    kind_send (relay, "KEEP", "one", NULL);
    kind_send (relay, "SET", "RELAY", "spin", "nonsense", NULL);
    kind_send (relay, "RESET", NULL);
    kind_send (relay, "STATE", NULL);
    TAP (kind_receives (relay, "STATE", "idle"),
         "deferred: a query is answered before it");
    TAP (zsock_wait (relay) == 0 && zsock_wait (relay) == 2
      && zsock_wait (relay) == 0,
         "deferred: commands behind it are answered after it, in order");
    kind_send (relay, "KEEP", "refuse", NULL);
    kind_send (relay, "RESET", NULL);
    TAP (zsock_wait (relay) == 3 && zsock_wait (relay) == 0
      && kind_explains (relay, "refused at last"),
         "deferred: it may fail, with a sentence");
    TAP (faults_command (relay, "PROMPT", NULL) == 0,
         "deferred: it may be given at once");
}

static void
s_test_deferred_queries (zactor_t *relay)
{
    kind_send (relay, "ASK", "one", NULL);
    kind_send (relay, "RESET", NULL);
    kind_send (relay, "STATE", NULL);
    TAP (kind_receives (relay, "STATE", "idle")
      && kind_receives (relay, "ASK", "0") && zsock_wait (relay) == 0,
         "deferred: a query");
    kind_send (relay, "ASK", "refuse", NULL);
    kind_send (relay, "RESET", NULL);
    TAP (zsock_wait (relay) == 3 && zsock_wait (relay) == 0,
         "deferred: a query that fails");
    kind_send (relay, "ASK", NULL);
    kind_send (relay, "ASK2", "two-done", NULL);
    TAP (kind_receives (relay, "ASK2", "1") && kind_receives (relay, "ASK", "0"),
         "deferred: two queries, each of which says its name, in the order in "
         "which they are answered");
}

static void
s_test_deferred (void)
{
    zactor_t *relay = kind_spawn (&s_slow, NULL);
    s_test_one_answer (relay);
    s_test_deferred_queries (relay);
    kind_send (relay, "KEEP", NULL);
    kind_send (relay, "KEEP", "two", NULL);
    kind_send (relay, "RESET", NULL);
    TAP (zsock_wait (relay) == 0 && zsock_wait (relay) == 4
      && zsock_wait (relay) == 0,
         "deferred: two commands, answered in reverse, in their own order");
    TAP (kind_counts (relay, "wrong", 0) && kind_counts (relay, "kept", 0),
         "deferred: answers and frames are taken");
    kind_send (relay, "KEEP", NULL);
    kind_send (relay, "ASK", NULL);
    kind_send (relay, "RESET", NULL);
    TAP (faults_counted (relay, "kept", 2) && kind_silent (relay),
         "deferred: answers that are never given");
    TAP (faults_end_relay (&relay) < FAULTS_PATIENCE,
         "deferred: are forgotten when the relay ends");
}


//  --------------------------------------------------------------------------
//  Options

typedef struct {
    int64_t retries;            //  A number
    int64_t order;              //  A word
    uint64_t changes;           //  Calls of changed
    char *motto;                //  Neither
} menu_t;

static void *
s_menu_new (zrelay_engine_t *engine)
{
    (void) engine;
    menu_t *self = (menu_t *) zmalloc (sizeof (menu_t));
    assert (self);
    self->retries = 3;
    self->motto = strdup ("none");
    return self;
}

static void
s_menu_destroy (void **object_p)
{
    menu_t *self = (menu_t *) *object_p;
    zstr_free (&self->motto);
    freen (self);
    *object_p = NULL;
}

static void
s_menu_changed (zrelay_engine_t *engine, void *object)
{
    (void) engine;
    ((menu_t *) object)->changes++;
}

static int
s_menu_set (zrelay_engine_t *engine, void *object, const char *value)
{
    menu_t *self = (menu_t *) object;
    if (strlen (value) > 10)
        return zrelay_engine_fail (engine, ZRELAY_STATUS_BAD_ARGUMENTS,
            "%s is not a motto; it takes up to 10 characters",
            zrelay_engine_quote (engine, value));
    zstr_free (&self->motto);
    self->motto = strdup (value);
    return ZRELAY_STATUS_DONE;
}

static char *
s_menu_get (zrelay_engine_t *engine, void *object)
{
    (void) engine;
    return strdup (((menu_t *) object)->motto);
}

static const char *const s_orders [] = { "first", "last", "random", NULL };

static const zrelay_setting_t s_menu_settings [] = {
    { ZRELAY_SETTING, .name = "retries", .help = "times to try again",
      .offset = offsetof (menu_t, retries), .least = -1, .most = 9,
      .changed = s_menu_changed },
    { ZRELAY_SETTING, .name = "order", .help = "which worker is next",
      .offset = offsetof (menu_t, order), .words = s_orders,
      .changed = s_menu_changed },
    { ZRELAY_SETTING, .name = "motto", .help = "words to live by",
      .set = s_menu_set, .get = s_menu_get },
    { .name = NULL }
};

static const zrelay_counter_t s_menu_counters [] = {
    { ZRELAY_COUNTER, .name = "changes", .offset = offsetof (menu_t, changes) },
    { .name = NULL }
};

static const zrelay_kind_t s_menu = {
    ZRELAY_KIND, .name = "menu", .frontend = { .types = "PULL" },
    .create = s_menu_new, .destroy = s_menu_destroy,
    .settings = s_menu_settings, .counters = s_menu_counters
};

static bool
s_has (zactor_t *relay, const char *option, const char *expected)
{
    kind_send (relay, "GET", "RELAY", option, NULL);
    return kind_receives (relay, "GET", expected);
}

//  Options to set, and what becomes of it
static const struct {
    const char *option;
    const char *value;
    int status;
    const char *after;              //  The value then
    const char *sentence;           //  Part of it, or NULL
} s_sets [] = {
    { "retries", "9", 0, "9", NULL },
    { "retries", "-1", 0, "-1", NULL },
    { "retries", "-2", 2, "-1", "'-2' is not a value for retries; it takes a "
                                "number from -1 to 9" },
    { "retries", "10", 2, "-1", "number from -1 to 9" },
    { "retries", "", 2, "-1", "'' is not a value" },
    { "retries", "1 ", 2, "-1", "'1 ' is not a value" },
    { "RETRIES", "5", 0, "5", NULL },
    { "order", "last", 0, "last", NULL },
    { "order", "RANDOM", 0, "random", NULL },
    { "order", "2", 2, "random", "'2' is not a value for order; it takes "
                                 "first, last or random" },
    { "order", "", 2, "random", "first, last or random" },
    { "motto", "brevity", 0, "brevity", NULL },
    { "motto", "", 0, "", NULL },
    { "motto", "much too long", 2, "", "'much too long' is not a motto; it "
                                       "takes up to 10 characters" },
};
#define SETS (sizeof (s_sets) / sizeof (*s_sets))

static void
s_test_options (void)
{
    zactor_t *relay = kind_spawn (&s_menu, NULL);
    TAP (s_has (relay, "retries", "3") && s_has (relay, "order", "first")
      && s_has (relay, "motto", "none"), "options have defaults");
    uint64_t changes = 0;
    for (size_t index = 0; index < SETS; index++) {
        const char *option = s_sets [index].option;
        kind_send (relay, "SET", "RELAY", option, s_sets [index].value, NULL);
        bool right = zsock_wait (relay) == s_sets [index].status
            && (!s_sets [index].sentence
             || kind_explains (relay, s_sets [index].sentence))
            && s_has (relay, option, s_sets [index].after);
        changes += s_sets [index].status == 0 && strneq (option, "motto");
        TAP (right && kind_counts (relay, "changes", changes),
             "options: %s='%s' %s", option, s_sets [index].value,
             s_sets [index].status? "is refused": "is taken");
    }
    kind_send (relay, "SET", "RELAY", "colour", "red", NULL);
    TAP (zsock_wait (relay) == 2
      && kind_explains (relay, "no option 'colour'; it has spin, "
                        "capture_security, retries, order "
                        "and motto"), "options: others do not exist");
    const char *helps [] = { NULL, "SET", "GET" };
    for (int index = 0; index < 3; index++) {
        char *help = kind_query (relay, "HELP", helps [index]);
        TAP (help && strstr (help, "retries: a number from -1 to 9; default 3\n")
          && strstr (help, "times to try again\n")
          && strstr (help, "order: first, last or random; default first\n")
          && strstr (help, "motto: any value; default none\n")
          && strstr (help, "words to live by\n"),
             "options: HELP %s explains them", index? helps [index]: "");
        zstr_free (&help);
    }
    zactor_destroy (&relay);
}


//  --------------------------------------------------------------------------
//  A kind with one side

static const zrelay_kind_t s_single = {
    ZRELAY_KIND, .name = "single", .frontend = { .types = "ROUTER" }
};

static const struct {
    const char *words [5];
    const char *sentence;
} s_refusals [] = {
    { { "BIND", "BACKEND", "inproc://x" },
      "'BACKEND' is not a side of the single; it can be FRONTEND" },
    { { "UNBIND", "BACKEND", "inproc://x" },
      "'BACKEND' is not a side of the single; it can be FRONTEND" },
    { { "CONNECT", "NOWHERE", "inproc://x" },
      "'NOWHERE' is not a side of the single; it can be FRONTEND" },
    { { "BACKEND", "DEALER", "inproc://x" }, "the single has no backend" },
    { { "ENDPOINT", "BACKEND" },
      "'BACKEND' is not a side of the single; it can be FRONTEND" },
    { { "PEERS", "BACKEND" },
      "'BACKEND' is not a side of the single; it can be FRONTEND" },
    { { "SET", "NOWHERE", "sndhwm", "1" },
      "'NOWHERE' is not a side or flow of the single; it can be FRONTEND, "
      "FORWARD or RELAY" },
    { { "SET", "BACKEND", "sndhwm", "1" }, "it can be FRONTEND, FORWARD or "
                                           "RELAY" },
    { { "SET", "RETURN", "burst", "1" }, "it can be FRONTEND, FORWARD or "
                                         "RELAY" },
    { { "GET", "RETURN", "burst" }, "it can be FRONTEND, FORWARD or RELAY" },
};
#define REFUSALS (sizeof (s_refusals) / sizeof (*s_refusals))

static bool
s_names_only_one (zactor_t *relay, const char *expected)
{
    char *sentence = faults_error (relay);
    const char *end = strrchr (sentence, ';');
    bool right = strstr (sentence, expected)
        && (!end || (!strstr (end, "BACKEND") && !strstr (end, "RETURN")));
    if (!right)
        printf ("#   the sentence was: %s\n", sentence);
    zstr_free (&sentence);
    return right;
}

static void
s_test_single (void)
{
    zactor_t *relay = kind_spawn (&s_single, NULL);
    for (size_t index = 0; index < REFUSALS; index++) {
        const char *const *words = s_refusals [index].words;
        kind_send (relay, words [0], words [1], words [2], words [3], words [4],
                   NULL);
        TAP (zsock_wait (relay) == 2
          && s_names_only_one (relay, s_refusals [index].sentence),
             "one side: %s %s", words [0], words [1]);
    }
    zsock_send (relay, "sspp", "FILTER", "RETURN", s_test_single, NULL);
    TAP (zsock_wait (relay) == 2 && s_names_only_one (relay,
         "'RETURN' is not a flow of the single; it can be FORWARD"),
         "one side: FILTER RETURN");
    TAP (faults_command (relay, "SET", "FORWARD", "burst", "7", NULL) == 0
      && faults_command (relay, "SET", "FRONTEND", "sndhwm", "7", NULL) == 0,
         "one side: what it has can be set");
    zrelay_stats_t *stats = zrelay_stats_query (relay);
    TAP (stats && zrelay_stats_has (stats, "frontend.in.messages")
      && zrelay_stats_has (stats, "forward.dropped")
      && !zrelay_stats_has (stats, "backend.in.messages")
      && !zrelay_stats_has (stats, "return.dropped"),
         "one side: is counted alone");
    zrelay_stats_destroy (&stats);
    TAP (faults_command (relay, "BIND", "FRONTEND", "inproc://single", NULL)
         == 0, "one side: is bound");
    char *state = kind_query (relay, "STATE", NULL);
    TAP (state && streq (state, "active"), "one side: is enough");
    zstr_free (&state);
    zactor_destroy (&relay);
}


//  --------------------------------------------------------------------------
//  Names

#define HUNDRED_LETTERS SIXTY_LETTERS \
    TEN_LETTERS TEN_LETTERS TEN_LETTERS TEN_LETTERS

static const struct {
    const char *given;
    const char *name;
} s_names [] = {
    { NULL, "single" },
    { "", "single" },
    { "orders-1.eu_West", "orders-1.eu_West" },
    { "two words", "two_words" },
    { "a{b=\"c\"}\n\t\\,;", "a_b__c_______" },
    { "caf\303\251", "caf__" },
    { "\377\1", "__" },
    { HUNDRED_LETTERS HUNDRED_LETTERS,
      HUNDRED_LETTERS TEN_LETTERS TEN_LETTERS "abcdefg" },
};
#define NAMES (sizeof (s_names) / sizeof (*s_names))

static void
s_test_names (void)
{
    for (size_t index = 0; index < NAMES; index++) {
        zactor_t *relay = kind_spawn (&s_single, s_names [index].given);
        zrelay_stats_t *stats = zrelay_stats_query (relay);
        TAP (stats && streq (zrelay_stats_name (stats), s_names [index].name)
          && streq (zrelay_stats_kind (stats), "single"),
             "names: %s", s_names [index].name);
        zrelay_stats_destroy (&stats);
        zactor_destroy (&relay);
    }
}

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, NULL);
    TAP_DEADLINE (DEADLINE);
    for (int forward = 0; forward < 2; forward++) {
        s_test_verdicts (&s_judge, forward);
        s_test_verdicts (&s_judge_of_zmsgs, forward);
    }
    s_test_drain (&s_balancer);
    s_test_drain (&s_stateless);
    s_test_pause (&s_balancer);
    s_test_pause (&s_stateless);
    s_test_counts ();
    s_test_timers ();
    s_test_readers ();
    s_test_deferred ();
    s_test_options ();
    s_test_single ();
    s_test_names ();
    return faults_end ();
}
