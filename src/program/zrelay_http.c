/*  =========================================================================
    zrelay_http - serves metrics, health and the page over HTTP

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

/*
@discuss
    The connections' thread is libmicrohttpd's. It answers what needs no relay
    at once; it puts every other request on a list, suspends its connection, and
    goes on. The second thread takes all of the list, asks each relay once for
    all of these requests, and resumes the connections. So a thousand scrapes
    at once cost a relay one STATS, and /healthz answers also while a relay does
    not.
@end
*/

#include "zrelay_http.h"

#ifdef ZRELAY_HTTP

#include "zrelay_secret.h"
#include "zrelay_site.h"

#include <fcntl.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>

//  Connections at once, as a part of the descriptors that the process may have,
//  and at most. The rest waits in the kernel.
#define CONNECTIONS_PART 4
#define CONNECTIONS_MAX 1024
#define BACKLOG 1024

//  A connection may be silent for so many seconds, and its headers may have so
//  many bytes. No request has a body, so a small one is thrown away.
#define SILENCE_MAX 5
#define HEADERS_MAX 16384
#define BODY_MAX 1024

//  Shortest token: it cannot be guessed
#define TOKEN_MIN 16
#define TOKEN_MAX 256

typedef struct _request_t request_t;

struct _zrelay_http_t {
    zrelay_report_t *report;    //  Hears about failures
    int socket;                 //  Listens; libmicrohttpd's once it runs
    char *url;                  //  Where the page is
    bool local;                 //  Only this machine can reach it
    zrelay_site_t *site;        //  What is served
    struct MHD_Daemon *daemon;  //  Serves the connections
    char *control;              //  Endpoint of the relays
    pthread_t asker;            //  Asks the relays
    bool asks;                  //  That thread runs
    pthread_mutex_t mutex;      //  Protects what follows
    pthread_cond_t changed;     //  Something of it has changed
    request_t *first;           //  Requests that relays must be asked for
    request_t *last;            //  The last of them
    bool ends;                  //  No more of these are taken
};

//  How far a request has come
typedef enum {
    REQUEST_NEW,                //  Its headers are known
    REQUEST_WAITS,              //  It is on the list, and its connection sleeps
    REQUEST_DONE                //  There is an answer
} request_state_t;

struct _request_t {
    struct MHD_Connection *connection;  //  Where it came from
    request_state_t state;      //  How far it has come
    char *path;                 //  Its path
    size_t body;                //  Bytes of its body so far
    zrelay_site_answer_t answer; //  Its answer, once it is done
    request_t *next;            //  Next on the list
};

//  --------------------------------------------------------------------------
//  Answers

static void
s_free_answer (zrelay_site_answer_t *answer)
{
    if (!answer->constant)
        free (answer->body);
    memset (answer, 0, sizeof (*answer));
}

//  Nothing may be kept, framed, or guessed from what browsers load

static void
s_add_headers (struct MHD_Response *response,
               const zrelay_site_answer_t *answer)
{
    static const char *headers [] [2] = {
        { "Cache-Control", "no-store" },
        { "Content-Security-Policy", "default-src 'none'; style-src 'self';"
          " script-src 'self'; connect-src 'self'; img-src data:;"
          " base-uri 'none'; form-action 'none'; frame-ancestors 'none'" },
        { "Cross-Origin-Resource-Policy", "same-origin" },
        { "Referrer-Policy", "no-referrer" },
        { "X-Content-Type-Options", "nosniff" }
    };
    MHD_add_response_header (response, "Content-Type", answer->type);
    for (size_t index = 0; index < sizeof (headers) / sizeof (*headers);
         index++)
        MHD_add_response_header (response, headers [index] [0],
                                 headers [index] [1]);
    if (answer->allow)
        MHD_add_response_header (response, "Allow", answer->allow);
    if (answer->status == ZRELAY_SITE_UNAUTHORIZED)
        MHD_add_response_header (response, "WWW-Authenticate", "Bearer");
}

//  Takes the answer's body

static enum MHD_Result
s_send (struct MHD_Connection *connection, zrelay_site_answer_t *answer)
{
    struct MHD_Response *response = MHD_create_response_from_buffer (
        answer->size, answer->body, answer->constant?
        MHD_RESPMEM_PERSISTENT: MHD_RESPMEM_MUST_FREE);
    if (!response)
        return MHD_NO;
    answer->constant = true;
    s_add_headers (response, answer);
    enum MHD_Result rc =
        MHD_queue_response (connection, answer->status, response);
    MHD_destroy_response (response);
    return rc;
}

