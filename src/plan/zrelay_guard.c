/*  =========================================================================
    zrelay_guard - decides who may connect to a plan's relay

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

//  Begins the domains of a rehearsal; no relay can have this name
#define REHEARSAL "/"

//  Where the gate says who is no longer welcome
#define EVENTS "inproc://zrelay-guard-events"

//  Milliseconds between two lines of the log about that
#define LOG_IVL 1000

struct _zrelay_guard_t {
    zrelay_plan_t *plan;        //  What the user wants; not ours
    zrelay_client_t *host;      //  Leads to the gate; not ours
    zrelay_report_t *report;    //  Hears what is wrong; not ours
    bool rehearsal;             //  Go on after failures, and leave no rules
    bool active;                //  The gate has rules for this relay
    zcert_t *cert;              //  The relay's certificate
    zcert_t *server_cert;       //  That of the server to connect to
    zsock_t *events;            //  Hears who is no longer welcome, or NULL
    int64_t logged_at;          //  When such a line was logged, in msecs
    size_t unlogged;            //  Lines left out since then
};


//  --------------------------------------------------------------------------
//  Constructor and destructor

zrelay_guard_t *
zrelay_guard_new (zrelay_plan_t *plan, zrelay_client_t *host,
                  zrelay_report_t *report, bool rehearsal)
{
    zrelay_guard_t *self = (zrelay_guard_t *) zmalloc (sizeof (zrelay_guard_t));
    assert (self);
    self->plan = plan;
    self->host = host;
    self->report = report;
    self->rehearsal = rehearsal;
    self->logged_at = -LOG_IVL;
    return self;
}

void
zrelay_guard_destroy (zrelay_guard_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_guard_t *self = *self_p;
        zsock_destroy (&self->events);
        zrelay_secret_destroy (&self->cert);
        zrelay_secret_destroy (&self->server_cert);
        freen (self);
        *self_p = NULL;
    }
}


//  --------------------------------------------------------------------------
//  Start

//  Failures from here on are about that option

static void
s_about (zrelay_guard_t *self, const char *option)
{
    zrelay_report_set_place (self->report, self->plan->file,
                             zrelay_plan_place (self->plan, option));
}

//  Where one failure is reported, the others may be too

static bool
s_goes_on (zrelay_guard_t *self, zrelay_exit_t status)
{
    return status == ZRELAY_EXIT_NOT_YET || self->rehearsal;
}

//  The worse of two

static zrelay_exit_t
s_worse (zrelay_exit_t first, zrelay_exit_t second)
{
    return first == ZRELAY_EXIT_NOT_YET? second: first;
}

//  Report contradictions. In their sentences, "%s" is what an option begins
//  with.

static zrelay_exit_t
s_check (zrelay_guard_t *self)
{
    const zrelay_plan_t *plan = self->plan;
    const char *dashes = zrelay_plan_dashes (self->plan);
    const struct {
        bool broken;            //  The plan breaks this rule
        const char *option;     //  Which this is about
        const char *sentence;   //  What is wrong then
    } rules [] = {
        { plan->curve && plan->plain, "plain",
          "a side has only one mechanism; give either %scurve or %splain" },
        { plan->clients && !plan->curve, "clients",
          "%sclients needs %scurve, the relay's certificate" },
        { plan->server
          && !zrelay_plan_connects (self->plan, ZRELAY_SIDE_FRONTEND)
          && !zrelay_plan_connects (self->plan, ZRELAY_SIDE_BACKEND), "server",
          "%sserver is for a side that connects, as in -f '>tcp://HOST:PORT',"
          " and no side does" },
        { plan->curve && !plan->clients && !plan->server, "curve",
          "%scurve needs to know who may connect; give %sclients DIRECTORY,"
          " or %sclients any" },
        { (plan->curve || plan->server) && !zsys_has_curve (), "curve",
          "libzmq was built without CURVE" }
    };
    zrelay_exit_t status = ZRELAY_EXIT_NOT_YET;
    for (size_t index = 0; s_goes_on (self, status)
         && index < sizeof (rules) / sizeof (*rules); index++)
        if (rules [index].broken) {
            s_about (self, rules [index].option);
            status = zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
                                        rules [index].sentence, dashes, dashes,
                                        dashes);
        }
    s_about (self, "clients");
    if (s_goes_on (self, status)
    &&  plan->clients && strneq (plan->clients, CLIENTS_ANY)
    &&  !zsys_file_exists (plan->clients))
        status = zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "there is no directory %s; %sclients takes that of the"
            " certificates, or any", plan->clients, dashes);
    return status;
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
s_domain_of (zrelay_guard_t *self, const char *part)
{
    char *domain = zsys_sprintf ("%s/%s",
        self->rehearsal? REHEARSAL: zrelay_plan_name (self->plan), part);
    assert (domain);
    return domain;
}

static char *
s_domain (zrelay_guard_t *self, zrelay_side_id_t id)
{
    return s_domain_of (self, self->plan->sides [id].name);
}

//  Give the gate a command, and report what it says about one that an option
//  stands for

static zrelay_exit_t
s_tell_gate (zrelay_guard_t *self, const char *option, const char *command,
             const char *domain, const char *argument)
{
    zrelay_client_command (self->host, "GATE", command, domain, argument,
                           NULL);
    if (zrelay_client_status (self->host) == ZRELAY_STATUS_DONE)
        return ZRELAY_EXIT_NOT_YET;
    s_about (self, option);
    //  The user gave the option in the place of the command
    const char *sentence = zrelay_client_error (self->host);
    const char *said = strstr (sentence, ": ");
    return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE, "%s%s%s%s",
        zrelay_plan_dashes (self->plan), self->plan->file? "": option,
        self->plan->file? "": ": ", said? said + strlen (": "): sentence);
}

static zrelay_exit_t
s_rule (zrelay_guard_t *self, const char *command, const char *domain,
        const char *argument, const char *option)
{
    return argument?
        s_tell_gate (self, option, command, domain, argument):
        ZRELAY_EXIT_NOT_YET;
}

static zrelay_exit_t
s_rule_list (zrelay_guard_t *self, const char *command, const char *domain,
             zlist_t *list, const char *option)
{
    zrelay_exit_t status = ZRELAY_EXIT_NOT_YET;
    char *argument = (char *) zlist_first (list);
    while (argument && s_goes_on (self, status)) {
        status = s_worse (status, s_rule (self, command, domain, argument,
                                          option));
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
    if (s_goes_on (self, status))
        status = s_worse (status, s_rule_list (self, "DENY", domain,
                                               plan->deny, "deny"));
    if (s_goes_on (self, status))
        status = s_worse (status, s_rule (self, "PLAIN", domain, plan->plain,
                                          "plain"));
    if (s_goes_on (self, status))
        status = s_worse (status, s_rule (self, "CURVE", domain,
            plan->clients && streq (plan->clients, CLIENTS_ANY)?
            CURVE_ALLOW_ANY: plan->clients, "clients"));
    if (self->rehearsal)
        zrelay_client_command (self->host, "GATE", "CLEAR", domain, NULL);
    zstr_free (&domain);
    return status;
}

//  Only rules in files can change

bool
zrelay_guard_cuts (const zrelay_plan_t *plan)
{
    return plan->revoke_cuts && (plan->plain || plan->clients);
}

zrelay_exit_t
zrelay_guard_hear (zrelay_guard_t *self)
{
    if (!self->active || !zrelay_guard_cuts (self->plan))
        return ZRELAY_EXIT_NOT_YET;
    if (zrelay_sockets_left (1))
        self->events = zsock_new_pull ("@" EVENTS);
    if (!self->events)
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "cannot create the gate's sockets: %s", zmq_strerror (errno));
    return s_tell_gate (self, "revoke-cuts", "EVENTS", EVENTS, NULL);
}

//  Files are shared by both sides, so the gate reads them once

static zrelay_exit_t
s_start_gate (zrelay_guard_t *self)
{
    self->active = true;
    if (self->plan->verbose && !self->rehearsal)
        zrelay_client_command (self->host, "GATE", "VERBOSE", NULL);
    zrelay_exit_t status = s_rules (self, ZRELAY_SIDE_FRONTEND);
    if (status == ZRELAY_EXIT_NOT_YET)
        status = s_rules (self, ZRELAY_SIDE_BACKEND);
    return status;
}

void
zrelay_guard_clear (zrelay_plan_t *plan, zrelay_client_t *host)
{
    zrelay_guard_t *self = zrelay_guard_new (plan, host, NULL, false);
    for (int id = 0; id < ZRELAY_PLAN_SIDES; id++)
        if (!s_unused (self) && s_is_guarded (self, (zrelay_side_id_t) id)) {
            char *domain = s_domain (self, (zrelay_side_id_t) id);
            zrelay_client_command (host, "GATE", "CLEAR", domain, NULL);
            zstr_free (&domain);
        }
    zrelay_guard_destroy (&self);
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
    s_about (self, "curve");
    if (plan->curve)
        self->cert = zrelay_secret_load (plan->curve, true, self->report);
    else
    if (plan->server)
        self->cert = zcert_new ();
    s_about (self, "server");
    if (plan->server && (self->cert || self->rehearsal))
        self->server_cert = zrelay_secret_load_key (plan->server, self->report);
    return (plan->curve && !self->cert) || (plan->server && !self->server_cert)?
           ZRELAY_EXIT_MISUSE: ZRELAY_EXIT_NOT_YET;
}

zrelay_exit_t
zrelay_guard_start (zrelay_guard_t *self)
{
    zrelay_exit_t status = s_check (self);
    bool unused = s_unused (self);
    const char *dashes = zrelay_plan_dashes (self->plan);
    s_about (self, "guard");
    if (status == ZRELAY_EXIT_NOT_YET && unused && s_sides_named (self))
        status = zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "%sguard alone does nothing; say how with %scurve, %splain,"
            " %sallow or %sdeny", dashes, dashes, dashes, dashes, dashes);
    if (s_has_secret (self) && !self->plan->core)
        zrelay_secret_protect ();
    if (s_goes_on (self, status))
        status = s_worse (status, s_load (self));
    if (s_goes_on (self, status) && !unused)
        status = s_worse (status, s_start_gate (self));
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
s_set_domain (zrelay_guard_t *self, zrelay_client_t *relay, const char *part)
{
    char *domain = s_domain_of (self, part);
    zrelay_client_command (relay, "DOMAIN", part, domain, NULL);
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
           ZRELAY_EXIT_NOT_YET:
           s_set_domain (self, relay, self->plan->sides [id].name);
}

static zrelay_exit_t
s_be_server (zrelay_guard_t *self, zrelay_client_t *relay, zrelay_side_id_t id)
{
    const char *side = self->plan->sides [id].name;
    zrelay_exit_t status = s_set_domain (self, relay, side);
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
    const char *dashes = zrelay_plan_dashes (self->plan);
    s_about (self, "server");
    if (s_is_client (self, id))
        return !zrelay_plan_binds (self->plan, id)?
            s_be_client (self, relay, side->name):
            zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
                "the %s cannot both bind and be a client of %sserver; a socket"
                " has one role", side->name, dashes);
    if (!self->active || !s_is_guarded (self, id))
        return s_be_open (self, relay, id);
    if (plan->curve && s_only_client (self)
    && (side->guarded || !zrelay_plan_is_local (self->plan, id)))
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "the %s lets peers in; say which ones with %sclients, or guard the"
            " other side only", side->name, dashes);
    return s_be_server (self, relay, id);
}

//  There may be a capture later

zrelay_exit_t
zrelay_guard_protect_rest (zrelay_guard_t *self, zrelay_client_t *relay)
{
    return self->plan->zmtp1? ZRELAY_EXIT_NOT_YET:
           s_set_domain (self, relay, "relay");
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
    zrelay_printer_log (ZRELAY_LOG_WARNING,
        "%s: %s is no longer let in; connections to the %s from %s are cut"
        " (%zu others before were not logged)", zrelay_plan_name (self->plan),
        user, self->plan->sides [id].name,
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

bool
zrelay_guard_active (zrelay_guard_t *self)
{
    return self->active;
}

char *
zrelay_guard_line (zmsg_t *answer)
{
    char *name = zmsg_popstr (answer);
    char *line = strdup ("gate:");
    assert (line);
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
    return line;
}
