// literal.c - numbers, characters and strings as Go's strconv reads them.
#include "template/complex.h"
#include "template/node.h"

#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>

enum { PARSE_OK, PARSE_RANGE, PARSE_SYNTAX };

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
        return (c | 0x20) - 'a' + 10;
    return 99;
}

// strconv's rule: an underscore stands between digits, or between a base prefix and a digit.
static bool underscores_ok(struct slice s)
{
    char last = '^'; // '0' a digit, '_' an underscore, '!' anything else, '^' the beginning
    size_t i = 0;
    if (s.len && (s.data[0] == '-' || s.data[0] == '+'))
        i++;
    bool hex = false;
    if (s.len - i >= 2 && s.data[i] == '0' && strchr("bBoOxX", s.data[i + 1]) && s.data[i + 1]) {
        hex = (s.data[i + 1] | 0x20) == 'x';
        last = '0'; // the prefix counts as a digit
        i += 2;
    }
    for (; i < s.len; i++) {
        char c = s.data[i];
        if ((c >= '0' && c <= '9') || (hex && digit_value(c) < 16)) {
            last = '0';
        } else if (c == '_') {
            if (last != '0')
                return false;
            last = '_';
        } else {
            if (last == '_')
                return false;
            last = '!';
        }
    }
    return last != '_';
}

int go_parse_uint(struct slice text, int base, uint64_t *out)
{
    struct slice s = text;
    bool prefixed = base == 0;
    *out = 0;
    if (s.len == 0)
        return PARSE_SYNTAX;
    if (base == 0) {
        base = 10;
        if (s.data[0] == '0') {
            char c = s.len >= 3 ? (char)(s.data[1] | 0x20) : 0;
            base = c == 'b' ? 2 : c == 'o' ? 8 : c == 'x' ? 16 : 8;
            s = slice_sub(s, c == 'b' || c == 'o' || c == 'x' ? 2 : 1, s.len);
        }
    }
    bool underscores = false, overflow = false;
    uint64_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] == '_' && prefixed) {
            underscores = true;
            continue;
        }
        int d = digit_value(s.data[i]);
        if (d >= base)
            return PARSE_SYNTAX;
        overflow |= __builtin_mul_overflow(n, (uint64_t)base, &n);
        overflow |= __builtin_add_overflow(n, (uint64_t)d, &n);
    }
    if (underscores && !underscores_ok(text))
        return PARSE_SYNTAX;
    *out = overflow ? UINT64_MAX : n;
    return overflow ? PARSE_RANGE : PARSE_OK;
}

int go_parse_int(struct slice text, int base, int64_t *out)
{
    *out = 0;
    if (text.len == 0)
        return PARSE_SYNTAX;
    bool negative = text.data[0] == '-';
    if (negative || text.data[0] == '+')
        text = slice_sub(text, 1, text.len);
    uint64_t n;
    int result = go_parse_uint(text, base, &n);
    if (result == PARSE_SYNTAX)
        return result;
    uint64_t most = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    if (n > most) {
        n = most;
        result = PARSE_RANGE;
    }
    *out = negative ? (int64_t)(0 - n) : (int64_t)n;
    return result;
}

static bool special_float(struct slice s, double *out)
{
    double sign = 1;
    if (s.len && (s.data[0] == '-' || s.data[0] == '+')) {
        sign = s.data[0] == '-' ? -1 : 1;
        s = slice_sub(s, 1, s.len);
    }
    static const struct {
        const char *word;
        bool nan;
    } words[] = {{"inf", false}, {"infinity", false}, {"nan", true}};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strlen(words[i].word) != s.len || strncasecmp(words[i].word, s.data, s.len) != 0)
            continue;
        *out = words[i].nan ? NAN : sign * INFINITY;
        return true;
    }
    return false;
}

