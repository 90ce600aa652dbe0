/*  =========================================================================
    zrelay_peers - who is connected to a socket

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

//  For POLLRDHUP
#define _GNU_SOURCE 1

#include "zrelay_peers.h"
#include "zrelay_counts.h"
#include "zrelay_endless.h"
#include "zrelay_flooder.h"
#include "zrelay_growth.h"
#include "zrelay_holders.h"
#include "zrelay_hosts.h"
#include "zrelay_inflow.h"
#include "zrelay_kernel.h"
#include "zrelay_leavers.h"
#include "zrelay_retries.h"
#include "zrelay_strays.h"
#include "zrelay_watcher.h"
#include "zrelay_where.h"

#include <poll.h>
#include <pthread.h>

//  libzmq reports the life of connections as events on an inproc PAIR socket,
//  see zmq_socket_monitor(3). They are read on the relay's own loop. zmonitor
//  would put a thread and two bounded queues between: hundreds of threads
//  more for hundreds of relays, and, when both queues are full while the
//  relay is binding, three threads that wait for each other. Here the queue
//  has no bound, since libzmq's I/O threads wait when it is full.
//
//  Connections are identified by their descriptors. A connection counts as a
//  peer from accept or connect on, so also during its handshake. inproc has
//  neither connections nor events.
//
//  libzmq does not report that it closes a connection itself, because its
//  endpoint was detached. Known connections are forgotten then, by their
//  endpoint. But libzmq detaches on a thread of its own, a little later: a
//  client that reconnects right then is accepted, reported, and cut off without
//  a word. We therefore check from time to time that each descriptor still
//  refers to the same socket.
//
//  A peer that has gone is reported when nothing more can come from it. The
//  events and the messages of a connection come on two ways, and either may be
//  ahead. So a routing id that its connection is not known to have is looked
//  into only after all events were read; and one whose connection has ended
//  waits, as a leaver, until the socket was read empty. Where it never is,
//  libzmq's fair queuing tells: no peer is passed over for longer than a round.

//  An XPUB takes in all subscriptions that wait, and more come meanwhile: the
//  relay's thread may not return from libzmq for seconds, while gigabytes fill.
//  So a watcher looks at the connections of an XPUB that have brought
//  something, and reads events if the relay does not. All that it touches has a
//  lock.

//  Events read in one go, so that a storm of them does not hold up the relay
#define EVENTS_MAX 100

//  Most times that this is done before connections or a routing id are looked
//  into
#define READS_MAX 20

//  How often descriptors are checked, in msecs: soon after a detachment, and
//  then less and less often up to this
#define SWEEP_LEAST 10
#define SWEEP_MOST 5000

#define EVENTS (ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_CONNECTED \
              | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED \
              | ZRELAY_CUTS_FAILURES \
              | ZMQ_EVENT_LISTENING \
              | ZRELAY_EVENTS)

//  Those after which a connection is no more
#define ENDS (ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED)

//  Looks after which all that was sent has arrived, see below
#define QUIET_LOOKS 2

//  How many connections are looked at in one go, of those that are known to have
//  brought something, and of all in turn. Msecs until the next look, if one of them has brought half of
//  what is too much; if one has brought something or has come, so lately; and
//  if neither is so.
//  Empty frames take 64 bytes of memory each, and millions of them may come in
//  that time.
#define LOOKS_MOST 200
#define LOOKS_IN_TURN 20
#define LOOK_SOON 1
#define LOOK_BUSY 5
#define LOOK_IVL 20
#define LOOK_LATELY 1000

//  Bytes that come with each subscription: the header of a frame, and the name
//  of a command, see ZeroMQ RFC 37; and those that CURVE adds
#define TOPIC_HEADER 13
#define CURVE_HEADER 33

//  Bytes of a frame's header at least
#define FRAME_HEADER_LEAST 2

//  Bytes of the shortest hand-shake of a subscriber: a greeting, and a command
//  READY with a socket type
#define HANDSHAKE_LEAST 91

//  One in so many descriptors is kept for other purposes than peers, but at
//  least and at most so many
#define RESERVE_PART 8
#define RESERVE_LEAST 8
#define RESERVE_MOST 64

//  If they are used up, so many are gained at once: this part of the reserve
#define CUT_PART 4

typedef struct {
    zrelay_host_t *host;        //  Where it is; NULL: local, or it did not
                                //  come, but the relay connected to it
    uint64_t number;            //  How many had come, with it
    bool made;                  //  It did not come, the socket went there
    bool cut;                   //  Its connection was ended
    zrelay_kernel_count_t read; //  See zrelay_kernel_read ()
    zrelay_endless_t endless;   //  How far it is ahead of its messages
    uint64_t seen;              //  Bytes it had brought, as a subscriber, at
                                //  the last look
    uint64_t seen_empties;      //  Times the socket was empty by then
    zrelay_subscriber_t *subscriber;    //  Its topics; NULL: it had none
    size_t topic_bytes;         //  Bytes in these
    uint64_t known;             //  Bytes it brought with what was read when
                                //  the XPUB was empty
    uint64_t handed;            //  And bytes read since
    uint64_t handed_empties;    //  Times the socket was empty when they came
    uint64_t counted;           //  Bytes of it that are in brought
    zrelay_growth_mark_t growth;    //  Since it got ahead
    char *endpoint;             //  The side's endpoint it came through
    char *address;              //  Where it is
    int fd;                     //  The connection
    ino_t inode;                //  And the system's number for it
    const char *property;       //  Where libzmq keeps its descriptor in digits
    byte *id;                   //  Its routing id, or NULL if not known
    size_t id_size;             //  Bytes in that
    uint64_t heard;             //  Number of its last message
    bool flushed;               //  What it was sent has arrived, up to when
                                //  somebody asked anew; since then,
    int quiet;                  //  looks at which nothing waited to be sent,
    uint64_t goal;              //  and bytes that are to arrive
} peer_t;

struct _zrelay_peers_t {
    zrelay_watcher_t *watcher;  //  Looks at them, too; or NULL
    pthread_mutex_t mutex;      //  Of the two, where there is a watcher
    int monitor_fd;             //  Becomes readable with events
    size_t header;              //  Bytes that come with a subscription
    zrelay_growth_t *growth;    //  What they cost
    zrelay_holders_t *holders;  //  How many have which topic
    zrelay_strays_t *strays;    //  Which those had who have left
    void *handle;               //  libzmq's socket where events arrive
    zrelay_events_t *events;    //  Hears of connections made, or NULL
    zrelay_retries_t *retries;  //  Of those that were lost
    zrelay_diary_t *diary;      //  Logs who comes and goes, or NULL
    const char *name;           //  Name of the side there
    peer_t **peers;             //  Those connected, by descriptor; or NULL
    size_t room;                //  How many descriptors there is room for
    size_t count;               //  How many peers are connected
    uint64_t arrivals;          //  How many ever were
    uint64_t departures;        //  How many of them have left
    bool stranger;              //  The next to leave failed in its handshake
    zrelay_leavers_t *leavers;  //  Those that have left, until reported
    uint64_t messages;          //  Messages heard
    uint64_t empties;           //  Times that the socket was read empty
    zrelay_cuts_t *cuts;        //  Counts those cut, and failed hand-shakes
    zrelay_limits_t *limits;    //  How many there may be; the side's
    zrelay_hosts_t *hosts;      //  How many come from one address
    bool *voices;               //  Those by which messages came since the last
                                //  connection that had them was noted
    size_t voices_room;         //  How many there is room for
    zrelay_inflow_t *inflow;    //  Which of them have brought something; NULL
                                //  before the first look
    size_t next;                //  Descriptor where to go on looking without
    int64_t stirred_at;         //  When one had come or brought something
    uint64_t looked;            //  How many had come at the last look
    zrelay_flooder_t *flooder;  //  Whose subscriptions were too many last
    int64_t swept_at;           //  When descriptors were checked, in msecs
    int64_t sweep_ivl;          //  When they will be again, after that
    bool behind;                //  There may be more events to read
    bool crowded;               //  They may take the last descriptors
};

static void
s_look_at_subscriber (zrelay_peers_t *self, peer_t *peer);


//  --------------------------------------------------------------------------
//  The lock

void
zrelay_peers_lock (zrelay_peers_t *self)
{
    if (self && self->watcher)
        pthread_mutex_lock (&self->mutex);
}

void
zrelay_peers_unlock (zrelay_peers_t *self)
{
    if (self && self->watcher)
        pthread_mutex_unlock (&self->mutex);
}


static void
s_peer_destroy (peer_t **peer_p)
{
    peer_t *peer = *peer_p;
    zrelay_subscriber_destroy (&peer->subscriber);
    zstr_free (&peer->endpoint);
    zstr_free (&peer->address);
    freen (peer->id);
    freen (peer);
    *peer_p = NULL;
}


//  --------------------------------------------------------------------------
//  The table of those connected

static peer_t *
s_lookup (zrelay_peers_t *self, int fd)
{
    return fd >= 0 && (size_t) fd < self->room? self->peers [fd]: NULL;
}

static zrelay_diary_peer_t
s_describe (zrelay_peers_t *self, peer_t *peer)
{
    zrelay_diary_peer_t description = {
        self->name, peer->made, peer->endpoint, peer->address
    };
    return description;
}

//  It has left, or has another routing id now. It was heard last at that
//  message.

static void
s_let_leave (zrelay_peers_t *self, peer_t *peer, uint64_t heard)
{
    const zrelay_leaver_t who = { peer->property, peer->id, peer->id_size };
    zrelay_leavers_add (self->leavers, &who, heard, self->empties);
    freen (peer->id);
}

//  It has left, or what it had subscribed to was an earlier connection's

static void
s_let_topics_leave (zrelay_peers_t *self, peer_t *peer)
{
    if (!peer->subscriber)
        return;
    zrelay_holders_leave (self->holders,
                          zrelay_subscriber_topics (peer->subscriber));
    zrelay_strays_leave (self->strays, &peer->subscriber);
    peer->topic_bytes = 0;
}

//  A peer with a routing id may still have messages to be read

static void
s_remove (zrelay_peers_t *self, int fd)
{
    peer_t *peer = s_lookup (self, fd);
    if (!peer)
        return;
    const zrelay_diary_peer_t description = s_describe (self, peer);
    zrelay_diary_went (self->diary, &description,
                       peer->property || peer->subscriber, peer->cut);
    self->peers [fd] = NULL;
    self->count--;
    zrelay_flooder_left (self->flooder, peer, self->empties);
    zrelay_hosts_leave (self->hosts, &peer->host);
    s_let_topics_leave (self, peer);
    if (peer->id)
        s_let_leave (self, peer, peer->heard);
    s_peer_destroy (&peer);
}

static void
s_add (zrelay_peers_t *self, peer_t *peer)
{
    size_t least = (size_t) peer->fd + 1;
    if (self->room < least) {
        size_t room = least * 2;
        self->peers = (peer_t **) realloc (self->peers,
                                           room * sizeof (peer_t *));
        assert (self->peers);
        memset (self->peers + self->room, 0,
                (room - self->room) * sizeof (peer_t *));
        self->room = room;
    }
    //  A connection whose end was not reported has left its number to this one
    s_remove (self, peer->fd);
    self->peers [peer->fd] = peer;
    self->count++;
    if (self->watcher)
        zrelay_watcher_add (self->watcher, peer->fd);
    if (self->inflow)
        zrelay_inflow_add (self->inflow, peer->fd);
}


//  --------------------------------------------------------------------------
//  Constructor

//  Start the monitor and connect to it. Its name has to be unique in the
//  process; a name that was used before is free again only when libzmq has
//  got round to it.

static int
s_start (zrelay_peers_t *self, void *watched)
{
    char name [64];
    unsigned attempt = 0;
    do
        snprintf (name, sizeof (name), "inproc://zrelay-peers-%p-%u",
                  watched, attempt++);
    while (zmq_socket_monitor (watched, name, EVENTS) == -1
        && errno == EADDRINUSE);
    zsock_set_rcvhwm (self->handle, 0);
    return zmq_connect (self->handle, name);
}

zrelay_peers_t *
zrelay_peers_new (void *watched, zrelay_limits_t *limits)
{
    zrelay_peers_t *self = (zrelay_peers_t *) zmalloc (sizeof (zrelay_peers_t));
    assert (self);
    self->limits = limits;
    self->cuts = zrelay_cuts_new ();
    self->flooder = zrelay_flooder_new ();
    self->hosts = zrelay_hosts_new ();
    self->holders = zrelay_holders_new ();
    self->strays = zrelay_strays_new ();
    self->growth = zrelay_growth_new ();
    self->sweep_ivl = SWEEP_MOST;
    self->header = TOPIC_HEADER;
    self->retries = zrelay_retries_new ();
    self->leavers = zrelay_leavers_new ();
    self->handle = zsys_socket (ZMQ_PAIR, __FILE__, __LINE__);
    if (!self->handle || s_start (self, watched) == -1)
        zrelay_peers_destroy (&self, watched);
    return self;
}


//  --------------------------------------------------------------------------
//  Destructor

void
zrelay_peers_destroy (zrelay_peers_t **self_p, void *watched)
{
    assert (self_p);
    if (*self_p) {
        zrelay_peers_t *self = *self_p;
        if (self->watcher) {
            zrelay_watcher_destroy (&self->watcher);
            pthread_mutex_destroy (&self->mutex);
        }
        zmq_socket_monitor (watched, NULL, 0);
        if (self->handle)
            zsys_close (self->handle, __FILE__, __LINE__);
        for (size_t fd = 0; fd < self->room; fd++)
            if (self->peers [fd]) {
                zrelay_hosts_leave (self->hosts, &self->peers [fd]->host);
                s_peer_destroy (&self->peers [fd]);
            }
        freen (self->peers);
        freen (self->voices);
        zrelay_inflow_destroy (&self->inflow);
        zrelay_cuts_destroy (&self->cuts);
        zrelay_flooder_destroy (&self->flooder);
        zrelay_hosts_destroy (&self->hosts);
        zrelay_holders_destroy (&self->holders);
        zrelay_strays_destroy (&self->strays);
        zrelay_growth_destroy (&self->growth);
        zrelay_retries_destroy (&self->retries);
        zrelay_leavers_destroy (&self->leavers);
        freen (self);
        *self_p = NULL;
    }
}

void *
zrelay_peers_handle (zrelay_peers_t *self)
{
    return self->handle;
}


//  --------------------------------------------------------------------------
//  Events

//  Cut a connection, if its descriptor is still that. libzmq sees its end, and
//  tidies up. Of one that brings too much, no more shall come in.

static void
s_cut (zrelay_peers_t *self, peer_t *peer, zrelay_cut_t reason)
{
    bool flood = reason == ZRELAY_CUT_ENDLESS
              || reason == ZRELAY_CUT_SUBSCRIPTIONS;
    if (peer->cut || !zrelay_kernel_cut (peer->fd, peer->inode, flood))
        return;
    peer->cut = true;
    const zrelay_diary_peer_t description = s_describe (self, peer);
    zrelay_diary_cut (self->diary, &description, zrelay_cuts_name (reason));
    zrelay_cuts_add (self->cuts, reason, peer->address);
    if (reason == ZRELAY_CUT_SUBSCRIPTIONS)
        zrelay_flooder_note (self->flooder, peer->address, peer);
}

//  Who has said and taken least has to go, the longest here of these first,
//  when newcomers take the last descriptors. Subscribers and pullers say
//  nothing, but take what is sent. The younger half is given time to say
//  something: not so many msecs, which attackers in great numbers would use up
//  for all.

//  One who may have to go
typedef struct {
    peer_t *peer;               //  The peer
    uint64_t moved;             //  Bytes that it has brought and taken
} candidate_t;

//  Those who go first come first

static int
s_compare (const void *first, const void *second)
{
    const candidate_t *one = (const candidate_t *) first;
    const candidate_t *other = (const candidate_t *) second;
    if (one->moved != other->moved)
        return one->moved < other->moved? -1: 1;
    return one->peer->number < other->peer->number? -1: 1;
}

static size_t
s_find_candidates (zrelay_peers_t *self, candidate_t *candidates)
{
    size_t count = 0;
    uint64_t latest = self->arrivals - self->count / 2;
    for (size_t fd = 0; fd < self->room; fd++) {
        peer_t *peer = self->peers [fd];
        if (peer && !peer->cut && peer->host && peer->number <= latest)
            candidates [count++] = (candidate_t) { peer, 0 };
    }
    return count;
}

//  Asking all of them takes so long that an honest one may have sent its first
//  request meanwhile, which would be lost with it

static bool
s_is_still_quiet (const candidate_t *candidate)
{
    uint64_t moved = candidate->moved;
    zrelay_kernel_moved (candidate->peer->fd, &moved);
    return moved == candidate->moved;
}

//  Where there are few of them, it is not these who take the descriptors.
//  Returns false then. Asking the system about each takes time, so several go
//  at once.

static bool
s_cut_quietest (zrelay_peers_t *self, size_t few, size_t missing)
{
    candidate_t *candidates =
        (candidate_t *) malloc ((self->count + 1) * sizeof (candidate_t));
    assert (candidates);
    size_t count = s_find_candidates (self, candidates);
    size_t most = count > few? count - few: 0;
    size_t wanted = missing > few / CUT_PART? missing: few / CUT_PART;
    if (most > wanted)
        most = wanted;
    for (size_t index = 0; most > 0 && index < count; index++)
        zrelay_kernel_moved (candidates [index].peer->fd,
                             &candidates [index].moved);
    if (most > 0)
        qsort (candidates, count, sizeof (candidate_t), s_compare);
    size_t cut = 0;
    for (size_t index = 0; index < count && cut < most; index++)
        if (s_is_still_quiet (&candidates [index])) {
            s_cut (self, candidates [index].peer, ZRELAY_CUT_CONNECTIONS);
            cut++;
        }
    free (candidates);
    return most > 0;
}

//  It is the newcomers then who have to go, the last of them first

static void
s_cut_newcomers (zrelay_peers_t *self, uint64_t before, size_t missing)
{
    while (missing-- > 0) {
        peer_t *last = NULL;
        for (size_t fd = 0; fd < self->room; fd++) {
            peer_t *peer = self->peers [fd];
            if (peer && !peer->cut && !peer->made && peer->number > before
            && (!last || peer->number > last->number))
                last = peer;
        }
        if (!last)
            break;
        s_cut (self, last, ZRELAY_CUT_CONNECTIONS);
    }
}

//  How many descriptors are left, if not more than that? Connections that were
//  cut already are about to give theirs back. The number of the newest says
//  nothing: it is the lowest that was free.

static size_t
s_spare (zrelay_peers_t *self, size_t reserve)
{
    size_t spare = (size_t) zrelay_kernel_spare ((int) reserve);
    for (size_t fd = 0; spare < reserve && fd < self->room; fd++)
        spare += self->peers [fd] && self->peers [fd]->cut;
    return spare;
}

static size_t
s_reserve (void)
{
    int reserve = zrelay_kernel_descriptors () / RESERVE_PART;
    return reserve < RESERVE_LEAST? RESERVE_LEAST:
           reserve > RESERVE_MOST? RESERVE_MOST: (size_t) reserve;
}

//  Some have come, after so many others. A side with few peers may use half of
//  the reserve.

static void
s_make_room (zrelay_peers_t *self, uint64_t before)
{
    size_t reserve = s_reserve ();
    size_t kept = self->count > reserve? reserve: reserve / 2;
    size_t spare = s_spare (self, kept);
    if (spare < kept && !s_cut_quietest (self, reserve, kept - spare))
        s_cut_newcomers (self, before, kept - spare);
}

static void
s_admit (zrelay_peers_t *self, peer_t *peer)
{
    if (!zrelay_limits_allow (self->limits, self->count,
                              zrelay_hosts_count (peer->host)))
        s_cut (self, peer, ZRELAY_CUT_CONNECTIONS);
    else
    if (zrelay_flooder_is (self->flooder, peer->address))
        s_cut (self, peer, ZRELAY_CUT_SUBSCRIPTIONS);
    else
        self->crowded = true;
}

//  Has a message come by this descriptor since a connection had it that was
//  noted? It may have been the newcomer's.

static bool
s_take_voice (zrelay_peers_t *self, int fd)
{
    bool spoken = (size_t) fd < self->voices_room && self->voices [fd];
    if (spoken)
        self->voices [fd] = false;
    return spoken;
}

static void
s_note_voice (zrelay_peers_t *self, int fd)
{
    size_t least = (size_t) fd + 1;
    if (self->voices_room < least) {
        size_t room = least * 2;
        self->voices = (bool *) realloc (self->voices, room * sizeof (bool));
        assert (self->voices);
        memset (self->voices + self->voices_room, 0,
                (room - self->voices_room) * sizeof (bool));
        self->voices_room = room;
    }
    self->voices [fd] = true;
}

//  libzmq may close a connection while we look at it

static void
s_insert (zrelay_peers_t *self, int fd, const char *endpoint, bool accepted)
{
    ino_t inode = zrelay_where_inode (fd);
    char *address = zrelay_where_address (fd, endpoint);
    bool here = address && (!accepted || zrelay_where_came_by (fd, endpoint))
             && inode == zrelay_where_inode (fd);
    if (!here) {
        zstr_free (&address);
        s_remove (self, fd);
        return;
    }
    peer_t *peer = (peer_t *) zmalloc (sizeof (peer_t));
    assert (peer);
    peer->fd = fd;
    peer->inode = inode;
    peer->address = address;
    peer->endpoint = strdup (endpoint);
    assert (peer->endpoint);
    peer->number = ++self->arrivals;
    //  Whole messages of it may have been read before this event
    uint64_t bytes, waiting;
    bool spoken = zrelay_kernel_read (fd, &peer->read, &bytes, &waiting)
               && (!accepted || s_take_voice (self, fd));
    zrelay_endless_begin (&peer->endless, spoken? bytes: 0,
                          zrelay_limits_revision (self->limits));
    peer->made = !accepted;
    peer->host = accepted? zrelay_hosts_join (self->hosts, address): NULL;
    s_add (self, peer);
    const zrelay_diary_peer_t description = s_describe (self, peer);
    zrelay_diary_came (self->diary, &description);
    if (accepted)
        s_admit (self, peer);
}

static void
s_failed (zrelay_peers_t *self, const char *endpoint, uint16_t event,
          uint32_t error)
{
    zrelay_diary_failed (self->diary, self->name, endpoint, event, error);
    self->stranger = event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
    zrelay_cuts_failed (self->cuts, event, error);
}

//  libzmq reports a handshake that the connection did not survive right before
//  its end

static void
s_count_departure (zrelay_peers_t *self)
{
    self->departures += !self->stranger;
    self->stranger = false;
}

//  A peer may have left before it was looked at

static void
s_end (zrelay_peers_t *self, int fd, uint16_t event, const char *endpoint)
{
    const zrelay_diary_peer_t unknown = { self->name, false, endpoint, NULL };
    if (event == ZMQ_EVENT_DISCONNECTED && !s_lookup (self, fd))
        zrelay_diary_went (self->diary, &unknown, false, false);
    if (event == ZMQ_EVENT_DISCONNECTED)
        s_count_departure (self);
    s_remove (self, fd);
    zrelay_flooder_unlisten (self->flooder, fd);
}

//  An event is two frames: 16 bits of number and 32 of value, and an endpoint.
//  Returns false if there is none.

static bool
s_event (zrelay_peers_t *self, zmq_msg_t *frame)
{
    if (zmq_msg_recv (frame, self->handle, ZMQ_DONTWAIT) == -1)
        return false;
    uint16_t event;
    uint32_t value;
    memcpy (&event, zmq_msg_data (frame), sizeof (event));
    memcpy (&value, (byte *) zmq_msg_data (frame) + sizeof (event),
            sizeof (value));
    if (zmq_msg_recv (frame, self->handle, ZMQ_DONTWAIT) == -1)
        return false;

    char *endpoint = strndup ((char *) zmq_msg_data (frame),
                              zmq_msg_size (frame));
    assert (endpoint);
    if (event & (ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_CONNECTED))
        s_insert (self, (int) value, endpoint, event == ZMQ_EVENT_ACCEPTED);
    else
    if (event & ZRELAY_CUTS_FAILURES)
        s_failed (self, endpoint, event, value);
    else
    //  Only subscribers are refused
    if (event == ZMQ_EVENT_LISTENING && self->watcher)
        zrelay_flooder_listen (self->flooder, (int) value);
    else
    if (event & ENDS)
        s_end (self, (int) value, event, endpoint);
    zrelay_retries_monitor (self->retries, event, endpoint);
    if (event & ZRELAY_EVENTS && zrelay_events_wanted (self->events))
        zrelay_events_monitor (self->events, self->name, event, endpoint);
    zstr_free (&endpoint);
    return true;
}

void
zrelay_peers_report_to (zrelay_peers_t *self, zrelay_events_t *events,
                        zrelay_diary_t *diary, const char *name)
{
    zrelay_peers_lock (self);
    self->events = events;
    self->diary = diary;
    self->name = name;
    zrelay_peers_unlock (self);
}

static void
s_sweep (zrelay_peers_t *self)
{
    int64_t now = zclock_mono ();
    if (now < self->swept_at + self->sweep_ivl)
        return;
    self->swept_at = now;
    self->sweep_ivl *= 2;
    if (self->sweep_ivl > SWEEP_MOST)
        self->sweep_ivl = SWEEP_MOST;
    for (size_t fd = 0; fd < self->room; fd++)
        if (self->peers [fd]
        &&  self->peers [fd]->inode != zrelay_where_inode ((int) fd)) {
            s_remove (self, (int) fd);
            self->departures++;
        }
}

static void
s_update (zrelay_peers_t *self)
{
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    int count = 0;
    uint64_t before = self->arrivals;
    self->crowded = false;
    while (count < EVENTS_MAX && s_event (self, &frame))
        count++;
    zmq_msg_close (&frame);
    self->behind = count == EVENTS_MAX;
    if (self->crowded)
        s_make_room (self, before);
    s_sweep (self);
    zrelay_flooder_forget_old (self->flooder);
}

//  Read all events that wait, or many of them

static void
s_catch_up (zrelay_peers_t *self)
{
    int reads = 0;
    do
        s_update (self);
    while (self->behind && ++reads < READS_MAX);
}

void
zrelay_peers_update (zrelay_peers_t *self)
{
    zrelay_peers_lock (self);
    zrelay_growth_here (self->growth);
    s_update (self);
    zrelay_peers_unlock (self);
}

bool
zrelay_peers_behind (zrelay_peers_t *self)
{
    zrelay_peers_lock (self);
    bool behind = self && self->behind;
    zrelay_peers_unlock (self);
    return behind;
}

void
zrelay_peers_forget (zrelay_peers_t *self, const char *endpoint)
{
    zrelay_peers_lock (self);
    for (size_t fd = 0; fd < self->room; fd++)
        if (self->peers [fd] && streq (self->peers [fd]->endpoint, endpoint)) {
            s_remove (self, (int) fd);
            self->departures++;
        }
    zrelay_retries_forget (self->retries, endpoint);
    self->swept_at = zclock_mono ();
    self->sweep_ivl = SWEEP_LEAST;
    zrelay_peers_unlock (self);
}


//  --------------------------------------------------------------------------
//  What the watcher does, on its own thread. Events that the relay has not read
//  by then it will not read soon; it is told that there may be more.

static void
s_watch (void *object, int fd)
{
    zrelay_peers_t *self = (zrelay_peers_t *) object;
    pthread_mutex_lock (&self->mutex);
    struct pollfd item = { .fd = self->monitor_fd, .events = POLLIN };
    if (fd != self->monitor_fd) {
        peer_t *peer = s_lookup (self, fd);
        if (peer)
            s_look_at_subscriber (self, peer);
    }
    else
    if (poll (&item, 1, 0) == 1) {
        s_update (self);
        self->behind = true;
    }
    pthread_mutex_unlock (&self->mutex);
}

void
zrelay_peers_watch (zrelay_peers_t *self)
{
    pthread_mutex_init (&self->mutex, NULL);
    self->monitor_fd = zsock_fd (self->handle);
    zrelay_growth_here (self->growth);
    self->watcher = zrelay_watcher_new (s_watch, self);
    if (self->watcher)
        zrelay_watcher_add (self->watcher, self->monitor_fd);
    else
        pthread_mutex_destroy (&self->mutex);
}

void
zrelay_peers_set_encrypted (zrelay_peers_t *self, bool encrypted)
{
    zrelay_peers_lock (self);
    self->header = TOPIC_HEADER + (encrypted? CURVE_HEADER: 0);
    zrelay_peers_unlock (self);
}


//  --------------------------------------------------------------------------
//  Cutting connections

int
zrelay_peers_cut (zrelay_peers_t *self, const char *address)
{
    zrelay_where_t where;
    if (zrelay_where_parse (&where, address))
        return -1;
    if (!self)
        return 0;
    zrelay_peers_lock (self);
    s_catch_up (self);
    for (size_t fd = 0; fd < self->room; fd++)
        if (self->peers [fd] && zrelay_where_has (&where, (int) fd))
            s_cut (self, self->peers [fd], ZRELAY_CUT_ASKED);
    zrelay_peers_unlock (self);
    return 0;
}


//  --------------------------------------------------------------------------
//  Answers

bool
zrelay_peers_lost (zrelay_peers_t *self, size_t connections)
{
    zrelay_peers_lock (self);
    bool lost = self->count == 0
             && zrelay_retries_in_vain (self->retries, connections);
    zrelay_peers_unlock (self);
    return lost;
}

size_t
zrelay_peers_count (zrelay_peers_t *self)
{
    zrelay_peers_lock (self);
    size_t count = self->count;
    zrelay_peers_unlock (self);
    return count;
}

void
zrelay_peers_turnover (zrelay_peers_t *self, uint64_t *came_p,
                       uint64_t *went_p)
{
    zrelay_peers_lock (self);
    *came_p = self->arrivals;
    *went_p = self->departures;
    zrelay_peers_unlock (self);
}

//  What was in libzmq's hands when the system had nothing to send has been given
//  to the system by the next look, and has arrived when there is nothing again.
//  Or so many bytes have arrived that it must be among them. Returns how many
//  wait.

static uint64_t
s_look_at_sent (peer_t *peer, bool anew, size_t more)
{
    uint64_t arrived, waiting;
    if (anew) {
        peer->quiet = 0;
        peer->flushed = false;
        peer->goal = UINT64_MAX;
    }
    //  Its end will be reported
    if (!zrelay_kernel_sent (peer->fd, &arrived, &waiting)) {
        peer->flushed = false;
        return 0;
    }
    if (anew && arrived > 0)
        peer->goal = arrived + waiting + more;
    peer->quiet += waiting == 0;
    peer->flushed |= peer->quiet >= QUIET_LOOKS || arrived >= peer->goal;
    return waiting;
}

bool
zrelay_peers_flushed (zrelay_peers_t *self, bool anew, size_t more,
                      uint64_t *waiting_p)
{
    bool all = true;
    *waiting_p = 0;
    zrelay_peers_lock (self);
    for (size_t fd = 0; fd < self->room; fd++) {
        peer_t *peer = self->peers [fd];
        if (peer) {
            *waiting_p += s_look_at_sent (peer, anew, more);
            all &= peer->flushed;
        }
    }
    zrelay_peers_unlock (self);
    return all;
}

void
zrelay_peers_list (zrelay_peers_t *self, zmsg_t *answer)
{
    zrelay_peers_lock (self);
    for (size_t fd = 0; fd < self->room; fd++)
        if (self->peers [fd])
            zmsg_addstr (answer, self->peers [fd]->address);
    zrelay_peers_unlock (self);
}

void
zrelay_peers_stats (zrelay_peers_t *self, const char *name,
                    zrelay_counts_t *counts)
{
    zrelay_peers_lock (self);
    if (self)
        s_update (self);
    zrelay_counts_add (counts, self? self->count: 0, "%s.peers", name);
    zrelay_cuts_stats (self? self->cuts: NULL, name, counts);
    zrelay_peers_unlock (self);
}

void
zrelay_peers_reset (zrelay_peers_t *self)
{
    zrelay_peers_lock (self);
    zrelay_cuts_reset (self->cuts);
    zrelay_peers_unlock (self);
}


//  --------------------------------------------------------------------------
//  Messages that never end

void
zrelay_peers_spoke (zrelay_peers_t *self, const char *property)
{
    zrelay_peers_lock (self);
    int fd = property? atoi (property): -1;
    peer_t *peer = s_lookup (self, fd);
    if (peer)
        peer->endless.spoke = true;
    if (fd >= 0)
        s_note_voice (self, fd);
    zrelay_peers_unlock (self);
}

//  Returns when to look again

static size_t
s_look_at (zrelay_peers_t *self, peer_t *peer,
           const zrelay_endless_look_t *look)
{
    static const size_t ivls [] = {
        [ZRELAY_ENDLESS_RESTS] = LOOK_IVL,
        [ZRELAY_ENDLESS_BRINGS] = LOOK_BUSY,
        [ZRELAY_ENDLESS_HALF] = LOOK_SOON,
        [ZRELAY_ENDLESS_FOUND] = LOOK_SOON
    };
    uint64_t bytes, waiting;
    if (peer->cut
    ||  !zrelay_kernel_read (peer->fd, &peer->read, &bytes, &waiting))
        return LOOK_IVL;
    zrelay_endless_verdict_t verdict =
        zrelay_endless_judge (&peer->endless, bytes, look);
    if (verdict == ZRELAY_ENDLESS_FOUND)
        s_cut (self, peer, ZRELAY_CUT_ENDLESS);
    return ivls [verdict];
}

//  Some of all, in turn: at most so many. Returns how many.

static size_t
s_find_next (zrelay_peers_t *self, int *fds, size_t most)
{
    size_t count = 0;
    for (size_t step = 0; step < self->room && count < most; step++) {
        self->next = (self->next + 1) % self->room;
        if (self->peers [self->next])
            fds [count++] = (int) self->next;
    }
    return count;
}

//  Those who are known to have brought something since the last look, and some
//  others. All may have the first time, and while the system has no descriptor
//  to tell them from others.

static size_t
s_find_bringers (zrelay_peers_t *self, int fds [LOOKS_MOST + LOOKS_IN_TURN])
{
    if (self->inflow) {
        size_t count = zrelay_inflow_next (self->inflow, fds, LOOKS_MOST);
        return count + s_find_next (self, fds + count, LOOKS_IN_TURN);
    }
    self->inflow = zrelay_inflow_new ();
    for (size_t fd = 0; self->inflow && fd < self->room; fd++)
        if (self->peers [fd])
            zrelay_inflow_add (self->inflow, (int) fd);
    return s_find_next (self, fds, LOOKS_MOST);
}

size_t
zrelay_peers_look (zrelay_peers_t *self, void *watched, int64_t waiting)
{
    zrelay_peers_lock (self);
    s_catch_up (self);
    int fds [LOOKS_MOST + LOOKS_IN_TURN];
    size_t count = s_find_bringers (self, fds);
    const zrelay_endless_look_t look = {
        .watched = watched, .waiting = waiting,
        .most = zrelay_limits_most_bytes (self->limits),
        .revision = zrelay_limits_revision (self->limits),
        .empties = self->empties
    };
    size_t soon = LOOK_IVL;
    for (size_t index = 0; index < count; index++) {
        peer_t *peer = s_lookup (self, fds [index]);
        size_t when = peer? s_look_at (self, peer, &look): LOOK_IVL;
        soon = when < soon? when: soon;
    }
    //  What a suspect has brought may have been found to be no whole message
    for (size_t fd = 0; fd < self->room; fd++)
        if (self->peers [fd] && self->peers [fd]->endless.suspect)
            s_look_at (self, self->peers [fd], &look);
    int64_t now = zclock_mono ();
    if (soon < LOOK_IVL || self->looked != self->arrivals)
        self->stirred_at = now;
    self->looked = self->arrivals;
    bool lately = now < self->stirred_at + LOOK_LATELY;
    zrelay_peers_unlock (self);
    return soon == LOOK_IVL && lately? LOOK_BUSY: soon;
}

bool
zrelay_peers_has_new (zrelay_peers_t *self)
{
    zrelay_peers_lock (self);
    bool has = self->arrivals > self->looked;
    zrelay_peers_unlock (self);
    return has;
}


//  --------------------------------------------------------------------------
//  Subscriptions

//  Has libzmq read so many bytes of it? What arrives while the system is asked
//  counts as waiting in the place of as much that was read, so it is asked again
//  until nothing does.

static bool
s_has_brought (peer_t *peer, uint64_t least)
{
    uint64_t bytes, waiting;
    uint64_t arrived = 0;
    bool told;
    while ((told = zrelay_kernel_read (peer->fd, &peer->read, &bytes, &waiting))
           && bytes < least && bytes + waiting != arrived)
        arrived = bytes + waiting;
    return !told || bytes >= least;
}

//  Is it the connection that has sent this, and not another one that has its
//  descriptor now? libzmq keeps the string while the connection lives. One that
//  has not been heard yet must have brought enough, of which only tcp knows.
//  What was taken for its own before was the earlier one's: that comes first.

static bool
s_has_sent (zrelay_peers_t *self, peer_t *peer, const char *property,
            size_t size)
{
    if (peer->property == property)
        return true;
    if (strncmp (peer->address, "tcp:", strlen ("tcp:")) == 0
    && !s_has_brought (peer, HANDSHAKE_LEAST + size))
        return false;
    s_let_topics_leave (self, peer);
    peer->property = property;
    return true;
}

//  A message of one frame, at least, of so many bytes was read. When the XPUB
//  was empty, that starts anew.

static void
s_hand_over (zrelay_peers_t *self, peer_t *peer, size_t size)
{
    if (peer->handed_empties != self->empties)
        peer->handed = 0;
    peer->handed_empties = self->empties;
    peer->handed += FRAME_HEADER_LEAST + size;
}

//  The connection of a frame of so many bytes, or NULL. It may have come just
//  now, and have the descriptor of one that has left. Who was taken for one that
//  has left remains that, whoever has its descriptor then.

static peer_t *
s_subscriber (zrelay_peers_t *self, const char *property, size_t size)
{
    if (!property)
        return NULL;
    int fd = atoi (property);
    peer_t *peer = s_lookup (self, fd);
    if (!peer || peer->cut || peer->inode != zrelay_where_inode (fd))
        s_catch_up (self);
    peer = s_lookup (self, fd);
    if (!peer || zrelay_strays_has (self->strays, property)
    ||  !s_has_sent (self, peer, property, size))
        return NULL;
    s_hand_over (self, peer, size);
    return peer;
}

//  Where events are behind, it may yet turn out to be there

static void
s_stray_subscribed (zrelay_peers_t *self, const zrelay_voice_t *voice,
                    const void *topic, size_t size)
{
    const zrelay_voice_t heard = {
        voice->property, self->behind? NULL: voice->frame };
    if (!voice->property
    ||  zrelay_strays_subscribe (self->strays, &heard, topic, size))
        zrelay_holders_raise (self->holders, false, topic, size);
}

static bool
s_subscribed (zrelay_peers_t *self, peer_t *peer, const zrelay_voice_t *voice,
              const void *topic, size_t size)
{
    if (!peer) {
        s_stray_subscribed (self, voice, topic, size);
        return true;
    }
    if (!peer->subscriber)
        peer->subscriber = zrelay_subscriber_new (voice);
    zrelay_topics_t *topics = zrelay_subscriber_topics (peer->subscriber);
    if (!zrelay_topics_insert (topics, topic, size))
        return !peer->cut;
    zrelay_holders_raise (self->holders, true, topic, size);
    peer->topic_bytes += size;
    if (!peer->cut
    &&  !zrelay_limits_subscribe (self->limits,
                                  zrelay_topics_size (topics),
                                  peer->topic_bytes))
        s_cut (self, peer, ZRELAY_CUT_SUBSCRIPTIONS);
    return !peer->cut;
}

bool
zrelay_peers_subscribed (zrelay_peers_t *self, const zrelay_voice_t *voice,
                         const void *topic, size_t size)
{
    zrelay_peers_lock (self);
    peer_t *peer = s_subscriber (self, voice->property, size + 1);
    bool welcome = s_subscribed (self, peer, voice, topic, size);
    zrelay_peers_unlock (self);
    return welcome;
}

static void
s_cancelled (zrelay_peers_t *self, peer_t *peer, const char *property,
             const void *topic, size_t size)
{
    if (!peer && (!property
     || zrelay_strays_cancel (self->strays, property, topic, size)))
        zrelay_holders_lower (self->holders, false, topic, size);
    else
    if (peer && peer->subscriber
    &&  zrelay_topics_delete (zrelay_subscriber_topics (peer->subscriber),
                              topic, size)) {
        zrelay_holders_lower (self->holders, true, topic, size);
        peer->topic_bytes -= size;
    }
}

bool
zrelay_peers_cancelled (zrelay_peers_t *self, const char *property,
                        const void *topic, size_t size)
{
    zrelay_peers_lock (self);
    peer_t *peer = s_subscriber (self, property, size + 1);
    //  The event of who has left has come before
    if (!property && zrelay_holders_has (self->holders, topic, size)
    &&  !zrelay_holders_owes (self->holders, topic, size))
        s_update (self);
    s_cancelled (self, peer, property, topic, size);
    bool last = !zrelay_holders_has (self->holders, topic, size);
    zrelay_peers_unlock (self);
    return last;
}

void
zrelay_peers_handed (zrelay_peers_t *self, const char *property, size_t size)
{
    zrelay_peers_lock (self);
    peer_t *peer = property? s_lookup (self, atoi (property)): NULL;
    if (peer && peer->property == property)
        s_hand_over (self, peer, size);
    else
        s_subscriber (self, property, size);
    zrelay_peers_unlock (self);
}

//  Events may be behind; one whose connection is not known then has ended

void
zrelay_peers_refuse (zrelay_peers_t *self, const zrelay_voice_t *voice,
                     const void *topic, size_t size)
{
    zrelay_peers_lock (self);
    while (self->behind)
        s_update (self);
    peer_t *peer = s_subscriber (self, voice->property, size + 1);
    if (peer)
        s_cut (self, peer, ZRELAY_CUT_PERMIT);
    s_subscribed (self, peer, voice, topic, size);
    zrelay_peers_unlock (self);
}

void
zrelay_peers_refuse_all (zrelay_peers_t *self)
{
    zrelay_peers_lock (self);
    do
        s_update (self);
    while (self->behind);
    for (size_t fd = 0; fd < self->room; fd++)
        if (self->peers [fd])
            s_cut (self, self->peers [fd], ZRELAY_CUT_PERMIT);
    zrelay_peers_unlock (self);
}

//  Bytes of it that were read off its connection, and that the relay knows

static uint64_t
s_known (zrelay_peers_t *self, peer_t *peer)
{
    uint64_t known = peer->known;
    if (peer->handed_empties == self->empties)
        known += peer->handed;
    return known < peer->seen? known: peer->seen;
}

//  Bytes that all have brought, of those who are there

static void
s_count_bytes (zrelay_peers_t *self, peer_t *peer, uint64_t bytes)
{
    if (bytes > peer->counted) {
        zrelay_growth_bring (self->growth, bytes - peer->counted);
        peer->counted = bytes;
    }
}

static void
s_count_all (zrelay_peers_t *self)
{
    for (size_t fd = 0; fd < self->room; fd++) {
        peer_t *peer = self->peers [fd];
        uint64_t bytes, waiting;
        if (peer && zrelay_kernel_read (peer->fd, &peer->read, &bytes,
                                        &waiting))
            s_count_bytes (self, peer, bytes);
    }
}

//  Has more memory been taken than messages can take since the peer got ahead,
//  or since the XPUB was read empty, by which all that was taken before is
//  accounted for?

static bool
s_costs_memory (zrelay_peers_t *self, peer_t *peer, bool emptied)
{
    uint64_t own = peer->seen - s_known (self, peer);
    if (!zrelay_growth_exceeds (self->growth, &peer->growth, own, emptied))
        return false;
    s_count_all (self);
    return zrelay_growth_exceeds (self->growth, &peer->growth, own, false);
}

//  What libzmq had read at the last look is known when the XPUB was read empty
//  since. What waits in the system counts: nobody looks again when it is read,
//  unless more of it comes.

static void
s_look_at_subscriber (zrelay_peers_t *self, peer_t *peer)
{
    uint64_t seen, waiting;
    if (peer->cut
    ||  !zrelay_kernel_read (peer->fd, &peer->read, &seen, &waiting))
        return;
    bool emptied = self->empties > peer->seen_empties;
    bool goes_on = seen != peer->seen;
    if (emptied)
        peer->known = peer->seen;
    s_count_bytes (self, peer, seen);
    peer->seen = seen;
    peer->seen_empties = self->empties;
    uint64_t ahead = seen + waiting - s_known (self, peer);
    uint64_t topics = zrelay_limits_topics_ahead (self->limits,
        peer->topic_bytes, self->header);
    if (ahead <= topics)
        return;
    bool costs = s_costs_memory (self, peer, emptied);
    if (costs || ahead - topics > zrelay_limits_messages_ahead (self->limits))
        s_cut (self, peer, ZRELAY_CUT_SUBSCRIPTIONS);
    else
    if (goes_on)
        zrelay_watcher_add (self->watcher, peer->fd);
    if (costs)
        zrelay_growth_blame (self->growth);
}


//  --------------------------------------------------------------------------
//  Reports

uint64_t
zrelay_peers_report (zrelay_peers_t *self, const char **address,
                     const char **reason)
{
    zrelay_peers_lock (self);
    uint64_t count = zrelay_cuts_report (self->cuts, address, reason);
    zrelay_peers_unlock (self);
    return count;
}


//  --------------------------------------------------------------------------
//  Peers that have gone

static bool
s_has_id (peer_t *peer, const void *id, size_t size)
{
    return peer->id && peer->id_size == size
        && memcmp (peer->id, id, size) == 0;
}

static bool
s_is_from (const zrelay_leaver_t *heard, peer_t *peer)
{
    return peer->property == heard->property
        && s_has_id (peer, heard->id, heard->size);
}

static void
s_set_id (zrelay_peers_t *self, peer_t *peer, const zrelay_leaver_t *heard)
{
    freen (peer->id);
    peer->id = (byte *) malloc (heard->size + 1);
    assert (peer->id);
    memcpy (peer->id, heard->id, heard->size);
    peer->id_size = heard->size;
    peer->property = heard->property;
    peer->heard = self->messages;
}

//  A routing id comes by another connection than before: the earlier one is
//  through, since a ROUTER reads from one peer of a name at a time. Returns
//  true if there was one.

static bool
s_succeed (zrelay_peers_t *self, const zrelay_leaver_t *heard)
{
    for (size_t fd = 0; fd < self->room; fd++)
        if (self->peers [fd]
        &&  s_has_id (self->peers [fd], heard->id, heard->size))
            s_let_leave (self, self->peers [fd], self->messages);
    return zrelay_leavers_succeed (self->leavers, heard->id, heard->size);
}

//  All events are read first, which may explain who that is

static bool
s_identify (zrelay_peers_t *self, int fd, const zrelay_leaver_t *heard)
{
    s_catch_up (self);
    if (zrelay_leavers_heard (self->leavers, heard, self->messages))
        return false;
    bool left = s_succeed (self, heard);
    peer_t *peer = s_lookup (self, fd);
    if (!peer) {
        zrelay_leavers_add (self->leavers, heard, self->messages,
                            self->empties);
        return left;
    }
    //  The end of the connection before this one was never reported
    if (peer->id)
        s_let_leave (self, peer, self->messages);
    s_set_id (self, peer, heard);
    return left;
}

bool
zrelay_peers_heard (zrelay_peers_t *self, const char *property,
                    const void *id, size_t size)
{
    if (!property)
        return false;
    self->messages++;
    const zrelay_leaver_t heard = { property, id, size };
    int fd = atoi (property);
    peer_t *peer = s_lookup (self, fd);
    if (!peer || !s_is_from (&heard, peer))
        return s_identify (self, fd, &heard);
    peer->heard = self->messages;
    return false;
}

//  Now the relay has caught up with a flood. The memory that it took is given
//  back before the next one can come, which would else take it unnoticed.

static void
s_end_flood (zrelay_peers_t *self)
{
    zrelay_kernel_give_back ();
    zrelay_peers_lock (self);
    zrelay_flooder_forget (self->flooder);
    zrelay_peers_unlock (self);
}

void
zrelay_peers_emptied (zrelay_peers_t *self)
{
    zrelay_peers_lock (self);
    self->empties++;
    zrelay_strays_forget (self->strays);
    bool over = zrelay_flooder_over (self->flooder, self->empties);
    zrelay_peers_unlock (self);
    if (over)
        s_end_flood (self);
}

bool
zrelay_peers_leaving (zrelay_peers_t *self)
{
    return zrelay_leavers_size (self->leavers) > 0;
}

size_t
zrelay_peers_gone (zrelay_peers_t *self, byte *id)
{
    return zrelay_leavers_next (self->leavers, self->messages, self->empties,
                                self->count, id);
}


//  --------------------------------------------------------------------------
//  Selftest

//  Wait, for at most five seconds, until there are so many peers. libzmq ends
//  connections of a socket when that is used.

static bool
s_test_count (zrelay_peers_t *self, zsock_t *server, size_t count)
{
    zpoller_t *poller = zpoller_new (zrelay_peers_handle (self), NULL);
    int64_t deadline = zclock_mono () + 5000;
    while (zrelay_peers_count (self) != count && zclock_mono () < deadline) {
        zpoller_wait (poller, 100);
        zsock_events (server);
        zrelay_peers_update (self);
    }
    zpoller_destroy (&poller);
    return zrelay_peers_count (self) == count;
}

static void
s_test_cut (const char *endpoint, const char *others, const char *address)
{
    zsock_t *server = zsock_new (ZMQ_ROUTER);
    zrelay_limits_t *limits = zrelay_limits_new ();
    zrelay_peers_t *self = zrelay_peers_new (zsock_resolve (server), limits);
    assert (self);
    zsock_set_ipv6 (server, true);
    int rc = zsock_bind (server, "%s", endpoint);
    assert (rc != -1);
    zsock_t *client = zsock_new (ZMQ_DEALER);
    zsock_set_reconnect_ivl (client, -1);
    zsock_connect (client, "%s", zsock_endpoint (server));
    assert (s_test_count (self, server, 1));
    size_t fd = 0;
    while (!self->peers [fd])
        fd++;
    struct pollfd item = { .fd = (int) fd, .events = POLLRDHUP };
    assert (zrelay_peers_cut (self, others) == 0);
    assert (poll (&item, 1, 0) == 0);
    assert (zrelay_peers_cut (self, address) == 0);
    assert (s_test_count (self, server, 0));
    zsock_destroy (&client);
    zrelay_peers_destroy (&self, zsock_resolve (server));
    zsock_destroy (&server);
    zrelay_limits_destroy (&limits);
}

//  Each look at a subscriber remembers for itself what it has seen, and when

#if defined (__linux__)
static void
s_test_two_looks (void)
{
    zsock_t *server = zsock_new (ZMQ_XPUB);
    zrelay_limits_t *limits = zrelay_limits_new ();
    zrelay_limits_set_message (limits, 0, 1000);
    zrelay_peers_t *self = zrelay_peers_new (zsock_resolve (server), limits);
    assert (self);
    int port = zsock_bind (server, "tcp://127.0.0.1:*");
    assert (port > 0);
    zsock_t *client = zsock_new (ZMQ_XSUB);
    zsock_connect (client, "tcp://127.0.0.1:%d", port);
    assert (s_test_count (self, server, 1));
    zstr_send (client, "hello");
    char *hello = zstr_recv (server);
    assert (hello && streq (hello, "hello"));
    zstr_free (&hello);
    size_t fd = 0;
    while (!self->peers [fd])
        fd++;
    peer_t *peer = self->peers [fd];
    s_look_at_subscriber (self, peer);
    assert (peer->seen > 0 && peer->known == 0);
    uint64_t first = peer->seen;
    zrelay_peers_emptied (self);
    zstr_send (client, "again");
    //  What is just arriving may count as waiting before it counts at all
    uint64_t bytes, waiting;
    int64_t deadline = zclock_mono () + 5000;
    do {
        bool told = zrelay_kernel_read (peer->fd, &peer->read, &bytes,
                                        &waiting);
        assert (told);
    } while (bytes <= first && zclock_mono () < deadline);
    assert (bytes > first);
    zrelay_peers_look (self, NULL, INT64_MAX);
    s_look_at_subscriber (self, peer);
    assert (peer->known == first && peer->seen == bytes);
    zsock_destroy (&client);
    zrelay_peers_destroy (&self, zsock_resolve (server));
    zsock_destroy (&server);
    zrelay_limits_destroy (&limits);
}
#endif

void
zrelay_peers_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_peers: ");

    //  @selftest
    zsock_t *server = zsock_new (ZMQ_ROUTER);
    zrelay_limits_t *limits = zrelay_limits_new ();
    zrelay_peers_t *self = zrelay_peers_new (zsock_resolve (server), limits);
    assert (self);
    int port = zsock_bind (server, "tcp://127.0.0.1:*");
    assert (port > 0);
    assert (zrelay_peers_count (self) == 0);

    zsock_t *clients [10];
    for (int index = 0; index < 10; index++) {
        clients [index] = zsock_new (ZMQ_DEALER);
        int rc = zsock_connect (clients [index], "tcp://127.0.0.1:%d", port);
        assert (rc == 0);
    }
    assert (s_test_count (self, server, 10));

    zmsg_t *answer = zmsg_new ();
    zrelay_peers_list (self, answer);
    assert (zmsg_size (answer) == 10);
    char *address = zmsg_popstr (answer);
    assert (strncmp (address, "tcp://127.0.0.1:", 16) == 0);
    zstr_free (&address);
    zmsg_destroy (&answer);

    for (int index = 0; index < 5; index++)
        zsock_destroy (&clients [index]);
    assert (s_test_count (self, server, 5));

    //  Nobody reports those whose listener was closed
    zrelay_peers_forget (self, zsock_endpoint (server));
    assert (zrelay_peers_count (self) == 0);
    for (int index = 5; index < 10; index++)
        zsock_destroy (&clients [index]);

    //  Nor those that came when it was too late to forget them
    clients [0] = zsock_new (ZMQ_DEALER);
    int rc = zsock_connect (clients [0], "tcp://127.0.0.1:%d", port);
    assert (rc == 0);
    assert (s_test_count (self, server, 1));
    zrelay_peers_forget (self, "tcp://127.0.0.1:1");
    assert (zrelay_peers_count (self) == 1);
    zsock_unbind (server, "tcp://127.0.0.1:%d", port);
    assert (s_test_count (self, server, 0));
    zsock_destroy (&clients [0]);

    //  A peer that was heard has gone when all that it sent was read
    port = zsock_bind (server, "tcp://127.0.0.1:*");
    clients [0] = zsock_new (ZMQ_DEALER);
    zsock_set_identity (clients [0], "first");
    rc = zsock_connect (clients [0], "tcp://127.0.0.1:%d", port);
    assert (rc == 0);
    zstr_send (clients [0], "hello");
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    rc = zmq_msg_recv (&frame, zsock_resolve (server), 0);
    assert (rc == 5);
    rc = zmq_msg_recv (&frame, zsock_resolve (server), 0);
    assert (rc == 5);
    const char *fd = zmq_msg_gets (&frame, ZRELAY_PEERS_PROPERTY);
    assert (fd);
    zrelay_peers_heard (self, fd, "first", 5);
    byte id [ZRELAY_PEERS_ID_MAX];
    assert (!zrelay_peers_leaving (self));
    assert (zrelay_peers_gone (self, id) == 0);
    zsock_destroy (&clients [0]);
    assert (s_test_count (self, server, 0));
    assert (zrelay_peers_leaving (self));
    assert (zrelay_peers_gone (self, id) == 0);
    //  Another message of it was still there
    zrelay_peers_heard (self, fd, "first", 5);
    zrelay_peers_emptied (self);
    assert (zrelay_peers_gone (self, id) == 5);
    assert (memcmp (id, "first", 5) == 0);
    assert (!zrelay_peers_leaving (self));
    //  One that is heard after that is reported again
    zrelay_peers_heard (self, fd, "first", 5);
    assert (zrelay_peers_gone (self, id) == 0);
    //  Unless another connection has its routing id, which tells at once
    assert (zrelay_peers_heard (self, "1000000", "first", 5));
    assert (zrelay_peers_gone (self, id) == 5);
    assert (zrelay_peers_gone (self, id) == 0);
    zmq_msg_close (&frame);

    //  Connections can be cut, by address
    s_test_cut ("tcp://127.0.0.1:*", "127.0.0.2", "127.0.0.1");
    s_test_cut ("tcp://127.0.0.1:*", "ipc", "::ffff:127.0.0.1");
    char name [64];
    snprintf (name, sizeof (name), "ipc://@zrelay-peers-%d-1", (int) getpid ());
    s_test_cut (name, "127.0.0.1", "ipc");
    snprintf (name, sizeof (name), "ipc://@zrelay-peers-%d-2", (int) getpid ());
    s_test_cut (name, "::", "*");
    assert (zrelay_peers_cut (self, "nowhere") == -1);
    assert (zrelay_peers_cut (NULL, "*") == 0);

#if defined (__linux__)
    s_test_two_looks ();
#endif

    //  A new one on a socket that had one is possible at once
    zrelay_peers_destroy (&self, zsock_resolve (server));
    self = zrelay_peers_new (zsock_resolve (server), limits);
    assert (self);
    zrelay_peers_destroy (&self, zsock_resolve (server));
    zsock_destroy (&server);
    zrelay_limits_destroy (&limits);
    //  @end
    printf ("OK\n");
}
