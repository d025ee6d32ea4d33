// toml_scalar.c - TOML's names, strings, numbers and dates, and the reader below them.
#include "template/toml_scalar.h"

#include <math.h>
#include <time.h>

#include "template/go_time.h"
#include "template/node.h"
#include "template/sprig.h"
#include "value/unicode.h"

// ---- messages -------------------------------------------------------------------------------------------------------

void toml_path_print(struct buf *out, struct toml_path path)
{
    for (size_t i = 0; i < path.len; i++) {
        if (i)
            buf_char(out, '.');
        toml_key(out, path.items[i]);
    }
}

static void add_message(struct toml_reader *r, int line, const char *format, va_list args)
{
    struct buf last = BUF_IN(r->arena), out = BUF_IN(r->arena);
    toml_path_print(&last, r->context);
    if (r->context.len && r->key.len)
        buf_char(&last, '.');
    buf_slice(&last, r->key);
    buf_printf(&out, "toml: line %d", line);
    if (last.len)
        buf_printf(&out, " (last key %s)", go_quoted(r->arena, buf_view(&last)));
    buf_str(&out, ": ");
    buf_vprintf(&out, format, args);
    error_set(r->err, ERROR_INVALID, "%s", buf_cstr(&out));
}

bool (toml_fail)(struct toml_reader *r, int line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_message(r, line, format, args);
    va_end(args);
    return false;
}

// An end of the document behind a line's end is told of that line.
bool (toml_fail_here)(struct toml_reader *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_message(r, r->line - (r->at_end && r->pos > 0 && r->in.data[r->pos - 1] == '\n'), format, args);
    va_end(args);
    return false;
}

const char *toml_show_rune(struct toml_reader *r, uint32_t rune)
{
    struct buf out = BUF_IN(r->arena);
    if (rune == TOML_END)
        return "end of file";
    buf_char(&out, '\'');
    buf_rune(&out, rune);
    buf_char(&out, '\'');
    return buf_cstr(&out);
}

// ---- runes ----------------------------------------------------------------------------------------------------------

bool toml_next(struct toml_reader *r, uint32_t *rune)
{
    if (r->pos >= r->in.len) {
        r->at_end = true;
        *rune = TOML_END;
        return true;
    }
    uint32_t c = utf8_decode(r->in.data + r->pos, r->in.len - r->pos, &r->width);
    if (c == RUNE_ERROR && r->width == 1)
        return toml_fail_here(r, "invalid UTF-8 byte: 0x%02x", (unsigned char)r->in.data[r->pos]);
    bool lone = c == '\r' && (r->pos + 1 == r->in.len || r->in.data[r->pos + 1] != '\n');
    r->line += c == '\n';
    if (lone || c == 0x7f || (c < 0x20 && c != '\t' && c != '\n' && c != '\r'))
        return toml_fail_here(r, "TOML files cannot contain control characters: '0x%02x'", c);
    r->pos += r->width;
    *rune = c;
    return true;
}

void toml_back(struct toml_reader *r)
{
    if (r->at_end) {
        r->at_end = false;
        return;
    }
    r->pos -= r->width;
    r->line -= r->in.data[r->pos] == '\n';
}

static char byte_at(const struct toml_reader *r, size_t pos)
{
    return pos < r->in.len ? r->in.data[pos] : '\0';
}

static void skip_blanks(struct toml_reader *r)
{
    while (byte_at(r, r->pos) == ' ' || byte_at(r, r->pos) == '\t')
        r->pos++;
}

bool toml_peek_behind_blanks(struct toml_reader *r, uint32_t *rune)
{
    skip_blanks(r);
    if (!toml_next(r, rune))
        return false;
    toml_back(r);
    return true;
}

bool toml_starts(struct toml_reader *r, char c)
{
    skip_blanks(r);
    return byte_at(r, r->pos) == c;
}

bool toml_skip_comment(struct toml_reader *r)
{
    uint32_t c;
    do
        if (!toml_next(r, &c))
            return false;
    while (c != '\n' && c != '\r' && c != TOML_END);
    toml_back(r);
    return true;
}

// ---- strings --------------------------------------------------------------------------------------------------------

