// semver.c - versions: reading, ordering, writing.
#include "semver/semver.h"
#include "semver/scan.h"

#include <stdio.h>

#define IDENTIFIER_BYTES "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-" SEMVER_DIGITS

static size_t span(struct slice s, const char *bytes)
{
    size_t n = 0;
    while (n < s.len && s.data[n] && strchr(bytes, s.data[n]))
        n++;
    return n;
}

static bool only(struct slice s, const char *bytes)
{
    return span(s, bytes) == s.len;
}

static struct slice take(struct slice *rest, size_t n)
{
    struct slice head = slice_sub(*rest, 0, n);
    *rest = slice_sub(*rest, n, rest->len);
    return head;
}

// The dotted identifiers after a '-' or '+', where at least one stands.
static struct slice scan_identifiers(struct slice *rest, char lead)
{
    if (!rest->len || rest->data[0] != lead)
        return (struct slice){0};
    struct slice after = slice_sub(*rest, 1, rest->len);
    size_t len = span(after, IDENTIFIER_BYTES);
    if (!len)
        return (struct slice){0};
    while (len < after.len && after.data[len] == '.') {
        size_t more = span(slice_sub(after, len + 1, after.len), IDENTIFIER_BYTES);
        if (!more)
            break;
        len += 1 + more;
    }
    take(rest, 1);
    return take(rest, len);
}

bool semver_scan(struct slice text, const char *segment_bytes, struct semver_shape *out)
{
    *out = (struct semver_shape){0};
    struct slice rest = text;
    if (rest.len && rest.data[0] == 'v')
        take(&rest, 1);
    size_t len = span(rest, segment_bytes);
    if (!len)
        return false;
    out->segments[0] = take(&rest, len);
    for (int i = 1; i < 3 && rest.len && rest.data[0] == '.'; i++) {
        len = span(slice_sub(rest, 1, rest.len), segment_bytes);
        if (!len)
            break;
        take(&rest, 1);
        out->segments[i] = take(&rest, len);
    }
    out->pre = scan_identifiers(&rest, '-');
    out->meta = scan_identifiers(&rest, '+');
    out->whole = slice_sub(text, 0, text.len - rest.len);
    return true;
}

// Go's strconv.ParseUint and its words.
static bool parse_number(struct slice s, uint64_t *out, const char *context, struct error *err)
{
    *out = 0;
    if (!s.len)
        return error_set(err, ERROR_INVALID, "%sstrconv.ParseUint: parsing \"\": invalid syntax", context);
    for (size_t i = 0; i < s.len; i++) {
        if (__builtin_mul_overflow(*out, 10, out) || __builtin_add_overflow(*out, (uint64_t)(s.data[i] - '0'), out))
            return error_set(err, ERROR_INVALID, "%sstrconv.ParseUint: parsing \"%.*s\": value out of range", context,
                             SLICE_ARG(s));
    }
    return true;
}

bool semver_check_pre(struct slice pre, struct error *err)
{
    struct slice part;
    for (bool more = true; more;) {
        more = slice_cut(pre, '.', &part, &pre);
        if (!part.len || !only(part, IDENTIFIER_BYTES))
            return error_set(err, ERROR_INVALID, "invalid prerelease string");
        if (part.len > 1 && part.data[0] == '0' && only(part, SEMVER_DIGITS))
            return error_set(err, ERROR_INVALID, "version segment starts with 0");
    }
    return true;
}

bool semver_check_meta(struct slice meta, struct error *err)
{
    struct slice part;
    for (bool more = true; more;) {
        more = slice_cut(meta, '.', &part, &meta);
        if (!part.len || !only(part, IDENTIFIER_BYTES))
            return error_set(err, ERROR_INVALID, "invalid metadata string");
    }
    return true;
}