int go_parse_float(struct slice text, double *out)
{
    *out = 0;
    if (special_float(text, out))
        return PARSE_OK;
    // Check the form before strtod sees it: strtod knows other forms, and a locale.
    char plain[512];
    size_t n = 0, i = 0, digits = 0;
    bool hex = false, exponent = false, underscores = false;
    if (i < text.len && (text.data[i] == '-' || text.data[i] == '+'))
        plain[n++] = text.data[i++];
    if (text.len - i >= 2 && text.data[i] == '0' && (text.data[i + 1] | 0x20) == 'x') {
        hex = true;
        i += 2;
        memcpy(plain + n, "0x", 2);
        n += 2;
    }
    bool point = false;
    for (; i < text.len; i++) {
        char c = text.data[i];
        if (n + 8 >= sizeof plain)
            return PARSE_SYNTAX; // no number that anybody writes is that long
        if (c == '_') {
            underscores = true;
            continue;
        }
        if (c == '.' && !point)
            point = true;
        else if (digit_value(c) < (hex ? 16 : 10))
            digits++;
        else
            break;
        plain[n++] = c;
    }
    if (digits == 0)
        return PARSE_SYNTAX;
    if (i < text.len && (text.data[i] | 0x20) == (hex ? 'p' : 'e')) {
        plain[n++] = text.data[i++];
        if (i < text.len && (text.data[i] == '-' || text.data[i] == '+'))
            plain[n++] = text.data[i++];
        for (; i < text.len && ((text.data[i] >= '0' && text.data[i] <= '9') || text.data[i] == '_'); i++) {
            if (n + 2 >= sizeof plain)
                return PARSE_SYNTAX;
            if (text.data[i] == '_') {
                underscores = true;
                continue;
            }
            exponent = true;
            plain[n++] = text.data[i];
        }
        if (!exponent)
            return PARSE_SYNTAX;
    }
    // A hexadecimal mantissa needs its exponent.
    if (i < text.len || (hex && !exponent) || (underscores && !underscores_ok(text)))
        return PARSE_SYNTAX;
    plain[n] = '\0';
    locale_t c_locale = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    double f = strtod_l(plain, NULL, c_locale);
    freelocale(c_locale);
    *out = f;
    return isinf(f) ? PARSE_RANGE : PARSE_OK;
}

static void set_int(struct number *n, int64_t i)
{
    n->is_int = true;
    n->i = i;
}

// What the constant is where no type is asked for: a float when it looks like one, else an int.
static void settle_ideal(struct number *n)
{
    bool hex_int = n->text.len > 2 && n->text.data[0] == '0' && (n->text.data[1] | 0x20) == 'x' &&
                   slice_find_char(n->text, 'p') < 0 && slice_find_char(n->text, 'P') < 0;
    bool looks_float = false;
    for (size_t i = 0; i < n->text.len; i++)
        looks_float |= n->text.data[i] && strchr(".eEpP", n->text.data[i]);
    if (n->is_float && !hex_int && looks_float && n->text.data[0] != '\'')
        n->ideal = value_float(n->f);
    else if (n->is_int)
        n->ideal = value_int_of(GO_INT, n->i);
    else
        n->overflows = true;
}

// A complex constant is a number of the other types too where its imaginary part is nothing.
static void set_complex(struct arena *a, struct number *n, double re, double im)
{
    n->is_float = im == 0;
    n->f = re;
    if (im == 0 && re >= -0x1p63 && re < 0x1p63 && (double)(int64_t)re == re)
        set_int(n, (int64_t)re);
    n->ideal = complex_new(a, re, im);
}

bool literal_number(struct arena *a, struct slice text, struct number *n, struct error *err)
{
    *n = (struct number){.text = text};
    double re, im;
    if (complex_parse(text, &re, &im)) {
        set_complex(a, n, re, im);
        return true;
    }
    if (go_parse_uint(text, 0, &n->u) == PARSE_OK)
        n->is_uint = true;
    int64_t i;
    if (go_parse_int(text, 0, &i) == PARSE_OK) {
        set_int(n, i);
        n->is_uint |= i == 0; // -0
    }
    double f;
    if (n->is_int || n->is_uint) {
        n->is_float = true;
        n->f = n->is_int ? (double)n->i : (double)n->u;
    } else if (go_parse_float(text, &f) == PARSE_OK) {
        bool pointed = false;
        for (size_t k = 0; k < text.len; k++)
            pointed |= text.data[k] && strchr(".eEpP", text.data[k]);
        if (!pointed)
            return error_set(err, ERROR_INVALID, "integer overflow: %s", go_quoted(a, text));
        n->is_float = true;
        n->f = f;
        if (f >= -0x1p63 && f < 0x1p63 && (double)(int64_t)f == f)
            set_int(n, (int64_t)f);
        if (f >= 0 && f < 0x1p64 && (double)(uint64_t)f == f) {
            n->is_uint = true;
            n->u = (uint64_t)f;
        }
    } else {
        if (slice_has_suffix(text, SLICE("i")) && strpbrk(slice_dup(a, slice_sub(text, 1, text.len)), "+-"))
            return error_set(err, ERROR_INVALID, "syntax error scanning complex number");
        return error_set(err, ERROR_INVALID, "illegal number syntax: %s", go_quoted(a, text));
    }
    settle_ideal(n);
    return true;
}

