/*  =========================================================================
    zrelay_help - prints help and the version

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_help.h"
#include "zrelay_arguments.h"

//  Help that is being printed
typedef struct {
    zrelay_plan_t *plan;        //  Has the kind, or none
    const zrelay_kind_t *const *kinds;  //  All of the program's kinds
    const char *program;        //  The program's name
} help_t;

//  True if the help is about that side: if the kind has it, or if the help is
//  about all kinds

static bool
s_has_side (help_t *self, zrelay_side_id_t side)
{
    return !self->plan->kind || zrelay_plan_has_side (self->plan, side);
}

//  True if the kind lets the user choose the type of a socket, or if the help
//  is about all kinds

static bool
s_has_open_type (help_t *self)
{
    return !self->plan->kind
        || zrelay_plan_type_is_open (self->plan, ZRELAY_SIDE_FRONTEND)
        || zrelay_plan_type_is_open (self->plan, ZRELAY_SIDE_BACKEND);
}

//  The text for both sides, or for the frontend or the backend alone

static const char *
s_by_sides (help_t *self, const char *both, const char *frontend,
            const char *backend)
{
    if (!s_has_side (self, ZRELAY_SIDE_BACKEND))
        return frontend;
    return s_has_side (self, ZRELAY_SIDE_FRONTEND)? both: backend;
}

//  --------------------------------------------------------------------------
//  Usage

static void
s_print_usage (help_t *self)
{
    //  The name of the only kind can be left out
    bool only = !self->kinds [1];
    const char *kind = only? NULL:
                       self->plan->kind? self->plan->kind->name: "KIND";
    printf ("Usage: %s%s%s%s [options]\n", self->program, kind? " ": "",
            kind? kind: "",
            s_by_sides (self, " [-f ENDPOINT]... [-b ENDPOINT]...",
                        " [-f ENDPOINT]...", " [-b ENDPOINT]..."));
    if (only || !self->plan->kind)
        printf ("       %s run [options] FILE\n"
                "       %s check FILE\n"
                "       %s ctl [options] list | stats | ready | reload | stop |"
                " NAME COMMAND\n"
                "       %s top [options]\n"
                "       %s spool [options] DIR\n"
                "       %s keygen FILE\n", self->program, self->program,
                self->program, self->program, self->program, self->program);
}

//  --------------------------------------------------------------------------
//  Kinds

static void
s_print_default (const zrelay_side_spec_t *side, char letter)
{
    if (side->types && side->endpoint)
        printf (" -%c '%s'", letter, side->endpoint);
}

static void
s_print_kinds (help_t *self)
{
    const zrelay_kind_t *const *kinds = self->kinds;
    printf ("Runs a relay for ZeroMQ until a signal ends it, or makes a "
            "certificate.\n"
            "Each kind and command has its own help, such as \"%s %s "
            "--help\".\n\n"
            "Kinds, with the endpoints that they use unless you name "
            "others:\n", self->program, (*kinds)->name);
    for (; *kinds; kinds++) {
        const zrelay_kind_t *kind = *kinds;
        if (kind->help)
            printf ("  %-10s %s\n", kind->name, kind->help);
        else
            printf ("  %s\n", kind->name);
        if (!kind->frontend.endpoint && !kind->backend.endpoint)
            continue;
        printf ("  %-10s", "");
        s_print_default (&kind->frontend, 'f');
        s_print_default (&kind->backend, 'b');
        printf ("\n");
    }
}

//  --------------------------------------------------------------------------
//  One kind

static void
s_print_side (help_t *self, zrelay_side_id_t id)
{
    if (!s_has_side (self, id))
        return;
    const zrelay_side_spec_t *spec = zrelay_plan_spec (self->plan, id);
    const char *name = self->plan->sides [id].name;
    char *types = zrelay_plan_types (self->plan, id);
    printf ("%-8s  %s", name, types);
    zstr_free (&types);
    if (spec->peers)
        printf (", for %s", spec->peers);
    printf ("\n");
    if (zrelay_plan_type_is_open (self->plan, id))
        printf ("%-8s  choose with -%c TYPE@ENDPOINT or -%c "
                "'TYPE>ENDPOINT'\n", "", *name, *name);
    if (spec->endpoint)
        printf ("%-8s  default %s\n", "", spec->endpoint);
}

//  The default of a setting is its value in a relay that nobody has steered
//  yet. VALUE stands for one that is empty, and for all where the system has no
//  sockets for a relay.

static char *
s_default (zrelay_client_t *client, const char *setting)
{
    char *value = client?
        zrelay_client_ask (client, "GET", "RELAY", setting, NULL): NULL;
    if (value && *value)
        return value;
    zstr_free (&value);
    return strdup ("VALUE");
}

//  Settings have the size of the header that the kind was compiled with

static void
s_print_settings (const zrelay_kind_t *kind)
{
    printf ("\nSettings of its own, with their defaults:\n");
    zactor_t *relay = zrelay_engine_spawn (kind, NULL);
    zrelay_client_t *client = relay? zrelay_client_new (relay): NULL;
    const zrelay_setting_t *setting = kind->settings;
    while (setting->name) {
        char *value = s_default (client, setting->name);
        int used = printf ("  -o relay.%s=%s", setting->name, value);
        zrelay_parse_print_right (used, setting->help? setting->help: "");
        zstr_free (&value);
        setting = (const zrelay_setting_t *)
                  ((const byte *) setting + setting->size);
    }
    zrelay_client_destroy (&client);
    zrelay_destroy (&relay);
}

static void
s_print_kind (help_t *self)
{
    const zrelay_kind_t *kind = self->plan->kind;
    if (kind->help)
        printf ("Runs a relay that %s.\n\n", kind->help);
    else
        printf ("Runs a relay of the kind '%s'.\n\n", kind->name);
    s_print_side (self, ZRELAY_SIDE_FRONTEND);
    s_print_side (self, ZRELAY_SIDE_BACKEND);
    if (kind->settings && kind->settings->name)
        s_print_settings (kind);
}

//  --------------------------------------------------------------------------
//  Options and notes

//  Options with the name of a side attach that side

static void
s_print_options (help_t *self)
{
    printf ("\nOptions:\n");
    const zrelay_parse_option_t *option = zrelay_arguments_options ("");
    for (; option->name; option++) {
        int side = zrelay_plan_find_side (self->plan, option->name);
        if (side == -1 || s_has_side (self, (zrelay_side_id_t) side))
            zrelay_parse_print (option);
    }
}

static void
s_print_notes (help_t *self)
{
    printf ("\n"
        "%s, -s and -o can be repeated. An ENDPOINT is one of ZeroMQ's, such\n"
        "as tcp://127.0.0.1:5559 or ipc:///tmp/orders, after \"@\" to bind it\n"
        "or \">\" to connect to it; with neither, it is bound. A tcp endpoint\n"
        "with \"*\" for its port binds a free port.\n",
        s_by_sides (self, "-f, -b", "-f", "-b"));
    if (s_has_open_type (self))
        printf ("Where you can choose the type of a socket, put it before "
            "that mark:\n"
            "    -f 'SUB>tcp://10.0.0.7:5556' -b PUSH@tcp://127.0.0.1:5558\n");
    printf ("\n"
        "SIDE is %s, with an option of its socket such as\n"
        "%s.sndhwm=5000, or with rate, rate_burst, maxmsgsize, maxframes or\n"
        "stamp (user or address: a frame before the body says who sent it);\n"
        "or it is forward or return, with burst, overflow, queue or spool, such\n"
        "as forward.overflow=drop-old; or it is relay, with spin.\n"
        "\n"
        "SIGINT, SIGTERM and SIGHUP end the relay once it has passed on its\n"
        "messages; a second one ends it at once. SIGUSR1 prints statistics.\n"
        "Exit status: 0 ended as asked, 1 failed while running, 2 wrong usage\n"
        "or could not start, 3 ended, but not all messages were delivered. See\n"
        "zrelay(1).\n",
        s_by_sides (self, "frontend or backend", "frontend", "backend"),
        s_by_sides (self, "backend", "frontend", "backend"));
}

zrelay_exit_t
zrelay_help (zrelay_plan_t *plan, const zrelay_kind_t *const *kinds,
             zrelay_report_t *report)
{
    help_t self = { plan, kinds, zrelay_report_program (report) };
    s_print_usage (&self);
    if (plan->kind)
        s_print_kind (&self);
    else
        s_print_kinds (&self);
    s_print_options (&self);
    s_print_notes (&self);
    return zrelay_report_flush (report);
}

//  --------------------------------------------------------------------------
//  The version

zrelay_exit_t
zrelay_help_version (zrelay_report_t *report)
{
    int version = zrelay_version ();
    int zmq_major, zmq_minor, zmq_patch;
    zmq_version (&zmq_major, &zmq_minor, &zmq_patch);
    printf ("zrelay %d.%d.%d (CZMQ %d.%d.%d, libzmq %d.%d.%d)\n",
            version / ZRELAY_MAKE_VERSION (1, 0, 0),
            version / ZRELAY_MAKE_VERSION (0, 1, 0)
                    % ZRELAY_MAKE_VERSION (0, 1, 0),
            version % ZRELAY_MAKE_VERSION (0, 1, 0),
            CZMQ_VERSION_MAJOR, CZMQ_VERSION_MINOR, CZMQ_VERSION_PATCH,
            zmq_major, zmq_minor, zmq_patch);
    return zrelay_report_flush (report);
}
