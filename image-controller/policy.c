// policy.c - electing the latest tag.
#include "policy.h"

#include <errno.h>
#include <math.h>

#include "regex/regex.h"
#include "semver/semver.h"

struct candidate { // what is compared, and the tag it came from
    const char *text, *tag;
};
typedef VEC(struct candidate) candidates;

// ---- the filter ---------------------------------------------------------------------------------------------------

// With `extract`, what it makes of the match is compared. Two tags that give the same text are one: the later in the
// list counts.
static bool apply_filter(struct arena *a, struct value filter, const char *const *tags, size_t count, candidates *out,
                         struct error *err)
{
    struct slice pattern = value_slice(value_get(filter, "pattern")),
                 extract = value_slice(value_get(filter, "extract"));
    const struct regex *regex = regex_cached(pattern.data ? pattern.data : "", pattern.len, err);
    if (!regex)
        return error_wrap(err, "failed to filter tags: invalid regular expression pattern '%.*s'", SLICE_ARG(pattern));
    struct map *seen = map_new(NULL);
    int room = regex_groups(regex) + 1;
    struct slice *groups = arena_array(a, struct slice, room);
    struct buf text = {0};
    for (size_t i = 0; i < count; i++) {
        if (!regex_match(regex, slice_of(tags[i]), 0, groups, room))
            continue;
        struct candidate c = {tags[i], tags[i]};
        if (extract.len) {
            buf_clear(&text);
            regex_expand(&text, regex, extract, groups, room);
            c.text = arena_strdup(a, buf_cstr(&text));
        }
        uintptr_t at = (uintptr_t)map_get(seen, c.text);
        if (at) {
            out->items[at - 1].tag = c.tag;
            continue;
        }
        vec_push(a, out, c);
        map_put(seen, c.text, (void *)(uintptr_t)out->len);
    }
    buf_free(&text);
    map_free(seen);
    return true;
}

// ---- orders -------------------------------------------------------------------------------------------------------

static bool descending(struct value rule, const char *kind, bool *out, struct error *err)
{
    const char *order = value_str_or(value_get(rule, "order"), "asc");
    *out = strcasecmp(order, "desc") == 0;
    if (*out || strcasecmp(order, "asc") == 0)
        return true;
    return error_set(err, ERROR_INVALID,
                     "invalid policy: invalid order argument provided: '%s', must be one of: ASC, DESC", order);
}

static bool latest_semver(struct arena *a, struct value rule, const candidates *list, const struct candidate **out,
                          struct error *err)
{
    struct semver_constraint *range = semver_constraint_parse(a, value_str_or(value_get(rule, "range"), ""), err);
    if (!range)
        return error_wrap(err, "invalid policy");
    struct semver best = {0};
    for (size_t i = 0; i < list->len; i++) {
        struct arena_mark mark = arena_mark(a);
        struct semver version;
        struct error ignored cleanup(error_clear) = {0};
        const char *text = list->items[i].text;
        // Flux is strict, but for a leading v.
        if (!semver_parse_strict(a, *text == 'v' ? text + 1 : text, &version, &ignored) ||
            !semver_check(range, &version) || (*out && semver_compare(&version, &best) <= 0)) {
            arena_reset(a, mark);
            continue;
        }
        best = version;
        *out = &list->items[i];
    }
    if (*out || list->len == 0)
        return true;
    return error_set(err, ERROR_NOT_FOUND, "unable to determine latest version from provided list");
}

static bool latest_alphabetical(struct arena *a, struct value rule, const candidates *list,
                                const struct candidate **out, struct error *err)
{
    bool lowest;
    if (!descending(rule, "alphabetical", &lowest, err))
        return false;
    for (size_t i = 0; i < list->len; i++) {
        int order = *out ? strcmp(list->items[i].text, (*out)->text) : 0;
        if (!*out || (lowest ? order < 0 : order > 0))
            *out = &list->items[i];
    }
    return true;
}

// As strconv.ParseFloat: no blanks, nothing after it, hexadecimal only with an exponent, no overflow.
static bool parse_number(const char *text, double *out)
{
    char *end;
    if (!*text || !strchr("+-.0123456789iInN", *text))
        return false;
    errno = 0;
    *out = strtod(text, &end);
    if (*end || end == text || (errno == ERANGE && fabs(*out) > 1))
        return false;
    const char *digits = text + (*text == '+' || *text == '-');
    bool hexadecimal = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
    return !strchr(digits, '(') && (!hexadecimal || strpbrk(digits, "pP"));
}

static bool latest_numerical(struct arena *a, struct value rule, const candidates *list, const struct candidate **out,
                             struct error *err)
{
    bool lowest;
    double best = 0, number;
    if (!descending(rule, "numerical", &lowest, err))
        return false;
    for (size_t i = 0; i < list->len; i++) {
        if (!parse_number(list->items[i].text, &number))
            return error_set(err, ERROR_NOT_FOUND, "failed to parse invalid numeric value '%s'", list->items[i].text);
        if (*out && (lowest ? number > best : number < best))
            continue;
        *out = &list->items[i];
        best = number;
    }
    return true;
}

bool policy_latest(struct arena *a, struct value policy, struct value filter, const char *const *tags, size_t count,
                   const char **latest, struct error *err)
{
    static const struct {
        const char *name;
        bool (*elect)(struct arena *a, struct value rule, const candidates *list, const struct candidate **out,
                      struct error *err);
    } kinds[] = {
        {"semver", latest_semver},
        {"alphabetical", latest_alphabetical},
        {"numerical", latest_numerical},
    };
    candidates list = {0};
    if (value_is(filter, V_DICT)) {
        if (!apply_filter(a, filter, tags, count, &list, err))
            return false;
    } else {
        for (size_t i = 0; i < count; i++)
            vec_push(a, &list, (struct candidate){tags[i], tags[i]});
    }
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (!value_is(value_get(policy, kinds[i].name), V_DICT))
            continue;
        const struct candidate *elected = NULL;
        if (!kinds[i].elect(a, value_get(policy, kinds[i].name), &list, &elected, err))
            return false;
        if (!elected)
            return error_set(err, ERROR_NOT_FOUND, "version list argument cannot be empty");
        *latest = elected->tag;
        return true;
    }
    return error_set(err, ERROR_INVALID, "invalid policy: given ImagePolicyChoice object is invalid");
}