static bool is_hex(uint32_t c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

// The digits behind \x, \u or \U. `start`: of the string, for the message.
static bool read_code_point(struct toml_reader *r, struct buf *out, uint32_t letter, size_t start)
{
    static const struct {
        char letter;
        int digits;
        const char *word;
    } kinds[] = {{'x', 2, "two"}, {'u', 4, "four"}, {'U', 8, "eight"}};
    size_t k = letter == 'x' ? 0 : letter == 'u' ? 1 : 2, at = r->pos;
    for (int i = 0; i < kinds[k].digits; i++) {
        uint32_t c;
        if (!toml_next(r, &c))
            return false;
        if (!is_hex(c))
            return toml_fail_here(r, "expected %s hexadecimal digits after '\\%c', but got %s instead", kinds[k].word,
                                  kinds[k].letter, go_quoted(r->arena, slice_sub(r->in, start, r->pos)));
    }
    struct slice digits = slice_sub(r->in, at, r->pos);
    uint32_t code = (uint32_t)strtoul(slice_dup(r->arena, digits), NULL, 16);
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        return toml_fail(r, r->line, "Escaped character '\\u%.*s' is not valid UTF-8.", SLICE_ARG(digits));
    buf_rune(out, code);
    return true;
}

static bool read_escape(struct toml_reader *r, struct buf *out, size_t start)
{
    static const char plain[128] = {['b'] = '\b', ['t'] = '\t', ['n'] = '\n', ['f'] = '\f',
                                    ['r'] = '\r', ['e'] = 0x1b, ['"'] = '"',  ['\\'] = '\\'};
    uint32_t c;
    if (!toml_next(r, &c))
        return false;
    if (c == ' ' || c == '\t')
        return toml_fail(r, r->line, "invalid escape: '\\%c'", (char)c);
    if (c < 128 && plain[c]) {
        buf_char(out, plain[c]);
        return true;
    }
    if (c == 'x' || c == 'u' || c == 'U')
        return read_code_point(r, out, c, start);
    struct buf shown = BUF_IN(r->arena);
    if (c == TOML_END)
        buf_char(&shown, '\0');
    else
        buf_rune(&shown, c);
    return toml_fail(r, r->line - r->at_end, "invalid escape in string '\\%s'", buf_cstr(&shown));
}

// The rest of "…" or '…' on one line.
static bool read_line_string(struct toml_reader *r, char quote, struct buf *out)
{
    size_t start = r->pos;
    for (;;) {
        uint32_t c;
        if (!toml_next(r, &c))
            return false;
        if (c == (unsigned char)quote)
            return true;
        if (c == TOML_END)
            return toml_fail_here(r, quote == '"' ? "unexpected EOF; expected '\"'" : "unexpected EOF; expected \"'\"");
        if (c == '\n' || c == '\r')
            return toml_fail(r, r->line - 1, "strings cannot contain newlines");
        if (c != '\\' || quote == '\'')
            buf_rune(out, c);
        else if (!read_escape(r, out, start))
            return false;
    }
}

// A backslash at a line's end takes out all white space up to the next text.
static bool skip_folded_lines(struct toml_reader *r)
{
    size_t end = r->pos;
    int lines = 0;
    for (char c; (c = byte_at(r, end)) && strchr(" \t\r\n", c); end++)
        lines += c == '\n';
    if (lines > 0)
        r->pos = end;
    r->line += lines;
    return lines > 0;
}

// The rest of """…""" or '''…'''; up to two quotes may stand before the closing three.
static bool read_multiline_string(struct toml_reader *r, char quote, struct buf *out)
{
    size_t start = r->pos;
    for (size_t quotes = 0;;) {
        uint32_t c;
        if (!toml_next(r, &c))
            return false;
        if (c == TOML_END && quotes < 3)
            return toml_fail_here(r, quote == '"' ? "unexpected EOF; expected '\"\"\"'" : "unexpected EOF; expected \"'''\"");
        if (c == (unsigned char)quote) {
            if (++quotes > 5)
                return toml_fail_here(r, quote == '"' ? "unexpected '\"\"\"\"\"\"'" : "unexpected \"''''''\"");
            buf_char(out, quote);
            continue;
        }
        if (quotes >= 3) {
            toml_back(r);
            out->len -= 3;
            out->data[out->len] = '\0';
            break;
        }
        quotes = 0;
        if (c != '\\' || quote == '\'')
            buf_rune(out, c);
        else if (!skip_folded_lines(r) && !read_escape(r, out, start))
            return false;
    }
    return true;
}

static bool read_string(struct toml_reader *r, char quote, bool multiline, struct slice *out)
{
    struct buf text = BUF_IN(r->arena);
    r->pos++;
    if (multiline && byte_at(r, r->pos) == quote && byte_at(r, r->pos + 1) == quote) {
        r->pos += 2;
        size_t line_end = byte_at(r, r->pos) == '\r' && byte_at(r, r->pos + 1) == '\n' ? 2 : byte_at(r, r->pos) == '\n';
        r->pos += line_end;
        r->line += line_end > 0;
        if (!read_multiline_string(r, quote, &text))
            return false;
    } else if (!read_line_string(r, quote, &text)) {
        return false;
    }
    *out = slice_n(buf_cstr(&text), text.len);
    return true;
}

bool toml_read_name(struct toml_reader *r, struct slice *out)
{
    char c = byte_at(r, r->pos);
    if (c == '"' || c == '\'')
        return read_string(r, c, false, out);
    size_t start = r->pos;
    for (; (c = byte_at(r, r->pos)); r->pos++)
        if (!((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c == '-'))
            break;
    *out = slice_sub(r->in, start, r->pos);
    return true;
}

// ---- numbers --------------------------------------------------------------------------------------------------------

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// Each underscore between digits.
static bool underscores_ok(struct slice s)
{
    bool after_digit = false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] == '_' && !after_digit)
            return false;
        after_digit = is_hex((unsigned char)s.data[i]);
    }
    return after_digit;
}

