// dependencies.c - which subcharts take part, under which name, and what their parents import from them.
//
// A dependency is on unless its condition (the first path that holds a boolean) or, without one, its tags say no. An
// alias makes a copy of the chart under another name. import-values lifts a subchart's defaults into the parent's.

#include "chart/internal.h"

static struct value wanted(const struct chart *c)
{
    return value_get(c->metadata, "dependencies");
}

// Copies what processing changes: the metadata, the list of subcharts and, below, the same of each of them.
static struct chart *copy_tree(struct arena *a, const struct chart *c, struct chart *parent)
{
    struct chart *copy = arena_new_of(a, struct chart);
    *copy = *c;
    copy->parent = parent;
    copy->notices = parent ? parent->notices : c->notices;
    copy->metadata = value_copy_tree(a, c->metadata);
    memset(&copy->dependencies, 0, sizeof copy->dependencies);
    for (size_t i = 0; i < c->dependencies.len; i++)
        vec_push(a, &copy->dependencies, copy_tree(a, c->dependencies.items[i], copy));
    return copy;
}

// The chart that takes a dependency's place. As with Helm, only the chart itself is its own: its subcharts share their metadata with
// those of other aliases, and what lies below them still has the loaded chart above it.
static struct chart *dependency_copy(struct arena *a, const struct chart *c, const char *alias)
{
    struct chart *copy = arena_new_of(a, struct chart);
    *copy = *c;
    copy->metadata = value_copy_tree(a, c->metadata);
    memset(&copy->dependencies, 0, sizeof copy->dependencies);
    for (size_t i = 0; i < c->dependencies.len; i++) {
        struct chart *sub = arena_new_of(a, struct chart);
        *sub = *c->dependencies.items[i];
        sub->parent = copy;
        vec_push(a, &copy->dependencies, sub);
    }
    if (!str_empty(alias))
        value_set_str(copy->metadata, "name", alias);
    return copy;
}

static bool matches(struct arena *a, const struct chart *c, struct value dependency)
{
    return str_eq(chart_name(c), value_str_or(value_get(dependency, "name"), "")) &&
           chart_version_in_range(a, value_str_or(value_get(dependency, "version"), ""), chart_version(c));
}

// Helm's Values.Table: dicts all the way down a dotted path. False: *missing (if asked for) is the key that is none.
static bool find_table(struct value values, const char *path, struct value *out, struct slice *missing)
{
    struct slice rest = slice_of(path), key;
    do {
        bool more = slice_cut(rest, '.', &key, &rest);
        if (!value_find(values, key.data, key.len, &values) || !value_is(values, V_DICT)) {
            if (missing)
                *missing = key;
            return false;
        }
        if (!more)
            break;
    } while (true);
    *out = values;
    return true;
}

// Helm's Values.PathValue: a table's entry that is no table itself.
static bool find_value(struct arena *a, struct value values, const char *path, struct value *out)
{
    const char *dot = strrchr(path, '.');
    if (dot) {
        if (!find_table(values, arena_strndup(a, path, (size_t)(dot - path)), &values, NULL))
            return false;
        path = dot + 1;
    }
    return value_find(values, path, strlen(path), out) && !value_is(*out, V_DICT);
}

static const char *name_of(struct value dependency)
{
    return value_str_or(value_get(dependency, "name"), "");
}

static void notice_no_bool(struct chart_notices *notices, const char *what, const char *path, struct value dependency)
{
    chart_notice(notices, "WARN", "returned non-bool value", CHART_PAIRS(what, path, "chart", name_of(dependency)));
}

static void apply_tags(struct value dependency, struct value values, struct chart_notices *notices)
{
    struct value table, tags = value_get(dependency, "tags");
    if (!find_table(values, "tags", &table, NULL))
        return;
    bool yes = false, no = false;
    for (size_t i = 0; i < value_len(tags); i++) {
        const char *name = value_str_or(value_at(tags, i), "");
        struct value tag;
        if (!value_find(table, name, strlen(name), &tag))
            continue;
        if (!value_is(tag, V_BOOL)) {
            notice_no_bool(notices, "tag", name, dependency);
            continue;
        }
        yes |= tag.boolean;
        no |= !tag.boolean;
    }
    value_set(dependency, "enabled", value_bool(yes || !no));
}

