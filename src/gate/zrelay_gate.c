/*  =========================================================================
    zrelay_gate - decides who gets in, for every socket of the process

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include <zrelay_gate.h>
#include <zrelay_printer.h>

#include "zrelay_delays.h"
#include "zrelay_refused.h"
#include "zrelay_rules.h"
#include "../zrelay_thread.h"

#define ENDPOINT "inproc://zeromq.zap.01"
#define ZAP_VERSION "1.0"

//  The domain whose rules are for all without their own
#define COMMON "*"

//  What lets in every CURVE client
#define ANY "any"

//  Delays after failures, unless DELAY sets others, and the longest that it
//  takes, in milliseconds
#define DELAY_FIRST 100
#define DELAY_MOST 5000
#define DELAY_LIMIT 60000

//  Answers that wait for a delay, in all and to one origin; and requests that
//  wait for a folder to be read, and how often each may
#define WAITING_MAX 256
#define WAITING_ORIGIN_MAX 8
#define PARKED_MAX 64
#define PARKINGS_MAX 3

//  How often files are looked at without a request, and how long a refusal
//  waits to be logged, in milliseconds
#define WATCH_IVL 1000
#define LOG_IVL 1000

//  A handler that was just closed may need a moment to go
#define BIND_TRIES 20
#define BIND_IVL 10

//  Events that wait until the application takes them
#define EVENTS_MAX 10000

#define SENTENCE_SIZE 500
#define QUOTED_MAX 80

//  What ZAP and people hear of each answer
static const struct {
    const char *name;           //  In STATS
    const char *code;           //  Of ZAP
    const char *text;           //  With that, and in the log
} s_answers [ZRELAY_RULES_ANSWERS] = {
    [ZRELAY_RULES_ALLOWED] = { "allowed", "200", "OK" },
    [ZRELAY_RULES_ADDRESS] = { "refused_address", "400", "address" },
    [ZRELAY_RULES_KEY] = { "refused_key", "400", "no certificate" },
    [ZRELAY_RULES_PASSWORD] = { "refused_password", "400", "password" },
    [ZRELAY_RULES_MECHANISM] = { "refused_mechanism", "400", "mechanism" },
    [ZRELAY_RULES_DELAYED] = { "delayed", "300", "too soon" },
    [ZRELAY_RULES_BUSY] = { "busy", "300", "rules cannot be read" },
    [ZRELAY_RULES_MALFORMED] = { "malformed", "500", "malformed" }
};

typedef struct {
    zsock_t *pipe;              //  Where commands come from; not ours
    void *handler;              //  Where libzmq asks; NULL: there is another
    void *events;               //  libzmq's socket where revocations go, or
                                //  NULL
    zloop_t *loop;              //  Waits for all of it
    zlistx_t *rules;            //  zrelay_rules_t of each domain
    zlistx_t *sources;          //  source_t of each file and folder
    zlistx_t *waiting;          //  waiting_t: answers for later
    zlistx_t *parked;           //  parked_t: requests for later
    zrelay_delays_t *delays;    //  What failures cost
    zrelay_refused_t *refused;  //  What is to be logged
    uint64_t counts [ZRELAY_RULES_ANSWERS];   //  Answers
    int log_timer;              //  Logs that, or 0
    int work_timer;             //  Reads folders, or 0
    int watch_timer;            //  Looks at files, or 0
    bool verbose;               //  Log everything
    bool ends;                  //  $TERM has come
    char error [SENTENCE_SIZE]; //  For ERROR
    const char *command;        //  Whose it is; NULL: one that does not exist
} gate_t;

//  A file or a folder, for any number of domains
typedef struct {
    gate_t *gate;               //  The gate
    zrelay_certs_t *certs;      //  A folder, or NULL
    zrelay_passwords_t *passwords;  //  A file, or NULL
} source_t;

//  An answer for later
typedef struct {
    gate_t *gate;               //  The gate
    zrelay_zap_t *request;  //  To be answered
    zrelay_rules_answer_t answer;    //  So
    uint64_t origin;            //  Who asked
} waiting_t;

//  A request for later
typedef struct {
    zrelay_zap_t *request;  //  To be decided on
    int times;                  //  How often it was put here
} parked_t;


//  --------------------------------------------------------------------------
//  Sentences

static int
s_fail (gate_t *self, int status, const char *format, ...) CHECK_PRINTF (3);

static int
s_fail (gate_t *self, int status, const char *format, ...)
{
    va_list argptr;
    va_start (argptr, format);
    vsnprintf (self->error, sizeof (self->error), format, argptr);
    va_end (argptr);
    for (char *letter = self->error; *letter; letter++)
        if (!isprint ((byte) *letter))
            *letter = '?';
    return status;
}


//  --------------------------------------------------------------------------
//  The log

static int s_on_log_timer (zloop_t *loop, int timer, void *arg);

static void
s_log (gate_t *self)
{
    char *line = zrelay_refused_line (self->refused, zclock_mono ());
    if (line)
        zrelay_printer_log (ZRELAY_LOG_WARNING, "gate: %s", line);
    zstr_free (&line);
    if (zrelay_refused_waits (self->refused) && !self->log_timer)
        self->log_timer =
            zloop_timer (self->loop, LOG_IVL, 1, s_on_log_timer, self);
}

static int
s_on_log_timer (zloop_t *loop, int timer, void *arg)
{
    (void) loop;
    (void) timer;
    gate_t *self = (gate_t *) arg;
    self->log_timer = 0;
    s_log (self);
    return 0;
}


//  --------------------------------------------------------------------------
//  Answers

static zrelay_rules_t *
s_find_own_rules (gate_t *self, const char *domain)
{
    zrelay_rules_t *rules = (zrelay_rules_t *) zlistx_first (self->rules);
    while (rules && strneq (rules->domain, domain))
        rules = (zrelay_rules_t *) zlistx_next (self->rules);
    return rules;
}

//  Those of the common domain always exist

static zrelay_rules_t *
s_find_rules (gate_t *self, const char *domain)
{
    zrelay_rules_t *rules = s_find_own_rules (self, domain);
    return rules? rules: s_find_own_rules (self, COMMON);
}

//  A ROUTER drops the answer to a peer that has gone

static void
s_send (gate_t *self, zrelay_zap_t *request, zrelay_rules_answer_t answer,
        const zrelay_welcome_t *welcome)
{
    const char *user = welcome && welcome->user? welcome->user: "";
    zchunk_t *metadata = welcome? welcome->metadata: NULL;
    zmsg_t *reply = zmsg_new ();
    assert (reply);
    zmsg_append (reply, &request->peer);
    zmsg_addstr (reply, "");
    zmsg_addstr (reply, ZAP_VERSION);
    zmsg_append (reply, &request->id);
    zmsg_addstr (reply, s_answers [answer].code);
    zmsg_addstr (reply, s_answers [answer].text);
    zmsg_addstr (reply, user);
    zmsg_addmem (reply, metadata? zchunk_data (metadata): NULL,
                 metadata? zchunk_size (metadata): 0);
    zmsg_send (&reply, self->handler);
    zmsg_destroy (&reply);
    if (self->verbose)
        zrelay_printer_log (ZRELAY_LOG_INFO, "gate: %s: %s%s%s (%s) %s",
            request->domain, request->address, *user? " ": "", user,
            s_answers [answer].name, s_answers [answer].code);
}

static void
s_waiting_destroy (void **item_p)
{
    waiting_t *waiting = (waiting_t *) *item_p;
    zrelay_zap_destroy (&waiting->request);
    freen (*item_p);
}

static int
s_on_waiting (zloop_t *loop, int timer, void *arg)
{
    (void) loop;
    (void) timer;
    waiting_t *waiting = (waiting_t *) arg;
    gate_t *self = waiting->gate;
    s_send (self, waiting->request, waiting->answer, NULL);
    void *handle = zlistx_find (self->waiting, waiting);
    zlistx_delete (self->waiting, handle);
    return 0;
}

static bool
s_may_wait (gate_t *self, uint64_t origin)
{
    if (zlistx_size (self->waiting) >= WAITING_MAX)
        return false;
    size_t count = 0;
    waiting_t *waiting = (waiting_t *) zlistx_first (self->waiting);
    for (; waiting; waiting = (waiting_t *) zlistx_next (self->waiting))
        count += waiting->origin == origin;
    return count < WAITING_ORIGIN_MAX;
}

//  Takes the request

static void
s_send_later (gate_t *self, zrelay_zap_t **request_p,
              zrelay_rules_answer_t answer, uint64_t origin, int64_t delay)
{
    waiting_t *waiting = (waiting_t *) zmalloc (sizeof (waiting_t));
    assert (waiting);
    waiting->gate = self;
    waiting->request = *request_p;
    waiting->answer = answer;
    waiting->origin = origin;
    *request_p = NULL;
    zlistx_add_end (self->waiting, waiting);
    zloop_timer (self->loop, (size_t) delay, 1, s_on_waiting, waiting);
}


//  --------------------------------------------------------------------------
//  Requests

//  Who pays for a failure: a user that there is, at an address; or all others
//  at that address

static uint64_t
s_id (gate_t *self, zrelay_zap_t *request, bool user)
{
    size_t size;
    const void *origin = zrelay_zap_origin (request, &size);
    zframe_t *name = user? request->credentials [0]: NULL;
    return zrelay_delays_id (self->delays, origin, size,
                             name? zframe_data (name): NULL,
                             name? zframe_size (name): 0);
}

//  Takes the request

static void
s_refuse (gate_t *self, zrelay_zap_t **request_p,
          zrelay_rules_answer_t answer, uint64_t id)
{
    zrelay_zap_t *request = *request_p;
    zrelay_refused_add (self->refused, request->address,
                        s_answers [answer].text);
    s_log (self);
    bool temporary = answer == ZRELAY_RULES_BUSY
                  || answer == ZRELAY_RULES_DELAYED;
    int64_t delay = temporary? 0:
                    zrelay_delays_fail (self->delays, id, zclock_mono ());
    uint64_t origin = delay > 0? s_id (self, request, false): 0;
    if (delay > 0 && s_may_wait (self, origin))
        s_send_later (self, request_p, answer, origin, delay);
    else
        s_send (self, request, answer, NULL);
    zrelay_zap_destroy (request_p);
}

static void
s_schedule (gate_t *self);

static bool
s_park (gate_t *self, zrelay_zap_t **request_p, int times)
{
    if (times >= PARKINGS_MAX || zlistx_size (self->parked) >= PARKED_MAX)
        return false;
    parked_t *parked = (parked_t *) zmalloc (sizeof (parked_t));
    assert (parked);
    parked->request = *request_p;
    parked->times = times + 1;
    *request_p = NULL;
    zlistx_add_end (self->parked, parked);
    s_schedule (self);
    return true;
}

static void
s_parked_destroy (void **item_p)
{
    parked_t *parked = (parked_t *) *item_p;
    zrelay_zap_destroy (&parked->request);
    freen (*item_p);
}

//  Decide on a request that was parked so often, and take it

static void
s_decide (gate_t *self, zrelay_zap_t **request_p, int times)
{
    zrelay_zap_t *request = *request_p;
    zrelay_rules_t *rules = s_find_rules (self, request->domain);
    zrelay_welcome_t welcome = { NULL, NULL, NULL };
    bool known = zrelay_rules_knows_user (rules, request);
    uint64_t id = s_id (self, request, known);
    bool delayed = request->mechanism == ZRELAY_ZAP_PLAIN
                && zrelay_delays_active (self->delays, id, zclock_mono ());
    zrelay_rules_answer_t answer = delayed? ZRELAY_RULES_DELAYED:
        zrelay_rules_judge (rules, request, &welcome);
    if (answer == ZRELAY_RULES_LATER) {
        if (s_park (self, request_p, times))
            return;
        answer = ZRELAY_RULES_BUSY;
    }
    self->counts [answer]++;
    rules->counts [answer]++;
    if (answer != ZRELAY_RULES_ALLOWED) {
        s_refuse (self, request_p, answer, id);
        return;
    }
    if (known)
        zrelay_delays_succeed (self->delays, id);
    if (welcome.places)
        zrelay_places_add (welcome.places,
                           request->ip.size? request->address: "ipc");
    s_send (self, request, answer, &welcome);
    zrelay_zap_destroy (request_p);
}

static int
s_on_request (zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) loop;
    gate_t *self = (gate_t *) arg;
    zmsg_t *message = zmsg_recv (item->socket);
    zrelay_zap_t *request = message? zrelay_zap_new (&message): NULL;
    if (request)
        s_decide (self, &request, 0);
    else
        self->counts [ZRELAY_RULES_MALFORMED]++;
    s_schedule (self);
    return 0;
}


//  --------------------------------------------------------------------------
//  Files

static void
s_send_event (gate_t *self, const char *domain, const char *user,
              const char *address)
{
    zmsg_t *event = zmsg_new ();
    assert (event);
    zmsg_addstr (event, "REVOKED");
    zmsg_addstr (event, domain);
    zmsg_addstr (event, user);
    zmsg_addstr (event, address);
    if (zmsg_send (&event, self->events))
        zrelay_printer_log (ZRELAY_LOG_WARNING,
            "gate: nobody takes its events; one is lost");
    zmsg_destroy (&event);
}

static void
s_on_revoked (void *arg, const char *user, const char *address)
{
    source_t *source = (source_t *) arg;
    gate_t *self = source->gate;
    if (self->verbose)
        zrelay_printer_log (ZRELAY_LOG_INFO, "gate: %s at %s is revoked",
                            user, address);
    zrelay_rules_t *rules = (zrelay_rules_t *) zlistx_first (self->rules);
    for (; rules; rules = (zrelay_rules_t *) zlistx_next (self->rules))
        if (self->events
        &&  ((source->certs && rules->certs == source->certs)
          || (source->passwords && rules->passwords == source->passwords)))
            s_send_event (self, rules->domain, user, address);
}

static void
s_source_destroy (void **item_p)
{
    source_t *source = (source_t *) *item_p;
    zrelay_certs_destroy (&source->certs);
    zrelay_passwords_destroy (&source->passwords);
    freen (*item_p);
}

static source_t *
s_add_source (gate_t *self)
{
    source_t *source = (source_t *) zmalloc (sizeof (source_t));
    assert (source);
    source->gate = self;
    zlistx_add_end (self->sources, source);
    return source;
}

static zrelay_certs_t *
s_open_certs (gate_t *self, const char *path)
{
    source_t *source = (source_t *) zlistx_first (self->sources);
    while (source && !(source->certs
                    && streq (zrelay_certs_path (source->certs), path)))
        source = (source_t *) zlistx_next (self->sources);
    if (!source) {
        source = s_add_source (self);
        source->certs = zrelay_certs_new (path, s_on_revoked, source);
    }
    return source->certs;
}

static zrelay_passwords_t *
s_open_passwords (gate_t *self, const char *path)
{
    source_t *source = (source_t *) zlistx_first (self->sources);
    while (source
       && !(source->passwords
         && streq (zrelay_passwords_filename (source->passwords), path)))
        source = (source_t *) zlistx_next (self->sources);
    if (!source) {
        source = s_add_source (self);
        source->passwords = zrelay_passwords_new (path, s_on_revoked, source);
    }
    return source->passwords;
}

static bool
s_is_used (gate_t *self, source_t *source)
{
    zrelay_rules_t *rules = (zrelay_rules_t *) zlistx_first (self->rules);
    while (rules && !(source->certs && rules->certs == source->certs)
       && !(source->passwords && rules->passwords == source->passwords))
        rules = (zrelay_rules_t *) zlistx_next (self->rules);
    return rules != NULL;
}

static void
s_close_unused (gate_t *self)
{
    source_t *source = (source_t *) zlistx_first (self->sources);
    for (; source; source = (source_t *) zlistx_next (self->sources))
        if (!s_is_used (self, source))
            zlistx_delete (self->sources, zlistx_cursor (self->sources));
}

//  Decide on what was parked, once

static void
s_unpark (gate_t *self)
{
    size_t count = zlistx_size (self->parked);
    while (count-- > 0) {
        parked_t *parked = (parked_t *) zlistx_detach (self->parked, NULL);
        s_decide (self, &parked->request, parked->times);
        s_parked_destroy ((void **) &parked);
    }
}

static int
s_on_work (zloop_t *loop, int timer, void *arg)
{
    (void) loop;
    (void) timer;
    gate_t *self = (gate_t *) arg;
    self->work_timer = 0;
    bool finished = false;
    source_t *source = (source_t *) zlistx_first (self->sources);
    for (; source; source = (source_t *) zlistx_next (self->sources))
        if (source->certs && zrelay_certs_delay (source->certs) == 0) {
            zrelay_certs_work (source->certs);
            finished |= zrelay_certs_delay (source->certs) != 0;
        }
    if (finished)
        s_unpark (self);
    s_schedule (self);
    return 0;
}

//  Work is done after a millisecond, in which requests are answered

static void
s_schedule (gate_t *self)
{
    int64_t least = -1;
    source_t *source = (source_t *) zlistx_first (self->sources);
    for (; source; source = (source_t *) zlistx_next (self->sources)) {
        int64_t delay = source->certs? zrelay_certs_delay (source->certs): -1;
        if (delay >= 0 && (least == -1 || delay < least))
            least = delay;
    }
    if (least >= 0 && !self->work_timer)
        self->work_timer =
            zloop_timer (self->loop, (size_t) least + 1, 1, s_on_work, self);
}

static int
s_on_watch (zloop_t *loop, int timer, void *arg)
{
    (void) loop;
    (void) timer;
    gate_t *self = (gate_t *) arg;
    source_t *source = (source_t *) zlistx_first (self->sources);
    for (; source; source = (source_t *) zlistx_next (self->sources))
        if (source->certs)
            zrelay_certs_update (source->certs);
        else
            zrelay_passwords_update (source->passwords);
    s_schedule (self);
    return 0;
}


//  --------------------------------------------------------------------------
//  Commands. Each gets its arguments, and for a query the message to answer
//  with. Returns a status.

static zrelay_rules_t *
s_make_rules (gate_t *self, const char *domain)
{
    zrelay_rules_t *rules = s_find_own_rules (self, domain);
    if (!rules) {
        rules = zrelay_rules_new (domain);
        zlistx_add_end (self->rules, rules);
    }
    return rules;
}

static int
s_parse_networks (gate_t *self, size_t argc, char **argv,
                  zrelay_cidr_t *networks)
{
    for (size_t index = 1; index < argc; index++)
        if (zrelay_cidr_parse (&networks [index], argv [index]))
            return s_fail (self, ZRELAY_STATUS_BAD_ARGUMENTS,
                "'%.*s' is not an IP address or a network such as 10.0.0.0/8"
                " or fe80::/10", QUOTED_MAX, argv [index]);
    return ZRELAY_STATUS_DONE;
}

static int
s_add_networks (gate_t *self, size_t argc, char **argv, bool allow)
{
    zrelay_cidr_t *networks =
        (zrelay_cidr_t *) zmalloc (argc * sizeof (zrelay_cidr_t));
    assert (networks);
    int status = s_parse_networks (self, argc, argv, networks);
    if (status == ZRELAY_STATUS_DONE) {
        zrelay_rules_t *rules = s_make_rules (self, argv [0]);
        for (size_t index = 1; index < argc; index++)
            zrelay_rules_add (allow? rules->allow: rules->deny,
                              &networks [index]);
    }
    freen (networks);
    return status;
}

static int
s_allow (gate_t *self, size_t argc, char **argv, zmsg_t *answer)
{
    (void) answer;
    return s_add_networks (self, argc, argv, true);
}

static int
s_deny (gate_t *self, size_t argc, char **argv, zmsg_t *answer)
{
    (void) answer;
    return s_add_networks (self, argc, argv, false);
}

static int
s_curve (gate_t *self, size_t argc, char **argv, zmsg_t *answer)
{
    (void) argc;
    (void) answer;
    bool any = streq (argv [1], CURVE_ALLOW_ANY) || streq (argv [1], ANY);
    zrelay_certs_t *certs = any? NULL: s_open_certs (self, argv [1]);
    if (certs && zrelay_certs_problem (certs)) {
        int status = s_fail (self, ZRELAY_STATUS_REFUSED, "%s",
                             zrelay_certs_problem (certs));
        s_close_unused (self);
        return status;
    }
    zrelay_rules_t *rules = s_make_rules (self, argv [0]);
    rules->any = any;
    rules->certs = certs;
    s_close_unused (self);
    return ZRELAY_STATUS_DONE;
}

static int
s_plain (gate_t *self, size_t argc, char **argv, zmsg_t *answer)
{
    (void) argc;
    (void) answer;
    zrelay_passwords_t *passwords = s_open_passwords (self, argv [1]);
    if (zrelay_passwords_update (passwords)) {
        int status = s_fail (self, ZRELAY_STATUS_REFUSED, "%s",
                             zrelay_passwords_problem (passwords));
        s_close_unused (self);
        return status;
    }
    s_make_rules (self, argv [0])->passwords = passwords;
    s_close_unused (self);
    return ZRELAY_STATUS_DONE;
}

static void
s_rules_destroy (void **item_p)
{
    zrelay_rules_destroy ((zrelay_rules_t **) item_p);
}

static int
s_clear (gate_t *self, size_t argc, char **argv, zmsg_t *answer)
{
    (void) argc;
    (void) answer;
    zrelay_rules_t *rules = s_find_own_rules (self, argv [0]);
    if (!rules)
        return s_fail (self, ZRELAY_STATUS_BAD_ARGUMENTS,
                       "the domain '%.*s' has no rules", QUOTED_MAX, argv [0]);
    zlistx_delete (self->rules, zlistx_cursor (self->rules));
    s_make_rules (self, COMMON);
    s_close_unused (self);
    return ZRELAY_STATUS_DONE;
}

//  Returns -1 if text is no number up to the limit

static int64_t
s_number (const char *text)
{
    size_t digits = strspn (text, "0123456789");
    if (digits == 0 || digits > 9 || text [digits]
    ||  atol (text) > DELAY_LIMIT)
        return -1;
    return atol (text);
}

static int
s_delay (gate_t *self, size_t argc, char **argv, zmsg_t *answer)
{
    (void) argc;
    (void) answer;
    int64_t first = s_number (argv [0]);
    int64_t most = s_number (argv [1]);
    if (first == -1 || most == -1 || first > most || (first == 0 && most > 0))
        return s_fail (self, ZRELAY_STATUS_BAD_ARGUMENTS,
            "DELAY takes the first delay and the longest, in milliseconds up"
            " to %d, or 0 0 for none", DELAY_LIMIT);
    zrelay_delays_set (self->delays, first, most);
    return ZRELAY_STATUS_DONE;
}

static void
s_close (void **handle_p)
{
    if (*handle_p)
        zsys_close (*handle_p, __FILE__, __LINE__);
    *handle_p = NULL;
}

static int
s_events (gate_t *self, size_t argc, char **argv, zmsg_t *answer)
{
    (void) argc;
    (void) answer;
    //  Unlike zsock_new () this returns when there is none
    void *events = zsys_socket (ZMQ_PUSH, __FILE__, __LINE__);
    if (events) {
        zsock_set_sndhwm (events, EVENTS_MAX);
        zsock_set_sndtimeo (events, 0);
        zsock_set_linger (events, 0);
    }
    if (!events || zmq_connect (events, argv [0])) {
        int error = errno;
        s_close (&events);
        return s_fail (self, ZRELAY_STATUS_REFUSED,
                       "cannot send events to '%.*s': %s", QUOTED_MAX,
                       argv [0], zmq_strerror (error));
    }
    s_close (&self->events);
    self->events = events;
    if (!self->watch_timer)
        self->watch_timer =
            zloop_timer (self->loop, WATCH_IVL, 0, s_on_watch, self);
    return ZRELAY_STATUS_DONE;
}

static void
s_add_count (zmsg_t *answer, const char *name, uint64_t value)
{
    zmsg_addstr (answer, name);
    zmsg_addstrf (answer, "%" PRIu64, value);
}

static void
s_add_known (gate_t *self, zmsg_t *answer)
{
    uint64_t certs = 0;
    uint64_t users = 0;
    source_t *source = (source_t *) zlistx_first (self->sources);
    for (; source; source = (source_t *) zlistx_next (self->sources)) {
        if (source->certs)
            certs += zrelay_certs_count (source->certs);
        if (source->passwords)
            users += zrelay_passwords_count (source->passwords);
    }
    s_add_count (answer, "waiting", zlistx_size (self->waiting));
    s_add_count (answer, "certificates", certs);
    s_add_count (answer, "users", users);
}

static int
s_stats (gate_t *self, size_t argc, char **argv, zmsg_t *answer)
{
    zrelay_rules_t *rules = argc? s_find_own_rules (self, argv [0]): NULL;
    if (argc && !rules)
        return s_fail (self, ZRELAY_STATUS_BAD_ARGUMENTS,
                       "the domain '%.*s' has no rules", QUOTED_MAX, argv [0]);
    for (size_t index = 0; index < ZRELAY_RULES_ANSWERS; index++)
        s_add_count (answer, s_answers [index].name,
                     rules? rules->counts [index]: self->counts [index]);
    if (!rules)
        s_add_known (self, answer);
    return ZRELAY_STATUS_DONE;
}

static int
s_reset (gate_t *self, size_t argc, char **argv, zmsg_t *answer)
{
    (void) argc;
    (void) argv;
    (void) answer;
    memset (self->counts, 0, sizeof (self->counts));
    zrelay_rules_t *rules = (zrelay_rules_t *) zlistx_first (self->rules);
    for (; rules; rules = (zrelay_rules_t *) zlistx_next (self->rules))
        memset (rules->counts, 0, sizeof (rules->counts));
    return ZRELAY_STATUS_DONE;
}

static int
s_verbose (gate_t *self, size_t argc, char **argv, zmsg_t *answer)
{
    (void) argc;
    (void) argv;
    (void) answer;
    self->verbose = true;
    return ZRELAY_STATUS_DONE;
}

static int
s_ping (gate_t *self, size_t argc, char **argv, zmsg_t *answer)
{
    (void) self;
    (void) argc;
    (void) argv;
    (void) answer;
    return ZRELAY_STATUS_DONE;
}

static int
s_error (gate_t *self, size_t argc, char **argv, zmsg_t *answer)
{
    (void) argc;
    (void) argv;
    bool named = *self->error && self->command;
    zmsg_addstrf (answer, "%s%s%s", named? self->command: "",
                  named? ": ": "", self->error);
    return ZRELAY_STATUS_DONE;
}

static int s_help (gate_t *self, size_t argc, char **argv, zmsg_t *answer);

#define QUERY   1               //  Answered with a message
#define ALWAYS  2               //  Also while another handler is there

static const struct {
    const char *name;           //  In capitals
    const char *args;           //  For people
    size_t least;               //  How many of them
    size_t most;
    int (*handler) (gate_t *self, size_t argc, char **argv, zmsg_t *answer);
    unsigned flags;             //  As above
    const char *help;           //  One line
} s_commands [] = {
    { "ALLOW", "domain network ...", 2, SIZE_MAX, s_allow, 0,
      "let in only peers from these networks" },
    { "DENY", "domain network ...", 2, SIZE_MAX, s_deny, 0,
      "refuse peers from these networks" },
    { "CURVE", "domain folder", 2, 2, s_curve, 0,
      "let in clients with a certificate there; any: every client" },
    { "PLAIN", "domain file", 2, 2, s_plain, 0,
      "let in clients with a line name=password there" },
    { "CLEAR", "domain", 1, 1, s_clear, 0, "forget the rules of a domain" },
    { "DELAY", "first most", 2, 2, s_delay, 0,
      "milliseconds that failures cost" },
    { "EVENTS", "endpoint", 1, 1, s_events, 0,
      "send there who is no longer welcome" },
    { "STATS", "[domain]", 0, 1, s_stats, QUERY, "counts of answers" },
    { "RESET", "", 0, 0, s_reset, 0, "set these to zero" },
    { "VERBOSE", "", 0, 0, s_verbose, 0, "log commands and answers" },
    { "PING", "", 0, 0, s_ping, 0, "do nothing" },
    { "ERROR", "", 0, 0, s_error, QUERY | ALWAYS,
      "explain why the command before was refused" },
    { "HELP", "", 0, 0, s_help, QUERY | ALWAYS, "this list" }
};
#define COMMANDS (sizeof (s_commands) / sizeof (*s_commands))

static int
s_help (gate_t *self, size_t argc, char **argv, zmsg_t *answer)
{
    (void) self;
    (void) argc;
    (void) argv;
    for (size_t index = 0; index < COMMANDS; index++)
        zmsg_addstrf (answer, "%s%s%s - %s", s_commands [index].name,
                      *s_commands [index].args? " ": "",
                      s_commands [index].args, s_commands [index].help);
    return ZRELAY_STATUS_DONE;
}


//  --------------------------------------------------------------------------
//  The handler

static bool
s_bind (gate_t *self)
{
    if (self->handler)
        return true;
    void *handler = zsys_socket (ZMQ_ROUTER, __FILE__, __LINE__);
    if (handler) {
        zsock_set_sndhwm (handler, 0);
        zsock_set_rcvhwm (handler, 0);
    }
    if (!handler || zmq_bind (handler, ENDPOINT)) {
        int error = errno;
        s_close (&handler);
        errno = error;
        return false;
    }
    self->handler = handler;
    zmq_pollitem_t item = { .socket = handler, .events = ZMQ_POLLIN };
    zloop_poller (self->loop, &item, s_on_request, self);
    return true;
}

//  libzmq would only unbind on another thread, some time after the close

static void
s_unbind (gate_t *self)
{
    if (!self->handler)
        return;
    zmq_pollitem_t item = { .socket = self->handler };
    zloop_poller_end (self->loop, &item);
    zmq_unbind (self->handler, ENDPOINT);
    s_close (&self->handler);
}

static void
s_try_to_bind (gate_t *self)
{
    for (int tries = 0; !s_bind (self) && tries < BIND_TRIES; tries++)
        zclock_sleep (BIND_IVL);
}


//  --------------------------------------------------------------------------
//  The pipe

static int
s_execute (gate_t *self, size_t index, size_t argc, char **argv,
           zmsg_t *answer)
{
    if (!(s_commands [index].flags & ALWAYS) && !s_bind (self))
        return s_fail (self, ZRELAY_STATUS_REFUSED,
            "cannot bind " ENDPOINT ": %s; a process has one ZAP handler, so"
            " end the other one, such as a zauth, first",
            zmq_strerror (errno));
    if (argc < s_commands [index].least || argc > s_commands [index].most)
        return s_fail (self, ZRELAY_STATUS_BAD_ARGUMENTS,
            "%s takes %s", s_commands [index].name,
            *s_commands [index].args? s_commands [index].args:
            "no arguments");
    for (size_t at = 0; at < argc; at++)
        if (!*argv [at])
            return s_fail (self, ZRELAY_STATUS_BAD_ARGUMENTS,
                           "an argument of %s is empty",
                           s_commands [index].name);
    return s_commands [index].handler (self, argc, argv, answer);
}

static void
s_answer (gate_t *self, const char *name, int status, zmsg_t **answer_p)
{
    if (self->verbose)
        zrelay_printer_log (ZRELAY_LOG_INFO, "gate: %s: %s", name,
            status == ZRELAY_STATUS_DONE? "done": self->error);
    if (status == ZRELAY_STATUS_DONE && *answer_p)
        zmsg_send (answer_p, self->pipe);
    else
        zsock_signal (self->pipe, (byte) status);
    zmsg_destroy (answer_p);
}

static void
s_command (gate_t *self, const char *name, size_t argc, char **argv)
{
    size_t index = 0;
    while (index < COMMANDS && strneq (s_commands [index].name, name))
        index++;
    zmsg_t *answer = NULL;
    int status;
    //  ERROR is about the command before it
    if (index == COMMANDS || s_commands [index].handler != s_error) {
        *self->error = 0;
        self->command = index < COMMANDS? s_commands [index].name: NULL;
    }
    if (index == COMMANDS)
        status = s_fail (self, ZRELAY_STATUS_UNKNOWN,
            "there is no command '%.*s'; HELP lists them", QUOTED_MAX, name);
    else {
        if (s_commands [index].flags & QUERY) {
            answer = zmsg_new ();
            assert (answer);
            zmsg_addstr (answer, name);
        }
        status = s_execute (self, index, argc, argv, answer);
    }
    s_answer (self, name, status, &answer);
}

static int
s_on_pipe (zloop_t *loop, zsock_t *pipe, void *arg)
{
    (void) loop;
    gate_t *self = (gate_t *) arg;
    zmsg_t *message = zmsg_recv (pipe);
    if (!message) {
        self->ends = errno != EINTR;
        return self->ends? -1: 0;
    }
    size_t size = zmsg_size (message);
    char **words = (char **) zmalloc ((size + 1) * sizeof (char *));
    assert (words);
    for (size_t index = 0; index < size; index++)
        words [index] = zmsg_popstr (message);
    zmsg_destroy (&message);
    const char *name = size? words [0]: "";
    self->ends = streq (name, "$TERM");
    if (!self->ends)
        s_command (self, name, size? size - 1: 0, words + (size? 1: 0));
    for (size_t index = 0; index < size; index++)
        zstr_free (&words [index]);
    freen (words);
    return self->ends? -1: 0;
}


//  --------------------------------------------------------------------------
//  The actor

static zlistx_t *
s_list_new (zlistx_destructor_fn *destructor)
{
    zlistx_t *list = zlistx_new ();
    assert (list);
    zlistx_set_destructor (list, destructor);
    return list;
}

static gate_t *
s_new (zsock_t *pipe)
{
    gate_t *self = (gate_t *) zmalloc (sizeof (gate_t));
    assert (self);
    self->pipe = pipe;
    self->loop = zloop_new ();
    assert (self->loop);
    zloop_set_nonstop (self->loop, true);
    self->rules = s_list_new (s_rules_destroy);
    self->sources = s_list_new (s_source_destroy);
    self->waiting = s_list_new (s_waiting_destroy);
    self->parked = s_list_new (s_parked_destroy);
    self->delays = zrelay_delays_new ();
    self->refused = zrelay_refused_new ();
    zrelay_delays_set (self->delays, DELAY_FIRST, DELAY_MOST);
    s_make_rules (self, COMMON);
    zloop_reader (self->loop, pipe, s_on_pipe, self);
    return self;
}

static void
s_destroy (gate_t **self_p)
{
    gate_t *self = *self_p;
    s_unbind (self);
    zlistx_destroy (&self->parked);
    zlistx_destroy (&self->waiting);
    zlistx_destroy (&self->rules);
    zlistx_destroy (&self->sources);
    zloop_destroy (&self->loop);
    s_close (&self->events);
    zrelay_delays_destroy (&self->delays);
    zrelay_refused_destroy (&self->refused);
    freen (*self_p);
    zrelay_printer_settle_log ();
}

void
zrelay_gate (zsock_t *pipe, void *args)
{
    (void) args;
    zrelay_thread_block_signals ();
    gate_t *self = s_new (pipe);
    s_try_to_bind (self);
    zsock_signal (pipe, 0);
    //  A debugger may interrupt it, and the context may end
    do {
        errno = 0;
        zloop_start (self->loop);
    }
    while (!self->ends && errno != ETERM);
    s_destroy (&self);
}
