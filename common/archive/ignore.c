// ignore.c - gitignore patterns as Flux reads them, which is go-git's reading.
//
// Three things differ from git's own: each path is judged alone, so that a later "!" pattern can bring back a file of
// an excluded folder; "a/**" excludes "a" too; and brackets negate with "^" only. Within a name the wildcards are those
// of Go's path.Match.
#include "archive/private.h"

struct pattern {
    VEC(struct slice) domain; // the folder it stands in, name by name
    VEC(struct slice) parts;  // between the slashes
    bool include, only_directories, anchored;
};

struct ignore {
    struct arena *arena;
    VEC(struct pattern) patterns;
};

typedef VEC(struct slice) names;

struct ignore *ignore_new(struct arena *a)
{
    struct ignore *ig = arena_new_of(a, struct ignore);
    ig->arena = a;
    return ig;
}

static void add_pattern(struct ignore *ig, const char *domain, struct slice line)
{
    struct pattern p = {0};
    struct slice part, rest = slice_of(domain);
    while (rest.len) {
        slice_cut(rest, '/', &part, &rest);
        if (part.len && !slice_eq_str(part, "."))
            vec_push(ig->arena, &p.domain, part);
    }
    if (slice_has_prefix(line, SLICE("!"))) {
        p.include = true;
        line = slice_sub(line, 1, line.len);
    }
    if (!slice_has_suffix(line, SLICE("\\ "))) {
        while (slice_has_suffix(line, SLICE(" ")))
            line.len--;
    }
    if (slice_has_suffix(line, SLICE("/"))) {
        p.only_directories = true;
        line.len--;
    }
    for (bool more = true; more;) {
        more = slice_cut(line, '/', &part, &line);
        p.anchored = p.anchored || more;
        vec_push(ig->arena, &p.parts, part);
    }
    vec_push(ig->arena, &ig->patterns, p);
}

void ignore_add(struct ignore *ig, const char *domain, struct slice patterns)
{
    struct slice line, rest = slice_n(slice_dup(ig->arena, patterns), patterns.len);
    const char *folder = arena_strdup(ig->arena, str_or(domain, ""));
    while (rest.len) {
        slice_cut(rest, '\n', &line, &rest);
        if (slice_has_suffix(line, SLICE("\r")))
            line.len--;
        if (!slice_has_prefix(line, SLICE("#")) && slice_trim_space(line).len)
            add_pattern(ig, folder, line);
    }
}

// ---- one name against one pattern without slashes ----

static uint32_t next_rune(struct slice *s)
{
    size_t width;
    uint32_t rune = utf8_decode(s->data, s->len, &width);
    *s = slice_sub(*s, width, s->len);
    return rune;
}

// A character of a bracket, possibly escaped. False: the pattern is malformed.
static bool bracket_rune(struct slice *p, uint32_t *rune)
{
    if (!p->len || p->data[0] == '-' || p->data[0] == ']')
        return false;
    if (p->data[0] == '\\')
        *p = slice_sub(*p, 1, p->len);
    if (!p->len)
        return false;
    *rune = next_rune(p);
    return p->len > 0; // a ] must follow
}

enum verdict { NO, YES, MALFORMED };

// `p` stands after the "[".
static enum verdict match_bracket(struct slice *p, uint32_t rune)
{
    bool negated = p->len && p->data[0] == '^', hit = false;
    if (negated)
        *p = slice_sub(*p, 1, p->len);
    for (int ranges = 0;; ranges++) {
        if (p->len && p->data[0] == ']' && ranges > 0) {
            *p = slice_sub(*p, 1, p->len);
            return hit != negated ? YES : NO;
        }
        uint32_t low, high;
        if (!bracket_rune(p, &low))
            return MALFORMED;
        high = low;
        if (p->data[0] == '-') {
            *p = slice_sub(*p, 1, p->len);
            if (!bracket_rune(p, &high))
                return MALFORMED;
        }
        hit = hit || (low <= rune && rune <= high);
    }
}

