// yaml_scalar.c - the types of plain scalars by go-yaml's rules: YAML 1.1 less base 60, with Go's number syntax.
#include "value/yaml_scalar.h"

#include <math.h>
#include <stdio.h>

// ---- the words ----------------------------------------------------------------------------------------------------
// Each word in lower case, capitalised and in capitals, as YAML 1.1 lists them (.nan: as go-yaml does).
enum { ONLY_V2 = 1 };
static const struct word {
    char forms[3][6];
    uint8_t len;
    uint8_t type;
    uint8_t flags;
    double number; // of a float; truth of a bool
} words[] = {
    {{"true", "True", "TRUE"}, 4, YAML_BOOL, 0, 1},
    {{"false", "False", "FALSE"}, 5, YAML_BOOL, 0, 0},
    {{"null", "Null", "NULL"}, 4, YAML_NULL, 0, 0},
    {{"~", "~", "~"}, 1, YAML_NULL, 0, 0},
    {{"yes", "Yes", "YES"}, 3, YAML_BOOL, ONLY_V2, 1},
    {{"no", "No", "NO"}, 2, YAML_BOOL, ONLY_V2, 0},
    {{"on", "On", "ON"}, 2, YAML_BOOL, ONLY_V2, 1},
    {{"off", "Off", "OFF"}, 3, YAML_BOOL, ONLY_V2, 0},
    {{"y", "Y", "Y"}, 1, YAML_BOOL, ONLY_V2, 1},
    {{"n", "N", "N"}, 1, YAML_BOOL, ONLY_V2, 0},
    {{".nan", ".NaN", ".NAN"}, 4, YAML_FLOAT, 0, NAN},
    {{".inf", ".Inf", ".INF"}, 4, YAML_FLOAT, 0, INFINITY},
    {{"+.inf", "+.Inf", "+.INF"}, 5, YAML_FLOAT, 0, INFINITY},
    {{"-.inf", "-.Inf", "-.INF"}, 5, YAML_FLOAT, 0, -INFINITY},
    {{"", "", ""}, 0, YAML_NULL, 0, 0},
};

static const struct word *word_find(const char *text, size_t len)
{
    if (len > 5)
        return NULL;
    for (const struct word *w = words; w < words + ARRAY_LEN(words); w++)
        for (size_t i = 0; w->len == len && i < ARRAY_LEN(w->forms); i++)
            if (memcmp(w->forms[i], text, len) == 0)
                return w;
    return NULL;
}

bool yaml_is_old_bool(const char *text, size_t len)
{
    const struct word *w = word_find(text, len);
    return w && w->flags & ONLY_V2;
}

// ---- numbers ------------------------------------------------------------------------------------------------------
static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'z' ? c - 'a' + 10 : 99;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// The digits of a whole number in a base. False: something else, or more than 64 bits.
static bool parse_digits(const char *p, const char *end, unsigned base, uint64_t *out)
{
    if (p == end)
        return false;
    uint64_t n = 0;
    for (; p < end; p++) {
        unsigned digit = (unsigned)digit_of(*p);
        if (digit >= base || __builtin_mul_overflow(n, base, &n) || __builtin_add_overflow(n, digit, &n))
            return false;
    }
    *out = n;
    return true;
}

static bool signed_value(uint64_t magnitude, bool negative, struct value *out)
{
    if (magnitude > (uint64_t)INT64_MAX + negative)
        return false;
    *out = value_int(negative ? (int64_t)-magnitude : (int64_t)magnitude);
    return true;
}

// strconv.ParseInt, then ParseUint, with base 0: 0x 0o 0b and a leading 0 tell the base.
static bool parse_integer(const char *p, const char *end, struct value *out)
{
    bool sign = p < end && (*p == '-' || *p == '+'), negative = sign && *p == '-';
    p += sign;
    unsigned base = 10;
    if (end - p > 1 && *p == '0') {
        char letter = (char)(p[1] | 0x20);
        base = letter == 'x' ? 16 : letter == 'b' ? 2 : 8;
        p += letter == 'x' || letter == 'b' || letter == 'o' ? 2 : 1;
    }
    uint64_t magnitude;
    if (!parse_digits(p, end, base, &magnitude))
        return false;
    if (signed_value(magnitude, negative, out))
        return true;
    if (sign)
        return false;
    *out = value_int_of(GO_UINT64, (int64_t)magnitude);
    return true;
}

