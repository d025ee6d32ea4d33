// test_limits.c - hostile templates end in a clear error within their limits, and the process lives on.
#include "template/template.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct hostile {
    const char *name, *text;
    struct template_limits limits;
    const char *says;
};

static const struct hostile cases[] = {
    {"a template that calls itself", "{{ define \"x\" }}{{ template \"x\" . }}{{ end }}{{ template \"x\" . }}",
     {.depth = 500}, "exceeded maximum template depth (500)"},
    {"the same, until the stack is used up", "{{ define \"x\" }}{{ template \"x\" . }}{{ end }}{{ template \"x\" . }}",
     {.depth = 1000000, .stack = 256 << 10}, "bytes of stack"},
    {"output that doubles", "{{ define \"a\" }}xxxxxxxxxxxxxxxx{{ end }}"
     "{{ define \"b\" }}{{ range 100 }}{{ template \"a\" }}{{ end }}{{ end }}"
     "{{ range 100 }}{{ range 100 }}{{ template \"b\" }}{{ end }}{{ end }}",
     {.output = 1 << 20}, "the output exceeds the limit of 1048576 bytes"},
    {"loops in loops", "{{ range 100000 }}{{ range 100000 }}{{ end }}{{ end }}", {.steps = 100000},
     "exceeded the limit of 100000 steps"},
    {"a long string", "{{ $x := repeat 1000000000 \"abc\" }}", {.memory = 1 << 20}, "bytes of memory"},
    {"a string that grows", "{{ $x := \"aaaaaaaaaaaaaaaa\" }}{{ range 40 }}{{ $x = print $x $x }}{{ end }}",
     {.memory = 4 << 20}, "bytes of memory"},
    {"a long sequence", "{{ range until 1000000000 }}{{ end }}", {.memory = 1 << 20}, "bytes of memory"},
    {"a deep indent", "{{ indent 1000000000 \"a\" }}", {.memory = 1 << 20}, "bytes of memory"},
    {"random bytes", "{{ randBytes 1000000000 }}", {.memory = 1 << 20}, "bytes of memory"},
    // What one call makes of little.
    {"replacing by a long string", "{{ $s := repeat 100000 \"a\" }}{{ replace \"a\" $s $s | len }}", {.memory = 4 << 20},
     "bytes of memory"},
    {"replacing by a pattern", "{{ $s := repeat 100000 \"a\" }}{{ regexReplaceAll \"a\" $s $s | len }}",
     {.memory = 4 << 20}, "bytes of memory"},
    {"joining by a long string", "{{ $s := repeat 10000 \"a\" }}{{ join $s (until 10000) | len }}", {.memory = 4 << 20},
     "bytes of memory"},
    {"wrapping with a long string", "{{ $s := repeat 100000 \"a\" }}{{ wrapWith 1 $s $s | len }}", {.memory = 4 << 20},
     "bytes of memory"},
    {"wide verbs", "{{ printf \"%999999v\" (until 10000) | len }}", {.memory = 4 << 20}, "bytes of memory"},
    {"every letter of a string", "{{ splitList \"\" (repeat 1000000 \"a\") | len }}", {.memory = 4 << 20},
     "bytes of memory"},
    {"lists within lists, printed", "{{ $l := list 1 2 }}{{ range until 60 }}{{ $l = list $l $l }}{{ end }}{{ $l }}",
     {.output = 1 << 20}, "the output exceeds the limit of 1048576 bytes"},
    {"the same as text", "{{ $l := list 1 2 }}{{ range until 60 }}{{ $l = list $l $l }}{{ end }}{{ toString $l | len }}",
     {.memory = 4 << 20}, "bytes of memory"},
    {"the same as JSON", "{{ $l := list 1 2 }}{{ range until 60 }}{{ $l = list $l $l }}{{ end }}{{ toJson $l | len }}",
     {.memory = 4 << 20}, "bytes of memory"},
    {"the same as YAML", "{{ $l := list 1 2 }}{{ range until 60 }}{{ $l = list $l $l }}{{ end }}{{ toYaml $l | len }}",
     {.memory = 4 << 20}, "bytes of memory"},
    {"the same as TOML",
     "{{ $l := list 1 2 }}{{ range until 60 }}{{ $l = list $l $l }}{{ end }}{{ toToml (dict \"a\" $l) | len }}",
     {.memory = 4 << 20}, "bytes of memory"},
    {"the same, copied", "{{ $l := list 1 2 }}{{ range until 60 }}{{ $l = list $l $l }}{{ end }}{{ deepCopy $l | len }}",
     {.memory = 4 << 20}, "bytes of memory"},
    {"dicts within dicts, merged",
     "{{ $l := dict }}{{ $m := dict }}{{ range until 60 }}{{ $l = dict \"a\" $l \"b\" $l }}"
     "{{ $m = dict \"a\" $m \"b\" $m }}{{ end }}{{ merge $l $m | len }}",
     {.steps = 100000}, "exceeded the limit of 100000 steps"},
    {"each item against all others", "{{ uniq (until 100000) | len }}", {.steps = 100000},
     "exceeded the limit of 100000 steps"},
    {"hashes of a long string", "{{ $s := repeat 1000000 \"a\" }}{{ range until 100000 }}{{ $_ := sha256sum $s }}{{ end }}",
     {.steps = 1000000}, "exceeded the limit of 1000000 steps"},
    {"passwords without end", "{{ range until 100000 }}{{ $_ := bcrypt \"a\" }}{{ end }}", {.steps = 300000},
     "exceeded the limit of 300000 steps"},
    {"passwords for too long", "{{ range until 100000 }}{{ $_ := bcrypt \"a\" }}{{ end }}", {.time_ms = 1},
     "exceeded the limit of 0 seconds"},
    {"a list looked through again and again", "{{ $l := until 10000 }}{{ range $l }}{{ $_ := has -1 $l }}{{ end }}",
     {.steps = 1000000}, "exceeded the limit of 1000000 steps"},
    {"an endless sequence", "{{ untilStep 0 9223372036854775807 4611686018427387904 | len }}",
     {.memory = 4 << 20}, "bytes of memory"},
    {"a dict within itself", "{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ $d }}{{ toJson $d }}"
     "{{ printf \"%5v\" $d | len }}{{ fail \"lives\" }}", {0}, "lives"},
};

