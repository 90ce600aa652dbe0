/*  =========================================================================
    zrelay_config - reads a file of relays into plans

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_config.h"
#include "zrelay_zpl.h"

#include <fcntl.h>
#include <sys/stat.h>

//  The largest file
#define FILE_SIZE_MAX 4194304

//  What a relay's name may consist of, see zrelay_engine_spawn ()
#define NAME_MOST 127
#define NAME_CHARACTERS \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."

//  The version of ZDCF that is understood
#define ZDCF_VERSION "1"

#define IO_THREADS_MAX 64
#define DRAIN_MAX 86400000

//  A type of ZDCF, such as zmq_queue, begins with this
#define ZMQ_PREFIX "zmq_"

//  A file that is being read
typedef struct {
    zrelay_config_t *config;    //  What it asks for
    const char *file;           //  Its name
    const zrelay_kind_t *const *kinds;  //  Those that may be named
    zrelay_report_t *report;    //  Hears what is wrong
    zrelay_plan_t *plan;        //  The current relay's
    zrelay_side_id_t side;      //  The current side
    bool foreign;               //  The relay's type is one of ZDCF
    char *types [ZRELAY_PLAN_SIDES];    //  Types given for its sockets, or NULL
    zrelay_place_t type_places [ZRELAY_PLAN_SIDES]; //  Where, not ours
} config_t;

//  Takes one item
typedef void (item_fn) (config_t *self, zrelay_zpl_t *item);

//  An item that may be found in some place. A table ends with one without a
//  name, whose function, if it has one, takes everything else.
typedef struct {
    const char *name;           //  Its name
    item_fn *function;          //  Takes it
    bool list;                  //  It may come several times
} entry_t;


//  --------------------------------------------------------------------------
//  Mistakes

static void
s_wrong (config_t *self, const zrelay_place_t *place, const char *format, ...)
    CHECK_PRINTF (3);

static void
s_wrong (config_t *self, const zrelay_place_t *place, const char *format, ...)
{
    va_list argptr;
    va_start (argptr, format);
    char *sentence = zsys_vprintf (format, argptr);
    va_end (argptr);
    assert (sentence);
    zrelay_report_set_place (self->report, self->file, place);
    zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE, "%s", sentence);
    zrelay_report_set_place (self->report, NULL, NULL);
    zstr_free (&sentence);
}

static void
s_odd (config_t *self, zrelay_zpl_t *item, const char *sentence)
{
    zrelay_report_set_place (self->report, self->file,
                             zrelay_zpl_place (item));
    zrelay_report_warn (self->report, "%s", sentence);
    zrelay_report_set_place (self->report, NULL, NULL);
}


//  --------------------------------------------------------------------------
//  Tables of items

static void
s_unknown (config_t *self, zrelay_zpl_t *item, const entry_t *table)
{
    char *names = strdup ("");
    assert (names);
    for (; table->name; table++) {
        char *longer = zsys_sprintf ("%s%s%s", names, *names? ", ": "",
                                     table->name);
        assert (longer);
        zstr_free (&names);
        names = longer;
    }
    s_wrong (self, zrelay_zpl_place (item), "there is no %s here; it can be %s",
             zrelay_zpl_name (item), names);
    zstr_free (&names);
}

//  The first item of that name; NULL if there is none

static zrelay_zpl_t *
s_find (zrelay_zpl_t *parent, const char *name)
{
    zrelay_zpl_t *item = zrelay_zpl_first (parent);
    while (item && strneq (zrelay_zpl_name (item), name))
        item = zrelay_zpl_next (parent);
    return item;
}

//  True if an item of that name comes before this one

static bool
s_is_again (zrelay_zpl_t **seen, size_t count, zrelay_zpl_t *item)
{
    for (size_t index = 0; index < count; index++)
        if (streq (zrelay_zpl_name (seen [index]), zrelay_zpl_name (item)))
            return true;
    return false;
}

//  Hand each item to the function that the table has for it. Those that the
//  table names are known to be few; of others any number may come.

#define ENTRIES_MAX 32

static void
s_read_table (config_t *self, zrelay_zpl_t *parent, const entry_t *table)
{
    zrelay_zpl_t *seen [ENTRIES_MAX];
    size_t count = 0;
    zrelay_zpl_t *item = zrelay_zpl_first (parent);
    for (; item; item = zrelay_zpl_next (parent)) {
        const entry_t *entry = table;
        while (entry->name && strneq (entry->name, zrelay_zpl_name (item)))
            entry++;
        bool once = entry->name && !entry->list;
        if (!entry->function)
            s_unknown (self, item, table);
        else
        if (once && s_is_again (seen, count, item))
            s_wrong (self, zrelay_zpl_place (item), "%s was given twice; give"
                     " it once", zrelay_zpl_name (item));
        else
            entry->function (self, item);
        if (once && count < ENTRIES_MAX)
            seen [count++] = item;
    }
}


//  --------------------------------------------------------------------------
//  Values

static char *
s_copy (const char *text)
{
    char *copy = strdup (text);
    assert (copy);
    return copy;
}

//  The value of an item that has to have one; NULL after a mistake

static const char *
s_value (config_t *self, zrelay_zpl_t *item)
{
    if (zrelay_zpl_first (item))
        s_wrong (self, zrelay_zpl_place (item), "%s has a value, and nothing"
                 " below it", zrelay_zpl_name (item));
    else
    if (!*zrelay_zpl_value (item))
        s_wrong (self, zrelay_zpl_place (item), "%s needs a value",
                 zrelay_zpl_name (item));
    else
        return zrelay_zpl_value (item);
    return NULL;
}

static void
s_number (config_t *self, zrelay_zpl_t *item, size_t least, size_t most,
          size_t *number_p)
{
    const char *value = s_value (self, item);
    if (!value)
        return;
    errno = 0;
    char *end;
    unsigned long number = strtoul (value, &end, 10);
    if (!isdigit ((byte) *value) || *end || errno || number < least
    ||  number > most)
        s_wrong (self, zrelay_zpl_place (item), "%s takes a number from %zu to"
                 " %zu, not '%s'", zrelay_zpl_name (item), least, most, value);
    else
        *number_p = number;
}

static void
s_bool (config_t *self, zrelay_zpl_t *item, bool *bool_p)
{
    static const struct {
        const char *word;       //  As it is written
        bool value;             //  What it means
    } words [] = {
        { "1", true }, { "0", false }, { "true", true }, { "false", false },
        { "on", true }, { "off", false }, { "yes", true }, { "no", false }
    };
    const char *value = s_value (self, item);
    if (!value)
        return;
    for (size_t index = 0; index < sizeof (words) / sizeof (*words); index++)
        if (streq (words [index].word, value)) {
            *bool_p = words [index].value;
            return;
        }
    s_wrong (self, zrelay_zpl_place (item), "%s takes 1 or 0, true or false,"
             " on or off, yes or no, not '%s'", zrelay_zpl_name (item), value);
}

//  A value that has no text of its own would hide what is below it

static bool
s_is_section (config_t *self, zrelay_zpl_t *item)
{
    if (!*zrelay_zpl_value (item))
        return true;
    s_wrong (self, zrelay_zpl_place (item), "%s has no value, but items below"
             " it", zrelay_zpl_name (item));
    return false;
}


//  --------------------------------------------------------------------------
//  Options

static void
s_add_setting (config_t *self, zrelay_zpl_t *item, const char *place,
               const char *option)
{
    zrelay_plan_setting_t *setting = zrelay_plan_set (self->plan, place, option,
                                                      zrelay_zpl_value (item));
    const zrelay_place_t *at = zrelay_zpl_place (item);
    zrelay_place_set (&setting->at, at->line, at->path);
}

static const char *
s_side_name (config_t *self)
{
    return self->plan->sides [self->side].name;
}

static void
s_option (config_t *self, zrelay_zpl_t *item)
{
    if (zrelay_zpl_first (item))
        s_value (self, item);
    else
        s_add_setting (self, item, s_side_name (self), zrelay_zpl_name (item));
}

static void
s_option_hwm (config_t *self, zrelay_zpl_t *item)
{
    if (!s_value (self, item))
        return;
    s_add_setting (self, item, s_side_name (self), "sndhwm");
    s_add_setting (self, item, s_side_name (self), "rcvhwm");
}

static void
s_option_subscribe (config_t *self, zrelay_zpl_t *item)
{
    const zrelay_place_t *at = zrelay_zpl_place (item);
    zrelay_plan_topic_t *topic =
        zrelay_plan_add_topic (self->plan, zrelay_zpl_value (item));
    zrelay_place_set (&topic->place, at->line, at->path);
}

static void
s_option_retired (config_t *self, zrelay_zpl_t *item)
{
    s_odd (self, item, "ZeroMQ no longer has this option; leave it out");
}

static void
s_option_rate (config_t *self, zrelay_zpl_t *item)
{
    s_odd (self, item, "this is the rate of multicast, which a relay does not"
           " use; leave it out. The messages in a second are limited by rate,"
           " below set");
}

static const entry_t s_option_table [] = {
    { "hwm", s_option_hwm, false },
    { "swap", s_option_retired, false },
    { "rate", s_option_rate, false },
    { "recovery_ivl", s_option_rate, false },
    { "mcast_loop", s_option_retired, false },
    { "subscribe", s_option_subscribe, true },
    { NULL, s_option, false }
};


//  --------------------------------------------------------------------------
//  Sockets

static void
s_socket_type (config_t *self, zrelay_zpl_t *item)
{
    const char *value = s_value (self, item);
    if (value) {
        self->types [self->side] = s_copy (value);
        self->type_places [self->side] = *zrelay_zpl_place (item);
    }
}

static void
s_attach (config_t *self, zrelay_zpl_t *item, char mark)
{
    const char *value = s_value (self, item);
    if (!value)
        return;
    const zrelay_place_t *at = zrelay_zpl_place (item);
    char *text = zsys_sprintf ("%c%s", mark, value);
    assert (text);
    zrelay_plan_endpoint_t *endpoint =
        zrelay_plan_add_endpoint (self->plan, self->side, text);
    zrelay_place_set (&endpoint->place, at->line, at->path);
    if (strchr (value, ','))
        s_wrong (self, at, "%s takes one endpoint; give it once for each of"
                 " '%s'", zrelay_zpl_name (item), value);
    zstr_free (&text);
}

static void
s_socket_bind (config_t *self, zrelay_zpl_t *item)
{
    s_attach (self, item, '@');
}

static void
s_socket_connect (config_t *self, zrelay_zpl_t *item)
{
    s_attach (self, item, '>');
}

static void
s_socket_option (config_t *self, zrelay_zpl_t *item)
{
    if (s_is_section (self, item))
        s_read_table (self, item, s_option_table);
}

static const entry_t s_socket_table [] = {
    { "type", s_socket_type, false },
    { "bind", s_socket_bind, true },
    { "connect", s_socket_connect, true },
    { "option", s_socket_option, false },
    { NULL, NULL, false }
};

static void
s_side_socket (config_t *self, zrelay_zpl_t *item)
{
    self->side = (zrelay_side_id_t)
        zrelay_plan_find_side (self->plan, zrelay_zpl_name (item));
    zrelay_plan_note (self->plan, zrelay_zpl_name (item),
                      zrelay_zpl_place (item)->line,
                      zrelay_zpl_place (item)->path);
    if (s_is_section (self, item))
        s_read_table (self, item, s_socket_table);
}


//  --------------------------------------------------------------------------
//  The capture

static void
s_capture_to (config_t *self, zrelay_zpl_t *item, char mark)
{
    const zrelay_place_t *at = zrelay_zpl_place (item);
    const char *value = s_value (self, item);
    if (!value)
        return;
    if (self->plan->capture) {
        s_wrong (self, at, "a capture has one endpoint");
        return;
    }
    char *text = zsys_sprintf ("%c%s", mark, value);
    assert (text);
    zrelay_plan_endpoint_t *endpoint =
        zrelay_plan_set_capture (self->plan, text);
    zrelay_place_set (&endpoint->place, at->line, at->path);
    zstr_free (&text);
}

static void
s_capture_bind (config_t *self, zrelay_zpl_t *item)
{
    s_capture_to (self, item, '@');
}

static void
s_capture_connect (config_t *self, zrelay_zpl_t *item)
{
    s_capture_to (self, item, '>');
}

//  The type is that of the endpoint, which may not be known yet

static void
s_capture_type (config_t *self, zrelay_zpl_t *item)
{
    s_value (self, item);
}

static void
s_capture_prefix (config_t *self, zrelay_zpl_t *item)
{
    char **prefixes = self->plan->prefixes;
    int index = prefixes [0] != NULL;
    if (prefixes [index])
        s_wrong (self, zrelay_zpl_place (item), "a capture has two prefixes,"
                 " one for each flow");
    else
        prefixes [index] = s_copy (zrelay_zpl_value (item));
}

static const entry_t s_capture_table [] = {
    { "bind", s_capture_bind, true },
    { "connect", s_capture_connect, true },
    { "type", s_capture_type, false },
    { "prefix", s_capture_prefix, true },
    { NULL, NULL, false }
};

static void
s_capture (config_t *self, zrelay_zpl_t *item)
{
    if (!s_is_section (self, item))
        return;
    s_read_table (self, item, s_capture_table);
    zrelay_zpl_t *type = s_find (item, "type");
    if (!self->plan->capture)
        s_wrong (self, zrelay_zpl_place (item), "a capture needs bind or"
                 " connect");
    else
    if (type)
        self->plan->capture->type = s_copy (zrelay_zpl_value (type));
    if (self->plan->prefixes [0] && !self->plan->prefixes [1])
        s_wrong (self, zrelay_zpl_place (item), "a capture has two prefixes,"
                 " one for each flow, or none");
}

static const entry_t s_sockets_table [] = {
    { "frontend", s_side_socket, false },
    { "backend", s_side_socket, false },
    { "capture", s_capture, false },
    { NULL, NULL, false }
};


//  --------------------------------------------------------------------------
//  Set

//  place/option = value

static void
s_set_place (config_t *self, zrelay_zpl_t *item)
{
    if (!s_is_section (self, item))
        return;
    zrelay_zpl_t *option = zrelay_zpl_first (item);
    for (; option; option = zrelay_zpl_next (item))
        if (zrelay_zpl_first (option))
            s_value (self, option);
        else
            s_add_setting (self, option, zrelay_zpl_name (item),
                           zrelay_zpl_name (option));
}

static const entry_t s_set_table [] = {
    { "relay", s_set_place, false },
    { "forward", s_set_place, false },
    { "return", s_set_place, false },
    { "frontend", s_set_place, false },
    { "backend", s_set_place, false },
    { NULL, NULL, false }
};


//  --------------------------------------------------------------------------
//  Guard

//  Strings and switches of a plan, by their names
static const struct {
    const char *name;           //  In the file
    size_t offset;              //  In the plan
} s_guard_strings [] = {
    { "curve", offsetof (zrelay_plan_t, curve) },
    { "clients", offsetof (zrelay_plan_t, clients) },
    { "server", offsetof (zrelay_plan_t, server) },
    { "plain", offsetof (zrelay_plan_t, plain) },
    { "permit", offsetof (zrelay_plan_t, permit) }
}, s_guard_switches [] = {
    { "revoke-cuts", offsetof (zrelay_plan_t, revoke_cuts) },
    { "core", offsetof (zrelay_plan_t, core) },
    { "zmtp1", offsetof (zrelay_plan_t, zmtp1) }
};

static void
s_note (config_t *self, zrelay_zpl_t *item)
{
    const zrelay_place_t *at = zrelay_zpl_place (item);
    zrelay_plan_note (self->plan, zrelay_zpl_name (item), at->line, at->path);
}

static void
s_guard_string (config_t *self, zrelay_zpl_t *item)
{
    const char *value = s_value (self, item);
    size_t row = 0;
    while (strneq (s_guard_strings [row].name, zrelay_zpl_name (item)))
        row++;
    if (value)
        *(char **) ((byte *) self->plan + s_guard_strings [row].offset) =
            s_copy (value);
    s_note (self, item);
}

static void
s_guard_switch (config_t *self, zrelay_zpl_t *item)
{
    size_t row = 0;
    while (strneq (s_guard_switches [row].name, zrelay_zpl_name (item)))
        row++;
    s_bool (self, item, (bool *)
            ((byte *) self->plan + s_guard_switches [row].offset));
}

static void
s_guard_network (config_t *self, zrelay_zpl_t *item)
{
    const char *value = s_value (self, item);
    bool allow = streq (zrelay_zpl_name (item), "allow");
    if (value)
        zlist_append (allow? self->plan->allow: self->plan->deny,
                      (void *) value);
    s_note (self, item);
}

static void
s_guard_side (config_t *self, zrelay_zpl_t *item)
{
    const char *value = s_value (self, item);
    int side = value? zrelay_plan_find_side (self->plan, value): -1;
    if (side != -1)
        self->plan->sides [side].guarded = true;
    else
    if (value)
        s_wrong (self, zrelay_zpl_place (item), "side takes frontend or"
                 " backend, not '%s'", value);
}

static const entry_t s_guard_table [] = {
    { "curve", s_guard_string, false },
    { "clients", s_guard_string, false },
    { "server", s_guard_string, false },
    { "plain", s_guard_string, false },
    { "permit", s_guard_string, false },
    { "allow", s_guard_network, true },
    { "deny", s_guard_network, true },
    { "side", s_guard_side, true },
    { "revoke-cuts", s_guard_switch, false },
    { "core", s_guard_switch, false },
    { "zmtp1", s_guard_switch, false },
    { NULL, NULL, false }
};


//  --------------------------------------------------------------------------
//  Devices

//  The kind was chosen before

static void
s_device_type (config_t *self, zrelay_zpl_t *item)
{
    (void) self;
    (void) item;
}

static void
s_device_sockets (config_t *self, zrelay_zpl_t *item)
{
    if (s_is_section (self, item))
        s_read_table (self, item, s_sockets_table);
}

static void
s_device_set (config_t *self, zrelay_zpl_t *item)
{
    if (s_is_section (self, item))
        s_read_table (self, item, s_set_table);
}

static void
s_device_guard (config_t *self, zrelay_zpl_t *item)
{
    s_note (self, item);
    if (s_is_section (self, item))
        s_read_table (self, item, s_guard_table);
}

//  Commands of the kind, with their arguments

static void
s_device_commands (config_t *self, zrelay_zpl_t *item)
{
    if (!s_is_section (self, item))
        return;
    zrelay_zpl_t *line = zrelay_zpl_first (item);
    for (; line; line = zrelay_zpl_next (item)) {
        zrelay_plan_command_t *command = zrelay_plan_add_command (self->plan,
            zrelay_zpl_name (line), zrelay_zpl_value (line));
        const zrelay_place_t *at = zrelay_zpl_place (line);
        zrelay_place_set (&command->place, at->line, at->path);
    }
}

//  Where relays are joined: as the command, which some kinds have

static void
s_device_join (config_t *self, zrelay_zpl_t *item)
{
    const zrelay_place_t *at = zrelay_zpl_place (item);
    const char *value = s_value (self, item);
    if (value) {
        zrelay_plan_command_t *command =
            zrelay_plan_add_command (self->plan, "JOIN", value);
        zrelay_place_set (&command->place, at->line, at->path);
    }
}

//  Where requests are kept, likewise. A directory may have spaces in its name.

static void
s_device_titanic (config_t *self, zrelay_zpl_t *item)
{
    const zrelay_place_t *at = zrelay_zpl_place (item);
    const char *value = s_value (self, item);
    if (value) {
        zrelay_plan_command_t *command =
            zrelay_plan_add_command (self->plan, "TITANIC", value);
        command->whole = true;
        zrelay_place_set (&command->place, at->line, at->path);
    }
}

//  Rules about topics: TOPIC, or FROM=TO

static void
s_rule (config_t *self, zrelay_zpl_t *item)
{
    static const char *names [] = { "only", "except", "rename" };
    const zrelay_place_t *at = zrelay_zpl_place (item);
    const char *value = s_value (self, item);
    size_t index = 0;
    while (strneq (names [index], zrelay_zpl_name (item)))
        index++;
    zrelay_plan_rule_t *rule = value?
        zrelay_plan_add_rule (self->plan, names [index], value): NULL;
    if (rule)
        zrelay_place_set (&rule->place, at->line, at->path);
    else
    if (value)
        s_wrong (self, at, "rename takes FROM=TO, not '%s'", value);
}

static const entry_t s_rules_table [] = {
    { "only", s_rule, true },
    { "except", s_rule, true },
    { "rename", s_rule, true },
    { NULL, NULL, false }
};

static void
s_device_rules (config_t *self, zrelay_zpl_t *item)
{
    if (s_is_section (self, item))
        s_read_table (self, item, s_rules_table);
}

static void
s_device_drain (config_t *self, zrelay_zpl_t *item)
{
    s_number (self, item, 0, DRAIN_MAX, &self->plan->drain);
}

static void
s_device_verbose (config_t *self, zrelay_zpl_t *item)
{
    s_bool (self, item, &self->plan->verbose);
}

static const entry_t s_device_table [] = {
    { "type", s_device_type, false },
    { "sockets", s_device_sockets, false },
    { "set", s_device_set, false },
    { "guard", s_device_guard, false },
    { "rules", s_device_rules, false },
    { "commands", s_device_commands, false },
    { "join", s_device_join, false },
    { "titanic", s_device_titanic, false },
    { "drain", s_device_drain, false },
    { "verbose", s_device_verbose, false },
    { NULL, NULL, false }
};


//  --------------------------------------------------------------------------
//  Types of sockets

//  True if words, separated by commas, have that one, letters in either case

static bool
s_has_word (const char *words, const char *word)
{
    size_t size = strlen (word);
    while (words && *words) {
        size_t length = strcspn (words, ",");
        if (length == size && strncasecmp (words, word, size) == 0)
            return true;
        words += length + (words [length] == ',');
    }
    return false;
}

//  What a type of older days, or one that works alike, is in a relay

static const char *
s_modern (const char *type, const char *types)
{
    static const char *same [] [2] = {
        { "XREP", "ROUTER" }, { "XREQ", "DEALER" }, { "REP", "ROUTER" },
        { "REQ", "DEALER" }, { "SUB", "XSUB" }, { "PUB", "XPUB" },
        { "UPSTREAM", "PULL" }, { "DOWNSTREAM", "PUSH" }
    };
    for (size_t index = 0; index < sizeof (same) / sizeof (*same); index++)
        if (strcasecmp (type, same [index] [0]) == 0
        && !s_has_word (types, type) && s_has_word (types, same [index] [1]))
            return same [index] [1];
    return type;
}

//  The type that a side of a proxy has if none is given, from that of the other

static const char *
s_partner (const char *type)
{
    static const char *pairs [] [2] = {
        { "ROUTER", "DEALER" }, { "REP", "REQ" }, { "SUB", "PUB" },
        { "XSUB", "XPUB" }, { "PULL", "PUSH" }, { "PAIR", "PAIR" }
    };
    for (size_t index = 0; index < sizeof (pairs) / sizeof (*pairs); index++)
        for (int side = 0; side < 2; side++)
            if (strcasecmp (type, pairs [index] [side]) == 0)
                return pairs [index] [!side];
    return NULL;
}

//  True if the kind has these types

static bool
s_types_fit (config_t *self)
{
    bool fit = true;
    for (int id = 0; id < ZRELAY_PLAN_SIDES; id++) {
        const char *types =
            zrelay_plan_spec (self->plan, (zrelay_side_id_t) id)->types;
        const char *type = self->types [id];
        fit = fit && (!type || s_has_word (types, s_modern (type, types)));
    }
    return fit;
}

//  A device of ZDCF may have any types; with others than its kind's it is a
//  proxy

static void
s_become_proxy (config_t *self, zrelay_zpl_t *device)
{
    const zrelay_kind_t *proxy = zrelay_kinds_find (self->kinds, "proxy");
    if (!self->foreign || !proxy || s_types_fit (self))
        return;
    self->plan->kind = proxy;
    for (int id = 0; id < ZRELAY_PLAN_SIDES; id++) {
        const char *partner = !self->types [id] && self->types [!id]?
                              s_partner (self->types [!id]): NULL;
        if (partner)
            self->types [id] = s_copy (partner);
    }
    s_odd (self, device, "these types of sockets make a proxy of it");
}

//  Give the types to the endpoints of a side whose kind leaves the type open

static void
s_apply_type (config_t *self, zrelay_side_id_t id)
{
    zrelay_plan_t *plan = self->plan;
    const char *types = zrelay_plan_spec (plan, id)->types;
    const char *type = self->types [id];
    const zrelay_place_t *place = self->type_places [id].line?
        &self->type_places [id]:
        zrelay_plan_place (plan, plan->sides [id].name);
    if (type && types && !s_has_word (types, s_modern (type, types))) {
        char *allowed = zrelay_plan_types (plan, id);
        s_wrong (self, place, "the %s of a %s cannot be a %s; it is %s",
                 plan->sides [id].name, plan->kind->name, type, allowed);
        zstr_free (&allowed);
        return;
    }
    if (!zrelay_plan_type_is_open (plan, id))
        return;
    zlistx_t *endpoints = plan->sides [id].endpoints;
    if (!type) {
        char *allowed = zrelay_plan_types (plan, id);
        s_wrong (self, place, "the kind '%s' needs the type of its %s, which is"
                 " %s", plan->kind->name, plan->sides [id].name, allowed);
        zstr_free (&allowed);
        //  The relay would only say the same
        zlistx_purge (endpoints);
    }
    zrelay_plan_endpoint_t *endpoint =
        (zrelay_plan_endpoint_t *) zlistx_first (endpoints);
    for (; endpoint && type;
         endpoint = (zrelay_plan_endpoint_t *) zlistx_next (endpoints))
        endpoint->type = s_copy (s_modern (type, types));
}

//  What can only be known once a side has been read

static void
s_complete_side (config_t *self, zrelay_side_id_t id)
{
    zrelay_plan_t *plan = self->plan;
    const zrelay_plan_side_t *side = &plan->sides [id];
    const zrelay_side_spec_t *spec = zrelay_plan_spec (plan, id);
    const zrelay_place_t *place = zrelay_plan_place (plan, side->name);
    bool given = zlistx_size (side->endpoints) > 0 || self->types [id];
    if (!zrelay_plan_has_side (plan, id)) {
        if (given)
            s_wrong (self, place, "the kind '%s' has no %s", plan->kind->name,
                     side->name);
        return;
    }
    if (zlistx_size (side->endpoints) == 0 && spec->endpoint) {
        zrelay_plan_endpoint_t *endpoint =
            zrelay_plan_add_endpoint (plan, id, spec->endpoint);
        zrelay_place_set (&endpoint->place, place->line, place->path);
    }
    if (zlistx_size (side->endpoints) == 0)
        s_wrong (self, place, "the kind '%s' needs an endpoint for its %s: bind"
                 " or connect", plan->kind->name, side->name);
    s_apply_type (self, id);
}


//  --------------------------------------------------------------------------
//  A device

static bool
s_check_name (config_t *self, zrelay_zpl_t *item)
{
    const char *name = zrelay_zpl_name (item);
    size_t size = strlen (name);
    zrelay_plan_t *other = zrelay_config_find (self->config, name);
    if (size > NAME_MOST || strspn (name, NAME_CHARACTERS) != size)
        s_wrong (self, zrelay_zpl_place (item), "a relay's name has letters,"
                 " digits, '_', '-' and '.', at most %d of them", NAME_MOST);
    else
    if (other)
        s_wrong (self, zrelay_zpl_place (item), "there is a relay of that name"
                 " already, in line %zu", other->place.line);
    else
        return true;
    return false;
}

static const zrelay_kind_t *
s_choose_kind (config_t *self, zrelay_zpl_t *device)
{
    zrelay_zpl_t *item = s_find (device, "type");
    if (!item) {
        s_wrong (self, zrelay_zpl_place (device), "a relay needs a type");
        return NULL;
    }
    const char *type = s_value (self, item);
    if (!type)
        return NULL;
    size_t size = strlen (ZMQ_PREFIX);
    self->foreign = strncmp (type, ZMQ_PREFIX, size) == 0;
    const zrelay_kind_t *kind =
        zrelay_kinds_find (self->kinds, type + (self->foreign? size: 0));
    if (!kind) {
        char *names = zrelay_plan_kind_names (self->kinds);
        s_wrong (self, zrelay_zpl_place (item), "there is no kind of relay"
                 " '%s'; the kinds are %s", type, names);
        zstr_free (&names);
    }
    return kind;
}

static void
s_device (config_t *self, zrelay_zpl_t *item)
{
    bool named = s_check_name (self, item);
    const zrelay_place_t *at = zrelay_zpl_place (item);
    zrelay_plan_t *plan = zrelay_plan_new ();
    self->plan = plan;
    plan->file = s_copy (self->file);
    plan->name = s_copy (zrelay_zpl_name (item));
    plan->quiet = true;
    zrelay_place_set (&plan->place, at->line, at->path);
    plan->kind = s_choose_kind (self, item);
    s_read_table (self, item, s_device_table);
    if (plan->kind) {
        s_become_proxy (self, item);
        s_complete_side (self, ZRELAY_SIDE_FRONTEND);
        s_complete_side (self, ZRELAY_SIDE_BACKEND);
    }
    for (int id = 0; id < ZRELAY_PLAN_SIDES; id++)
        zstr_free (&self->types [id]);
    memset (self->type_places, 0, sizeof (self->type_places));
    if (named && plan->kind)
        zlistx_add_end (self->config->plans, plan);
    else
        zrelay_plan_destroy (&plan);
    self->plan = NULL;
}


//  --------------------------------------------------------------------------
//  Applications

static void
s_context_iothreads (config_t *self, zrelay_zpl_t *item)
{
    s_number (self, item, 1, IO_THREADS_MAX, &self->config->io_threads);
}

static void
s_context_verbose (config_t *self, zrelay_zpl_t *item)
{
    s_bool (self, item, &self->config->verbose);
}

static const entry_t s_context_table [] = {
    { "iothreads", s_context_iothreads, false },
    { "verbose", s_context_verbose, false },
    { NULL, NULL, false }
};

static void
s_app_context (config_t *self, zrelay_zpl_t *item)
{
    if (s_is_section (self, item))
        s_read_table (self, item, s_context_table);
}

static const entry_t s_devices_table [] = { { NULL, s_device, false } };

static void
s_app_devices (config_t *self, zrelay_zpl_t *item)
{
    if (s_is_section (self, item))
        s_read_table (self, item, s_devices_table);
}

static const entry_t s_app_table [] = {
    { "context", s_app_context, false },
    { "devices", s_app_devices, false },
    { NULL, NULL, false }
};

static void
s_app (config_t *self, zrelay_zpl_t *item)
{
    if (s_is_section (self, item))
        s_read_table (self, item, s_app_table);
}

static const entry_t s_apps_table [] = { { NULL, s_app, false } };

static void
s_apps (config_t *self, zrelay_zpl_t *item)
{
    if (s_is_section (self, item))
        s_read_table (self, item, s_apps_table);
}

static void
s_version (config_t *self, zrelay_zpl_t *item)
{
    const char *value = s_value (self, item);
    if (!value)
        return;
    size_t size = strspn (value, "0123456789");
    const char *rest = value + size;
    bool number = size > 0 && (!*rest || (*rest == '.'
               && strspn (rest + 1, "0123456789") == strlen (rest + 1)));
    if (!number || size != strlen (ZDCF_VERSION)
    ||  strncmp (value, ZDCF_VERSION, size))
        s_wrong (self, zrelay_zpl_place (item), "this program reads version "
                 ZDCF_VERSION ".x, not '%s'", value);
}

static const entry_t s_root_table [] = {
    { "version", s_version, false },
    { "apps", s_apps, false },
    { NULL, NULL, false }
};


//  --------------------------------------------------------------------------
//  Relays together

static bool
s_is_fixed (const zrelay_plan_endpoint_t *endpoint)
{
    return endpoint->bind && !strchr (endpoint->address, '*');
}

//  Report an endpoint that is bound twice

static void
s_check_bound (config_t *self, zlistx_t *bound,
               zrelay_plan_endpoint_t *endpoint)
{
    zrelay_plan_endpoint_t *other =
        (zrelay_plan_endpoint_t *) zlistx_first (bound);
    while (other && strneq (other->address, endpoint->address))
        other = (zrelay_plan_endpoint_t *) zlistx_next (bound);
    if (!other)
        zlistx_add_end (bound, endpoint);
    else
        s_wrong (self, &endpoint->place, "%s is bound already, in line %zu",
                 endpoint->address, other->place.line);
}

static void
s_check_together (config_t *self)
{
    zlistx_t *bound = zlistx_new ();
    assert (bound);
    zlistx_t *plans = self->config->plans;
    zrelay_plan_t *plan = (zrelay_plan_t *) zlistx_first (plans);
    for (; plan; plan = (zrelay_plan_t *) zlistx_next (plans))
        for (int id = 0; id < ZRELAY_PLAN_SIDES; id++) {
            zlistx_t *endpoints = plan->sides [id].endpoints;
            zrelay_plan_endpoint_t *endpoint =
                (zrelay_plan_endpoint_t *) zlistx_first (endpoints);
            while (endpoint) {
                if (s_is_fixed (endpoint))
                    s_check_bound (self, bound, endpoint);
                endpoint = (zrelay_plan_endpoint_t *) zlistx_next (endpoints);
            }
            plan->verbose = plan->verbose || self->config->verbose;
        }
    zlistx_destroy (&bound);
}


//  --------------------------------------------------------------------------
//  The file

//  Read all of a regular file, as a fresh string; NULL after it was reported

static char *
s_read_file (config_t *self, size_t *size_p)
{
    int fd = open (self->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;
    const char *fault = NULL;
    char *text = NULL;
    if (fd == -1 || fstat (fd, &status))
        fault = strerror (errno);
    else
    if (!S_ISREG (status.st_mode))
        fault = "it is not a regular file";
    else
    if (status.st_size > FILE_SIZE_MAX)
        fault = "it is larger than 4 MiB";
    else {
        text = (char *) zmalloc ((size_t) status.st_size + 1);
        assert (text);
        ssize_t size = read (fd, text, (size_t) status.st_size);
        *size_p = size > 0? (size_t) size: 0;
    }
    if (fault)
        zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
                           "cannot read %s: %s", self->file, fault);
    if (fd != -1)
        close (fd);
    return text;
}

static void
s_plan_destroy (void **item_p)
{
    zrelay_plan_destroy ((zrelay_plan_t **) item_p);
}

zrelay_config_t *
zrelay_config_read (const char *file, const char *text,
                    const zrelay_kind_t *const *kinds, zrelay_report_t *report)
{
    config_t self = { .file = file, .kinds = kinds, .report = report };
    self.config = (zrelay_config_t *) zmalloc (sizeof (zrelay_config_t));
    assert (self.config);
    self.config->plans = zlistx_new ();
    assert (self.config->plans);
    zlistx_set_destructor (self.config->plans, s_plan_destroy);
    size_t size = text? strlen (text): 0;
    char *own = text? NULL: s_read_file (&self, &size);
    if (!text && !own)
        return self.config;
    zrelay_zpl_t *root =
        zrelay_zpl_parse (text? text: own, size, file, report);
    static const zrelay_place_t top = { .line = 1 };
    s_read_table (&self, root, s_root_table);
    if (!s_find (root, "version"))
        s_wrong (&self, &top, "a file begins with its version: version = 1.0");
    if (!s_find (root, "apps"))
        s_wrong (&self, &top, "a file has its relays in apps / NAME / devices");
    s_check_together (&self);
    zrelay_zpl_destroy (&root);
    zstr_free (&own);
    return self.config;
}

void
zrelay_config_destroy (zrelay_config_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zlistx_destroy (&(*self_p)->plans);
        freen (*self_p);
    }
}

zrelay_plan_t *
zrelay_config_find (zrelay_config_t *self, const char *name)
{
    zrelay_plan_t *plan = (zrelay_plan_t *) zlistx_first (self->plans);
    while (plan && strneq (plan->name, name))
        plan = (zrelay_plan_t *) zlistx_next (self->plans);
    return plan;
}


//  --------------------------------------------------------------------------
//  Selftest

void
zrelay_config_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_config: ");

    //  @selftest
    const char *text =
        "version = 1.0\n"
        "apps\n"
        "    shop\n"
        "        context\n"
        "            iothreads = 2\n"
        "        devices\n"
        "            orders\n"
        "                type = zmq_queue\n"
        "                sockets\n"
        "                    frontend\n"
        "                        type = XREP\n"
        "                        bind = tcp://127.0.0.1:5555\n"
        "                        bind = inproc://orders\n"
        "                        option\n"
        "                            hwm = 10\n"
        "                            swap = 25000000\n"
        "                set\n"
        "                    forward\n"
        "                        overflow = drop-old\n"
        "            main\n"
        "                type = zmq_queue\n"
        "                sockets\n"
        "                    frontend\n"
        "                        type = SUB\n"
        "                        connect = tcp://127.0.0.1:5556\n"
        "                        option\n"
        "                            subscribe = \"#2\"\n"
        "                    backend\n"
        "                        bind = tcp://127.0.0.1:5557\n";
    zrelay_report_t *report = zrelay_report_new_list ();
    zrelay_config_t *config =
        zrelay_config_read ("x", text, zrelay_kinds (), report);
    assert (zrelay_report_failures (report) == 0);
    assert (config->io_threads == 2);
    assert (zlistx_size (config->plans) == 2);
    zrelay_plan_t *plan = zrelay_config_find (config, "orders");
    assert (plan && streq (plan->kind->name, "queue"));
    assert (zlistx_size (plan->sides [ZRELAY_SIDE_FRONTEND].endpoints) == 2);
    assert (zlistx_size (plan->sides [ZRELAY_SIDE_BACKEND].endpoints) == 1);
    assert (zlistx_size (plan->settings) == 3);
    plan = zrelay_config_find (config, "main");
    assert (plan && streq (plan->kind->name, "proxy"));
    zrelay_plan_endpoint_t *endpoint = (zrelay_plan_endpoint_t *)
        zlistx_first (plan->sides [ZRELAY_SIDE_BACKEND].endpoints);
    assert (streq (endpoint->type, "PUB") && endpoint->bind);
    assert (endpoint->place.line == 29);
    assert (zlistx_size (plan->topics) == 1);
    //  Two warnings: swap, and the types
    assert (zlistx_size (zrelay_report_findings (report)) == 2);
    zrelay_config_destroy (&config);
    zrelay_report_destroy (&report);

    report = zrelay_report_new_list ();
    config = zrelay_config_read ("x", "version = 2\n", zrelay_kinds (), report);
    assert (zrelay_report_failures (report) == 2);
    zrelay_config_destroy (&config);
    zrelay_report_destroy (&report);
    //  @end
    printf ("OK\n");
}