static enum MHD_Result
s_send_text (struct MHD_Connection *connection, zrelay_site_status_t status,
             const char *text)
{
    zrelay_site_answer_t answer = {
        .status = status, .type = "text/plain", .body = (char *) text,
        .size = strlen (text), .constant = true
    };
    return s_send (connection, &answer);
}

//  --------------------------------------------------------------------------
//  The list of requests that relays must be asked for

//  Put a request on the list, and let its connection sleep. Returns false if
//  there will be no answer.

static bool
s_enqueue (zrelay_http_t *self, request_t *request)
{
    pthread_mutex_lock (&self->mutex);
    bool taken = !self->ends;
    if (taken) {
        request->state = REQUEST_WAITS;
        request->next = NULL;
        if (self->first)
            self->last->next = request;
        else
            self->first = request;
        self->last = request;
        MHD_suspend_connection (request->connection);
        pthread_cond_signal (&self->changed);
    }
    pthread_mutex_unlock (&self->mutex);
    return taken;
}

//  Wait for requests and take all of them, or return NULL at the end

static request_t *
s_dequeue (zrelay_http_t *self)
{
    pthread_mutex_lock (&self->mutex);
    while (!self->first && !self->ends)
        pthread_cond_wait (&self->changed, &self->mutex);
    request_t *requests = self->first;
    self->first = NULL;
    pthread_mutex_unlock (&self->mutex);
    return requests;
}

static void *
s_ask (void *arg)
{
    zrelay_http_t *self = (zrelay_http_t *) arg;
    zrelay_client_t *client = zrelay_client_connect (self->control);
    request_t *request;
    while ((request = s_dequeue (self))) {
        zrelay_site_forget (self->site);
        while (request) {
            //  Once its connection is awake, the request may be gone
            request_t *next = request->next;
            struct MHD_Connection *connection = request->connection;
            zrelay_site_ask (self->site, client, request->path,
                             &request->answer);
            request->state = REQUEST_DONE;
            MHD_resume_connection (connection);
            request = next;
        }
    }
    zrelay_client_destroy (&client);
    return NULL;
}

//  --------------------------------------------------------------------------
//  Requests

static request_t *
s_request_new (struct MHD_Connection *connection, const char *path)
{
    request_t *self = (request_t *) zmalloc (sizeof (request_t));
    assert (self);
    self->connection = connection;
    self->path = strdup (path);
    assert (self->path);
    return self;
}

static void
s_on_completed (void *arg, struct MHD_Connection *connection,
                void **request_p, enum MHD_RequestTerminationCode code)
{
    (void) arg;
    (void) connection;
    (void) code;
    request_t *self = (request_t *) *request_p;
    if (!self)
        return;
    s_free_answer (&self->answer);
    zstr_free (&self->path);
    freen (self);
    *request_p = NULL;
}

static const char *
s_header (struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value (connection, MHD_HEADER_KIND, name);
}

//  A body that is announced as too large is not waited for

static bool
s_is_too_large (struct MHD_Connection *connection)
{
    const char *size = s_header (connection, "Content-Length");
    return size && strtoull (size, NULL, 10) > BODY_MAX;
}

//  The headers are there

static enum MHD_Result
s_begin (zrelay_http_t *self, struct MHD_Connection *connection,
         const char *path, const char *method, void **request_p)
{
    if (s_is_too_large (connection))
        return s_send_text (connection, ZRELAY_SITE_TOO_LARGE,
                            "no request has a body here\n");
    zrelay_site_request_t asked = {
        .method = method,
        .path = path,
        .host = s_header (connection, "Host"),
        .origin = s_header (connection, "Origin"),
        .fetch_site = s_header (connection, "Sec-Fetch-Site"),
        .authorization = s_header (connection, "Authorization")
    };
    zrelay_site_answer_t answer;
    if (zrelay_site_answer (self->site, &asked, &answer)
    &&  streq (method, "POST"))
        //  Its body, if any, is not waited for
        return s_send (connection, &answer);
    request_t *request = s_request_new (connection, path);
    *request_p = request;
    if (answer.status) {
        request->answer = answer;
        request->state = REQUEST_DONE;
    }
    return MHD_YES;
}

//  libmicrohttpd calls this once for the headers, for each part of the body,
//  at its end, and again when the connection was resumed

