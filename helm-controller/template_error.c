// template_error.c - the engine's error chains as Helm shows them: place, template and message on lines of their own.
//
// Go's chain is nested text: "template: A: executing "x" at <include "y" .>: error calling include: template: B: …". Helm breaks it
// into one entry for each level, but only if its innermost error is the template engine's own; an error that a function
// returned leaves the text as it was.

#include "engine.h"

static const char prefix[] = "template: ", executing[] = ": executing ", calling[] = "error calling ";

static struct slice behind(struct slice s, size_t skip)
{
    return slice_sub(s, skip, s.len);
}

bool engine_parse_error(struct arena *a, const char *path, struct error *err)
{
    struct slice text = slice_of(arena_strdup(a, error_text(err)));
    enum error_class class = err->class;
    error_clear(err);
    ptrdiff_t first = slice_find(text, SLICE(": "));
    if (first < 0)
        return error_set(err, class, "parse error in (%s): %.*s", path, SLICE_ARG(text));
    struct slice rest = behind(text, (size_t)first + 2), last = rest;
    ptrdiff_t end = slice_find(rest, SLICE(": "));
    struct slice location = slice_sub(rest, 0, end < 0 ? rest.len : (size_t)end);
    for (ptrdiff_t at; (at = slice_find(last, SLICE(": "))) >= 0;)
        last = behind(last, (size_t)at + 2);
    return error_set(err, class, "parse error at (%.*s): %.*s", SLICE_ARG(location), SLICE_ARG(last));
}

struct level {
    struct slice location, executed, message;
    struct slice full; // the message with what is nested in it
};

// "NAME:1:2: executing "x" at <y>: message"
static bool parse_executing(struct slice s, struct level *out)
{
    ptrdiff_t at = slice_find(s, slice_of(executing));
    if (at < 0)
        return false;
    struct slice after = behind(s, (size_t)at + strlen(executing));
    if (after.len == 0 || after.data[0] != '"')
        return false;
    ptrdiff_t quote = slice_find_char(behind(after, 1), '"');
    if (quote < 0)
        return false;
    struct slice place = behind(after, (size_t)quote + 2);
    if (!slice_has_prefix(place, SLICE(" at <")))
        return false;
    ptrdiff_t end = slice_find(behind(place, 5), SLICE(">: "));
    if (end < 0)
        return false;
    out->location = slice_sub(s, 0, (size_t)at);
    out->full = behind(place, 5 + (size_t)end + 3);
    // `executing "x" at <y>:` as one piece
    out->executed = slice_sub(behind(s, (size_t)at + 2), 0, (size_t)(out->full.data - s.data) - (size_t)at - 3);
    return true;
}

// "NAME: message", cut at the last ": "
static bool parse_simple(struct slice s, struct level *out)
{
    ptrdiff_t last = -1;
    for (size_t i = 0; i + 1 < s.len; i++)
        if (s.data[i] == ':' && s.data[i + 1] == ' ')
            last = (ptrdiff_t)i;
    if (last < 0)
        return false;
    out->location = slice_sub(s, 0, (size_t)last);
    out->full = behind(s, (size_t)last + 2);
    return true;
}

static bool parse_level(struct slice text, struct level *out)
{
    *out = (struct level){0};
    if (!slice_has_prefix(text, slice_of(prefix)))
        return false;
    struct slice rest = behind(text, strlen(prefix));
    if (slice_has_prefix(rest, SLICE("no template "))) {
        out->message = out->full = text;
        return true;
    }
    if (!parse_executing(rest, out) && !parse_simple(rest, out))
        return false;
    ptrdiff_t nested = slice_find(out->full, SLICE(" template:"));
    out->message = nested < 0 ? out->full : slice_sub(out->full, 0, (size_t)nested);
    return true;
}

// The error that a called function returned; false when the level is the engine's own word.
static bool inner_error(const struct level *l, struct slice *inner)
{
    if (!slice_has_prefix(l->full, slice_of(calling)))
        return false;
    struct slice rest = behind(l->full, strlen(calling));
    ptrdiff_t colon = slice_find(rest, SLICE(": "));
    if (colon < 0)
        return false;
    *inner = behind(rest, (size_t)colon + 2);
    return true;
}

static bool same_level(const struct level *a, const struct level *b)
{
    return slice_eq(a->location, b->location) && slice_eq(a->executed, b->executed) && slice_eq(a->message, b->message);
}

static void print_level(struct buf *out, const struct level *l)
{
    if (l->location.len > 0)
        buf_printf(out, "%.*s\n  ", SLICE_ARG(l->location));
    if (l->executed.len > 0)
        buf_printf(out, "%.*s\n    ", SLICE_ARG(l->executed));
    if (l->message.len > 0)
        buf_printf(out, "%.*s\n", SLICE_ARG(l->message));
}

// What required and fail said, whole: from the first mark to the last.
static bool find_warning(struct slice text, struct slice *out)
{
    ptrdiff_t start = slice_find(text, SLICE(ENGINE_WARN_START));
    if (start < 0)
        return false;
    struct slice rest = behind(text, (size_t)start + strlen(ENGINE_WARN_START));
    ptrdiff_t end = -1;
    for (size_t from = 0;;) {
        ptrdiff_t at = slice_find(behind(rest, from), SLICE(ENGINE_WARN_END));
        if (at < 0)
            break;
        end = (ptrdiff_t)from + at;
        from = (size_t)end + 1;
    }
    if (end < 0)
        return false;
    *out = slice_sub(rest, 0, (size_t)end);
    return true;
}

// Takes the chain apart; false when it ends in an error that is not the engine's.
static bool print_chain(struct slice text, struct buf *out)
{
    struct level level, previous = {0};
    for (bool first = true;; first = false) {
        if (!parse_level(text, &level))
            return false;
        if (first || !same_level(&level, &previous))
            print_level(out, &level);
        previous = level;
        if (!inner_error(&level, &text))
            return true;
    }
}

bool engine_exec_error(struct arena *a, const char *path, struct error *err)
{
    struct slice text = slice_of(arena_strdup(a, error_text(err))), warning;
    enum error_class class = err->class;
    if (!slice_has_prefix(text, slice_of(prefix)))
        return false;
    struct slice rest = behind(text, strlen(prefix));
    ptrdiff_t colon = slice_find(rest, SLICE(": "));
    if (colon < 0) {
        error_clear(err);
        return error_set(err, class, "execution error in (%s): %.*s", path, SLICE_ARG(text));
    }
    if (find_warning(behind(rest, (size_t)colon + 2), &warning)) {
        error_clear(err);
        return error_set(err, class, "execution error at (%.*s): %.*s", (int)colon, rest.data, SLICE_ARG(warning));
    }
    struct buf out = BUF_IN(a);
    if (!print_chain(text, &out))
        return false;
    error_clear(err);
    return error_set(err, class, "%.*s", SLICE_ARG(slice_trim_space(buf_view(&out))));
}
