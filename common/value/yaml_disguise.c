// yaml_disguise.c - what libyaml takes in another way than go-yaml v2 is given to it in disguise.
//
//     a byte order mark within    a letter like others; libyaml steps over it at the start of a line
//     {a:,b}                      a colon before one of ,?[]{} ends no plain scalar; libyaml refuses it
//     [a?b]                       a question mark ends a plain scalar, and is out of place there; libyaml goes on
//     [!x, 1]                     the tag is "!x,": none ends at , [ or ]
//     "\'"                        is an escape; not to libyaml
//     "\/"                        is none; to libyaml it is
//
// Whether a character is one of these depends on what it stands in, so this walks through the tokens as a scanner does,
// but makes none. Where it comes upon what is wrong it stops: libyaml will come no further either.
// Characters are replaced one by one, so that places and columns remain: by noncharacters, which no text should hold
// (one that does is left alone), and in tags by a semicolon, as no tag that is one of YAML's own has any of these.
#include "value/yaml_disguise.h"

#define MARK "\xEF\xBB\xBF"
#define STAND_IN "\xEF\xB7" // U+FDD0 to U+FDD4: the first two bytes of these
#define FOR_MARK "\xEF\xB7\x90"
#define FOR_COLON "\xEF\xB7\x91"
#define FOR_QUOTE "\xEF\xB7\x92"
#define FOR_NOTHING "\xEF\xB7\x93"
#define FOR_QUESTION "\xEF\xB7\x94"
#define DEPTH_MAX 10000 // go-yaml's
#define KEY_MAX 1024    // characters before the colon of a key

// What began here may turn out to be a key.
struct key {
    bool possible, required; // in block context nothing else may stand there
    size_t line, column, index;
};

struct flow {
    char bracket;
    struct key key;
};

struct scan {
    const char *p, *end;
    const char *copied; // what stands before it is in out
    struct buf *out;
    size_t line, column, index;
    VEC(ptrdiff_t) indents; // of the block collections around the one of the next
    ptrdiff_t indent;
    VEC(struct flow) flow; // collections that are open
    bool key_allowed;      // a key without a question mark may begin here
    struct key key;        // in block context
};

// ---- characters ---------------------------------------------------------------------------------------------------
static char peek(const struct scan *s, size_t ahead)
{
    return (size_t)(s->end - s->p) > ahead ? s->p[ahead] : '\0';
}

static bool is_one_of(char c, const char *chars)
{
    return c && strchr(chars, c);
}

// The bytes of a line break; 0: there is none.
static size_t break_width(const struct scan *s, size_t ahead)
{
    switch (peek(s, ahead)) {
    case '\r':
        return peek(s, ahead + 1) == '\n' ? 2 : 1;
    case '\n':
        return 1;
    case '\xC2':
        return peek(s, ahead + 1) == '\x85' ? 2 : 0;
    case '\xE2':
        return peek(s, ahead + 1) == '\x80' && is_one_of(peek(s, ahead + 2), "\xA8\xA9") ? 3 : 0;
    default:
        return 0;
    }
}

static bool is_blank(const struct scan *s, size_t ahead)
{
    return is_one_of(peek(s, ahead), " \t");
}

static bool is_break_or_end(const struct scan *s, size_t ahead)
{
    return !peek(s, ahead) || break_width(s, ahead);
}

static bool is_blank_or_end(const struct scan *s, size_t ahead)
{
    return is_blank(s, ahead) || is_break_or_end(s, ahead);
}

static bool is_name(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-';
}

static void replace(struct scan *s, const char *at, size_t len, const char *by)
{
    if (!s->out)
        return;
    buf_add(s->out, s->copied, (size_t)(at - s->copied));
    buf_str(s->out, by);
    s->copied = at + len;
}

static void step(struct scan *s)
{
    size_t width = break_width(s, 0);
    if (width) {
        s->line++;
        s->column = 0;
    } else {
        width = 1;
        if ((unsigned char)*s->p >= 0x80) {
            while (s->end - s->p > (ptrdiff_t)width && ((unsigned char)s->p[width] & 0xc0) == 0x80)
                width++;
            if (width == 3 && memcmp(s->p, MARK, 3) == 0)
                replace(s, s->p, 3, FOR_MARK);
        }
        s->column++;
    }
    s->index++;
    s->p += width;
}

static void skip_to_break(struct scan *s)
{
    while (!is_break_or_end(s, 0))
        step(s);
}

