// lexer.c - splits a template's source into tokens: text, delimiters with trim markers, and what stands between them.
#include "template/lexer.h"
#include "value/unicode.h"
#include "value/value.h"

#include <stdio.h>

#define END_OF_INPUT UINT32_MAX

enum { SPACE = 1, WORD = 2, DIGIT = 4, STOP = 8 }; // STOP: a word may end before it
static const uint8_t classes[256] = {
    [' '] = SPACE | STOP,       ['\t'] = SPACE | STOP,
    ['\r'] = SPACE | STOP,      ['\n'] = SPACE | STOP,
    ['.'] = STOP,               [','] = STOP,
    ['|'] = STOP,               [':'] = STOP,
    [')'] = STOP,               ['('] = STOP,
    ['0' ... '9'] = WORD | DIGIT, ['A' ... 'Z'] = WORD,
    ['a' ... 'z'] = WORD,       ['_'] = WORD,
};

static bool is(char c, uint8_t class)
{
    return classes[(unsigned char)c] & class;
}

static bool is_word(uint32_t r)
{
    return r < 0x80 ? is((char)r, WORD) : r != END_OF_INPUT && (go_is_letter(r) || go_is_digit(r));
}

void lexer_init(struct lexer *lx, struct arena *arena, struct slice source)
{
    *lx = (struct lexer){.arena = arena, .in = source};
}

uint32_t lexer_line(const struct lexer *lx, size_t pos)
{
    uint32_t line = 1;
    for (const char *p = lx->in.data, *end = p + pos; (p = memchr(p, '\n', (size_t)(end - p))); p++)
        line++;
    return line;
}

static bool at(const struct lexer *lx, size_t pos, char first, char second)
{
    return pos + 2 <= lx->in.len && lx->in.data[pos] == first && lx->in.data[pos + 1] == second;
}

static uint32_t rune_at(const struct lexer *lx, size_t *width)
{
    *width = 0;
    if (lx->pos >= lx->in.len)
        return END_OF_INPUT;
    unsigned char c = (unsigned char)lx->in.data[lx->pos];
    *width = 1;
    return c < 0x80 ? c : utf8_decode(lx->in.data + lx->pos, lx->in.len - lx->pos, width);
}

static uint32_t next_rune(struct lexer *lx)
{
    size_t width;
    uint32_t r = rune_at(lx, &width);
    lx->pos += width;
    return r;
}

static uint32_t peek_rune(const struct lexer *lx)
{
    size_t width;
    return rune_at(lx, &width);
}

static void ignore(struct lexer *lx)
{
    lx->start = lx->pos;
}

static struct token emit(struct lexer *lx, enum token_type type)
{
    struct token t = {type, (uint32_t)lx->start, {lx->in.data + lx->start, lx->pos - lx->start}};
    ignore(lx);
    return t;
}

PRINTF(2, 3)
static struct token fault(struct lexer *lx, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *message = arena_vprintf(lx->arena, fmt, args);
    va_end(args);
    struct token t = {TOKEN_ERROR, (uint32_t)lx->start, slice_of(message)};
    lx->pos = lx->start = lx->in.len; // nothing more will come
    lx->inside = false;
    return t;
}

// A trim marker: a minus sign with white space on its other side.
static bool left_trim_at(const struct lexer *lx, size_t pos)
{
    return pos + 2 <= lx->in.len && lx->in.data[pos] == '-' && is(lx->in.data[pos + 1], SPACE);
}

static bool right_trim_at(const struct lexer *lx, size_t pos)
{
    return pos + 2 <= lx->in.len && lx->in.data[pos + 1] == '-' && is(lx->in.data[pos], SPACE);
}

static bool at_right_delim(const struct lexer *lx, bool *trim)
{
    *trim = right_trim_at(lx, lx->pos) && at(lx, lx->pos + 2, '}', '}');
    return *trim || at(lx, lx->pos, '}', '}');
}

static void skip_space(struct lexer *lx)
{
    while (lx->pos < lx->in.len && is(lx->in.data[lx->pos], SPACE))
        lx->pos++;
}

