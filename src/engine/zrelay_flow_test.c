/*  =========================================================================
    zrelay_flow_test - selftest of flows

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_flow.h"

//  A flow from a PULL to a PUSH, with a socket at each end

typedef struct {
    zrelay_error_t *error;
    zrelay_side_t *input;
    zrelay_side_t *output;
    zrelay_capture_t *capture;
    zrelay_flow_t *flow;
    zsock_t *source;
    zsock_t *sink;              //  NULL until it is connected
    char out [40];              //  Where to
    zrelay_message_t *kept;     //  By a handler
} bench_t;

//  Names of inproc endpoints are free again only some time after use, so each
//  test has its own

static void
s_bench_setup (bench_t *self, const char *name)
{
    char in [40];
    snprintf (in, sizeof (in), "inproc://flow-%s-in", name);
    snprintf (self->out, sizeof (self->out), "inproc://flow-%s-out", name);
    static const char *const reasons [] = { "rude", NULL };
    const zrelay_side_spec_t pull = { .types = "PULL" };
    const zrelay_side_spec_t push = { .types = "PUSH" };
    self->error = zrelay_error_new ();
    self->input = zrelay_side_new ("frontend", &pull, self->error);
    self->output = zrelay_side_new ("backend", &push, self->error);
    self->capture = zrelay_capture_new (self->error);
    self->flow = zrelay_flow_new (ZRELAY_FLOW_FORWARD, NULL, self->input,
                                  self->output, self->capture, reasons);
    int rc = zrelay_side_attach (self->input, in, true);
    assert (rc == ZRELAY_STATUS_DONE);
    rc = zrelay_side_attach (self->output, self->out, true);
    assert (rc == ZRELAY_STATUS_DONE);
    self->source = zsock_new (ZMQ_PUSH);
    rc = zsock_connect (self->source, "%s", in);
    assert (rc == 0);
    self->sink = NULL;
    zrelay_flow_update (self->flow);
    zrelay_flow_set_running (self->flow, true);
}

static void
s_bench_connect (bench_t *self)
{
    self->sink = zsock_new (ZMQ_PULL);
    int rc = zsock_connect (self->sink, "%s", self->out);
    assert (rc == 0);
    zsock_set_rcvtimeo (self->sink, 0);
}

static void
s_bench_cleanup (bench_t *self)
{
    zsock_destroy (&self->source);
    zsock_destroy (&self->sink);
    zrelay_flow_destroy (&self->flow);
    zrelay_capture_destroy (&self->capture);
    zrelay_side_destroy (&self->input);
    zrelay_side_destroy (&self->output);
    zrelay_error_destroy (&self->error);
}

static bool
s_bench_set (bench_t *self, const char *option, const char *value)
{
    return zrelay_flow_set_option (self->flow, option, value, self->error)
           == ZRELAY_STATUS_DONE;
}

static bool
s_bench_has (bench_t *self, const char *option, const char *expected)
{
    char *value = NULL;
    int rc = zrelay_flow_get_option (self->flow, option, &value, self->error);
    bool same = rc == ZRELAY_STATUS_DONE && streq (value, expected);
    zstr_free (&value);
    return same;
}

//  One of the numbers of STATS

static int
s_bench_count (bench_t *self, const char *name)
{
    zrelay_counts_t *counts = zrelay_counts_new ();
    zrelay_flow_stats (self->flow, counts);
    uint64_t count = zrelay_counts_value (counts, name);
    zrelay_counts_destroy (&counts);
    assert (count != UINT64_MAX);
    return (int) count;
}

//  As zrelay_flow_wants (), from no events

static size_t
s_bench_wants (bench_t *self, short *input, short *output)
{
    *input = 0;
    *output = 0;
    return zrelay_flow_wants (self->flow, input, output);
}

static bool
s_bench_receives (bench_t *self, const char *expected)
{
    char *string = zstr_recv (self->sink);
    bool same = string && streq (string, expected);
    zstr_free (&string);
    return same;
}

//  Back-pressure: one message is held, the others stay in the socket

static void
s_test_hold (void)
{
    bench_t bench;
    s_bench_setup (&bench, "hold");
    zstr_sendx (bench.source, "A", "1", "2", "3", NULL);
    zstr_send (bench.source, "B");
    zrelay_flow_turn (bench.flow);
    assert (zrelay_flow_held (bench.flow) == 1);

    short input, output;
    size_t soon = s_bench_wants (&bench, &input, &output);
    assert (!soon && input == 0 && output == ZMQ_POLLOUT);

    s_bench_connect (&bench);
    zrelay_flow_turn (bench.flow);
    assert (zrelay_flow_held (bench.flow) == 0);
    zmsg_t *msg = zmsg_recv (bench.sink);
    assert (msg && zmsg_size (msg) == 4);
    zmsg_destroy (&msg);
    assert (s_bench_receives (&bench, "B"));
    assert (zrelay_flow_passed (bench.flow) == 2);
    soon = s_bench_wants (&bench, &input, &output);
    assert (!soon && input == ZMQ_POLLIN && output == 0);

    //  How long it was held is known
    assert (s_bench_count (&bench, "forward.holds") == 1);

    //  It does not read if the kind says so, or until once there is nothing
    zrelay_flow_set_reading (bench.flow, ZRELAY_READING_OFF);
    soon = s_bench_wants (&bench, &input, &output);
    assert (!soon && input == 0);
    zrelay_flow_set_reading (bench.flow, ZRELAY_READING_TO_END);
    soon = s_bench_wants (&bench, &input, &output);
    assert (soon > 0 && soon < 50 && input == ZMQ_POLLIN);
    assert (zrelay_flow_reads_to_end (bench.flow));
    zrelay_flow_turn (bench.flow);
    assert (!zrelay_flow_reads_to_end (bench.flow));
    soon = s_bench_wants (&bench, &input, &output);
    assert (!soon && input == 0);
    s_bench_cleanup (&bench);
}

//  With a bounded queue the newest or the oldest are dropped and counted

static void
s_test_overflow (const char *overflow, const char *first, const char *last)
{
    bench_t bench;
    s_bench_setup (&bench, overflow);
    assert (s_bench_set (&bench, "overflow", overflow));
    assert (s_bench_set (&bench, "queue", "2"));
    zrelay_flow_update (bench.flow);
    for (char letter = 'A'; letter <= 'E'; letter++)
        zstr_sendf (bench.source, "%c", letter);
    zrelay_flow_turn (bench.flow);
    assert (zrelay_flow_held (bench.flow) == 2);
    assert (zrelay_flow_dropped (bench.flow) == 3);
    s_bench_connect (&bench);
    zrelay_flow_turn (bench.flow);
    assert (s_bench_receives (&bench, first));
    assert (s_bench_receives (&bench, last));
    assert (!s_bench_receives (&bench, ""));
    s_bench_cleanup (&bench);
}

//  A filter that drops one, changes another and answers a third, which the
//  PULL it came from cannot take

static zrelay_verdict_t
s_test_filter (zmsg_t **msg_p, void *arg)
{
    (*(int *) arg)++;
    char *string = zmsg_popstr (*msg_p);
    zrelay_verdict_t verdict =
        streq (string, "answer")? ZRELAY_VERDICT_ANSWER:
        streq (string, "drop")? ZRELAY_VERDICT_DROP: ZRELAY_VERDICT_PASS;
    zmsg_addstrf (*msg_p, "%s!", string);
    if (streq (string, "gone"))
        zmsg_destroy (msg_p);
    zstr_free (&string);
    return verdict;
}

static void
s_test_filters (void)
{
    bench_t bench;
    s_bench_setup (&bench, "filters");
    s_bench_connect (&bench);
    int calls = 0;
    zrelay_flow_set_filter (bench.flow, (zrelay_shown_to_t) {
        .filter = s_test_filter, .object = &calls });
    const char *words [] = { "pass", "drop", "gone", "answer" };
    for (int index = 0; index < 4; index++)
        zstr_send (bench.source, words [index]);
    zrelay_flow_turn (bench.flow);
    assert (calls == 4);
    assert (s_bench_receives (&bench, "pass!"));
    assert (s_bench_count (&bench, "forward.dropped_filter") == 2);
    assert (s_bench_count (&bench, "forward.dropped_refused") == 1);

    //  Without it, messages pass as they are
    zrelay_flow_set_filter (bench.flow, (zrelay_shown_to_t) { .filter = NULL });
    zstr_send (bench.source, "pass");
    zrelay_flow_turn (bench.flow);
    assert (s_bench_receives (&bench, "pass"));
    s_bench_cleanup (&bench);
}

//  A handler that keeps one message, drops another for a reason of its own, and
//  passes on the rest

static zrelay_verdict_t
s_test_handler (zrelay_engine_t *engine, void *object,
                zrelay_message_t *message)
{
    (void) engine;
    bench_t *bench = (bench_t *) object;
    if (zrelay_message_streq (message, 0, "keep")) {
        bench->kept = zrelay_message_take (message);
        return ZRELAY_VERDICT_KEPT;
    }
    if (zrelay_message_streq (message, 0, "rude")) {
        zrelay_flow_set_reason (bench->flow, 0);
        return ZRELAY_VERDICT_DROP;
    }
    if (zrelay_message_streq (message, 0, "nothing"))
        zrelay_message_clear (message);
    return ZRELAY_VERDICT_PASS;
}

static void
s_test_handlers (void)
{
    bench_t bench;
    s_bench_setup (&bench, "handlers");
    s_bench_connect (&bench);
    zrelay_flow_set_handler (bench.flow, (zrelay_shown_to_t) {
        .message = s_test_handler, .object = &bench });
    const char *words [] = { "keep", "rude", "nothing", "pass" };
    for (int index = 0; index < 4; index++)
        zstr_send (bench.source, words [index]);
    zrelay_flow_turn (bench.flow);
    assert (s_bench_receives (&bench, "pass"));
    assert (zrelay_message_streq (bench.kept, 0, "keep"));
    assert (s_bench_count (&bench, "forward.dropped_rude") == 1);
    assert (s_bench_count (&bench, "forward.dropped_handler") == 1);
    assert (zrelay_flow_dropped (bench.flow) == 2);
    zrelay_message_destroy (&bench.kept);

    //  A filter comes first, whatever form each has
    int calls = 0;
    zrelay_flow_set_filter (bench.flow, (zrelay_shown_to_t) {
        .filter = s_test_filter, .object = &calls });
    zstr_send (bench.source, "pass");
    zrelay_flow_turn (bench.flow);
    assert (s_bench_receives (&bench, "pass!"));
    s_bench_cleanup (&bench);
}

//  No message overtakes one that is held, even if there is room meanwhile

static zrelay_verdict_t
s_test_make_room (zrelay_engine_t *engine, void *object,
                  zrelay_message_t *message)
{
    (void) engine;
    if (zrelay_message_streq (message, 0, "B"))
        s_bench_connect ((bench_t *) object);
    return ZRELAY_VERDICT_PASS;
}

static void
s_test_order (void)
{
    bench_t bench;
    s_bench_setup (&bench, "order");
    assert (s_bench_set (&bench, "overflow", "drop-new"));
    zrelay_flow_set_handler (bench.flow, (zrelay_shown_to_t) {
        .message = s_test_make_room, .object = &bench });
    zstr_send (bench.source, "A");
    zstr_send (bench.source, "B");
    zrelay_flow_turn (bench.flow);
    assert (zrelay_flow_held (bench.flow) == 2);
    zrelay_flow_turn (bench.flow);
    assert (s_bench_receives (&bench, "A"));
    assert (s_bench_receives (&bench, "B"));
    s_bench_cleanup (&bench);
}

//  A turn is bounded, and so is what a rate allows

static void
s_test_bounds (void)
{
    bench_t bench;
    s_bench_setup (&bench, "bounds");
    s_bench_connect (&bench);
    assert (s_bench_set (&bench, "burst", "3"));
    for (int index = 0; index < 10; index++)
        zstr_sendf (bench.source, "%d", index);
    zrelay_flow_turn (bench.flow);
    assert (zrelay_flow_passed (bench.flow) == 3);

    assert (zrelay_side_set_option (bench.input, "rate", "1")
            == ZRELAY_STATUS_DONE);
    zrelay_flow_turn (bench.flow);
    assert (zrelay_flow_passed (bench.flow) == 4);
    short input, output;
    size_t soon = s_bench_wants (&bench, &input, &output);
    assert (soon >= 10 && soon <= 1000);
    assert (input == 0);
    assert (zrelay_side_set_option (bench.input, "rate", "0")
            == ZRELAY_STATUS_DONE);

    //  Closing reads what is there, and then no more
    zrelay_flow_close (bench.flow);
    for (int turn = 0; turn < 4; turn++)
        zrelay_flow_turn (bench.flow);
    assert (!zrelay_flow_reads_to_end (bench.flow));
    assert (zrelay_flow_held (bench.flow) == 0);
    assert (zrelay_flow_passed (bench.flow) == 10);
    zstr_send (bench.source, "late");
    zrelay_flow_turn (bench.flow);
    assert (zrelay_flow_passed (bench.flow) == 10);
    zrelay_flow_open (bench.flow);
    zrelay_flow_turn (bench.flow);
    assert (zrelay_flow_passed (bench.flow) == 11);
    s_bench_cleanup (&bench);
}

static void
s_test_values (void)
{
    bench_t bench;
    s_bench_setup (&bench, "values");
    const char *wrong [] [2] = {
        { "overflow", "burst" }, { "burst", "0" }, { "burst", "-1" },
        { "queue", "" }, { "queue", "1e3" }, { "nonsense", "1" }
    };
    for (size_t index = 0; index < sizeof (wrong) / sizeof (*wrong); index++)
        assert (!s_bench_set (&bench, wrong [index] [0], wrong [index] [1]));
    assert (s_bench_has (&bench, "overflow", "hold"));
    assert (s_bench_has (&bench, "queue", "1000"));
    assert (s_bench_has (&bench, "burst", "1000"));
    s_bench_cleanup (&bench);
}

void
zrelay_flow_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_flow: ");
    //  @selftest
    s_test_hold ();
    s_test_overflow ("drop-new", "A", "B");
    s_test_overflow ("drop-old", "D", "E");
    s_test_filters ();
    s_test_handlers ();
    s_test_order ();
    s_test_bounds ();
    s_test_values ();
    //  @end
    printf ("OK\n");
}
