// constraint.c - the language of version ranges: "^1.2", ">= 1.0 < 2 || 3.x", "1.2 - 2.0".
//
// A range is groups joined by "||", each of comparisons that must all hold. What a comparison says where its version is
// incomplete ("1.x") is Masterminds/semver's own, odd corners included: `^*` is `^0.0.0` there.
#include "semver/semver.h"
#include "semver/scan.h"

#define SEGMENT_BYTES SEMVER_DIGITS "xX*|"

// How much of the version was written out.
enum precision { WHOLE, ANY_PATCH, ANY_MINOR, ANY };

struct comparison {
    const struct operator_rule *rule;
    struct semver version; // what was left open is 0
    enum precision precision;
    char *written;
};

struct group {
    VEC(struct comparison) all;
    bool with_pre; // one of them names a pre-release: pre-releases are candidates
};

struct semver_constraint {
    VEC(struct group) any;
};

// Why a version is refused, in the words that stand between it and the comparison. NULL: it is not.
typedef const char *rule_fn(const struct semver *v, const struct comparison *c);

// The one text that goes on after the comparison.
static const char DIFFERENT_MINOR_OF_0[] = "does not have same minor version as";
static const char DIFFERENT_OF_0_0[] = "does not equal";

static const char *not_equal(const struct semver *v, const struct comparison *c)
{
    const struct semver *w = &c->version;
    if (v->major != w->major)
        return NULL;
    if (c->precision == ANY_MINOR)
        return "is equal to";
    if (v->minor != w->minor || (c->precision != ANY_PATCH && v->patch != w->patch))
        return NULL;
    struct semver same = *w;
    same.patch = v->patch;
    return semver_compare(v, &same) == 0 ? "is equal to" : NULL;
}

static const char *greater(const struct semver *v, const struct comparison *c)
{
    // Above "1.x" begins 2.0.0, above "1.2.x" begins 1.3.0.
    bool holds = c->precision == ANY_MINOR                                   ? v->major > c->version.major
                 : c->precision == ANY_PATCH && v->major == c->version.major ? v->minor > c->version.minor
                                                                             : semver_compare(v, &c->version) > 0;
    return holds ? NULL : "is less than or equal to";
}

static const char *less(const struct semver *v, const struct comparison *c)
{
    return semver_compare(v, &c->version) < 0 ? NULL : "is greater than or equal to";
}

static const char *greater_or_equal(const struct semver *v, const struct comparison *c)
{
    return semver_compare(v, &c->version) >= 0 ? NULL : "is less than";
}

static const char *less_or_equal(const struct semver *v, const struct comparison *c)
{
    bool holds;
    if (c->precision == WHOLE)
        holds = semver_compare(v, &c->version) <= 0;
    else if (v->major != c->version.major || c->precision == ANY_MINOR)
        holds = v->major <= c->version.major;
    else
        holds = v->minor <= c->version.minor;
    return holds ? NULL : "is greater than";
}

static const char *tilde(const struct semver *v, const struct comparison *c)
{
    const struct semver *w = &c->version;
    if (semver_compare(v, w) < 0)
        return "is less than";
    if (w->major == 0 && w->minor == 0 && w->patch == 0 && (c->precision == WHOLE || c->precision == ANY))
        return NULL;
    if (v->major != w->major)
        return "does not have same major version as";
    if (v->minor != w->minor && c->precision != ANY_MINOR)
        return "does not have same major and minor version as";
    return NULL;
}

static const char *equal(const struct semver *v, const struct comparison *c)
{
    if (c->precision != WHOLE)
        return tilde(v, c);
    return semver_compare(v, &c->version) == 0 ? NULL : "is not equal to";
}

static const char *caret(const struct semver *v, const struct comparison *c)
{
    const struct semver *w = &c->version;
    if (semver_compare(v, w) < 0)
        return "is less than";
    if (v->major != w->major)
        return "does not have same major version as";
    if (w->major > 0 || c->precision == ANY_MINOR)
        return NULL;
    // Below 1.0.0 the leftmost number that is not 0 is the one that must stay.
    if (w->minor > 0 || c->precision == ANY_PATCH)
        return v->minor == w->minor ? NULL : DIFFERENT_MINOR_OF_0;
    if (v->minor > 0)
        return "does not have same minor version as";
    return v->patch == w->patch ? NULL : DIFFERENT_OF_0_0;
}