static struct token right_delim(struct lexer *lx, bool trim)
{
    if (trim) {
        lx->pos += 2;
        ignore(lx);
    }
    lx->pos += 2;
    struct token t = emit(lx, TOKEN_RIGHT_DELIM);
    if (trim) {
        skip_space(lx);
        ignore(lx);
    }
    lx->inside = false;
    return t;
}

// Steps over a comment whose opening stands at pos. False: *t is the error.
static bool comment(struct lexer *lx, struct token *t)
{
    const char *end = memmem(lx->in.data + lx->pos + 2, lx->in.len - lx->pos - 2, "*/", 2);
    if (!end) {
        *t = fault(lx, "unclosed comment");
        return false;
    }
    lx->pos = (size_t)(end - lx->in.data) + 2;
    bool trim;
    if (!at_right_delim(lx, &trim)) {
        *t = fault(lx, "comment ends before closing delimiter");
        return false;
    }
    lx->pos += trim ? 4 : 2;
    if (trim)
        skip_space(lx);
    ignore(lx);
    return true;
}

// Where the next "{{" stands, or the end.
static size_t find_left_delim(const struct lexer *lx)
{
    const char *p = lx->in.data + lx->pos, *end = lx->in.data + lx->in.len;
    while (p < end && (p = memchr(p, '{', (size_t)(end - p)))) {
        if (p + 1 < end && p[1] == '{')
            return (size_t)(p - lx->in.data);
        p++;
    }
    return lx->in.len;
}

static struct token text(struct lexer *lx)
{
    for (;;) {
        size_t end = find_left_delim(lx);
        bool found = end < lx->in.len;
        if (end > lx->pos) {
            size_t keep = end;
            if (found && left_trim_at(lx, end + 2))
                while (keep > lx->start && is(lx->in.data[keep - 1], SPACE))
                    keep--;
            lx->pos = keep;
            struct token t = emit(lx, TOKEN_TEXT);
            lx->pos = end;
            ignore(lx);
            if (t.text.len)
                return t;
        }
        if (!found)
            return emit(lx, TOKEN_EOF);
        size_t marker = left_trim_at(lx, lx->pos + 2) ? 2 : 0;
        if (at(lx, lx->pos + 2 + marker, '/', '*')) {
            lx->pos += 2 + marker;
            ignore(lx);
            struct token t;
            if (!comment(lx, &t))
                return t;
            continue;
        }
        lx->pos += 2;
        struct token t = emit(lx, TOKEN_LEFT_DELIM);
        lx->pos += marker;
        ignore(lx);
        lx->inside = true;
        lx->parens = 0;
        return t;
    }
}

// Whether a word may end here.
static bool at_terminator(const struct lexer *lx)
{
    return lx->pos >= lx->in.len || is(lx->in.data[lx->pos], STOP) || at(lx, lx->pos, '}', '}');
}

static struct token bad_character(struct lexer *lx, const char *what, uint32_t r)
{
    char shown[16] = "";
    if (go_is_print(r)) {
        char utf8[4];
        size_t n = utf8_encode(r, utf8);
        snprintf(shown, sizeof shown, " '%.*s'", (int)n, utf8);
    }
    return fault(lx, "%s U+%04X%s", what, r, shown);
}

static void skip_word(struct lexer *lx)
{
    const char *end = lx->in.data + lx->in.len;
    for (size_t width;; lx->pos += width) {
        const char *p = lx->in.data + lx->pos;
        while (p < end && is(*p, WORD))
            p++;
        lx->pos = (size_t)(p - lx->in.data);
        if (p == end || (unsigned char)*p < 0x80 || !is_word(rune_at(lx, &width)))
            return;
    }
}

