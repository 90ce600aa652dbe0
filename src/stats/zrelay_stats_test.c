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

//  An answer to STATS as the engine gives it. The example reads it, and other
//  tests change parts of it.
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
    "frontend.cut", "5", "frontend.cut_endless", "0",
    "frontend.cut_subscriptions", "5",
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

//  Read the smallest answer with one more name and value

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

//  Check that the text form stays within its columns, and contains nothing
//  that steers a terminal

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
    //  A count that the answer does not have is zero
    assert (zrelay_stats_value (stats, "workers.lost") == 0);
    assert (!zrelay_stats_has (stats, "workers.lost"));

    //  Names are in the order of the answer
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

    //  A relay that refuses the command answers with a status instead
    zsock_signal (relay, ZRELAY_BAD_STATE);
    assert (zrelay_stats_query (pipe) == NULL);
    assert (errno == EINVAL);
    zsock_destroy (&pipe);
    zsock_destroy (&relay);
}

//  A query ends even if the relay hangs. Any limit will do, because the awaited
//  event never comes.

static void
s_test_silence (void)
{
    const int msecs = 10;
    zsock_t *relay = zsock_new_pair ("@inproc://zrelay_stats_silence");
    assert (relay);
    //  No peer takes the command
    errno = 0;
    assert (zrelay_stats_query_within (relay, msecs) == NULL);
    assert (errno == EAGAIN);

    //  The relay takes it and does not answer
    zsock_t *pipe = zsock_new_pair (">inproc://zrelay_stats_silence");
    assert (pipe);
    errno = 0;
    assert (zrelay_stats_query_within (pipe, msecs) == NULL);
    assert (errno == EAGAIN);
    char *command = zstr_recv (relay);
    assert (streq (command, "STATS"));
    zstr_free (&command);

    //  The first command, which no peer took, is not delivered later
    zsock_set_rcvtimeo (pipe, 0);
    assert (zstr_recv (pipe) == NULL);

    //  An answer that comes too late has to be read by the caller
    zmsg_t *answer = s_test_answer (s_test_queue);
    zmsg_send (&answer, relay);
    answer = zmsg_recv (pipe);
    assert (answer);
    zrelay_stats_t *stats = zrelay_stats_new (answer);
    assert (stats);
    zrelay_stats_destroy (&stats);
    zmsg_destroy (&answer);
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

//  An answer to COUNTERS with that block

static zrelay_stats_t *
s_test_read_block (const void *data, size_t size)
{
    zmsg_t *answer = zmsg_new ();
    assert (answer);
    zmsg_addstr (answer, "COUNTERS");
    if (data)
        zmsg_addmem (answer, data, size);
    zrelay_stats_t *stats = zrelay_stats_new (answer);
    zmsg_destroy (&answer);
    return stats;
}

static void
s_test_block (void)
{
    static const char block [] = "kind\0queue\0state\0idle\0a.b\00012";
    //  The zero byte at the end may be missing
    for (size_t size = 0; size <= sizeof (block); size++) {
        zrelay_stats_t *stats = s_test_read_block (block, size);
        assert (size < sizeof (block) - 1 || stats);
        if (size >= sizeof (block) - 1)
            assert (zrelay_stats_value (stats, "a.b") == 12);
        zrelay_stats_destroy (&stats);
    }
    assert (!s_test_read_block (NULL, 0));
    assert (!s_test_read_block ("", 1));
    assert (!s_test_read_block (block, sizeof ("kind\0queue\0state")));
    assert (!s_test_read_block (block, sizeof (block) - 3));

    uint32_t seed = 1;
    for (size_t round = 0; round < 2000; round++) {
        char noisy [sizeof (block)];
        memcpy (noisy, block, sizeof (block));
        for (int change = 0; change < 2; change++) {
            seed = seed * 1664525 + 1013904223;
            noisy [(seed >> 8) % sizeof (noisy)] = (char) (seed >> 24);
        }
        zrelay_stats_t *stats = s_test_read_block (noisy, sizeof (noisy));
        zrelay_stats_destroy (&stats);
    }
}

//  Frames may contain any bytes

static void
s_test_same (zrelay_stats_t *one, zrelay_stats_t *two)
{
    char *texts [2] = { zrelay_stats_json (one), zrelay_stats_json (two) };
    assert (streq (texts [0], texts [1]));
    zstr_free (&texts [0]);
    zstr_free (&texts [1]);
}

//  An answer means the same, whatever came before

static void
s_test_after (zmsg_t *answer, zrelay_stats_t *stats, zrelay_stats_t *before)
{
    zrelay_stats_t *after = zrelay_stats_new_after (answer, before);
    assert (!after == !stats);
    if (after)
        s_test_same (after, stats);
    zrelay_stats_destroy (&after);
}

static void
s_test_bytes (void)
{
    zrelay_stats_t *before = s_test_read (s_test_queue);
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

    //  Noise from a generator of our own, so that a failure can be repeated
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
            text = zrelay_stats_prometheus (&stats, 1);
            zstr_free (&text);
        }
        s_test_after (answer, stats, before);
        zrelay_stats_destroy (&stats);
        zmsg_destroy (&answer);
    }
    zrelay_stats_destroy (&before);
}

