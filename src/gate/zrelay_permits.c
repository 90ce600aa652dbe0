/*  =========================================================================
    zrelay_permits - who may do what: a file of rules

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_permits.h"
#include "zrelay_cidr.h"
#include "zrelay_file.h"

//  The file is looked at so often, in msecs
#define UPDATE_IVL 1000

//  Words in a line: two for who, the right, the beginning
#define WORDS_MAX 4

static const char *const s_rights [ZRELAY_PERMITS_RIGHTS] = {
    "subscribe", "publish", "request", "reply"
};

//  Whom a rule is about
typedef enum {
    WHO_ANYBODY,
    WHO_USER,
    WHO_ADDRESS
} who_t;

static const struct {
    const char *word;           //  First of the line
    size_t words;               //  How many say who it is
} s_whos [] = {
    [WHO_ANYBODY] = { "anybody", 1 },
    [WHO_USER] = { "user", 2 },
    [WHO_ADDRESS] = { "address", 2 }
};
#define WHOS (sizeof (s_whos) / sizeof (*s_whos))

typedef struct {
    who_t who;                  //  Whom it is about
    char *user;                 //  A user, or NULL
    zrelay_cidr_t network;      //  Or a network
    zrelay_permits_right_t right;
    byte *beginning;            //  Of what is permitted
    size_t size;                //  Bytes in that
} rule_t;

struct _zrelay_permits_t {
    char *filename;             //  Where the rules are
    zrelay_stamp_t stamp;       //  The file that was read
    zlistx_t *rules;            //  rule_t
    char problem [600];         //  Why there are none, or empty
    int64_t updated_at;         //  When the file was looked at, in msecs
    uint64_t revision;          //  Times that somebody lost a right
};

const char *
zrelay_permits_name (zrelay_permits_right_t right)
{
    return s_rights [right];
}

static void
s_rule_destroy (void **item_p)
{
    rule_t *rule = (rule_t *) *item_p;
    zstr_free (&rule->user);
    freen (rule->beginning);
    freen (rule);
    *item_p = NULL;
}

static zlistx_t *
s_rules_new (void)
{
    zlistx_t *rules = zlistx_new ();
    assert (rules);
    zlistx_set_destructor (rules, s_rule_destroy);
    return rules;
}


//  --------------------------------------------------------------------------
//  Words. A quoted one may have any bytes, and so has a size.

typedef struct {
    byte *data;                 //  In the line, which is changed for that
    size_t size;                //  Bytes in that; a zero byte follows
} word_t;

static int
s_hex (char digit)
{
    return isdigit ((byte) digit)? digit - '0':
           isxdigit ((byte) digit)? tolower ((byte) digit) - 'a' + 10: -1;
}

//  Takes what stands behind a backslash. Returns its length, or 0 if that is
//  nothing that may stand there.

static size_t
s_unescape (const char *text, byte *value)
{
    *value = (byte) *text;
    if (*text == '"' || *text == '\\')
        return 1;
    if (*text != 'x' || s_hex (text [1]) == -1 || s_hex (text [2]) == -1)
        return 0;
    *value = (byte) (s_hex (text [1]) * 16 + s_hex (text [2]));
    return 3;
}

//  Returns where the word ends, or NULL if it does not end as it should

static char *
s_take_quoted (char *text, word_t *word)
{
    word->data = (byte *) text;
    word->size = 0;
    char *from = text + 1;
    while (*from && *from != '"') {
        byte value = (byte) *from;
        size_t length = 1;
        if (*from == '\\' && (length = s_unescape (from + 1, &value)) > 0)
            length++;
        if (length == 0)
            return NULL;
        word->data [word->size++] = value;
        from += length;
    }
    return *from == '"' && strchr (" \t", from [1])? from + 1: NULL;
}

static char *
s_take_word (char *text, word_t *word)
{
    if (*text == '"')
        return s_take_quoted (text, word);
    word->data = (byte *) text;
    word->size = strcspn (text, " \t");
    return memchr (text, '"', word->size)? NULL: text + word->size;
}

//  Returns how many words there are, or one more than there may be, or -1

static int
s_split (char *line, word_t words [WORDS_MAX])
{
    int count = 0;
    char *text = line + strspn (line, " \t");
    while (*text) {
        if (count == WORDS_MAX)
            return WORDS_MAX + 1;
        char *end = s_take_word (text, &words [count]);
        if (!end)
            return -1;
        bool more = *end != 0;
        words [count].data [words [count].size] = 0;
        count++;
        text = end + more;
        text += strspn (text, " \t");
    }
    return count;
}


//  --------------------------------------------------------------------------
//  Lines

static bool
s_is (const word_t *word, const char *string)
{
    return word->size == strlen (string)
        && memcmp (word->data, string, word->size) == 0;
}

static const char *
s_set_who (rule_t *rule, const word_t words [WORDS_MAX], size_t count)
{
    size_t who = 0;
    while (who < WHOS && !s_is (&words [0], s_whos [who].word))
        who++;
    if (who == WHOS)
        return "begins with neither 'anybody', 'user' nor 'address'";
    rule->who = (who_t) who;
    if (count <= s_whos [who].words)
        return "is too short; it must be WHO RIGHT [BEGINNING]";
    const char *name = (const char *) words [1].data;
    if (rule->who != WHO_ANYBODY && strlen (name) != words [1].size)
        return "has a zero byte in a name";
    if (rule->who == WHO_ADDRESS && zrelay_cidr_parse (&rule->network, name))
        return "names an address that is none, or has bits beyond its length";
    if (rule->who == WHO_USER) {
        if (!*name)
            return "has a user without a name";
        rule->user = strdup (name);
        assert (rule->user);
    }
    return NULL;
}

static const char *
s_set_right (rule_t *rule, const word_t *word)
{
    size_t right = 0;
    while (right < ZRELAY_PERMITS_RIGHTS && !s_is (word, s_rights [right]))
        right++;
    if (right == ZRELAY_PERMITS_RIGHTS)
        return "has no right; there are subscribe, publish, request and reply";
    rule->right = (zrelay_permits_right_t) right;
    return NULL;
}

//  Returns what is wrong, or NULL

static const char *
s_set_rule (rule_t *rule, char *line)
{
    word_t words [WORDS_MAX];
    for (const char *letter = line; *letter; letter++)
        if (iscntrl ((byte) *letter) && *letter != '\t')
            return *letter == '\r'?
                "has a carriage return; save the file with Unix line ends":
                "has a control character";
    int count = s_split (line, words);
    if (count == -1)
        return "has a quote that does not end, or a wrong \\ in one";
    const char *problem = s_set_who (rule, words, (size_t) count);
    if (problem)
        return problem;
    size_t next = s_whos [rule->who].words;
    if ((size_t) count > next + 2)
        return "has too many words; it must be WHO RIGHT [BEGINNING]";
    problem = s_set_right (rule, &words [next]);
    if (problem || (size_t) count == next + 1)
        return problem;
    rule->size = words [next + 1].size;
    rule->beginning = (byte *) malloc (rule->size + 1);
    assert (rule->beginning);
    memcpy (rule->beginning, words [next + 1].data, rule->size);
    return NULL;
}

static const char *
s_take_line (zlistx_t *rules, char *line)
{
    size_t blanks = strspn (line, " \t");
    if (line [blanks] == 0 || line [blanks] == '#')
        return NULL;
    rule_t *rule = (rule_t *) zmalloc (sizeof (rule_t));
    assert (rule);
    const char *problem = s_set_rule (rule, line);
    if (problem)
        s_rule_destroy ((void **) &rule);
    else
        zlistx_add_end (rules, rule);
    return problem;
}

//  Returns -1 with the problem if a line is wrong

static int
s_take_lines (zrelay_permits_t *self, zlistx_t *rules, zrelay_file_t *file)
{
    const char *problem = NULL;
    char *line = (char *) file->data;
    char *end = line + file->size;
    size_t number = 0;
    while (line < end && !problem) {
        number++;
        char *next = (char *) memchr (line, '\n', (size_t) (end - line));
        next = next? next: end;
        *next = 0;
        problem = strlen (line) != (size_t) (next - line)?
            "has a zero byte": s_take_line (rules, line);
        line = next + 1;
    }
    if (problem)
        snprintf (self->problem, sizeof (self->problem), "%s: line %zu %s",
                  self->filename, number, problem);
    return problem? -1: 0;
}


//  --------------------------------------------------------------------------
//  Reading

static bool
s_is_same (const rule_t *rule, const rule_t *other)
{
    return rule->who == other->who && rule->right == other->right
        && rule->size == other->size
        && (rule->size == 0
         || memcmp (rule->beginning, other->beginning, rule->size) == 0)
        && (rule->who != WHO_USER || streq (rule->user, other->user))
        && memcmp (&rule->network, &other->network,
                   sizeof (rule->network)) == 0;
}

static bool
s_contains (zlistx_t *rules, const rule_t *wanted)
{
    rule_t *rule = (rule_t *) zlistx_first (rules);
    while (rule && !s_is_same (rule, wanted))
        rule = (rule_t *) zlistx_next (rules);
    return rule != NULL;
}

//  Nobody has lost a right if every rule is still there

static bool
s_are_fewer (zlistx_t *rules, zlistx_t *before)
{
    rule_t *rule = (rule_t *) zlistx_first (before);
    while (rule && s_contains (rules, rule))
        rule = (rule_t *) zlistx_next (before);
    return rule != NULL;
}

//  Returns true if something is not as it was

static bool
s_read (zrelay_permits_t *self)
{
    zlistx_t *rules = s_rules_new ();
    zrelay_file_t file;
    char before [sizeof (self->problem)];
    memcpy (before, self->problem, sizeof (before));
    *self->problem = 0;
    if (zrelay_file_read (&file, AT_FDCWD, self->filename, false))
        snprintf (self->problem, sizeof (self->problem), "%s", file.problem);
    else
    if (s_take_lines (self, rules, &file))
        zlistx_purge (rules);
    zrelay_file_wipe (&file);
    self->stamp = file.stamp;
    bool fewer = s_are_fewer (rules, self->rules);
    bool changed = fewer || s_are_fewer (self->rules, rules)
                || strneq (before, self->problem);
    self->revision += fewer;
    zlistx_destroy (&self->rules);
    self->rules = rules;
    return changed;
}

zrelay_permits_t *
zrelay_permits_new (const char *filename)
{
    zrelay_permits_t *self =
        (zrelay_permits_t *) zmalloc (sizeof (zrelay_permits_t));
    assert (self);
    self->filename = strdup (filename);
    assert (self->filename);
    self->rules = s_rules_new ();
    self->updated_at = zclock_mono ();
    s_read (self);
    return self;
}

void
zrelay_permits_destroy (zrelay_permits_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_permits_t *self = *self_p;
        zlistx_destroy (&self->rules);
        zstr_free (&self->filename);
        freen (self);
        *self_p = NULL;
    }
}

const char *
zrelay_permits_problem (zrelay_permits_t *self)
{
    return *self->problem? self->problem: NULL;
}

bool
zrelay_permits_update (zrelay_permits_t *self, int64_t now)
{
    if (now < self->updated_at + UPDATE_IVL)
        return false;
    self->updated_at = now;
    if (zrelay_file_is_same (&self->stamp, AT_FDCWD, self->filename))
        return false;
    return s_read (self);
}

uint64_t
zrelay_permits_revision (zrelay_permits_t *self)
{
    return self->revision;
}


//  --------------------------------------------------------------------------
//  Deciding

static bool
s_is_about (const rule_t *rule, const char *user, const zrelay_cidr_t *address)
{
    switch (rule->who) {
        case WHO_USER:
            return user && streq (rule->user, user);
        case WHO_ADDRESS:
            return zrelay_cidr_contains (&rule->network, address);
        default:
            return true;
    }
}

bool
zrelay_permits_allow (zrelay_permits_t *self, zrelay_permits_right_t right,
                      const char *user, const char *address,
                      const void *data, size_t size)
{
    zrelay_cidr_t where;
    zrelay_cidr_set_address (&where, address? address: "",
                             address? strlen (address): 0);
    rule_t *rule = (rule_t *) zlistx_first (self->rules);
    for (; rule; rule = (rule_t *) zlistx_next (self->rules))
        if (rule->right == right && rule->size <= size
        &&  (rule->size == 0 || memcmp (rule->beginning, data, rule->size) == 0)
        &&  s_is_about (rule, user, &where))
            return true;
    return false;
}


//  --------------------------------------------------------------------------
//  Selftest

static zrelay_permits_t *
s_test_new (const char *name, const char *text)
{
    FILE *file = fopen (name, "w");
    assert (file);
    fputs (text, file);
    fclose (file);
    chmod (name, 0644);
    return zrelay_permits_new (name);
}

static bool
s_test_wrong (const char *name, const char *text, const char *sentence)
{
    zrelay_permits_t *self = s_test_new (name, text);
    const char *problem = zrelay_permits_problem (self);
    bool right = problem && strstr (problem, sentence)
        && !zrelay_permits_allow (self, ZRELAY_PERMITS_REQUEST, NULL, NULL, "",
                                  0);
    zrelay_permits_destroy (&self);
    return right;
}

static bool
s_test_may (zrelay_permits_t *self, zrelay_permits_right_t right,
            const char *user, const char *address, const char *topic)
{
    return zrelay_permits_allow (self, right, user, address, topic,
                                 strlen (topic));
}

void
zrelay_permits_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_permits: ");

    //  @selftest
    char name [64];
    snprintf (name, sizeof (name), ".zrelay-permits-test-%d", (int) getpid ());
    zrelay_permits_t *self = s_test_new (name,
        "# Who may what\n"
        "\n"
        "user alice subscribe weather.\n"
        "user \"Bob \\\"B\\\" \\\\\" subscribe \"\"\n"
        "  address 10.0.0.0/8\tpublish  \"a b\"  \n"
        "address ::1 request\n"
        "anybody reply \"\\x00z\"");
    assert (!zrelay_permits_problem (self));
    const zrelay_permits_right_t subscribe = ZRELAY_PERMITS_SUBSCRIBE;
    assert (s_test_may (self, subscribe, "alice", NULL, "weather.uk"));
    assert (s_test_may (self, subscribe, "alice", "1.2.3.4", "weather."));
    assert (!s_test_may (self, subscribe, "alice", NULL, "weather"));
    assert (!s_test_may (self, subscribe, "alice", NULL, ""));
    assert (!s_test_may (self, subscribe, "alic", NULL, "weather.uk"));
    assert (!s_test_may (self, subscribe, NULL, NULL, "weather.uk"));
    assert (!s_test_may (self, ZRELAY_PERMITS_PUBLISH, "alice", NULL,
                         "weather.uk"));
    assert (s_test_may (self, subscribe, "Bob \"B\" \\", NULL, ""));
    assert (s_test_may (self, ZRELAY_PERMITS_PUBLISH, NULL, "10.1.1.1",
                        "a bc"));
    assert (s_test_may (self, ZRELAY_PERMITS_PUBLISH, NULL, "::ffff:10.1.1.1",
                        "a b"));
    assert (!s_test_may (self, ZRELAY_PERMITS_PUBLISH, NULL, "11.1.1.1",
                         "a b"));
    assert (!s_test_may (self, ZRELAY_PERMITS_PUBLISH, NULL, NULL, "a b"));
    assert (s_test_may (self, ZRELAY_PERMITS_REQUEST, NULL, "::1", ""));
    assert (zrelay_permits_allow (self, ZRELAY_PERMITS_REPLY, NULL, NULL,
                                  "\0zy", 3));
    assert (!s_test_may (self, ZRELAY_PERMITS_REPLY, NULL, NULL, ""));

    //  A change counts, and a loss is told
    uint64_t revision = zrelay_permits_revision (self);
    int64_t now = zclock_mono ();
    assert (!zrelay_permits_update (self, now));
    zrelay_permits_t *other = s_test_new (name,
        "anybody reply \"\\x00z\"\n"
        "user alice subscribe weather.\n"
        "user \"Bob \\\"B\\\" \\\\\" subscribe \"\"\n"
        "address 10.0.0.0/8 publish \"a b\"\n"
        "address ::1 request\n"
        "user carol subscribe\n");
    zrelay_permits_destroy (&other);
    assert (zrelay_permits_update (self, now + 2000));
    assert (s_test_may (self, subscribe, "carol", NULL, "x"));
    assert (zrelay_permits_revision (self) == revision);
    other = s_test_new (name, "user carol subscribe\n");
    zrelay_permits_destroy (&other);
    assert (zrelay_permits_update (self, now + 4000));
    assert (!s_test_may (self, subscribe, "alice", NULL, "weather.uk"));
    assert (zrelay_permits_revision (self) != revision);
    //  While there is none, nobody may do anything
    unlink (name);
    assert (zrelay_permits_update (self, now + 6000));
    assert (zrelay_permits_problem (self));
    assert (!s_test_may (self, subscribe, "carol", NULL, "x"));
    zrelay_permits_destroy (&self);
    zrelay_permits_destroy (&self);

    //  Lines that are wrong
    static const char *const wrong [] [2] = {
        { "anybody request\nsomebody request", "line 2 begins with neither" },
        { "user", "line 1 is too short" },
        { "anybody", "line 1 is too short" },
        { "user x", "too short" },
        { "anybody requests", "line 1 has no right" },
        { "anybody request a b", "too many words" },
        { "anybody request a b c d e", "too many words" },
        { "user \"\" request", "without a name" },
        { "user \"a\\x00b\" request", "zero byte" },
        { "address 10.0.0.1/8 request", "beyond its length" },
        { "address x request", "address that is none" },
        { "anybody request \"a", "quote" },
        { "anybody request \"a\"b", "quote" },
        { "anybody request a\"b\"", "quote" },
        { "anybody request \"\\y\"", "wrong \\" },
        { "anybody request\r\n", "carriage return" },
        { "anybody request \x01", "control character" },
        { "\xEF\xBB\xBF" "anybody request", "begins with neither" }
    };
    for (size_t index = 0; index < sizeof (wrong) / sizeof (*wrong); index++)
        assert (s_test_wrong (name, wrong [index] [0], wrong [index] [1]));
    self = s_test_new (name, "anybody request");
    zrelay_permits_destroy (&self);
    chmod (name, 0666);
    self = zrelay_permits_new (name);
    assert (strstr (zrelay_permits_problem (self), "others can write"));
    zrelay_permits_destroy (&self);
    unlink (name);
    //  @end
    printf ("OK\n");
}
