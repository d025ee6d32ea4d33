// printf_value.c - one value under a verb, with its flags, width and precision.
#include "template/complex.h"
#include "template/printf.h"
#include "value/unicode.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define DEPTH_MAX 100

static void print_value(struct printer *p, struct value v, uint32_t verb, int depth);

static bool is_one_of(uint32_t verb, const char *verbs)
{
    return verb && verb < 0x80 && strchr(verbs, (int)verb);
}

// ---- padding --------------------------------------------------------------------------------------------------------

static void write_padding(struct printer *p, int n)
{
    if (n > 0)
        buf_fill(p->out, p->zero && !p->minus ? '0' : ' ', (size_t)n);
}

static void pad(struct printer *p, const char *s, size_t len)
{
    int missing = p->has_width ? p->width - (int)utf8_count(s, len) : 0;
    if (!p->minus)
        write_padding(p, missing);
    buf_add(p->out, s, len);
    if (p->minus)
        write_padding(p, missing);
}

static void pad_without_zeros(struct printer *p, const char *s, size_t len)
{
    bool zero = p->zero;
    p->zero = false;
    pad(p, s, len);
    p->zero = zero;
}

static void bad_verb(struct printer *p, struct value v, uint32_t verb)
{
    buf_str(p->out, "%!");
    buf_rune(p->out, verb);
    if (v.kind == V_NULL) {
        buf_str(p->out, "(<nil>)");
        return;
    }
    buf_printf(p->out, "(%s=", value_go_type(v));
    if (v.kind == V_INT && v.go >= GO_DURATION) // no text of its own here
        v.go = GO_INT;
    print_value(p, v, 'v', 0);
    buf_char(p->out, ')');
}

// ---- strings --------------------------------------------------------------------------------------------------------

static struct slice truncated(const struct printer *p, struct slice s)
{
    if (!p->has_prec)
        return s;
    size_t n = 0, width;
    for (int runes = 0; runes < p->prec && n < s.len; runes++) {
        utf8_decode(s.data + n, s.len - n, &width);
        n += width;
    }
    return slice_n(s.data, n);
}

// strconv.QuoteToASCII, from what strconv.Quote gives.
static void escape_non_ascii(struct buf *out, struct slice quoted)
{
    for (size_t i = 0, width; i < quoted.len; i += width) {
        uint32_t r = utf8_decode(quoted.data + i, quoted.len - i, &width);
        if (r < 0x80)
            buf_char(out, (char)r);
        else
            buf_printf(out, r < 0x10000 ? "\\u%04x" : "\\U%08x", r);
    }
}

static bool can_backquote(struct slice s)
{
    for (size_t i = 0, width; i < s.len; i += width) {
        uint32_t r = utf8_decode(s.data + i, s.len - i, &width);
        if (r == '`' || r == 0x7F || r == 0xFEFF || (r < ' ' && r != '\t') || (r == RUNE_ERROR && width == 1))
            return false;
    }
    return true;
}

static void print_quoted(struct printer *p, struct slice s)
{
    s = truncated(p, s);
    struct buf quoted = BUF_IN(p->arena);
    if (p->sharp && can_backquote(s)) {
        buf_printf(&quoted, "`%.*s`", SLICE_ARG(s));
    } else {
        go_quote(&quoted, s.data, s.len);
        if (p->plus) {
            struct buf ascii = BUF_IN(p->arena);
            escape_non_ascii(&ascii, buf_view(&quoted));
            quoted = ascii;
        }
    }
    pad(p, buf_cstr(&quoted), quoted.len);
}

static void print_hex(struct printer *p, struct slice s, bool upper)
{
    size_t n = p->has_prec && (size_t)p->prec < s.len ? (size_t)p->prec : s.len;
    struct buf hex = BUF_IN(p->arena);
    for (size_t i = 0; i < n; i++) {
        if (i && p->space)
            buf_char(&hex, ' ');
        if (p->sharp && (i == 0 || p->space))
            buf_str(&hex, upper ? "0X" : "0x");
        buf_printf(&hex, upper ? "%02X" : "%02x", (unsigned char)s.data[i]);
    }
    pad(p, buf_cstr(&hex), hex.len);
}

static bool print_string(struct printer *p, struct slice s, uint32_t verb)
{
    switch (verb) {
    case 'v':
        if (p->sharp_v) {
            print_quoted(p, s);
            return true;
        }
        // fall through
    case 's':
        s = truncated(p, s);
        pad(p, s.data, s.len);
        return true;
    case 'x':
    case 'X':
        print_hex(p, s, verb == 'X');
        return true;
    case 'q':
        print_quoted(p, s);
        return true;
    default:
        return false;
    }
}

