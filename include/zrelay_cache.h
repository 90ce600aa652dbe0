/*  =========================================================================
    zrelay_cache - a forwarder that keeps the last value of every topic

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_CACHE_H_INCLUDED
#define ZRELAY_CACHE_H_INCLUDED

#include "zrelay_library.h"

#ifdef __cplusplus
extern "C" {
#endif

//  @interface
//  A last value cache. The frontend is an XSUB for PUB and XPUB publishers, and
//  the backend is an XPUB for SUB and XSUB subscribers:
//
//      zactor_t *cache = zactor_new (zrelay_cache, NULL);
//      zstr_sendx (cache, "CONNECT", "FRONTEND", "tcp://feed:5557", NULL);
//      zsock_wait (cache);
//      zstr_sendx (cache, "BIND", "BACKEND", "tcp://127.0.0.1:5558", NULL);
//      zsock_wait (cache);
//
//  The first frame of a message is its topic, and the message is the value of
//  that topic until the next one comes. Whoever subscribes gets at once the
//  last value of every topic that the subscription matches, and then all
//  updates, as from a forwarder. A message whose topic has more than 4096 bytes
//  is passed on but not kept.
//
//  The cache subscribes to everything at its publishers, so that it has the
//  values for which nobody has asked yet; what its subscribers subscribe to is
//  not passed on. SUBSCRIBE narrows that: once the relay has subscriptions of
//  its own, it gets those topics only. After UNSUBSCRIBE of the last one it
//  gets everything again:
//
//      zstr_sendx (cache, "SUBSCRIBE", "weather.", NULL);
//
//  What a late subscriber is promised:
//
//  - It gets a value of every topic that its subscription matched, one that is
//    no older than when the relay read the subscription. A topic is sent when
//    its turn comes, with its newest value; an update that passes before that
//    takes the place of the replay.
//  - It never gets an older value after a newer one of the same topic.
//  - While replays are under way, and for the time "patience" (default 1000 ms)
//    after the last one, no update is lost for a subscriber whose high-water
//    mark is reached: the value waits in the cache until all who want it have
//    room. If the topic is updated again meanwhile, only the newest value is
//    sent, and the other counts as forward.dropped_conflated. So a late
//    subscriber that keeps reading ends with the last value of every topic.
//  - Both hold for subscribers that read. One that makes no room for the time
//    "patience" is not waited for any longer: the value is sent to all who have
//    room, which given_up counts. Until then, those who want the same topics
//    wait, too.
//
//  At all other times the cache is a forwarder: a subscriber that is slower
//  than the updates loses some once its high-water mark is reached, perhaps the
//  last one of a topic. It is then not known what it lost, and if it subscribes
//  to more before it has read half of that, the replay may pass it by, too.
//  Where that matters use "interval", which sends less, or SET BACKEND
//  xpub_nodrop 1: then no update is dropped nor left out, as with a forwarder;
//  the slowest subscriber sets the pace for all, and one that never reads stops
//  them.
//
//  Subscribers that have a topic already see its value again whenever somebody
//  else subscribes to it: an XPUB cannot send to one subscriber alone, since
//  ZMQ_XPUB_MANUAL is unsafe in libzmq 4.3. A topic that waits to be sent again
//  is sent once, however many have asked meanwhile. LOOKUP gives a snapshot
//  without that. SET BACKEND xpub_verbose 0 would end the replays to all but
//  the first subscriber of each topic.
//
//  Pass each topic on at most once in so many milliseconds (default 0: pass
//  everything). The newest value wins, and the last one always arrives, when
//  the time is over. This gives slow subscribers fresh values rather than all:
//
//      zstr_sendx (cache, "SET", "RELAY", "interval", "1000", NULL);
//
//  Bounds; 0 is no limit. The topic that was not updated for longest goes
//  first. "topics" is how many to keep (default 1000000), "bytes" how many
//  bytes all values may have, frames with topics included (default 1073741824),
//  and "ttl" how many milliseconds a topic is kept without an update (default
//  0). Besides its value, a topic takes some 250 bytes:
//
//      zstr_sendx (cache, "SET", "RELAY", "topics", "100000", NULL);
//      zstr_sendx (cache, "SET", "RELAY", "bytes", "100000000", NULL);
//      zstr_sendx (cache, "SET", "RELAY", "ttl", "3600000", NULL);
//
//  Where publishers put topic and body into one frame, name the character that
//  ends the topic. Set it before the first update, else it is refused with
//  status 3:
//
//      zstr_sendx (cache, "SET", "RELAY", "delimiter", " ", NULL);
//
//  List the topics, or those with a prefix: topic, size in bytes, and age in
//  milliseconds of each, as three frames. In a topic, "%" and bytes that are
//  not printable are written as "%" and two hexadecimal digits. If there are
//  more than 100000 the query is refused with status 3:
//
//      zstr_sendx (cache, "TOPICS", NULL);             //  query
//      zstr_sendx (cache, "TOPICS", "weather.", NULL); //  query
//
//  Answer requests for snapshots on a ROUTER. It takes over the security of the
//  backend - CURVE, PLAIN, DOMAIN - as it is when LOOKUP is given; without any,
//  everybody who can connect can read all values, as from the backend. An
//  endpoint that is in use is refused with status 4. LOOKUP may be given
//  several times, and the relay's option "lookup" has all endpoints, resolved:
//
//      zstr_sendx (cache, "LOOKUP", "tcp://127.0.0.1:5559", NULL);
//      zstr_sendx (cache, "GET", "RELAY", "lookup", NULL);    //  query
//
//  A request has the frames "ICANHAZ?" and a prefix of topics, which may be
//  empty. A DEALER gets each matching value as a message of its own, and then
//  one of the frames "KTHXBAI", sequence number (8 bytes, network order),
//  empty, empty, prefix. The number counts the updates that the cache had
//  received when the request came; values may be newer. A REQ gets one message:
//  for each value the number of its frames as a string and then those frames,
//  and at the end the same five frames. If that would have more than 64 MiB,
//  its last two frames are "ERROR" and a sentence instead. A requester that
//  takes nothing for 10 seconds is forgotten. So it is after 100 milliseconds
//  if 1000 requests are under way and there is another.
//
//  Save all topics with their values, and load them again. Both work on a
//  thread, so the relay goes on meanwhile, and answer when all is done. One of
//  them can be under way at a time. Only the actor's owner can give these
//  commands:
//
//      zstr_sendx (cache, "SAVE", "/var/lib/feed.cache", NULL);
//      zstr_sendx (cache, "LOAD", "/var/lib/feed.cache", NULL);
//
//  SAVE writes the state of one moment, that of the command, to FILE.part,
//  syncs that to the disk and gives it the name FILE; so FILE is always whole,
//  the old one or the new one. Its owner alone may read it. LOAD reads and
//  checks all of the file before it adds a topic. Topics that the cache has
//  already stay as they are, and those that exceed a bound are left out, oldest
//  first. Values that were loaded are sent to the subscribers that are there.
//  Each is refused with status 4 if the file cannot be written or read, and
//  LOAD also if it is not a saved cache, or one of a later version, truncated
//  or damaged.
//
//  The format of the file, numbers in network order: "ZRELAYLV" (8 bytes);
//  version 1 (4 bytes); 0 (4 bytes); number of topics (8 bytes); the topics;
//  the SHA-1 digest of all before it (20 bytes). A topic is: size of its name
//  (4 bytes); number of frames (4 bytes); time of its last update in
//  milliseconds since 1970 (8 bytes); size of each frame (8 bytes each); the
//  frames. Its name is the beginning of the first frame.
//
//  While the relay is paused it sends no updates and no replays, but answers
//  lookups. DRAIN sends the values that wait for their interval at once, and
//  waits for replays, lookups, SAVE and LOAD.
//
//  zrelay_proxy.h shows the commands that all relays take. STATS has counters
//  of the cache besides, see doc/counters.md.
//
//  The actor function, for zactor_new (). args is NULL or the relay's name, see
//  zrelay_proxy.h.
ZRELAY_EXPORT void
    zrelay_cache (zsock_t *pipe, void *args);
//  @end

#ifdef __cplusplus
}
#endif

#endif