static void test_hostile(void **state)
{
    const struct hostile *c = *state;
    struct arena *a = arena_new();
    struct template_set *set = template_set_new(a);
    template_set_funcs(set, template_codecs(), NULL);
    template_set_funcs(set, template_sprig(), NULL);
    struct buf out = BUF_IN(a);
    struct error err cleanup(error_clear) = {0};
    assert_true(template_parse(set, "t", c->text, strlen(c->text), &err));
    assert_false(template_execute(set, a, "t", VALUE_NULL, &c->limits, &out, &err));
    assert_non_null(strstr(error_text(&err), c->says));
    if (memcmp(&c->limits, &(struct template_limits){0}, sizeof c->limits) != 0)
        assert_int_equal(err.class, ERROR_LIMIT);
    assert_int_equal(out.len, 0); // a template that failed has printed nothing
    assert_true(arena_used(a) < 64u << 20);
    arena_free(a);
}

// A thread with little stack: the limit is what it has, whatever was asked for. Gives the message, which the caller frees.
static void *run_deep(void *ctx)
{
    static const char text[] = "{{ define \"x\" }}{{ with 1 }}{{ range 1 }}{{ template \"x\" . }}{{ end }}{{ end }}{{ end }}"
                               "{{ template \"x\" . }}";
    static const struct template_limits limits = {.depth = 1000000, .stack = 64 << 20};
    struct arena *a = arena_new();
    struct template_set *set = template_set_new(a);
    struct buf out = BUF_IN(a);
    struct error err cleanup(error_clear) = {0};
    bool ok = template_parse(set, "t", text, sizeof text - 1, &err) &&
              template_execute(set, a, "t", VALUE_NULL, &limits, &out, &err);
    arena_free(a);
    return xstrdup(ok ? "it ended" : error_text(&err));
}

static void test_small_stack(void **state)
{
    static const size_t sizes[] = {1 << 20, 2 << 20, 8 << 20};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        pthread_t thread;
        pthread_attr_t attr;
        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, sizes[i]);
        assert_int_equal(pthread_create(&thread, &attr, run_deep, NULL), 0);
        void *message;
        pthread_join(thread, &message);
        assert_non_null(strstr(message, "bytes of stack"));
        free(message);
        pthread_attr_destroy(&attr);
    }
}