// ---- integers -------------------------------------------------------------------------------------------------------

static void print_integer(struct printer *p, uint64_t u, bool is_signed, unsigned base, uint32_t verb)
{
    bool negative = is_signed && (int64_t)u < 0;
    if (negative)
        u = 0 - u;
    int least = 0; // digits
    if (p->has_prec) {
        least = p->prec;
        if (least == 0 && u == 0) {
            pad_without_zeros(p, "", 0);
            return;
        }
    } else if (p->zero && !p->minus && p->has_width) {
        least = p->width - (negative || p->plus || p->space);
    }
    char digits[64];
    size_t n = 0;
    const char *alphabet = verb == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    do
        digits[n++] = alphabet[u % base];
    while (u /= base);
    struct buf text = BUF_IN(p->arena);
    if (negative || p->plus || p->space)
        buf_char(&text, negative ? '-' : p->plus ? '+' : ' ');
    if (verb == 'O')
        buf_str(&text, "0o");
    if (p->sharp && base == 2)
        buf_str(&text, "0b");
    else if (p->sharp && base == 16)
        buf_str(&text, verb == 'X' ? "0X" : "0x");
    else if (p->sharp && base == 8 && digits[n - 1] != '0' && (int)n >= least)
        buf_char(&text, '0');
    if ((int)n < least)
        buf_fill(&text, '0', (size_t)least - n);
    while (n)
        buf_char(&text, digits[--n]);
    pad_without_zeros(p, buf_cstr(&text), text.len);
}

static void print_rune(struct printer *p, uint64_t u)
{
    char utf8[4];
    size_t n = utf8_encode(u > 0x10FFFF ? RUNE_ERROR : (uint32_t)u, utf8);
    pad(p, utf8, n);
}

static void print_quoted_rune(struct printer *p, uint64_t u)
{
    struct buf quoted = BUF_IN(p->arena), ascii = BUF_IN(p->arena);
    go_quote_rune(&quoted, u > 0x10FFFF ? RUNE_ERROR : (uint32_t)u);
    if (p->plus)
        escape_non_ascii(&ascii, buf_view(&quoted));
    struct slice text = buf_view(p->plus ? &ascii : &quoted);
    pad(p, text.data, text.len);
}

static void print_code_point(struct printer *p, uint64_t u)
{
    struct buf text = BUF_IN(p->arena);
    int digits = p->has_prec && p->prec > 4 ? p->prec : 4;
    buf_printf(&text, "U+%0*" PRIX64, digits, u);
    if (p->sharp && u <= 0x10FFFF && go_is_print((uint32_t)u)) {
        buf_str(&text, " '");
        buf_rune(&text, (uint32_t)u);
        buf_char(&text, '\'');
    }
    pad_without_zeros(p, buf_cstr(&text), text.len);
}

static bool print_int(struct printer *p, struct value v, uint32_t verb)
{
    bool is_signed = !(v.go >= GO_UINT && v.go <= GO_UINT64);
    uint64_t u = (uint64_t)v.integer;
    switch (verb) {
    case 'v':
        if (p->sharp_v && !is_signed) {
            bool sharp = p->sharp;
            p->sharp = true;
            print_integer(p, u, false, 16, 'v');
            p->sharp = sharp;
            return true;
        }
        // fall through
    case 'd':
        print_integer(p, u, is_signed, 10, verb);
        return true;
    case 'b':
        print_integer(p, u, is_signed, 2, verb);
        return true;
    case 'o':
    case 'O':
        print_integer(p, u, is_signed, 8, verb);
        return true;
    case 'x':
    case 'X':
        print_integer(p, u, is_signed, 16, verb);
        return true;
    case 'c':
        print_rune(p, u);
        return true;
    case 'q':
        print_quoted_rune(p, u);
        return true;
    case 'U':
        print_code_point(p, u);
        return true;
    default:
        return false;
    }
}

// ---- floats ---------------------------------------------------------------------------------------------------------

