// printf.c - fmt.Sprintf: the format's verbs, flags, widths, precisions and argument indexes, and its notes on misuse.
#include "template/printf.h"
#include "template/template.h"

#define WIDTH_MAX 1000000 // Go's own limit on widths and precisions

// ---- the format -----------------------------------------------------------------------------------------------------

struct format {
    struct slice text;
    size_t i;
    const struct value *args;
    size_t argc, arg;
    bool reordered, good_index;
};

// Digits at i, before `end`; a number too large counts as none and eats the rest.
static bool parse_number(struct format *f, size_t end, int *out)
{
    size_t start = f->i;
    *out = 0;
    for (; f->i < end && f->text.data[f->i] >= '0' && f->text.data[f->i] <= '9'; f->i++) {
        if (*out > WIDTH_MAX) {
            *out = 0;
            f->i = end;
            return false;
        }
        *out = *out * 10 + (f->text.data[f->i] - '0');
    }
    return f->i > start;
}

// "[n]" at i. Returns whether an index stood there.
static bool parse_index(struct format *f)
{
    if (f->i >= f->text.len || f->text.data[f->i] != '[')
        return false;
    f->reordered = true;
    const char *close = f->text.len - f->i >= 3 ? memchr(f->text.data + f->i, ']', f->text.len - f->i) : NULL;
    if (!close) {
        f->good_index = false;
        f->i++;
        return false;
    }
    size_t end = (size_t)(close - f->text.data);
    int n;
    f->i++;
    bool number = parse_number(f, end, &n) && f->i == end;
    f->i = end + 1;
    if (number && n >= 1 && (size_t)n <= f->argc)
        f->arg = (size_t)n - 1;
    else
        f->good_index = false;
    return number;
}

static bool number_from_arg(struct format *f, int *out)
{
    *out = 0;
    if (f->arg >= f->argc)
        return false;
    struct value v = f->args[f->arg++];
    if (v.kind != V_INT || v.integer > WIDTH_MAX || v.integer < -WIDTH_MAX)
        return false;
    *out = (int)v.integer;
    return true;
}

static bool star(struct format *f)
{
    if (f->i >= f->text.len || f->text.data[f->i] != '*')
        return false;
    f->i++;
    return true;
}

static void parse_width(struct printer *p, struct format *f, bool *after_index)
{
    if (star(f)) {
        p->has_width = number_from_arg(f, &p->width);
        if (!p->has_width)
            buf_str(p->out, "%!(BADWIDTH)");
        if (p->width < 0) {
            p->width = -p->width;
            p->minus = true;
            p->zero = false;
        }
        *after_index = false;
        return;
    }
    p->has_width = parse_number(f, f->text.len, &p->width);
    if (*after_index && p->has_width)
        f->good_index = false;
}

static void parse_precision(struct printer *p, struct format *f, bool *after_index)
{
    if (f->i >= f->text.len || f->text.data[f->i] != '.')
        return;
    f->i++;
    if (*after_index)
        f->good_index = false;
    *after_index = parse_index(f);
    if (star(f)) {
        p->has_prec = number_from_arg(f, &p->prec);
        if (p->prec < 0) {
            p->prec = 0;
            p->has_prec = false;
        }
        if (!p->has_prec)
            buf_str(p->out, "%!(BADPREC)");
        *after_index = false;
        return;
    }
    if (!parse_number(f, f->text.len, &p->prec))
        p->prec = 0;
    p->has_prec = true;
}

static void parse_flags(struct printer *p, struct format *f)
{
    for (; f->i < f->text.len; f->i++) {
        switch (f->text.data[f->i]) {
        case '#':
            p->sharp = true;
            break;
        case '0':
            p->zero = true;
            break;
        case '+':
            p->plus = true;
            break;
        case '-':
            p->minus = true;
            break;
        case ' ':
            p->space = true;
            break;
        default:
            return;
        }
    }
}

static void note(struct printer *p, uint32_t verb, const char *what)
{
    buf_str(p->out, "%!");
    buf_rune(p->out, verb);
    buf_str(p->out, what);
}

// One directive; the percent sign is behind us. False: the format ended within it.
static bool print_directive(struct printer *p, struct format *f)
{
    f->good_index = true;
    parse_flags(p, f);
    bool after_index = parse_index(f);
    parse_width(p, f, &after_index);
    parse_precision(p, f, &after_index);
    if (!after_index)
        parse_index(f);
    if (f->i >= f->text.len) {
        buf_str(p->out, "%!(NOVERB)");
        return false;
    }
    size_t size;
    uint32_t verb = utf8_decode(f->text.data + f->i, f->text.len - f->i, &size);
    f->i += size;
    if (verb == '%')
        buf_char(p->out, '%');
    else if (!f->good_index)
        note(p, verb, "(BADINDEX)");
    else if (f->arg >= f->argc)
        note(p, verb, "(MISSING)");
    else
        printf_value(p, f->args[f->arg++], verb);
    return true;
}

void go_sprintf(struct buf *out, struct arena *a, struct slice format, const struct value *args, size_t argc)
{
    struct format f = {.text = format, .args = args, .argc = argc};
    for (;;) {
        const char *percent = f.i < format.len ? memchr(format.data + f.i, '%', format.len - f.i) : NULL;
        size_t end = percent ? (size_t)(percent - format.data) : format.len;
        buf_add(out, format.data + f.i, end - f.i);
        if (!percent)
            break;
        f.i = end + 1;
        if (f.i < format.len && f.arg < argc && (format.data[f.i] == 's' || format.data[f.i] == 'v') &&
            args[f.arg].kind == V_STRING) { // by far the most frequent
            buf_add(out, args[f.arg].data, args[f.arg].len);
            f.arg++;
            f.i++;
            continue;
        }
        struct printer p = {.out = out, .arena = a};
        if (!print_directive(&p, &f))
            break;
    }
    if (f.reordered || f.arg >= argc)
        return;
    buf_str(out, "%!(EXTRA ");
    for (size_t i = f.arg; i < argc; i++) {
        struct printer p = {.out = out, .arena = a};
        if (i > f.arg)
            buf_str(out, ", ");
        if (args[i].kind != V_NULL)
            buf_printf(out, "%s=", value_go_type(args[i]));
        printf_value(&p, args[i], 'v');
    }
    buf_char(out, ')');
}
