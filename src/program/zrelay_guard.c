/*  =========================================================================
    zrelay_guard - decides who may connect to the program's relay

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_guard.h"
#include "zrelay_secret.h"

//  Value of --clients that lets in everyone with a key
#define CLIENTS_ANY "any"

//  Where the gate says who is no longer welcome
#define EVENTS "inproc://zrelay-guard-events"

//  Those of an actor: the two ends of its pipe
#define GATE_SOCKETS 2

//  Milliseconds between two lines of the log about that
#define LOG_IVL 1000

struct _zrelay_guard_t {
    zrelay_plan_t *plan;        //  What the user wants; not ours
    zrelay_report_t *report;    //  Hears what is wrong; not ours
    zcert_t *cert;              //  The relay's certificate
    zcert_t *server_cert;       //  That of the server to connect to
    zactor_t *gate;             //  The gate, or NULL: there is nothing to do
    zsock_t *events;            //  Hears who is no longer welcome, or NULL
    int64_t logged_at;          //  When such a line was logged, in msecs
    size_t unlogged;            //  Lines left out since then
};


//  --------------------------------------------------------------------------
//  Constructor and destructor

zrelay_guard_t *
zrelay_guard_new (zrelay_plan_t *plan, zrelay_report_t *report)
{
    zrelay_guard_t *self = (zrelay_guard_t *) zmalloc (sizeof (zrelay_guard_t));
    assert (self);
    self->plan = plan;
    self->report = report;
    self->logged_at = -LOG_IVL;
    return self;
}

void
zrelay_guard_destroy (zrelay_guard_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_guard_t *self = *self_p;
        zactor_destroy (&self->gate);
        zsock_destroy (&self->events);
        zrelay_secret_destroy (&self->cert);
        zrelay_secret_destroy (&self->server_cert);
        freen (self);
        *self_p = NULL;
    }
}


//  --------------------------------------------------------------------------
//  Start

//  Report the first contradiction

static zrelay_exit_t
s_check (zrelay_guard_t *self)
{
    const zrelay_plan_t *plan = self->plan;
    const struct {
        bool broken;            //  The plan breaks this rule
        const char *sentence;   //  What is wrong then
    } rules [] = {
        { plan->curve && plan->plain,
          "a side has only one mechanism; give either --curve or --plain" },
        { plan->clients && !plan->curve,
          "--clients needs --curve, the relay's certificate" },
        { plan->server
          && !zrelay_plan_connects (self->plan, ZRELAY_SIDE_FRONTEND)
          && !zrelay_plan_connects (self->plan, ZRELAY_SIDE_BACKEND),
          "--server is for a side that connects, as in -f '>tcp://HOST:PORT',"
          " and no side does" },
        { plan->curve && !plan->clients && !plan->server,
          "--curve needs to know who may connect; give --clients DIRECTORY,"
          " or --clients any" },
        { (plan->curve || plan->server) && !zsys_has_curve (),
          "libzmq was built without CURVE" }
    };
    for (size_t index = 0; index < sizeof (rules) / sizeof (*rules); index++)
        if (rules [index].broken)
            return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE, "%s",
                                      rules [index].sentence);
    if (plan->clients && strneq (plan->clients, CLIENTS_ANY)
    &&  !zsys_file_exists (plan->clients))
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "there is no directory %s; --clients takes that of the"
            " certificates, or any", plan->clients);
    return ZRELAY_EXIT_NOT_YET;
}

static bool
s_sides_named (zrelay_guard_t *self)
{
    return self->plan->sides [ZRELAY_SIDE_FRONTEND].guarded
        || self->plan->sides [ZRELAY_SIDE_BACKEND].guarded;
}

//  A side that connects to the server is its client. Unless sides were named,
//  those that let peers in are guarded.

static bool
s_is_client (zrelay_guard_t *self, zrelay_side_id_t id)
{
    return self->plan->server && zrelay_plan_connects (self->plan, id);
}

static bool
s_is_guarded (zrelay_guard_t *self, zrelay_side_id_t id)
{
    return !s_is_client (self, id)
        && (s_sides_named (self)? self->plan->sides [id].guarded:
            zrelay_plan_binds (self->plan, id));
}

//  The certificate may be that of a client only. A relay that is nothing else
//  lets in others as if there was none, but not from the network, where the
//  user may mean something else.

static bool
s_only_client (zrelay_guard_t *self)
{
    return self->plan->server && !self->plan->clients;
}

static bool
s_unused (zrelay_guard_t *self)
{
    return !self->plan->curve && !self->plan->plain
        && zlist_size (self->plan->allow) == 0
        && zlist_size (self->plan->deny) == 0;
}

//  --------------------------------------------------------------------------
//  The gate

//  The ZAP domain of a side. libzmq asks about peers without a mechanism only
//  where there is one.

static char *
s_domain (zrelay_guard_t *self, zrelay_side_id_t id)
{
    char *domain = zsys_sprintf ("%s/%s", zrelay_plan_name (self->plan),
                                 self->plan->sides [id].name);
    assert (domain);
    return domain;
}

//  Report the gate's sentence about the command before, in whose place the user
//  gave an option

static zrelay_exit_t
s_report_gate (zrelay_guard_t *self, const char *option)
{
    char *name = NULL;
    char *sentence = NULL;
    zstr_send (self->gate, "ERROR");
    zstr_recvx (self->gate, &name, &sentence, NULL);
    const char *said = sentence? strstr (sentence, ": "): NULL;
    zrelay_exit_t status = zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
        "--%s: %s", option, said? said + strlen (": "): "refused");
    zstr_free (&name);
    zstr_free (&sentence);
    return status;
}

static zrelay_exit_t
s_rule (zrelay_guard_t *self, const char *command, const char *domain,
        const char *argument, const char *option)
{
    if (!argument)
        return ZRELAY_EXIT_NOT_YET;
    zstr_sendx (self->gate, command, domain, argument, NULL);
    return zsock_wait (self->gate) == ZRELAY_STATUS_DONE?
           ZRELAY_EXIT_NOT_YET: s_report_gate (self, option);
}

static zrelay_exit_t
s_rule_list (zrelay_guard_t *self, const char *command, const char *domain,
             zlist_t *list, const char *option)
{
    zrelay_exit_t status = ZRELAY_EXIT_NOT_YET;
    char *argument = (char *) zlist_first (list);
    while (argument && status == ZRELAY_EXIT_NOT_YET) {
        status = s_rule (self, command, domain, argument, option);
        argument = (char *) zlist_next (list);
    }
    return status;
}

static zrelay_exit_t
s_rules (zrelay_guard_t *self, zrelay_side_id_t id)
{
    const zrelay_plan_t *plan = self->plan;
    //  The domain of a side that is not guarded has no rules
    if (!s_is_guarded (self, id))
        return ZRELAY_EXIT_NOT_YET;
    char *domain = s_domain (self, id);
    zrelay_exit_t status = s_rule_list (self, "ALLOW", domain, plan->allow,
                                        "allow");
    if (status == ZRELAY_EXIT_NOT_YET)
        status = s_rule_list (self, "DENY", domain, plan->deny, "deny");
    if (status == ZRELAY_EXIT_NOT_YET)
        status = s_rule (self, "PLAIN", domain, plan->plain, "plain");
    if (status == ZRELAY_EXIT_NOT_YET)
        status = s_rule (self, "CURVE", domain,
            plan->clients && streq (plan->clients, CLIENTS_ANY)?
            CURVE_ALLOW_ANY: plan->clients, "clients");
    zstr_free (&domain);
    return status;
}

//  Only rules in files can change

static zrelay_exit_t
s_hear_events (zrelay_guard_t *self)
{
    if (!self->plan->revoke_cuts
    || (!self->plan->plain && !self->plan->clients))
        return ZRELAY_EXIT_NOT_YET;
    if (zrelay_sockets_left (1))
        self->events = zsock_new_pull ("@" EVENTS);
    if (!self->events)
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "cannot create the gate's sockets: %s", zmq_strerror (errno));
    zstr_sendx (self->gate, "EVENTS", EVENTS, NULL);
    return zsock_wait (self->gate) == ZRELAY_STATUS_DONE?
           ZRELAY_EXIT_NOT_YET: s_report_gate (self, "revoke-cuts");
}

//  Files are shared by both sides, so they are read once

static zrelay_exit_t
s_start_gate (zrelay_guard_t *self)
{
    if (zrelay_sockets_left (GATE_SOCKETS))
        self->gate = zactor_new (zrelay_gate, NULL);
    if (!self->gate)
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "cannot create the gate's sockets: %s", zmq_strerror (errno));
    zrelay_exit_t status = s_rules (self, ZRELAY_SIDE_FRONTEND);
    if (status == ZRELAY_EXIT_NOT_YET)
        status = s_rules (self, ZRELAY_SIDE_BACKEND);
    if (status == ZRELAY_EXIT_NOT_YET)
        status = s_hear_events (self);
    return status;
}

//  An option of a socket is a secret by its name

static bool
s_has_secret (zrelay_guard_t *self)
{
    static const char *words [] = { "secretkey", "password" };
    bool has = self->plan->curve || self->plan->plain || self->plan->server;
    zrelay_plan_setting_t *setting =
        (zrelay_plan_setting_t *) zlistx_first (self->plan->settings);
    for (; setting && !has;
         setting = (zrelay_plan_setting_t *) zlistx_next (self->plan->settings))
        for (size_t index = 0; index < sizeof (words) / sizeof (*words);
             index++)
            has = has || strstr (setting->option, words [index]);
    return has;
}

//  Who has no certificate gets one that nobody knows

static zrelay_exit_t
s_load (zrelay_guard_t *self)
{
    const zrelay_plan_t *plan = self->plan;
    if (plan->curve)
        self->cert = zrelay_secret_load (plan->curve, true, self->report);
    else
    if (plan->server)
        self->cert = zcert_new ();
    if (plan->server && self->cert)
        self->server_cert = zrelay_secret_load_key (plan->server, self->report);
    return (plan->curve && !self->cert) || (plan->server && !self->server_cert)?
           ZRELAY_EXIT_MISUSE: ZRELAY_EXIT_NOT_YET;
}

zrelay_exit_t
zrelay_guard_start (zrelay_guard_t *self)
{
    zrelay_exit_t status = s_check (self);
    bool unused = s_unused (self);
    if (status == ZRELAY_EXIT_NOT_YET && unused && s_sides_named (self))
        status = zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "--guard alone does nothing; say how with --curve, --plain,"
            " --allow or --deny");
    if (s_has_secret (self) && !self->plan->core)
        zrelay_secret_protect ();
    if (status == ZRELAY_EXIT_NOT_YET)
        status = s_load (self);
    if (status == ZRELAY_EXIT_NOT_YET && !unused)
        status = s_start_gate (self);
    return status;
}


//  --------------------------------------------------------------------------
//  The relay's side of it

//  Report what the relay says about its last command, unless it was done

static zrelay_exit_t
s_confirm (zrelay_guard_t *self, zrelay_client_t *relay)
{
    if (zrelay_client_status (relay) == ZRELAY_STATUS_DONE)
        return ZRELAY_EXIT_NOT_YET;
    return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE, "%s",
                              zrelay_client_error (relay));
}

static zrelay_exit_t
s_be_client (zrelay_guard_t *self, zrelay_client_t *relay, const char *side)
{
    const char *options [] [2] = {
        { "curve_serverkey", zcert_public_txt (self->server_cert) },
        { "curve_publickey", zcert_public_txt (self->cert) },
        { "curve_secretkey", zcert_secret_txt (self->cert) }
    };
    zrelay_exit_t status = ZRELAY_EXIT_NOT_YET;
    for (size_t index = 0; status == ZRELAY_EXIT_NOT_YET
         && index < sizeof (options) / sizeof (*options); index++) {
        zrelay_client_command (relay, "SET", side, options [index] [0],
                               options [index] [1], NULL);
        status = s_confirm (self, relay);
    }
    return status;
}

static zrelay_exit_t
s_set_domain (zrelay_guard_t *self, zrelay_client_t *relay, zrelay_side_id_t id)
{
    char *domain = s_domain (self, id);
    zrelay_client_command (relay, "DOMAIN", self->plan->sides [id].name, domain,
                           NULL);
    zstr_free (&domain);
    return s_confirm (self, relay);
}

//  With a domain, libzmq refuses the first bytes of ZMTP 1.0. Without, somebody
//  who sends these while the side is unbound, or ends, ends the process. There
//  are no rules for this domain, so everybody else is let in.

static zrelay_exit_t
s_be_open (zrelay_guard_t *self, zrelay_client_t *relay, zrelay_side_id_t id)
{
    return self->plan->zmtp1 || !zrelay_plan_binds (self->plan, id)?
           ZRELAY_EXIT_NOT_YET: s_set_domain (self, relay, id);
}

static zrelay_exit_t
s_be_server (zrelay_guard_t *self, zrelay_client_t *relay, zrelay_side_id_t id)
{
    const char *side = self->plan->sides [id].name;
    zrelay_exit_t status = s_set_domain (self, relay, id);
    if (status == ZRELAY_EXIT_NOT_YET && self->plan->plain) {
        zrelay_client_command (relay, "PLAIN", side, NULL);
        status = s_confirm (self, relay);
    }
    if (status == ZRELAY_EXIT_NOT_YET && self->plan->clients) {
        zrelay_client_command (relay, "CURVE", side,
                               zcert_public_txt (self->cert),
                               zcert_secret_txt (self->cert), NULL);
        status = s_confirm (self, relay);
    }
    return status;
}

zrelay_exit_t
zrelay_guard_protect (zrelay_guard_t *self, zrelay_client_t *relay,
                      zrelay_side_id_t id)
{
    const zrelay_plan_t *plan = self->plan;
    const zrelay_plan_side_t *side = &plan->sides [id];
    if (s_is_client (self, id))
        return !zrelay_plan_binds (self->plan, id)?
            s_be_client (self, relay, side->name):
            zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
                "the %s cannot both bind and be a client of --server; a socket"
                " has one role", side->name);
    if (!self->gate || !s_is_guarded (self, id))
        return s_be_open (self, relay, id);
    if (plan->curve && s_only_client (self)
    && (side->guarded || !zrelay_plan_is_local (self->plan, id)))
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "the %s lets peers in; say which ones with --clients, or guard the"
            " other side only", side->name);
    return s_be_server (self, relay, id);
}


//  --------------------------------------------------------------------------
//  While it runs

zsock_t *
zrelay_guard_events (zrelay_guard_t *self)
{
    return self->events;
}

//  A folder may lose all of its files at once

static void
s_log_revoked (zrelay_guard_t *self, zrelay_side_id_t id, const char *user,
               const char *address)
{
    int64_t now = zclock_mono ();
    if (now < self->logged_at + LOG_IVL) {
        self->unlogged++;
        return;
    }
    zsys_warning ("%s: %s is no longer let in; connections to the %s from %s"
                  " are cut (%zu others before were not logged)",
                  zrelay_plan_name (self->plan), user,
                  self->plan->sides [id].name,
                  streq (address, "*")? "anywhere": address, self->unlogged);
    self->logged_at = now;
    self->unlogged = 0;
}

char *
zrelay_guard_revoked (zrelay_guard_t *self, zrelay_side_id_t *side_p)
{
    char *name = NULL;
    char *domain = NULL;
    char *user = NULL;
    char *address = NULL;
    zstr_recvx (self->events, &name, &domain, &user, &address, NULL);
    bool ours = false;
    for (int id = 0; address && !ours && id < ZRELAY_PLAN_SIDES; id++) {
        char *own = s_domain (self, (zrelay_side_id_t) id);
        ours = streq (own, domain);
        *side_p = (zrelay_side_id_t) id;
        zstr_free (&own);
    }
    if (ours)
        s_log_revoked (self, *side_p, user, address);
    else
        zstr_free (&address);
    zstr_free (&name);
    zstr_free (&domain);
    zstr_free (&user);
    return address;
}

void
zrelay_guard_print (zrelay_guard_t *self)
{
    if (!self->gate)
        return;
    zstr_send (self->gate, "STATS");
    zmsg_t *answer = zmsg_recv (self->gate);
    char *name = answer? zmsg_popstr (answer): NULL;
    char *line = strdup ("gate:");
    while (name) {
        zstr_free (&name);
        name = zmsg_popstr (answer);
        char *value = zmsg_popstr (answer);
        if (name && value) {
            char *longer = zsys_sprintf ("%s %s %s", line, name, value);
            assert (longer);
            zstr_free (&line);
            line = longer;
        }
        zstr_free (&value);
    }
    zrelay_report_note (self->report, line);
    zstr_free (&line);
    zmsg_destroy (&answer);
}