// Source that opens and opens: the parser's own recursion has an end.
static void test_nested_source(void **state)
{
    static const char *const openings[] = {
        "(", "if (", "{{if true}}", "{{range .}}", "{{define \"x\"}}", "{{block \"x\" .}}"};
    for (size_t i = 0; i < ARRAY_LEN(openings); i++) {
        struct arena *a = arena_new();
        struct template_set *set = template_set_new(a);
        struct buf text = BUF_IN(a);
        bool action = openings[i][0] != '{';
        if (action)
            buf_str(&text, "{{ ");
        for (int k = 0; k < 200000; k++)
            buf_str(&text, openings[i]);
        struct error err cleanup(error_clear) = {0};
        assert_false(template_parse(set, "t", text.data, text.len, &err));
        assert_int_not_equal(err.class, 0);
        arena_free(a);
    }
}

// Each bad byte of a string becomes U+FFFD, three times as long.
static void test_bad_utf8(void **state)
{
    struct arena *a = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct buf text = BUF_IN(a), out = BUF_IN(a);
    buf_str(&text, "{{ len \"");
    buf_fill(&text, '\x81', 1000);
    buf_str(&text, "\" }}");
    struct template_set *set = template_set_new(a);
    assert_true(template_parse(set, "t", text.data, text.len, &err));
    assert_true(template_execute(set, a, "t", VALUE_NULL, NULL, &out, &err));
    assert_string_equal(buf_cstr(&out), "3000");
    arena_free(a);
}

// A set can be cloned and added to without the base seeing it, and both run side by side.
static void test_clone(void **state)
{
    struct arena *a = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct template_set *base = template_set_new(a);
    static const char one[] = "{{ define \"x\" }}base{{ end }}{{ template \"x\" }}",
                      two[] = "{{ define \"x\" }}clone{{ end }}";
    assert_true(template_parse(base, "t", one, sizeof one - 1, &err));
    struct template_set *clone = template_set_clone(a, base);
    assert_true(template_parse(clone, "u", two, sizeof two - 1, &err));
    struct buf out = BUF_IN(a);
    assert_true(template_execute(base, a, "t", VALUE_NULL, NULL, &out, &err));
    assert_true(template_execute(clone, a, "t", VALUE_NULL, NULL, &out, &err));
    assert_string_equal(buf_cstr(&out), "baseclone");
    assert_false(template_defined(base, "u"));
    assert_true(template_defined(clone, "t"));
    assert_false(template_execute(base, a, "u", VALUE_NULL, NULL, &out, &err));
    assert_string_equal(error_text(&err), "template: no template \"u\" associated with template \"gotpl\"");
    arena_free(a);
}

static void test_missing_key(void **state)
{
    static const struct {
        bool zero, error;
        const char *text, *prints, *fails;
    } cases_of[] = {
        {false, false, "{{ .a }}{{ .a.b }}", "<no value><no value>", NULL},
        {true, false, "{{ .a }}", "<no value>", NULL},
        {true, false, "{{ .a.b }}", NULL, "nil pointer evaluating interface {}.b"},
        {false, true, "{{ .a }}", NULL, "map has no entry for key \"a\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases_of); i++) {
        struct arena *a = arena_new();
        struct template_set *set = template_set_new(a);
        template_set_missing_key(set, cases_of[i].zero, cases_of[i].error);
        struct buf out = BUF_IN(a);
        struct error err cleanup(error_clear) = {0};
        assert_true(template_parse(set, "t", cases_of[i].text, strlen(cases_of[i].text), &err));
        bool good = template_execute(set, a, "t", value_dict(a), NULL, &out, &err);
        assert_int_equal(good, cases_of[i].prints != NULL);
        if (good)
            assert_string_equal(buf_cstr(&out), cases_of[i].prints);
        else
            assert_non_null(strstr(error_text(&err), cases_of[i].fails));
        arena_free(a);
    }
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(cases) + 5];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        tests[i] = (struct CMUnitTest){cases[i].name, test_hostile, NULL, NULL, (void *)&cases[i]};
    tests[ARRAY_LEN(cases)] = (struct CMUnitTest)cmocka_unit_test(test_nested_source);
    tests[ARRAY_LEN(cases) + 1] = (struct CMUnitTest)cmocka_unit_test(test_clone);
    tests[ARRAY_LEN(cases) + 2] = (struct CMUnitTest)cmocka_unit_test(test_missing_key);
    tests[ARRAY_LEN(cases) + 3] = (struct CMUnitTest)cmocka_unit_test(test_bad_utf8);
    tests[ARRAY_LEN(cases) + 4] = (struct CMUnitTest)cmocka_unit_test(test_small_stack);
    return _cmocka_run_group_tests("limits", tests, ARRAY_LEN(tests), NULL, NULL);
}