static void apply_condition(struct arena *a, struct value dependency, struct value values, const char *prefix,
                            struct chart_notices *notices)
{
    struct slice rest = slice_trim_space(value_slice(value_get(dependency, "condition"))), path;
    for (bool more = true; more;) {
        more = slice_cut(rest, ',', &path, &rest);
        struct value found;
        if (path.len == 0 || !find_value(a, values, arena_printf(a, "%s%.*s", prefix, SLICE_ARG(path)), &found))
            continue;
        if (value_is(found, V_BOOL)) {
            value_set(dependency, "enabled", value_bool(found.boolean));
            return;
        }
        notice_no_bool(notices, "path", slice_dup(a, path), dependency);
    }
}

// Replaces the subcharts by those that Chart.yaml does not name and one for each dependency that it names, under its alias.
static void choose_charts(struct arena *a, struct chart *c)
{
    struct value list = wanted(c);
    chart_list chosen = {0};
    for (size_t i = 0; i < c->dependencies.len; i++) {
        bool named = false;
        for (size_t k = 0; k < value_len(list) && !named; k++)
            named = matches(a, c->dependencies.items[i], value_at(list, k));
        if (!named)
            vec_push(a, &chosen, c->dependencies.items[i]);
    }
    for (size_t k = 0; k < value_len(list); k++) {
        struct value dependency = value_at(list, k);
        const char *alias = value_str(value_get(dependency, "alias"));
        for (size_t i = 0; i < c->dependencies.len; i++) {
            if (!matches(a, c->dependencies.items[i], dependency))
                continue;
            vec_push(a, &chosen, dependency_copy(a, c->dependencies.items[i], alias));
            break;
        }
        if (!str_empty(alias))
            value_set_str(dependency, "name", alias);
        value_set(dependency, "enabled", value_bool(true));
    }
    for (size_t i = 0; i < chosen.len; i++)
        chosen.items[i]->parent = c;
    c->dependencies.items = chosen.items;
    c->dependencies.len = chosen.len;
    c->dependencies.cap = chosen.cap;
}

static void drop_disabled(struct arena *a, struct chart *c)
{
    struct value list = wanted(c), off = value_dict(a), kept = value_list(a);
    for (size_t i = 0; i < value_len(list); i++) {
        struct value dependency = value_at(list, i);
        if (!value_true(value_get(dependency, "enabled")))
            value_set(off, value_str_or(value_get(dependency, "name"), ""), value_bool(true));
    }
    for (size_t i = 0; i < value_len(list); i++)
        if (!value_has(off, value_str_or(value_get(value_at(list, i), "name"), "")))
            value_push(kept, value_at(list, i));
    size_t left = 0;
    for (size_t i = 0; i < c->dependencies.len; i++)
        if (!value_has(off, chart_name(c->dependencies.items[i])))
            c->dependencies.items[left++] = c->dependencies.items[i];
    c->dependencies.len = left;
    if (value_len(kept) > 0)
        value_set(c->metadata, "dependencies", kept);
    else
        value_unset(c->metadata, "dependencies");
}

// `prefix` is the dotted path of c's values below the root's: "" or "parent.child.".
static bool enable(struct arena *a, struct chart *c, struct value values, const char *prefix, struct error *err)
{
    if (value_is_null(wanted(c)))
        return true;
    choose_charts(a, c);
    // As Helm has it, a subchart's defaults join the root's values here: its own tags count beside the root's.
    struct value all;
    if (!coalesce_chart(a, c, values, false, &all, err))
        return false;
    for (size_t i = 0; i < value_len(wanted(c)); i++)
        apply_tags(value_at(wanted(c), i), all, c->notices);
    for (size_t i = 0; i < value_len(wanted(c)); i++)
        apply_condition(a, value_at(wanted(c), i), all, prefix, c->notices);
    drop_disabled(a, c);
    for (size_t i = 0; i < c->dependencies.len; i++) {
        struct chart *sub = c->dependencies.items[i];
        if (!enable(a, sub, all, arena_printf(a, "%s%s.", prefix, chart_name(sub)), err))
            return false;
    }
    return true;
}

