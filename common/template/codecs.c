// codecs.c - Helm's own conversions between values and YAML, JSON or TOML. Those without "must" never fail: they give
// an empty text, or a dict whose "Error" says why.
#include "template/sprig.h"
#include "template/toml.h"

static bool to_yaml(struct template_call *call, int flags, bool must, struct value *result)
{
    struct buf out = BUF_IN(call->arena);
    struct error why = {0};
    if (!yaml_write(&out, call->args[0], flags, &why)) {
        if (must)
            return error_move(call->err, &why) || error_wrap(call->err, "error marshaling into JSON");
        error_clear(&why);
        *result = value_string("");
        return true;
    }
    if (out.len && out.data[out.len - 1] == '\n')
        out.data[--out.len] = '\0';
    *result = call_text(call, &out);
    return true;
}

static bool fn_to_yaml(struct template_call *call, struct value *result)
{
    return to_yaml(call, 0, false, result);
}

static bool fn_must_to_yaml(struct template_call *call, struct value *result)
{
    return to_yaml(call, 0, true, result);
}

// What go-yaml v3 has no form for makes it panic.
static bool fn_to_yaml_pretty(struct template_call *call, struct value *result)
{
    struct buf out = BUF_IN(call->arena);
    struct error why = {0};
    *result = value_string("");
    if (!yaml_write(&out, call->args[0], YAML_INDENT_LISTS, &why)) {
        if (why.class == ERROR_INVALID)
            return error_move(call->err, &why);
        error_clear(&why);
        return true;
    }
    if (out.len && out.data[out.len - 1] == '\n')
        out.data[--out.len] = '\0';
    *result = call_text(call, &out);
    return true;
}

static bool to_json(struct template_call *call, int flags, bool must, struct value *result)
{
    struct buf out = BUF_IN(call->arena), unused = BUF_IN(call->arena);
    *result = value_string("");
    if (json_write(&out, call->args[0], flags))
        *result = call_text(call, &out);
    else if (must)
        return yaml_write(&unused, call->args[0], 0, call->err); // fails for the same reason, and says so
    return true;
}

static bool fn_to_json(struct template_call *call, struct value *result)
{
    return to_json(call, JSON_HTML, false, result);
}

static bool fn_must_to_json(struct template_call *call, struct value *result)
{
    return to_json(call, JSON_HTML, true, result);
}

static bool fn_to_pretty_json(struct template_call *call, struct value *result)
{
    return to_json(call, JSON_HTML | JSON_INDENT, false, result);
}

static bool fn_must_to_pretty_json(struct template_call *call, struct value *result)
{
    return to_json(call, JSON_HTML | JSON_INDENT, true, result);
}

static bool fn_to_raw_json(struct template_call *call, struct value *result)
{
    return to_json(call, 0, true, result);
}

// What the readers give where they fail. What could be read of a dict stays beside the error.
static struct value error_dict(struct template_call *call, struct value read, struct error *why)
{
    struct value dict = value_is(read, V_DICT) ? read : value_dict(call->arena);
    value_set_str(dict, "Error", error_text(why));
    error_clear(why);
    return dict;
}

static struct value error_list(struct template_call *call, struct error *why)
{
    struct value list = value_list(call->arena);
    const char *text = error_text(why);
    value_push(list, value_string_copy(call->arena, text, strlen(text)));
    error_clear(why);
    return list;
}

typedef bool parse_fn(struct arena *a, const char *data, size_t len, int flags, struct value *out, struct error *err);

// Go's words where a document of one kind is read into a variable of another.
static bool wrong_document(struct error *err, struct value v, const char *wanted)
{
    static const char *const names[] = {
        [V_BOOL] = "bool", [V_INT] = "number", [V_FLOAT] = "number", [V_STRING] = "string",
        [V_LIST] = "array", [V_DICT] = "object"};
    return error_set(err, ERROR_INVALID, "json: cannot unmarshal %s into Go value of type %s", names[v.kind], wanted);
}