// Longer ones first: the first that fits is taken.
static const struct operator_rule {
    struct slice text;
    rule_fn *refuse;
} operators[] = {
    {{"!=", 2}, not_equal},
    {{">=", 2}, greater_or_equal},
    {{"=>", 2}, greater_or_equal},
    {{"<=", 2}, less_or_equal},
    {{"=<", 2}, less_or_equal},
    {{"~>", 2}, tilde},
    {{"=", 1}, equal},
    {{">", 1}, greater},
    {{"<", 1}, less},
    {{"~", 1}, tilde},
    {{"^", 1}, caret},
    {{"", 0}, equal},
};

// ---- reading ----

static struct slice skip(struct slice s, size_t n)
{
    return slice_sub(s, n, s.len);
}

// The white space of regular expressions: unlike slice_trim_space without the vertical tab.
static struct slice skip_space(struct slice s)
{
    while (s.len &&
           (s.data[0] == ' ' || s.data[0] == '\t' || s.data[0] == '\n' || s.data[0] == '\f' || s.data[0] == '\r'))
        s = skip(s, 1);
    return s;
}

// "1.2 - 2.0" at the start of the text, with the space around it.
static bool scan_hyphen_range(struct slice text, struct slice *low, struct slice *high, struct slice *rest)
{
    struct semver_shape shape;
    struct slice s = skip_space(text);
    if (!semver_scan(s, SEGMENT_BYTES, &shape))
        return false;
    *low = shape.whole;
    s = skip(s, low->len);
    struct slice dash = skip_space(s);
    if (dash.len == s.len || !dash.len || dash.data[0] != '-')
        return false;
    s = skip(dash, 1);
    struct slice second = skip_space(s);
    if (second.len == s.len || !semver_scan(second, SEGMENT_BYTES, &shape))
        return false;
    *high = shape.whole;
    *rest = skip_space(skip(second, high->len));
    return true;
}

static struct slice rewrite_hyphen_ranges(struct arena *a, struct slice text)
{
    struct buf out = BUF_IN(a);
    while (text.len) {
        struct slice low, high;
        if (scan_hyphen_range(text, &low, &high, &text)) {
            buf_printf(&out, ">= %.*s, <= %.*s ", SLICE_ARG(low), SLICE_ARG(high));
        } else {
            buf_char(&out, text.data[0]);
            text = skip(text, 1);
        }
    }
    return buf_view(&out);
}

static bool is_wildcard(struct slice s)
{
    return s.len == 0 || (s.len == 1 && strchr("xX*", s.data[0]));
}

static bool read_version(struct arena *a, const struct semver_shape *shape, struct comparison *out)
{
    const struct slice *s = shape->segments;
    struct slice numbers[3] = {SLICE("0"), SLICE("0"), SLICE("0")};
    out->precision = is_wildcard(s[0]) ? ANY : is_wildcard(s[1]) ? ANY_MINOR : is_wildcard(s[2]) ? ANY_PATCH : WHOLE;
    int written = out->precision == ANY ? 0 : out->precision == ANY_MINOR ? 1 : out->precision == ANY_PATCH ? 2 : 3;
    for (int i = 0; i < written; i++)
        numbers[i] = s[i];
    char *text = arena_printf(a, "%.*s.%.*s.%.*s%s%.*s", SLICE_ARG(numbers[0]), SLICE_ARG(numbers[1]),
                              SLICE_ARG(numbers[2]), shape->pre.len ? "-" : "", SLICE_ARG(shape->pre));
    out->written = slice_dup(a, shape->whole);
    return semver_parse(a, text, &out->version, NULL);
}

enum reading { READ, MALFORMED, BAD_VERSION };

