/*  =========================================================================
    zrelay_capture - copies of what passes

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

#include "zrelay_capture.h"
#include "zrelay_counts.h"
#include "zrelay_message_internal.h"
#include "zrelay_security.h"

//  Most copies that wait for the reader of an application's socket, as many as
//  libzmq's own queues take by default
#define WAITING_MOST 1000

struct _zrelay_capture_t {
    zrelay_error_t *error;      //  Where sentences go
    zrelay_side_t *side;        //  The socket; NULL when there is no capture
    zrelay_side_t *relays;      //  A side of the relay; NULL: not known
    char *prefixes [2];         //  First frame of each copy, by flow, or NULL
    bool within;                //  Between two frames of a message
    zrelay_outcome_t outcome;   //  The fate of its frames so far
    bool waits;                 //  Copies may wait here
    zlistx_t *waiting;          //  zrelay_message_t that do
    zrelay_message_t *kept;     //  The frames so far of one that will, or NULL
    uint64_t messages;          //  Copies that went
    uint64_t dropped;           //  Copies that the socket could not take
};


//  --------------------------------------------------------------------------
//  Constructor and destructor

static zrelay_port_t *
s_port (zrelay_capture_t *self)
{
    return zrelay_side_port (self->side);
}

static void
s_message_destroy (void **item_p)
{
    zrelay_message_destroy ((zrelay_message_t **) item_p);
}

zrelay_capture_t *
zrelay_capture_new (zrelay_error_t *error)
{
    zrelay_capture_t *self =
        (zrelay_capture_t *) zmalloc (sizeof (zrelay_capture_t));
    assert (self);
    self->error = error;
    self->waiting = zlistx_new ();
    assert (self->waiting);
    zlistx_set_destructor (self->waiting, s_message_destroy);
    return self;
}

void
zrelay_capture_destroy (zrelay_capture_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_capture_t *self = *self_p;
        zrelay_capture_stop (self);
        zlistx_destroy (&self->waiting);
        freen (self);
        *self_p = NULL;
    }
}


void
zrelay_capture_join (zrelay_capture_t *self, zrelay_side_t *relays)
{
    self->relays = relays;
}


//  --------------------------------------------------------------------------
//  Start and stop

//  Does a list of endpoints bind one?

static bool
s_binds (const char *endpoints)
{
    return *endpoints == '@' || strstr (endpoints, ",@");
}

//  Copies are worth as much as the messages, so who may not have these must not
//  have those

static zrelay_status_t
s_secure (zrelay_capture_t *self, zrelay_side_t *side, zrelay_side_t *guarded)
{
    if (zrelay_security_share (guarded, zrelay_side_handle (side)) == 0)
        return ZRELAY_STATUS_DONE;
    return zrelay_error_set (self->error, ZRELAY_STATUS_REFUSED,
        "the capture cannot be guarded as the %s is: %s",
        zrelay_side_name (guarded), zmq_strerror (errno));
}

zrelay_status_t
zrelay_capture_start (zrelay_capture_t *self, const char *endpoints,
                      const char *type, char **prefixes,
                      zrelay_side_t *guarded, const char *domain,
                      zrelay_access_t *access)
{
    const zrelay_side_spec_t spec = { .types = "PUSH,PUB,PAIR" };
    zrelay_side_t *side = zrelay_side_new ("capture", &spec, self->error);
    if (self->relays)
        zrelay_side_join (side, self->relays);
    if (access)
        zrelay_access_copy (zrelay_side_access (side), access);
    zrelay_status_t status = zrelay_side_choose (side, type);
    bool binds = s_binds (endpoints);
    if (status == ZRELAY_STATUS_DONE && guarded && binds)
        status = s_secure (self, side, guarded);
    if (status == ZRELAY_STATUS_DONE && !guarded && domain && binds)
        status = zrelay_security_set_domain (side, self->error, domain);
    if (status == ZRELAY_STATUS_DONE)
        status = zrelay_side_attach_list (side, endpoints, false);
    if (status != ZRELAY_STATUS_DONE) {
        zrelay_side_destroy (&side);
        return status;
    }
    zrelay_capture_stop (self);
    self->side = side;
    for (int flow = 0; prefixes && flow < 2; flow++) {
        self->prefixes [flow] = strdup (prefixes [flow]);
        assert (self->prefixes [flow]);
    }
    return ZRELAY_STATUS_DONE;
}

void
zrelay_capture_borrow (zrelay_capture_t *self, void *handle)
{
    zrelay_capture_stop (self);
    self->side = zrelay_side_borrow ("capture", handle, self->error);
    //  Waiting makes sense where a poll reports that there is room again
    self->waits = zrelay_port_polls_out (s_port (self));
}

void
zrelay_capture_stop (zrelay_capture_t *self)
{
    zrelay_side_destroy (&self->side);
    self->dropped += zlistx_size (self->waiting);
    zlistx_purge (self->waiting);
    zrelay_message_destroy (&self->kept);
    self->waits = false;
    zstr_free (&self->prefixes [ZRELAY_FLOW_FORWARD]);
    zstr_free (&self->prefixes [ZRELAY_FLOW_RETURN]);
}

zrelay_side_t *
zrelay_capture_side (zrelay_capture_t *self)
{
    return self->side;
}

bool
zrelay_capture_active (zrelay_capture_t *self)
{
    return self->side != NULL;
}


//  --------------------------------------------------------------------------
//  Copies. A copy that cannot be taken now is dropped, whole. Only an
//  application's own socket, which may get its reader a little later than the
//  first message, is first waited for, as far as that has a bound.

static zrelay_outcome_t
s_put_prefix (zrelay_capture_t *self, zrelay_flow_id_t flow)
{
    const char *prefix = self->prefixes [flow];
    if (!prefix)
        return ZRELAY_OUTCOME_SENT;
    zmq_msg_t frame;
    int rc = zmq_msg_init_size (&frame, strlen (prefix));
    assert (rc == 0);
    memcpy (zmq_msg_data (&frame), prefix, strlen (prefix));
    zrelay_outcome_t outcome = zrelay_port_send (s_port (self), &frame, true);
    zmq_msg_close (&frame);
    return outcome;
}

//  Once a message has begun, all of it is kept or none

static void
s_keep (zrelay_capture_t *self, zmq_msg_t *frame)
{
    if (!self->within && zlistx_size (self->waiting) < WAITING_MOST)
        self->kept = zrelay_message_new ();
    if (self->kept)
        zrelay_message_append_frame (self->kept, frame);
}

static void
s_settle (zrelay_capture_t *self, zrelay_outcome_t outcome)
{
    if (outcome == ZRELAY_OUTCOME_SENT)
        self->messages++;
    else
        self->dropped++;
}

void
zrelay_capture_put (zrelay_capture_t *self, zrelay_flow_id_t flow,
                    zmq_msg_t *frame, bool more)
{
    if (!self->within)
        self->outcome = zlistx_size (self->waiting) > 0? ZRELAY_OUTCOME_FULL:
                        s_put_prefix (self, flow);
    //  A full socket was sent nothing of this message, so gets none of it;
    //  after another refusal it has to see the message through
    if (self->outcome != ZRELAY_OUTCOME_FULL) {
        zrelay_outcome_t outcome =
            zrelay_port_send (s_port (self), frame, more);
        if (self->outcome == ZRELAY_OUTCOME_SENT)
            self->outcome = outcome;
    }
    if (self->outcome == ZRELAY_OUTCOME_FULL && self->waits)
        s_keep (self, frame);
    zmq_msg_close (frame);
    zmq_msg_init (frame);
    self->within = more;
    if (more)
        return;
    if (self->kept) {
        zlistx_add_end (self->waiting, self->kept);
        self->kept = NULL;
    }
    else
        s_settle (self, self->outcome);
}

//  Send what waited, in order, as far as it goes

void
zrelay_capture_flush (zrelay_capture_t *self)
{
    zrelay_message_t *message;
    while ((message = (zrelay_message_t *) zlistx_first (self->waiting))) {
        zrelay_outcome_t outcome =
            zrelay_port_send_message (s_port (self), message);
        if (outcome == ZRELAY_OUTCOME_FULL)
            return;
        s_settle (self, outcome);
        zlistx_delete (self->waiting, NULL);
    }
}

size_t
zrelay_capture_waiting (zrelay_capture_t *self)
{
    return zlistx_size (self->waiting);
}

bool
zrelay_capture_within (zrelay_capture_t *self)
{
    return self->within;
}


//  --------------------------------------------------------------------------
//  Housekeeping

void
zrelay_capture_service (zrelay_capture_t *self)
{
    if (self->side) {
        zrelay_side_service (self->side);
        if (zrelay_side_peers (self->side))
            zrelay_peers_update (zrelay_side_peers (self->side));
    }
}

void
zrelay_capture_stats (zrelay_capture_t *self, zrelay_counts_t *counts)
{
    zrelay_counts_add (counts, self->messages, "capture.messages");
    zrelay_counts_add (counts, self->dropped, "capture.dropped");
}

void
zrelay_capture_reset (zrelay_capture_t *self)
{
    self->messages = 0;
    self->dropped = 0;
}


//  --------------------------------------------------------------------------
//  Selftest

static void
s_test_put (zrelay_capture_t *self, const char *content, bool more)
{
    zmq_msg_t frame;
    zmq_msg_init_size (&frame, strlen (content));
    memcpy (zmq_msg_data (&frame), content, strlen (content));
    zrelay_capture_put (self, ZRELAY_FLOW_RETURN, &frame, more);
    assert (zmq_msg_size (&frame) == 0);
    assert (zrelay_capture_within (self) == more);
    zmq_msg_close (&frame);
}

void
zrelay_capture_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_capture: ");

    //  @selftest
    zrelay_error_t *error = zrelay_error_new ();
    zrelay_capture_t *self = zrelay_capture_new (error);
    assert (zrelay_capture_start (self, "inproc://capture-test", "REQ",
                                  NULL, NULL, NULL, NULL)
            == ZRELAY_STATUS_BAD_ARGUMENTS);
    assert (strstr (zrelay_error_sentence (error), "PUSH,PUB,PAIR"));
    assert (zrelay_capture_start (self, "nonsense", "PUSH",
                                  NULL, NULL, NULL, NULL)
            == ZRELAY_STATUS_REFUSED);
    assert (!zrelay_capture_active (self));

    //  Each copy begins with the prefix of its flow
    char *prefixes [] = { "I", "O" };
    zsock_t *reader = zsock_new_pull ("@inproc://capture-test");
    assert (zrelay_capture_start (self, "inproc://capture-test", "PUSH",
                                  prefixes, NULL, NULL, NULL)
            == ZRELAY_STATUS_DONE);
    s_test_put (self, "A", true);
    s_test_put (self, "B", false);
    char *prefix, *one, *two;
    zstr_recvx (reader, &prefix, &one, &two, NULL);
    assert (streq (prefix, "O") && streq (one, "A") && streq (two, "B"));
    zstr_free (&prefix);
    zstr_free (&one);
    zstr_free (&two);
    zsock_destroy (&reader);

    //  Nobody reads: what cannot be taken is counted
    assert (zrelay_capture_start (self, "@inproc://capture-test-2", "PUSH",
                                  prefixes, NULL, NULL, NULL)
            == ZRELAY_STATUS_DONE);
    s_test_put (self, "A", true);
    s_test_put (self, "B", false);
    s_test_put (self, "C", false);
    assert (self->messages == 1);
    assert (self->dropped == 2);
    zrelay_capture_stop (self);
    zrelay_capture_destroy (&self);
    zrelay_error_destroy (&error);
    //  @end
    printf ("OK\n");
}