// %x: C writes p+0 where Go writes p+00.
static void add_hex_float(struct buf *out, double f, int prec, bool upper)
{
    char text[1100];
    if (prec < 0)
        snprintf(text, sizeof text, upper ? "%A" : "%a", f);
    else
        snprintf(text, sizeof text, upper ? "%.*A" : "%.*a", prec, f);
    char *exponent = strpbrk(text, "pP");
    if (!exponent) {
        buf_str(out, text);
        return;
    }
    // C may round 1.57 up to 2p+1, where Go has 1p+2. The mantissa stands behind a sign, if any, and 0x.
    int power = atoi(exponent + 1);
    char *digit = strpbrk(text, "xX") + 1;
    if (*digit == '2') {
        *digit = '1';
        power++;
    }
    buf_add(out, text, (size_t)(exponent + 1 - text));
    buf_printf(out, "%c%02d", power < 0 ? '-' : '+', abs(power));
}

// What '#' adds to a hexadecimal number: a point, and for %x zeros up to `prec` (6) digits, of which Go takes the x for one.
static void sharpen_hex(struct buf *out, int prec, bool upper)
{
    size_t at = strcspn(out->data, "pP");
    const char *exponent = arena_strdup(out->arena, out->data + at);
    int missing = upper ? 0 : prec < 0 ? 6 : prec;
    for (size_t i = strcspn(out->data, "xX"); i < at; i++)
        missing -= out->data[i] != '.';
    bool point = memchr(out->data, '.', at) != NULL;
    out->len = at;
    if (!point)
        buf_char(out, '.');
    if (missing > 0)
        buf_fill(out, '0', (size_t)missing);
    buf_str(out, exponent);
}

static void add_binary_float(struct buf *out, double f)
{
    uint64_t bits;
    memcpy(&bits, &f, sizeof bits);
    int exponent = (int)(bits >> 52 & 0x7FF);
    uint64_t mantissa = bits & ((UINT64_C(1) << 52) - 1);
    if (exponent)
        mantissa |= UINT64_C(1) << 52;
    else
        exponent = 1;
    buf_printf(out, "%s%" PRIu64 "p%+d", signbit(f) ? "-" : "", mantissa, exponent - 1075);
}

static size_t significant_digits(struct slice number)
{
    size_t count = 0;
    for (size_t i = 0; i < number.len && number.data[i] != 'e'; i++)
        count += (number.data[i] > '0' && number.data[i] <= '9') || (count && number.data[i] == '0');
    return count;
}

// %#g keeps the point and the zeros up to the precision; %#e and %#f only the point. Without a precision %#g cuts nothing.
static void add_sharp_float(struct buf *out, double f, uint32_t verb, int prec)
{
    char format[] = "%#.*g", text[1500];
    struct buf shortest = BUF_IN(out->arena);
    format[4] = (char)verb;
    if (prec < 0)
        go_print_float(&shortest, f, 64, GO_FLOAT_G);
    if (prec < 0 && significant_digits(buf_view(&shortest)) > 6 && memchr(shortest.data, 'e', shortest.len)) {
        for (size_t i = 0; verb == 'G' && i < shortest.len; i++)
            if (shortest.data[i] == 'e')
                shortest.data[i] = 'E';
        buf_slice(out, buf_view(&shortest));
        return;
    }
    if (prec < 0) {
        prec = (int)significant_digits(buf_view(&shortest));
        prec = prec > 6 ? prec : 6;
    }
    snprintf(text, sizeof text, format, prec, f);
    buf_str(out, text);
}

static void print_float(struct printer *p, double f, int bits, uint32_t verb, int prec)
{
    if (p->has_prec)
        prec = p->prec > 1000 ? 1000 : p->prec;
    struct buf text = BUF_IN(p->arena);
    if (isnan(f) || isinf(f)) {
        buf_str(&text, isnan(f) ? "NaN" : f > 0 ? "+Inf" : "-Inf");
    } else if (p->sharp && verb != 'b' && verb != 'x' && verb != 'X') {
        add_sharp_float(&text, f, verb, prec);
    } else if (verb == 'x' || verb == 'X') {
        add_hex_float(&text, f, prec, verb == 'X');
        if (p->sharp)
            sharpen_hex(&text, prec, verb == 'X');
    } else if (verb == 'b') {
        add_binary_float(&text, f);
    } else if (prec < 0) {
        go_print_float(&text, f, bits, GO_FLOAT_G);
        for (size_t i = 0; verb == 'G' && i < text.len; i++)
            if (text.data[i] == 'e')
                text.data[i] = 'E';
    } else {
        char format[] = "%.*f", digits[1500];
        format[3] = (char)verb;
        snprintf(digits, sizeof digits, format, prec, f);
        buf_str(&text, digits);
    }
    struct slice num = buf_view(&text);
    char sign = num.data[0] == '-' ? '-' : p->plus ? '+' : p->space ? ' ' : 0;
    if (num.data[0] == '-' || num.data[0] == '+')
        num = slice_sub(num, 1, num.len);
    if (isinf(f) && !sign)
        sign = '+';
    if (isnan(f) || isinf(f)) {
        char *word = arena_printf(p->arena, "%.*s%.*s", sign ? 1 : 0, &sign, SLICE_ARG(num));
        pad_without_zeros(p, word, strlen(word));
    } else if (sign && p->zero && !p->minus && p->has_width && p->width > (int)num.len + 1) {
        buf_char(p->out, sign); // the zeros go between sign and digits
        write_padding(p, p->width - (int)num.len - 1);
        buf_slice(p->out, num);
    } else {
        char *number = arena_printf(p->arena, "%.*s%.*s", sign ? 1 : 0, &sign, SLICE_ARG(num));
        pad(p, number, strlen(number));
    }
}

