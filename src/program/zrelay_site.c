/*  =========================================================================
    zrelay_site - what the HTTP server shows, and to whom

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_site.h"
#include "zrelay_metrics.h"
#include "zrelay_page.h"

//  Milliseconds in which all relays must have answered, and a single one
#define SNAPSHOT_TIMEOUT 2000
#define RELAY_TIMEOUT 1000

//  Milliseconds after which a DRAIN is known to have begun, and for which it
//  may last
#define DRAIN_BEGINS 100
#define DRAIN_LASTS "10000"

//  Peers that are listed by address; their number is always complete
#define PEERS_MAX 200

#define TYPE_JSON "application/json"
#define TYPE_TEXT "text/plain; charset=utf-8"
#define TYPE_METRICS "text/plain; version=0.0.4; charset=utf-8"

#define RELAYS "/relays/"
#define BEARER "Bearer "

struct _zrelay_site_t {
    char *token;                //  Who may steer, or NULL: nobody
    bool local;                 //  Host must name this machine
    zrelay_snapshot_t *snapshot; //  Statistics, or NULL: nobody asked yet
    char *metrics;              //  The same for Prometheus, or NULL
    char *stats;                //  The same as JSON, or NULL
};

//  Commands that can be given, by the last part of their path
static const struct {
    const char *path;           //  In the path
    const char *command;        //  For the relay
    const char *argument;       //  Its argument, or NULL
} s_commands [] = {
    { "pause", "PAUSE", NULL },
    { "resume", "RESUME", NULL },
    { "drain", "DRAIN", DRAIN_LASTS },
    { "reset", "RESET", NULL }
};
#define COMMANDS (sizeof (s_commands) / sizeof (s_commands [0]))

//  --------------------------------------------------------------------------
//  Constructor and destructor

zrelay_site_t *
zrelay_site_new (const char *token, bool local)
{
    zrelay_site_t *self = (zrelay_site_t *) zmalloc (sizeof (zrelay_site_t));
    assert (self);
    self->local = local;
    if (token) {
        self->token = strdup (token);
        assert (self->token);
    }
    return self;
}

void
zrelay_site_forget (zrelay_site_t *self)
{
    zrelay_snapshot_destroy (&self->snapshot);
    zstr_free (&self->metrics);
    zstr_free (&self->stats);
}

void
zrelay_site_destroy (zrelay_site_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_site_t *self = *self_p;
        zrelay_site_forget (self);
        if (self->token)
            explicit_bzero (self->token, strlen (self->token));
        zstr_free (&self->token);
        freen (self);
        *self_p = NULL;
    }
}

//  --------------------------------------------------------------------------
//  Answers

static void
s_text (zrelay_site_answer_t *answer, zrelay_site_status_t status, const char *text)
{
    answer->status = status;
    answer->type = TYPE_TEXT;
    answer->body = (char *) text;
    answer->size = strlen (text);
    answer->constant = true;
}

//  Takes the body

static void
s_body (zrelay_site_answer_t *answer, zrelay_site_status_t status, const char *type,
        char *body)
{
    answer->status = status;
    answer->type = type;
    answer->body = body;
    answer->size = strlen (body);
    answer->constant = false;
}

//  --------------------------------------------------------------------------
//  JSON

static void
s_put_string (FILE *output, const char *text)
{
    fputc ('"', output);
    for (; *text; text++)
        if (*text == '"' || *text == '\\')
            fprintf (output, "\\%c", *text);
        else
        if ((byte) *text < 0x20 || (byte) *text >= 0x7F)
            fprintf (output, "\\u%04x", (byte) *text);
        else
            fputc (*text, output);
    fputc ('"', output);
}

//  Write frames as a list of strings, at most so many

static void
s_put_list (FILE *output, zmsg_t *frames, size_t most)
{
    fputc ('[', output);
    for (size_t index = 0; index < most && zmsg_size (frames) > 0; index++) {
        char *text = zmsg_popstr (frames);
        fputs (index? ",": "", output);
        s_put_string (output, text);
        zstr_free (&text);
    }
    fputc (']', output);
}

//  --------------------------------------------------------------------------
//  Who may do what

//  True if a host, with or without a port, is this machine by a name that no
//  DNS is asked for

static bool
s_is_local (const char *host)
{
    if (*host == '[')
        return true;
    size_t size = strcspn (host, ":");
    return strspn (host, "0123456789.") == size
        || (size == strlen ("localhost")
         && strncasecmp (host, "localhost", size) == 0);
}

//  True if a page of another origin sent this. Browsers name the origin of each
//  POST.

static bool
s_is_foreign (const zrelay_site_request_t *request)
{
    if (request->fetch_site && strneq (request->fetch_site, "same-origin")
    &&  strneq (request->fetch_site, "none"))
        return true;
    if (!request->origin)
        return false;
    const char *host = strstr (request->origin, "://");
    return !host || !request->host
        || strcasecmp (host + strlen ("://"), request->host);
}

//  The time that this takes does not depend on where the two differ

static bool
s_has_token (zrelay_site_t *self, const char *authorization)
{
    size_t size = strlen (BEARER);
    if (!authorization || strncasecmp (authorization, BEARER, size))
        return false;
    const char *given = authorization + size;
    size_t given_size = strlen (given);
    size_t token_size = strlen (self->token);
    unsigned difference = given_size != token_size;
    for (size_t index = 0; index < token_size; index++)
        difference |= (byte) self->token [index]
                    ^ (byte) (index < given_size? given [index]: 0);
    return difference == 0;
}

//  Refuse a command. Returns true if it was refused.

static bool
s_refuse (zrelay_site_t *self, const zrelay_site_request_t *request,
          zrelay_site_answer_t *answer)
{
    if (!self->token)
        s_text (answer, ZRELAY_SITE_FORBIDDEN, "steering is off; --metrics-steer FILE turns it"
                             " on\n");
    else
    if (s_is_foreign (request))
        s_text (answer, ZRELAY_SITE_FORBIDDEN, "only the page of this server may steer\n");
    else
    if (!s_has_token (self, request->authorization))
        s_text (answer, ZRELAY_SITE_UNAUTHORIZED, "this needs the token of --metrics-steer\n");
    else
        return false;
    return true;
}

//  --------------------------------------------------------------------------
//  What needs no relay

static bool
s_asks (const char *path)
{
    static const char *paths [] = { "/metrics", "/readyz", "/stats.json" };
    for (size_t index = 0; index < sizeof (paths) / sizeof (*paths); index++)
        if (streq (path, paths [index]))
            return true;
    size_t size = strlen (path);
    return strncmp (path, RELAYS, strlen (RELAYS)) == 0
        && size > strlen (".json")
        && streq (path + size - strlen (".json"), ".json");
}

//  The command that a path names, as an index; COMMANDS if there is none

static size_t
s_command (const char *path)
{
    const char *slash = strrchr (path, '/');
    if (strncmp (path, RELAYS, strlen (RELAYS))
    ||  slash < path + strlen (RELAYS))
        return COMMANDS;
    size_t index = 0;
    while (index < COMMANDS && strneq (s_commands [index].path, slash + 1))
        index++;
    return index;
}

static bool
s_answer_get (const char *path, zrelay_site_answer_t *answer)
{
    if (s_asks (path))
        return false;
    const zrelay_page_t *page = zrelay_page_find (path);
    if (page) {
        answer->status = ZRELAY_SITE_OK;
        answer->type = page->type;
        answer->body = (char *) page->data;
        answer->size = page->size;
        answer->constant = true;
    }
    else
    if (streq (path, "/healthz"))
        s_text (answer, ZRELAY_SITE_OK, "ok\n");
    else
        s_text (answer, ZRELAY_SITE_NOT_FOUND, "there is nothing here; / is the page\n");
    return true;
}

bool
zrelay_site_answer (zrelay_site_t *self,
                    const zrelay_site_request_t *request,
                    zrelay_site_answer_t *answer)
{
    memset (answer, 0, sizeof (*answer));
    bool commands = s_command (request->path) < COMMANDS;
    bool gets = streq (request->method, "GET")
             || streq (request->method, "HEAD");
    if (self->local && request->host && !s_is_local (request->host)) {
        s_text (answer, ZRELAY_SITE_FORBIDDEN, "use localhost or an IP address\n");
        return true;
    }
    if (gets && !commands)
        return s_answer_get (request->path, answer);
    if (commands && streq (request->method, "POST"))
        return s_refuse (self, request, answer);
    s_text (answer, ZRELAY_SITE_NOT_ALLOWED, "this method is not for this path\n");
    answer->allow = commands? "POST": "GET, HEAD";
    return true;
}

//  --------------------------------------------------------------------------
//  All relays

static zrelay_snapshot_t *
s_snapshot (zrelay_site_t *self, zrelay_client_t *client)
{
    if (!self->snapshot)
        self->snapshot = zrelay_snapshot_new (client, SNAPSHOT_TIMEOUT);
    return self->snapshot;
}

//  A copy of a text that may have been made for an earlier request

static void
s_copy (zrelay_site_answer_t *answer, const char *type, const char *text)
{
    char *copy = strdup (text);
    assert (copy);
    s_body (answer, ZRELAY_SITE_OK, type, copy);
}

static void
s_ask_metrics (zrelay_site_t *self, zrelay_client_t *client,
               zrelay_site_answer_t *answer)
{
    if (!self->metrics)
        self->metrics = zrelay_metrics_text (s_snapshot (self, client));
    s_copy (answer, TYPE_METRICS, self->metrics);
}

//  The statistics of all relays, and whether commands are taken

static char *
s_json (zrelay_snapshot_t *snapshot, bool steer)
{
    char *text = NULL;
    size_t size;
    FILE *output = open_memstream (&text, &size);
    assert (output);
    fprintf (output, "{\"steer\":%s,\"relays\":[", steer? "true": "false");
    for (size_t index = 0; index < zrelay_snapshot_size (snapshot); index++) {
        zrelay_stats_t *stats = zrelay_snapshot_stats (snapshot, index);
        fputs (index? ",": "", output);
        if (stats) {
            char *json = zrelay_stats_json (stats);
            fputs (json, output);
            zstr_free (&json);
        }
        else {
            fputs ("{\"name\":", output);
            s_put_string (output, zrelay_snapshot_name (snapshot, index));
            fputs (",\"state\":\"silent\"}", output);
        }
    }
    fputs ("]}\n", output);
    fclose (output);
    assert (text);
    return text;
}

static void
s_ask_stats (zrelay_site_t *self, zrelay_client_t *client,
             zrelay_site_answer_t *answer)
{
    if (!self->stats)
        self->stats = s_json (s_snapshot (self, client), self->token != NULL);
    s_copy (answer, TYPE_JSON, self->stats);
}

static void
s_ask_ready (zrelay_site_t *self, zrelay_client_t *client,
             zrelay_site_answer_t *answer)
{
    char *obstacles = zrelay_snapshot_obstacles (s_snapshot (self, client));
    if (obstacles)
        s_body (answer, ZRELAY_SITE_UNAVAILABLE, TYPE_TEXT, obstacles);
    else
        s_text (answer, ZRELAY_SITE_OK, "ready\n");
}

//  --------------------------------------------------------------------------
//  One relay

//  Write a setting, unless the relay has none of that name

static void
s_put_setting (FILE *output, zrelay_client_t *client, const char *whose,
               const char *option, bool *first_p)
{
    char *value = zrelay_client_ask (client, "GET", whose, option, NULL);
    if (!value)
        return;
    fprintf (output, "%s[\"%s\",\"%s\",", *first_p? "": ",", whose, option);
    s_put_string (output, value);
    fputc (']', output);
    zstr_free (&value);
    *first_p = false;
}

//  The relay's own settings have the names that HELP lists, each in a line
//  that is indented by four

static void
s_put_own_settings (FILE *output, zrelay_client_t *client, bool *first_p)
{
    char *text = zrelay_client_ask (client, "HELP", "SET", NULL);
    char *start = text? strstr (text, "Options of the relay:\n"): NULL;
    char *end = start? strstr (start, "Options of a flow:\n"): NULL;
    if (end)
        *end = 0;
    char *rest = start;
    char *line;
    while ((line = strsep (&rest, "\n"))) {
        char name [64];
        if (sscanf (line, "    %63[a-z0-9_]:", name) == 1
        &&  line [strlen ("    ")] == *name)
            s_put_setting (output, client, "relay", name, first_p);
    }
    zstr_free (&text);
}

static void
s_put_settings (FILE *output, zrelay_client_t *client)
{
    static const char *rows [] [2] = {
        { "frontend", "sndhwm" }, { "frontend", "rcvhwm" },
        { "frontend", "rate" }, { "frontend", "maxmsgsize" },
        { "frontend", "maxframes" },
        { "backend", "sndhwm" }, { "backend", "rcvhwm" },
        { "backend", "rate" }, { "backend", "maxmsgsize" },
        { "backend", "maxframes" },
        { "forward", "overflow" }, { "forward", "queue" },
        { "forward", "burst" },
        { "return", "overflow" }, { "return", "queue" }, { "return", "burst" }
    };
    bool first = true;
    fputc ('[', output);
    for (size_t row = 0; row < sizeof (rows) / sizeof (*rows); row++)
        s_put_setting (output, client, rows [row] [0], rows [row] [1], &first);
    s_put_own_settings (output, client, &first);
    fputc (']', output);
}

//  Write the endpoints and peers of a side, if the relay has that side

static void
s_put_side (FILE *output, zrelay_client_t *client, const char *side)
{
    zmsg_t *endpoints = zrelay_client_query (client, "ENDPOINT", side, NULL);
    zmsg_t *peers = zrelay_client_query (client, "PEERS", side, NULL);
    if (!endpoints || !peers) {
        zmsg_destroy (&endpoints);
        zmsg_destroy (&peers);
        fputs ("null", output);
        return;
    }
    char *count = zmsg_popstr (peers);
    fputs ("{\"endpoints\":", output);
    s_put_list (output, endpoints, SIZE_MAX);
    fprintf (output, ",\"count\":%s,\"peers\":", count? count: "0");
    s_put_list (output, peers, PEERS_MAX);
    fputc ('}', output);
    zstr_free (&count);
    zmsg_destroy (&endpoints);
    zmsg_destroy (&peers);
}

static void
s_ask_relay (zrelay_client_t *client, const char *relay,
             zrelay_site_answer_t *answer)
{
    zrelay_client_set_timeout (client, RELAY_TIMEOUT);
    if (zrelay_client_command (client, "PING", NULL)) {
        bool late = zrelay_client_status (client) == ZRELAY_STATUS_TIMEOUT;
        s_text (answer, late? ZRELAY_SITE_TIMEOUT: ZRELAY_SITE_NOT_FOUND, late?
                "the relay does not answer\n": "there is no such relay\n");
        return;
    }
    char *text = NULL;
    size_t size;
    FILE *output = open_memstream (&text, &size);
    assert (output);
    fputs ("{\"name\":", output);
    s_put_string (output, relay);
    fputs (",\"frontend\":", output);
    s_put_side (output, client, "FRONTEND");
    fputs (",\"backend\":", output);
    s_put_side (output, client, "BACKEND");
    fputs (",\"settings\":", output);
    s_put_settings (output, client);
    fputs ("}\n", output);
    fclose (output);
    assert (text);
    s_body (answer, ZRELAY_SITE_OK, TYPE_JSON, text);
}

//  A status of HTTP for one of a relay's

static zrelay_site_status_t
s_http_status (int status)
{
    return status == ZRELAY_STATUS_DONE? ZRELAY_SITE_OK:
           status == ZRELAY_STATUS_BAD_STATE? ZRELAY_SITE_CONFLICT:
           status == ZRELAY_STATUS_TIMEOUT? ZRELAY_SITE_TIMEOUT: ZRELAY_SITE_BAD;
}

//  A DRAIN is not waited for: it has begun if it is not refused at once

static void
s_steer (zrelay_client_t *client, size_t index, zrelay_site_answer_t *answer)
{
    const char *argument = s_commands [index].argument;
    zrelay_client_set_timeout (client, argument? DRAIN_BEGINS: RELAY_TIMEOUT);
    int status = zrelay_client_command (client, s_commands [index].command,
                                        argument, NULL);
    if (status == ZRELAY_STATUS_DONE)
        s_text (answer, ZRELAY_SITE_OK, "done\n");
    else
    if (status == ZRELAY_STATUS_TIMEOUT && argument)
        s_text (answer, ZRELAY_SITE_ACCEPTED, "under way\n");
    else {
        char *text =
            zsys_sprintf ("%s\n", zrelay_client_error (client));
        assert (text);
        s_body (answer, s_http_status (status), TYPE_TEXT, text);
    }
}

void
zrelay_site_ask (zrelay_site_t *self, zrelay_client_t *client,
                 const char *path, zrelay_site_answer_t *answer)
{
    memset (answer, 0, sizeof (*answer));
    if (streq (path, "/metrics"))
        s_ask_metrics (self, client, answer);
    else
    if (streq (path, "/stats.json"))
        s_ask_stats (self, client, answer);
    else
    if (streq (path, "/readyz"))
        s_ask_ready (self, client, answer);
    else {
        size_t index = s_command (path);
        const char *start = path + strlen (RELAYS);
        const char *end = strrchr (start, index < COMMANDS? '/': '.');
        char *relay = strndup (start, (size_t) (end - start));
        assert (relay);
        zrelay_client_set_relay (client, relay);
        if (index < COMMANDS)
            s_steer (client, index, answer);
        else
            s_ask_relay (client, relay, answer);
        zstr_free (&relay);
    }
}
