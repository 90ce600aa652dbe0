/*  =========================================================================
    zrelay_endpoint - which endpoints libzmq may be asked for

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

//  For struct ucred
#define _GNU_SOURCE 1

#include "zrelay_endpoint.h"
#include "zrelay_names.h"
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/un.h>

//  libzmq itself reports most mistakes in an endpoint. This class reports the
//  others: libzmq makes 4464 of the port 70000, and to bind ipc:// it removes
//  whatever file is there, also when that is another program's socket in use.

#define PORT_DIGITS 5

//  How long to wait for a path that this process itself listens at, in msecs.
//  It takes one, unless libzmq's threads are held up.
#define RELEASE_MAX 100

typedef struct {
    const char *prefix;         //  Transport
    const char *capability;     //  By zmq_has (), or NULL: there in any case
    bool has_host;              //  Its addresses are HOST:PORT, maybe a path
    bool risky;                 //  It can end the process
    const char *(*refusal) (const char *address, bool bind);
} transport_t;


//  --------------------------------------------------------------------------
//  tcp and ws

//  An address, taken apart
typedef struct {
    char host [256];            //  Without brackets and interface
    char port [64];             //  As it was written; empty: there is none
} host_t;

//  Where a source address is given, the destination counts. ws has a path. A
//  port that is too long is cut, and remains too long. Returns false if there
//  is no port, or if the host is too long.

static bool
s_parse_address (host_t *self, const char *address)
{
    const char *semicolon = strrchr (address, ';');
    address = semicolon? semicolon + 1: address;
    memset (self, 0, sizeof (*self));
    int size = (int) strcspn (address, "/");
    const char *colon = address + size;
    while (colon > address && *colon != ':')
        colon--;
    bool brackets = *address == '[' && colon > address && colon [-1] == ']';
    int host = snprintf (self->host, sizeof (self->host), "%.*s",
        (int) (colon - address) - 2 * brackets, address + brackets);
    snprintf (self->port, sizeof (self->port), "%.*s",
              (int) (address + size - colon) - 1, colon + 1);
    //  A link-local address names its interface
    self->host [strcspn (self->host, "%")] = 0;
    return colon > address && host < (int) sizeof (self->host);
}

//  The family of an address, or AF_UNSPEC: it is a name

static int
s_family (const char *host)
{
    struct in6_addr address;
    return inet_pton (AF_INET, host, &address) == 1? AF_INET:
           inet_pton (AF_INET6, host, &address) == 1? AF_INET6: AF_UNSPEC;
}

//  libzmq says that there is no such address, also for a name that has one

static const char *
s_bound_name_refusal (const char *host)
{
    if (streq (host, "*") || s_family (host) != AF_UNSPEC
    ||  if_nametoindex (host))
        return NULL;
    return strcasecmp (host, "localhost") == 0?
        "names cannot be bound; write 127.0.0.1, or [::1], for localhost":
        "names cannot be bound; write an address of this machine, such as "
        "127.0.0.1, the name of a network interface, or * for all addresses";
}

static const char *
s_tcp_refusal (const char *address, bool bind)
{
    host_t place;
    //  libzmq itself reports these cases
    if (!s_parse_address (&place, address) || streq (place.host, ""))
        return NULL;
    const char *port = place.port;
    if (!*port || streq (port, "*"))
        return *port && bind? s_bound_name_refusal (place.host): NULL;
    bool number = strspn (port, "0123456789") == strlen (port)
               && strlen (port) <= PORT_DIGITS && atoi (port) <= UINT16_MAX;
    if (!number || (!bind && atoi (port) == 0))
        return bind? "a port is a number up to 65535, or * for a free one"
                   : "a port to connect to is a number from 1 to 65535";
    return bind? s_bound_name_refusal (place.host): NULL;
}


//  Does anybody listen at this port? Who asks does not listen, and reuses what
//  has ended, so only those who listen are in the way.

static bool
s_port_in_use (const host_t *place)
{
    struct sockaddr_storage room = { .ss_family = (sa_family_t)
                                     s_family (place->host) };
    struct sockaddr_in *four = (struct sockaddr_in *) &room;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *) &room;
    socklen_t size = sizeof (*four);
    in_port_t port = htons ((in_port_t) atoi (place->port));
    if (room.ss_family == AF_INET6) {
        size = sizeof (*six);
        six->sin6_port = port;
        inet_pton (AF_INET6, place->host, &six->sin6_addr);
    }
    else {
        four->sin_port = port;
        inet_pton (AF_INET, place->host, &four->sin_addr);
    }
    int handle = socket (room.ss_family, SOCK_STREAM, 0);
    int reuse = 1;
    bool in_use = handle != -1
        && setsockopt (handle, SOL_SOCKET, SO_REUSEADDR, &reuse,
                       sizeof (reuse)) == 0
        && bind (handle, (struct sockaddr *) &room, size) == -1
        && errno == EADDRINUSE;
    if (handle != -1)
        close (handle);
    return in_use;
}

void
zrelay_endpoint_await_release (const char *endpoint, int64_t deadline)
{
    host_t place;
    const char *address = strstr (endpoint, "://");
    bool waits = address && strncmp (endpoint, "ipc", 3) != 0
        && s_parse_address (&place, address + 3)
        && s_family (place.host) != AF_UNSPEC;
    while (waits && s_port_in_use (&place) && zclock_mono () < deadline)
        zclock_sleep (1);
}


//  --------------------------------------------------------------------------
//  ipc

//  The process that listens there, 0 if none does, or -1 if it is not known
//  which. The answer comes at once: connecting to a local socket waits for
//  nobody. Only a refusal says that nobody does; a socket of another kind, or
//  one that we may not use, is somebody's.

static pid_t
s_listener (const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (strlen (path) >= sizeof (address.sun_path))
        return 0;
    memcpy (address.sun_path, path, strlen (path) + 1);
    int handle = socket (AF_UNIX,
                         SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (handle == -1)
        return 0;
    pid_t listener = -1;
    if (connect (handle, (struct sockaddr *) &address, sizeof (address))) {
        if (errno == ECONNREFUSED || errno == ENOENT)
            listener = 0;
    }
#if defined (SO_PEERCRED)
    else {
        struct ucred owner;
        socklen_t size = sizeof (owner);
        if (getsockopt (handle, SOL_SOCKET, SO_PEERCRED, &owner, &size) == 0)
            listener = owner.pid;
    }
#endif
    close (handle);
    return listener;
}

//  A socket of our own may be closed already: libzmq stops listening some time
//  later, on threads of its own, and an application that ends a relay and
//  makes the next one comes sooner

static bool
s_in_use (const char *path)
{
    int64_t deadline = zclock_mono () + RELEASE_MAX;
    pid_t listener;
    while ((listener = s_listener (path)) == getpid ()
       &&  zclock_mono () < deadline)
        zclock_sleep (1);
    return listener != 0;
}

static const char *
s_ipc_refusal (const char *address, bool bind)
{
    //  "*" is a fresh name, and "@" a name outside of the file system
    struct stat file;
    if (!bind || streq (address, "*") || *address == '@'
    ||  lstat (address, &file) == -1)
        return NULL;
    if (!S_ISSOCK (file.st_mode))
        return "there is a file of that name that is not a socket";
    return s_in_use (address)? zmq_strerror (EADDRINUSE): NULL;
}


//  The path of an endpoint that has a file, or NULL

static const char *
s_path (const char *endpoint)
{
    return strncmp (endpoint, "ipc://", 6) == 0 && endpoint [6] != '@'?
           endpoint + 6: NULL;
}

void
zrelay_endpoint_find_file (const char *endpoint, zrelay_endpoint_file_t *file)
{
    const char *path = s_path (endpoint);
    struct stat status;
    memset (file, 0, sizeof (*file));
    if (path && lstat (path, &status) == 0 && S_ISSOCK (status.st_mode)) {
        file->device = status.st_dev;
        file->inode = status.st_ino;
    }
}

void
zrelay_endpoint_remove_file (const char *endpoint,
                             const zrelay_endpoint_file_t *file)
{
    zrelay_endpoint_file_t now;
    zrelay_endpoint_find_file (endpoint, &now);
    if (file->inode && now.inode == file->inode && now.device == file->device)
        unlink (s_path (endpoint));
}


//  --------------------------------------------------------------------------
//  Transports that a relay uses

//  wss needs a key and a certificate to bind, or libzmq ends the process; its
//  stable interface has no options for them

static const char *
s_wss_refusal (const char *address, bool bind)
{
    return !bind? s_tcp_refusal (address, bind):
        "wss can connect, but not bind: there is no option for its certificate";
}

//  udp goes with no type of socket that a relay has

static const transport_t s_transports [] = {
    { "tcp://", NULL, true, false, s_tcp_refusal },
    { "ipc://", NULL, false, false, s_ipc_refusal },
    { "inproc://", NULL, false, false, NULL },
    { "ws://", "WS", true, false, s_tcp_refusal },
    { "wss://", "WSS", true, false, s_wss_refusal },
    { "tipc://", "tipc", false, false, NULL },
    { "vmci://", "vmci", false, false, NULL },
    { "pgm://", "pgm", false, true, NULL },
    { "epgm://", "pgm", false, true, NULL },
    { "norm://", "norm", false, true, NULL }
};
#define TRANSPORTS (sizeof (s_transports) / sizeof (*s_transports))

static bool
s_is_there (const transport_t *transport)
{
    return !transport->capability || zmq_has (transport->capability);
}

static char s_no_transport [120];   //  A sentence

static void
s_make_sentence (void)
{
    char *end = s_no_transport;
    char *limit = end + sizeof (s_no_transport);
    end += snprintf (end, limit - end, "no such transport; there are");
    for (size_t index = 0; index < TRANSPORTS; index++) {
        const transport_t *transport = &s_transports [index];
        if (s_is_there (transport))
            end += snprintf (end, limit - end, "%s %.*s", index? ",": "",
                             (int) strcspn (transport->prefix, ":"),
                             transport->prefix);
        assert (end < limit);
    }
}

static const char *
s_transport_refusal (void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once (&once, s_make_sentence);
    return s_no_transport;
}

//  The transport, or NULL

static const transport_t *
s_transport (const char *endpoint)
{
    for (size_t index = 0; index < TRANSPORTS; index++)
        if (strncmp (endpoint, s_transports [index].prefix,
                     strlen (s_transports [index].prefix)) == 0)
            return s_is_there (&s_transports [index])? &s_transports [index]:
                                                       NULL;
    return NULL;
}

const char *
zrelay_endpoint_refusal (const char *endpoint, bool bind)
{
    //  libzmq itself reports that there is no transport
    if (!strstr (endpoint, "://"))
        return NULL;
    const transport_t *transport = s_transport (endpoint);
    if (!transport)
        return s_transport_refusal ();
    return transport->refusal?
        transport->refusal (endpoint + strlen (transport->prefix), bind): NULL;
}

bool
zrelay_endpoint_is_risky (const char *endpoint)
{
    const transport_t *transport = s_transport (endpoint);
    return transport && transport->risky;
}

bool
zrelay_endpoint_wants_ipv6 (const char *endpoint, bool bind)
{
    const transport_t *transport = s_transport (endpoint);
    host_t place;
    if (!transport || !transport->has_host
    || !s_parse_address (&place, endpoint + strlen (transport->prefix)))
        return false;
    int family = s_family (place.host);
    return family == AF_INET6
        || (family == AF_UNSPEC && !bind && *place.host
         && zrelay_names_only_ipv6 (place.host));
}


//  --------------------------------------------------------------------------
//  Where endpoints meet

//  An address of tcp. IPv4 has the form of IPv6, as ::ffff:127.0.0.1.
typedef struct {
    struct in6_addr address;
    bool numeric;               //  The host is one
    host_t parts;               //  As it was written
} place_t;

static bool
s_is_v4 (const struct in6_addr *address)
{
    return IN6_IS_ADDR_V4MAPPED (address);
}

static bool
s_parse_host (const char *host, struct in6_addr *address)
{
    char mapped [INET6_ADDRSTRLEN + 10];
    if (streq (host, "*"))
        host = "::";
    if (inet_pton (AF_INET6, host, address) == 1)
        return true;
    return snprintf (mapped, sizeof (mapped), "::ffff:%s", host)
               < (int) sizeof (mapped)
        && strchr (host, '.') && inet_pton (AF_INET6, mapped, address) == 1;
}

//  Returns false if it is not HOST:PORT

static bool
s_parse_place (place_t *self, const char *address)
{
    if (!s_parse_address (&self->parts, address))
        return false;
    self->numeric = s_parse_host (self->parts.host, &self->address);
    return true;
}

//  Is it any address of that family, or one of the loopback?

static bool
s_is_any (const struct in6_addr *address)
{
    return s_is_v4 (address)? address->s6_addr32 [3] == 0:
           IN6_IS_ADDR_UNSPECIFIED (address);
}

static bool
s_is_loopback (const struct in6_addr *address)
{
    return s_is_v4 (address)? address->s6_addr [12] == 127:
           IN6_IS_ADDR_LOOPBACK (address);
}

static bool
s_is_of_interface (const struct in6_addr *address)
{
    struct ifaddrs *all = NULL;
    if (getifaddrs (&all) == -1)
        return false;
    bool found = false;
    for (struct ifaddrs *item = all; item && !found; item = item->ifa_next) {
        if (!item->ifa_addr)
            continue;
        if (item->ifa_addr->sa_family == AF_INET6)
            found = memcmp (&((struct sockaddr_in6 *) item->ifa_addr)
                ->sin6_addr, address, sizeof (*address)) == 0;
        else
        if (item->ifa_addr->sa_family == AF_INET && s_is_v4 (address))
            found = ((struct sockaddr_in *) item->ifa_addr)->sin_addr.s_addr
                == address->s6_addr32 [3];
    }
    freeifaddrs (all);
    return found;
}

static bool
s_is_this_machine (const place_t *place)
{
    char name [256] = "";
    if (place->numeric)
        return s_is_any (&place->address) || s_is_loopback (&place->address)
            || s_is_of_interface (&place->address);
    gethostname (name, sizeof (name) - 1);
    return strcasecmp (place->parts.host, "localhost") == 0
        || strcasecmp (place->parts.host, name) == 0;
}

//  A socket that is bound to any address of IPv6 may take IPv4 too. Who
//  connects to any address, or to localhost, reaches the loopback.

static bool
s_tcp_meets (const char *bound, const char *connected)
{
    place_t here, there;
    if (!s_parse_place (&here, bound) || !s_parse_place (&there, connected)
    ||  strneq (here.parts.port, there.parts.port) || !here.numeric)
        return false;
    if (s_is_any (&here.address))
        return s_is_this_machine (&there)
            && (!there.numeric || !s_is_v4 (&here.address)
             || s_is_v4 (&there.address));
    if (there.numeric && !s_is_any (&there.address))
        return memcmp (&here.address, &there.address,
                       sizeof (here.address)) == 0;
    return s_is_loopback (&here.address)
        && (there.numeric || strcasecmp (there.parts.host, "localhost") == 0);
}

//  A file may have several names

static bool
s_ipc_meets (const char *bound, const char *connected)
{
    struct stat here, there;
    return streq (bound, connected)
        || (*bound != '@' && *connected != '@'
         && stat (bound, &here) == 0 && stat (connected, &there) == 0
         && here.st_dev == there.st_dev && here.st_ino == there.st_ino);
}

bool
zrelay_endpoint_meets (const char *bound, const char *connected)
{
    if (strncmp (bound, "tcp://", 6) == 0
    &&  strncmp (connected, "tcp://", 6) == 0)
        return s_tcp_meets (bound + 6, connected + 6);
    if (strncmp (bound, "ipc://", 6) == 0
    &&  strncmp (connected, "ipc://", 6) == 0)
        return s_ipc_meets (bound + 6, connected + 6);
    return streq (bound, connected);
}


//  --------------------------------------------------------------------------
//  Selftest

static void
s_test_meets (void)
{
    static const struct { const char *bound, *connected; bool meets; }
    pairs [] = {
        { "tcp://127.0.0.1:5555", "tcp://127.0.0.1:5555", true },
        { "tcp://127.0.0.1:5555", "tcp://localhost:5555", true },
        { "tcp://127.0.0.1:5555", "tcp://0.0.0.0:5555", true },
        { "tcp://127.0.0.1:5555", "tcp://127.0.0.2:0;127.0.0.1:5555", true },
        { "tcp://127.0.0.1:5555", "tcp://127.0.0.1:5556", false },
        { "tcp://127.0.0.1:5555", "tcp://127.0.0.2:5555", false },
        { "tcp://127.0.0.1:5555", "tcp://192.0.2.1:5555", false },
        { "tcp://0.0.0.0:5555", "tcp://127.0.0.2:5555", true },
        { "tcp://0.0.0.0:5555", "tcp://localhost:5555", true },
        { "tcp://0.0.0.0:5555", "tcp://192.0.2.1:5555", false },
        { "tcp://0.0.0.0:5555", "tcp://example.invalid:5555", false },
        { "tcp://[::]:5555", "tcp://127.0.0.1:5555", true },
        { "tcp://*:5555", "tcp://127.0.0.1:5555", true },
        { "tcp://[::]:5555", "tcp://[::1]:5555", true },
        { "tcp://[::1]:5555", "tcp://[::1]:5555", true },
        { "tcp://[::1]:5555", "tcp://127.0.0.1:5555", false },
        { "ipc://@name", "ipc://@name", true },
        { "ipc:///nowhere/a", "ipc:///nowhere/b", false },
        { "ipc:///tmp", "ipc:///tmp/.", true },
        { "inproc://name", "inproc://name", true },
        { "inproc://name", "ipc://name", false },
        { "tcp://127.0.0.1:5555", "tcp://", false }
    };
    for (size_t index = 0; index < sizeof (pairs) / sizeof (*pairs); index++)
        assert (zrelay_endpoint_meets (pairs [index].bound,
                                       pairs [index].connected)
                == pairs [index].meets);
}

static bool
s_test_refused (const char *endpoint, bool bind, const char *word)
{
    const char *refusal = zrelay_endpoint_refusal (endpoint, bind);
    return refusal && strstr (refusal, word);
}

static void
s_test_ipv6 (void)
{
    assert (zrelay_endpoint_wants_ipv6 ("tcp://[::1]:5555", true));
    assert (zrelay_endpoint_wants_ipv6 ("tcp://[::1]:5555", false));
    assert (zrelay_endpoint_wants_ipv6 ("tcp://[fe80::1%lo]:5555", false));
    assert (zrelay_endpoint_wants_ipv6 ("tcp://[::]:0;[::1]:5555", false));
    //  What the system says about this name is the same as about its own
    assert (zrelay_endpoint_wants_ipv6 ("tcp://::1:5555", false));
    assert (!zrelay_endpoint_wants_ipv6 ("tcp://*:5555", true));
    assert (!zrelay_endpoint_wants_ipv6 ("tcp://127.0.0.1:5555", false));
    assert (!zrelay_endpoint_wants_ipv6 ("tcp://localhost:5555", false));
    assert (!zrelay_endpoint_wants_ipv6 ("ipc://[::1]:5555", false));
    assert (!zrelay_endpoint_wants_ipv6 ("nonsense", false));
}

static void
s_test_ipc (void)
{
    char folder [] = "/tmp/zrelay-endpoint-XXXXXX";
    assert (mkdtemp (folder));
    char *endpoint = zsys_sprintf ("ipc://%s/name", folder);
    const char *path = endpoint + strlen ("ipc://");
    assert (!zrelay_endpoint_refusal (endpoint, true));

    //  Another's file, another's socket, and what a crashed program left
    FILE *file = fopen (path, "w");
    assert (file);
    fclose (file);
    assert (s_test_refused (endpoint, true, "not a socket"));
    assert (!zrelay_endpoint_refusal (endpoint, false));
    assert (remove (path) == 0);

    struct sockaddr_un address = { .sun_family = AF_UNIX };
    assert (strlen (path) < sizeof (address.sun_path));
    memcpy (address.sun_path, path, strlen (path) + 1);
    int handle = socket (AF_UNIX, SOCK_STREAM, 0);
    assert (bind (handle, (struct sockaddr *) &address, sizeof (address)) == 0);
    assert (listen (handle, 1) == 0);
    assert (s_test_refused (endpoint, true, "in use"));
    assert (!zrelay_endpoint_refusal (endpoint, false));
    close (handle);
    assert (!zrelay_endpoint_refusal (endpoint, true));

    //  The file is removed while it is that socket's
    zrelay_endpoint_file_t mine, none;
    zrelay_endpoint_find_file (endpoint, &mine);
    zrelay_endpoint_find_file ("ipc:///nowhere", &none);
    assert (mine.inode && !none.inode);
    zrelay_endpoint_remove_file (endpoint, &none);
    mine.inode++;
    zrelay_endpoint_remove_file (endpoint, &mine);
    assert (zsys_file_exists (path));
    mine.inode--;
    zrelay_endpoint_remove_file (endpoint, &mine);
    assert (!zsys_file_exists (path));
    assert (rmdir (folder) == 0);
    zstr_free (&endpoint);
}

void
zrelay_endpoint_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_endpoint: ");

    //  @selftest
    const char *fine [] = {
        "tcp://127.0.0.1:5555", "tcp://127.0.0.1:65535", "tcp://[::1]:5555",
        "tcp://127.0.0.1:1;127.0.0.1:2", "ipc://*", "ipc://@name",
        "inproc://name"
    };
    for (size_t index = 0; index < sizeof (fine) / sizeof (*fine); index++) {
        assert (!zrelay_endpoint_refusal (fine [index], true));
        assert (!zrelay_endpoint_refusal (fine [index], false));
    }
    assert (!zrelay_endpoint_refusal ("tcp://127.0.0.1:*", true));
    assert (!zrelay_endpoint_refusal ("tcp://127.0.0.1:0", true));
    assert (s_test_refused ("tcp://127.0.0.1:0", false, "1 to 65535"));

    const char *ports [] = {
        "tcp://127.0.0.1:65536", "tcp://127.0.0.1:70000", "tcp://*:-1",
        "tcp://127.0.0.1:99999999999999999999", "tcp://*:5555x", "tcp://*: 1",
        "tcp://127.0.0.1:1;127.0.0.1:70000"
    };
    for (size_t index = 0; index < sizeof (ports) / sizeof (*ports); index++) {
        assert (s_test_refused (ports [index], true, "65535"));
        assert (s_test_refused (ports [index], false, "65535"));
    }
    assert (s_test_refused ("ws://127.0.0.1:70000/path", true, "65535"));
    assert (s_test_refused ("ws://127.0.0.1:0/path", false, "65535"));
    assert (!zrelay_endpoint_refusal ("ws://127.0.0.1:5555/pa:th", false));
    assert (s_test_refused ("tcp://localhost:5555", true, "127.0.0.1"));
    assert (s_test_refused ("tcp://example.invalid:*", true, "interface"));
    assert (!zrelay_endpoint_refusal ("tcp://lo:5555", true));
    assert (!zrelay_endpoint_refusal ("tcp://localhost:5555", false));
    const char *transports [] = {
        "udp://127.0.0.1:5555", "TCP://*:*", "://", "tcp:x://"
    };
    for (size_t index = 0;
         index < sizeof (transports) / sizeof (*transports); index++)
        assert (s_test_refused (transports [index], true, "transport"));
    assert (s_test_refused ("x://y", true, "there are tcp, ipc, inproc"));
    s_test_ipv6 ();
    s_test_ipc ();
    s_test_meets ();
    //  @end
    printf ("OK\n");
}
