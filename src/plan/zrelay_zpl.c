/*  =========================================================================
    zrelay_zpl - reads the ZeroMQ Property Language

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_zpl.h"

//  Spaces for each level
#define INDENT 4

//  A comment with a number, and the greatest one that it may have
#define LINE_COMMENT "#line "
#define LINE_MOST INT32_MAX

struct _zrelay_zpl_t {
    char *name;                 //  NULL: the root
    char *value;                //  May be empty
    zrelay_place_t place;       //  Where it stands
    zlistx_t *items;            //  zrelay_zpl_t
};

//  A text that is being read
typedef struct {
    zrelay_report_t *report;    //  Hears what is wrong
    const char *file;           //  Its name
    size_t line;                //  Number of the current line
    zrelay_zpl_t *levels [ZRELAY_ZPL_LEVELS + 1];  //  Where the next item of each
                                            //  level goes
    bool failed;                //  A value could not be completed
    size_t depth;               //  How many of these there are
    bool skipping;              //  An item was not read, and so is not what
                                //  is below it
    size_t skipped;             //  Spaces before that item
} reader_t;


//  --------------------------------------------------------------------------
//  Constructor and destructor

static void
s_item_destroy (void **item_p)
{
    zrelay_zpl_destroy ((zrelay_zpl_t **) item_p);
}

static zrelay_zpl_t *
s_zpl_new (char *name, char *value)
{
    zrelay_zpl_t *self = (zrelay_zpl_t *) zmalloc (sizeof (zrelay_zpl_t));
    assert (self);
    self->name = name;
    self->value = value;
    self->items = zlistx_new ();
    assert (self->items);
    zlistx_set_destructor (self->items, s_item_destroy);
    return self;
}

void
zrelay_zpl_destroy (zrelay_zpl_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_zpl_t *self = *self_p;
        zlistx_destroy (&self->items);
        zstr_free (&self->name);
        if (self->value)
            //  It may have been a key
            memset (self->value, 0, strlen (self->value));
        zstr_free (&self->value);
        zstr_free (&self->place.path);
        freen (self);
        *self_p = NULL;
    }
}

const char *
zrelay_zpl_name (zrelay_zpl_t *self)
{
    return self->name;
}

const char *
zrelay_zpl_value (zrelay_zpl_t *self)
{
    return self->value;
}

const zrelay_place_t *
zrelay_zpl_place (zrelay_zpl_t *self)
{
    return &self->place;
}

zrelay_zpl_t *
zrelay_zpl_first (zrelay_zpl_t *self)
{
    return (zrelay_zpl_t *) zlistx_first (self->items);
}

zrelay_zpl_t *
zrelay_zpl_next (zrelay_zpl_t *self)
{
    return (zrelay_zpl_t *) zlistx_next (self->items);
}


//  --------------------------------------------------------------------------
//  Mistakes

static void
s_wrong (reader_t *self, const char *path, const char *format, ...)
    CHECK_PRINTF (3);

static void
s_wrong (reader_t *self, const char *path, const char *format, ...)
{
    va_list argptr;
    va_start (argptr, format);
    char *sentence = zsys_vprintf (format, argptr);
    va_end (argptr);
    assert (sentence);
    zrelay_place_t place = { self->line, (char *) path };
    zrelay_report_set_place (self->report, self->file, &place);
    self->failed = true;
    zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE, "%s", sentence);
    zrelay_report_set_place (self->report, NULL, NULL);
    zstr_free (&sentence);
}


//  --------------------------------------------------------------------------
//  The environment

//  Size of the name of a variable at the beginning of a text

static size_t
s_variable_size (const char *text)
{
    size_t size = 0;
    while (isalnum ((byte) text [size]) || text [size] == '_')
        size++;
    return isdigit ((byte) *text)? 0: size;
}

//  Add what a variable stands for. reference begins behind the dollar sign.
//  Returns where the text goes on.

static const char *
s_add_variable (reader_t *self, zchunk_t *value, const char *path,
                const char *reference)
{
    bool braces = *reference == '{';
    const char *name = reference + braces;
    size_t size = s_variable_size (name);
    const char *end = name + size;
    const char *other = braces && strncmp (end, ":-", 2) == 0? end + 2: NULL;
    if (braces)
        end = strchr (end, '}');
    if (size == 0 || !end || (braces && !other && end != name + size)) {
        s_wrong (self, path, "'$' begins the name of a variable, as in $NAME or"
                 " ${NAME:-default}; $$ is a dollar sign");
        return reference + strlen (reference);
    }
    char *variable = strndup (name, size);
    assert (variable);
    const char *found = getenv (variable);
    if (found && (*found || !other))
        zchunk_extend (value, found, strlen (found));
    else
    if (other)
        zchunk_extend (value, other, (size_t) (end - other));
    else
        s_wrong (self, path, "the environment has no variable %s; ${%s:-...}"
                 " has a default", variable, variable);
    zstr_free (&variable);
    return end + braces;
}

//  Complete a value. Returns a fresh string, or NULL after a mistake.

static char *
s_expand (reader_t *self, const char *text, const char *path)
{
    self->failed = false;
    zchunk_t *value = zchunk_new (NULL, 0);
    assert (value);
    while (*text) {
        size_t size = strcspn (text, "$");
        zchunk_extend (value, text, size);
        text += size;
        if (strncmp (text, "$$", 2) == 0) {
            zchunk_extend (value, "$", 1);
            text += 2;
        }
        else
        if (*text)
            text = s_add_variable (self, value, path, text + 1);
    }
    char *string = self->failed? NULL: zchunk_strdup (value);
    zchunk_destroy (&value);
    return string;
}


//  --------------------------------------------------------------------------
//  Lines

//  Skip what is no more than space. Returns false if something else is left
//  before a comment.

static bool
s_ends (const char *text)
{
    text += strspn (text, " \t");
    return !*text || *text == '#';
}

//  The value behind "=", unquoted, as a fresh string; NULL after a mistake

static char *
s_read_value (reader_t *self, const char *text, const char *path)
{
    text += strspn (text, " \t");
    char quote = *text == '"' || *text == '\''? *text: 0;
    const char *begin = text + (quote != 0);
    const char *end = quote? strchr (begin, quote):
                             begin + strcspn (begin, "#");
    if (!end || (quote && !s_ends (end + 1))) {
        s_wrong (self, path, end? "there is more behind the closing quote":
                 "the closing quote is missing");
        return NULL;
    }
    while (!quote && end > begin && isspace ((byte) end [-1]))
        end--;
    char *value = strndup (begin, (size_t) (end - begin));
    assert (value);
    if (quote == '\'')
        return value;
    char *expanded = s_expand (self, value, path);
    zstr_free (&value);
    return expanded;
}

//  The path of an item of that name, as a fresh string

static char *
s_path (zrelay_zpl_t *parent, const char *name)
{
    char *path = parent->place.path?
        zsys_sprintf ("%s/%s", parent->place.path, name): strdup (name);
    assert (path);
    return path;
}

//  Read the item at the beginning of a text, below parent. Returns NULL after a
//  mistake.

static zrelay_zpl_t *
s_read_item (reader_t *self, const char *text, zrelay_zpl_t *parent)
{
    size_t size = 0;
    while (text [size] && (isalnum ((byte) text [size])
                        || strchr (ZRELAY_ZPL_SIGNS, text [size])))
        size++;
    char *name = strndup (text, size);
    assert (name);
    char *path = s_path (parent, name);
    const char *rest = text + size;
    rest += strspn (rest, " \t");
    char *value = NULL;
    if (size == 0)
        s_wrong (self, parent->place.path, "a line begins with a name, of"
                 " letters, digits and " ZRELAY_ZPL_SIGNS);
    else
    if (*rest == '=')
        value = s_read_value (self, rest + 1, path);
    else
    if (s_ends (rest))
        value = strdup ("");
    else
        s_wrong (self, path, "behind a name comes '=' and a value, or nothing");
    if (!value) {
        zstr_free (&name);
        zstr_free (&path);
        return NULL;
    }
    zrelay_zpl_t *item = s_zpl_new (name, value);
    item->place.line = self->line;
    item->place.path = path;
    return item;
}

//  Read a line that is neither empty nor a comment

static void
s_read_property (reader_t *self, const char *line)
{
    size_t spaces = strspn (line, " ");
    size_t level = spaces / INDENT;
    if (self->skipping && spaces > self->skipped)
        return;
    self->skipping = true;
    self->skipped = spaces;
    if (line [spaces] == '\t') {
        s_wrong (self, NULL, "a level is %d spaces, and no tab", INDENT);
        return;
    }
    if (spaces % INDENT || level >= ZRELAY_ZPL_LEVELS || level > self->depth) {
        s_wrong (self, NULL, "a line begins with %d spaces for each level, and"
                 " is at most one level below that before it", INDENT);
        return;
    }
    zrelay_zpl_t *parent = self->levels [level];
    zrelay_zpl_t *item = s_read_item (self, line + spaces, parent);
    if (!item)
        return;
    self->skipping = false;
    zlistx_add_end (parent->items, item);
    self->depth = level + 1;
    self->levels [level + 1] = item;
}

static void
s_read_line (reader_t *self, const char *line)
{
    size_t spaces = strspn (line, " \t");
    size_t size = strlen (LINE_COMMENT);
    size_t number = strncmp (line, LINE_COMMENT, size) == 0?
                    strtoul (line + size, NULL, 10): 0;
    if (number > 0 && number <= LINE_MOST)
        self->line = number;
    else {
        if (line [spaces] && line [spaces] != '#')
            s_read_property (self, line);
        self->line++;
    }
}

//  Editors of other systems put it in front of a text

#define BYTE_ORDER_MARK "\xEF\xBB\xBF"

static size_t
s_mark_size (const char *text, size_t size)
{
    size_t length = strlen (BYTE_ORDER_MARK);
    return size >= length && memcmp (text, BYTE_ORDER_MARK, length) == 0?
           length: 0;
}

zrelay_zpl_t *
zrelay_zpl_parse (const char *text, size_t size, const char *file,
                  zrelay_report_t *report)
{
    zrelay_zpl_t *root = s_zpl_new (NULL, NULL);
    reader_t self = { .report = report, .file = file, .line = 1 };
    self.levels [0] = root;
    const char *end = text + size;
    text += s_mark_size (text, size);
    while (text < end) {
        const char *newline = (const char *)
            memchr (text, '\n', (size_t) (end - text));
        size_t length = (size_t) ((newline? newline: end) - text);
        if (memchr (text, 0, length)) {
            s_wrong (&self, NULL, "there is a zero byte");
            self.line++;
        }
        else {
            while (length > 0 && isspace ((byte) text [length - 1]))
                length--;
            char *line = strndup (text, length);
            assert (line);
            s_read_line (&self, line);
            zstr_free (&line);
        }
        text = newline? newline + 1: end;
    }
    return root;
}


//  --------------------------------------------------------------------------
//  Selftest

//  What zconfig reads, read here

static bool
s_test_same (zconfig_t *theirs, zrelay_zpl_t *ours)
{
    zconfig_t *their = zconfig_child (theirs);
    zrelay_zpl_t *our = zrelay_zpl_first (ours);
    while (their && our) {
        if (strneq (zconfig_name (their), our->name)
        ||  strneq (zconfig_value (their), our->value)
        ||  !s_test_same (their, our))
            return false;
        their = zconfig_next (their);
        our = zrelay_zpl_next (ours);
    }
    return !their && !our;
}

void
zrelay_zpl_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_zpl: ");

    //  @selftest
    const char *text =
        "#   A comment\n"
        "version = 1.0   #  Another\n"
        "\n"
        "apps\n"
        "    one\n"
        "        bind = tcp://*:5555\n"
        "        bind = \"inproc://x # y\"\n"
        "        empty =\n"
        "        name = it's\n"
        "    two # the second\n"
        "        value = 'a \"b\"'\n"
        "last = 1\n";
    zrelay_report_t *report = zrelay_report_new_list ();
    zrelay_zpl_t *root = zrelay_zpl_parse (text, strlen (text), "x", report);
    zconfig_t *config = zconfig_str_load (text);
    assert (config);
    assert (s_test_same (config, root));
    assert (zrelay_report_failures (report) == 0);
    zconfig_destroy (&config);
    zrelay_zpl_destroy (&root);
    char *marked = zsys_sprintf (BYTE_ORDER_MARK "%s", text);
    root = zrelay_zpl_parse (marked, strlen (marked), "x", report);
    config = zconfig_str_load (text);
    assert (s_test_same (config, root));
    assert (zrelay_report_failures (report) == 0);
    zconfig_destroy (&config);
    zstr_free (&marked);
    zrelay_zpl_t *apps = (zrelay_zpl_first (root), zrelay_zpl_next (root));
    zrelay_zpl_t *one = zrelay_zpl_first (apps);
    zrelay_zpl_t *bind = zrelay_zpl_first (one);
    assert (zrelay_zpl_place (bind)->line == 6);
    assert (streq (zrelay_zpl_place (bind)->path, "apps/one/bind"));
    zrelay_zpl_destroy (&root);

    //  The environment
    setenv ("ZRELAY_TEST_ONE", "first", 1);
    unsetenv ("ZRELAY_TEST_TWO");
    text = "a = x-$ZRELAY_TEST_ONE-${ZRELAY_TEST_ONE}-${ZRELAY_TEST_TWO:-b c}\n"
           "b = 'x$ZRELAY_TEST_ONE'\n"
           "c = 1$$2\n";
    root = zrelay_zpl_parse (text, strlen (text), "x", report);
    assert (zrelay_report_failures (report) == 0);
    static const char *values [] = {
        "x-first-first-b c", "x$ZRELAY_TEST_ONE", "1$2"
    };
    zrelay_zpl_t *item = zrelay_zpl_first (root);
    for (int index = 0; index < 3; index++) {
        assert (streq (zrelay_zpl_value (item), values [index]));
        item = zrelay_zpl_next (root);
    }
    zrelay_zpl_destroy (&root);

    //  Every mistake is reported, at its line, but not what is below it
    text = "a = 1\n"
           "  b = 2\n"
           "        c = 3\n"
           "d = \"x\n"
           "e = 'x' y\n"
           "\tf = 1\n"
           "g h\n"
           "= 1\n"
           "h = $ZRELAY_TEST_TWO\n"
           "i = ${ZRELAY_TEST_ONE\n"
           "j = 5$\n"
           "#line 99999999999999999999\n"
           "#line 100\n"
           "k = $(x)\n"
           "#line 2147483647\n"
           "#line\n"
           "l = $(x)\n";
    root = zrelay_zpl_parse (text, strlen (text), "x", report);
    static const char *places [] = {
        "x:2", "x:4", "x:5", "x:6", "x:7", "x:8", "x:9", "x:10", "x:11",
        "x:100", "x:2147483648"
    };
    zlistx_t *findings = zrelay_report_findings (report);
    zrelay_finding_t *finding = (zrelay_finding_t *) zlistx_first (findings);
    for (size_t index = 0; index < sizeof (places) / sizeof (*places);
         index++) {
        assert (finding && streq (finding->place, places [index]));
        finding = (zrelay_finding_t *) zlistx_next (findings);
    }
    assert (!finding);
    zrelay_zpl_destroy (&root);
    zrelay_report_destroy (&report);
    //  @end
    printf ("OK\n");
}
