//  A kind of relay of your own, with the whole command line of zrelay
//
//  The answerer is a queue that itself answers the requests it has learnt, and
//  passes all others on to the workers:
//
//      own_kind -o relay.learn=colour=green
//
//  Build: cc own_kind.c $(pkg-config --cflags --libs libzrelay-main) -o own_kind

#include <zrelay.h>
#include <zrelay_main.h>

//  The kind's object: answers by request, and how many were given
typedef struct {
    zhash_t *answers;
    uint64_t answered;
} answerer_t;

static void *
s_create (zrelay_engine_t *engine)
{
    (void) engine;
    answerer_t *self = (answerer_t *) zmalloc (sizeof (answerer_t));
    self->answers = zhash_new ();
    zhash_autofree (self->answers);
    return self;
}

static void
s_destroy (void **object_p)
{
    answerer_t *self = (answerer_t *) *object_p;
    zhash_destroy (&self->answers);
    free (self);
    *object_p = NULL;
}

//  Sees every request: routing id, empty frame, body
static zrelay_verdict_t
s_on_request (zrelay_engine_t *engine, void *object, zrelay_message_t *message)
{
    (void) engine;
    answerer_t *self = (answerer_t *) object;
    size_t body = zrelay_message_frames (message) - 1;
    char *request = zrelay_message_strdup (message, body);
    const char *answer = (const char *) zhash_lookup (self->answers, request);
    zstr_free (&request);
    if (!answer)
        return ZRELAY_VERDICT_PASS;
    //  The routing id is still in front, so the answer finds its way back
    zrelay_message_set (message, body, answer, strlen (answer));
    self->answered++;
    return ZRELAY_VERDICT_ANSWER;
}

//  SET RELAY learn REQUEST=ANSWER
static int
s_learn (zrelay_engine_t *engine, void *object, const char *value)
{
    const char *equals = strchr (value, '=');
    if (!equals || equals == value)
        return zrelay_engine_fail (engine, ZRELAY_STATUS_BAD_ARGUMENTS,
            "learn takes REQUEST=ANSWER, not %s",
            zrelay_engine_quote (engine, value));
    char *request = strndup (value, equals - value);
    zhash_update (((answerer_t *) object)->answers, request,
                  (void *) (equals + 1));
    zstr_free (&request);
    return ZRELAY_STATUS_DONE;
}

static const zrelay_setting_t s_settings [] = {
    { ZRELAY_SETTING, .name = "learn", .set = s_learn,
      .help = "REQUEST=ANSWER, to be given without asking a worker" },
    { .name = NULL }
};

static const zrelay_counter_t s_counters [] = {
    { ZRELAY_COUNTER, .name = "answered",
      .offset = offsetof (answerer_t, answered) },
    { .name = NULL }
};

static const zrelay_kind_t s_answerer = {
    ZRELAY_KIND,
    .name = "answerer",
    .help = "answers the requests it has learnt, and queues the others",
    .frontend = { .types = "ROUTER", .endpoint = "@tcp://127.0.0.1:5559",
                  .peers = "REQ and DEALER clients" },
    .backend = { .types = "DEALER", .endpoint = "@tcp://127.0.0.1:5560",
                 .peers = "REP and DEALER workers" },
    .create = s_create,
    .destroy = s_destroy,
    .on_forward = s_on_request,
    .settings = s_settings,
    .counters = s_counters
};

int main (int argc, char *argv [])
{
    const zrelay_kind_t *kinds [] = { &s_answerer, NULL };
    return zrelay_main (kinds, argc, argv);
}
