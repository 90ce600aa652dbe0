//  Paranoid Pirate worker (ZeroMQ RFC 6)
//
//  Answers "Hello N" with "World N", until it is interrupted. Worker and relay
//  send each other heartbeats. When the relay falls silent, the worker connects
//  again, after a pause that doubles each time.
//  Usage: ppworker [endpoint [msecs between heartbeats]]

#include <czmq.h>

#define READY "\x01"
#define HEARTBEAT "\x02"

//  Heartbeats missed until the relay counts as lost, and the longest pause
#define LIVENESS 3
#define PAUSE_MOST 32000

static zsock_t *
s_connect (const char *endpoint)
{
    zsock_t *worker = zsock_new_dealer (endpoint);
    if (worker)
        zstr_send (worker, READY);
    return worker;
}

//  Turn a request into its reply: the last frame is the body, and the client's
//  address before it remains. This worker sends no heartbeats while it works.
//  If that takes longer than the relay waits, let a thread do the work, or
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
}

//  Serve until the relay is silent; returns false if interrupted. pause begins
//  anew when the relay is heard.
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
            if (!msg)
                break;          //  Interrupted
            heard_at = zclock_mono ();
            *pause = heartbeat;
            //  A heartbeat has one frame
            if (zmsg_size (msg) > 1) {
                s_work (msg);
                zmsg_send (&msg, worker);
            }
            zmsg_destroy (&msg);
        }
        if (zclock_mono () >= beat_at) {
            zstr_send (worker, HEARTBEAT);
            beat_at = zclock_mono () + heartbeat;
        }
    }
    zpoller_destroy (&poller);
    return !zsys_interrupted;
}

int main (int argc, char *argv [])
{
    const char *endpoint = argc > 1? argv [1]: "tcp://127.0.0.1:5556";
    int heartbeat = argc > 2? atoi (argv [2]): 1000;

    zsock_t *worker = s_connect (endpoint);
    if (!worker) {
        fprintf (stderr, "ppworker: cannot connect to %s\n", endpoint);
        return 1;
    }
    int pause = heartbeat;
    while (worker && s_serve (worker, heartbeat, &pause)) {
        printf ("The relay is silent, connecting again in %d msec\n", pause);
        fflush (stdout);
        zsock_destroy (&worker);
        zclock_sleep (pause);
        pause = pause < PAUSE_MOST / 2? pause * 2: PAUSE_MOST;
        worker = s_connect (endpoint);
    }
    zsock_destroy (&worker);
    return 0;
}