static enum MHD_Result
s_on_request (void *arg, struct MHD_Connection *connection, const char *path,
              const char *method, const char *version, const char *data,
              size_t *size, void **request_p)
{
    (void) version;
    (void) data;
    zrelay_http_t *self = (zrelay_http_t *) arg;
    request_t *request = (request_t *) *request_p;
    if (!request)
        return s_begin (self, connection, path, method, request_p);
    if (*size > 0) {
        request->body += *size;
        *size = 0;
        return request->body > BODY_MAX? MHD_NO: MHD_YES;
    }
    if (request->state == REQUEST_DONE)
        return s_send (connection, &request->answer);
    return s_enqueue (self, request)? MHD_YES:
        s_send_text (connection, ZRELAY_SITE_UNAVAILABLE,
                     "the relays end\n");
}

//  --------------------------------------------------------------------------
//  Listening

//  Split HOST:PORT. Returns false if it does not have that form.

static bool
s_split (const char *address, char **host_p, char **port_p)
{
    const char *colon = strrchr (address, ':');
    if (!colon || colon == address)
        return false;
    const char *port = colon + 1;
    if (!*port || strspn (port, "0123456789") < strlen (port)
    ||  strlen (port) > strlen ("65535") || atoi (port) > UINT16_MAX)
        return false;
    bool brackets = *address == '[' && colon [-1] == ']';
    if (!brackets && memchr (address, ':', (size_t) (colon - address)))
        return false;
    *host_p = strndup (address + brackets,
                       (size_t) (colon - address) - 2 * brackets);
    *port_p = strdup (port);
    assert (*host_p && *port_p);
    return true;
}

static int
s_listen (const struct addrinfo *place)
{
    int handle = socket (place->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (handle == -1)
        return -1;
    int on = 1;
    setsockopt (handle, SOL_SOCKET, SO_REUSEADDR, &on, sizeof (on));
    if (bind (handle, place->ai_addr, place->ai_addrlen)
    ||  listen (handle, BACKLOG)
    ||  fcntl (handle, F_SETFL, O_NONBLOCK)) {
        int error = errno;
        close (handle);
        errno = error;
        return -1;
    }
    return handle;
}

static bool
s_is_loopback (const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *ip4 = (const struct sockaddr_in *) address;
        return ntohl (ip4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    const struct sockaddr_in6 *ip6 = (const struct sockaddr_in6 *) address;
    return IN6_IS_ADDR_LOOPBACK (&ip6->sin6_addr);
}

//  Where it listens, as numbers

static int
s_note_place (zrelay_http_t *self)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof (address);
    char host [NI_MAXHOST], port [NI_MAXSERV];
    if (getsockname (self->socket, (struct sockaddr *) &address, &size)
    ||  getnameinfo ((struct sockaddr *) &address, size, host, sizeof (host),
                     port, sizeof (port), NI_NUMERICHOST | NI_NUMERICSERV))
        return -1;
    self->local = s_is_loopback (&address);
    self->url = zsys_sprintf (strchr (host, ':')? "http://[%s]:%s/":
                              "http://%s:%s/", host, port);
    assert (self->url);
    return 0;
}

static int
s_open (zrelay_http_t *self, const char *address)
{
    char *host = NULL, *port = NULL;
    if (!s_split (address, &host, &port)) {
        zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "--metrics takes HOST:PORT, such as 127.0.0.1:9464, not '%s'",
            address);
        return -1;
    }
    struct addrinfo wanted = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE
    };
    struct addrinfo *places = NULL;
    int rc = getaddrinfo (streq (host, "*")? NULL: host, port, &wanted,
                          &places);
    zstr_free (&host);
    zstr_free (&port);
    if (rc == 0)
        self->socket = s_listen (places);
    if (self->socket == -1)
        zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "cannot listen at %s: %s; name another place with --metrics",
            address, rc? gai_strerror (rc): strerror (errno));
    if (rc == 0)
        freeaddrinfo (places);
    return self->socket == -1? -1: s_note_place (self);
}

//  --------------------------------------------------------------------------
//  Constructor and destructor

//  Take the token out of a file, without the space around it. Returns 0, or
//  -1 with the reason reported.

static int
s_read_token (zrelay_http_t *self, const char *filename, char *token)
{
    *token = 0;
    char *text = zrelay_secret_read (filename, self->report);
    if (!text)
        return -1;
    char *start = text + strspn (text, " \t\r\n");
    size_t size = strcspn (start, " \t\r\n");
    bool right = size >= TOKEN_MIN && size <= TOKEN_MAX
              && strspn (start + size, " \t\r\n") == strlen (start + size);
    for (size_t index = 0; index < size; index++)
        right = right && isgraph ((byte) start [index]);
    if (right)
        snprintf (token, TOKEN_MAX + 1, "%.*s", (int) size, start);
    else
        zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "%s must have one word of %d to %d characters, the token of those"
            " who may steer", filename, TOKEN_MIN, TOKEN_MAX);
    explicit_bzero (text, strlen (text));
    zstr_free (&text);
    return right? 0: -1;
}

