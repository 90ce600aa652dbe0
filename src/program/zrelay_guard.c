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

#include <sys/stat.h>

//  Name of the ZAP domain. libzmq asks about peers without a mechanism only
//  where there is a domain.
#define DOMAIN "zrelay"

//  Value of --clients that lets in everyone with a key
#define CLIENTS_ANY "any"

//  Permission of others to read a file, in its mode
#define OTHERS_MAY_READ (S_IRGRP | S_IROTH)

//  Bytes of a CURVE key
#define KEY_SIZE 32

struct _zrelay_guard_t {
    zrelay_plan_t *plan;        //  What the user wants; not ours
    zrelay_report_t *report;    //  Hears what is wrong; not ours
    zcert_t *cert;              //  The relay's certificate
    zcert_t *server_cert;       //  That of the server to connect to
    zactor_t *auth;             //  zauth, or NULL when there is nothing to do
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
    return self;
}

void
zrelay_guard_destroy (zrelay_guard_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_guard_t *self = *self_p;
        zactor_destroy (&self->auth);
        zcert_destroy (&self->cert);
        zcert_destroy (&self->server_cert);
        freen (self);
        *self_p = NULL;
    }
}


//  --------------------------------------------------------------------------
//  Files

//  Check that only its owner can read a file with secrets

static zrelay_exit_t
s_check_secret (zrelay_guard_t *self, const char *filename)
{
    struct stat status;
    if (stat (filename, &status))
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "cannot read %s: %s", filename, strerror (errno));
    if (status.st_mode & OTHERS_MAY_READ)
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "others can read the secrets in %s; chmod 600 %s", filename,
            filename);
    return ZRELAY_EXIT_NOT_YET;
}

static bool
s_has_secret (zcert_t *cert)
{
    const byte *secret = zcert_secret_key (cert);
    for (size_t index = 0; index < KEY_SIZE; index++)
        if (secret [index])
            return true;
    return false;
}

//  zcert_load () prefers the file with _secret at the end of its name

static zrelay_exit_t
s_load_own (zrelay_guard_t *self)
{
    const char *filename = self->plan->curve;
    char *secret = zsys_sprintf ("%s_secret", filename);
    assert (secret);
    zrelay_exit_t status =
        s_check_secret (self, zsys_file_exists (secret)? secret: filename);
    zstr_free (&secret);
    if (status != ZRELAY_EXIT_NOT_YET)
        return status;
    self->cert = zcert_load (filename);
    if (!self->cert || !s_has_secret (self->cert))
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "%s is not a certificate with a secret key; %s keygen %s makes one",
            filename, zrelay_report_program (self->report), filename);
    return ZRELAY_EXIT_NOT_YET;
}

static zrelay_exit_t
s_load_server (zrelay_guard_t *self)
{
    self->server_cert = zcert_load (self->plan->server);
    if (!self->server_cert)
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "%s is not a certificate; --server takes the public one of the"
            " server", self->plan->server);
    return ZRELAY_EXIT_NOT_YET;
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
        { plan->server && !plan->curve,
          "--server needs --curve, the relay's certificate" },
        { plan->curve && !plan->clients && !plan->server,
          "--curve needs to know who may connect; give --clients DIRECTORY,"
          " or --clients any" },
        { plan->curve && !zsys_has_curve (),
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

static bool
s_unused (zrelay_guard_t *self)
{
    return !self->plan->curve && !self->plan->plain
        && zlist_size (self->plan->allow) == 0
        && zlist_size (self->plan->deny) == 0;
}

static void
s_tell_auth (zrelay_guard_t *self, const char *command, const char *argument)
{
    zstr_sendx (self->auth, command, argument, NULL);
    zsock_wait (self->auth);
}

static void
s_tell_auth_all (zrelay_guard_t *self, const char *command, zlist_t *list)
{
    char *argument = (char *) zlist_first (list);
    while (argument) {
        s_tell_auth (self, command, argument);
        argument = (char *) zlist_next (list);
    }
}

static void
s_start_auth (zrelay_guard_t *self)
{
    const zrelay_plan_t *plan = self->plan;
    self->auth = zactor_new (zauth, NULL);
    assert (self->auth);
    if (plan->plain)
        s_tell_auth (self, "PLAIN", plan->plain);
    if (plan->clients)
        s_tell_auth (self, "CURVE", streq (plan->clients, CLIENTS_ANY)?
                     CURVE_ALLOW_ANY: plan->clients);
    s_tell_auth_all (self, "ALLOW", plan->allow);
    s_tell_auth_all (self, "DENY", plan->deny);
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
    if (status == ZRELAY_EXIT_NOT_YET && self->plan->plain)
        status = s_check_secret (self, self->plan->plain);
    if (status == ZRELAY_EXIT_NOT_YET && self->plan->curve)
        status = s_load_own (self);
    if (status == ZRELAY_EXIT_NOT_YET && self->plan->server)
        status = s_load_server (self);
    if (status == ZRELAY_EXIT_NOT_YET && !unused)
        s_start_auth (self);
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
s_be_server (zrelay_guard_t *self, zrelay_client_t *relay, const char *side)
{
    zrelay_client_command (relay, "DOMAIN", side, DOMAIN, NULL);
    zrelay_exit_t status = s_confirm (self, relay);
    if (status == ZRELAY_EXIT_NOT_YET && self->plan->plain) {
        zrelay_client_command (relay, "PLAIN", side, NULL);
        status = s_confirm (self, relay);
    }
    if (status == ZRELAY_EXIT_NOT_YET && self->plan->curve) {
        zrelay_client_command (relay, "CURVE", side,
                               zcert_public_txt (self->cert),
                               zcert_secret_txt (self->cert), NULL);
        status = s_confirm (self, relay);
    }
    return status;
}

//  Unless sides were named, those that let peers in are guarded, and those
//  that are to be clients

zrelay_exit_t
zrelay_guard_protect (zrelay_guard_t *self, zrelay_client_t *relay,
                      zrelay_side_id_t id)
{
    const zrelay_plan_t *plan = self->plan;
    const zrelay_plan_side_t *side = &plan->sides [id];
    bool binds = zrelay_plan_binds (self->plan, id);
    bool client = plan->server && zrelay_plan_connects (self->plan, id);
    bool wanted = s_sides_named (self)? side->guarded: binds || client;
    if (!self->auth || !wanted)
        return ZRELAY_EXIT_NOT_YET;
    if (!client && plan->server && !plan->clients)
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "the %s lets peers in; say which ones with --clients, or guard the"
            " other side only", side->name);
    if (!client)
        return s_be_server (self, relay, side->name);
    if (binds)
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "the %s cannot both bind and be a client of --server; a socket"
            " has one role", side->name);
    return s_be_client (self, relay, side->name);
}