static bool has_leading_zero(struct slice s)
{
    if (s.len > 1 && s.data[0] == '0' && !strchr("box", s.data[1]))
        return true;
    return s.len > 2 && (s.data[0] == '-' || s.data[0] == '+') && s.data[1] == '0';
}

static bool make_integer(struct toml_reader *r, struct slice text, struct value *out)
{
    int64_t i;
    if (!underscores_ok(text))
        return toml_fail(r, r->line, "Invalid integer %s: underscores must be surrounded by digits", go_quoted(r->arena, text));
    if (has_leading_zero(text))
        return toml_fail(r, r->line, "Invalid integer %s: cannot have leading zeroes", go_quoted(r->arena, text));
    if (go_parse_int(text, 0, &i) != 0)
        return toml_fail(r, r->line, "%.*s is out of range for int64", SLICE_ARG(text));
    *out = value_int(i);
    return true;
}

static bool make_float(struct toml_reader *r, struct slice text, struct value *out)
{
    struct buf digits = BUF_IN(r->arena);
    bool first = true, dot = false;
    for (size_t i = 0, start = 0; i <= text.len; i++) {
        if (i < text.len && !strchr(".eE", text.data[i]))
            continue;
        struct slice part = slice_sub(text, start, i);
        start = i + 1;
        if (part.len && !underscores_ok(part))
            return toml_fail(r, r->line, "Invalid float %s: underscores must be surrounded by digits", go_quoted(r->arena, text));
        if (part.len && first && has_leading_zero(part))
            return toml_fail(r, r->line, "Invalid float %s: cannot have leading zeroes", go_quoted(r->arena, text));
        first = first && !part.len;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (dot && !is_digit(text.data[i]))
            break;
        dot = text.data[i] == '.';
        if (text.data[i] != '_')
            buf_char(&digits, text.data[i]);
    }
    if (dot)
        return toml_fail(r, r->line, "Invalid float %s: '.' must be followed by one or more digits", go_quoted(r->arena, text));
    double f;
    int bad = go_parse_float(buf_view(&digits), &f);
    if (bad == 1)
        return toml_fail(r, r->line, "%.*s is out of range for float64", SLICE_ARG(text));
    if (bad)
        return toml_fail(r, r->line, "Invalid float value: %s", go_quoted(r->arena, text));
    *out = value_float(f);
    return true;
}

static bool make_special_float(struct toml_reader *r, size_t start, struct value *out)
{
    struct slice word = slice_sub(r->in, start, r->pos);
    bool minus = word.data[0] == '-';
    if (minus || word.data[0] == '+')
        word = slice_sub(word, 1, word.len);
    if (!slice_eq_str(word, "inf") && !slice_eq_str(word, "nan"))
        return toml_fail(r, r->line, "Invalid float value: %s", go_quoted(r->arena, slice_sub(r->in, start, r->pos)));
    double f = word.data[0] == 'i' ? INFINITY : NAN;
    *out = value_float(minus ? -f : f);
    return true;
}