static enum token_type word_type(const char *word, size_t len)
{
    enum { LONGEST = 8 };
    static const struct {
        char word[LONGEST + 1];
        uint8_t type;
    } keywords[] = {
        {"if", TOKEN_IF},       {"end", TOKEN_END},     {"nil", TOKEN_NIL},     {"else", TOKEN_ELSE},
        {"with", TOKEN_WITH},   {"true", TOKEN_BOOL},   {"block", TOKEN_BLOCK}, {"break", TOKEN_BREAK},
        {"range", TOKEN_RANGE}, {"false", TOKEN_BOOL},  {"define", TOKEN_DEFINE},
        {"continue", TOKEN_CONTINUE}, {"template", TOKEN_TEMPLATE},
    };
    static const uint8_t first[] = {0, 0, 0, 1, 3, 6, 10, 11, 11, 13}; // of each length
    if (len > LONGEST)
        return TOKEN_IDENTIFIER;
    for (size_t i = first[len]; i < first[len + 1]; i++)
        if (memcmp(word, keywords[i].word, len) == 0)
            return keywords[i].type;
    return TOKEN_IDENTIFIER;
}

static struct token identifier(struct lexer *lx)
{
    skip_word(lx);
    if (!at_terminator(lx))
        return bad_character(lx, "bad character", peek_rune(lx));
    return emit(lx, word_type(lx->in.data + lx->start, lx->pos - lx->start));
}

// The dot or dollar is behind us.
static struct token field_or_variable(struct lexer *lx, enum token_type type)
{
    if (at_terminator(lx))
        return emit(lx, type == TOKEN_VARIABLE ? TOKEN_VARIABLE : TOKEN_DOT);
    skip_word(lx);
    if (!at_terminator(lx))
        return bad_character(lx, "bad character", peek_rune(lx));
    return emit(lx, type);
}

static bool accept(struct lexer *lx, const char *set)
{
    if (lx->pos >= lx->in.len || !lx->in.data[lx->pos] || !strchr(set, lx->in.data[lx->pos]))
        return false;
    lx->pos++;
    return true;
}

static bool scan_number(struct lexer *lx)
{
    const char *digits = "0123456789_";
    int base = 10;
    accept(lx, "+-");
    if (accept(lx, "0")) {
        if (accept(lx, "xX"))
            digits = "0123456789abcdefABCDEF_", base = 16;
        else if (accept(lx, "oO"))
            digits = "01234567_", base = 8;
        else if (accept(lx, "bB"))
            digits = "01_", base = 2;
    }
    while (accept(lx, digits))
        ;
    if (accept(lx, "."))
        while (accept(lx, digits))
            ;
    if ((base == 10 && accept(lx, "eE")) || (base == 16 && accept(lx, "pP"))) {
        accept(lx, "+-");
        while (accept(lx, "0123456789_"))
            ;
    }
    accept(lx, "i");
    if (is_word(peek_rune(lx))) {
        next_rune(lx);
        return false;
    }
    return true;
}

__attribute__((noinline)) static struct token number(struct lexer *lx)
{
    bool good = scan_number(lx);
    enum token_type type = TOKEN_NUMBER;
    if (good && (peek_rune(lx) == '+' || peek_rune(lx) == '-')) { // complex: 1+2i
        good = scan_number(lx) && lx->in.data[lx->pos - 1] == 'i';
        type = TOKEN_COMPLEX;
    }
    if (good)
        return emit(lx, type);
    return fault(lx, "bad number syntax: %s", go_quoted(lx->arena, slice_sub(lx->in, lx->start, lx->pos)));
}

// What stands in quotes that know escapes. All bytes that count are ASCII, so runes need not be told apart.
static struct token quoted(struct lexer *lx, char quote, enum token_type type, const char *message)
{
    const char *p = lx->in.data + lx->pos, *end = lx->in.data + lx->in.len;
    for (; p < end && *p != '\n'; p++) {
        if (*p == quote) {
            lx->pos = (size_t)(p + 1 - lx->in.data);
            return emit(lx, type);
        }
        if (*p == '\\' && (++p == end || *p == '\n'))
            break;
    }
    return fault(lx, "%s", message);
}

static struct token raw_quoted(struct lexer *lx)
{
    const char *end = lx->pos < lx->in.len ? memchr(lx->in.data + lx->pos, '`', lx->in.len - lx->pos) : NULL;
    if (!end)
        return fault(lx, "unterminated raw quoted string");
    lx->pos = (size_t)(end + 1 - lx->in.data);
    return emit(lx, TOKEN_RAW_STRING);
}