static bool print_float_verb(struct printer *p, struct value v, uint32_t verb)
{
    int bits = v.go == GO_FLOAT32 ? 32 : 64;
    switch (verb) {
    case 'v':
        print_float(p, v.number, bits, 'g', -1);
        return true;
    case 'b':
    case 'g':
    case 'G':
    case 'x':
    case 'X':
        print_float(p, v.number, bits, verb, -1);
        return true;
    case 'f':
    case 'e':
    case 'E':
    case 'F':
        print_float(p, v.number, bits, verb == 'F' ? 'f' : verb, 6);
        return true;
    default:
        return false;
    }
}

// ---- containers -----------------------------------------------------------------------------------------------------

static void print_element(struct printer *p, struct value v, uint32_t verb, int depth)
{
    if (v.kind == V_NULL)
        buf_str(p->out, p->sharp_v ? "interface {}(nil)" : "<nil>");
    else
        print_value(p, v, verb, depth + 1);
}

static void print_list(struct printer *p, struct value v, uint32_t verb, int depth)
{
    if (p->sharp_v && value_is_nil(v)) {
        buf_printf(p->out, "%s(nil)", value_go_type(v));
        return;
    }
    if (p->sharp_v)
        buf_str(p->out, value_go_type(v));
    buf_char(p->out, p->sharp_v ? '{' : '[');
    for (size_t i = 0; i < value_len(v); i++) {
        if (i)
            buf_str(p->out, p->sharp_v ? ", " : " ");
        print_element(p, value_at(v, i), verb, depth);
    }
    buf_char(p->out, p->sharp_v ? '}' : ']');
}

static void print_dict(struct printer *p, struct value v, uint32_t verb, int depth)
{
    if (p->sharp_v && value_is_nil(v)) {
        buf_printf(p->out, "%s(nil)", value_go_type(v));
        return;
    }
    buf_str(p->out, p->sharp_v ? value_go_type(v) : "map");
    buf_char(p->out, p->sharp_v ? '{' : '[');
    for (struct value_iter it = {0}; value_next(v, &it);) {
        if (it.i > 1)
            buf_str(p->out, p->sharp_v ? ", " : " ");
        print_element(p, value_string_n(it.key, it.key_len), verb, depth);
        buf_char(p->out, ':');
        print_element(p, it.value, verb, depth);
    }
    buf_char(p->out, p->sharp_v ? '}' : ']');
}

static bool print_bytes(struct printer *p, struct value v, uint32_t verb, int depth)
{
    if (verb != 'v' && verb != 'd')
        return print_string(p, value_slice(v), verb);
    if (p->sharp_v)
        buf_str(p->out, depth ? "[]uint8" : "[]byte");
    buf_char(p->out, p->sharp_v ? '{' : '[');
    for (size_t i = 0; i < v.len; i++) {
        if (i)
            buf_str(p->out, p->sharp_v ? ", " : " ");
        print_int(p, value_int_of(GO_UINT8, (uint8_t)v.data[i]), verb);
    }
    buf_char(p->out, p->sharp_v ? '}' : ']');
    return true;
}

// "(1+2i)": both parts under the verb, the second always with its sign.
static bool print_complex(struct printer *p, const struct complex *c, uint32_t verb)
{
    bool plus = p->plus;
    if (!is_one_of(verb, "vbgGxXfFeE"))
        return false;
    buf_char(p->out, '(');
    print_float_verb(p, value_float(c->re), verb);
    p->plus = true;
    print_float_verb(p, value_float(c->im), verb);
    buf_str(p->out, "i)");
    p->plus = plus;
    return true;
}