// go-yaml parses what follows 0b once more, which lets a sign stand there.
static bool parse_binary(const char *p, const char *end, struct value *out)
{
    bool negative = *p == '-';
    p += negative;
    if (end - p < 3 || p[0] != '0' || p[1] != 'b')
        return false;
    p += 2;
    if (!negative && (*p == '-' || *p == '+'))
        negative = *p++ == '-';
    uint64_t magnitude;
    return parse_digits(p, end, 2, &magnitude) && signed_value(magnitude, negative, out);
}

static const char *skip_digits(const char *p)
{
    while (is_digit(*p))
        p++;
    return p;
}

// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
static bool is_float(const char *p, const char *end)
{
    p += *p == '-' || *p == '+';
    const char *whole = skip_digits(p), *q = whole;
    if (*q == '.') {
        const char *fraction = skip_digits(q + 1);
        if (whole == p && fraction == q + 1)
            return false;
        q = fraction;
    } else if (whole == p) {
        return false;
    }
    if (*q == 'e' || *q == 'E') {
        q++;
        q += *q == '-' || *q == '+';
        const char *exponent = skip_digits(q);
        if (exponent == q)
            return false;
        q = exponent;
    }
    return q == end;
}

static bool parse_float(const char *p, const char *end, struct value *out)
{
    if (!is_float(p, end))
        return false;
    double f = strtod(p, NULL);
    if (isinf(f)) // out of range: go-yaml leaves it a string
        return false;
    *out = value_float(f);
    return true;
}

// ---- timestamps ---------------------------------------------------------------------------------------------------
// One or two digits, as Go's time.Parse reads "1", "2", "15", "4" and "5". -1: none.
static int two_digits(const char **p)
{
    if (!is_digit(**p))
        return -1;
    int n = *(*p)++ - '0';
    if (is_digit(**p))
        n = n * 10 + *(*p)++ - '0';
    return n;
}

static bool parse_zone(const char **p)
{
    const char *s = *p;
    if (*s == 'Z') {
        *p = s + 1;
        return true;
    }
    if ((*s != '+' && *s != '-') || !is_digit(s[1]) || !is_digit(s[2]) || s[3] != ':' || !is_digit(s[4]) ||
        !is_digit(s[5]))
        return false;
    *p = s + 6;
    return (s[1] - '0') * 10 + s[2] - '0' <= 24 && (s[4] - '0') * 10 + s[5] - '0' <= 60;
}

static bool in_month(int year, int month, int day)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] + (month == 2 && leap);
}

// The formats 2006-1-2, 2006-1-2 15:4:5.999999999 and 2006-1-2T15:4:5.999999999Z07:00.
static bool is_timestamp(const char *p, const char *end)
{
    const char *start = p;
    p = skip_digits(p);
    if (p - start != 4 || *p++ != '-')
        return false;
    int month = two_digits(&p);
    if (*p++ != '-')
        return false;
    int day = two_digits(&p);
    if (!in_month(atoi(start), month, day))
        return false;
    if (p == end)
        return true;
    char separator = *p++;
    if (separator != ' ' && separator != 'T' && separator != 't')
        return false;
    int limits[] = {24, 60, 60};
    for (int i = 0; i < 3; i++) {
        int n = two_digits(&p);
        if (n < 0 || n >= limits[i] || (i < 2 && *p++ != ':'))
            return false;
    }
    if ((*p == '.' || *p == ',') && is_digit(p[1]))
        p = skip_digits(p + 1);
    if (separator != ' ' && !parse_zone(&p))
        return false;
    return p == end;
}

// [-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?
bool yaml_is_base60(const char *text, size_t len)
{
    const char *p = text, *end = text + len;
    p += *p == '-' || *p == '+';
    if (!is_digit(*p) || !memchr(p, ':', (size_t)(end - p)))
        return false;
    while (is_digit(*p) || *p == '_')
        p++;
    if (*p != ':')
        return false;
    while (*p == ':') {
        p++;
        if (!is_digit(*p))
            return false;
        if (is_digit(p[1])) {
            if (*p > '5')
                return false;
            p++;
        }
        p++;
    }
    if (*p == '.') {
        p++;
        while (is_digit(*p) || *p == '_')
            p++;
    }
    return p == end;
}

// ---- resolving ----------------------------------------------------------------------------------------------------
// By the first byte: a sign or digit, a point, or the start of a word.
static const uint8_t hints[256] = {
    ['+'] = 'S', ['-'] = 'S', ['0' ... '9'] = 'D', ['.'] = '.', ['y'] = 'M', ['Y'] = 'M', ['n'] = 'M', ['N'] = 'M',
    ['t'] = 'M', ['T'] = 'M', ['f'] = 'M',         ['F'] = 'M', ['o'] = 'M', ['O'] = 'M', ['~'] = 'M',
};

