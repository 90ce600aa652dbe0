/*  =========================================================================
    zrelay_stats_test - self test of zrelay_stats

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_stats_internal.h"
#include "zrelay_stats_output.h"

//  An answer to STATS as the engine gives it, for the example and for what
//  the other tests vary
static const char *s_test_queue [] = {
    "STATS", "kind", "queue", "name", "orders", "state", "active",
    "uptime_ms", "3723004",
    "frontend.in.messages", "1200", "frontend.in.frames", "3600",
    "frontend.in.bytes", "48000", "frontend.out.messages", "1199",
    "frontend.out.frames", "3597", "frontend.out.bytes", "96000",
    "frontend.peers", "2", "frontend.throttled", "0",
    "frontend.handshakes_failed", "3", "frontend.handshakes_failed_auth", "2",
    "frontend.handshakes_failed_protocol", "0",
    "frontend.handshakes_failed_other", "1",
    "backend.in.messages", "1199", "backend.in.frames", "3597",
    "backend.in.bytes", "96000", "backend.out.messages", "1200",
    "backend.out.frames", "3600", "backend.out.bytes", "48000",
    "backend.peers", "1", "backend.throttled", "7",
    "forward.stalls", "4", "forward.stalled_ms", "1050",
    "forward.held", "1", "forward.dropped", "0", "forward.dropped_full", "0",
    "return.stalls", "0", "return.stalled_ms", "0", "return.held", "0",
    "return.dropped", "5", "return.dropped_full", "3",
    "return.dropped_unroutable", "2",
    "capture.messages", "0", "capture.dropped", "0",
    "workers.ready", "1", NULL
};

static zmsg_t *
s_test_answer (const char **frames)
{
    zmsg_t *answer = zmsg_new ();
    assert (answer);
    for (; *frames; frames++)
        zmsg_addstr (answer, *frames);
    return answer;
}

static zrelay_stats_t *
s_test_read (const char **frames)
{
    zmsg_t *answer = s_test_answer (frames);
    size_t size = zmsg_content_size (answer);
    zrelay_stats_t *stats = zrelay_stats_new (answer);
    assert (zmsg_content_size (answer) == size);
    zmsg_destroy (&answer);
    return stats;
}

//  The smallest answer, and one name and value more

static zrelay_stats_t *
s_test_with (const char *name, const char *value)
{
    const char *frames [] = {
        "STATS", "kind", "queue", "state", "idle", name, value, NULL
    };
    return s_test_read (frames);
}

static void
s_test_refuses (const char **frames)
{
    errno = 0;
    zrelay_stats_t *stats = s_test_read (frames);
    assert (stats == NULL);
    assert (errno == EINVAL);
}

static void
s_test_refuses_with (const char *name, const char *value)
{
    const char *frames [] = {
        "STATS", "kind", "queue", "state", "idle", name, value, NULL
    };
    s_test_refuses (frames);
}

static void
s_test_refuses_words (const char *kind, const char *name, const char *state)
{
    const char *frames [] = {
        "STATS", "kind", kind, "name", name, "state", state, NULL
    };
    s_test_refuses (frames);
}

static void
s_test_accepts_with (const char *name, const char *value, uint64_t expected)
{
    zrelay_stats_t *stats = s_test_with (name, value);
    assert (stats);
    assert (zrelay_stats_has (stats, name));
    assert (zrelay_stats_value (stats, name) == expected);
    zrelay_stats_destroy (&stats);
}

static bool
s_test_contains (const char *text, const char *part)
{
    return strstr (text, part) != NULL;
}

//  The text form of any object stays within its columns and steers no
//  terminal

static void
s_test_columns (zrelay_stats_t *stats)
{
    char *text = zrelay_stats_text (stats);
    size_t column = 0;
    for (const char *character = text; *character; character++) {
        assert (*character == '\n' || (unsigned char) *character >= ' ');
        column = *character == '\n'? 0: column + 1;
        assert (column <= ZRELAY_STATS_COLUMNS);
    }
    assert (column == 0);
    zstr_free (&text);
}

static void
s_test_example (void)
{
    //  An application gets the answer from a relay; here, we play the relay
    zsock_t *relay = zsock_new_pair ("@inproc://zrelay_stats_test");
    zsock_t *pipe = zsock_new_pair (">inproc://zrelay_stats_test");
    assert (relay && pipe);
    zmsg_t *answer = s_test_answer (s_test_queue);
    zmsg_send (&answer, relay);

    zrelay_stats_t *stats = zrelay_stats_query (pipe);
    assert (stats);
    char *command = zstr_recv (relay);
    assert (streq (command, "STATS"));
    zstr_free (&command);

    assert (streq (zrelay_stats_kind (stats), "queue"));
    assert (streq (zrelay_stats_name (stats), "orders"));
    assert (streq (zrelay_stats_state (stats), "active"));
    assert (zrelay_stats_value (stats, "frontend.in.messages") == 1200);
    assert (zrelay_stats_value (stats, "workers.ready") == 1);
    //  What the relay did not tell is zero
    assert (zrelay_stats_value (stats, "workers.lost") == 0);
    assert (!zrelay_stats_has (stats, "workers.lost"));

    //  Names come in the order of the answer
    const char *name = zrelay_stats_first (stats);
    assert (streq (name, "uptime_ms"));
    name = zrelay_stats_next (stats);
    assert (streq (name, "frontend.in.messages"));
    const char *last = NULL;
    while (name) {
        last = name;
        name = zrelay_stats_next (stats);
    }
    assert (streq (last, "workers.ready"));
    assert (zrelay_stats_next (stats) == NULL);
    zrelay_stats_destroy (&stats);
    zrelay_stats_destroy (&stats);

    //  A relay answers what it refuses with a status; that is no answer
    zsock_signal (relay, ZRELAY_BAD_STATE);
    assert (zrelay_stats_query (pipe) == NULL);
    assert (errno == EINVAL);
    zsock_destroy (&pipe);
    zsock_destroy (&relay);
}

static void
s_test_malformed (void)
{
    assert (zrelay_stats_new (NULL) == NULL);
    const char *nothing [] = { NULL };
    s_test_refuses (nothing);
    const char *empty [] = { "", NULL };
    s_test_refuses (empty);
    const char *alone [] = { "STATS", NULL };
    s_test_refuses (alone);
    const char *wrong [] = {
        "STATE", "kind", "queue", "state", "idle", NULL
    };
    s_test_refuses (wrong);
    const char *longer [] = {
        "STATSX", "kind", "queue", "state", "idle", NULL
    };
    s_test_refuses (longer);
    const char *odd [] = {
        "STATS", "kind", "queue", "state", "idle", "cached", NULL
    };
    s_test_refuses (odd);
    const char *stateless [] = { "STATS", "kind", "queue", NULL };
    s_test_refuses (stateless);
    const char *kindless [] = { "STATS", "state", "idle", NULL };
    s_test_refuses (kindless);
    const char *speechless [] = {
        "STATS", "kind", "", "state", "idle", NULL
    };
    s_test_refuses (speechless);
    const char *twice [] = {
        "STATS", "kind", "queue", "state", "idle", "a", "1", "a", "1", NULL
    };
    s_test_refuses (twice);
    const char *group_first [] = {
        "STATS", "kind", "queue", "state", "idle", "a.b", "1", "a", "1", NULL
    };
    s_test_refuses (group_first);
    const char *count_first [] = {
        "STATS", "kind", "queue", "state", "idle", "a", "1", "a.b", "1", NULL
    };
    s_test_refuses (count_first);
    s_test_refuses_with ("kind", "queue");
    s_test_refuses_with ("name.first", "1");
    s_test_refuses_with ("kind.first", "1");
    static const char *names [] = {
        "", ".", ".a", "a.", "a..b", "a b", "a-b", "a\nb", "a\"b", "a{}",
        "\xC3\xA4", "\xFF", NULL
    };
    for (size_t index = 0; names [index]; index++)
        s_test_refuses_with (names [index], "1");
    static const char *values [] = {
        "", " ", " 1", "1 ", "+1", "-1", "1.0", "1e3", "0x10", "one",
        "18446744073709551616", "18446744073709551620",
        "99999999999999999999", "184467440737095516150", NULL
    };
    for (size_t index = 0; values [index]; index++)
        s_test_refuses_with ("count", values [index]);
}

//  Frames need not be strings

static void
s_test_bytes (void)
{
    static const char *places [] = { "name", "kind\0", "cached\0" };
    static const size_t sizes [] = { 4, 5, 7 };
    for (size_t index = 0; index < 3; index++) {
        zmsg_t *answer = s_test_answer (s_test_queue);
        zmsg_addmem (answer, places [index], sizes [index]);
        zmsg_addmem (answer, "1\0", 2);
        assert (zrelay_stats_new (answer) == NULL);
        zmsg_destroy (&answer);
    }
    zmsg_t *answer = zmsg_new ();
    zmsg_addmem (answer, "STATS\0", sizeof ("STATS"));
    assert (zrelay_stats_new (answer) == NULL);
    zmsg_destroy (&answer);

    //  Noise, from a generator of our own so that a failure comes again
    uint32_t seed = 1;
    for (size_t round = 0; round < 2000; round++) {
        answer = s_test_answer (s_test_queue);
        size_t place = round % zmsg_size (answer);
        zframe_t *frame = zmsg_first (answer);
        while (place--)
            frame = zmsg_next (answer);
        for (size_t index = 0; index < zframe_size (frame); index++) {
            seed = seed * 1664525 + 1013904223;
            if (seed >> 30 == 0)
                zframe_data (frame) [index] = (byte) (seed >> 16);
        }
        zrelay_stats_t *stats = zrelay_stats_new (answer);
        if (stats) {
            char *text = zrelay_stats_text (stats);
            zstr_free (&text);
            text = zrelay_stats_json (stats);
            zstr_free (&text);
            text = zrelay_stats_prometheus (&stats, 1);
            zstr_free (&text);
        }
        zrelay_stats_destroy (&stats);
        zmsg_destroy (&answer);
    }
}

static void
s_test_limits (void)
{
    s_test_accepts_with ("count", "0", 0);
    s_test_accepts_with ("count", "007", 7);
    s_test_accepts_with ("count", "18446744073709551615", UINT64_MAX);
    s_test_accepts_with ("count", "00018446744073709551615", UINT64_MAX);
    s_test_accepts_with ("_", "1", 1);
    s_test_accepts_with ("0.1.2", "1", 1);

    //  The longest name, as one part and as many as can be
    char name [ZRELAY_STATS_NAME_MAX + 2];
    memset (name, 'n', sizeof (name));
    name [ZRELAY_STATS_NAME_MAX + 1] = 0;
    s_test_refuses_with (name, "1");
    name [ZRELAY_STATS_NAME_MAX] = 0;
    s_test_accepts_with (name, "1", 1);
    for (size_t index = 1; index < ZRELAY_STATS_NAME_MAX; index += 2)
        name [index] = '.';
    zrelay_stats_t *stats = s_test_with (name, "18446744073709551615");
    assert (stats);
    s_test_columns (stats);
    char *text = zrelay_stats_json (stats);
    assert (s_test_contains (text, "{\"n\":{\"n\":"));
    assert (s_test_contains (text, ":18446744073709551615}}}"));
    zstr_free (&text);
    zrelay_stats_destroy (&stats);

    //  Every value at its limit keeps the table in shape
    zmsg_t *answer = s_test_answer (s_test_queue);
    size_t words = 1 + 3 * 2;
    size_t index = 0;
    for (zframe_t *frame = zmsg_first (answer); frame;
         frame = zmsg_next (answer), index++)
        if (index >= words && (index - words) % 2 == 1)
            zframe_reset (frame, "18446744073709551615",
                          strlen ("18446744073709551615"));
    stats = zrelay_stats_new (answer);
    assert (stats);
    s_test_columns (stats);
    zrelay_stats_destroy (&stats);
    zmsg_destroy (&answer);

    //  So do the longest words. One character more is refused.
    char word [ZRELAY_STATS_NAME_MAX + 2];
    memset (word, 'w', sizeof (word));
    word [ZRELAY_STATS_NAME_MAX + 1] = 0;
    s_test_refuses_words (word, "orders", "idle");
    s_test_refuses_words ("queue", word, "idle");
    s_test_refuses_words ("queue", "orders", word);
    const char *wordy [] = {
        "STATS", "kind", word + 1, "name", word + 2, "state", word + 1,
        "uptime_ms", "18446744073709551615", NULL
    };
    stats = s_test_read (wordy);
    assert (stats);
    assert (streq (zrelay_stats_kind (stats), word + 1));
    assert (streq (zrelay_stats_name (stats), word + 2));
    assert (streq (zrelay_stats_state (stats), word + 1));
    s_test_columns (stats);
    zrelay_stats_destroy (&stats);
}

//  Words hold nothing that any output format would have to escape

static void
s_test_words (void)
{
    static const char *refused [] = {
        //  Each character that a format gives a meaning, or a terminal
        "a b", "\"", "\\", "/", "\b", "\f", "\n", "\r", "\t", "\x01", "\x1F",
        "\x7F", "\x1B[2J", "a\\b\"c\nd", "{", "}", "=", ",", "%", ":", "#",
        //  UTF-8, which needs it nowhere, but has no place in a name either
        "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x90\x98", "\xC2\x9B",
        "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4"
        "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4",
        //  Not UTF-8: a lone tail, a form that is too long, a surrogate, a
        //  number above the end, one that is cut off
        "\x80", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82",
        "\xFF", NULL
    };
    for (size_t index = 0; refused [index]; index++) {
        s_test_refuses_words (refused [index], "orders", "idle");
        s_test_refuses_words ("queue", refused [index], "idle");
        s_test_refuses_words ("queue", "orders", refused [index]);
    }
    s_test_refuses_words ("", "orders", "idle");
    s_test_refuses_words ("queue", "orders", "");

    //  All that is allowed, and the name is the kind's where it is empty
    const char *allowed [] = {
        "STATS", "kind", "ABCDEFGHIJKLMNOPQRSTUVWXYZ.",
        "name", "abcdefghijklmnopqrstuvwxyz_", "state", "-0123456789", NULL
    };
    zrelay_stats_t *stats = s_test_read (allowed);
    assert (stats);
    char *text = zrelay_stats_json (stats);
    assert (streq (text,
        "{\"kind\":\"ABCDEFGHIJKLMNOPQRSTUVWXYZ.\","
        "\"name\":\"abcdefghijklmnopqrstuvwxyz_\","
        "\"state\":\"-0123456789\"}"));
    zstr_free (&text);
    zrelay_stats_destroy (&stats);
    const char *nameless [] = {
        "STATS", "kind", "queue", "name", "", "state", "idle", NULL
    };
    stats = s_test_read (nameless);
    assert (stats);
    assert (streq (zrelay_stats_name (stats), "queue"));
    zrelay_stats_destroy (&stats);
}

static void
s_test_text (void)
{
    zrelay_stats_t *stats = s_test_read (s_test_queue);
    s_test_columns (stats);
    char *text = zrelay_stats_text (stats);
    assert (s_test_contains (text, "queue orders: active, up 01:02:03\n"));
    assert (s_test_contains (text, "frontend in "));
    assert (s_test_contains (text, "\n    dropped: full 3, unroutable 2\n"));
    assert (s_test_contains (text,
                             "\n    handshakes failed: auth 2, other 1\n"));
    assert (s_test_contains (text, "\nworkers.ready: 1\n"));
    assert (!s_test_contains (text, "capture"));
    zstr_free (&text);
    zrelay_stats_destroy (&stats);

    //  A relay of one side and one flow shows no others
    const char *single [] = {
        "STATS", "kind", "majordomo", "state", "idle",
        "frontend.in.messages", "20000000000", "forward.dropped", "1",
        "capture.messages", "2", "uptime_ms", "90061000", NULL
    };
    stats = s_test_read (single);
    text = zrelay_stats_text (stats);
    assert (s_test_contains (text, "majordomo: idle, up 1d 01:01:01\n"));
    assert (s_test_contains (text, " 20000000k "));
    assert (s_test_contains (text, "capture: 2 messages, 0 dropped\n"));
    assert (!s_test_contains (text, "backend"));
    assert (!s_test_contains (text, "return"));
    zstr_free (&text);
    zrelay_stats_destroy (&stats);

    //  Nor does a count that is named like a side
    stats = s_test_with ("frontend", "1");
    text = zrelay_stats_text (stats);
    assert (streq (text, "queue: idle, up 00:00:00\nfrontend: 1\n"));
    zstr_free (&text);
    zrelay_stats_destroy (&stats);

    //  A long name is cut to its columns, one that fits is not
    const char *longish [] = {
        "STATS", "kind", "queue", "state", "idle", "name",
        "abcdefghijklmnopqrstuvwxy", NULL
    };
    stats = s_test_read (longish);
    text = zrelay_stats_text (stats);
    assert (streq (text, "queue abcdefghijklmnopqrstu...: idle,"
                         " up 00:00:00\n"));
    zstr_free (&text);
    zrelay_stats_destroy (&stats);
    longish [6] = "abcdefghijklmnopqrstuvwx";
    stats = s_test_read (longish);
    text = zrelay_stats_text (stats);
    assert (streq (text, "queue abcdefghijklmnopqrstuvwx: idle,"
                         " up 00:00:00\n"));
    zstr_free (&text);
    zrelay_stats_destroy (&stats);
}

static void
s_test_json (void)
{
    zrelay_stats_t *stats = s_test_read (s_test_queue);
    char *text = zrelay_stats_json (stats);
    assert (s_test_contains (text,
        "{\"kind\":\"queue\",\"name\":\"orders\",\"state\":\"active\","
        "\"uptime_ms\":3723004,\"frontend\":{\"in\":{\"messages\":1200,"
        "\"frames\":3600,\"bytes\":48000},\"out\":{\"messages\":1199,"));
    assert (s_test_contains (text, ",\"workers\":{\"ready\":1}}"));
    zstr_free (&text);
    zrelay_stats_destroy (&stats);

    //  Groups that do not stand together are put together
    const char *mixed [] = {
        "STATS", "a.b", "1", "state", "idle", "c", "2", "kind", "k",
        "a.d.e", "3", "f.g", "4", "a.d.h", "5", NULL
    };
    stats = s_test_read (mixed);
    text = zrelay_stats_json (stats);
    assert (streq (text,
        "{\"kind\":\"k\",\"name\":\"k\",\"state\":\"idle\","
        "\"a\":{\"b\":1,\"d\":{\"e\":3,\"h\":5}},\"c\":2,\"f\":{\"g\":4}}"));
    zstr_free (&text);
    assert (streq (zrelay_stats_first (stats), "a.b"));
    assert (streq (zrelay_stats_next (stats), "c"));
    assert (streq (zrelay_stats_next (stats), "a.d.e"));
    //  A group is no count, a word neither
    assert (!zrelay_stats_has (stats, "a"));
    assert (!zrelay_stats_has (stats, "a.d"));
    assert (!zrelay_stats_has (stats, "kind"));
    assert (!zrelay_stats_has (stats, ""));
    assert (zrelay_stats_value (stats, "state") == 0);
    zrelay_stats_destroy (&stats);

    //  No counts at all
    const char *bare [] = { "STATS", "kind", "k", "state", "s", NULL };
    stats = s_test_read (bare);
    assert (zrelay_stats_first (stats) == NULL);
    assert (zrelay_stats_next (stats) == NULL);
    zrelay_stats_destroy (&stats);

}

//  Each line starts a family, is a sample of the family that was started
//  last, and no family or sample comes twice

static void
s_test_exposition (const char *text)
{
    zhashx_t *seen = zhashx_new ();
    char *family = strdup ("");
    while (*text) {
        size_t size = strcspn (text, "\n");
        assert (text [size] == '\n');
        char *line = strndup (text, size);
        text += size + 1;
        if (strncmp (line, "# HELP ", strlen ("# HELP ")) == 0) {
            free (family);
            const char *name = line + strlen ("# HELP ");
            family = strndup (name, strcspn (name, " "));
            assert (zhashx_insert (seen, family, (void *) line) == 0);
        }
        else
        if (line [0] != '#') {
            assert (strcspn (line, "{") == strlen (family));
            assert (strncmp (line, family, strlen (family)) == 0);
            *strrchr (line, ' ') = 0;
            assert (zhashx_insert (seen, line, (void *) line) == 0);
        }
        free (line);
    }
    free (family);
    zhashx_destroy (&seen);
}

static void
s_test_prometheus (void)
{
    char *text = zrelay_stats_prometheus (NULL, 0);
    assert (streq (text, ""));
    zstr_free (&text);

    const char *streamer [] = {
        "STATS", "kind", "streamer", "state", "idle", "name",
        "a-b.c_d", "frontend.in.messages", "5",
        "forward.dropped", "6", "forward.dropped_full", "6",
        "workers.ready", "2", "workers_ready", "3", "messages_total", "4",
        "forward.dropped_", "7", "frontend.forward.held", "8", NULL
    };
    zrelay_stats_t *stats [3] = {
        s_test_read (s_test_queue), s_test_read (streamer),
        s_test_read (s_test_queue)
    };
    text = zrelay_stats_prometheus (stats, 3);
    s_test_exposition (text);
    assert (s_test_contains (text,
        "# HELP zrelay_messages_total Messages received from (in) and sent to"
        " (out) a side.\n"
        "# TYPE zrelay_messages_total counter\n"
        "zrelay_messages_total{relay=\"orders\",kind=\"queue\","
        "side=\"frontend\",direction=\"in\"} 1200\n"));
    assert (s_test_contains (text,
        "\nzrelay_state{relay=\"orders\",kind=\"queue\",state=\"active\"}"
        " 1\n"));
    assert (s_test_contains (text, "\nzrelay_uptime_seconds{relay=\"orders\","
                             "kind=\"queue\"} 3723.004\n"));
    assert (s_test_contains (text,
        "\nzrelay_stalled_seconds_total{relay=\"orders\",kind=\"queue\","
        "flow=\"forward\"} 1.050\n"));
    assert (s_test_contains (text,
        "\nzrelay_handshakes_failed_total{relay=\"orders\",kind=\"queue\","
        "side=\"frontend\",reason=\"auth\"} 2\n"));
    assert (s_test_contains (text,
        "\nzrelay_dropped_total{relay=\"orders\",kind=\"queue\","
        "flow=\"return\",reason=\"unroutable\"} 2\n"));
    assert (s_test_contains (text, "\nzrelay_peers{relay=\"orders\","
                             "kind=\"queue\",side=\"backend\"} 1\n"));
    //  The sum of all reasons is no sample
    assert (!s_test_contains (text, "flow=\"return\"} 5\n"));
    //  Relays of one name and kind get a number
    assert (s_test_contains (text,
        "{relay=\"a-b.c_d\",kind=\"streamer\","));
    assert (s_test_contains (text,
        "{relay=\"orders\",kind=\"queue\",number=\"2\","));
    //  Counts that are not known, each in a family of its own
    assert (s_test_contains (text, "\n# TYPE zrelay_workers_ready untyped\n"
        "zrelay_workers_ready{relay=\"orders\",kind=\"queue\"} 1\n"
        "zrelay_workers_ready{relay=\"a-b.c_d\",kind=\"streamer\"} 2\n"));
    assert (s_test_contains (text, "kind=\"streamer\"} 2\n"));
    assert (s_test_contains (text, "\nzrelay_workers_ready_{"));
    assert (s_test_contains (text, "\nzrelay_messages_total_{"));
    assert (s_test_contains (text, "\nzrelay_forward_dropped_{"));
    assert (s_test_contains (text, "\nzrelay_frontend_forward_held{"));
    zstr_free (&text);
    for (size_t index = 0; index < 3; index++)
        zrelay_stats_destroy (&stats [index]);
}

void
zrelay_stats_test (bool verbose)
{
    printf (" * zrelay_stats: ");
    if (verbose)
        printf ("\n");

    //  @selftest
    s_test_example ();
    //  @end
    s_test_malformed ();
    s_test_bytes ();
    s_test_limits ();
    s_test_words ();
    s_test_text ();
    s_test_json ();
    s_test_prometheus ();
    if (verbose) {
        zrelay_stats_t *stats = s_test_read (s_test_queue);
        char *text = zrelay_stats_text (stats);
        printf ("%s", text);
        zstr_free (&text);
        zrelay_stats_destroy (&stats);
    }
    printf ("OK\n");
}