static void print_struct(struct printer *p, struct value v, uint32_t verb, int depth)
{
    struct value fields = object_fields(p->arena, v);
    const char *type = value_go_type(v);
    if (*type == '*' && depth > 0) {
        if (p->sharp_v)
            buf_printf(p->out, "(%s)(%s)", type, GO_ADDRESS);
        else
            print_int(p, value_int_of(GO_UINT64, 0xc000100000), verb);
        return;
    }
    if (*type == '*') {
        buf_char(p->out, '&');
        type++;
    }
    if (p->sharp_v)
        buf_str(p->out, type);
    buf_char(p->out, '{');
    for (struct value_iter it = {0}; value_next(fields, &it);) {
        if (it.i > 1)
            buf_str(p->out, p->sharp_v ? ", " : " ");
        if (p->sharp_v || p->plus_v)
            buf_printf(p->out, "%s:", it.key);
        print_element(p, it.value, verb, depth);
    }
    buf_char(p->out, '}');
}

static bool print_object(struct printer *p, struct value v, uint32_t verb, int depth)
{
    const struct complex *number = complex_of(v);
    if (number)
        return print_complex(p, number, verb);
    if (v.object->class->address && verb == 'v' && depth > 0)
        return print_string(p, SLICE(GO_ADDRESS), verb);
    const struct value_class *class = v.object->class;
    bool own = is_one_of(verb, "vsxXq") && (p->sharp_v ? class->go_string : class->print) != NULL;
    if (class->fields && !own) {
        print_struct(p, v, verb, depth);
        return true;
    }
    if (v.object->class->next && (verb != 'v' || p->sharp_v)) {
        print_dict(p, v, verb, 0);
        return true;
    }
    if (!is_one_of(verb, "vsxXq"))
        return false;
    struct buf text = BUF_IN(p->arena);
    if (p->sharp_v && v.object->class->go_string) {
        v.object->class->go_string(&text, v.object);
        pad(p, buf_cstr(&text), text.len);
        return true;
    }
    v.object->class->print(&text, v.object);
    return print_string(p, buf_view(&text), verb);
}

static void print_value(struct printer *p, struct value v, uint32_t verb, int depth)
{
    bool known = true;
    if (depth > DEPTH_MAX) {
        buf_str(p->out, "...");
        return;
    }
    switch (v.kind) {
    case V_NULL:
        known = verb == 'v';
        if (known)
            pad(p, "<nil>", 5);
        break;
    case V_BOOL:
        known = verb == 't' || verb == 'v';
        if (known)
            pad(p, v.boolean ? "true" : "false", v.boolean ? 4 : 5);
        break;
    case V_INT: {
        struct buf text = BUF_IN(p->arena);
        bool named = !p->sharp_v && is_one_of(verb, "vsxXq") && go_print_named(&text, v);
        known = named ? print_string(p, buf_view(&text), verb) : print_int(p, v, verb);
        break;
    }
    case V_FLOAT:
        known = print_float_verb(p, v, verb);
        break;
    case V_STRING:
        known = print_string(p, value_slice(v), verb);
        break;
    case V_BYTES:
        known = print_bytes(p, v, verb, depth);
        break;
    case V_LIST:
        print_list(p, v, verb, depth);
        break;
    case V_DICT:
        print_dict(p, v, verb, depth);
        break;
    case V_OBJECT:
        known = print_object(p, v, verb, depth);
        break;
    }
    if (!known)
        bad_verb(p, v, verb);
}

void printf_value(struct printer *p, struct value v, uint32_t verb)
{
    if (verb == 'T') {
        struct slice s = v.kind == V_NULL ? SLICE("<nil>") : truncated(p, slice_of(value_go_type(v)));
        pad(p, s.data, s.len);
        return;
    }
    if (verb == 'v' || verb == 'w') {
        p->sharp_v = p->sharp;
        p->plus_v = p->plus;
        p->sharp = p->plus = false;
    }
    const char *kind = value_go_kind(v);
    bool pointer = strcmp(kind, "map") == 0 || strcmp(kind, "slice") == 0 || strcmp(kind, "ptr") == 0;
    if (verb == 'p' && pointer)
        pad(p, GO_ADDRESS, strlen(GO_ADDRESS));
    else if (verb == 'w' || verb == 'p') // %w is for errors, and Errorf alone
        bad_verb(p, v, verb);
    else
        print_value(p, v, verb, 0);
}