static bool read_document(struct template_call *call, parse_fn *parse, int flags, bool yaml, enum value_kind kind,
                          struct value *result, struct error *why)
{
    struct slice text = arg_text(call, 0);
    bool parsed = parse(call->arena, text.data, text.len, flags, result, why);
    if (!parsed && yaml)
        return error_wrap(why, "error converting YAML to JSON");
    if (result->kind == kind || (!parsed && value_is_null(*result)))
        return parsed;
    error_clear(why); // of a number that is too large: that the document is of another kind comes before it
    if (result->kind == V_NULL) {
        *result = kind == V_DICT ? value_dict(call->arena) : value_list(call->arena);
        if (!yaml)
            *result = value_as_nil(*result);
        return true;
    }
    wrong_document(why, *result, kind == V_DICT ? "map[string]interface {}" : "[]interface {}");
    return yaml ? error_wrap(why, "error unmarshaling JSON: while decoding JSON") : false;
}

static bool fn_from_yaml(struct template_call *call, struct value *result)
{
    struct error why = {0};
    if (!read_document(call, yaml_parse, YAML_FLOATS, true, V_DICT, result, &why))
        *result = error_dict(call, *result, &why);
    return true;
}

static bool fn_from_yaml_array(struct template_call *call, struct value *result)
{
    struct error why = {0};
    if (!read_document(call, yaml_parse, YAML_FLOATS, true, V_LIST, result, &why))
        *result = error_list(call, &why);
    return true;
}

static bool fn_from_json(struct template_call *call, struct value *result)
{
    struct error why = {0};
    if (!read_document(call, json_parse, JSON_FLOATS, false, V_DICT, result, &why))
        *result = error_dict(call, *result, &why);
    return true;
}

static bool fn_from_json_array(struct template_call *call, struct value *result)
{
    struct error why = {0};
    if (!read_document(call, json_parse, JSON_FLOATS, false, V_LIST, result, &why))
        *result = error_list(call, &why);
    return true;
}

static bool fn_must_from_json(struct template_call *call, struct value *result)
{
    struct slice text = arg_text(call, 0);
    return json_parse(call->arena, text.data, text.len, JSON_FLOATS, result, call->err);
}

static bool fn_from_toml(struct template_call *call, struct value *result)
{
    struct error why = {0};
    if (!toml_read(call->arena, arg_text(call, 0), result, &why))
        *result = error_dict(call, VALUE_NULL, &why);
    return true;
}

// The text of an error takes the document's place.
static bool fn_to_toml(struct template_call *call, struct value *result)
{
    if (call->args[0].kind == V_NULL)
        return sprig_fail(call, "reflect: call of reflect.Value.Type on zero Value");
    struct buf out = BUF_IN(call->arena);
    struct error why cleanup(error_clear) = {0};
    if (toml_write(&out, call->arena, call->args[0], &why))
        *result = call_text(call, &out);
    else
        *result = value_printf(call->arena, "%s", error_text(&why));
    return true;
}

static const struct template_func items[] = {
    {"fromJson", "s", fn_from_json},
    {"fromJsonArray", "s", fn_from_json_array},
    {"fromToml", "s", fn_from_toml},
    {"fromYaml", "s", fn_from_yaml},
    {"fromYamlArray", "s", fn_from_yaml_array},
    {"mustFromJson", "s", fn_must_from_json},
    {"mustToJson", "v", fn_must_to_json},
    {"mustToPrettyJson", "v", fn_must_to_pretty_json},
    {"mustToRawJson", "v", fn_to_raw_json},
    {"mustToYaml", "v", fn_must_to_yaml},
    {"toJson", "v", fn_to_json},
    {"toPrettyJson", "v", fn_to_pretty_json},
    {"toRawJson", "v", fn_to_raw_json},
    {"toToml", "v", fn_to_toml},
    {"toYaml", "v", fn_to_yaml},
    {"toYamlPretty", "v", fn_to_yaml_pretty},
};

const struct template_funcs *template_codecs(void)
{
    static const struct template_funcs codecs = {.items = items, .count = ARRAY_LEN(items)};
    return &codecs;
}
