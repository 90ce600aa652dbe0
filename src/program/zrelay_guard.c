/*  =========================================================================
    zrelay_guard - security options of the program, and its certificates

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

#include "zrelay_guard.h"
#include <arpa/inet.h>
#include <sys/stat.h>

//  Name of the ZAP domain. libzmq asks about peers without a mechanism only
//  where there is a domain.
#define DOMAIN "zrelay"

//  What others may do with a file, in its mode
#define OTHERS_MAY_READ (S_IRGRP | S_IROTH)

//  CZMQ has no room for a longer name of a certificate's secret file
#define FILENAME_MAX_LENGTH 240

static const char *s_sides [] = { "frontend", "backend" };

struct _zrelay_guard_t {
    const char *curve;          //  The relay's certificate, or NULL
    const char *server;         //  That of the server to connect to, or NULL
    const char *clients;        //  Directory of certificates, "any", or NULL
    const char *plain;          //  File of names and passwords, or NULL
    zlist_t *allow;             //  Addresses
    zlist_t *deny;              //  Likewise
    bool guarded [2];           //  Sides named with --guard
    zcert_t *cert;              //  Read from curve
    zcert_t *server_cert;       //  Read from server
    zactor_t *auth;             //  zauth, or NULL when there is nothing to do
};


//  --------------------------------------------------------------------------
//  Constructor and destructor

zrelay_guard_t *
zrelay_guard_new (void)
{
    zrelay_guard_t *self = (zrelay_guard_t *) zmalloc (sizeof (zrelay_guard_t));
    assert (self);
    self->allow = zlist_new ();
    self->deny = zlist_new ();
    assert (self->allow && self->deny);
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
        zlist_destroy (&self->allow);
        zlist_destroy (&self->deny);
        freen (self);
        *self_p = NULL;
    }
}


//  --------------------------------------------------------------------------
//  Options

//  zauth compares addresses letter by letter, so they must be written as the
//  system writes them

static char *
s_add_address (zlist_t *list, const char *name, const char *value)
{
    byte address [sizeof (struct in6_addr)];
    char written [INET6_ADDRSTRLEN];
    int family = strchr (value, ':')? AF_INET6: AF_INET;
    if (inet_pton (family, value, address) != 1)
        return zsys_sprintf ("--%s takes an IP address, not '%s'",
                             name, value);
    inet_ntop (family, address, written, sizeof (written));
    zlist_autofree (list);
    zlist_append (list, written);
    return NULL;
}

static char *
s_add_side (zrelay_guard_t *self, const char *value)
{
    for (int side = 0; side < 2; side++)
        if (streq (value, s_sides [side])) {
            self->guarded [side] = true;
            return NULL;
        }
    return zsys_sprintf ("--guard takes frontend or backend, not '%s'", value);
}

static char *
s_keep (const char **kept_p, const char *name, const char *value)
{
    if (*kept_p)
        return zsys_sprintf ("--%s is given twice; give it once", name);
    if (!*value)
        return zsys_sprintf ("--%s is empty; name a file", name);
    *kept_p = value;
    return NULL;
}

char *
zrelay_guard_option (zrelay_guard_t *self, const char *name, const char *value)
{
    struct {
        const char *name;
        const char **kept_p;
    } files [] = {
        { "curve", &self->curve },
        { "server", &self->server },
        { "clients", &self->clients },
        { "plain", &self->plain }
    };
    for (size_t index = 0; index < sizeof (files) / sizeof (*files); index++)
        if (streq (files [index].name, name))
            return s_keep (files [index].kept_p, name, value);
    if (streq (name, "guard"))
        return s_add_side (self, value);
    return s_add_address (streq (name, "allow")? self->allow: self->deny,
                          name, value);
}


//  --------------------------------------------------------------------------
//  Files

//  NULL if a file holds its secret to its owner

static char *
s_check_secret (const char *filename)
{
    struct stat status;
    if (stat (filename, &status))
        return zsys_sprintf ("cannot read %s: %s", filename,
                             strerror (errno));
    if (status.st_mode & OTHERS_MAY_READ)
        return zsys_sprintf ("others can read the secrets in %s; "
                             "chmod 600 %s", filename, filename);
    return NULL;
}

static bool
s_has_secret (zcert_t *cert)
{
    const byte *secret = zcert_secret_key (cert);
    for (int index = 0; index < 32; index++)
        if (secret [index])
            return true;
    return false;
}

//  zcert_load () prefers the file with _secret at the end of its name

static char *
s_load_own (zrelay_guard_t *self)
{
    char *secret = zsys_sprintf ("%s_secret", self->curve);
    char *error = s_check_secret (zsys_file_exists (secret)? secret:
                                  self->curve);
    zstr_free (&secret);
    if (error)
        return error;
    self->cert = zcert_load (self->curve);
    if (!self->cert || !s_has_secret (self->cert))
        return zsys_sprintf ("%s is no certificate with a secret key; "
            "zrelay keygen %s makes one", self->curve, self->curve);
    return NULL;
}

static char *
s_load_server (zrelay_guard_t *self)
{
    self->server_cert = zcert_load (self->server);
    return self->server_cert? NULL:
        zsys_sprintf ("%s is no certificate; --server takes the public one "
                      "of the server", self->server);
}


//  --------------------------------------------------------------------------
//  What cannot be meant

static char *
s_contradiction (zrelay_guard_t *self)
{
    if (self->curve && self->plain)
        return strdup ("a side has one mechanism; give --curve or --plain");
    if (self->clients && !self->curve)
        return strdup ("--clients needs --curve, the relay's certificate");
    if (self->server && !self->curve)
        return strdup ("--server needs --curve, the relay's certificate");
    if (self->curve && !self->clients && !self->server)
        return strdup ("--curve needs to know who may connect; give "
                       "--clients DIRECTORY, or --clients any");
    if (self->clients && strneq (self->clients, "any")
    &&  !zsys_file_exists (self->clients))
        return zsys_sprintf ("there is no directory %s; --clients takes that "
            "of the certificates, or any", self->clients);
    if (self->curve && !zsys_has_curve ())
        return strdup ("libzmq was built without CURVE");
    return NULL;
}

static bool
s_sides_named (zrelay_guard_t *self)
{
    return self->guarded [0] || self->guarded [1];
}

static bool
s_unused (zrelay_guard_t *self)
{
    return !self->curve && !self->plain
        && zlist_size (self->allow) == 0 && zlist_size (self->deny) == 0;
}

static void
s_tell_auth (zrelay_guard_t *self, const char *command, const char *argument)
{
    zstr_sendx (self->auth, command, argument, NULL);
    zsock_wait (self->auth);
}

static void
s_start_auth (zrelay_guard_t *self)
{
    self->auth = zactor_new (zauth, NULL);
    assert (self->auth);
    if (self->plain)
        s_tell_auth (self, "PLAIN", self->plain);
    if (self->clients)
        s_tell_auth (self, "CURVE", streq (self->clients, "any")?
                     CURVE_ALLOW_ANY: self->clients);
    char *address;
    for (address = (char *) zlist_first (self->allow); address;
         address = (char *) zlist_next (self->allow))
        s_tell_auth (self, "ALLOW", address);
    for (address = (char *) zlist_first (self->deny); address;
         address = (char *) zlist_next (self->deny))
        s_tell_auth (self, "DENY", address);
}

char *
zrelay_guard_start (zrelay_guard_t *self)
{
    char *error = s_contradiction (self);
    if (!error && s_unused (self))
        return s_sides_named (self)? strdup ("--guard alone does nothing; say how with "
                              "--curve, --plain, --allow or --deny"): NULL;
    if (!error && self->plain)
        error = s_check_secret (self->plain);
    if (!error && self->curve)
        error = s_load_own (self);
    if (!error && self->server)
        error = s_load_server (self);
    if (error)
        return error;
    s_start_auth (self);
    return NULL;
}


//  --------------------------------------------------------------------------
//  The relay's side of it

//  What the relay said to a command of up to four frames

static char *
s_tell_relay (zactor_t *relay, const char *command, const char *side,
              const char *one, const char *two)
{
    zstr_sendx (relay, command, side, one, two, NULL);
    if (zsock_wait (relay) == 0)
        return NULL;
    char *name = NULL;
    char *sentence = NULL;
    zstr_send (relay, "ERROR");
    zstr_recvx (relay, &name, &sentence, NULL);
    zstr_free (&name);
    return sentence? sentence: strdup ("the relay did not answer");
}

static char *
s_be_client (zrelay_guard_t *self, zactor_t *relay, const char *side)
{
    char *error = s_tell_relay (relay, "SET", side, "curve_serverkey",
                                zcert_public_txt (self->server_cert));
    if (!error)
        error = s_tell_relay (relay, "SET", side, "curve_publickey",
                              zcert_public_txt (self->cert));
    if (!error)
        error = s_tell_relay (relay, "SET", side, "curve_secretkey",
                              zcert_secret_txt (self->cert));
    return error;
}

static char *
s_be_server (zrelay_guard_t *self, zactor_t *relay, const char *side)
{
    char *error = s_tell_relay (relay, "DOMAIN", side, DOMAIN, NULL);
    if (!error && self->plain)
        error = s_tell_relay (relay, "PLAIN", side, NULL, NULL);
    if (!error && self->curve)
        error = s_tell_relay (relay, "CURVE", side,
                              zcert_public_txt (self->cert),
                              zcert_secret_txt (self->cert));
    return error;
}

//  Unless sides were named, those that let peers in are guarded, and those
//  that are to be clients

char *
zrelay_guard_protect (zrelay_guard_t *self, zactor_t *relay,
                      zrelay_side_id_t side, bool binds, bool connects)
{
    bool client = self->server && connects;
    bool wanted = s_sides_named (self)? self->guarded [side]: binds || client;
    if (!self->auth || !wanted)
        return NULL;
    const char *name = s_sides [side];
    if (!client && self->server && !self->clients)
        return zsys_sprintf ("the %s lets peers in; say which with --clients, "
                             "or guard the other side only", name);
    if (!client)
        return s_be_server (self, relay, name);
    if (binds)
        return zsys_sprintf ("the %s cannot both bind and be a client of "
            "--server; one socket has one role", name);
    return s_be_client (self, relay, name);
}


//  --------------------------------------------------------------------------
//  Certificates

char *
zrelay_guard_keygen (const char *filename)
{
    if (!zsys_has_curve ())
        return strdup ("libzmq was built without CURVE");
    if (strlen (filename) > FILENAME_MAX_LENGTH)
        return zsys_sprintf ("the name is too long; %d letters are possible",
                             FILENAME_MAX_LENGTH);
    char *secret = zsys_sprintf ("%s_secret", filename);
    char *error = NULL;
    if (zsys_file_exists (filename) || zsys_file_exists (secret))
        error = zsys_sprintf ("%s or %s exists; a key that is overwritten is "
                              "lost, so remove it first", filename, secret);
    else {
        zcert_t *cert = zcert_new ();
        zcert_t *written = NULL;
        if (zcert_save (cert, filename) == 0)
            written = zcert_load (filename);
        //  A full disk may only show when the file is read again
        if (!written || !zcert_eq (written, cert)) {
            error = zsys_sprintf ("cannot write %s: %s", filename,
                                  strerror (errno? errno: EIO));
            unlink (filename);
            unlink (secret);
        }
        else
            printf ("%s\n", zcert_public_txt (cert));
        zcert_destroy (&written);
        zcert_destroy (&cert);
    }
    zstr_free (&secret);
    return error;
}