static bool at_document_marker(const struct scan *s)
{
    return s->column == 0 && s->end - s->p >= 3 && (memcmp(s->p, "---", 3) == 0 || memcmp(s->p, "...", 3) == 0) &&
           is_blank_or_end(s, 3);
}

// ---- indentation and keys -----------------------------------------------------------------------------------------
static bool indent_to(struct scan *s, size_t column)
{
    if (s->flow.len || s->indent >= (ptrdiff_t)column)
        return true;
    if (s->indents.len == DEPTH_MAX)
        return false;
    vec_push(NULL, &s->indents, s->indent);
    s->indent = (ptrdiff_t)column;
    return true;
}

static void unindent(struct scan *s, ptrdiff_t column)
{
    while (!s->flow.len && s->indent > column)
        s->indent = s->indents.items[--s->indents.len];
}

static struct key *key_of_level(struct scan *s)
{
    return s->flow.len ? &s->flow.items[s->flow.len - 1].key : &s->key;
}

static bool is_key(const struct scan *s, const struct key *key)
{
    return key->possible && key->line == s->line && s->index - key->index <= KEY_MAX;
}

// A node begins, which may be a key.
static void start_node(struct scan *s)
{
    if (s->key_allowed)
        *key_of_level(s) = (struct key){.possible = true,
                                        .required = !s->flow.len && s->indent == (ptrdiff_t)s->column,
                                        .line = s->line,
                                        .column = s->column,
                                        .index = s->index};
    s->key_allowed = false;
}

// Of - and ?.
static bool start_entry(struct scan *s)
{
    if (!s->flow.len && (!s->key_allowed || !indent_to(s, s->column)))
        return false;
    key_of_level(s)->possible = false;
    s->key_allowed = !s->flow.len || *s->p == '-';
    step(s);
    return true;
}

static bool start_value(struct scan *s)
{
    struct key *key = key_of_level(s);
    bool simple = is_key(s, key);
    if (!s->flow.len && ((!simple && !s->key_allowed) || !indent_to(s, simple ? key->column : s->column)))
        return false;
    key->possible = false;
    s->key_allowed = !simple && !s->flow.len;
    step(s);
    return true;
}

// ---- nodes --------------------------------------------------------------------------------------------------------
static void skip_name(struct scan *s)
{
    start_node(s);
    do
        step(s);
    while (is_name(peek(s, 0)));
}

static void skip_tag(struct scan *s)
{
    start_node(s);
    bool verbatim = peek(s, 1) == '<';
    step(s);
    while (is_name(peek(s, 0)) || is_one_of(peek(s, 0), ";/?:@&=+$,.!~*'()[]%") ||
           (verbatim && is_one_of(peek(s, 0), "<>"))) {
        if (!verbatim && is_one_of(*s->p, ",[]"))
            replace(s, s->p, 1, ";");
        step(s);
    }
}

// The scanner of go-yaml stops for its parser here, which fails, unless a collection around may still be a key. So does
// libyaml's at a bracket that does not match. Otherwise the scalar will tell.
static bool question_in_flow(struct scan *s)
{
    bool ahead = is_key(s, &s->key);
    for (size_t i = 0; i + 1 < s->flow.len && !ahead; i++)
        ahead = is_key(s, &s->flow.items[i].key);
    bool list = s->flow.items[s->flow.len - 1].bracket == '[';
    replace(s, s->p, 1, ahead ? FOR_QUESTION : list ? "}" : "]");
    step(s);
    return ahead;
}

static bool skip_plain(struct scan *s)
{
    ptrdiff_t indent = s->indent + 1;
    bool new_line = false;
    start_node(s);
    while (!at_document_marker(s) && peek(s, 0) != '#') {
        for (; !is_blank_or_end(s, 0); step(s)) {
            if (*s->p == '?' && s->flow.len)
                return question_in_flow(s);
            if ((*s->p == ':' && is_blank_or_end(s, 1)) || (s->flow.len && is_one_of(*s->p, ",[]{}")))
                break;
            if (*s->p == ':' && s->flow.len && is_one_of(peek(s, 1), ",?[]{}"))
                replace(s, s->p, 1, FOR_COLON);
            new_line = false;
        }
        if (!is_blank(s, 0) && !break_width(s, 0))
            break;
        for (; is_blank(s, 0) || break_width(s, 0); step(s)) {
            if (break_width(s, 0))
                new_line = true;
            else if (new_line && (ptrdiff_t)s->column < indent && *s->p == '\t')
                return false;
        }
        if (!s->flow.len && (ptrdiff_t)s->column < indent)
            break;
    }
    s->key_allowed |= new_line;
    return true;
}