bool semver_parse(struct arena *a, const char *text, struct semver *out, struct error *err)
{
    struct semver_shape shape;
    struct slice whole = slice_of(text);
    if (!semver_scan(whole, SEMVER_DIGITS, &shape) || shape.whole.len != whole.len)
        return error_set(err, ERROR_INVALID, "invalid semantic version");
    *out = (struct semver){0};
    uint64_t *numbers[] = {&out->major, &out->minor, &out->patch};
    for (int i = 0; i < 3; i++) {
        if (shape.segments[i].len &&
            !parse_number(shape.segments[i], numbers[i], "error parsing version segment: ", err))
            return false;
    }
    if (shape.pre.len && !semver_check_pre(shape.pre, err))
        return false;
    out->pre = slice_dup(a, shape.pre);
    out->meta = slice_dup(a, shape.meta);
    out->original = slice_dup(a, whole);
    return true;
}

bool semver_parse_strict(struct arena *a, const char *text, struct semver *out, struct error *err)
{
    struct slice segments[3], rest = slice_of(text), pre = {0}, meta = {0}, numbers;
    if (!rest.len)
        return error_set(err, ERROR_INVALID, "version string empty");
    if (!slice_cut(rest, '.', &segments[0], &rest) || !slice_cut(rest, '.', &segments[1], &rest))
        return error_set(err, ERROR_INVALID, "invalid semantic version");
    if (slice_cut(rest, '+', &numbers, &meta) && !semver_check_meta(meta, err))
        return false;
    if (slice_cut(numbers, '-', &segments[2], &pre) && !semver_check_pre(pre, err))
        return false;
    for (int i = 0; i < 3; i++) {
        if (!only(segments[i], SEMVER_DIGITS))
            return error_set(err, ERROR_INVALID, "invalid characters in version");
        if (segments[i].len > 1 && segments[i].data[0] == '0')
            return error_set(err, ERROR_INVALID, "version segment starts with 0");
    }
    *out = (struct semver){0};
    if (!parse_number(segments[0], &out->major, "", err) || !parse_number(segments[1], &out->minor, "", err) ||
        !parse_number(segments[2], &out->patch, "", err))
        return false;
    out->pre = slice_dup(a, pre);
    out->meta = slice_dup(a, meta);
    out->original = arena_strdup(a, text);
    return true;
}

// ---- order (semver.org 2.0.0, 11) ----

static bool as_number(struct slice s, uint64_t *out)
{
    return s.len && only(s, SEMVER_DIGITS) && parse_number(s, out, "", NULL);
}

static int compare_identifiers(struct slice a, struct slice b)
{
    if (!a.len || !b.len)
        return (a.len > 0) - (b.len > 0);
    uint64_t x = 0, y = 0;
    bool a_number = as_number(a, &x), b_number = as_number(b, &y);
    if (a_number && b_number)
        return (x > y) - (x < y);
    if (a_number != b_number)
        return a_number ? -1 : 1;
    return slice_cmp(a, b);
}

static int compare_pre(const char *a, const char *b)
{
    if (!*a || !*b)
        return (*a == '\0') - (*b == '\0'); // a release comes after its pre-releases
    struct slice x = slice_of(a), y = slice_of(b), x_part, y_part;
    int order = 0;
    while (!order && (x.len || y.len)) {
        slice_cut(x, '.', &x_part, &x);
        slice_cut(y, '.', &y_part, &y);
        order = compare_identifiers(x_part, y_part);
    }
    return (order > 0) - (order < 0);
}

int semver_compare(const struct semver *a, const struct semver *b)
{
    if (a->major != b->major)
        return a->major > b->major ? 1 : -1;
    if (a->minor != b->minor)
        return a->minor > b->minor ? 1 : -1;
    if (a->patch != b->patch)
        return a->patch > b->patch ? 1 : -1;
    return compare_pre(a->pre, b->pre);
}

char *semver_string(struct arena *a, const struct semver *v)
{
    return arena_printf(a, "%llu.%llu.%llu%s%s%s%s", (unsigned long long)v->major, (unsigned long long)v->minor,
                        (unsigned long long)v->patch, *v->pre ? "-" : "", v->pre, *v->meta ? "+" : "", v->meta);
}