//  Names that are taken from an earlier answer do not depend on it any more

static void
s_test_shared (void)
{
    zrelay_stats_t *before = s_test_read (s_test_queue);
    zmsg_t *answer = s_test_answer (s_test_queue);
    zrelay_stats_t *stats = zrelay_stats_new_after (answer, before);
    assert (stats && stats->outline == before->outline);
    zrelay_stats_t *copy = zrelay_stats_dup (stats);
    zrelay_stats_destroy (&before);
    s_test_same (stats, copy);
    zrelay_stats_destroy (&stats);
    zmsg_addstr (answer, "one.more");
    zmsg_addstr (answer, "7");
    stats = zrelay_stats_new_after (answer, copy);
    assert (stats && stats->outline != copy->outline);
    assert (zrelay_stats_value (stats, "one.more") == 7);
    assert (!zrelay_stats_has (copy, "one.more"));
    zrelay_stats_destroy (&stats);
    zrelay_stats_destroy (&copy);
    zmsg_destroy (&answer);
    assert (zrelay_stats_dup (NULL) == NULL);
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

    //  The longest name, as one part and as many parts as possible
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

    //  The table keeps its shape even if every value is at its limit
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

    //  It also does with the longest words. Longer ones are refused.
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

//  Words contain no character that an output format would have to escape

static void
s_test_words (void)
{
    static const char *refused [] = {
        //  Characters that have a meaning in a format or to a terminal
        "a b", "\"", "\\", "/", "\b", "\f", "\n", "\r", "\t", "\x01", "\x1F",
        "\x7F", "\x1B[2J", "a\\b\"c\nd", "{", "}", "=", ",", "%", ":", "#",
        //  UTF-8, which no format would escape, but which names exclude
        "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x90\x98", "\xC2\x9B",
        "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4"
        "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4",
        //  Invalid UTF-8: a lone tail, an overlong form, a surrogate, a number
        //  above U+10FFFF, a sequence that is cut off
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

    //  All characters that are allowed; then an empty name
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
                             "\n    handshakes failed: auth 2, other 1\n"
                             "    connections cut: subscriptions 5\n"));
    assert (s_test_contains (text, "\nworkers.ready: 1\n"));
    assert (!s_test_contains (text, "capture"));
    zstr_free (&text);
    zrelay_stats_destroy (&stats);

    //  Only the sides and flows that the relay has are shown
    const char *single [] = {
        "STATS", "kind", "majordomo", "state", "idle",
        "frontend.in.messages", "20000000000", "forward.dropped", "1",
        "forward.spooled", "5", "forward.spooled_bytes", "60",
        "forward.spooled_ms", "7999",
        "capture.messages", "2", "uptime_ms", "90061000", NULL
    };
    stats = s_test_read (single);
    text = zrelay_stats_text (stats);
    assert (s_test_contains (text, "majordomo: idle, up 1d 01:01:01\n"));
    assert (s_test_contains (text, " 20000000k "));
    assert (s_test_contains (text, "capture: 2 messages, 0 dropped\n"));
    assert (!s_test_contains (text, "backend"));
    assert (s_test_contains (text, "\n    on disk: 5 messages, 60 bytes, the"
                                   " oldest 7 s old\ncapture"));
    assert (!s_test_contains (text, "return"));
    zstr_free (&text);
    zrelay_stats_destroy (&stats);

    //  A count that is named like a side is not a side
    stats = s_test_with ("frontend", "1");
    text = zrelay_stats_text (stats);
    assert (streq (text, "queue: idle, up 00:00:00\nfrontend: 1\n"));
    zstr_free (&text);
    zrelay_stats_destroy (&stats);

    //  A long name is cut; a name that fits is not
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

//  A relay that could be joined to others shows what comes of that only when
//  something has

static void
s_test_alone (void)
{
    const char *frames [] = {
        "STATS", "kind", "queue", "state", "idle", "frontend.in.messages",
        "7", "join.ready", "1", "join.connects", "0", "requests.here", "0",
        "forward.only{topic=a}", "3", NULL
    };
    enum { READY = 8, CONNECTS = 10, HERE = 12 };
    zrelay_stats_t *stats = s_test_read (frames);
    char *text = zrelay_stats_text (stats);
    assert (s_test_contains (text, "frontend in "));
    assert (!s_test_contains (text, "join."));
    assert (!s_test_contains (text, "requests."));
    assert (s_test_contains (text, "\nforward.only{topic=a}: 3"));
    zstr_free (&text);
    zrelay_stats_destroy (&stats);

    //  It has joined, and is not connected; or it was, or something is left
    static const struct { int place; const char *value; } cases [] = {
        { READY, "0" }, { CONNECTS, "1" }, { HERE, "1" }
    };
    for (size_t index = 0; index < 3; index++) {
        const char *before = frames [cases [index].place];
        frames [cases [index].place] = cases [index].value;
        stats = s_test_read (frames);
        text = zrelay_stats_text (stats);
        assert (s_test_contains (text, "\njoin.ready: "));
        assert (s_test_contains (text, "\njoin.connects: "));
        assert (s_test_contains (text, "\nrequests.here: "));
        zstr_free (&text);
        zrelay_stats_destroy (&stats);
        frames [cases [index].place] = before;
    }
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

    //  The counts of a group need not stand together in the answer
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
    //  Groups and words are not counts
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

static int
s_test_compare (const void *first, const void *second)
{
    return strcmp (*(char *const *) first, *(char *const *) second);
}

//  Check one line of an exposition, and change it. Each line describes a
//  family, or is a sample of the family that was described last. Returns the
//  name of the family, or the name and labels of the sample.

static char *
s_test_line (char *line, char **family_p)
{
    static const char help [] = "# HELP ";
    static const char type [] = "# TYPE ";
    size_t size = strlen (help);
    if (strncmp (line, help, size) == 0) {
        *family_p = line + size;
        *strchr (*family_p, ' ') = 0;
        return *family_p;
    }
    assert (*family_p);
    size_t family = strlen (*family_p);
    if (strncmp (line, type, size) == 0) {
        assert (strncmp (line + size, *family_p, family) == 0);
        assert (line [size + family] == ' ');
        return line;
    }
    assert (strncmp (line, *family_p, family) == 0);
    assert (line [family] == '{');
    char *end = strrchr (line, ' ');
    assert (end && end [-1] == '}');
    *end = 0;
    return line;
}

//  Check that an exposition is well-formed, and that no family and no sample
//  comes twice. For the same reason as in zrelay_stats, names are sorted, not
//  hashed. Returns the number of lines.

static size_t
s_test_exposition (const char *text)
{
    char *copy = strdup (text);
    char **names = (char **) zmalloc ((strlen (text) + 1) * sizeof (char *));
    assert (copy && names);
    char *family = NULL;
    size_t count = 0;
    for (char *line = copy; *line; count++) {
        char *end = strchr (line, '\n');
        assert (end);
        *end = 0;
        names [count] = s_test_line (line, &family);
        line = end + 1;
    }
    qsort (names, count, sizeof (char *), s_test_compare);
    for (size_t index = 1; index < count; index++)
        assert (strneq (names [index - 1], names [index]));
    free (names);
    free (copy);
    return count;
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
    //  The sum of all reasons is not a sample
    assert (!s_test_contains (text, "flow=\"return\"} 5\n"));
    //  The second relay of the same name and kind gets a number
    assert (s_test_contains (text,
        "{relay=\"a-b.c_d\",kind=\"streamer\","));
    assert (s_test_contains (text,
        "{relay=\"orders\",kind=\"queue\",number=\"2\","));
    //  Each count of a kind is in a family of its own
    assert (s_test_contains (text, "\n# TYPE zrelay_workers_ready untyped\n"
        "zrelay_workers_ready{relay=\"orders\",kind=\"queue\"} 1\n"
        "zrelay_workers_ready{relay=\"a-b.c_d\",kind=\"streamer\"} 2\n"));
    assert (s_test_contains (text, "kind=\"streamer\"} 2\n"));
    assert (s_test_contains (text, "\nzrelay_workers_ready_2{"));
    assert (s_test_contains (text, "\nzrelay_messages_total_2{"));
    assert (s_test_contains (text, "\nzrelay_forward_dropped_{"));
    assert (s_test_contains (text, "\nzrelay_frontend_forward_held{"));
    zstr_free (&text);
    for (size_t index = 0; index < 3; index++)
        zrelay_stats_destroy (&stats [index]);

    //  The name that a family gets is never the name of another family
    const char *similar [] = {
        "STATS", "kind", "k", "state", "s", "a.b", "1", "a_b", "2",
        "a.b_2", "3", "a_b_2", "4", "a__b", "5", NULL
    };
    stats [0] = s_test_read (similar);
    text = zrelay_stats_prometheus (stats, 1);
    s_test_exposition (text);
    assert (s_test_contains (text,
        "\nzrelay_a_b{relay=\"k\",kind=\"k\"} 1\n"));
    assert (s_test_contains (text,
        "\nzrelay_a_b_3{relay=\"k\",kind=\"k\"} 2\n"));
    assert (s_test_contains (text,
        "\nzrelay_a_b_2{relay=\"k\",kind=\"k\"} 3\n"));
    assert (s_test_contains (text,
        "\nzrelay_a_b_2_2{relay=\"k\",kind=\"k\"} 4\n"));
    assert (s_test_contains (text,
        "\nzrelay_a__b{relay=\"k\",kind=\"k\"} 5\n"));
    zstr_free (&text);
    zrelay_stats_destroy (&stats [0]);
}

//  Check that an answer cannot have both names, in either order, and with
//  other names between them

static void
s_test_refuses_pair (const char *one, const char *two)
{
    const char *frames [] = {
        "STATS", "kind", "queue", "state", "idle", "served0", "1", one, "1",
        "served_", "2", two, "1", "servedA", "3", "serve", "4", NULL
    };
    s_test_refuses (frames);
    frames [7] = two;
    frames [11] = one;
    s_test_refuses (frames);
}

static void
s_test_label_names (void)
{
    static const char *malformed [] = {
        "a{", "a}", "a{}", "a{=}", "a{b}", "a{b=}", "a{=c}", "{b=c}",
        ".a{b=c}", "a.{b=c}", "a..b{c=d}", "a-b{c=d}", "a{b=c", "a{b=c}d",
        "a{b=c}.d", "a{b=c}}", "a{b=c}{d=e}", "a{{b=c}", "a{b=c,d=e}",
        "a{b.c=d}", "a{b-c=d}", "a{b%c=d}", "a{b=c=d}", "a{b=c d}",
        "a{b=c{d}", "a{b=\"c\"}", "a{b=c\\d}", "a{b=c\n}", "a{b=\xC3\xA4}",
        "a{ b=c}", "a {b=c}", "a{b=c} ", "a%{b=c}", "kind{b=c}", NULL
    };
    for (size_t index = 0; malformed [index]; index++)
        s_test_refuses_with (malformed [index], "1");
    s_test_refuses_with ("a{b=c}", "");
    s_test_refuses_with ("a{b=c}", "-1");
    s_test_accepts_with ("served{service=coffee}", "5", 5);
    s_test_accepts_with ("a.b_.C{0_z=.-_%20..Z9}", "6", 6);
    s_test_accepts_with ("frontend.in.messages{a=b}", "7", 7);

    s_test_refuses_pair ("served", "served{service=coffee}");
    s_test_refuses_pair ("served.total", "served{service=coffee}");
    s_test_refuses_pair ("served.service.coffee", "served{service=coffee}");
    s_test_refuses_pair ("served.a.b", "served.a{service=coffee}");
    s_test_refuses_pair ("served.a", "served.a{service=coffee}");
    s_test_refuses_pair ("served.a{b=c}", "served{service=coffee}");
    s_test_refuses_pair ("served{service=coffee}", "served{service=coffee}");
    s_test_refuses_pair ("served", "served");
    s_test_refuses_pair ("served", "served.a");

    //  The longest name before a label, and the longest name with its label
    char name [ZRELAY_STATS_LABELLED_MAX + 2];
    memset (name, 'n', sizeof (name));
    strcpy (name + ZRELAY_STATS_NAME_MAX, "{a=b}");
    s_test_accepts_with (name, "1", 1);
    strcpy (name + ZRELAY_STATS_NAME_MAX, "n{a=b}");
    s_test_refuses_with (name, "1");
    memset (name, 'n', sizeof (name));
    memcpy (name, "a{b=", strlen ("a{b="));
    strcpy (name + ZRELAY_STATS_LABELLED_MAX - 1, "}");
    assert (strlen (name) == ZRELAY_STATS_LABELLED_MAX);
    s_test_accepts_with (name, "1", 1);
    zrelay_stats_t *stats = s_test_with (name, "18446744073709551615");
    s_test_columns (stats);
    zrelay_stats_destroy (&stats);
    strcpy (name + ZRELAY_STATS_LABELLED_MAX - 1, "n}");
    s_test_refuses_with (name, "1");
}

static void
s_test_labels (void)
{
    const char *frames [] = {
        "STATS", "kind", "majordomo", "name", "orders", "state", "idle",
        "served{service=coffee}", "5", "workers.ready", "1",
        "served{service=tea.green%20}", "2", "served{worker=coffee}", "3",
        "serve.a{b=c}", "4", "serve.d", "6", "other{kind=a}", "7",
        "other{1=b}", "8", "other{__name__=c}", "9", "other{number1=d}", "10",
        NULL
    };
    zrelay_stats_t *stats = s_test_read (frames);
    assert (stats);
    assert (zrelay_stats_value (stats, "served{service=coffee}") == 5);
    assert (zrelay_stats_value (stats, "served{worker=coffee}") == 3);
    assert (!zrelay_stats_has (stats, "served{service=tea}"));
    assert (!zrelay_stats_has (stats, "served{service"));
    assert (!zrelay_stats_has (stats, "served"));
    assert (streq (zrelay_stats_first (stats), "served{service=coffee}"));
    assert (streq (zrelay_stats_next (stats), "workers.ready"));

    char *text = zrelay_stats_json (stats);
    assert (streq (text,
        "{\"kind\":\"majordomo\",\"name\":\"orders\",\"state\":\"idle\","
        "\"served\":{\"service\":{\"coffee\":5,\"tea.green%20\":2},"
        "\"worker\":{\"coffee\":3}},\"workers\":{\"ready\":1},"
        "\"serve\":{\"a\":{\"b\":{\"c\":4}},\"d\":6},"
        "\"other\":{\"kind\":{\"a\":7},\"1\":{\"b\":8},"
        "\"__name__\":{\"c\":9},\"number1\":{\"d\":10}}}"));
    zstr_free (&text);

    text = zrelay_stats_text (stats);
    assert (s_test_contains (text, "\nserved{service=coffee}: 5\n"
        "workers.ready: 1\nserved{service=tea.green%20}: 2\n"
        "served{worker=coffee}: 3\nserve.a{b=c}: 4\n"));
    zstr_free (&text);

    //  All labels of all relays are in one family. A label that each sample has
    //  already, or that is not valid in Prometheus, is renamed.
    const char *plain [] = {
        "STATS", "kind", "k", "state", "idle", "served", "11",
        "forward.dropped_full{a=b}", "12", NULL
    };
    zrelay_stats_t *both [2] = { stats, s_test_read (plain) };
    assert (both [1]);
    text = zrelay_stats_prometheus (both, 2);
    s_test_exposition (text);
    assert (s_test_contains (text, "\n# TYPE zrelay_served untyped\n"
        "zrelay_served{relay=\"orders\",kind=\"majordomo\","
        "service=\"coffee\"} 5\n"
        "zrelay_served{relay=\"orders\",kind=\"majordomo\","
        "service=\"tea.green%20\"} 2\n"
        "zrelay_served{relay=\"orders\",kind=\"majordomo\","
        "worker=\"coffee\"} 3\n"
        "zrelay_served{relay=\"k\",kind=\"k\"} 11\n#"));
    assert (s_test_contains (text, ",kind=\"majordomo\",own_kind=\"a\"} 7\n"));
    assert (s_test_contains (text, ",own_1=\"b\"} 8\n"));
    assert (s_test_contains (text, ",own___name__=\"c\"} 9\n"));
    assert (s_test_contains (text, ",number1=\"d\"} 10\n"));
    assert (s_test_contains (text, "\nzrelay_forward_dropped_full{"
                             "relay=\"k\",kind=\"k\",a=\"b\"} 12\n"));
    assert (!s_test_contains (text, "flow="));
    zstr_free (&text);

    //  A side does not have a label
    zrelay_stats_destroy (&both [1]);
    both [1] = s_test_with ("frontend{a=b}", "1");
    text = zrelay_stats_text (both [1]);
    assert (streq (text, "queue: idle, up 00:00:00\nfrontend{a=b}: 1\n"));
    zstr_free (&text);
    zrelay_stats_destroy (&both [1]);
    zrelay_stats_destroy (&stats);
}

//  Add a count for each combination of S_TEST_BITS pairs of letters. All names
//  have the same hash in zhashx, because 33 * 'a' + 'b' equals 33 * 'b' + 'A'.
//  While names were hashed, thirty of them exhausted the memory.

#define S_TEST_BITS 13
#define S_TEST_MANY ((size_t) 1 << S_TEST_BITS)

static void
s_test_add_many (zmsg_t *answer, const char *format)
{
    for (size_t number = 0; number < S_TEST_MANY; number++) {
        char letters [2 * S_TEST_BITS + 1] = "";
        for (size_t bit = 0; bit < S_TEST_BITS; bit++)
            strcat (letters, number >> bit & 1? "ab": "bA");
        zmsg_addstrf (answer, format, letters);
        zmsg_addstrf (answer, "%zu", number);
    }
}

//  Read and print many counts. They have so many families in Prometheus.

static void
s_test_many (const char *format, size_t families)
{
    zmsg_t *answer = s_test_answer (s_test_queue);
    zrelay_stats_t *few = zrelay_stats_new (answer);
    s_test_add_many (answer, format);
    zrelay_stats_t *many = zrelay_stats_new (answer);
    zmsg_destroy (&answer);
    assert (few && many);
    uint64_t sum = 0;
    const char *name = zrelay_stats_first (many);
    for (; name; name = zrelay_stats_next (many))
        if (!zrelay_stats_has (few, name))
            sum += zrelay_stats_value (many, name);
    assert (sum == (uint64_t) S_TEST_MANY * (S_TEST_MANY - 1) / 2);

    //  Each count is a line of text, a key in JSON, and a sample
    char *texts [2] = { zrelay_stats_text (few), zrelay_stats_text (many) };
    size_t lines = 0;
    for (const char *at = texts [1] + strlen (texts [0]); *at; at++)
        lines += *at == '\n';
    assert (strncmp (texts [0], texts [1], strlen (texts [0])) == 0);
    assert (lines == S_TEST_MANY);
    zstr_free (&texts [0]);
    zstr_free (&texts [1]);

    texts [0] = zrelay_stats_json (few);
    texts [1] = zrelay_stats_json (many);
    size_t keys = 0;
    for (const char *at = texts [1] + strlen (texts [0]); *at; at++)
        keys += *at == ':' && isdigit ((unsigned char) at [1]);
    assert (strncmp (texts [0], texts [1], strlen (texts [0]) - 1) == 0);
    assert (keys == S_TEST_MANY);
    zstr_free (&texts [0]);
    zstr_free (&texts [1]);

    zrelay_stats_t *both [3] = { few, many, many };
    texts [0] = zrelay_stats_prometheus (both, 1);
    texts [1] = zrelay_stats_prometheus (both + 1, 2);
    //  Two lines describe each family
    lines = s_test_exposition (texts [0]);
    size_t heads = 0;
    for (const char *at = texts [0]; *at; at++)
        heads += *at == '#';
    assert (s_test_exposition (texts [1])
         == 2 * lines - heads + 2 * S_TEST_MANY + 2 * families);
    zstr_free (&texts [0]);
    zstr_free (&texts [1]);
    zrelay_stats_destroy (&few);
    zrelay_stats_destroy (&many);
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
    s_test_silence ();
    s_test_malformed ();
    s_test_block ();
    s_test_bytes ();
    s_test_shared ();
    s_test_limits ();
    s_test_words ();
    s_test_text ();
    s_test_alone ();
    s_test_json ();
    s_test_prometheus ();
    s_test_label_names ();
    s_test_labels ();
    s_test_many ("served{service=%s}", 1);
    s_test_many ("%s", S_TEST_MANY);
    s_test_many ("served.%s.count", S_TEST_MANY);
    if (verbose) {
        zrelay_stats_t *stats = s_test_read (s_test_queue);
        char *text = zrelay_stats_text (stats);
        printf ("%s", text);
        zstr_free (&text);
        zrelay_stats_destroy (&stats);
    }
    printf ("OK\n");
}