static bool skip_single_quoted(struct scan *s)
{
    start_node(s);
    for (step(s); s->p < s->end && !at_document_marker(s); step(s)) {
        if (*s->p != '\'')
            continue;
        step(s);
        if (peek(s, 0) != '\'')
            return true;
    }
    return false;
}

static bool skip_double_quoted(struct scan *s)
{
    start_node(s);
    for (step(s); s->p < s->end && !at_document_marker(s); step(s)) {
        if (*s->p == '"') {
            step(s);
            return true;
        }
        if (*s->p != '\\')
            continue;
        if (peek(s, 1) == '\'')
            replace(s, s->p, 2, FOR_NOTHING FOR_QUOTE);
        else if (peek(s, 1) == '/')
            replace(s, s->p + 1, 1, "."); // which both refuse
        step(s);
        if (s->p == s->end)
            return false;
    }
    return false;
}

// Line breaks and indentation before a line of a block scalar. *indent: 0 where it is still to be found.
static bool skip_block_breaks(struct scan *s, size_t *indent)
{
    size_t widest = 0;
    for (;; step(s)) {
        while ((*indent == 0 || s->column < *indent) && peek(s, 0) == ' ')
            step(s);
        widest = s->column > widest ? s->column : widest;
        if ((*indent == 0 || s->column < *indent) && peek(s, 0) == '\t')
            return false;
        if (!break_width(s, 0))
            break;
    }
    size_t least = s->indent > 0 ? (size_t)s->indent + 1 : 1;
    if (*indent == 0)
        *indent = widest > least ? widest : least;
    return true;
}

static bool skip_block_scalar(struct scan *s)
{
    size_t indent = 0;
    s->key.possible = false;
    s->key_allowed = true;
    step(s);
    for (; is_one_of(peek(s, 0), "+-123456789"); step(s))
        if (*s->p >= '1')
            indent = (size_t)(*s->p - '0') + (s->indent > 0 ? (size_t)s->indent : 0);
    while (is_blank(s, 0))
        step(s);
    if (peek(s, 0) == '#')
        skip_to_break(s);
    if (!is_break_or_end(s, 0))
        return false;
    if (s->p < s->end)
        step(s);
    if (!skip_block_breaks(s, &indent))
        return false;
    while (s->column == indent && s->p < s->end) {
        skip_to_break(s);
        if (s->p < s->end)
            step(s);
        if (!skip_block_breaks(s, &indent))
            return false;
    }
    return true;
}

// ---- tokens -------------------------------------------------------------------------------------------------------
static void find_token(struct scan *s)
{
    for (;; step(s)) {
        while (peek(s, 0) == ' ' || (peek(s, 0) == '\t' && (s->flow.len || !s->key_allowed)))
            step(s);
        if (peek(s, 0) == '#')
            skip_to_break(s);
        if (!break_width(s, 0))
            return;
        s->key_allowed |= !s->flow.len;
    }
}

static bool start_flow(struct scan *s)
{
    if (s->flow.len == DEPTH_MAX)
        return false;
    start_node(s);
    vec_push(NULL, &s->flow, (struct flow){.bracket = *s->p});
    s->key_allowed = true;
    step(s);
    return true;
}

static void end_flow(struct scan *s)
{
    s->flow.len -= s->flow.len > 0;
    s->key_allowed = false;
    step(s);
}

static bool skip_token(struct scan *s)
{
    if (s->column == 0 && *s->p == '%') {
        unindent(s, -1);
        s->key_allowed = s->key.possible = false;
        skip_to_break(s);
        return true;
    }
    if (at_document_marker(s)) {
        unindent(s, -1);
        s->key_allowed = s->key.possible = false;
        for (int i = 0; i < 3; i++)
            step(s);
        return true;
    }
    switch (*s->p) {
    case '[':
    case '{':
        return start_flow(s);
    case ']':
    case '}':
        end_flow(s);
        return true;
    case ',':
        key_of_level(s)->possible = false;
        s->key_allowed = true;
        step(s);
        return s->flow.len;
    case '-':
        return is_blank_or_end(s, 1) ? start_entry(s) : skip_plain(s);
    case '?':
        return s->flow.len || is_blank_or_end(s, 1) ? start_entry(s) : skip_plain(s);
    case ':':
        return s->flow.len || is_blank_or_end(s, 1) ? start_value(s) : skip_plain(s);
    case '*':
    case '&':
        skip_name(s);
        return true;
    case '!':
        skip_tag(s);
        return true;
    case '|':
    case '>':
        return !s->flow.len && skip_block_scalar(s);
    case '\'':
        return skip_single_quoted(s);
    case '"':
        return skip_double_quoted(s);
    case '\t':
    case '%':
    case '@':
    case '`':
        return false;
    default:
        return skip_plain(s);
    }
}

