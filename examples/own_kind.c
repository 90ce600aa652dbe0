//  A kind of relay of one's own
//
//  The answerer is a queue that itself answers the requests it has learnt,
//  with a command of its own, and passes all others on to the workers.
//  Build: cc own_kind.c -o own_kind $(pkg-config --cflags --libs libzrelay)

#include <zrelay.h>

//  The kind's object: answers by request
static void *
s_create (zrelay_engine_t *engine)
{
    (void) engine;
    zhash_t *answers = zhash_new ();
    zhash_autofree (answers);
    return answers;
}

static void
s_destroy (void **object_p)
{
    zhash_destroy ((zhash_t **) object_p);
}

//  Is shown every request: routing id, empty frame, body
static zrelay_verdict_t
s_on_request (zrelay_engine_t *engine, void *answers,
              zrelay_message_t *message)
{
    (void) engine;
    size_t body = zrelay_message_frames (message) - 1;
    char *request = zrelay_message_strdup (message, body);
    const char *answer = (const char *) zhash_lookup (answers, request);
    zstr_free (&request);
    if (!answer)
        return ZRELAY_VERDICT_PASS;
    //  With the routing id still in front, it finds its way back
    zrelay_message_set (message, body, answer, strlen (answer));
    return ZRELAY_VERDICT_ANSWER;
}

//  LEARN request answer
static int
s_learn (zrelay_engine_t *engine, void *answers, size_t argc, char **argv,
         zmsg_t *unused)
{
    (void) argc, (void) unused;
    if (streq (argv [0], ""))
        return zrelay_engine_fail (engine, ZRELAY_STATUS_BAD_ARGUMENTS,
            "LEARN: the request is empty; it needs at least one letter");
    zhash_update (answers, argv [0], argv [1]);
    return ZRELAY_STATUS_DONE;
}

static const zrelay_command_t s_commands [] = {
    { ZRELAY_COMMAND, .name = "LEARN", .args = "request answer", .handler = s_learn,
      .help = "Answer that request without asking a worker" },
    { .name = NULL }
};

static const zrelay_kind_t s_kind = {
    ZRELAY_KIND,
    .name = "answerer",
    .frontend = { .types = "ROUTER" }, .backend = { .types = "DEALER" },
    .create = s_create, .destroy = s_destroy,
    .on_forward = s_on_request, .commands = s_commands
};

static void
answerer (zsock_t *pipe, void *args)
{
    zrelay_engine_run (&s_kind, pipe, args);
}

static void
s_print (const char *who, zsock_t *sock)
{
    char *string = zstr_recv (sock);
    printf ("%s: %s\n", who, string);
    zstr_free (&string);
}

int main (void)
{
    zactor_t *relay = zactor_new (answerer, NULL);
    zstr_sendx (relay, "BIND", "FRONTEND", "inproc://clients", NULL);
    zstr_sendx (relay, "BIND", "BACKEND", "inproc://workers", NULL);
    zstr_sendx (relay, "LEARN", "colour", "green", NULL);
    if (zsock_wait (relay) || zsock_wait (relay) || zsock_wait (relay))
        return 1;
    zsock_t *client = zsock_new_req (">inproc://clients");
    zsock_t *worker = zsock_new_rep (">inproc://workers");

    zstr_send (client, "colour");
    s_print ("relay answers", client);

    zstr_send (client, "weather");
    s_print ("worker is asked", worker);
    zstr_send (worker, "sunny");
    s_print ("worker answers", client);

    zsock_destroy (&client);
    zsock_destroy (&worker);
    zactor_destroy (&relay);
    return 0;
}