// One element of the pattern other than "*", against the start of the name.
static enum verdict match_one(struct slice *p, struct slice *name)
{
    if (!name->len)
        return NO;
    char c = p->data[0];
    if (c == '?' || c == '[') {
        *p = slice_sub(*p, 1, p->len);
        uint32_t rune = next_rune(name);
        return c == '?' ? YES : match_bracket(p, rune);
    }
    if (c == '\\') {
        *p = slice_sub(*p, 1, p->len);
        if (!p->len)
            return MALFORMED;
    }
    bool same = p->data[0] == name->data[0];
    *p = slice_sub(*p, 1, p->len);
    *name = slice_sub(*name, 1, name->len);
    return same ? YES : NO;
}

// Remembers only the last star: no more than length times length steps, whatever the pattern.
static bool match_name(struct slice p, struct slice name)
{
    struct slice star_pattern = {0}, star_name = {0};
    bool star = false;
    for (;;) {
        if (p.len && p.data[0] == '*') {
            p = slice_sub(p, 1, p.len);
            star = true;
            star_pattern = p;
            star_name = name;
            continue;
        }
        if (!p.len && !name.len)
            return true;
        enum verdict v = p.len ? match_one(&p, &name) : NO;
        if (v == MALFORMED)
            return false;
        if (v == YES)
            continue;
        if (!star || !star_name.len)
            return false;
        next_rune(&star_name);
        p = star_pattern;
        name = star_name;
    }
}

// ---- paths ----

static bool match_anywhere(const struct pattern *p, const struct slice *path, size_t len, bool directory)
{
    for (size_t i = 0; i < len; i++) {
        if (match_name(p->parts.items[0], path[i]))
            return !p->only_directories || directory || i < len - 1;
    }
    return false;
}

static bool match_anchored(const struct pattern *p, const struct slice *path, size_t len, bool directory)
{
    bool matched = false, skipping = false; // skipping: after "**", any number of names may go by
    for (size_t i = 0; i < p->parts.len; i++) {
        struct slice part = p->parts.items[i];
        if (!part.len) {
            skipping = false;
            continue;
        }
        if (slice_eq_str(part, "**")) {
            if (i == p->parts.len - 1)
                break;
            skipping = true;
            continue;
        }
        if (slice_find(part, SLICE("**")) >= 0 || len == 0)
            return false;
        do {
            matched = match_name(part, *path);
            path++;
            len--;
        } while (!matched && skipping && len);
        if (!matched && !skipping)
            return false;
        skipping = false;
    }
    return matched && (!p->only_directories || directory || len > 0);
}

static bool match_pattern(const struct pattern *p, const struct slice *path, size_t len, bool directory)
{
    if (len <= p->domain.len)
        return false;
    for (size_t i = 0; i < p->domain.len; i++) {
        if (!slice_eq(p->domain.items[i], path[i]))
            return false;
    }
    path += p->domain.len;
    len -= p->domain.len;
    return p->anchored ? match_anchored(p, path, len, directory) : match_anywhere(p, path, len, directory);
}

bool ignore_match(const struct ignore *ig, const char *path, bool directory)
{
    struct slice part, rest = slice_of(path);
    names parts = {0};
    while (rest.len) {
        slice_cut(rest, '/', &part, &rest);
        if (part.len)
            vec_push(NULL, &parts, part);
    }
    bool excluded = false;
    for (size_t i = ig->patterns.len; i-- > 0;) {
        const struct pattern *p = &ig->patterns.items[i];
        if (match_pattern(p, parts.items, parts.len, directory)) {
            excluded = !p->include;
            break;
        }
    }
    free(parts.items);
    return excluded;
}

bool ignore_may_include(const struct ignore *ig)
{
    for (size_t i = 0; i < ig->patterns.len; i++) {
        if (ig->patterns.items[i].include)
            return true;
    }
    return false;
}
