// fuzz_eval.c - the evaluator and the functions: a template, then its values in YAML. Whatever they say, the execution
// ends within its limits, fails with words and without output, and a second one on the same values gives the same.
#include "fuzz.h"

#include "template/template.h"

enum { OUTPUT_MAX = 256 << 10, STEPS_MAX = 20000, MEMORY_MAX = 16 << 20, SLACK = 16 << 20 };

// Slow by design (key derivation, primes): their arguments are checked as ever, and then they are not run.
static bool slow(struct template_call *call, struct value *result)
{
    *result = value_string(call->name);
    return true;
}

static bool include(struct template_call *call, struct value *result)
{
    struct buf out cleanup(buf_free) = {0};
    if (!template_run_nested(call->run, template_run_set(call->run), value_str(call->args[0]), call->args[1], &out,
                             call->err))
        return false;
    *result = value_string_copy(call->arena, buf_cstr(&out), out.len);
    return true;
}

static bool tpl(struct template_call *call, struct value *result)
{
    struct slice text = value_slice(call->args[0]);
    struct buf out cleanup(buf_free) = {0};
    struct template_set *set = template_set_clone(call->arena, template_run_set(call->run));
    if (!template_parse(set, "gotpl", text.data, text.len, call->err) ||
        !template_run_nested(call->run, set, "gotpl", call->args[1], &out, call->err))
        return false;
    *result = value_string_copy(call->arena, buf_cstr(&out), out.len);
    return true;
}

static const struct template_func own_items[] = {
    {"include", "sv", include},
    {"tpl", "sv", tpl},
    {"bcrypt", "s", slow},
    {"htpasswd", "ss", slow},
    {"derivePassword", "ussss", slow},
    {"genPrivateKey", "s", slow},
    {"genCA", "si", slow},
    {"genSelfSignedCert", "slli", slow},
    {"genSignedCert", "sllic", slow},
};
static const struct template_funcs own = {.items = own_items, .count = ARRAY_LEN(own_items)};

// The same twice, unless one of these words stands in it.
static bool is_random(struct slice text)
{
    static const char *const words[] = {"rand", "uuid", "shuffle", "now", "ago", "date", "AES", "gen", "Cert"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (slice_find(text, slice_of(words[i])) >= 0)
            return true;
    return false;
}

static const struct template_set *functions(void)
{
    static struct template_set *base; // with no template: each run clones it
    if (base)
        return base;
    base = template_set_new(arena_new());
    template_set_funcs(base, &own, NULL);
    template_set_funcs(base, template_codecs(), NULL);
    template_set_funcs(base, template_sprig(), NULL);
    template_set_missing_key(base, true, false);
    return base;
}

static bool render(struct arena *a, struct slice text, struct slice yaml, struct buf *out, struct error *err)
{
    struct value values = VALUE_NULL, data = value_dict(a);
    if (!yaml_parse(a, yaml.data, yaml.len, YAML_FLOATS, &values, err))
        error_clear(err);
    value_set(data, "Values", values);
    struct template_set *set = template_set_clone(a, functions());
    if (!template_parse(set, "t", text.data, text.len, err))
        return false;
    static const struct template_limits limits = {
        .depth = 200, .output = OUTPUT_MAX, .steps = STEPS_MAX, .memory = MEMORY_MAX, .stack = 1 << 20};
    size_t before = arena_used(a);
    bool ok = template_execute(set, a, "t", data, &limits, out, err);
    REQUIRE(arena_used(a) - before <= MEMORY_MAX + SLACK, "%zu bytes of memory", arena_used(a) - before);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_n((const char *)data, size), text = fuzz_part(&rest);
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct arena *b cleanup(cleanup_arena) = arena_new();
    struct error first cleanup(error_clear) = {0}, second cleanup(error_clear) = {0};
    struct buf out cleanup(buf_free) = {0}, again cleanup(buf_free) = {0};
    bool ok = render(a, text, rest, &out, &first);
    if (ok) {
        REQUIRE(out.len <= OUTPUT_MAX, "%zu bytes of output", out.len);
    } else {
        fuzz_require_error(&first);
        REQUIRE(out.len == 0, "failed with output");
    }
    if (is_random(text) || is_random(rest))
        return 0;
    bool same = render(b, text, rest, &again, &second) == ok;
    REQUIRE(same && slice_eq(buf_view(&out), buf_view(&again)) && str_eq(first.message, second.message),
            "two runs differ: %s (%s)\n%s (%s)", buf_cstr(&out), error_text(&first), buf_cstr(&again),
            error_text(&second));
    return 0;
}
