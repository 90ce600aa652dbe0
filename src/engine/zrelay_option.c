/*  =========================================================================
    zrelay_option - libzmq's socket options by their zsock names

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

#include "zrelay_option.h"
#include "zrelay_number.h"

#define NOW ZRELAY_OPTION_NOW
#define SECRET ZRELAY_OPTION_SECRET
#define GET ZRELAY_OPTION_GET
#define HELD ZRELAY_OPTION_HELD

//  libzmq takes strings and bytes of at most 255, as a ZMTP property's name
//  or a routing id can have
#define STRING_MAX 255

//  A CURVE key in Z85, see ZeroMQ RFC 32
#define KEY_SIZE 40

//  Names are those of the zsock_set_ and zsock_option functions of CZMQ 4.2
//  that the stable API of libzmq 4.3 serves. zmq_setsockopt(3) says which ones
//  act at once, but not that an endpoint that is bound keeps the high-water
//  marks for the connections that it will accept.

static const zrelay_option_t s_options [] = {
    { "affinity", ZMQ_AFFINITY, 'u', 0, NULL },
    { "backlog", ZMQ_BACKLOG, 'i', 0, NULL },
    { "bindtodevice", ZMQ_BINDTODEVICE, 's', 0, NULL },
    { "conflate", ZMQ_CONFLATE, 'i', 0,
      "it keeps single frames and would tear messages" },
    { "connect_rid", ZMQ_CONNECT_ROUTING_ID, 'b', NOW,
      "libzmq ends the process if a peer of that name is there already" },
    { "connect_timeout", ZMQ_CONNECT_TIMEOUT, 'i', 0, NULL },
    { "curve_publickey", ZMQ_CURVE_PUBLICKEY, 'k', 0, NULL },
    { "curve_secretkey", ZMQ_CURVE_SECRETKEY, 'k', SECRET, NULL },
    { "curve_server", ZMQ_CURVE_SERVER, 'i', 0, NULL },
    { "curve_serverkey", ZMQ_CURVE_SERVERKEY, 'k', 0, NULL },
    { "events", ZMQ_EVENTS, 'i', GET, NULL },
    { "fd", ZMQ_FD, 'i', GET, NULL },
    { "gssapi_plaintext", ZMQ_GSSAPI_PLAINTEXT, 'i', 0, NULL },
    { "gssapi_principal", ZMQ_GSSAPI_PRINCIPAL, 's', 0, NULL },
    { "gssapi_principal_nametype", ZMQ_GSSAPI_PRINCIPAL_NAMETYPE, 'i', 0,
      NULL },
    { "gssapi_server", ZMQ_GSSAPI_SERVER, 'i', 0, NULL },
    { "gssapi_service_principal", ZMQ_GSSAPI_SERVICE_PRINCIPAL, 's', 0, NULL },
    { "gssapi_service_principal_nametype",
      ZMQ_GSSAPI_SERVICE_PRINCIPAL_NAMETYPE, 'i', 0, NULL },
    { "handshake_ivl", ZMQ_HANDSHAKE_IVL, 'i', 0, NULL },
    { "heartbeat_ivl", ZMQ_HEARTBEAT_IVL, 'i', 0, NULL },
    { "heartbeat_timeout", ZMQ_HEARTBEAT_TIMEOUT, 'i', 0, NULL },
    { "heartbeat_ttl", ZMQ_HEARTBEAT_TTL, 'i', 0, NULL },
    { "identity", ZMQ_ROUTING_ID, 'b', 0, NULL },
    { "immediate", ZMQ_IMMEDIATE, 'i', 0, NULL },
    { "invert_matching", ZMQ_INVERT_MATCHING, 'i', NOW, NULL },
    { "ipv6", ZMQ_IPV6, 'i', 0, NULL },
    { "last_endpoint", ZMQ_LAST_ENDPOINT, 's', GET, NULL },
    { "linger", ZMQ_LINGER, 'i', NOW, NULL },
    { "maxmsgsize", ZMQ_MAXMSGSIZE, 'l', 0, NULL },
    { "mechanism", ZMQ_MECHANISM, 'i', GET, NULL },
    { "multicast_hops", ZMQ_MULTICAST_HOPS, 'i', 0, NULL },
    { "multicast_maxtpdu", ZMQ_MULTICAST_MAXTPDU, 'i', 0, NULL },
    { "plain_password", ZMQ_PLAIN_PASSWORD, 's', SECRET, NULL },
    { "plain_server", ZMQ_PLAIN_SERVER, 'i', 0, NULL },
    { "plain_username", ZMQ_PLAIN_USERNAME, 's', 0, NULL },
    { "probe_router", ZMQ_PROBE_ROUTER, 'i', NOW, NULL },
    { "rcvbuf", ZMQ_RCVBUF, 'i', 0, NULL },
    { "rcvhwm", ZMQ_RCVHWM, 'i', NOW | HELD, NULL },
    { "rcvmore", ZMQ_RCVMORE, 'i', GET, NULL },
    { "rcvtimeo", ZMQ_RCVTIMEO, 'i', NOW, "a relay never waits to receive" },
    { "reconnect_ivl", ZMQ_RECONNECT_IVL, 'i', 0, NULL },
    { "reconnect_ivl_max", ZMQ_RECONNECT_IVL_MAX, 'i', 0, NULL },
    { "recovery_ivl", ZMQ_RECOVERY_IVL, 'i', 0, NULL },
    { "req_correlate", ZMQ_REQ_CORRELATE, 'i', NOW, NULL },
    { "req_relaxed", ZMQ_REQ_RELAXED, 'i', NOW, NULL },
    { "router_handover", ZMQ_ROUTER_HANDOVER, 'i', NOW, NULL },
    { "router_mandatory", ZMQ_ROUTER_MANDATORY, 'i', NOW,
      "it is always on, so that no loss goes uncounted" },
    { "router_raw", ZMQ_ROUTER_RAW, 'i', 0,
      "a relay carries messages, not raw TCP" },
    { "routing_id", ZMQ_ROUTING_ID, 'b', 0, NULL },
    { "sndbuf", ZMQ_SNDBUF, 'i', 0, NULL },
    { "sndhwm", ZMQ_SNDHWM, 'i', NOW | HELD, NULL },
    { "sndtimeo", ZMQ_SNDTIMEO, 'i', NOW, "a relay never waits to send" },
    { "socks_proxy", ZMQ_SOCKS_PROXY, 's', 0, NULL },
    { "subscribe", ZMQ_SUBSCRIBE, 's', NOW, "SUBSCRIBE is the command for it" },
    { "tcp_keepalive", ZMQ_TCP_KEEPALIVE, 'i', 0, NULL },
    { "tcp_keepalive_cnt", ZMQ_TCP_KEEPALIVE_CNT, 'i', 0, NULL },
    { "tcp_keepalive_idle", ZMQ_TCP_KEEPALIVE_IDLE, 'i', 0, NULL },
    { "tcp_keepalive_intvl", ZMQ_TCP_KEEPALIVE_INTVL, 'i', 0, NULL },
    { "tcp_maxrt", ZMQ_TCP_MAXRT, 'i', 0, NULL },
    { "tos", ZMQ_TOS, 'i', 0, NULL },
    { "type", ZMQ_TYPE, 'i', GET, NULL },
    { "unsubscribe", ZMQ_UNSUBSCRIBE, 's', NOW,
      "UNSUBSCRIBE is the command for it" },
    { "use_fd", ZMQ_USE_FD, 'i', 0,
      "a descriptor cannot be handed over by its number" },
    { "vmci_buffer_max_size", ZMQ_VMCI_BUFFER_MAX_SIZE, 'u', 0, NULL },
    { "vmci_buffer_min_size", ZMQ_VMCI_BUFFER_MIN_SIZE, 'u', 0, NULL },
    { "vmci_buffer_size", ZMQ_VMCI_BUFFER_SIZE, 'u', 0, NULL },
    { "vmci_connect_timeout", ZMQ_VMCI_CONNECT_TIMEOUT, 'i', 0, NULL },
    { "xpub_manual", ZMQ_XPUB_MANUAL, 'i', NOW,
      "subscriptions would wait for an answer that no relay gives" },
    { "xpub_nodrop", ZMQ_XPUB_NODROP, 'i', NOW, NULL },
    { "xpub_verbose", ZMQ_XPUB_VERBOSE, 'i', NOW, NULL },
    { "xpub_verboser", ZMQ_XPUB_VERBOSER, 'i', NOW,
      "no more than the last cancellation is passed on; xpub_verbose does "
      "what a relay can do" },
    { "xpub_welcome_msg", ZMQ_XPUB_WELCOME_MSG, 'b', NOW, NULL },
    { "zap_domain", ZMQ_ZAP_DOMAIN, 's', 0, NULL },
    { "zap_enforce_domain", ZMQ_ZAP_ENFORCE_DOMAIN, 'i', 0, NULL },
    { NULL, 0, 0, 0, NULL }
};

const zrelay_option_t *
zrelay_option_find (const char *name)
{
    const zrelay_option_t *option = s_options;
    while (option->name && strcasecmp (option->name, name))
        option++;
    return option->name? option: NULL;
}


//  --------------------------------------------------------------------------
//  Values

//  libzmq would take a wrong key as far as it is right

static bool
s_key (const char *value)
{
    uint8_t key [KEY_SIZE / 5 * 4];
    return strlen (value) == KEY_SIZE && zmq_z85_decode (key, value);
}

bool
zrelay_option_valid (const zrelay_option_t *self, const char *value)
{
    int64_t number;
    uint64_t magnitude;
    switch (self->type) {
        case 'i':
            return zrelay_number_read (value, INT_MIN, INT_MAX, &number);
        case 'l':
            return zrelay_number_read (value, INT64_MIN, INT64_MAX, &number);
        case 'u':
            return zrelay_number_read_unsigned (value, &magnitude);
        case 'k':
            return s_key (value);
        default:
            return strlen (value) <= STRING_MAX;
    }
}

int
zrelay_option_set (const zrelay_option_t *self, void *handle,
                   const char *value)
{
    int number;
    int64_t large;
    uint64_t magnitude;
    switch (self->type) {
        case 'i':
            number = (int) strtoll (value, NULL, 10);
            return zmq_setsockopt (handle, self->id, &number, sizeof (number));
        case 'l':
            large = strtoll (value, NULL, 10);
            return zmq_setsockopt (handle, self->id, &large, sizeof (large));
        case 'u':
            magnitude = strtoull (value, NULL, 10);
            return zmq_setsockopt (handle, self->id, &magnitude,
                                   sizeof (magnitude));
        default:
            return zmq_setsockopt (handle, self->id, value, strlen (value));
    }
}


//  --------------------------------------------------------------------------
//  Bytes that are not text are shown in hexadecimal

static char *
s_readable (const byte *data, size_t size)
{
    bool text = true;
    for (size_t index = 0; index < size; index++)
        text = text && isprint (data [index]);
    char *string = (char *) zmalloc (size * 2 + 1);
    assert (string);
    for (size_t index = 0; index < size; index++)
        if (text)
            string [index] = (char) data [index];
        else
            sprintf (string + index * 2, "%02X", data [index]);
    return string;
}

static char *
s_get_bytes (const zrelay_option_t *self, void *handle)
{
    //  With the terminating zero that libzmq adds to strings and keys
    char buffer [1024];
    size_t size = self->type == 'k'? KEY_SIZE + 1: sizeof (buffer);
    if (zmq_getsockopt (handle, self->id, buffer, &size))
        return NULL;
    if (self->type != 'b' && size > 0)
        size--;
    return s_readable ((byte *) buffer, size);
}

char *
zrelay_option_get (const zrelay_option_t *self, void *handle)
{
    int number;
    int64_t large;
    uint64_t magnitude;
    size_t size;
    int rc;
    switch (self->type) {
        case 'i':
            size = sizeof (number);
            rc = zmq_getsockopt (handle, self->id, &number, &size);
            return rc? NULL: zsys_sprintf ("%d", number);
        case 'l':
            size = sizeof (large);
            rc = zmq_getsockopt (handle, self->id, &large, &size);
            return rc? NULL: zsys_sprintf ("%" PRId64, large);
        case 'u':
            size = sizeof (magnitude);
            rc = zmq_getsockopt (handle, self->id, &magnitude, &size);
            return rc? NULL: zsys_sprintf ("%" PRIu64, magnitude);
        default:
            return s_get_bytes (self, handle);
    }
}


//  --------------------------------------------------------------------------
//  Selftest

static void
s_test_value (void *handle, const char *name, const char *value)
{
    const zrelay_option_t *option = zrelay_option_find (name);
    assert (option);
    assert (zrelay_option_valid (option, value));
    int rc = zrelay_option_set (option, handle, value);
    assert (rc == 0);
    char *found = zrelay_option_get (option, handle);
    assert (found && streq (found, value));
    zstr_free (&found);
}

void
zrelay_option_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_option: ");

    //  @selftest
    void *handle = zsys_socket (ZMQ_DEALER, __FILE__, __LINE__);
    assert (handle);
    s_test_value (handle, "sndhwm", "12345");
    s_test_value (handle, "linger", "-1");
    s_test_value (handle, "maxmsgsize", "8589934592");
    s_test_value (handle, "affinity", "18446744073709551615");
    s_test_value (handle, "zap_domain", "global");
    s_test_value (handle, "identity", "worker 1");
    s_test_value (handle, "curve_publickey",
                  "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID");

    //  Letters in either case, and names that do not exist
    assert (zrelay_option_find ("SndHwm"));
    assert (!zrelay_option_find ("sndhwmm"));
    assert (!zrelay_option_find (""));

    //  Only a number of the option's type is valid
    const zrelay_option_t *option = zrelay_option_find ("sndhwm");
    const char *wrong [] = { "", " 1", "1 ", "+1", "1.5", "0x10", "many",
                             "2147483648", "-2147483649", "--1", "-" };
    for (size_t index = 0; index < sizeof (wrong) / sizeof (*wrong); index++)
        assert (!zrelay_option_valid (option, wrong [index]));
    option = zrelay_option_find ("affinity");
    assert (!zrelay_option_valid (option, "-1"));
    assert (!zrelay_option_valid (option, "18446744073709551616"));
    option = zrelay_option_find ("curve_serverkey");
    assert (!zrelay_option_valid (option, "short"));
    assert (!zrelay_option_valid (option,
                                  "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{`ID"));

    //  libzmq refuses what the socket does not take
    option = zrelay_option_find ("xpub_nodrop");
    assert (zrelay_option_set (option, handle, "1") == -1);
    assert (errno == EINVAL);
    zsys_close (handle, __FILE__, __LINE__);
    //  @end
    printf ("OK\n");
}
