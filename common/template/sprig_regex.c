// sprig_regex.c - Sprig's regular expressions. Where a pattern is bad, the functions with "must" give the error, the
// others Go's panic; only regexMatch takes it for no match.
#include "regex/regex.h"
#include "template/sprig.h"

static bool is_must(const struct template_call *call)
{
    return call->name[0] == 'm';
}

static const struct regex *compile(struct template_call *call)
{
    struct slice pattern = arg_text(call, 0);
    const struct regex *re = regex_cached(pattern.data, pattern.len, call->err);
    if (re || is_must(call))
        return re;
    struct buf shown = BUF_IN(call->arena);
    go_sprintf(&shown, call->arena, SLICE("%#q"), &call->args[0], 1);
    error_wrap(call->err, "regexp: Compile(%s)", buf_cstr(&shown));
    return NULL;
}

static bool fn_match(struct template_call *call, struct value *result)
{
    const struct regex *re = compile(call);
    if (!re && is_must(call))
        return false;
    if (!re)
        error_clear(call->err);
    *result = value_bool(re && regex_is_match(re, arg_text(call, 1)));
    return true;
}

// Go's FindAll: the next match at or after *from that is not an empty one right behind the last.
struct finder {
    const struct regex *re;
    struct slice text;
    size_t from;
    ptrdiff_t last_end;
};

static bool find_next(struct finder *f, struct slice *match)
{
    while (f->from <= f->text.len && regex_match(f->re, f->text, f->from, match, 1)) {
        size_t begin = (size_t)(match->data - f->text.data), end = begin + match->len, width = 1;
        bool refused = false;
        if (end == f->from) { // empty
            refused = (ptrdiff_t)begin == f->last_end;
            if (f->from < f->text.len)
                utf8_decode(f->text.data + f->from, f->text.len - f->from, &width);
            f->from += width;
        } else {
            f->from = end;
        }
        f->last_end = (ptrdiff_t)end;
        if (!refused)
            return true;
    }
    return false;
}

static struct finder finder_on(const struct regex *re, struct slice text)
{
    return (struct finder){re, text, 0, -1};
}

static bool fn_find(struct template_call *call, struct value *result)
{
    const struct regex *re = compile(call);
    if (!re)
        return false;
    struct slice match = {0};
    regex_match(re, arg_text(call, 1), 0, &match, 1);
    *result = sprig_copy(call, match);
    return true;
}

static bool fn_find_all(struct template_call *call, struct value *result)
{
    const struct regex *re = compile(call);
    if (!re)
        return false;
    *result = value_list_typed(call->arena, "[]string");
    int64_t most = call->args[2].integer;
    struct finder f = finder_on(re, arg_text(call, 1));
    struct slice match;
    while ((most < 0 || (int64_t)value_len(*result) < most) && find_next(&f, &match))
        value_push(*result, sprig_copy(call, match));
    if (value_len(*result) == 0)
        *result = value_as_nil(*result);
    return true;
}

static bool replace(struct template_call *call, bool literal, struct value *result)
{
    const struct regex *re = compile(call);
    if (!re)
        return false;
    struct buf out = BUF_IN(call->arena);
    regex_replace(&out, re, arg_text(call, 1), arg_text(call, 2), literal);
    *result = call_text(call, &out);
    return true;
}

static bool fn_replace_all(struct template_call *call, struct value *result)
{
    return replace(call, false, result);
}

static bool fn_replace_all_literal(struct template_call *call, struct value *result)
{
    return replace(call, true, result);
}

static bool fn_split(struct template_call *call, struct value *result)
{
    const struct regex *re = compile(call);
    if (!re)
        return false;
    struct slice text = arg_text(call, 1);
    int64_t most = call->args[2].integer;
    *result = value_list_typed(call->arena, "[]string");
    if (most == 0) {
        *result = value_as_nil(*result);
        return true;
    }
    if (call->args[0].len && text.len == 0) {
        value_push(*result, value_string(""));
        return true;
    }
    struct finder f = finder_on(re, text);
    struct slice match;
    size_t begin = 0, end = 0;
    while ((most < 0 || (int64_t)value_len(*result) < most - 1) && find_next(&f, &match)) {
        end = (size_t)(match.data - text.data);
        if (end + match.len > 0)
            value_push(*result, sprig_copy(call, slice_sub(text, begin, end)));
        begin = end + match.len;
    }
    if (end != text.len)
        value_push(*result, sprig_copy(call, slice_sub(text, begin, text.len)));
    return true;
}

static bool fn_quote_meta(struct template_call *call, struct value *result)
{
    struct buf out = BUF_IN(call->arena);
    for (size_t i = 0; i < call->args[0].len; i++) {
        char c = call->args[0].data[i];
        if (c && strchr("\\.+*?()|[]{}^$", c))
            buf_char(&out, '\\');
        buf_char(&out, c);
    }
    *result = call_text(call, &out);
    return true;
}

static const struct template_func items[] = {
    {"mustRegexFind", "ss", fn_find},
    {"mustRegexFindAll", "ssi", fn_find_all},
    {"mustRegexMatch", "ss", fn_match},
    {"mustRegexReplaceAll", "sss", fn_replace_all},
    {"mustRegexReplaceAllLiteral", "sss", fn_replace_all_literal},
    {"mustRegexSplit", "ssi", fn_split},
    {"regexFind", "ss", fn_find},
    {"regexFindAll", "ssi", fn_find_all},
    {"regexMatch", "ss", fn_match},
    {"regexQuoteMeta", "s", fn_quote_meta},
    {"regexReplaceAll", "sss", fn_replace_all},
    {"regexReplaceAllLiteral", "sss", fn_replace_all_literal},
    {"regexSplit", "ssi", fn_split},
};
const struct template_funcs sprig_regex = {.items = items, .count = ARRAY_LEN(items)};
