//  Programs with kinds of their own, made with zrelay_main (). The first word
//  of the command line chooses the table of kinds, and becomes the name of the
//  program; the rest is the program's command line. Run by program_test.py.

#include <zrelay.h>
#include <zrelay_main.h>

//  --------------------------------------------------------------------------
//  Both sides, and settings of its own: appends a frame to each message

//  Values of x
#define X_LEAST 0
#define X_MOST 9

typedef struct {
    int64_t x;                  //  The digit in the frame
} stamper_t;

static void *
s_stamper_create (zrelay_engine_t *engine)
{
    (void) engine;
    return zmalloc (sizeof (stamper_t));
}

static void
s_stamper_destroy (void **object_p)
{
    freen (*object_p);
    *object_p = NULL;
}

static zrelay_verdict_t
s_stamper_on_forward (zrelay_engine_t *engine, void *object,
                      zrelay_message_t *message)
{
    (void) engine;
    char digit = (char) ('0' + ((stamper_t *) object)->x);
    zrelay_message_append (message, &digit, sizeof (digit));
    return ZRELAY_VERDICT_PASS;
}

static const zrelay_setting_t s_stamper_settings [] = {
    { ZRELAY_SETTING, .name = "x", .help = "digit that is appended, 0 to 9",
      .offset = offsetof (stamper_t, x), .least = X_LEAST, .most = X_MOST },
    { .name = NULL }
};

static const zrelay_kind_t s_stamper = {
    ZRELAY_KIND,
    .name = "stamper",
    .help = "appends a digit to each message",
    .frontend = { .types = "PULL", .endpoint = "@tcp://127.0.0.1:5557",
                  .peers = "PUSH sockets" },
    .backend = { .types = "PUSH", .endpoint = "@tcp://127.0.0.1:5558",
                 .peers = "PULL sockets" },
    .create = s_stamper_create,
    .destroy = s_stamper_destroy,
    .on_forward = s_stamper_on_forward,
    .settings = s_stamper_settings
};

//  --------------------------------------------------------------------------
//  One side, without a default endpoint and a word of help: answers each
//  request with itself. One that ends with "sleep" keeps it from everything
//  else, as no kind should.

#define SLEEP_MSECS 4000

static zrelay_verdict_t
s_echo_on_forward (zrelay_engine_t *engine, void *object,
                   zrelay_message_t *message)
{
    (void) engine;
    (void) object;
    if (zrelay_message_streq (message, zrelay_message_frames (message) - 1,
                              "sleep"))
        zclock_sleep (SLEEP_MSECS);
    return ZRELAY_VERDICT_ANSWER;
}

static const zrelay_kind_t s_echo = {
    ZRELAY_KIND,
    .name = "echo",
    .frontend = { .types = "ROUTER" },
    .on_forward = s_echo_on_forward
};

//  --------------------------------------------------------------------------
//  The programs

static const zrelay_kind_t *const s_stamper_kinds [] = { &s_stamper, NULL };
static const zrelay_kind_t *const s_echo_kinds [] = { &s_echo, NULL };
static const zrelay_kind_t *const s_both_kinds [] = {
    &s_stamper, &s_echo, NULL
};

static const struct {
    const char *name;           //  Of the program
    const zrelay_kind_t *const *kinds;  //  Those that it has
} s_programs [] = {
    { "stamp", s_stamper_kinds },
    { "echo", s_echo_kinds },
    { "both", s_both_kinds },
    { NULL, NULL }
};

int
main (int argc, char *argv [])
{
    for (size_t index = 0; argc > 1 && s_programs [index].name; index++)
        if (streq (s_programs [index].name, argv [1]))
            return zrelay_main (s_programs [index].kinds, argc - 1, argv + 1);
    return EXIT_FAILURE;
}