static const char *printed(struct arena *a, struct value v)
{
    struct buf out = BUF_IN(a);
    go_print_value(&out, v);
    return buf_cstr(&out);
}

static struct value at_path(struct arena *a, const char *path, struct value table)
{
    if (str_eq(path, "."))
        return table;
    struct value root = value_dict(a), into = root;
    struct slice rest = slice_of(path), key;
    while (slice_cut(rest, '.', &key, &rest)) {
        struct value next = value_dict(a);
        value_set_n(into, key.data, key.len, next);
        into = next;
    }
    value_set_n(into, key.data, key.len, table);
    return root;
}

// Adds what one entry of import-values names to `imported`; the result is the entry as templates see it.
static struct value import_one(struct arena *a, const char *chart, struct value entry, struct value values,
                               struct value imported, struct chart_notices *notices)
{
    const char *child, *parent = ".";
    if (value_is(entry, V_DICT)) {
        child = printed(a, value_get(entry, "child"));
        parent = printed(a, value_get(entry, "parent"));
    } else if (value_is(entry, V_STRING)) {
        child = arena_printf(a, "exports.%s", value_str(entry));
    } else {
        return VALUE_NULL;
    }
    struct value table, view = value_dict_typed(a, "map[string]string");
    value_set_str(view, "child", child);
    value_set_str(view, "parent", parent);
    struct slice missing;
    if (find_table(values, arena_printf(a, "%s.%s", chart, child), &table, &missing)) {
        coalesce_tables(a, imported, at_path(a, parent, table), notices); // no copy, as Helm: imports meet in `values` as well
        return view;
    }
    const char *reason = arena_printf(a, "%s is not a table", go_quoted(a, missing));
    if (value_is(entry, V_DICT))
        chart_notice(notices, "WARN", "ImportValues missing table from chart",
                     CHART_PAIRS("chart", chart, "error", reason));
    else
        chart_notice(notices, "WARN", "ImportValues missing table", CHART_PAIRS("error", reason));
    return view;
}

static bool import_values(struct arena *a, struct chart *c, struct error *err)
{
    for (size_t i = 0; i < c->dependencies.len; i++)
        if (!import_values(a, c->dependencies.items[i], err))
            return false;
    struct value list = wanted(c), values, imported = value_dict(a);
    if (value_is_null(list))
        return true;
    if (!coalesce_chart(a, c, VALUE_NULL, true, &values, err))
        return false;
    for (size_t i = 0; i < value_len(list); i++) {
        struct value dependency = value_at(list, i), entries = value_get(dependency, "import-values");
        const char *name = value_str_or(value_get(dependency, "name"), "");
        struct value views = value_list(a);
        for (size_t k = 0; k < value_len(entries); k++) {
            struct value view = import_one(a, name, value_at(entries, k), values, imported, c->notices);
            if (!value_is_null(view))
                value_push(views, view);
        }
        if (value_len(views) > 0)
            value_set(dependency, "import-values", views);
        else
            value_unset(dependency, "import-values");
    }
    values = value_copy_tree(a, values);
    coalesce_tables(a, values, imported, c->notices); // the parent's own values win over what it imports
    c->values = values;
    return true;
}

struct chart *chart_with_dependencies(struct arena *a, const struct chart *c, struct value user_values, struct error *err)
{
    struct chart *copy = copy_tree(a, c, NULL);
    if (enable(a, copy, user_values, "", err) && import_values(a, copy, err))
        return copy;
    chart_refuse(c->notices, "chart dependencies processing failed", err);
    return NULL;
}
