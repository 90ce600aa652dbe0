//  Majordomo worker (protocol 0.2, ZeroMQ RFC 18)
//
//  Serves one service, here by answering "Hello N" with "World N", until it is
//  interrupted. Worker and broker send each other heartbeats. When the broker
//  falls silent, or disconnects, the worker connects again, after a pause that
//  doubles each time.
//  Usage: mdworker [endpoint [service [msecs between heartbeats]]]

#include <czmq.h>

#define PROTOCOL "MDPW02"
#define READY "\x01"
#define REQUEST "\x02"
#define FINAL "\x04"
#define HEARTBEAT "\x05"
#define DISCONNECT "\x06"

//  Heartbeats missed until the broker counts as lost, and the longest pause
#define LIVENESS 3
#define PAUSE_MOST 32000

static zsock_t *
s_connect (const char *endpoint, const char *service)
{
    zsock_t *worker = zsock_new_dealer (endpoint);
    if (worker)
        zstr_sendx (worker, PROTOCOL, READY, service, NULL);
    return worker;
}

//  Turn a request into its reply: the last frame is the body, and the client's
//  address before it remains. This worker sends no heartbeats while it works.
//  If that takes longer than the broker waits, let a thread do the work, or
//  another worker gets the request as well.
static void
s_work (zmsg_t *msg)
{
    zframe_t *body = zmsg_last (msg);
    char *request = zframe_strdup (body);
    printf ("Received request [%s]\n", request);
    fflush (stdout);

    //  A real worker would do its work here
    const char *number = strchr (request, ' ');
    char *reply = zsys_sprintf ("World%s", number? number: "");
    zframe_reset (body, reply, strlen (reply));
    zstr_free (&reply);
    zstr_free (&request);
    zmsg_pushstr (msg, FINAL);
    zmsg_pushstr (msg, PROTOCOL);
}

//  Handle a message; returns false if the broker ends the conversation
static bool
s_handle (zsock_t *worker, zmsg_t *msg)
{
    char *protocol = zmsg_popstr (msg);
    char *command = zmsg_popstr (msg);
    bool known = command && streq (protocol, PROTOCOL);
    bool ended = known && streq (command, DISCONNECT);
    if (known && streq (command, REQUEST)) {
        s_work (msg);
        zmsg_send (&msg, worker);
    }
    zmsg_destroy (&msg);
    zstr_free (&protocol);
    zstr_free (&command);
    return !ended;
}

//  Serve until the broker is lost; returns false if interrupted. pause begins
//  anew when the broker has work or heartbeats for us.
static bool
s_serve (zsock_t *worker, int heartbeat, int *pause)
{
    zpoller_t *poller = zpoller_new (worker, NULL);
    int64_t heard_at = zclock_mono ();
    int64_t beat_at = heard_at + heartbeat;
    while (zclock_mono () < heard_at + LIVENESS * heartbeat) {
        int64_t left = beat_at - zclock_mono ();
        void *ready = zpoller_wait (poller, left > 0? (int) left: 0);
        if (zpoller_terminated (poller))
            break;
        if (ready) {
            zmsg_t *msg = zmsg_recv (worker);
            if (!msg || !s_handle (worker, msg))
                break;
            heard_at = zclock_mono ();
            *pause = heartbeat;
        }
        if (zclock_mono () >= beat_at) {
            zstr_sendx (worker, PROTOCOL, HEARTBEAT, NULL);
            beat_at = zclock_mono () + heartbeat;
        }
    }
    zpoller_destroy (&poller);
    return !zsys_interrupted;
}

int main (int argc, char *argv [])
{
    const char *endpoint = argc > 1? argv [1]: "tcp://127.0.0.1:5555";
    const char *service = argc > 2? argv [2]: "greeting";
    int heartbeat = argc > 3? atoi (argv [3]): 1000;

    zsock_t *worker = s_connect (endpoint, service);
    if (!worker) {
        fprintf (stderr, "mdworker: cannot connect to %s\n", endpoint);
        return 1;
    }
    int pause = heartbeat;
    while (worker && s_serve (worker, heartbeat, &pause)) {
        printf ("The broker is lost, connecting again in %d msec\n", pause);
        fflush (stdout);
        zsock_destroy (&worker);
        zclock_sleep (pause);
        pause = pause < PAUSE_MOST / 2? pause * 2: PAUSE_MOST;
        worker = s_connect (endpoint, service);
    }
    //  Tell the broker, so that it gives us no more work
    if (worker)
        zstr_sendx (worker, PROTOCOL, DISCONNECT, NULL);
    zsock_destroy (&worker);
    return 0;
}