zrelay_http_t *
zrelay_http_new (const char *address, const char *token_file,
                 zrelay_report_t *report)
{
    zrelay_http_t *self = (zrelay_http_t *) zmalloc (sizeof (zrelay_http_t));
    assert (self);
    self->report = report;
    self->socket = -1;
    pthread_mutex_init (&self->mutex, NULL);
    pthread_cond_init (&self->changed, NULL);
    char token [TOKEN_MAX + 1];
    if ((token_file && s_read_token (self, token_file, token))
    ||  s_open (self, address))
        zrelay_http_destroy (&self);
    else
        self->site = zrelay_site_new (token_file? token: NULL, self->local);
    explicit_bzero (token, sizeof (token));
    return self;
}

//  The connections that sleep are awake, and answered, before the end.
//  libmicrohttpd closes the socket.

static void
s_stop (zrelay_http_t *self)
{
    pthread_mutex_lock (&self->mutex);
    self->ends = true;
    pthread_cond_signal (&self->changed);
    pthread_mutex_unlock (&self->mutex);
    if (self->asks)
        pthread_join (self->asker, NULL);
    if (self->daemon)
        MHD_stop_daemon (self->daemon);
    else
    if (self->socket != -1)
        close (self->socket);
}

void
zrelay_http_destroy (zrelay_http_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_http_t *self = *self_p;
        s_stop (self);
        zrelay_site_destroy (&self->site);
        pthread_cond_destroy (&self->changed);
        pthread_mutex_destroy (&self->mutex);
        zstr_free (&self->url);
        zstr_free (&self->control);
        freen (self);
        *self_p = NULL;
    }
}

//  --------------------------------------------------------------------------
//  Serving

static unsigned
s_connections (void)
{
    struct rlimit limit;
    if (getrlimit (RLIMIT_NOFILE, &limit)
    ||  limit.rlim_cur / CONNECTIONS_PART > CONNECTIONS_MAX)
        return CONNECTIONS_MAX;
    return (unsigned) (limit.rlim_cur / CONNECTIONS_PART);
}

static int
s_start (zrelay_http_t *self)
{
    self->asks = pthread_create (&self->asker, NULL, s_ask, self) == 0;
    self->daemon = !self->asks? NULL: MHD_start_daemon (
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0,
        NULL, NULL, s_on_request, self,
        MHD_OPTION_LISTEN_SOCKET, self->socket,
        MHD_OPTION_NOTIFY_COMPLETED, s_on_completed, NULL,
        MHD_OPTION_CONNECTION_LIMIT, s_connections (),
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned) SILENCE_MAX,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) HEADERS_MAX,
        MHD_OPTION_END);
    return self->daemon? 0: -1;
}

zrelay_exit_t
zrelay_http_start (zrelay_http_t *self, zrelay_client_t *host, zlist_t *lines)
{
    self->control = zsys_sprintf ("inproc://zrelay-http-%p", (void *) self);
    assert (self->control);
    if (zrelay_client_command (host, "CONTROL", self->control, NULL))
        return zrelay_report_say (self->report, ZRELAY_EXIT_FAILED,
            "--metrics: %s", zrelay_client_error (host));
    if (s_start (self))
        return zrelay_report_say (self->report, ZRELAY_EXIT_FAILED,
            "--metrics: cannot start the HTTP server: %s", strerror (errno));
    char *line = zsys_sprintf ("metrics: served at %s", self->url);
    assert (line);
    zlist_append (lines, line);
    zstr_free (&line);
    return ZRELAY_EXIT_NOT_YET;
}

#else

zrelay_http_t *
zrelay_http_new (const char *address, const char *token,
                 zrelay_report_t *report)
{
    (void) address;
    (void) token;
    zrelay_report_say (report, ZRELAY_EXIT_MISUSE,
        "--metrics needs libmicrohttpd, and this program was built without"
        " it; install libmicrohttpd-dev, configure and build again");
    return NULL;
}

void
zrelay_http_destroy (zrelay_http_t **self_p)
{
    assert (self_p);
    *self_p = NULL;
}

zrelay_exit_t
zrelay_http_start (zrelay_http_t *self, zrelay_client_t *host, zlist_t *lines)
{
    (void) self;
    (void) host;
    (void) lines;
    return ZRELAY_EXIT_FAILED;
}

#endif
