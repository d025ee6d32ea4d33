// fuzz_schema.c - JSON schema: a schema, then a value in JSON. The check ends, twice alike; and where no reference can
// tell the difference, `not` turns the answer round and `allOf` does not.
#include "fuzz.h"

#include "chart/schema.h"

enum verdict { BROKEN, VALID, FAULTY };

static enum verdict check(struct slice schema, struct value instance, char **message)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct schema_doc *doc = schema_prepare(a, schema, NULL, &err);
    if (doc && schema_validate(doc, instance, &err))
        return VALID;
    fuzz_require_error(&err);
    if (message)
        *message = xstrdup(error_text(&err));
    return doc ? FAULTY : BROKEN;
}

static enum verdict check_within(struct arena *a, const char *before, struct slice schema, const char *after,
                                 struct value instance)
{
    struct buf wrapped = BUF_IN(a);
    buf_str(&wrapped, before);
    buf_slice(&wrapped, schema);
    buf_str(&wrapped, after);
    return check(buf_view(&wrapped), instance, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct slice rest = slice_n((const char *)data, size), schema = fuzz_exact(a, fuzz_part(&rest));
    struct value instance = VALUE_NULL;
    if (!json_parse(a, rest.data, rest.len, JSON_FLOATS, &instance, &err))
        instance = value_dict(a);
    char *first cleanup(cleanup_free) = NULL, *second cleanup(cleanup_free) = NULL;
    enum verdict verdict = check(schema, instance, &first);
    REQUIRE(check(schema, instance, &second) == verdict && str_eq(first, second), "two checks differ: %s\n%s",
            first ? first : "", second ? second : "");
    // "$ref", "$id", "id": these stand elsewhere in a larger document, and "\u" can spell them.
    if (verdict == BROKEN || slice_find(schema, SLICE("$")) >= 0 || slice_find(schema, SLICE("id\"")) >= 0 ||
        slice_find(schema, SLICE("\\")) >= 0)
        return 0;
    REQUIRE(check_within(a, "{\"allOf\":[", schema, "]}", instance) == verdict, "allOf changes the answer");
    REQUIRE(check_within(a, "{\"not\":", schema, "}", instance) == (verdict == VALID ? FAULTY : VALID),
            "not leaves the answer");
    return 0;
}