// The layouts of dates and times, and the names that zones of times without a zone have.
static const struct {
    const char *layout, *zone;
} date_kinds[] = {
    {"2006-01-02T15:04:05.999999999Z07:00", NULL}, {"2006-01-02T15:04:05.999999999", "datetime-local"},
    {"2006-01-02", "date-local"},                  {"15:04:05.999999999", "time-local"},
    {"2006-01-02T15:04Z07:00", NULL},              {"2006-01-02T15:04", "datetime-local"},
    {"15:04", "time-local"},
};

// Go takes "1:02" for "01:02": here the separators have to stand where the layout has them.
static bool aligned(struct slice text, const char *layout)
{
    for (size_t i = 0; layout[i] && layout[i] != '.' && layout[i] != 'Z'; i++)
        if (!is_digit(layout[i]) && (i >= text.len || text.data[i] != layout[i]))
            return false;
    return true;
}

static bool make_date(struct toml_reader *r, struct slice text, struct value *out)
{
    char *iso = slice_dup(r->arena, slice_trim_space(text));
    struct slice s = slice_of(iso);
    const struct zone *local = zone_load(r->arena, "Local");
    for (char *p = iso; *p; p++)
        *p = *p == 'z' ? 'Z' : *p == 't' || *p == ' ' ? 'T' : *p;
    for (size_t i = 0; i < ARRAY_LEN(date_kinds); i++) {
        struct moment m;
        struct error miss cleanup(error_clear) = {0};
        const struct zone *zone = date_kinds[i].zone ?
            zone_fixed(r->arena, date_kinds[i].zone, zone_at(local, time(NULL)).offset) : local;
        if (!layout_parse(r->arena, slice_of(date_kinds[i].layout), s, zone, &m, &miss))
            continue;
        if (!aligned(s, date_kinds[i].layout))
            break;
        *out = time_value(r->arena, m);
        return true;
    }
    return toml_fail(r, r->line, "invalid datetime: %s", go_quoted(r->arena, s));
}

// The decoder looks at the rune behind a number before it makes something of the number.
static bool look_ahead(struct toml_reader *r)
{
    uint32_t c;
    if (!toml_next(r, &c))
        return false;
    toml_back(r);
    return true;
}

static void skip_all(struct toml_reader *r, const char *set)
{
    while (byte_at(r, r->pos) && strchr(set, byte_at(r, r->pos)))
        r->pos++;
}

#define DIGITS "0123456789"

static bool read_based_integer(struct toml_reader *r, struct value *out)
{
    static const struct {
        char letter;
        const char *name, *digits;
    } bases[] = {{'b', "a binary", "01"}, {'o', "an octal", "01234567"}, {'x', "a hexadecimal", DIGITS "abcdefABCDEF"}};
    size_t start = r->pos, k = byte_at(r, start + 1) == 'b' ? 0 : byte_at(r, start + 1) == 'o' ? 1 : 2;
    uint32_t c;
    r->pos += 2;
    if (!toml_next(r, &c))
        return false;
    toml_back(r);
    if (c == TOML_END || c > 127 || !strchr(bases[k].digits, (int)c)) {
        struct buf shown = BUF_IN(r->arena);
        buf_rune(&shown, c);
        return toml_fail_here(r, "not %s number: '0%c%s'", bases[k].name, bases[k].letter, c ? buf_cstr(&shown) : "");
    }
    while (byte_at(r, r->pos) && (byte_at(r, r->pos) == '_' || strchr(bases[k].digits, byte_at(r, r->pos))))
        r->pos++;
    return look_ahead(r) && make_integer(r, slice_sub(r->in, start, r->pos), out);
}

