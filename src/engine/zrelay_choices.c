/*  =========================================================================
    zrelay_choices - the options of a side, as a user or a kind has set them

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_choices.h"
#include "zrelay_basics.h"
#include "zrelay_sender.h"
#include "zrelay_setting.h"

//  The ZAP domain of a side that is to know its users, unless it has another
#define STAMP_DOMAIN "global"

struct _zrelay_choices_t {
    zrelay_choices_side_t side; //  What is needed of it
    zrelay_sender_t *stamp;     //  What its messages say of their senders
    zrelay_options_t *options;  //  For when the socket is made
    bool repeats;               //  It reports each subscription: xpub_verbose
    bool insists_late;          //  Peers may have been let in before a ZAP
                                //  handler had to be asked
};

static void *
s_handle (zrelay_choices_t *self)
{
    return zrelay_port_handle (self->side.port);
}

static int
s_type (zrelay_choices_t *self)
{
    return zrelay_port_type (self->side.port);
}

static bool
s_attached (zrelay_choices_t *self)
{
    return self->side.borrowed
        || zrelay_attachments_count (self->side.attachments) > 0;
}

zrelay_choices_t *
zrelay_choices_new (const zrelay_choices_side_t *side)
{
    zrelay_choices_t *self =
        (zrelay_choices_t *) zmalloc (sizeof (zrelay_choices_t));
    assert (self);
    self->side = *side;
    self->stamp = zrelay_sender_new ();
    self->options = zrelay_options_new ();
    return self;
}

void
zrelay_choices_destroy (zrelay_choices_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_choices_t *self = *self_p;
        zrelay_sender_destroy (&self->stamp);
        zrelay_options_destroy (&self->options);
        freen (self);
        *self_p = NULL;
    }
}

zrelay_options_t *
zrelay_choices_options (zrelay_choices_t *self)
{
    return self->options;
}

bool
zrelay_choices_repeats (zrelay_choices_t *self)
{
    return self->repeats;
}

void
zrelay_choices_bound_xpub (zrelay_choices_t *self)
{
    if (s_handle (self) && !self->side.borrowed && s_type (self) == ZMQ_XPUB
    && !zrelay_options_get_id (self->options, ZMQ_RCVHWM))
        zrelay_basics_bound_xpub (s_handle (self));
}


//  --------------------------------------------------------------------------
//  libzmq's options

//  An enforced domain must have a name: without it libzmq 4.3 ends the process
//  when a peer comes to a PLAIN server, and asks nobody about a CURVE client.
//  It never takes an empty name, so that one that is there remains.

static bool
s_has_domain (zrelay_choices_t *self)
{
    char *domain = zrelay_choices_value (self, "zap_domain");
    bool named = domain && *domain;
    zstr_free (&domain);
    return named;
}

//  Which values an option takes, for people

static const char *
s_range (const zrelay_option_t *option)
{
    return strchr ("ilu", option->type)? "a whole number":
           option->type == 'k'? "a key of 40 characters in Z85":
           "at most 255 characters";
}

static const char *
s_quote (zrelay_choices_t *self, const zrelay_option_t *option,
         const char *value)
{
    return option->flags & ZRELAY_OPTION_SECRET? "'(secret)'":
           zrelay_error_quote (self->side.error, value);
}

static zrelay_status_t
s_check_option (zrelay_choices_t *self, const zrelay_option_t *option,
                const char *value)
{
    if (option->flags & ZRELAY_OPTION_GET)
        return zrelay_error_set (self->side.error, ZRELAY_STATUS_BAD_ARGUMENTS,
            "%s can be read but not set", option->name);
    if (option->refusal)
        return zrelay_error_set (self->side.error, ZRELAY_STATUS_BAD_ARGUMENTS,
            "%s cannot be set: %s", option->name, option->refusal);
    if (!zrelay_option_valid (option, value))
        return zrelay_error_set (self->side.error, ZRELAY_STATUS_BAD_ARGUMENTS,
            "%s is not a value for %s; it takes %s",
            s_quote (self, option, value), option->name, s_range (option));
    //  Earlier subscriptions cannot be found out
    if (option->id == ZMQ_XPUB_VERBOSE && s_attached (self))
        return zrelay_error_set (self->side.error, ZRELAY_STATUS_BAD_STATE,
            "the %s is attached already; %s has to be set before that",
            self->side.name, option->name);
    if (option->id == ZMQ_ZAP_ENFORCE_DOMAIN && atoi (value) != 0
    && !s_has_domain (self))
        return zrelay_error_set (self->side.error, ZRELAY_STATUS_BAD_STATE,
            "%s needs a zap_domain, which has to be set before that",
            option->name);
    return ZRELAY_STATUS_DONE;
}

//  Options that act later, or not on all, are remarked on

static zrelay_status_t
s_remark (zrelay_choices_t *self, const zrelay_option_t *option)
{
    if (!(option->flags & ZRELAY_OPTION_NOW) && s_attached (self))
        zrelay_error_set (self->side.error, ZRELAY_STATUS_DONE,
            "%s of the %s acts on later connections only", option->name,
            self->side.name);
    else
    if (option->flags & ZRELAY_OPTION_HELD
    &&  zrelay_attachments_bound (self->side.attachments))
        zrelay_error_set (self->side.error, ZRELAY_STATUS_DONE,
            "%s of the %s acts on the connections that it has, not on those "
            "that it will accept where it is bound already", option->name,
            self->side.name);
    return ZRELAY_STATUS_DONE;
}

static zrelay_status_t
s_set_option (zrelay_choices_t *self, const zrelay_option_t *option,
              const char *value)
{
    zrelay_status_t status = s_check_option (self, option, value);
    if (status != ZRELAY_STATUS_DONE)
        return status;
    void *handle = s_handle (self);
    bool ours = option->id == ZMQ_XPUB_VERBOSE && !self->side.borrowed
             && s_type (self) == ZMQ_XPUB;
    if (handle && !ours && zrelay_option_set (option, handle, value))
        return zrelay_error_set (self->side.error, ZRELAY_STATUS_BAD_ARGUMENTS,
            "a %s socket does not take %s for %s: %s",
            zsys_sockname (s_type (self)), s_quote (self, option, value),
            option->name, zmq_strerror (errno));
    zrelay_options_put (self->options, option, value);
    if (option->id == ZMQ_XPUB_VERBOSE)
        self->repeats = atoi (value) != 0;
    if (option->id == ZMQ_MAXMSGSIZE)
        zrelay_choices_bound_xpub (self);
    if (option->id == ZMQ_ZAP_ENFORCE_DOMAIN && s_attached (self))
        self->insists_late = true;
    return s_remark (self, option);
}

//  libzmq takes a peer's own word for its user id, unless a ZAP handler was
//  asked. A PLAIN server always asks. NULL and CURVE ask where that is
//  enforced, which acts on later connections only; a client of PLAIN or CURVE
//  never asks.

static bool
s_names_users (zrelay_choices_t *self)
{
    void *handle = s_handle (self);
    int mechanism = zsock_mechanism (handle);
    if (mechanism == ZMQ_PLAIN)
        return zsock_plain_server (handle) != 0;
    if (mechanism == ZMQ_CURVE && !zsock_curve_server (handle))
        return false;
    char *enforced = zrelay_choices_value (self, "zap_enforce_domain");
    bool names = enforced && streq (enforced, "1") && s_has_domain (self)
              && !self->insists_late && !self->side.borrowed;
    zstr_free (&enforced);
    return names;
}

//  Have a ZAP handler asked about each peer that is to come

static zrelay_status_t
s_insist (zrelay_choices_t *self)
{
    if (s_attached (self))
        return s_names_users (self)? ZRELAY_STATUS_DONE:
            zrelay_error_set (self->side.error, ZRELAY_STATUS_BAD_STATE,
                "the %s is attached already, and may have peers that named "
                "themselves; stamp user has to be set before that",
                self->side.name);
    zrelay_status_t status = s_has_domain (self)? ZRELAY_STATUS_DONE:
        zrelay_choices_set (self, "zap_domain", STAMP_DOMAIN);
    return status != ZRELAY_STATUS_DONE? status:
        zrelay_choices_set (self, "zap_enforce_domain", "1");
}

static zrelay_status_t
s_set_stamp (zrelay_choices_t *self, const zrelay_setting_t *setting,
             const char *value)
{
    zrelay_sender_t *wanted = zrelay_sender_new ();
    zrelay_status_t status =
        zrelay_setting_set (setting, NULL, wanted, value, self->side.error);
    const char *property = zrelay_sender_property (wanted);
    if (status == ZRELAY_STATUS_DONE && property
    &&  streq (property, ZRELAY_SENDER_USER))
        status = s_insist (self);
    if (status == ZRELAY_STATUS_DONE)
        status = zrelay_setting_set (setting, NULL, self->stamp, value,
                                     self->side.error);
    zrelay_sender_destroy (&wanted);
    return status;
}

const char *
zrelay_choices_stamp (zrelay_choices_t *self)
{
    const char *property = zrelay_sender_property (self->stamp);
    if (!property || !s_handle (self) || s_type (self) == ZMQ_XPUB)
        return NULL;
    return streq (property, ZRELAY_SENDER_USER) && !s_names_users (self)? "":
           property;
}

//  Options that are not libzmq's

static zrelay_status_t
s_set_limit (zrelay_choices_t *self, const zrelay_setting_t *setting,
             const char *value)
{
    return zrelay_setting_set (setting, NULL, self->side.limits, value,
                               self->side.error);
}

static zrelay_status_t
s_set_access (zrelay_choices_t *self, const zrelay_setting_t *setting,
              const char *value)
{
    zrelay_error_t *error = self->side.error;
    zrelay_status_t status = zrelay_setting_set (setting, NULL,
                                                 self->side.access, value,
                                                 error);
    if (status == ZRELAY_STATUS_DONE
    &&  zrelay_attachments_bound (self->side.attachments))
        zrelay_error_set (error, status, "%s of the %s acts on endpoints that "
            "are bound later only", setting->name, self->side.name);
    return status;
}

const zrelay_setting_t *const zrelay_choices_settings [] = {
    zrelay_limits_settings, zrelay_access_settings, zrelay_sender_settings,
    NULL
};

typedef zrelay_status_t (set_fn) (zrelay_choices_t *self,
                                  const zrelay_setting_t *setting,
                                  const char *value);

//  In the order of these tables
static set_fn *const s_setters [] = { s_set_limit, s_set_access, s_set_stamp };

static void *
s_object (zrelay_choices_t *self, size_t table)
{
    void *objects [] = { self->side.limits, self->side.access, self->stamp };
    return objects [table];
}

void
zrelay_choices_keep (zrelay_choices_t *self, zchunk_t *values)
{
    for (size_t table = 0; zrelay_choices_settings [table]; table++)
        zrelay_setting_keep (zrelay_choices_settings [table],
                             self->side.name, NULL, s_object (self, table),
                             values);
}

//  Sets also the table's place in that order

static const zrelay_setting_t *
s_find_setting (const char *name, size_t *table_p)
{
    const zrelay_setting_t *const *tables = zrelay_choices_settings;
    const zrelay_setting_t *setting = NULL;
    for (size_t table = 0; !setting && tables [table]; table++) {
        setting = zrelay_setting_find (tables [table], name);
        *table_p = table;
    }
    return setting;
}

static zrelay_status_t
s_no_option (zrelay_choices_t *self, const char *name)
{
    char *names = zrelay_setting_names (zrelay_choices_settings);
    zrelay_error_set (self->side.error, ZRELAY_STATUS_BAD_ARGUMENTS,
        "there is no option %s; a side has %s, and socket options by their "
        "zsock names, such as sndhwm",
        zrelay_error_quote (self->side.error, name), names);
    zstr_free (&names);
    return ZRELAY_STATUS_BAD_ARGUMENTS;
}

zrelay_status_t
zrelay_choices_set (zrelay_choices_t *self, const char *name,
                    const char *value)
{
    //  maxmsgsize is ours for messages and libzmq's for frames
    size_t table;
    const zrelay_setting_t *setting = s_find_setting (name, &table);
    const zrelay_option_t *option = zrelay_option_find (name);
    if (!setting && !option)
        return s_no_option (self, name);
    zrelay_status_t status = !setting? ZRELAY_STATUS_DONE:
                             s_setters [table] (self, setting, value);
    if (status == ZRELAY_STATUS_DONE && option)
        status = s_set_option (self, option, value);
    return status;
}

//  The value that libzmq reports, or that was set, as a fresh string or NULL

static char *
s_option_value (zrelay_choices_t *self, const zrelay_option_t *option)
{
    void *handle = s_handle (self);
    char *value = handle? zrelay_option_get (option, handle): NULL;
    const char *kept = zrelay_options_get (self->options, option);
    return value || !kept? value: strdup (kept);
}

char *
zrelay_choices_value (zrelay_choices_t *self, const char *name)
{
    size_t table;
    const zrelay_setting_t *setting = s_find_setting (name, &table);
    if (setting)
        return zrelay_setting_get (setting, NULL, s_object (self, table));
    const zrelay_option_t *option = zrelay_option_find (name);
    return option && !(option->flags & ZRELAY_OPTION_SECRET)?
        s_option_value (self, option): NULL;
}

zrelay_status_t
zrelay_choices_get (zrelay_choices_t *self, const char *name, char **value_p)
{
    const zrelay_option_t *option = zrelay_option_find (name);
    size_t table;
    if (!option && !s_find_setting (name, &table))
        return s_no_option (self, name);
    if (option && option->flags & ZRELAY_OPTION_SECRET)
        return zrelay_error_set (self->side.error, ZRELAY_STATUS_BAD_ARGUMENTS,
            "%s is a secret", option->name);
    *value_p = zrelay_choices_value (self, name);
    return ZRELAY_STATUS_DONE;
}


//  --------------------------------------------------------------------------
//  Selftest

//  A side with a PULL, as far as options need one

typedef struct {
    zrelay_error_t *error;
    zrelay_port_t *port;
    zrelay_limits_t *limits;
    zrelay_access_t *access;
    zrelay_attachments_t *attachments;
    zsock_t *sock;              //  The port's
    zrelay_choices_t *choices;  //  Under test
} test_bench_t;

static void
s_test_set_up (test_bench_t *self)
{
    self->error = zrelay_error_new ();
    self->port = zrelay_port_new ();
    self->limits = zrelay_limits_new ();
    self->access = zrelay_access_new (self->error);
    self->attachments = zrelay_attachments_new ("backend", self->access,
                                                self->error);
    self->sock = zsock_new (ZMQ_PULL);
    self->choices = zrelay_choices_new (&(zrelay_choices_side_t) {
        .name = "backend", .port = self->port, .limits = self->limits,
        .attachments = self->attachments, .access = self->access,
        .error = self->error
    });
}

static void
s_test_clean_up (test_bench_t *self)
{
    zrelay_choices_destroy (&self->choices);
    assert (!self->choices);
    zrelay_port_open (self->port, NULL, -1);
    zrelay_attachments_destroy (&self->attachments);
    zrelay_access_destroy (&self->access);
    zrelay_limits_destroy (&self->limits);
    zrelay_port_destroy (&self->port);
    zsock_destroy (&self->sock);
    zrelay_error_destroy (&self->error);
}

static bool
s_test_set (test_bench_t *self, const char *name, const char *value)
{
    return zrelay_choices_set (self->choices, name, value)
           == ZRELAY_STATUS_DONE;
}

//  With that status, and a word of the sentence, which is then forgotten

static bool
s_test_said (test_bench_t *self, const char *name, const char *value,
             zrelay_status_t expected, const char *word)
{
    bool said = zrelay_choices_set (self->choices, name, value) == expected
             && strstr (zrelay_error_sentence (self->error), word);
    zrelay_error_clear (self->error);
    return said;
}

static bool
s_test_has (test_bench_t *self, const char *name, const char *expected)
{
    char *value = NULL;
    bool has = zrelay_choices_get (self->choices, name, &value)
               == ZRELAY_STATUS_DONE && value && streq (value, expected);
    zstr_free (&value);
    return has;
}

static void
s_test_values (test_bench_t *self)
{
    static const struct { const char *name, *value, *word; } wrong [] = {
        { "rcvhwm", "x", "whole number" },
        { "nonsense", "1", "no option" },
        { "conflate", "1", "tear" },
        { "type", "1", "not set" },
        { "xpub_nodrop", "1", "PULL" },
        { "maxframes", "-1", "from 0" },
        { "curve_secretkey", "hush", "(secret)" }
    };
    for (size_t index = 0; index < sizeof (wrong) / sizeof (*wrong); index++)
        assert (s_test_said (self, wrong [index].name, wrong [index].value,
                             ZRELAY_STATUS_BAD_ARGUMENTS, wrong [index].word));
    assert (s_test_has (self, "rcvhwm", "5"));
    assert (s_test_set (self, "maxframes", "3"));
    assert (s_test_has (self, "maxframes", "3"));

    //  Nobody is told a secret
    char *value = NULL;
    assert (s_test_set (self, "plain_password", "hush"));
    assert (zrelay_choices_get (self->choices, "plain_password", &value)
            == ZRELAY_STATUS_BAD_ARGUMENTS);
    assert (!value);
    assert (!zrelay_choices_value (self->choices, "plain_password"));
    assert (!strstr (zrelay_error_sentence (self->error), "hush"));
}

static void
s_test_domain (test_bench_t *self)
{
    //  A domain is enforced if it has a name, and keeps that
    assert (s_test_said (self, "zap_enforce_domain", "1",
                         ZRELAY_STATUS_BAD_STATE, "needs a zap_domain"));
    assert (s_test_set (self, "zap_enforce_domain", "0"));
    assert (!zrelay_choices_stamp (self->choices));

    //  A user's name is worth something if somebody was asked about it
    assert (s_test_set (self, "stamp", "user"));
    assert (s_test_has (self, "zap_domain", STAMP_DOMAIN));
    assert (s_test_has (self, "zap_enforce_domain", "1"));
    assert (streq (zrelay_choices_stamp (self->choices), ZRELAY_SENDER_USER));
    assert (s_test_said (self, "zap_domain", "", ZRELAY_STATUS_BAD_ARGUMENTS,
                         "does not take"));
    assert (s_test_set (self, "zap_enforce_domain", "0"));
    assert (streq (zrelay_choices_stamp (self->choices), ""));
    assert (s_test_set (self, "stamp", "none"));
}

//  There is a remark on options that act later

static void
s_test_remarks (test_bench_t *self)
{
    zrelay_error_clear (self->error);
    assert (zrelay_attachments_attach (self->attachments,
        zsock_resolve (self->sock), "tcp://127.0.0.1:*", true)
            == ZRELAY_STATUS_DONE);
    assert (s_test_said (self, "backlog", "10", ZRELAY_STATUS_DONE, "later"));
    assert (s_test_said (self, "rcvhwm", "6", ZRELAY_STATUS_DONE,
                         "bound already"));
    assert (s_test_said (self, "stamp", "user", ZRELAY_STATUS_BAD_STATE,
                         "attached already"));
    assert (s_test_set (self, "linger", "6"));
    assert (streq (zrelay_error_sentence (self->error), ""));
}

void
zrelay_choices_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_choices: ");

    //  @selftest
    test_bench_t bench;
    s_test_set_up (&bench);

    //  An option that is set now acts when there is a socket
    assert (s_test_set (&bench, "rcvhwm", "5"));
    assert (s_test_has (&bench, "rcvhwm", "5"));
    char *value = NULL;
    assert (zrelay_choices_get (bench.choices, "sndhwm", &value)
            == ZRELAY_STATUS_DONE);
    assert (!value);
    assert (zrelay_options_apply (zrelay_choices_options (bench.choices),
        zsock_resolve (bench.sock), "PULL", bench.error)
            == ZRELAY_STATUS_DONE);
    assert (zsock_rcvhwm (bench.sock) == 5);
    zrelay_port_open (bench.port, zsock_resolve (bench.sock), ZMQ_PULL);
    s_test_domain (&bench);
    s_test_values (&bench);
    s_test_remarks (&bench);
    s_test_clean_up (&bench);
    //  @end
    printf ("OK\n");
}
