// index.c - index.yaml of a Helm repository, and which version of a chart a range means.
//
// An index comes from anywhere, up to 20 MB and more, in any order. Only the entries of the chart that is asked for are checked
// and sorted: an index has thousands of charts and a reader wants one.

#include "chart/internal.h"

#include "semver/semver.h"

struct chart_index {
    struct arena *arena;
    struct value entries;
};

struct chart_index *chart_index_parse(struct arena *a, struct slice yaml, struct error *err)
{
    struct value document = VALUE_NULL;
    if (yaml.len == 0) {
        error_set(err, ERROR_INVALID, "empty index.yaml file");
        return NULL;
    }
    struct slice text = slice_trim_space(yaml);
    struct error not_json cleanup(error_clear) = {0};
    bool parsed = text.len > 0 && text.data[0] == '{' && json_parse(a, text.data, text.len, 0, &document, &not_json);
    if (!parsed && !yaml_parse(a, yaml.data, yaml.len, YAML_UNIQUE_KEYS, &document, err)) {
        error_wrap(err, "error converting YAML to JSON");
        return NULL;
    }
    if (!value_is_null(document) && !value_is(document, V_DICT)) {
        error_set(err, ERROR_INVALID, "the index is no map");
        return NULL;
    }
    if (str_empty(value_str(value_get(document, "apiVersion")))) {
        error_set(err, ERROR_INVALID, "no API version specified");
        return NULL;
    }
    struct value entries = value_get(document, "entries");
    if (!value_is_null(entries) && !value_is(entries, V_DICT)) {
        error_set(err, ERROR_INVALID, "the index's entries are no map");
        return NULL;
    }
    struct chart_index *index = arena_new_of(a, struct chart_index);
    index->arena = a;
    index->entries = entries;
    return index;
}

// What Helm leaves out of an index when it loads one.
static bool is_usable(struct arena *a, struct value entry)
{
    if (!value_is(entry, V_DICT))
        return false;
    if (str_empty(value_str(value_get(entry, "apiVersion"))))
        value_set_str(entry, "apiVersion", "v1");
    struct error reason cleanup(error_clear) = {0};
    return metadata_validate(a, entry, &reason) ||
           str_has_prefix(error_text(&reason), "validation: more than one dependency with name or alias");
}

static int64_t created(struct value entry)
{
    const char *text = value_str(value_get(entry, "created"));
    int64_t us;
    return text && time_parse_rfc3339(text, &us) ? us : INT64_MIN;
}

static void give(struct value entry, struct chart_index_entry *out)
{
    out->version = value_str_or(value_get(entry, "version"), "");
    out->metadata = entry;
}

bool chart_index_find(struct arena *a, const struct chart_index *index, const char *name, const char *range,
                      struct chart_index_entry *out, struct error *err)
{
    struct value entries;
    if (!value_find(index->entries, name, strlen(name), &entries))
        return error_set(err, ERROR_NOT_FOUND, "no chart name found");
    entries = value_copy(a, entries); // checking tidies the strings
    struct value usable = value_list(a);
    for (size_t i = 0; i < value_len(entries); i++)
        if (is_usable(a, value_at(entries, i)))
            value_push(usable, value_at(entries, i));
    if (value_len(usable) == 0)
        return error_set(err, ERROR_NOT_FOUND, "no chart version found");

    if (!str_empty(range))
        for (size_t i = 0; i < value_len(usable); i++)
            if (str_eq(value_str_or(value_get(value_at(usable, i), "version"), ""), range)) {
                give(value_at(usable, i), out);
                return true;
            }
    struct semver_constraint *constraint = semver_constraint_parse(a, str_or(range, "*"), err);
    if (!constraint)
        return false;
    struct value best = VALUE_NULL;
    struct semver best_version = {0};
    for (size_t i = 0; i < value_len(usable); i++) {
        struct value entry = value_at(usable, i);
        struct semver version;
        struct error ignored cleanup(error_clear) = {0};
        if (!semver_parse(a, value_str_or(value_get(entry, "version"), ""), &version, &ignored) ||
            !semver_check(constraint, &version))
            continue;
        int order = value_is_null(best) ? 1 : semver_compare(&version, &best_version);
        if (order > 0 || (order == 0 && created(entry) > created(best))) {
            best = entry;
            best_version = version;
        }
    }
    if (value_is_null(best))
        return error_set(err, ERROR_NOT_FOUND, "no '%s' chart with version matching '%s' found", name, range ? range : "");
    give(best, out);
    return true;
}

struct value chart_index_names(struct arena *a, const struct chart_index *index)
{
    struct value names = value_list(a);
    for (struct value_iter it = {0}; value_next(index->entries, &it);)
        value_push(names, value_string_copy(a, it.key, it.key_len));
    return names;
}