bool yaml_may_resolve(const char *text, size_t len)
{
    return len == 0 || (hints[(uint8_t)*text] && (hints[(uint8_t)*text] != 'M' || len <= 5));
}

// What starts with a point is read by strconv.ParseFloat, which lets underscores stand between digits only.
static enum yaml_type resolve_fraction(const char *text, size_t len, struct value *out)
{
    char plain[64];
    size_t n = 0;
    if (len >= sizeof plain || !memchr(text, '_', len))
        return parse_float(text, text + len, out) ? YAML_FLOAT : YAML_STR;
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '_')
            plain[n++] = text[i];
        else if (!is_digit(text[i - 1]) || !is_digit(text[i + 1]))
            return YAML_STR;
    }
    plain[n] = '\0';
    return parse_float(plain, plain + n, out) ? YAML_FLOAT : YAML_STR;
}

static enum yaml_type resolve_number(const char *text, size_t len, struct value *out)
{
    if (is_timestamp(text, text + len))
        return YAML_TIMESTAMP;
    char small[64];
    cleanup(cleanup_free) char *large = len < sizeof small ? NULL : xmalloc(len + 1);
    char *plain = large ? large : small, *end = plain;
    for (size_t i = 0; i < len; i++)
        if (text[i] != '_')
            *end++ = text[i];
    *end = '\0';
    if (parse_integer(plain, end, out))
        return YAML_INT;
    if (parse_float(plain, end, out))
        return YAML_FLOAT;
    return parse_binary(plain, end, out) ? YAML_INT : YAML_STR;
}

static enum yaml_type resolve(const char *text, size_t len, bool v3, struct value *out)
{
    if (!yaml_may_resolve(text, len))
        return YAML_STR;
    const struct word *w = word_find(text, len);
    if (w && !(v3 && w->flags & ONLY_V2)) {
        *out = w->type == YAML_BOOL    ? value_bool(w->number != 0)
               : w->type == YAML_FLOAT ? value_float(w->number)
                                       : VALUE_NULL;
        return w->type;
    }
    switch (hints[(uint8_t)*text]) {
    case '.':
        return resolve_fraction(text, len, out);
    case 'D':
    case 'S':
        return resolve_number(text, len, out);
    default:
        return YAML_STR;
    }
}

enum yaml_type yaml_resolve(const char *text, size_t len, struct value *out)
{
    return resolve(text, len, false, out);
}

enum yaml_type yaml_resolve_v3(const char *text, size_t len, struct value *out)
{
    return resolve(text, len, true, out);
}

struct value yaml_json_number(struct value v, int flags)
{
    if (flags & YAML_FLOATS)
        return v.kind == V_INT ? value_float(value_num(v)) : v;
    if (v.kind == V_FLOAT && v.number >= -0x1p63 && v.number < 0x1p63 && v.number == (double)(int64_t)v.number)
        return value_int((int64_t)v.number);
    return v;
}

// ---- characters ---------------------------------------------------------------------------------------------------
static bool is_text_rune(uint32_t c)
{
    return (c >= 0x20 && c < 0x7f) || c == '\n' || c == '\t' || (c >= 0xa0 && c < 0xd800 && c != 0x2028 && c != 0x2029) ||
           (c >= 0xe000 && c <= 0xfffd && c != 0xfeff) || (c >= 0x10000 && c <= 0x10ffff);
}

bool yaml_is_simple_text(const char *p, const char *end)
{
    enum { CHUNK = 64 };
    while (p < end) {
        const char *stop = end - p > CHUNK ? p + CHUNK : end;
        if (stop - p == CHUNK) {
            unsigned char odd = 0; // and the count is fixed: so the compiler makes vectors of it
            for (size_t i = 0; i < CHUNK; i++)
                odd |= (unsigned char)(p[i] - 0x20) >= 0x5f && p[i] != '\n' ? 1 : 0;
            if (!odd) {
                p = stop;
                continue;
            }
        }
        while (p < stop) {
            size_t width;
            uint32_t c = utf8_decode(p, (size_t)(end - p), &width);
            if (!is_text_rune(c) || (c == RUNE_ERROR && width == 1))
                return false;
            p += width;
        }
    }
    return true;
}