static enum reading read_group(struct arena *a, struct slice text, struct group *out)
{
    enum reading result = READ;
    struct slice s = skip_space(text);
    for (bool first = true; first || s.len; first = false) {
        if (!first) {
            // A comma or space must stand between two, and the space is skipped already.
            bool space = skip_space(slice_n(s.data - 1, 1)).len == 0;
            if (s.data[0] == ',')
                s = skip_space(skip(s, 1));
            else if (!space)
                return MALFORMED;
        }
        struct comparison c = {0};
        for (size_t i = 0; !c.rule; i++) {
            if (slice_has_prefix(s, operators[i].text))
                c.rule = &operators[i];
        }
        s = skip_space(skip(s, c.rule->text.len));
        struct semver_shape shape;
        if (!semver_scan(s, SEGMENT_BYTES, &shape))
            return MALFORMED;
        if (!read_version(a, &shape, &c))
            result = BAD_VERSION; // the shape of all is judged first
        s = skip_space(skip(s, shape.whole.len));
        out->with_pre = out->with_pre || (c.version.pre && *c.version.pre);
        vec_push(a, &out->all, c);
    }
    return result;
}

struct semver_constraint *semver_constraint_parse(struct arena *a, const char *text, struct error *err)
{
    struct semver_constraint *c = arena_new_of(a, struct semver_constraint);
    struct slice rest = rewrite_hyphen_ranges(a, slice_of(text));
    for (bool more = true; more;) {
        ptrdiff_t bars = slice_find(rest, SLICE("||"));
        more = bars >= 0;
        struct slice part = slice_sub(rest, 0, more ? (size_t)bars : rest.len);
        rest = skip(rest, part.len + 2);
        struct group g = {0};
        switch (read_group(a, part, &g)) {
        case READ:
            vec_push(a, &c->any, g);
            break;
        case MALFORMED:
            error_set(err, ERROR_INVALID, "improper constraint: %.*s", SLICE_ARG(part));
            return NULL;
        case BAD_VERSION:
            error_set(err, ERROR_INVALID, "constraint parser error");
            return NULL;
        }
    }
    return c;
}

// ---- checking ----

static bool group_holds(const struct group *g, const struct semver *v)
{
    if (*v->pre && !g->with_pre)
        return false;
    for (size_t i = 0; i < g->all.len; i++) {
        const struct comparison *c = &g->all.items[i];
        if (c->rule->refuse(v, c))
            return false;
    }
    return true;
}

bool semver_check(const struct semver_constraint *c, const struct semver *v)
{
    for (size_t i = 0; i < c->any.len; i++) {
        if (group_holds(&c->any.items[i], v))
            return true;
    }
    return false;
}

static void add_reason(struct buf *out, const char *version, const struct comparison *c, const char *phrase)
{
    buf_printf(out, "%s%s %s %s", out->len ? "\n" : "", version, phrase, c->written);
    if (phrase == DIFFERENT_MINOR_OF_0)
        buf_str(out, ". Expected minor versions to match when constraint major version is 0");
    else if (phrase == DIFFERENT_OF_0_0)
        buf_str(out, ". Expect version and constraint to equal when major and minor versions are 0");
}

char *semver_check_reason(struct arena *a, const struct semver_constraint *c, const struct semver *v)
{
    if (semver_check(c, v))
        return NULL;
    struct buf out = BUF_IN(a);
    const char *version = semver_string(a, v);
    bool pre_told = false;
    for (size_t i = 0; i < c->any.len; i++) {
        const struct group *g = &c->any.items[i];
        if (*v->pre && !g->with_pre) {
            if (!pre_told)
                buf_printf(&out, "%s%s is a prerelease version and the constraint is only looking for release versions",
                           out.len ? "\n" : "", version);
            pre_told = true;
            continue;
        }
        for (size_t k = 0; k < g->all.len; k++) {
            const struct comparison *one = &g->all.items[k];
            const char *phrase = one->rule->refuse(v, one);
            if (phrase)
                add_reason(&out, version, one, phrase);
        }
    }
    return buf_steal(&out);
}