// One character of a literal, escapes resolved. *byte: it is a byte of its own, not a rune. False: bad syntax.
static bool unquote_char(struct slice *s, char quote, uint32_t *rune, bool *byte)
{
    *byte = false;
    if (s->len == 0)
        return false;
    unsigned char c = (unsigned char)s->data[0];
    if (c == (unsigned char)quote && (quote == '\'' || quote == '"'))
        return false;
    if (c != '\\') {
        size_t width;
        *rune = utf8_decode(s->data, s->len, &width);
        *s = slice_sub(*s, width, s->len);
        return true;
    }
    if (s->len < 2)
        return false;
    char e = s->data[1];
    *s = slice_sub(*s, 2, s->len);
    static const char names[] = "abfnrtv\\", meanings[] = "\a\b\f\n\r\t\v\\";
    const char *known = e ? strchr(names, e) : NULL;
    if (known) {
        *rune = (unsigned char)meanings[known - names];
        return true;
    }
    size_t digits = 0;
    int base = 16;
    switch (e) {
    case 'x':
        digits = 2;
        break;
    case 'u':
        digits = 4;
        break;
    case 'U':
        digits = 8;
        break;
    case '\'':
    case '"':
        *rune = (unsigned char)e;
        return e == quote;
    default:
        if (e < '0' || e > '7')
            return false;
        digits = 3;
        base = 8;
        *s = (struct slice){s->data - 1, s->len + 1};
    }
    if (s->len < digits)
        return false;
    uint32_t r = 0;
    for (size_t i = 0; i < digits; i++) {
        int d = digit_value(s->data[i]);
        if (d >= base)
            return false;
        r = r * (uint32_t)base + (uint32_t)d;
    }
    *s = slice_sub(*s, digits, s->len);
    *rune = r;
    *byte = e == 'x' || base == 8;
    if (base == 8 && r > 255)
        return false;
    return *byte || (r <= 0x10FFFF && !(r >= 0xD800 && r <= 0xDFFF));
}

bool literal_char(struct slice text, struct number *n, struct error *err)
{
    *n = (struct number){.text = text};
    struct slice rest = slice_sub(text, 1, text.len);
    uint32_t rune;
    bool byte;
    if (!unquote_char(&rest, '\'', &rune, &byte))
        return error_set(err, ERROR_INVALID, "invalid syntax");
    if (!slice_eq(rest, SLICE("'")))
        return error_set(err, ERROR_INVALID, "malformed character constant: %.*s", SLICE_ARG(text));
    set_int(n, rune);
    n->is_uint = n->is_float = true;
    n->u = rune;
    n->f = rune;
    settle_ideal(n);
    return true;
}

// Most strings say what they mean: no escapes, and nothing that is no UTF-8.
static bool is_literal(struct slice s)
{
    unsigned char special = 0, all = 0;
    for (size_t i = 0; i < s.len; i++) { // to the end, without a branch: the compiler makes vectors of it
        special |= (s.data[i] == '\\') | (s.data[i] == '\n');
        all |= (unsigned char)s.data[i];
    }
    return !special && (all < 0x80 || utf8_valid(s.data, s.len));
}

bool literal_string(struct arena *a, struct slice quoted, struct slice *out, struct error *err)
{
    struct slice s = slice_sub(quoted, 1, quoted.len - 1);
    bool raw = quoted.data[0] == '`';
    if (raw ? !memchr(s.data, '\r', s.len) : is_literal(s)) {
        *out = slice_n(arena_strndup(a, s.data, s.len), s.len);
        return true;
    }
    struct buf text = BUF_IN(a);
    buf_reserve(&text, s.len);
    if (raw) { // carriage returns do not count
        for (size_t i = 0; i < s.len; i++)
            if (s.data[i] != '\r')
                buf_char(&text, s.data[i]);
    }
    while (!raw && s.len) {
        uint32_t rune;
        bool byte;
        if (s.data[0] == '\n' || !unquote_char(&s, '"', &rune, &byte))
            return error_set(err, ERROR_INVALID, "invalid syntax");
        if (byte)
            buf_char(&text, (char)rune);
        else
            buf_rune(&text, rune);
    }
    *out = slice_n(buf_cstr(&text), text.len);
    return true;
}
