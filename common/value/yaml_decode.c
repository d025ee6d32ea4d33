// yaml_decode.c - a YAML document for a Go type with keys: what sigs.k8s.io/yaml and encoding/json say before they look
// at its fields.
#include "value/value.h"

const char *go_json_kind(struct value v)
{
    static const char *const names[] = {
        [V_NULL] = "null",     [V_BOOL] = "bool",    [V_INT] = "number", [V_FLOAT] = "number",
        [V_STRING] = "string", [V_BYTES] = "string", [V_LIST] = "array", [V_DICT] = "object"};
    return v.kind < ARRAY_LEN(names) && names[v.kind] ? names[v.kind] : "object";
}

bool yaml_decode(struct arena *a, struct slice text, int flags, const char *go_type, struct value *out,
                 struct error *err)
{
    if (!yaml_parse(a, text.data, text.len, flags, out, err))
        return error_wrap(err, "error converting YAML to JSON");
    return value_is_null(*out) || value_is(*out, V_DICT) ||
           error_set(err, ERROR_INVALID,
                     "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal %s into Go value of type %s",
                     go_json_kind(*out), go_type);
}
