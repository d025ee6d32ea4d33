// lexer.c - splits a template's source into tokens: text, delimiters with trim markers, and what stands between them.
#include "template/lexer.h"
#include "template/text.h"
#include "value/value.h"

#include <stdio.h>

#define END_OF_INPUT UINT32_MAX

static bool is_space(int c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_word(uint32_t r)
{
    return r == '_' || (r != END_OF_INPUT && (rune_is_letter(r) || rune_is_digit(r)));
}

void lexer_init(struct lexer *lx, struct arena *arena, struct slice source)
{
    *lx = (struct lexer){.arena = arena, .in = source, .line = 1, .start_line = 1};
}

static bool at(const struct lexer *lx, size_t pos, const char *word)
{
    size_t n = strlen(word);
    return lx->in.len >= n && pos <= lx->in.len - n && memcmp(lx->in.data + pos, word, n) == 0;
}

static uint32_t next_rune(struct lexer *lx)
{
    if (lx->pos >= lx->in.len)
        return END_OF_INPUT;
    unsigned char c = (unsigned char)lx->in.data[lx->pos];
    if (c < 0x80) {
        lx->pos++;
        lx->line += c == '\n';
        return c;
    }
    size_t width;
    uint32_t r = utf8_decode(lx->in.data + lx->pos, lx->in.len - lx->pos, &width);
    lx->pos += width;
    return r;
}

static uint32_t peek_rune(const struct lexer *lx)
{
    struct lexer ahead = *lx;
    return next_rune(&ahead);
}

static void count_lines(struct lexer *lx, size_t from, size_t to)
{
    for (const char *p = lx->in.data + from, *end = lx->in.data + to; (p = memchr(p, '\n', (size_t)(end - p))); p++)
        lx->line++;
}

static void ignore(struct lexer *lx)
{
    lx->start = lx->pos;
    lx->start_line = lx->line;
}

static struct token emit(struct lexer *lx, enum token_type type)
{
    struct token t = {
        type, (uint32_t)lx->start, lx->start_line, {lx->in.data + lx->start, lx->pos - lx->start}};
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
    struct token t = {TOKEN_ERROR, (uint32_t)lx->start, lx->start_line, slice_of(message)};
    lx->pos = lx->start = lx->in.len; // nothing more will come
    lx->inside = false;
    return t;
}

static bool left_trim_at(const struct lexer *lx, size_t pos)
{
    return pos + 2 <= lx->in.len && lx->in.data[pos] == '-' && is_space(lx->in.data[pos + 1]);
}

static bool right_trim_at(const struct lexer *lx, size_t pos)
{
    return pos + 2 <= lx->in.len && is_space(lx->in.data[pos]) && lx->in.data[pos + 1] == '-';
}

static bool at_right_delim(const struct lexer *lx, bool *trim)
{
    *trim = right_trim_at(lx, lx->pos) && at(lx, lx->pos + 2, "}}");
    return *trim || at(lx, lx->pos, "}}");
}

static void skip_space(struct lexer *lx)
{
    while (lx->pos < lx->in.len && is_space(lx->in.data[lx->pos]))
        lx->line += lx->in.data[lx->pos++] == '\n';
}

static struct token right_delim(struct lexer *lx)
{
    bool trim;
    at_right_delim(lx, &trim);
    if (trim) {
        lx->line += lx->in.data[lx->pos] == '\n';
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
    size_t from = lx->pos;
    lx->pos = (size_t)(end - lx->in.data) + 2;
    bool trim;
    if (!at_right_delim(lx, &trim)) {
        *t = fault(lx, "comment ends before closing delimiter");
        return false;
    }
    lx->pos += trim ? 4 : 2;
    count_lines(lx, from, lx->pos);
    if (trim)
        skip_space(lx);
    ignore(lx);
    return true;
}

static struct token text(struct lexer *lx)
{
    for (;;) {
        const char *found = NULL;
        if (lx->pos < lx->in.len)
            found = memmem(lx->in.data + lx->pos, lx->in.len - lx->pos, "{{", 2);
        size_t end = found ? (size_t)(found - lx->in.data) : lx->in.len;
        if (end > lx->pos) {
            size_t keep = end;
            if (found && left_trim_at(lx, end + 2))
                while (keep > lx->start && is_space(lx->in.data[keep - 1]))
                    keep--;
            count_lines(lx, lx->pos, keep);
            lx->pos = keep;
            struct token t = emit(lx, TOKEN_TEXT);
            count_lines(lx, keep, end);
            lx->pos = end;
            ignore(lx);
            if (t.text.len)
                return t;
        }
        if (!found)
            return emit(lx, TOKEN_EOF);
        size_t marker = left_trim_at(lx, lx->pos + 2) ? 2 : 0;
        if (at(lx, lx->pos + 2 + marker, "/*")) {
            count_lines(lx, lx->pos, lx->pos + 2 + marker);
            lx->pos += 2 + marker;
            ignore(lx);
            struct token t;
            if (!comment(lx, &t))
                return t;
            continue;
        }
        lx->pos += 2;
        struct token t = emit(lx, TOKEN_LEFT_DELIM);
        count_lines(lx, lx->pos, lx->pos + marker);
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
    uint32_t r = peek_rune(lx);
    if (r == END_OF_INPUT || (r < 0x80 && (is_space((int)r) || (r && strchr(".,|:)(", (int)r)))))
        return true;
    return at(lx, lx->pos, "}}");
}

static struct token bad_character(struct lexer *lx, const char *what, uint32_t r)
{
    char shown[16] = "";
    if (rune_is_print(r)) {
        char utf8[4];
        size_t n = utf8_encode(r, utf8);
        snprintf(shown, sizeof shown, " '%.*s'", (int)n, utf8);
    }
    return fault(lx, "%s U+%04X%s", what, r, shown);
}

static void skip_word(struct lexer *lx)
{
    while (is_word(peek_rune(lx)))
        next_rune(lx);
}

static struct token identifier(struct lexer *lx)
{
    static const struct {
        const char *word;
        enum token_type type;
    } keywords[] = {
        {"block", TOKEN_BLOCK}, {"break", TOKEN_BREAK}, {"continue", TOKEN_CONTINUE}, {"define", TOKEN_DEFINE},
        {"else", TOKEN_ELSE},   {"end", TOKEN_END},     {"if", TOKEN_IF},             {"nil", TOKEN_NIL},
        {"range", TOKEN_RANGE}, {"template", TOKEN_TEMPLATE}, {"with", TOKEN_WITH},   {"true", TOKEN_BOOL},
        {"false", TOKEN_BOOL},
    };
    skip_word(lx);
    if (!at_terminator(lx))
        return bad_character(lx, "bad character", peek_rune(lx));
    struct slice word = {lx->in.data + lx->start, lx->pos - lx->start};
    for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
        if (slice_eq_str(word, keywords[i].word))
            return emit(lx, keywords[i].type);
    return emit(lx, TOKEN_IDENTIFIER);
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

static struct token number(struct lexer *lx)
{
    bool good = scan_number(lx);
    enum token_type type = TOKEN_NUMBER;
    if (good && (peek_rune(lx) == '+' || peek_rune(lx) == '-')) { // complex: 1+2i
        good = scan_number(lx) && lx->in.data[lx->pos - 1] == 'i';
        type = TOKEN_COMPLEX;
    }
    if (good)
        return emit(lx, type);
    struct buf quoted = BUF_IN(lx->arena);
    go_quote(&quoted, lx->in.data + lx->start, lx->pos - lx->start);
    return fault(lx, "bad number syntax: %s", buf_cstr(&quoted));
}

static struct token quoted(struct lexer *lx, uint32_t quote, enum token_type type, const char *message)
{
    for (;;) {
        uint32_t r = next_rune(lx);
        if (r == '\\' && quote != '`')
            r = next_rune(lx) == '\n' || lx->pos >= lx->in.len ? END_OF_INPUT : 0;
        if (r == END_OF_INPUT || (r == '\n' && quote != '`'))
            return fault(lx, "%s", message);
        if (r == quote)
            return emit(lx, type);
    }
}

static struct token action(struct lexer *lx)
{
    bool trim;
    if (at_right_delim(lx, &trim))
        return lx->parens == 0 ? right_delim(lx) : fault(lx, "unclosed left paren");
    size_t begin = lx->pos;
    uint32_t begin_line = lx->line;
    uint32_t r = next_rune(lx);
    if (r == END_OF_INPUT)
        return fault(lx, "unclosed action");
    if (r < 0x80 && is_space((int)r)) {
        size_t spaces = 1;
        for (; is_space((int)peek_rune(lx)); spaces++)
            next_rune(lx);
        // The last space may belong to a trim marker.
        if (right_trim_at(lx, lx->pos - 1) && at(lx, lx->pos + 1, "}}")) {
            lx->pos--;
            if (lx->in.data[lx->pos] == '\n')
                lx->line--;
            if (spaces == 1)
                return right_delim(lx);
        }
        return emit(lx, TOKEN_SPACE);
    }
    switch (r) {
    case '=':
        return emit(lx, TOKEN_ASSIGN);
    case ':':
        return next_rune(lx) == '=' ? emit(lx, TOKEN_DECLARE) : fault(lx, "expected :=");
    case '|':
        return emit(lx, TOKEN_PIPE);
    case '"':
        return quoted(lx, r, TOKEN_STRING, "unterminated quoted string");
    case '`':
        return quoted(lx, r, TOKEN_RAW_STRING, "unterminated raw quoted string");
    case '\'':
        return quoted(lx, r, TOKEN_CHAR_CONSTANT, "unterminated character constant");
    case '$':
        return field_or_variable(lx, TOKEN_VARIABLE);
    case '(':
        lx->parens++;
        return emit(lx, TOKEN_LEFT_PAREN);
    case ')':
        return --lx->parens < 0 ? fault(lx, "unexpected right paren") : emit(lx, TOKEN_RIGHT_PAREN);
    case '.':
        if (lx->pos >= lx->in.len || lx->in.data[lx->pos] < '0' || lx->in.data[lx->pos] > '9')
            return field_or_variable(lx, TOKEN_FIELD);
        break;
    default:
        if (r != '+' && r != '-' && !(r >= '0' && r <= '9')) {
            if (is_word(r)) {
                lx->pos = begin;
                return identifier(lx);
            }
            if (r > ' ' && r < 0x7F)
                return emit(lx, TOKEN_CHAR);
            return bad_character(lx, "unrecognized character in action:", r);
        }
    }
    lx->pos = begin;
    lx->line = begin_line;
    return number(lx);
}

struct token lexer_next(struct lexer *lx)
{
    return lx->inside ? action(lx) : text(lx);
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