// ---- texts --------------------------------------------------------------------------------------------------------
// Whether there may be something to disguise, and nothing speaks against it.
static bool is_candidate(struct slice text)
{
    static const bool looked_at[256] = {['\\'] = true, [':'] = true, ['!'] = true, ['?'] = true, [0xEF] = true};
    bool found = false;
    for (const char *p = text.data, *end = p + text.len; p < end; p++) {
        if (!looked_at[(unsigned char)*p] || end - p < 2)
            continue;
        if (*p == '!' || *p == '?') {
            found = true;
        } else if (*p == ':') {
            found |= is_one_of(p[1], ",?[]{}");
        } else if (*p == '\\') {
            found |= is_one_of(p[1], "'/");
            const char *digits = p + 2; // one of the stand-ins may be written as its number
            if (p[1] == 'U' && end - digits > 4)
                digits += 4;
            if (is_one_of(p[1], "uU") && end - digits >= 3 && strncasecmp(digits, "FDD", 3) == 0)
                return false;
        } else if (end - p >= 3) {
            found |= memcmp(p, MARK, 3) == 0;
            if (memcmp(p, STAND_IN, 2) == 0 && p[2] >= FOR_MARK[2] && p[2] <= FOR_QUESTION[2])
                return false;
        }
    }
    return found;
}

// Whether a key without its colon has come to an end.
static bool misses_colon(const struct scan *s)
{
    return s->key.possible && s->key.required && !is_key(s, &s->key);
}

static void walk(struct scan *s, struct slice text)
{
    const char *nul = memchr(text.data, '\0', text.len); // which libyaml refuses
    s->p = s->copied = text.data;
    s->end = nul ? nul : text.data + text.len;
    s->indent = -1;
    s->key_allowed = true;
    for (int i = 0; i < 2 && slice_has_prefix(slice_n(s->p, (size_t)(s->end - s->p)), SLICE(MARK)); i++)
        s->p += 3; // these two are byte order marks to both
    for (bool going = true; going;) {
        find_token(s);
        unindent(s, (ptrdiff_t)s->column);
        bool late = !s->out && !s->flow.len && misses_colon(s); // what comes next takes the key's place
        going = s->p < s->end && !late && skip_token(s) && (s->out || !misses_colon(s));
    }
    free(s->indents.items);
    free(s->flow.items);
}

bool yaml_disguise(struct buf *out, struct slice text)
{
    if (text.len < 2 || memcmp(text.data, "\xFF\xFE", 2) == 0 || memcmp(text.data, "\xFE\xFF", 2) == 0 ||
        !is_candidate(text))
        return false;
    struct scan s = {.out = out};
    walk(&s, text);
    if (s.copied == text.data)
        return false;
    buf_add(out, s.copied, (size_t)(text.data + text.len - s.copied));
    return true;
}

bool yaml_misses_colon(struct slice text, size_t *line)
{
    struct scan s = {0};
    walk(&s, text);
    bool missing = misses_colon(&s);
    *line = s.line + (missing || s.column == 0 ? 1 : 2); // the end of the text begins a line
    return missing || (s.p == s.end && s.key.possible && s.key.required);
}

bool yaml_question_in_flow(struct slice scalar)
{
    return slice_find(scalar, SLICE(FOR_QUESTION)) >= 0;
}

size_t yaml_lines_to_question(struct slice source)
{
    struct scan s = {.p = source.data, .end = source.data + source.len};
    while (s.end - s.p >= 3 && memcmp(s.p, FOR_QUESTION, 3) != 0)
        step(&s);
    return s.line;
}

size_t yaml_undisguise(char *text, size_t len)
{
    static const struct slice meanings[] = {SLICE(MARK), SLICE(":"), SLICE("'"), SLICE(""), SLICE("?")};
    size_t to = 0;
    for (size_t i = 0; i < len;) {
        unsigned which = ARRAY_LEN(meanings);
        if (len - i >= 3 && memcmp(text + i, STAND_IN, 2) == 0)
            which = (unsigned char)text[i + 2] - (unsigned char)FOR_MARK[2];
        if (which < ARRAY_LEN(meanings)) {
            memmove(text + to, meanings[which].data, meanings[which].len);
            to += meanings[which].len;
            i += 3;
        } else {
            text[to++] = text[i++];
        }
    }
    text[to] = '\0';
    return to;
}
