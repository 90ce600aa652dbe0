/*  =========================================================================
    protocol_fuzz - peers that break the protocols in every way, for long

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  A balancer and a majordomo, in this process, have two kinds of peers. Honest
//  ones keep to the protocols (honest.h), and must be served. Hostile ones know
//  the structure of every message, and send it with each frame missing,
//  doubled, too long, empty, or of the other version, as workers that are none,
//  for clients that never asked, and so on. They come and go.
//
//  The run consists of rounds. In the fair half of one, the relays are set so
//  that no honest request may be lost, and each honest client must be answered
//  while the hostile peers go on. In the harsh half the settings change at
//  random, so that requests are dropped for every reason. Then all hostile
//  peers leave, and nothing of them may remain. At each STATS the account must
//  balance.
//
//  FUZZ_SECONDS is how long it takes, FUZZ_SEED makes chance begin where it did
//  in another run, FUZZ_VERBOSE shows each round. How long things may take is
//  counted in what else happens meanwhile, not in time.

#include "faults/faults.h"
#include "faults/wire.h"
#include "chance.h"
#include "honest.h"

#define SECONDS 10
#define PATIENCE 60000          //  Msecs without any progress: it hangs
#define HALF 800                //  Msecs of each half of a round
#define HOSTILES 40             //  Hostile peers of each relay at a time
#define LIFE 120                //  Most messages of one
#define PER_TURN 6              //  Hostile peers that act between two looks at
                                //  the honest ones
#define STATS_IVL 25            //  Msecs between two looks at the account
#define GENERATIONS 40          //  So many times all hostile peers have come
                                //  and gone until an honest one is not served
#define FRAMES 12               //  Most frames of a template
#define LONG_FRAME 70000        //  Bytes
#define DEEP 600                //  Most frames of an address
#define SERVICES 700            //  Names of services, besides the odd ones
#define GROWTH 24576            //  KiB that memory may grow in the second half
#define IDENTITIES 40           //  Routing ids that hostile peers take again
#define REST 500                //  Msecs until one is taken again: libzmq keeps
                                //  what a second peer of that id has sent until
                                //  the ROUTER closes
#define BIRTH_IVL 3             //  Msecs at least between two new peers of a
                                //  relay; closed sockets take time to go
#define TWINS 20                //  Peers that take one that is in use

//  Where a message belongs, as bits
enum {
    CLIENTS = 1,                //  The balancer's frontend
    WORKERS = 2,                //  The balancer's backend
    BROKER = 4                  //  The majordomo
};


//  --------------------------------------------------------------------------
//  Chance

static uint64_t s_state;

static size_t
s_below (size_t limit)
{
    return (size_t) chance_below (&s_state, limit);
}

static bool
s_one_in (size_t count)
{
    return s_below (count) == 0;
}


//  --------------------------------------------------------------------------
//  Words in templates that stand for something

static byte s_bytes [LONG_FRAME];

static zframe_t *
s_noise (void)
{
    byte data [40];
    size_t size = s_below (sizeof (data));
    for (size_t index = 0; index < size; index++)
        data [index] = (byte) chance_next (&s_state);
    return zframe_new (data, size);
}

static zframe_t *
s_text (const char *text)
{
    return zframe_new (text, strlen (text));
}

//  What hostile peers say never begins as an honest reply does

static zframe_t *
s_body (void)
{
    return s_one_in (50)? zframe_new (s_bytes, s_below (LONG_FRAME)):
           s_one_in (10)? s_noise (): s_text ("hostile");
}

//  The address of a client that is there, or was, or never has been

static zframe_t *
s_address (void)
{
    zframe_t *id = honest_client_id ((unsigned) s_below (HONEST_CLIENTS));
    if (id && !s_one_in (4))
        return zframe_dup (id);
    byte made_up [5] = { 0, (byte) s_below (256), (byte) s_below (256), 0, 1 };
    return s_one_in (2)? zframe_new (made_up, sizeof (made_up)): s_noise ();
}

static zframe_t *
s_service (void)
{
    static const struct {
        const void *data;
        size_t size;
    } odd [] = {
        { "", 0 }, { "\0", 1 }, { "a\0b", 3 }, { "mmi.", 4 }, { "mmi", 3 },
        { "mmi.service", 11 }, { "mmi.services", 12 }, { "mmi.nonsense", 12 },
        { "mmi.\0", 5 }, { "\xff\xfe\x01 \n", 5 }, { "%s%n", 4 },
        { "MDPC01", 6 }, { s_bytes, 255 }, { s_bytes, 256 },
        { s_bytes, LONG_FRAME }
    };
    if (s_one_in (3)) {
        size_t which = s_below (sizeof (odd) / sizeof (*odd));
        return zframe_new (odd [which].data, odd [which].size);
    }
    if (s_one_in (3))
        return s_text ("coffee");
    char name [20];
    snprintf (name, sizeof (name), "service-%zu", s_below (SERVICES));
    return s_text (name);
}

static const struct {
    const char *word;
    zframe_t *(*make) (void);
} s_words [] = {
    { "%body", s_body }, { "%address", s_address }, { "%service", s_service },
    { "%noise", s_noise }, { NULL, NULL }
};

static zframe_t *
s_frame (const char *word)
{
    int index = 0;
    while (s_words [index].word && strneq (s_words [index].word, word))
        index++;
    return s_words [index].word? s_words [index].make (): s_text (word);
}


//  --------------------------------------------------------------------------
//  Messages as they should be

typedef struct {
    unsigned where;
    const char *frames [FRAMES];
} template_t;

static const template_t s_templates [] = {
    //  Requests to the balancer: of a REQ, of a DEALER, by two more ROUTERs
    { CLIENTS, { "", "%body" } },
    { CLIENTS, { "%body" } },
    { CLIENTS, { "", "%body", "%body", "%body" } },
    { CLIENTS, { "%noise", "%address", "", "%body" } },
    //  Words of its workers, PPP and REQ
    { WORKERS, { "\x01" } },
    { WORKERS, { "\x02" } },
    { WORKERS, { "%address", "", "%body" } },
    { WORKERS, { "%address", "hop", "\x01", "", "%body" } },
    { WORKERS, { "", "READY" } },
    { WORKERS, { "", "\x01" } },
    { WORKERS, { "", "%address", "", "%body" } },
    //  Majordomo 0.1
    { BROKER, { "", "MDPC01", "%service", "%body" } },
    { BROKER, { "", "MDPC01", "mmi.service", "%service" } },
    { BROKER, { "", "MDPC01", "mmi.services" } },
    { BROKER, { "", "MDPW01", "\x01", "%service" } },
    { BROKER, { "", "MDPW01", "\x02", "%address", "", "%body" } },
    { BROKER, { "", "MDPW01", "\x03", "%address", "", "%body" } },
    { BROKER, { "", "MDPW01", "\x04" } },
    { BROKER, { "", "MDPW01", "\x05" } },
    //  Majordomo 0.2
    { BROKER, { "MDPC02", "\x01", "%service", "%body" } },
    { BROKER, { "MDPC02", "\x01", "mmi.service", "%service" } },
    { BROKER, { "MDPC02", "\x02", "%service", "%body" } },
    { BROKER, { "MDPW02", "\x01", "%service" } },
    { BROKER, { "MDPW02", "\x02", "%address", "", "%body" } },
    { BROKER, { "MDPW02", "\x03", "%address", "", "%body" } },
    { BROKER, { "MDPW02", "\x04", "%address", "", "%body" } },
    { BROKER, { "MDPW02", "\x05" } },
    { BROKER, { "MDPW02", "\x06" } },
    //  Nothing of all that
    { CLIENTS | WORKERS | BROKER, { "" } },
    { CLIENTS | WORKERS | BROKER, { "%noise" } },
    { CLIENTS | WORKERS | BROKER, { "", "" } },
    { CLIENTS | WORKERS | BROKER, { "%noise", "%noise", "", "%noise" } },
};
#define TEMPLATES (sizeof (s_templates) / sizeof (*s_templates))

static zmsg_t *
s_compose (const template_t *template)
{
    zmsg_t *msg = zmsg_new ();
    for (int index = 0; index < FRAMES && template->frames [index]; index++) {
        zframe_t *frame = s_frame (template->frames [index]);
        zmsg_append (msg, &frame);
    }
    return msg;
}

static zmsg_t *
s_compose_any (unsigned where)
{
    size_t which;
    do
        which = s_below (TEMPLATES);
    while (!(s_templates [which].where & where));
    return s_compose (&s_templates [which]);
}


//  --------------------------------------------------------------------------
//  What is done to them. Each of these makes of one frame those that take its
//  place.

typedef void (mutation_fn) (zmsg_t *msg, zframe_t **frame_p);

static void
s_missing (zmsg_t *msg, zframe_t **frame_p)
{
    (void) msg;
    zframe_destroy (frame_p);
}

static void
s_doubled (zmsg_t *msg, zframe_t **frame_p)
{
    zframe_t *copy = zframe_dup (*frame_p);
    zmsg_append (msg, &copy);
    zmsg_append (msg, frame_p);
}

//  By a byte, or by many

static void
s_longer (zmsg_t *msg, zframe_t **frame_p)
{
    size_t size = zframe_size (*frame_p);
    size_t more = s_one_in (2)? 1: 1 + s_below (LONG_FRAME);
    zframe_t *frame = zframe_new (NULL, size + more);
    memcpy (zframe_data (frame), zframe_data (*frame_p), size);
    memcpy (zframe_data (frame) + size, s_bytes, more);
    zmsg_append (msg, &frame);
}

static void
s_shorter (zmsg_t *msg, zframe_t **frame_p)
{
    size_t size = zframe_size (*frame_p);
    zmsg_addmem (msg, zframe_data (*frame_p), size > 0? size - 1: 0);
}

static void
s_empty (zmsg_t *msg, zframe_t **frame_p)
{
    (void) frame_p;
    zmsg_addmem (msg, NULL, 0);
}

//  What the other version, or the other form of worker, has in that place

static void
s_other (zmsg_t *msg, zframe_t **frame_p)
{
    static const char *const pairs [] [2] = {
        { "MDPC01", "MDPC02" }, { "MDPC02", "MDPC01" },
        { "MDPW01", "MDPW02" }, { "MDPW02", "MDPW01" },
        { "READY", "\x01" }, { "\x01", "READY" }, { "\x02", "\x03" },
        { "\x03", "\x04" }, { "\x04", "\x05" }, { "\x05", "\x06" },
        { "\x06", "\x05" }, { "", "MDPW02" }
    };
    for (size_t index = 0; index < sizeof (pairs) / sizeof (*pairs); index++)
        if (zframe_streq (*frame_p, pairs [index] [0])) {
            zmsg_addstr (msg, pairs [index] [1]);
            return;
        }
    zmsg_append (msg, frame_p);
}

static void
s_unknown (zmsg_t *msg, zframe_t **frame_p)
{
    (void) frame_p;
    byte command = s_one_in (2)? 0: (byte) (7 + s_below (249));
    zmsg_addmem (msg, &command, 1);
}

static void
s_noisy (zmsg_t *msg, zframe_t **frame_p)
{
    (void) frame_p;
    zframe_t *frame = s_noise ();
    zmsg_append (msg, &frame);
}

static void
s_followed (zmsg_t *msg, zframe_t **frame_p)
{
    zframe_t *frame = s_one_in (2)? s_noise (): s_address ();
    zmsg_append (msg, frame_p);
    zmsg_append (msg, &frame);
}

//  Hundreds of frames in front, as if of an address

static void
s_deeper (zmsg_t *msg, zframe_t **frame_p)
{
    for (size_t left = 100 + s_below (DEEP - 100); left > 0; left--)
        zmsg_addmem (msg, s_bytes, 1 + left % 5);
    zmsg_append (msg, frame_p);
}

static mutation_fn *const s_mutations [] = {
    s_missing, s_doubled, s_longer, s_shorter, s_empty, s_other, s_unknown,
    s_noisy, s_followed, s_deeper
};
#define MUTATIONS (sizeof (s_mutations) / sizeof (*s_mutations))

static void
s_mutate (zmsg_t **msg_p, mutation_fn *mutation, size_t place)
{
    zmsg_t *result = zmsg_new ();
    zframe_t *frame;
    for (size_t index = 0; (frame = zmsg_pop (*msg_p)); index++) {
        if (index == place)
            mutation (result, &frame);
        else
            zmsg_append (result, &frame);
        zframe_destroy (&frame);
    }
    zmsg_destroy (msg_p);
    *msg_p = result;
}

static void
s_mutate_somehow (zmsg_t **msg_p)
{
    while (s_one_in (2) && zmsg_size (*msg_p) > 0)
        s_mutate (msg_p, s_mutations [s_below (MUTATIONS)],
                  s_below (zmsg_size (*msg_p)));
}


//  --------------------------------------------------------------------------
//  A relay, and its account

#define HONEST_MOST 20

typedef struct _hostile_t hostile_t;

typedef struct {
    const char *kind;
    zactor_t *actor;
    char *endpoints [2];
    honest_t *honest [HONEST_MOST];
    size_t count;               //  Of honest peers
    hostile_t *hostile [HOSTILES];
    int64_t birth_at;           //  When the next hostile peer may come
    uint64_t asked_at [HONEST_MOST];    //  Generation of the question, or 0
    uint64_t question [HONEST_MOST];    //  Its number
    uint64_t teased [HONEST_MOST];  //  As it was then
    uint64_t base [HONEST_MOST];    //  Answers at the beginning of the half
    uint64_t generation;        //  How often all hostile peers left, from 1
    uint64_t marked;            //  The youngest when that was counted last
    uint64_t next_lesson;       //  Next message of the systematic part
    uint64_t older;             //  Requests that came before the last RESET
    bool was_reset;             //  There was a RESET since the last look
    uint64_t looks;             //  At the account
    uint64_t unbalanced;        //  Times that it did not balance
    uint64_t unserved;          //  Times that an honest client was not served
    uint64_t broken;            //  Queries that made no sense
    //  As STATS told last
    uint64_t waiting;
    uint64_t in_hand;
    uint64_t workers;
    uint64_t peers;
    uint64_t replies;
    uint64_t invalid;           //  And all these, although RESET sets them back
    uint64_t late;
    uint64_t drops [4];
} target_t;

enum { BALANCER, MAJORDOMO, TARGETS };
static target_t s_targets [TARGETS];
static uint64_t s_sent, s_unsent, s_came, s_rounds;
static int64_t s_stats_at;
static bool s_verbose;

static const char *const s_drops [] = {
    "forward.dropped_queue_full", "forward.dropped_deadline",
    "forward.dropped_retries", "forward.dropped_client_gone"
};
#define DROPS (sizeof (s_drops) / sizeof (*s_drops))

static uint64_t
s_value (target_t *self, zrelay_stats_t *stats, const char *name)
{
    if (!zrelay_stats_has (stats, name)) {
        printf ("#   %s: no counter %s\n", self->kind, name);
        self->broken++;
    }
    return zrelay_stats_value (stats, name);
}

static bool
s_balances (target_t *self, zrelay_stats_t *stats, uint64_t dropped)
{
    uint64_t requests = s_value (self, stats, "requests");
    uint64_t free = s_value (self, stats, "workers_free");
    self->replies = s_value (self, stats, "replies");
    self->waiting = s_value (self, stats, "requests_waiting");
    self->in_hand = s_value (self, stats, "requests_in_hand");
    self->workers = s_value (self, stats, "workers");
    self->peers = s_value (self, stats, "frontend.peers");
    if (self->endpoints [1])
        self->peers += s_value (self, stats, "backend.peers");
    if (requests == self->replies + self->waiting + self->in_hand + dropped
    &&  free + self->in_hand <= self->workers
    &&  (self->waiting > 0
      || s_value (self, stats, "requests_waiting_bytes") == 0))
        return true;
    printf ("#   %s: %" PRIu64 " requests, %" PRIu64 " replies, %" PRIu64
            " waiting, %" PRIu64 " in hand, %" PRIu64 " dropped; %" PRIu64
            " workers, %" PRIu64 " free\n", self->kind, requests,
            self->replies, self->waiting, self->in_hand, dropped,
            self->workers, free);
    return false;
}

//  What comes to the balancer's frontend is a request, or it is invalid. RESET
//  leaves requests that are inside as if they had come since.

static bool
s_frontend_balances (target_t *self, zrelay_stats_t *stats)
{
    uint64_t before = self->older;
    self->older = s_value (self, stats, "requests")
                + s_value (self, stats, "forward.dropped_invalid")
                - s_value (self, stats, "frontend.in.messages");
    bool was_reset = self->was_reset;
    self->was_reset = false;
    if (was_reset || self->older == before)
        return true;
    printf ("#   %s: %" PRIu64 " messages are neither request nor invalid\n",
            self->kind, before - self->older);
    return false;
}

static void
s_print_stats (zrelay_stats_t *stats)
{
    char *text = zrelay_stats_json (stats);
    printf ("#   %.4000s\n", text);
    zstr_free (&text);
}

static void
s_print_answer (zmsg_t *answer)
{
    zframe_t *frame = answer? zmsg_first (answer): NULL;
    for (; frame; frame = zmsg_next (answer)) {
        char *text = zframe_strdup (frame);
        printf ("#       %s\n", text);
        zstr_free (&text);
    }
}

static void
s_print_query (target_t *self, const char *query)
{
    zstr_send (self->actor, query);
    zmsg_t *answer = zmsg_recv (self->actor);
    s_print_answer (answer);
    zmsg_destroy (&answer);
}

static void
s_look (target_t *self)
{
    zstr_send (self->actor, "STATS");
    zmsg_t *answer = zmsg_recv (self->actor);
    zrelay_stats_t *stats = zrelay_stats_new (answer);
    if (!stats) {
        printf ("#   %s: STATS made no sense\n", self->kind);
        if (self->broken++ == 0)
            s_print_answer (answer);
        zmsg_destroy (&answer);
        return;
    }
    zmsg_destroy (&answer);
    uint64_t dropped = 0;
    for (size_t index = 0; index < DROPS; index++) {
        self->drops [index] = s_value (self, stats, s_drops [index]);
        dropped += self->drops [index];
    }
    self->invalid = s_value (self, stats, "forward.dropped_invalid");
    self->late = s_value (self, stats, "forward.dropped_late");
    if (self->endpoints [1]) {
        self->invalid += s_value (self, stats, "return.dropped_invalid");
        self->late += s_value (self, stats, "return.dropped_late");
    }
    self->looks++;
    bool balances = s_balances (self, stats, dropped);
    if (balances && self->endpoints [1])
        balances = s_frontend_balances (self, stats);
    if (!balances && self->unbalanced++ < 3)
        s_print_stats (stats);
    zrelay_stats_destroy (&stats);
}

//  Returns how many frames the answer to a query has, besides its name. They
//  must be rows of so many.

static size_t
s_rows (target_t *self, const char *query, size_t columns)
{
    zstr_send (self->actor, query);
    zmsg_t *answer = zmsg_recv (self->actor);
    char *name = answer && zmsg_signal (answer) == -1? zmsg_popstr (answer):
                 NULL;
    size_t frames = answer? zmsg_size (answer): 0;
    if (!name || strneq (name, query) || frames % columns != 0) {
        printf ("#   %s: %s: %zu frames\n", self->kind, query, frames);
        self->broken++;
    }
    zstr_free (&name);
    zmsg_destroy (&answer);
    return frames / columns;
}

static void
s_set (target_t *self, const char *name, int64_t value)
{
    char text [24];
    snprintf (text, sizeof (text), "%" PRId64, value);
    int status = faults_command (self->actor, "SET", "RELAY", name, text,
                                 NULL);
    self->broken += status != 0;
}


//  --------------------------------------------------------------------------
//  Sockets that close. If one has just sent something, libzmq 4.3.4 may leak
//  the frames of a message that has come to it in part, see doc/security.md,
//  which sanitizers would report. So under sanitizers libzmq's I/O thread, of
//  which there is one, has sent all before: what goes through it now comes
//  later, and of two round trips the first may have been under way.

#define ROUND_TRIPS 2

static zsock_t *s_ends [2];     //  Connected by tcp

static void
s_begin_settling (void)
{
    s_ends [0] = faults_listen (ZMQ_PAIR);
    s_ends [1] = faults_connect (ZMQ_PAIR, zsock_endpoint (s_ends [0]));
}

static void
s_end_settling (void)
{
    zsock_destroy (&s_ends [0]);
    zsock_destroy (&s_ends [1]);
}

static void
s_settle (void)
{
    for (int left = FAULTS_SANITIZED? 2 * ROUND_TRIPS: 0; left > 0; left--) {
        zsock_signal (s_ends [left % 2], 0);
        int rc = zsock_wait (s_ends [!(left % 2)]);
        assert (rc == 0);
    }
}


//  --------------------------------------------------------------------------
//  Hostile peers

typedef void (act_fn) (hostile_t *self);

struct _hostile_t {
    target_t *target;
    unsigned where;             //  One of the bits above
    const char *endpoint;
    zsock_t *sock;              //  A DEALER
    act_fn *act;
    uint64_t birth;             //  The how manieth it is
    size_t left;                //  Messages that it will send
    size_t step;                //  Those that it has sent
    int identity;               //  Place of its routing id, or -1
};

//  When each routing id may be taken again; INT64_MAX: it is in use
static int64_t s_free_at [IDENTITIES];
static size_t s_twins;

static void
s_send (hostile_t *self, zmsg_t **msg_p)
{
    self->step++;
    if (zmsg_size (*msg_p) > 0 && zmsg_send (msg_p, self->sock) == 0)
        s_sent++;
    else
        s_unsent++;
    zmsg_destroy (msg_p);
}

static void
s_say (hostile_t *self, const char *const *frames)
{
    template_t template = { .where = self->where };
    for (int index = 0; index < FRAMES - 1 && frames [index]; index++)
        template.frames [index] = frames [index];
    zmsg_t *msg = s_compose (&template);
    s_send (self, &msg);
}
#define SAY(self, ...) \
    s_say (self, (const char *const []) { __VA_ARGS__, NULL })

//  Take what has come; returns the last message, or NULL

static zmsg_t *
s_read (hostile_t *self)
{
    zmsg_t *last = NULL;
    zmsg_t *msg;
    for (int left = 20; left > 0 && (msg = zmsg_recv (self->sock)); left--) {
        zmsg_destroy (&last);
        last = msg;
    }
    return last;
}

static void
s_ignore (hostile_t *self)
{
    zmsg_t *msg = s_read (self);
    zmsg_destroy (&msg);
}

//  Anything that belongs here, changed or not

static void
s_act_mutant (hostile_t *self)
{
    zmsg_t *msg = s_compose_any (self->where);
    s_mutate_somehow (&msg);
    s_send (self, &msg);
    if (s_one_in (3))
        s_ignore (self);
}

//  Every frame of every message changed in every way, one after the other

static void
s_act_lesson (hostile_t *self)
{
    uint64_t lesson = self->target->next_lesson++;
    size_t place = (size_t) (lesson % FRAMES);
    size_t mutation = (size_t) (lesson / FRAMES % MUTATIONS);
    size_t which = (size_t) (lesson / FRAMES / MUTATIONS % TEMPLATES);
    const template_t *template = &s_templates [which];
    if (!(template->where & self->where) || !template->frames [place]) {
        self->left++;
        return;
    }
    zmsg_t *msg = s_compose (template);
    s_mutate (&msg, s_mutations [mutation], place);
    s_send (self, &msg);
}

//  Something that is not of this place at all

static void
s_act_lost (hostile_t *self)
{
    zmsg_t *msg = s_compose_any (CLIENTS | WORKERS | BROKER);
    if (self->where == WORKERS || self->where == CLIENTS)
        s_mutate_somehow (&msg);
    s_send (self, &msg);
}

static void
s_ready (hostile_t *self)
{
    if (self->where == BROKER) {
        if (s_one_in (2))
            SAY (self, "", "MDPW01", "\x01", "%service");
        else
            SAY (self, "MDPW02", "\x01", "%service");
    }
    else
    if (s_one_in (3))
        SAY (self, "\x01");
    else
    if (s_one_in (2))
        SAY (self, "", "READY");
    else
        SAY (self, "", "\x01");
}

static void
s_ask (hostile_t *self)
{
    if (self->where == CLIENTS)
        SAY (self, "", "%body");
    else
    if (s_one_in (2))
        SAY (self, "", "MDPC01", "%service", "%body");
    else
        SAY (self, "MDPC02", "\x01", "%service", "%body");
}

//  Ready, and gone

static void
s_act_fickle (hostile_t *self)
{
    if (self->where == CLIENTS)
        s_ask (self);
    else
        s_ready (self);
    if (s_one_in (3))
        self->left = 0;
}

//  Ready, again and again

static void
s_act_eager (hostile_t *self)
{
    if (self->step % 3 == 0)
        s_ready (self);
    else
        s_act_mutant (self);
}

//  Asks much, and reads nothing

static void
s_act_deaf (hostile_t *self)
{
    s_ask (self);
}

//  Turn what was given to a worker into its reply

static void
s_turn_around (zmsg_t *msg, bool part)
{
    zframe_t *frame = zmsg_first (msg);
    for (int index = 0; frame && index < 3; index++) {
        if (zframe_streq (frame, "\x02")) {
            bool later = index == 1;    //  Version 0.2
            zframe_t *command = s_text (later && !part? "\x04": "\x03");
            zframe_reset (frame, zframe_data (command), 1);
            zframe_destroy (&command);
            return;
        }
        frame = zmsg_next (msg);
    }
}

//  A worker that takes what it gets, and replies wrongly, twice, or for others

static void
s_act_worker (hostile_t *self)
{
    if (self->step == 0) {
        s_ready (self);
        return;
    }
    zmsg_t *msg = s_read (self);
    if (!msg || zmsg_size (msg) < 3) {
        zmsg_destroy (&msg);
        if (s_one_in (4))
            s_act_mutant (self);
        else
            self->step++;
        return;
    }
    s_turn_around (msg, s_one_in (5));
    if (s_one_in (3))
        s_mutate_somehow (&msg);
    zmsg_t *again = s_one_in (3)? zmsg_dup (msg): NULL;
    s_send (self, &msg);
    if (again)
        s_send (self, &again);
}

//  Says once, as its first word, that it has a reply to somebody's request;
//  with a worker's routing id, if it has one. It was never given any.

static void
s_act_impostor (hostile_t *self)
{
    if (self->where == BROKER) {
        if (s_one_in (2))
            SAY (self, "", "MDPW01", "\x03", "%address", "", HONEST_FORGED);
        else
            SAY (self, "MDPW02", "\x04", "%address", "", HONEST_FORGED);
    }
    else
    if (s_one_in (2))
        SAY (self, "", "%address", "", HONEST_FORGED);
    else
        SAY (self, "%address", "", HONEST_FORGED);
    //  Some stay
    self->left = s_one_in (2)? 0: self->left;
    self->act = s_ignore;
}

//  Hundreds of frames

static void
s_act_deep (hostile_t *self)
{
    zmsg_t *msg = s_compose_any (self->where);
    s_mutate (&msg, s_deeper, s_below (zmsg_size (msg)));
    s_send (self, &msg);
}

//  Connections that end in the middle of a message

static void
s_act_torn (hostile_t *self)
{
    self->step++;
    int fd = wire_connect (self->endpoint);
    if (fd != -1 && wire_handshake (fd, "DEALER")) {
        wire_frame (fd, WIRE_MORE, "", 0);
        if (s_one_in (2))
            wire_frame (fd, WIRE_MORE, "MDPW01", 6);
        wire_half_frame (fd, s_one_in (2)? WIRE_MORE: 0, 1000, 10);
        s_sent++;
    }
    if (fd != -1)
        wire_close (fd, s_one_in (2));
    self->left = 0;
}

static const struct {
    act_fn *act;
    unsigned where;
    size_t weight;
} s_roles [] = {
    { s_act_mutant, CLIENTS | WORKERS | BROKER, 8 },
    { s_act_lesson, CLIENTS | WORKERS | BROKER, 6 },
    { s_act_lost, CLIENTS | WORKERS | BROKER, 2 },
    { s_act_fickle, CLIENTS | WORKERS | BROKER, 4 },
    { s_act_eager, WORKERS | BROKER, 3 },
    { s_act_deaf, CLIENTS | BROKER, 2 },
    { s_act_worker, WORKERS | BROKER, 6 },
    { s_act_impostor, WORKERS | BROKER, 6 },
    { s_act_deep, CLIENTS | WORKERS | BROKER, 1 },
    { s_act_torn, CLIENTS | WORKERS | BROKER, 1 },
};
#define ROLES (sizeof (s_roles) / sizeof (*s_roles))

static act_fn *
s_role (unsigned where)
{
    size_t total = 0;
    for (size_t index = 0; index < ROLES; index++)
        total += s_roles [index].where & where? s_roles [index].weight: 0;
    size_t dice = s_below (total);
    for (size_t index = 0; index < ROLES; index++) {
        size_t weight = s_roles [index].where & where?
                        s_roles [index].weight: 0;
        if (dice < weight)
            return s_roles [index].act;
        dice -= weight;
    }
    return s_act_mutant;
}

//  Some take a routing id that others had before them, or have

static int
s_take_identity (void)
{
    int which = (int) s_below (IDENTITIES);
    int64_t free_at = s_free_at [which];
    if (free_at == INT64_MAX && s_twins < TWINS) {
        s_twins++;
        return which;
    }
    if (zclock_mono () < free_at)
        return -1;
    s_free_at [which] = INT64_MAX;
    return which;
}

static void
s_connect (hostile_t *self)
{
    self->sock = zsock_new (ZMQ_DEALER);
    assert (self->sock);
    zsock_set_rcvtimeo (self->sock, 0);
    zsock_set_sndtimeo (self->sock, 0);
    self->identity = s_one_in (2)? s_take_identity (): -1;
    if (self->identity != -1) {
        char id [20];
        snprintf (id, sizeof (id), "hostile-%d", self->identity);
        zsock_set_identity (self->sock, id);
    }
    if (self->act == s_act_deaf) {
        zsock_set_rcvhwm (self->sock, 1);
        zsock_set_rcvbuf (self->sock, 4096);
    }
    int rc = zsock_connect (self->sock, "%s", self->endpoint);
    assert (rc == 0);
}

static hostile_t *
s_hostile_new (target_t *target)
{
    hostile_t *self = (hostile_t *) zmalloc (sizeof (hostile_t));
    assert (self);
    self->target = target;
    self->birth = ++s_came;
    bool back = target->endpoints [1] && s_one_in (2);
    self->where = !target->endpoints [1]? BROKER: back? WORKERS: CLIENTS;
    self->endpoint = target->endpoints [back];
    self->act = s_role (self->where);
    self->left = 1 + s_below (LIFE);
    s_connect (self);
    return self;
}

//  What it has sent may still arrive, or not

static void
s_hostile_destroy (hostile_t **self_p)
{
    hostile_t *self = *self_p;
    if (!self)
        return;
    zsock_set_linger (self->sock, s_one_in (3)? 0: 100);
    zsock_destroy (&self->sock);
    if (self->identity != -1)
        s_free_at [self->identity] = zclock_mono () + REST;
    freen (self);
    *self_p = NULL;
}

//  One of a relay's hostile peers does one thing. Acts that send nothing count,
//  so that nobody stays for ever.

static void
s_provoke (target_t *target)
{
    hostile_t **place = &target->hostile [s_below (HOSTILES)];
    if (!*place) {
        if (zclock_mono () >= target->birth_at) {
            *place = s_hostile_new (target);
            target->birth_at = zclock_mono () + BIRTH_IVL;
        }
        return;
    }
    hostile_t *self = *place;
    if (self->left > 0)
        self->left--;
    self->act (self);
    if (self->left == 0) {
        s_settle ();
        s_hostile_destroy (place);
    }
}

static void
s_banish (target_t *self)
{
    s_settle ();
    for (size_t index = 0; index < HOSTILES; index++)
        s_hostile_destroy (&self->hostile [index]);
}

//  A generation is over when all that were there at its beginning have left

static void
s_count_generation (target_t *self)
{
    size_t youth = 0;
    for (size_t index = 0; index < HOSTILES; index++)
        if (self->hostile [index]) {
            if (self->hostile [index]->birth <= self->marked)
                return;
            youth++;
        }
    //  Not while they gather
    if (youth < HOSTILES / 2)
        return;
    self->marked = s_came;
    self->generation++;
}


//  --------------------------------------------------------------------------
//  Honest peers

static void
s_return (honest_t *peer)
{
    s_settle ();
    honest_return (peer);
}

static const struct {
    int target;
    honest_form_t form;
    const char *service;
} s_honest [] = {
    { BALANCER, HONEST_CLIENT_REQ, NULL },
    { BALANCER, HONEST_CLIENT_DEALER, NULL },
    { BALANCER, HONEST_CLIENT_BARE, NULL },
    { BALANCER, HONEST_CLIENT_CHAINED, NULL },
    { BALANCER, HONEST_WORKER_READY, NULL },
    { BALANCER, HONEST_WORKER_PIRATE, NULL },
    { BALANCER, HONEST_WORKER_PPP, NULL },
    { BALANCER, HONEST_WORKER_READY, NULL },
    { BALANCER, HONEST_WORKER_PIRATE, NULL },
    { BALANCER, HONEST_WORKER_PPP, NULL },
    { BALANCER, HONEST_WORKER_PPP, NULL },
    { BALANCER, HONEST_WORKER_PPP, NULL },
    { BALANCER, HONEST_WORKER_PPP, NULL },
    //  Hostile workers join "coffee", but nobody can lead a client of 0.1
    //  astray with partial replies that it does not get
    { MAJORDOMO, HONEST_CLIENT_MDP1_REQ, "tea" },
    { MAJORDOMO, HONEST_CLIENT_MDP1, "tea" },
    { MAJORDOMO, HONEST_CLIENT_MDP2, "tea" },
    { MAJORDOMO, HONEST_CLIENT_MDP2, "coffee" },
    { MAJORDOMO, HONEST_CLIENT_MMI, "tea" },
    { MAJORDOMO, HONEST_WORKER_MDP1, "tea" },
    { MAJORDOMO, HONEST_WORKER_MDP2, "tea" },
    { MAJORDOMO, HONEST_WORKER_MDP1, "coffee" },
    { MAJORDOMO, HONEST_WORKER_MDP2, "coffee" },
};
#define HONEST (sizeof (s_honest) / sizeof (*s_honest))

static void
s_add_honest (size_t row)
{
    target_t *target = &s_targets [s_honest [row].target];
    assert (target->count < HONEST_MOST);
    bool back = target->endpoints [1]
             && honest_form_works (s_honest [row].form);
    target->honest [target->count++] = honest_new (s_honest [row].form,
        target->endpoints [back], s_honest [row].service);
}

//  A client waits too long. In the harsh half, and after a hostile worker has
//  replied in part, its request may be gone; it asks again. Else it should have
//  been served.

static void
s_lose_patience (target_t *self, size_t index, bool lost)
{
    honest_t *client = self->honest [index];
    if (!lost && self->unserved++ == 0) {
        printf ("#   %s: %s: not answered\n", self->kind,
                honest_name (client));
        s_print_query (self, "WORKERS");
        s_print_query (self, "STATS");
    }
    s_return (client);
}

static void
s_judge_patience (target_t *self, size_t index, bool fair)
{
    honest_t *client = self->honest [index];
    const honest_counts_t *counts = honest_counts (client);
    bool lost = !fair || self->teased [index] != counts->teased;
    if (!honest_waits (client))
        self->asked_at [index] = 0;
    else
    if (!self->asked_at [index] || self->question [index] != counts->asked) {
        self->asked_at [index] = self->generation;
        self->question [index] = counts->asked;
        self->teased [index] = counts->teased;
    }
    else
    if (self->generation > self->asked_at [index] + (lost? 2: GENERATIONS))
        s_lose_patience (self, index, lost);
}

static void
s_serve (target_t *self, bool fair)
{
    for (size_t index = 0; index < self->count; index++) {
        honest_t *peer = self->honest [index];
        honest_turn (peer);
        if (honest_is_worker (peer)) {
            if (s_one_in (2000))
                s_return (peer);
            honest_set_pace (peer, s_one_in (20)? (unsigned) s_below (20): 0);
        }
        else
            s_judge_patience (self, index, fair);
    }
}

static void
s_silence_clients (target_t *self, bool silent)
{
    for (size_t index = 0; index < self->count; index++)
        honest_set_silent (self->honest [index], silent);
}

//  Has each client been answered since the half of the round began?

static bool
s_all_served (target_t *self)
{
    for (size_t index = 0; index < self->count; index++)
        if (!honest_is_worker (self->honest [index])
        &&  honest_counts (self->honest [index])->answered
            == self->base [index])
            return false;
    return true;
}

static bool
s_none_waits (target_t *self)
{
    for (size_t index = 0; index < self->count; index++)
        if (!honest_is_worker (self->honest [index])
        &&  honest_waits (self->honest [index]))
            return false;
    return true;
}

static void
s_start_count (target_t *self)
{
    for (size_t index = 0; index < self->count; index++) {
        self->base [index] = honest_counts (self->honest [index])->answered;
        self->asked_at [index] = 0;
    }
}


//  --------------------------------------------------------------------------
//  Rounds

static bool
s_each (bool (*test) (target_t *))
{
    bool all = true;
    for (int index = 0; index < TARGETS; index++)
        all = test (&s_targets [index]) && all;
    return all;
}

//  Everybody does something, once

static void
s_turn (bool hostile, bool fair)
{
    for (int index = 0; index < TARGETS; index++) {
        target_t *target = &s_targets [index];
        for (int left = hostile? PER_TURN: 0; left > 0; left--)
            s_provoke (target);
        if (hostile)
            s_count_generation (target);
        s_serve (target, fair);
    }
    if (zclock_mono () > s_stats_at + STATS_IVL) {
        for (int index = 0; index < TARGETS; index++)
            s_look (&s_targets [index]);
        s_stats_at = zclock_mono ();
    }
}

//  Turns until a condition holds; false if an honest client was not served, or
//  if for long no message at all was counted

static uint64_t
s_progress (void)
{
    uint64_t sum = 0;
    for (int index = 0; index < TARGETS; index++) {
        target_t *self = &s_targets [index];
        sum += self->invalid + self->late + self->replies;
        for (size_t peer = 0; peer < self->count; peer++)
            sum += honest_counts (self->honest [peer])->answered;
    }
    return sum;
}

static bool
s_serves (target_t *self)
{
    return self->unserved == 0;
}

static bool
s_turn_until (bool (*test) (target_t *), bool hostile, bool fair)
{
    uint64_t before = s_progress ();
    int64_t at = zclock_mono ();
    while (!s_each (test)) {
        s_turn (hostile, fair);
        if (s_progress () != before) {
            before = s_progress ();
            at = zclock_mono ();
        }
        if (zclock_mono () > at + PATIENCE || !s_each (s_serves))
            return false;
    }
    return true;
}

//  So that nothing honest is lost

static void
s_make_fair (target_t *self)
{
    static const struct {
        const char *name;
        int64_t value;
    } settings [] = {
        { "heartbeat", 3000 }, { "liveness", 10 }, { "retries", 1000 },
        { "deadline", 0 }, { "queue", 100000 }, { "queue_bytes", 1 << 30 }
    };
    for (size_t index = 0; index < sizeof (settings) / sizeof (*settings);
         index++)
        s_set (self, settings [index].name, settings [index].value);
    if (self->endpoints [1])
        self->broken += faults_command (self->actor, "SET", "RELAY",
                                        "overflow", "hold", NULL) != 0;
    else {
        s_set (self, "service_queue", 100000);
        s_set (self, "service_bytes", 1 << 30);
    }
}

//  Anything that can be set

static void
s_make_harsh (target_t *self)
{
    static const char *const overflows [] = { "hold", "drop-new", "drop-old" };
    s_set (self, "heartbeat", (int64_t) s_below (3) * 40);
    s_set (self, "liveness", (int64_t) (1 + s_below (3)));
    s_set (self, "retries", (int64_t) s_below (3));
    s_set (self, "deadline", s_one_in (2)? 0: (int64_t) (1 + s_below (50)));
    s_set (self, "queue", (int64_t) s_below (30));
    s_set (self, "queue_bytes", (int64_t) s_below (200000));
    if (self->endpoints [1])
        self->broken += faults_command (self->actor, "SET", "RELAY", "overflow",
            overflows [s_below (3)], NULL) != 0;
    else {
        s_set (self, "service_queue", (int64_t) s_below (10));
        s_set (self, "service_bytes", (int64_t) s_below (100000));
    }
}

static void
s_interfere (target_t *self)
{
    static const char *const commands [] = {
        "PAUSE", "RESUME", "RESUME", "RESET", "DRAIN", "RESUME", "RESUME"
    };
    const char *command = commands [s_below (7)];
    const char *msecs = streq (command, "DRAIN")? "1": NULL;
    self->was_reset = self->was_reset || streq (command, "RESET");
    zstr_sendx (self->actor, command, msecs, NULL);
    int status = zsock_wait (self->actor);
    //  It may not be possible to drain in so short a time
    self->broken += status != 0 && !(msecs && status == 3);
    if (s_one_in (4))
        s_make_harsh (self);
    s_rows (self, "WORKERS", 5);
    if (!self->endpoints [1])
        s_rows (self, "SERVICES", 7);
}

static void
s_fair_half (void)
{
    for (int index = 0; index < TARGETS; index++) {
        s_make_fair (&s_targets [index]);
        s_start_count (&s_targets [index]);
        s_silence_clients (&s_targets [index], false);
    }
    int64_t end = zclock_mono () + HALF;
    while (zclock_mono () < end)
        s_turn (true, true);
    if (!s_turn_until (s_all_served, true, true))
        s_targets [0].unserved++;
    for (int index = 0; index < TARGETS; index++)
        s_silence_clients (&s_targets [index], true);
    if (!s_turn_until (s_none_waits, true, true))
        s_targets [0].unserved++;
}

static void
s_harsh_half (void)
{
    for (int index = 0; index < TARGETS; index++) {
        s_make_harsh (&s_targets [index]);
        s_start_count (&s_targets [index]);
        s_silence_clients (&s_targets [index], false);
    }
    int64_t end = zclock_mono () + HALF;
    while (zclock_mono () < end) {
        s_turn (true, false);
        if (s_one_in (20))
            s_interfere (&s_targets [s_below (TARGETS)]);
    }
    for (int index = 0; index < TARGETS; index++) {
        target_t *self = &s_targets [index];
        self->broken += faults_command (self->actor, "RESUME", NULL) != 0;
        s_make_fair (self);
        s_silence_clients (self, true);
    }
}

//  Only the honest peers are left, and they have nothing to do

static bool
s_is_quiet (target_t *self)
{
    return self->waiting == 0 && self->in_hand == 0
        && self->peers == self->count;
}

static bool
s_is_deserted (target_t *self)
{
    return self->waiting == 0 && self->in_hand == 0 && self->workers == 0
        && self->peers == 0;
}

//  Those whose requests were dropped ask again

static void
s_ask_again (target_t *self)
{
    for (size_t index = 0; index < self->count; index++)
        if (!honest_is_worker (self->honest [index])
        &&  honest_waits (self->honest [index]))
            s_return (self->honest [index]);
}

static bool
s_round (void)
{
    s_fair_half ();
    s_harsh_half ();
    for (int index = 0; index < TARGETS; index++)
        s_banish (&s_targets [index]);
    bool quiet = s_turn_until (s_is_quiet, false, false);
    for (int index = 0; index < TARGETS; index++)
        s_ask_again (&s_targets [index]);
    s_rounds++;
    return quiet;
}

typedef struct {
    int64_t first;              //  KiB at most, in the first half
    int64_t second;
} memory_t;

//  The first round is not counted: everything grows to its size

static void
s_measure (memory_t *memory, bool second)
{
    int64_t now = faults_memory (0);
    int64_t *most = second? &memory->second: &memory->first;
    *most = now > *most? now: *most;
    if (s_verbose)
        printf ("# round %" PRIu64 ": %" PRIu64 " messages of %" PRIu64
                " peers, %" PRId64 " KiB\n", s_rounds, s_sent, s_came, now);
}

static bool
s_run (int64_t msecs, memory_t *memory)
{
    int64_t start = zclock_mono ();
    bool quiet = true;
    while (quiet && s_each (s_serves)
       && (s_rounds < 4 || zclock_mono () < start + msecs)) {
        quiet = s_round ();
        bool second = s_rounds > 2 && zclock_mono () > start + msecs / 2;
        if (s_rounds > 1)
            s_measure (memory, second);
    }
    return quiet;
}


//  --------------------------------------------------------------------------
//  Begin, and end

static void
s_begin (target_t *self, const char *kind)
{
    self->kind = kind;
    self->generation = 1;
    self->actor = zrelay_engine_spawn (
        zrelay_kinds_find (zrelay_kinds (), kind), NULL);
    assert (self->actor);
    zsock_set_rcvtimeo (self->actor, PATIENCE);
    zsock_set_sndtimeo (self->actor, PATIENCE);
    self->endpoints [0] = faults_bind (self->actor, "FRONTEND");
    if (streq (kind, "balancer"))
        self->endpoints [1] = faults_bind (self->actor, "BACKEND");
}

static void
s_print_drops (target_t *self)
{
    printf ("# %s: %" PRIu64 " looks at the account", self->kind, self->looks);
    printf ("; since the last RESET: %" PRIu64 " replies, %" PRIu64
            " invalid, %" PRIu64 " late", self->replies, self->invalid,
            self->late);
    for (size_t index = 0; index < DROPS; index++)
        printf (", %" PRIu64 " %s", self->drops [index],
                s_drops [index] + strlen ("forward.dropped_"));
    printf ("; %" PRIu64 " generations\n", self->generation);
}

static void
s_judge_honest (honest_t *self)
{
    const honest_counts_t *counts = honest_counts (self);
    const char *name = honest_name (self);
    printf ("#   %s: %" PRIu64 " asked, %" PRIu64 " answered, %" PRIu64
            " misled, %" PRIu64 " teased; %" PRIu64 " served, %" PRIu64
            " disconnected, %" PRIu64 " deserted\n", name, counts->asked,
            counts->answered, counts->misled, counts->teased, counts->served,
            counts->disconnected, counts->deserted);
    TAP (counts->malformed == 0 && counts->twice == 0 && counts->astray == 0
         && counts->forged == 0,
         "%s: nothing wrong, twice, astray or forged came", name);
    TAP (counts->answered + counts->served > 0, "%s: did its work", name);
}

static void
s_judge (target_t *self)
{
    s_print_drops (self);
    for (size_t index = 0; index < self->count; index++)
        s_judge_honest (self->honest [index]);
    TAP (self->unserved == 0, "%s: honest clients were always served",
         self->kind);
    TAP (self->unbalanced == 0 && self->looks > 0,
         "%s: the account balanced, always", self->kind);
    TAP (self->broken == 0, "%s: commands were answered as they should",
         self->kind);
}

//  The services that a majordomo still knows have nothing

static bool
s_services_are_empty (target_t *self)
{
    zstr_send (self->actor, "SERVICES");
    zmsg_t *answer = zmsg_recv (self->actor);
    zframe_t *frame = answer? zmsg_first (answer): NULL;
    bool empty = frame != NULL;
    for (size_t index = 0; empty && (frame = zmsg_next (answer)); index++)
        if (index % 7 == 1 || index % 7 == 2)
            empty = zframe_streq (frame, "0");
    zmsg_destroy (&answer);
    return empty;
}

static void
s_end (target_t *self)
{
    TAP (s_rows (self, "WORKERS", 5) == 0, "%s: no worker remains",
         self->kind);
    if (!self->endpoints [1])
        TAP (s_services_are_empty (self),
             "%s: no service has a worker, or a request", self->kind);
    TAP (faults_prompt (faults_end_relay (&self->actor)), "%s: ends at once",
         self->kind);
    zstr_free (&self->endpoints [0]);
    zstr_free (&self->endpoints [1]);
}

static void
s_print_remains (target_t *self)
{
    if (!s_is_deserted (self))
        printf ("#   %s: %" PRIu64 " waiting, %" PRIu64 " in hand, %" PRIu64
                " workers, %" PRIu64 " peers\n", self->kind, self->waiting,
                self->in_hand, self->workers, self->peers);
}

static void
s_leave (target_t *self)
{
    s_settle ();
    for (size_t index = 0; index < self->count; index++)
        honest_destroy (&self->honest [index], 0);
    self->count = 0;
}

static void
s_test (int64_t msecs)
{
    s_begin_settling ();
    s_begin (&s_targets [BALANCER], "balancer");
    s_begin (&s_targets [MAJORDOMO], "majordomo");
    for (size_t row = 0; row < HONEST; row++)
        s_add_honest (row);
    memory_t memory = { 0, 0 };
    TAP (s_run (msecs, &memory),
         "nothing remained of hostile peers when they had left");
    printf ("# %" PRIu64 " rounds, %" PRIu64 " hostile peers, %" PRIu64
            " messages of theirs, %" PRIu64 " that could not be sent\n",
            s_rounds, s_came, s_sent, s_unsent);
    for (int index = 0; index < TARGETS; index++)
        s_judge (&s_targets [index]);
    printf ("# memory: at most %" PRId64 " KiB in the first half, %" PRId64
            " KiB in the second\n", memory.first, memory.second);
    if (FAULTS_SANITIZED)
        TAP_SKIP ("memory", "sanitizers keep memory");
    else
        TAP (memory.second < memory.first + GROWTH, "memory does not grow");
    for (int index = 0; index < TARGETS; index++)
        s_leave (&s_targets [index]);
    TAP (s_turn_until (s_is_deserted, false, false),
         "when all have left, no request and no worker remains");
    for (int index = 0; index < TARGETS; index++)
        s_print_remains (&s_targets [index]);
    for (int index = 0; index < TARGETS; index++)
        s_end (&s_targets [index]);
    s_end_settling ();
}

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, NULL);
    long seconds = faults_parameter ("FUZZ_SECONDS", SECONDS);
    long seed = faults_parameter ("FUZZ_SEED", (long) time (NULL) % 1000000);
    printf ("# FUZZ_SECONDS=%ld FUZZ_SEED=%ld\n", seconds, seed);
    TAP_DEADLINE ((unsigned) seconds * 4 + 20 * PATIENCE / 1000);
    s_verbose = getenv ("FUZZ_VERBOSE") != NULL;
    s_state = ((uint64_t) seed + 1) * UINT64_C (0x9E3779B97F4A7C15);
    memset (s_bytes, 'x', sizeof (s_bytes));
    s_test (seconds * 1000);
    honest_end ();
    return faults_end ();
}