// What follows a number's first digits tells a float and a date.
static bool read_number_or_date(struct toml_reader *r, size_t start, struct value *out)
{
    bool sign = !is_digit(r->in.data[start]);
    if (!sign && r->in.data[start] == '0' && byte_at(r, start + 1) && strchr("box", byte_at(r, start + 1)))
        return read_based_integer(r, out);
    r->pos = start + sign;
    skip_all(r, DIGITS);
    if (!sign && (byte_at(r, r->pos) == '-' || byte_at(r, r->pos) == ':') && !(r->pos == start + 1 && r->in.data[start] == '0')) {
        skip_all(r, DIGITS "-:Tt .Zz+");
        return look_ahead(r) && make_date(r, slice_sub(r->in, start, r->pos), out);
    }
    skip_all(r, DIGITS "_");
    if (byte_at(r, r->pos) == '\0' || !strchr(".eE", byte_at(r, r->pos)))
        return look_ahead(r) && make_integer(r, slice_sub(r->in, start, r->pos), out);
    skip_all(r, DIGITS "_.-+eE");
    return look_ahead(r) && make_float(r, slice_sub(r->in, start, r->pos), out);
}

static bool read_signed(struct toml_reader *r, struct value *out)
{
    size_t start = r->pos;
    uint32_t c;
    r->pos++;
    if (!toml_next(r, &c))
        return false;
    if (c == 'i' || c == 'n') {
        const char *rest = c == 'i' ? "nf" : "an";
        for (; *rest && byte_at(r, r->pos) == *rest; rest++)
            r->pos++;
        struct slice word = slice_sub(r->in, start, r->pos);
        return *rest ? toml_fail_here(r, "invalid float: '%.*s'", SLICE_ARG(word)) : make_special_float(r, start, out);
    }
    char base = byte_at(r, r->pos);
    if (c == '0' && base && strchr("box", base))
        return toml_fail_here(r, "cannot use sign with non-decimal numbers: '%c0%c'", r->in.data[start], base);
    if (c == '.')
        return toml_fail_here(r, "floats must start with a digit, not '.'");
    if (c < '0' || c > '9')
        return toml_fail_here(r, "expected a digit but got %s", go_quoted_rune(r->arena, c));
    return read_number_or_date(r, start, out);
}

// ---- words ----------------------------------------------------------------------------------------------------------

// "inf" or "nan"; as the decoder reads, so far as the letters fit: false, and what is left is the beginning of a word.
static bool read_special_float(struct toml_reader *r)
{
    size_t start = r->pos++;
    const char *const ways[] = {"nf", "an"};
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        if (byte_at(r, r->pos) != ways[i][0])
            continue;
        r->pos++;
        if (byte_at(r, r->pos) == ways[i][1]) {
            r->pos++;
            return true;
        }
    }
    r->pos = r->pos > start + 1 ? r->pos - 1 : start;
    return false;
}

static bool read_word(struct toml_reader *r, struct value *out)
{
    size_t start = r->pos;
    uint32_t c;
    do
        if (!toml_next(r, &c))
            return false;
    while (c != TOML_END && go_is_letter(c));
    toml_back(r);
    struct slice word = slice_sub(r->in, start, r->pos);
    bool yes = slice_eq_str(word, "true");
    if (!yes && !slice_eq_str(word, "false"))
        return toml_fail_here(r, "expected value but found %s instead", go_quoted(r->arena, word));
    *out = value_bool(yes);
    return true;
}

bool toml_read_scalar(struct toml_reader *r, struct value *out)
{
    size_t start = r->pos;
    uint32_t c;
    struct slice text;
    if (!toml_next(r, &c))
        return false;
    if (c == TOML_END)
        return toml_fail_here(r, "unexpected EOF; expected value");
    if (c == '.')
        return toml_fail_here(r, "floats must start with a digit, not '.'");
    if (!(c == '"' || c == '\'' || c == '+' || c == '-' || (c >= '0' && c <= '9') || go_is_letter(c)))
        return toml_fail(r, r->line - (c == '\n'), "expected value but found %s instead", go_quoted_rune(r->arena, c));
    toml_back(r);
    if (c == '"' || c == '\'') {
        if (!read_string(r, (char)c, true, &text))
            return false;
        *out = value_string_n(text.data, text.len);
        return true;
    }
    if (c == '+' || c == '-')
        return read_signed(r, out);
    if (c < 128 && is_digit((char)c))
        return read_number_or_date(r, start, out);
    if ((c == 'i' || c == 'n') && read_special_float(r))
        return make_special_float(r, start, out);
    return read_word(r, out);
}
