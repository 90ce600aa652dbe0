/*  =========================================================================
    zrelay_host - runs many relays, and lets others steer them

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include <zrelay_host.h>

#include "zrelay_endpoint.h"
#include "zrelay_error.h"
#include "zrelay_hosted.h"
#include "zrelay_guard.h"
#include "zrelay_mover.h"
#include "zrelay_number.h"
#include "zrelay_plan.h"
#include "zrelay_private.h"
#include "zrelay_secret.h"
#include "zrelay_owners.h"
#include "zrelay_usher.h"
#include "../zrelay_thread.h"

//  What a relay's name may consist of, see zrelay_engine_spawn ()
#define NAME_MOST 127
#define NAME_CHARACTERS \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."

//  The longest time to drain, in milliseconds
#define DRAIN_MOST 86400000

//  Of the domains of control sockets; no relay can have this name
#define CONTROL_DOMAIN "/control"

//  Bytes of one frame that a peer of a control socket may send, and answers
//  that wait for one that does not read
#define CONTROL_FRAME_MAX 65536
#define CONTROL_HWM 100

//  Milliseconds that answers have at the end: with none, libzmq ends the
//  process when a connection breaks in mid-message
#define CONTROL_LINGER 200

//  Milliseconds between two lines of the log about who is no longer welcome
#define LOG_IVL 1000

//  Most words of a command of the host's own
#define WORDS_MAX 8

typedef struct _host_t host_t;

//  A control socket
typedef struct {
    zrelay_entrance_t *entrance;    //  Takes commands there
    char *private;              //  Its endpoint, if only this user may connect
} control_t;

struct _host_t {
    zloop_t *loop;              //  Serves everything below
    zrelay_ears_t *ears;        //  What it listens to
    const zrelay_kind_t *const *kinds;  //  Those that can be started
    zrelay_entrance_t *entrance;    //  That of the pipe
    zlistx_t *controls;         //  control_t
    size_t openings;            //  How often CONTROL was given
    zlistx_t *relays;           //  zrelay_hosted_t, in the order of their start
    zrelay_usher_t *usher;      //  Speaks with the gate
    zrelay_entrance_t *inner;   //  Where loaders steer, or NULL so far
    zrelay_mover_t *loader;    //  Loads a file, or NULL
    zrelay_call_t *load;     //  Awaits its end
    bool check;                 //  It only looks
    zrelay_config_t *config;    //  What is loaded, or NULL
    char *file;                 //  From where, or NULL
    char *links;                //  Where its relays tell of the connections
                                //  that they make, or NULL
    bool has_text;              //  Not from the file itself
    zsock_t *events;            //  Hears who is no longer welcome, or NULL
    int64_t logged_at;          //  When that was logged, in msecs
    zrelay_error_t *error;      //  Makes strings printable for sentences
    bool verbose;               //  Log commands
    bool ends;                  //  As soon as the loader has ended
    zrelay_call_t *last;     //  Which asked for that; answered at the end
};

//  Carries out a command. argv holds argc strings, its name not among them. The
//  request must be answered, or kept until it is.
typedef void (command_fn) (host_t *self, zrelay_call_t *request, size_t argc,
                           char **argv);


//  --------------------------------------------------------------------------
//  Relays

static zrelay_hosted_t *
s_find (host_t *self, const char *name)
{
    zrelay_hosted_t *relay = (zrelay_hosted_t *) zlistx_first (self->relays);
    while (relay && strneq (zrelay_hosted_name (relay), name))
        relay = (zrelay_hosted_t *) zlistx_next (self->relays);
    return relay;
}

//  The only relay, or NULL

static zrelay_hosted_t *
s_only (host_t *self)
{
    return zlistx_size (self->relays) == 1?
           (zrelay_hosted_t *) zlistx_first (self->relays): NULL;
}

static void
s_on_ended (void *owner, zrelay_hosted_t *relay)
{
    host_t *self = (host_t *) owner;
    zlistx_detach (self->relays, zlistx_find (self->relays, relay));
    zrelay_hosted_destroy (&relay);
}

static void
s_make_verbose (zrelay_hosted_t *relay)
{
    zmsg_t *words = zmsg_new ();
    assert (words);
    zmsg_addstr (words, "VERBOSE");
    zrelay_hosted_tell (relay, &words);
}

static void
s_start (host_t *self, zrelay_call_t *request, size_t argc, char **argv)
{
    (void) argc;
    const char *name = argv [0];
    size_t size = strlen (name);
    const zrelay_kind_t *kind = zrelay_kinds_find (self->kinds, argv [1]);
    if (size == 0 || size > NAME_MOST
    ||  strspn (name, NAME_CHARACTERS) < size) {
        zrelay_call_refuse (&request, ZRELAY_STATUS_BAD_ARGUMENTS,
            "%s is not a name for a relay; it takes letters, digits, '_', '-'"
            " and '.', at most %d of them",
            zrelay_error_quote (self->error, name), NAME_MOST);
        return;
    }
    if (!kind) {
        char *names = zrelay_plan_kind_names (self->kinds);
        zrelay_call_refuse (&request, ZRELAY_STATUS_BAD_ARGUMENTS,
            "there is no kind of relay %s; the kinds are %s",
            zrelay_error_quote (self->error, argv [1]), names);
        zstr_free (&names);
        return;
    }
    if (s_find (self, name)) {
        zrelay_call_refuse (&request, ZRELAY_STATUS_BAD_STATE,
            "there is a relay of that name already; STOP it, or choose another"
            " name");
        return;
    }
    zrelay_hosted_t *relay =
        zrelay_hosted_new (self->ears, kind, name, s_on_ended, self);
    if (relay) {
        zlistx_add_end (self->relays, relay);
        if (self->verbose)
            s_make_verbose (relay);
        zrelay_call_answer (&request, ZRELAY_STATUS_DONE, NULL);
    }
    else
        zrelay_call_refuse (&request, ZRELAY_STATUS_REFUSED,
            "cannot create the relay's sockets: %s", zmq_strerror (errno));
}

//  The relay of that name, or NULL after the request was refused

static zrelay_hosted_t *
s_need (host_t *self, zrelay_call_t **request_p, const char *name)
{
    zrelay_hosted_t *relay = s_find (self, name);
    if (!relay)
        zrelay_call_refuse (request_p, ZRELAY_STATUS_BAD_ARGUMENTS,
            "there is no relay %s; LIST names them all",
            zrelay_error_quote (self->error, name));
    return relay;
}

static void
s_stop (host_t *self, zrelay_call_t *request, size_t argc, char **argv)
{
    int64_t msecs;
    if (argc > 1 && !zrelay_number_read (argv [1], 0, DRAIN_MOST, &msecs)) {
        zrelay_call_refuse (&request, ZRELAY_STATUS_BAD_ARGUMENTS,
            "%s is not a time to drain; it takes milliseconds up to %d",
            zrelay_error_quote (self->error, argv [1]), DRAIN_MOST);
        return;
    }
    zrelay_hosted_t *relay = s_need (self, &request, argv [0]);
    if (relay)
        zrelay_hosted_stop (relay, &request, argc > 1? argv [1]: "");
}

static void
s_wait (host_t *self, zrelay_call_t *request, size_t argc, char **argv)
{
    (void) argc;
    zrelay_hosted_t *relay = s_need (self, &request, argv [0]);
    if (relay)
        zrelay_hosted_wait (relay, &request);
}

static void
s_list (host_t *self, zrelay_call_t *request, size_t argc, char **argv)
{
    (void) argc;
    (void) argv;
    zmsg_t *frames = zmsg_new ();
    assert (frames);
    zmsg_addstr (frames, "LIST");
    zrelay_hosted_t *relay = (zrelay_hosted_t *) zlistx_first (self->relays);
    for (; relay; relay = (zrelay_hosted_t *) zlistx_next (self->relays)) {
        zmsg_addstr (frames, zrelay_hosted_name (relay));
        zmsg_addstr (frames, zrelay_hosted_kind (relay)->name);
    }
    zrelay_call_answer (&request, ZRELAY_STATUS_DONE, &frames);
}


//  --------------------------------------------------------------------------
//  Commands for relays

//  True if only the owner of a relay may give it that command. The relay takes
//  all that the host gives for its owner's.

static bool
s_is_owners (const zrelay_kind_t *kind, const char *command)
{
    const zrelay_command_t *row = zrelay_hosted_own_command (kind, command);
    return row && row->size >= offsetof (zrelay_command_t, flags)
                      + sizeof (row->flags)
        && (row->flags & ZRELAY_COMMAND_OWNER);
}

static bool
s_sets_owners (const zrelay_kind_t *kind, zmsg_t *words)
{
    zframe_t *command = zmsg_first (words);
    zmsg_next (words);
    return zframe_streq (command, "SET")
        && zrelay_owners_option (kind, zmsg_next (words));
}

//  Give a relay the words of a message, which are taken: there may be keys
//  among them, of which there should be no copies

static void
s_forward (zrelay_hosted_t *relay, zrelay_call_t *request, zmsg_t *rest)
{
    zframe_t *first = zmsg_first (rest);
    char *command = first? zframe_strdup (first): strdup ("");
    assert (command);
    if (streq (command, "$TERM"))
        zrelay_call_refuse (&request, ZRELAY_STATUS_UNKNOWN,
            "the host ends its relays; the command is STOP");
    else
    if (zrelay_call_is_remote (request) && streq (command, "FILTER"))
        zrelay_call_refuse (&request, ZRELAY_STATUS_UNKNOWN,
            "only the application that runs the relay may give this command,"
            " which takes pointers");
    else
    if (zrelay_call_is_strange (request)
    && (s_is_owners (zrelay_hosted_kind (relay), command)
     || s_sets_owners (zrelay_hosted_kind (relay), rest)))
        zrelay_call_refuse (&request, ZRELAY_STATUS_UNKNOWN,
            "only this user may give this command, at a control socket that is"
            " a path of ipc");
    else {
        zmsg_t *words = zmsg_new ();
        assert (words);
        zframe_t *frame;
        while ((frame = zmsg_pop (rest)))
            zmsg_append (words, &frame);
        zrelay_hosted_give (relay, &request, &words);
    }
    zstr_free (&command);
}

//  RELAY name command argument ...

static void
s_relay (host_t *self, zrelay_call_t *request, zmsg_t *rest)
{
    char *name = zmsg_popstr (rest);
    if (!name || zmsg_size (rest) == 0)
        zrelay_call_refuse (&request, ZRELAY_STATUS_BAD_ARGUMENTS,
            "wrong number of arguments; it is RELAY name command [argument"
            " ...]");
    else {
        zrelay_hosted_t *relay = s_need (self, &request, name);
        if (relay)
            s_forward (relay, request, rest);
    }
    zstr_free (&name);
}


//  --------------------------------------------------------------------------
//  The gate

static void
s_on_gate (void *object, int status, zmsg_t **frames_p)
{
    zrelay_call_t *request = (zrelay_call_t *) object;
    zrelay_call_answer (&request, status, frames_p);
}

static void
s_gate (host_t *self, zrelay_call_t *request, zmsg_t *rest)
{
    zframe_t *first = zmsg_first (rest);
    if (!first || zframe_streq (first, "$TERM")) {
        zrelay_call_refuse (&request, ZRELAY_STATUS_BAD_ARGUMENTS,
            "which command? GATE HELP lists those of the gate");
        return;
    }
    zmsg_t *words = zmsg_dup (rest);
    assert (words);
    zrelay_usher_give (self->usher, &words, s_on_gate, request);
}


//  --------------------------------------------------------------------------
//  Control sockets

static int
s_on_request (void *owner, zrelay_call_t *request, zmsg_t *words);

static void
s_control_destroy (void **item_p)
{
    control_t *control = (control_t *) *item_p;
    zrelay_entrance_destroy (&control->entrance);
    if (control->private)
        zrelay_private_remove (control->private);
    zstr_free (&control->private);
    freen (control);
    *item_p = NULL;
}

//  A peer that asks for too much is cut off, and one that does not read gets no
//  more answers

static zsock_t *
s_router_new (void)
{
    zsock_t *router =
        zrelay_sockets_left (1)? zsock_new (ZMQ_ROUTER): NULL;
    if (router) {
        zsock_set_router_mandatory (router, 1);
        zsock_set_maxmsgsize (router, CONTROL_FRAME_MAX);
        zsock_set_sndhwm (router, CONTROL_HWM);
        zsock_set_rcvhwm (router, CONTROL_HWM);
        zsock_set_linger (router, CONTROL_LINGER);
    }
    return router;
}

//  A control socket that is being made
typedef struct {
    host_t *host;               //  Will have it
    zrelay_call_t *request;  //  Asked for it
    char *endpoint;             //  Where it is to be
    bool open;                  //  Anybody may steer there
    zcert_t *cert;              //  What it proves itself with, or NULL
    char *domain;               //  Where its clients' certificates are known
} opening_t;

static void
s_opening_destroy (opening_t **self_p)
{
    opening_t *self = *self_p;
    zstr_free (&self->endpoint);
    zstr_free (&self->domain);
    zrelay_secret_destroy (&self->cert);
    freen (self);
    *self_p = NULL;
}

//  Bind a control socket. Returns NULL, or why that is not possible.

static const char *
s_bind (opening_t *self, zsock_t *router)
{
    const char *endpoint = self->endpoint;
    const char *refusal = zrelay_endpoint_refusal (endpoint, true);
    if (refusal)
        return refusal;
    if (zrelay_private_possible (endpoint))
        return zrelay_private_bind (zsock_resolve (router), endpoint) == 0?
               NULL: zmq_strerror (errno);
    if (!self->open && !self->cert
    &&  strncmp (endpoint, "inproc://", strlen ("inproc://")))
        return "everybody who can connect there could steer; name a certificate"
               " and the folder of its clients', or use a path of ipc";
    //  In a domain, libzmq refuses the first bytes of ZMTP 1.0, which could end
    //  the process. Without our gate, an application's zauth would be asked.
    if (self->cert || zrelay_usher_has_gate (self->host->usher))
        zsock_set_zap_domain (router, self->domain);
    if (self->cert) {
        zcert_apply (self->cert, router);
        zsock_set_curve_server (router, 1);
    }
    return zmq_bind (zsock_resolve (router), endpoint) != -1? NULL:
           zmq_strerror (errno);
}

//  Open a control socket, once its clients are known. Takes the opening.

static void
s_open (opening_t *opening)
{
    host_t *self = opening->host;
    bool private = zrelay_private_possible (opening->endpoint);
    zsock_t *router = s_router_new ();
    zsock_t *sock = router;
    zrelay_entrance_t *entrance = router?
        zrelay_entrance_new_control (self->ears, &router, !private,
                                     s_on_request, self): NULL;
    const char *refusal =
        !entrance || zrelay_entrance_guard (entrance)? zmq_strerror (errno):
        s_bind (opening, sock);
    if (refusal) {
        zrelay_call_refuse (&opening->request, ZRELAY_STATUS_REFUSED,
            "cannot be steered at %s: %s",
            zrelay_error_quote (self->error, opening->endpoint), refusal);
        zrelay_entrance_destroy (&entrance);
    }
    else {
        control_t *control = (control_t *) zmalloc (sizeof (control_t));
        assert (control);
        if (private) {
            control->private = strdup (opening->endpoint);
            assert (control->private);
        }
        control->entrance = entrance;
        zlistx_add_end (self->controls, control);
        zrelay_call_answer (&opening->request, ZRELAY_STATUS_DONE, NULL);
    }
    s_opening_destroy (&opening);
}

//  The gate knows the clients of a control socket, or does not want to

static void
s_on_clients (void *object, int status, zmsg_t **frames_p)
{
    opening_t *opening = (opening_t *) object;
    if (status == ZRELAY_STATUS_DONE)
        s_open (opening);
    else {
        zrelay_call_answer (&opening->request, status, frames_p);
        s_opening_destroy (&opening);
    }
}

//  Read the certificate of a control socket. Returns false after the request
//  was refused.

static bool
s_load_cert (opening_t *self, const char *filename)
{
    zrelay_report_t *report = zrelay_report_new_list ();
    self->cert = zrelay_secret_load (filename, true, report);
    zrelay_finding_t *finding = (zrelay_finding_t *)
        zlistx_first (zrelay_report_findings (report));
    if (!self->cert)
        zrelay_call_refuse (&self->request, ZRELAY_STATUS_REFUSED, "%s",
            finding? finding->sentence: "no certificate");
    zrelay_report_destroy (&report);
    return self->cert != NULL;
}

static void
s_control (host_t *self, zrelay_call_t *request, size_t argc, char **argv)
{
    opening_t *opening = (opening_t *) zmalloc (sizeof (opening_t));
    assert (opening);
    opening->host = self;
    opening->request = request;
    opening->endpoint = zrelay_private_expand (argv [0], &opening->open);
    opening->domain = zsys_sprintf (CONTROL_DOMAIN "/%zu", ++self->openings);
    assert (opening->domain);
    if (argc == 1)
        s_open (opening);
    else
    if (argc == 2)
        zrelay_call_refuse (&opening->request, ZRELAY_STATUS_BAD_ARGUMENTS,
            "who may steer? After the certificate comes the folder of those of"
            " its clients, or any");
    else
    if (s_load_cert (opening, argv [1])) {
        zmsg_t *words = zmsg_new ();
        assert (words);
        zmsg_addstr (words, "CURVE");
        zmsg_addstr (words, opening->domain);
        zmsg_addstr (words, argv [2]);
        zrelay_usher_give (self->usher, &words, s_on_clients, opening);
        return;
    }
    if (argc > 1)
        s_opening_destroy (&opening);
}

static void
s_controls (host_t *self, zrelay_call_t *request, size_t argc, char **argv)
{
    (void) argc;
    (void) argv;
    zmsg_t *frames = zmsg_new ();
    assert (frames);
    zmsg_addstr (frames, "CONTROLS");
    control_t *control = (control_t *) zlistx_first (self->controls);
    for (; control; control = (control_t *) zlistx_next (self->controls)) {
        char *endpoint = zrelay_entrance_endpoint (control->entrance);
        zmsg_addstr (frames, endpoint? endpoint: "");
        zstr_free (&endpoint);
    }
    zrelay_call_answer (&request, ZRELAY_STATUS_DONE, &frames);
}


//  --------------------------------------------------------------------------
//  Who is no longer welcome, of the relays that were loaded from a file

static zrelay_plan_t *
s_plan (host_t *self, const char *name)
{
    return self->config? zrelay_config_find (self->config, name): NULL;
}

//  A folder may lose all of its files at once

static void
s_log_revoked (host_t *self, const char *user, const char *domain)
{
    int64_t now = zclock_mono ();
    if (now < self->logged_at)
        return;
    zrelay_printer_log (ZRELAY_LOG_WARNING,
        "%s: %s is no longer let in; connections are cut", domain, user);
    self->logged_at = now + LOG_IVL;
}

//  An event: a word, the domain, which is NAME/SIDE, the user, and an address

static int
s_on_events (zloop_t *loop, zsock_t *sock, void *arg)
{
    (void) loop;
    host_t *self = (host_t *) arg;
    char *word = NULL;
    char *domain = NULL;
    char *user = NULL;
    char *address = NULL;
    zstr_recvx (sock, &word, &domain, &user, &address, NULL);
    char *side = address? strchr (domain, '/'): NULL;
    if (side) {
        *side++ = 0;
        zrelay_hosted_t *relay = s_find (self, domain);
        zrelay_plan_t *plan = s_plan (self, domain);
        if (relay && plan && zrelay_guard_cuts (plan)) {
            zmsg_t *words = zmsg_new ();
            assert (words);
            zmsg_addstr (words, "CUT");
            zmsg_addstr (words, side);
            zmsg_addstr (words, address);
            zrelay_hosted_tell (relay, &words);
            s_log_revoked (self, user, domain);
        }
    }
    zstr_free (&word);
    zstr_free (&domain);
    zstr_free (&user);
    zstr_free (&address);
    return 0;
}

static void
s_on_events_set (void *object, int status, zmsg_t **frames_p)
{
    (void) object;
    (void) status;
    (void) frames_p;
}

//  Hear events once some relay wants them

static void
s_hear_events (host_t *self)
{
    bool wanted = false;
    zrelay_plan_t *plan = (zrelay_plan_t *) zlistx_first (self->config->plans);
    for (; plan; plan = (zrelay_plan_t *) zlistx_next (self->config->plans))
        wanted = wanted || zrelay_guard_cuts (plan);
    if (!wanted || self->events)
        return;
    if (!zrelay_sockets_left (1)) {
        zrelay_printer_log (ZRELAY_LOG_ERROR, "host: no socket is left for the"
            " gate's events; peers that are no longer let in are not cut");
        return;
    }
    char *endpoint = zsys_sprintf ("inproc://zrelay-host-events-%p",
                                   (void *) self);
    assert (endpoint);
    self->events = zsock_new (ZMQ_PULL);
    zsock_bind (self->events, "%s", endpoint);
    zloop_reader (self->loop, self->events, s_on_events, self);
    zmsg_t *words = zmsg_new ();
    assert (words);
    zmsg_addstr (words, "EVENTS");
    zmsg_addstr (words, endpoint);
    zrelay_usher_give (self->usher, &words, s_on_events_set, self);
    zstr_free (&endpoint);
}


//  --------------------------------------------------------------------------
//  Files

//  The sentence about what a loader found: its first failure

static char *
s_load_sentence (zlistx_t *findings)
{
    zrelay_finding_t *first = NULL;
    size_t more = 0;
    zrelay_finding_t *finding = (zrelay_finding_t *) zlistx_first (findings);
    for (; finding; finding = (zrelay_finding_t *) zlistx_next (findings)) {
        more += first && !finding->warning;
        first = first || finding->warning? first: finding;
    }
    char *rest = more == 0? strdup (""):
        zsys_sprintf (" (and %zu more; CHECK lists them)", more);
    char *sentence = !first? strdup ("the host does not answer"):
        zsys_sprintf ("%s%s%s%s%s%s", first->place, *first->place? ": ": "",
                      first->path, *first->path? ": ": "", first->sentence,
                      rest);
    assert (rest && sentence);
    zstr_free (&rest);
    return sentence;
}

static void
s_answer_load (host_t *self)
{
    zlistx_t *findings = zrelay_mover_findings (self->loader);
    if (zrelay_mover_done (self->loader)) {
        zrelay_config_destroy (&self->config);
        self->config = zrelay_mover_take (self->loader);
        s_hear_events (self);
        zrelay_call_answer (&self->load, ZRELAY_STATUS_DONE, NULL);
    }
    else {
        char *sentence = s_load_sentence (findings);
        zrelay_call_refuse (&self->load, ZRELAY_STATUS_REFUSED, "%s",
                            sentence);
        zstr_free (&sentence);
    }
}

static void
s_answer_check (host_t *self)
{
    zmsg_t *frames = zmsg_new ();
    assert (frames);
    zmsg_addstr (frames, "CHECK");
    zlistx_t *findings = zrelay_mover_findings (self->loader);
    zrelay_finding_t *finding = (zrelay_finding_t *) zlistx_first (findings);
    for (; finding; finding = (zrelay_finding_t *) zlistx_next (findings)) {
        zmsg_addstr (frames, finding->warning? "warning": "error");
        zmsg_addstr (frames, finding->place);
        zmsg_addstr (frames, finding->path);
        zmsg_addstr (frames, finding->sentence);
    }
    zrelay_call_answer (&self->load, ZRELAY_STATUS_DONE, &frames);
}

static int
s_on_loader (zloop_t *loop, zsock_t *sock, void *arg)
{
    host_t *self = (host_t *) arg;
    zmsg_t *msg = zmsg_recv (sock);
    zmsg_destroy (&msg);
    zloop_reader_end (loop, sock);
    if (self->check)
        s_answer_check (self);
    else
        s_answer_load (self);
    zrelay_mover_destroy (&self->loader);
    return self->ends? -1: 0;
}

//  Loaders steer as clients do, from within the process

static char *
s_inner_endpoint (host_t *self)
{
    char *endpoint = zsys_sprintf ("inproc://zrelay-host-loader-%p",
                                   (void *) self);
    assert (endpoint);
    zsock_t *router = !self->inner && zrelay_sockets_left (1)?
                      zsock_new (ZMQ_ROUTER): NULL;
    if (router) {
        zsock_set_router_mandatory (router, 1);
        zsock_bind (router, "%s", endpoint);
        self->inner = zrelay_entrance_new_control (self->ears, &router, false,
                                                   s_on_request, self);
    }
    return endpoint;
}

static void
s_begin_load (host_t *self, zrelay_call_t *request, const char *file,
              const char *text, bool check)
{
    if (self->loader) {
        zrelay_call_refuse (&request, ZRELAY_STATUS_BAD_STATE,
            "an earlier LOAD or CHECK is still under way");
        return;
    }
    char *endpoint = s_inner_endpoint (self);
    if (self->inner)
        self->loader = zrelay_mover_new (endpoint, file, text, self->kinds,
                                         self->config, self->links, check);
    zstr_free (&endpoint);
    if (!self->loader) {
        zrelay_call_refuse (&request, ZRELAY_STATUS_REFUSED,
            "cannot create the loader's sockets: %s", zmq_strerror (errno));
        return;
    }
    self->load = request;
    self->check = check;
    zloop_reader (self->loop, zrelay_mover_sock (self->loader), s_on_loader,
                  self);
}

//  Strangers may have the same file read again

static void
s_load (host_t *self, zrelay_call_t *request, size_t argc, char **argv)
{
    if (argc > 0 && zrelay_call_is_strange (request))
        zrelay_call_refuse (&request, ZRELAY_STATUS_BAD_ARGUMENTS,
            "only this user may name a file; LOAD alone reads the last one"
            " again");
    else
    if (argc == 0 && (!self->file || self->has_text))
        zrelay_call_refuse (&request, ZRELAY_STATUS_BAD_STATE, "%s",
            self->file? "the program reads this file itself; send it SIGHUP":
            "no file was loaded yet; LOAD takes its name");
    else {
        if (argc > 0) {
            zstr_free (&self->file);
            self->file = strdup (argv [0]);
            assert (self->file);
            self->has_text = argc > 1;
        }
        s_begin_load (self, request, self->file, argc > 1? argv [1]: NULL,
                      false);
    }
}

static void
s_check (host_t *self, zrelay_call_t *request, size_t argc, char **argv)
{
    s_begin_load (self, request, argv [0], argc > 1? argv [1]: NULL, true);
}


//  --------------------------------------------------------------------------
//  About the host

static void
s_answer_word (zrelay_call_t *request, const char *name, const char *word)
{
    zmsg_t *frames = zmsg_new ();
    assert (frames);
    zmsg_addstr (frames, name);
    if (word)
        zmsg_addstr (frames, word);
    zrelay_call_answer (&request, ZRELAY_STATUS_DONE, &frames);
}

static void
s_error (host_t *self, zrelay_call_t *request, size_t argc, char **argv)
{
    (void) self;
    (void) argc;
    (void) argv;
    s_answer_word (request, "ERROR",
        zrelay_entrance_error (zrelay_call_entrance (request)));
}

static void
s_ping (host_t *self, zrelay_call_t *request, size_t argc, char **argv)
{
    (void) self;
    (void) argc;
    (void) argv;
    s_answer_word (request, "PING", NULL);
}

//  Relays of files, from the next LOAD on

static void
s_events (host_t *self, zrelay_call_t *request, size_t argc, char **argv)
{
    (void) argc;
    zstr_free (&self->links);
    self->links = strdup (argv [0]);
    assert (self->links);
    zrelay_call_answer (&request, ZRELAY_STATUS_DONE, NULL);
}

static void
s_verbose (host_t *self, zrelay_call_t *request, size_t argc, char **argv)
{
    (void) argc;
    (void) argv;
    zrelay_hosted_t *relay = self->verbose? NULL:
        (zrelay_hosted_t *) zlistx_first (self->relays);
    for (; relay; relay = (zrelay_hosted_t *) zlistx_next (self->relays))
        s_make_verbose (relay);
    if (!self->verbose)
        zrelay_usher_set_verbose (self->usher);
    self->verbose = true;
    zrelay_call_answer (&request, ZRELAY_STATUS_DONE, NULL);
}

static command_fn s_help;


//  --------------------------------------------------------------------------
//  The table. HELP shows it in this order.

static const struct {
    const char *name;           //  In capitals
    const char *args;           //  As HELP shows them
    const char *help;           //  One line
    command_fn *handler;        //  Carries it out, given strings
    void (*raw) (host_t *self, zrelay_call_t *request, zmsg_t *rest);
                                //  Or so, given the words behind its name
    size_t least;               //  Number of arguments
    size_t most;
    bool owner;                 //  Not for strangers at a control socket
} s_commands [] = {
    { "LOAD", "[file [text]]", "bring the relays to where a file wants them",
      s_load, NULL, 0, 2, false },
    { "CHECK", "file [text]", "report everything that is wrong with a file",
      s_check, NULL, 1, 2, true },
    { "START", "name kind", "start a relay", s_start, NULL, 2, 2, false },
    { "STOP", "name [ms]", "end a relay, after it could drain for so long",
      s_stop, NULL, 1, 2, false },
    { "WAIT", "name", "answer when a relay has ended",
      s_wait, NULL, 1, 1, false },
    { "LIST", "", "name the relays, each with its kind",
      s_list, NULL, 0, 0, false },
    { "RELAY", "name command [argument ...]", "give a relay a command",
      NULL, s_relay, 0, 0, false },
    { "CONTROL", "endpoint [certificate clients]", "let others steer",
      s_control, NULL, 1, 3, true },
    { "CONTROLS", "", "list the endpoints of CONTROL, resolved",
      s_controls, NULL, 0, 0, false },
    { "GATE", "command [argument ...]", "give the gate a command",
      NULL, s_gate, 0, 0, true },
    { "HELP", "", "explain the commands", s_help, NULL, 0, 0, false },
    { "ERROR", "", "explain why the last command was refused",
      s_error, NULL, 0, 0, false },
    { "PING", "", "answer at once", s_ping, NULL, 0, 0, false },
    { "EVENTS", "endpoint", "send there what becomes of connections",
      s_events, NULL, 1, 1, true },
    { "VERBOSE", "", "log commands and peers", s_verbose, NULL, 0, 0, false }
};
#define COMMANDS (sizeof (s_commands) / sizeof (*s_commands))

static void
s_help (host_t *self, zrelay_call_t *request, size_t argc, char **argv)
{
    (void) self;
    (void) argc;
    (void) argv;
    zchunk_t *text = zchunk_new (NULL, 0);
    assert (text);
    for (size_t index = 0; index < COMMANDS; index++) {
        char *line = zsys_sprintf ("  %s%s%s\n      %s\n",
            s_commands [index].name, *s_commands [index].args? " ": "",
            s_commands [index].args, s_commands [index].help);
        assert (line);
        zchunk_extend (text, line, strlen (line));
        zstr_free (&line);
    }
    char *whole = zchunk_strdup (text);
    assert (whole);
    s_answer_word (request, "HELP", whole);
    zstr_free (&whole);
    zchunk_destroy (&text);
}


//  --------------------------------------------------------------------------
//  Requests

//  The strings of a command, without a zero byte in any. Returns their number,
//  or SIZE_MAX if there are too many, or one is no string.

static size_t
s_strings (zmsg_t *words, char *argv [WORDS_MAX])
{
    size_t argc = 0;
    zframe_t *frame = zmsg_first (words);
    for (; frame && argc < WORDS_MAX; frame = zmsg_next (words)) {
        argv [argc] = zframe_strdup (frame);
        assert (argv [argc]);
        bool string = strlen (argv [argc++]) == zframe_size (frame);
        if (!string)
            break;
    }
    if (!frame)
        return argc;
    while (argc > 0)
        zstr_free (&argv [--argc]);
    return SIZE_MAX;
}

static void
s_execute (host_t *self, size_t row, zrelay_call_t *request, zmsg_t *rest)
{
    char *argv [WORDS_MAX];
    size_t argc = s_strings (rest, argv);
    if (argc >= s_commands [row].least && argc <= s_commands [row].most)
        s_commands [row].handler (self, request, argc, argv);
    else
        zrelay_call_refuse (&request, ZRELAY_STATUS_BAD_ARGUMENTS,
            "wrong number of arguments; it is %s%s%s", s_commands [row].name,
            *s_commands [row].args? " ": "", s_commands [row].args);
    while (argc != SIZE_MAX && argc > 0)
        zstr_free (&argv [--argc]);
}

static void
s_dispatch (host_t *self, zrelay_call_t *request, const char *name,
            zmsg_t *words)
{
    size_t row = 0;
    while (row < COMMANDS && strneq (s_commands [row].name, name))
        row++;
    bool found = row < COMMANDS && !(s_commands [row].owner
                                  && zrelay_call_is_strange (request));
    if (!found && s_only (self)) {
        s_forward (s_only (self), request, words);
        return;
    }
    if (!found) {
        zrelay_call_refuse (&request, ZRELAY_STATUS_UNKNOWN,
            "there is no command %s; HELP lists them",
            zrelay_error_quote (self->error, name));
        return;
    }
    zframe_t *first = zmsg_pop (words);
    zframe_destroy (&first);
    if (s_commands [row].raw)
        s_commands [row].raw (self, request, words);
    else
        s_execute (self, row, request, words);
}

static int
s_on_request (void *owner, zrelay_call_t *request, zmsg_t *words)
{
    host_t *self = (host_t *) owner;
    char *name = zframe_strdup (zmsg_first (words));
    assert (name);
    bool ends = streq (name, "$TERM") && !zrelay_call_is_remote (request);
    //  Relays log their commands
    if (self->verbose && strneq (name, "RELAY"))
        zrelay_printer_log (ZRELAY_LOG_INFO, "host: %s",
                            zrelay_error_quote (self->error, name));
    if (ends)
        self->last = request;
    else
    if (self->ends)
        zrelay_call_refuse (&request, ZRELAY_STATUS_BAD_STATE,
                            "the host is ending");
    else
        s_dispatch (self, request, name, words);
    zstr_free (&name);
    //  A loader waits for answers
    self->ends = self->ends || ends;
    return ends && !self->loader? -1: 0;
}


//  --------------------------------------------------------------------------
//  The actor

static host_t *
s_host_new (zsock_t *pipe, const zrelay_kind_t *const *kinds)
{
    host_t *self = (host_t *) zmalloc (sizeof (host_t));
    assert (self);
    self->kinds = kinds;
    self->loop = zloop_new ();
    self->ears = zrelay_ears_new (self->loop);
    self->controls = zlistx_new ();
    self->relays = zlistx_new ();
    self->error = zrelay_error_new ();
    assert (self->loop && self->controls && self->relays);
    zlistx_set_destructor (self->controls, s_control_destroy);
    zloop_set_nonstop (self->loop, true);
    self->usher = zrelay_usher_new (self->loop);
    self->entrance = zrelay_entrance_new (self->ears, pipe, s_on_request,
                                          self);
    return self;
}

//  The gate outlives the sockets that it guards

static void
s_host_destroy (host_t **self_p)
{
    host_t *self = *self_p;
    zrelay_hosted_t *relay = (zrelay_hosted_t *) zlistx_first (self->relays);
    while (relay) {
        zrelay_hosted_t *next =
            (zrelay_hosted_t *) zlistx_next (self->relays);
        zrelay_hosted_destroy (&relay);
        relay = next;
    }
    zlistx_destroy (&self->relays);
    zlistx_destroy (&self->controls);
    zrelay_entrance_destroy (&self->inner);
    zsock_destroy (&self->events);
    zrelay_config_destroy (&self->config);
    zstr_free (&self->file);
    zstr_free (&self->links);
    zrelay_usher_destroy (&self->usher);
    //  Bare words get the signal of the actor instead
    if (self->last && !zrelay_call_is_bare (self->last))
        zrelay_call_answer (&self->last, ZRELAY_STATUS_DONE, NULL);
    zrelay_entrance_destroy (&self->entrance);
    zrelay_error_destroy (&self->error);
    zrelay_ears_destroy (&self->ears);
    zloop_destroy (&self->loop);
    zrelay_printer_settle_log ();
    freen (self);
    *self_p = NULL;
}

void
zrelay_host (zsock_t *pipe, void *args)
{
    zrelay_thread_block_signals ();
    host_t *self = s_host_new (pipe, args?
        (const zrelay_kind_t *const *) args: zrelay_kinds ());
    zsock_signal (pipe, 0);
    zloop_start (self->loop);
    s_host_destroy (&self);
}
