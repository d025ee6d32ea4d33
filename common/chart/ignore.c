// ignore.c - .helmignore's rules, and the shell patterns of Go's path.Match that they (and --show-only) are written in.
//
// The rules look like gitignore's and are not: the first rule that matches ends the search, a negated rule excludes everything
// that it does not match, and "**" is refused.

#include "chart/internal.h"

// ---- path.Match ---------------------------------------------------------------------------------------------------

// Reads one character of a class, "\\" escaping the next; false on a malformed pattern.
static bool class_rune(const char **p, const char *end, uint32_t *out)
{
    if (*p == end || **p == '-' || **p == ']')
        return false;
    if (**p == '\\' && ++*p == end)
        return false;
    size_t width;
    *out = utf8_decode(*p, (size_t)(end - *p), &width);
    *p += width;
    return !(*out == RUNE_ERROR && width == 1) && *p != end;
}

// Matches r against the class after '['; *p ends behind ']'.
static enum chart_match match_class(const char **p, const char *end, uint32_t r)
{
    bool negated = *p < end && **p == '^', found = false;
    if (negated)
        ++*p;
    for (int ranges = 0;; ranges++) {
        if (*p < end && **p == ']' && ranges > 0) {
            ++*p;
            return found != negated ? CHART_MATCH_YES : CHART_MATCH_NO;
        }
        uint32_t low, high;
        if (!class_rune(p, end, &low))
            return CHART_MATCH_BAD;
        high = low;
        if (**p == '-') {
            ++*p;
            if (!class_rune(p, end, &high))
                return CHART_MATCH_BAD;
        }
        if (low <= r && r <= high)
            found = true;
    }
}

// Matches one pattern element that is no star against the text's first character.
static enum chart_match match_one(const char **p, const char *end, const char **s, const char *s_end)
{
    size_t width = 0;
    uint32_t r = *s < s_end ? utf8_decode(*s, (size_t)(s_end - *s), &width) : 0;
    switch (**p) {
    case '[': {
        ++*p;
        enum chart_match m = match_class(p, end, r);
        if (m == CHART_MATCH_YES && *s == s_end)
            m = CHART_MATCH_NO;
        *s += width;
        return m;
    }
    case '?':
        ++*p;
        if (*s == s_end || r == '/')
            return CHART_MATCH_NO;
        *s += width;
        return CHART_MATCH_YES;
    case '\\':
        if (++*p == end)
            return CHART_MATCH_BAD;
        // fallthrough
    default:
        if (*s == s_end || **s != **p) {
            ++*p;
            return CHART_MATCH_NO;
        }
        ++*p;
        ++*s;
        return CHART_MATCH_YES;
    }
}

// The rest of the pattern is only checked for its form once the match has failed, as Go does.
static enum chart_match check_rest(const char *p, const char *end)
{
    while (p < end) {
        const char *text = "", *text_end = text;
        if (*p == '*')
            p++;
        else if (match_one(&p, end, &text, text_end) == CHART_MATCH_BAD)
            return CHART_MATCH_BAD;
    }
    return CHART_MATCH_NO;
}

static bool is_plain(char c)
{
    return c != '*' && c != '?' && c != '[' && c != '\\';
}

// `checked`: the pattern's form is known to be good, or does not matter.
static enum chart_match match(const char *pattern, const char *name, bool checked)
{
    const char *p = pattern, *end = pattern + strlen(pattern), *s = name, *s_end = name + strlen(name);
    const char *star = NULL, *star_text = NULL; // where to take up again: the pattern behind the last star, and its text
    if (checked && is_plain(*p) && *p != *s)
        return CHART_MATCH_NO;
    for (;;) {
        if (p < end && *p == '*') {
            while (p < end && *p == '*')
                p++;
            star = p;
            star_text = s;
            continue;
        }
        if (p == end && s == s_end)
            return CHART_MATCH_YES;
        if (p < end) {
            const char *text = s;
            enum chart_match m = match_one(&p, end, &text, s_end);
            if (m == CHART_MATCH_BAD)
                return m;
            if (m == CHART_MATCH_YES) {
                s = text;
                continue;
            }
        }
        // Back to the last star, which takes one character more but never a slash; more where a plain one has to follow.
        if (!star || star_text == s_end || *star_text == '/')
            return checked ? CHART_MATCH_NO : check_rest(p, end);
        star_text++;
        while (star < end && is_plain(*star) && star_text < s_end && *star_text != *star && *star_text != '/')
            star_text++;
        s = star_text;
        p = star;
    }
}

enum chart_match chart_path_match(const char *pattern, const char *name)
{
    return match(pattern, name, false);
}

// ---- rules --------------------------------------------------------------------------------------------------------

struct rule {
    const char *pattern;
    bool negated, directory, whole_path; // whole_path: the pattern is held against the path, not the file name
};

struct helmignore {
    struct arena *arena;
    VEC(struct rule) rules;
};

static bool add_rule(struct helmignore *ig, struct slice line, struct error *err)
{
    line = slice_trim_space(line);
    if (line.len == 0 || line.data[0] == '#')
        return true;
    if (slice_find(line, SLICE("**")) >= 0)
        return error_set(err, ERROR_INVALID, "double-star (**) syntax is not supported");
    if (chart_path_match(slice_dup(ig->arena, line), "abc") == CHART_MATCH_BAD)
        return error_set(err, ERROR_INVALID, "syntax error in pattern");
    struct rule rule = {0};
    if (line.data[0] == '!') {
        rule.negated = true;
        line = slice_sub(line, 1, line.len);
    }
    if (line.len > 0 && line.data[line.len - 1] == '/') {
        rule.directory = true;
        line.len--;
    }
    rule.whole_path = slice_find_char(line, '/') >= 0;
    if (line.len > 0 && line.data[0] == '/')
        line = slice_sub(line, 1, line.len);
    rule.pattern = slice_dup(ig->arena, line);
    vec_push(ig->arena, &ig->rules, rule);
    return true;
}

struct helmignore *helmignore_new(struct arena *a)
{
    struct helmignore *ig = arena_new_of(a, struct helmignore);
    ig->arena = a;
    return ig;
}

bool helmignore_parse(struct helmignore *ig, struct slice text, struct error *err)
{
    if (slice_has_prefix(text, SLICE("\xEF\xBB\xBF")))
        text = slice_sub(text, 3, text.len);
    struct slice line;
    while (text.len > 0) {
        slice_cut(text, '\n', &line, &text);
        if (!add_rule(ig, line, err))
            return false;
    }
    return true;
}

bool helmignore_match(const struct helmignore *ig, const char *path, bool directory)
{
    if (str_empty(path) || str_eq(path, ".") || str_eq(path, "./"))
        return false;
    const char *base = chart_base_name(path);
    for (size_t i = 0; i < ig->rules.len; i++) {
        const struct rule *rule = &ig->rules.items[i];
        bool wrong_kind = rule->directory && !directory;
        bool matches = !wrong_kind && match(rule->pattern, rule->whole_path ? path : base, true) == CHART_MATCH_YES;
        if (rule->negated ? !matches : matches)
            return true;
    }
    return false;
}
