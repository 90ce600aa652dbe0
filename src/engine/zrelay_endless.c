/*  =========================================================================
    zrelay_endless - finds messages that never end

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_endless.h"

//  Bytes of heartbeats and the like, in each second, that are no message: those
//  of a peer that sends one every 70 msecs
#define TRICKLE 128

//  Bytes between two looks that are none either: a command PING or PONG has nine
//  or more, see ZeroMQ RFC 37
#define BEAT 64

void
zrelay_endless_begin (zrelay_endless_t *self, uint64_t bytes,
                      uint64_t revision)
{
    self->mark = bytes;
    self->marked_at = zclock_mono ();
    self->revision = revision;
    self->spoke = false;
}

//  Has it brought more than that since its last message?

static bool
s_is_ahead (zrelay_endless_t *self, uint64_t bytes, int64_t most)
{
    int64_t secs = (zclock_mono () - self->marked_at) / 1000;
    return most != INT64_MAX
        && (int64_t) (bytes - self->mark) > most + secs * TRICKLE;
}

//  Nothing whole waits in the socket now

static bool
s_is_empty (void *watched)
{
    return watched && (zsock_events (watched) & ZMQ_POLLIN) == 0;
}

zrelay_endless_verdict_t
zrelay_endless_judge (zrelay_endless_t *self, uint64_t bytes,
                      const zrelay_endless_look_t *look)
{
    uint64_t brought = bytes - self->seen;
    bool goes_on = brought > 0;
    if (!goes_on && !self->suspect)
        return ZRELAY_ENDLESS_RESTS;
    //  What came under other limits, or none, is not held against it
    if (self->spoke || self->revision != look->revision)
        zrelay_endless_begin (self, bytes, look->revision);
    //  What was there at the last look has been handed over since
    bool emptied = look->watched && look->empties > self->empties;
    self->suspect = s_is_ahead (self, bytes, look->most);
    bool found = (self->suspect && s_is_empty (look->watched))
              || (emptied && self->seen > self->mark
               && s_is_ahead (self, self->seen, look->most))
              || s_is_ahead (self, bytes, look->waiting);
    self->seen = bytes;
    self->empties = look->empties;
    return found? ZRELAY_ENDLESS_FOUND:
           !goes_on? ZRELAY_ENDLESS_RESTS:
           s_is_ahead (self, bytes, look->most / 2)? ZRELAY_ENDLESS_HALF:
           brought > BEAT? ZRELAY_ENDLESS_BRINGS: ZRELAY_ENDLESS_RESTS;
}


//  --------------------------------------------------------------------------
//  Selftest

static void
s_test_socket (void *empty, void *full)
{
    zrelay_endless_t self = { 0 };
    zrelay_endless_look_t look = {
        .watched = full, .most = 1000, .waiting = 5000
    };
    zrelay_endless_begin (&self, 100, 0);
    assert (zrelay_endless_judge (&self, 200, &look) == ZRELAY_ENDLESS_BRINGS);
    assert (zrelay_endless_judge (&self, 200, &look) == ZRELAY_ENDLESS_RESTS);
    assert (zrelay_endless_judge (&self, 220, &look) == ZRELAY_ENDLESS_RESTS);
    assert (zrelay_endless_judge (&self, 700, &look) == ZRELAY_ENDLESS_HALF);
    //  It may be a whole message that waits
    assert (zrelay_endless_judge (&self, 2000, &look) == ZRELAY_ENDLESS_HALF);
    assert (self.suspect);
    assert (zrelay_endless_judge (&self, 2000, &look) == ZRELAY_ENDLESS_RESTS);
    //  Until there is none, though it brings nothing more
    look.watched = empty;
    assert (zrelay_endless_judge (&self, 2000, &look) == ZRELAY_ENDLESS_FOUND);
    //  Or the socket was empty meanwhile
    look.watched = full;
    look.empties = 1;
    assert (zrelay_endless_judge (&self, 2001, &look) == ZRELAY_ENDLESS_FOUND);
    assert (zrelay_endless_judge (&self, 2002, &look) == ZRELAY_ENDLESS_HALF);
    //  So many cannot wait
    assert (zrelay_endless_judge (&self, 5100, &look) == ZRELAY_ENDLESS_HALF);
    assert (zrelay_endless_judge (&self, 5101, &look) == ZRELAY_ENDLESS_FOUND);
    //  A message of it came
    self.spoke = true;
    look.watched = empty;
    assert (zrelay_endless_judge (&self, 9000, &look) == ZRELAY_ENDLESS_BRINGS);
    assert (!self.suspect && !self.spoke);
    //  What came under other limits does not count
    look.revision = 1;
    assert (zrelay_endless_judge (&self, 12000, &look)
            == ZRELAY_ENDLESS_BRINGS);
    assert (zrelay_endless_judge (&self, 13001, &look) == ZRELAY_ENDLESS_FOUND);
    //  A socket that keeps messages to itself is never known to be empty
    look.watched = NULL;
    look.empties = 9;
    assert (zrelay_endless_judge (&self, 13002, &look) == ZRELAY_ENDLESS_HALF);
    //  Heartbeats add up
    self.marked_at -= 100000;
    look.watched = empty;
    assert (zrelay_endless_judge (&self, 20000, &look)
            == ZRELAY_ENDLESS_BRINGS);
    assert (zrelay_endless_judge (&self, 26000, &look) == ZRELAY_ENDLESS_FOUND);
    look.most = look.waiting = INT64_MAX;
    assert (zrelay_endless_judge (&self, UINT32_MAX, &look)
            == ZRELAY_ENDLESS_BRINGS);
}

void
zrelay_endless_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_endless: ");

    //  @selftest
    zsock_t *full = zsock_new_pull ("@inproc://zrelay-endless-full");
    zsock_t *empty = zsock_new_pull ("@inproc://zrelay-endless-empty");
    zsock_t *push = zsock_new_push (">inproc://zrelay-endless-full");
    assert (full && empty && push);
    zstr_send (push, "whole");
    s_test_socket (zsock_resolve (empty), zsock_resolve (full));
    zsock_destroy (&push);
    zsock_destroy (&full);
    zsock_destroy (&empty);
    //  @end
    printf ("OK\n");
}