static struct token end_action(struct lexer *lx, bool trim)
{
    return lx->parens == 0 ? right_delim(lx, trim) : fault(lx, "unclosed left paren");
}

// The first space is behind us. The last one may belong to a trim marker, and stays then.
static void skip_more_space(struct lexer *lx)
{
    skip_space(lx);
    if (right_trim_at(lx, lx->pos - 1) && at(lx, lx->pos + 1, '}', '}'))
        lx->pos--;
}

static struct token space(struct lexer *lx)
{
    skip_more_space(lx);
    return lx->pos == lx->start ? end_action(lx, true) : emit(lx, TOKEN_SPACE);
}

__attribute__((noinline)) static struct token unusual(struct lexer *lx)
{
    uint32_t r = peek_rune(lx);
    if (is_word(r))
        return identifier(lx);
    next_rune(lx);
    return r > ' ' && r < 0x7F ? emit(lx, TOKEN_CHAR) : bad_character(lx, "unrecognized character in action:", r);
}

static struct token action(struct lexer *lx)
{
    if (lx->pos >= lx->in.len)
        return fault(lx, "unclosed action");
    switch (lx->in.data[lx->pos++]) {
    case ' ':
    case '\t':
    case '\r':
    case '\n':
        return space(lx);
    case '}':
        lx->pos--;
        return at(lx, lx->pos, '}', '}') ? end_action(lx, false) : unusual(lx);
    case '=':
        return emit(lx, TOKEN_ASSIGN);
    case ':':
        return next_rune(lx) == '=' ? emit(lx, TOKEN_DECLARE) : fault(lx, "expected :=");
    case '|':
        return emit(lx, TOKEN_PIPE);
    case '"':
        return quoted(lx, '"', TOKEN_STRING, "unterminated quoted string");
    case '`':
        return raw_quoted(lx);
    case '\'':
        return quoted(lx, '\'', TOKEN_CHAR_CONSTANT, "unterminated character constant");
    case '$':
        return field_or_variable(lx, TOKEN_VARIABLE);
    case '(':
        lx->parens++;
        return emit(lx, TOKEN_LEFT_PAREN);
    case ')':
        return --lx->parens < 0 ? fault(lx, "unexpected right paren") : emit(lx, TOKEN_RIGHT_PAREN);
    case '.':
        if (lx->pos < lx->in.len && !is(lx->in.data[lx->pos], DIGIT))
            return field_or_variable(lx, TOKEN_FIELD);
        // fallthrough
    case '+':
    case '-':
    case '0' ... '9':
        lx->pos--;
        return number(lx);
    case 'A' ... 'Z':
    case 'a' ... 'z':
    case '_':
        return identifier(lx);
    default:
        lx->pos--;
        return unusual(lx);
    }
}

bool lexer_skip_space(struct lexer *lx)
{
    size_t from = lx->pos;
    if (!lx->inside || from >= lx->in.len || !is(lx->in.data[from], SPACE))
        return false;
    lx->pos++;
    skip_more_space(lx);
    ignore(lx);
    return lx->pos > from;
}

void lexer_next(struct lexer *lx, struct token *out)
{
    *out = lx->inside ? action(lx) : text(lx);
}

void token_print(struct buf *out, const struct token *t)
{
    if (t->type == TOKEN_EOF) {
        buf_str(out, "EOF");
    } else if (t->type == TOKEN_ERROR) {
        buf_slice(out, t->text);
    } else if (t->type > TOKEN_KEYWORD) {
        buf_printf(out, "<%.*s>", SLICE_ARG(t->text));
    } else if (t->text.len > 10) {
        size_t n = 0;
        for (int runes = 0; runes < 10 && n < t->text.len; runes++) {
            size_t width;
            utf8_decode(t->text.data + n, t->text.len - n, &width);
            n += width;
        }
        go_quote(out, t->text.data, n);
        buf_str(out, "...");
    } else {
        go_quote(out, t->text.data, t->text.len);
    }
}
