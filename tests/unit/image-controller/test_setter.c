// test_setter.c - the YAML setter, byte for byte, and its walk through a folder.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "setter.h"

#define DIGEST "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define M(setter) " # {\"$imagepolicy\": \"" setter "\"}"

static const struct setter_image images[] = {
    {"apps", "my-app", "ghcr.io/org/my-app", "1.2.3", ""},
    {"apps", "my-app-two", "ghcr.io/org/two", "v9", DIGEST},
    {"apps", "short", "nginx", "1.10", ""},
    {"apps", "port", "localhost:5000/x", "on", ""},
    {"apps", "odd", "it's", "0x1f", ""},
    {"apps", "date", "a", "2024-01-02", ""},
};

static void edits(void **state)
{
    static const struct {
        const char *name, *before, *after; // after NULL: nothing changes
    } cases[] = {
        {"whole image", "image: ghcr.io/org/my-app:1.1.0" M("apps:my-app") "\n",
         "image: ghcr.io/org/my-app:1.2.3" M("apps:my-app") "\n"},
        {"tag", "tag: 1.1.0" M("apps:my-app:tag") "\n", "tag: 1.2.3" M("apps:my-app:tag") "\n"},
        {"name", "name: x" M("apps:my-app:name") "\n", "name: ghcr.io/org/my-app" M("apps:my-app:name") "\n"},
        {"image with digest", "image: x" M("apps:my-app-two") "\n",
         "image: ghcr.io/org/two:v9@" DIGEST M("apps:my-app-two") "\n"},
        {"digest", "digest: x" M("apps:my-app-two:digest") "\n", "digest: " DIGEST M("apps:my-app-two:digest") "\n"},
        {"no digest yet", "digest: x" M("apps:my-app:digest") "\n", "digest: \"\"" M("apps:my-app:digest") "\n"},
        {"double quotes stay", "tag: \"1.1.0\"" M("apps:my-app:tag"), "tag: \"1.2.3\"" M("apps:my-app:tag")},
        {"single quotes stay", "tag: '1.1.0'" M("apps:my-app:tag"), "tag: '1.2.3'" M("apps:my-app:tag")},
        {"single quote within", "name: 'a'" M("apps:odd:name"), "name: 'it''s'" M("apps:odd:name")},
        {"a float gets quotes", "tag: 1.9" M("apps:short:tag"), "tag: \"1.10\"" M("apps:short:tag")},
        {"a word of YAML 1.1 gets quotes", "tag: a" M("apps:port:tag"), "tag: \"on\"" M("apps:port:tag")},
        {"a hexadecimal number gets quotes", "tag: a" M("apps:odd:tag"), "tag: \"0x1f\"" M("apps:odd:tag")},
        {"a date gets quotes", "tag: a" M("apps:date:tag"), "tag: \"2024-01-02\"" M("apps:date:tag")},
        {"a colon within is plain", "name: a" M("apps:port:name"), "name: localhost:5000/x" M("apps:port:name")},
        {"CRLF stays", "a: 1\r\ntag: x" M("apps:my-app:tag") "\r\nb: 2\r\n",
         "a: 1\r\ntag: 1.2.3" M("apps:my-app:tag") "\r\nb: 2\r\n"},
        {"no newline at the end", "a:   x" M("apps:my-app:tag"), "a:   1.2.3" M("apps:my-app:tag")},
        {"blanks and comments stay", "# top\n\na:    # why\n    b:   x   " M("apps:my-app:tag") "  \n\n\n# end",
         "# top\n\na:    # why\n    b:   1.2.3   " M("apps:my-app:tag") "  \n\n\n# end"},
        {"several documents", "a: x" M("apps:my-app:tag") "\n---\n# two\nb: y" M("apps:short:name") "\n...\n",
         "a: 1.2.3" M("apps:my-app:tag") "\n---\n# two\nb: nginx" M("apps:short:name") "\n...\n"},
        {"list items", "images:\n- x" M("apps:my-app") "\n- y\n",
         "images:\n- ghcr.io/org/my-app:1.2.3" M("apps:my-app") "\n- y\n"},
        {"flow list, each on its line", "a: [x," M("apps:my-app:tag") "\n    y" M("apps:short:name") "\n   ]\n",
         "a: [1.2.3," M("apps:my-app:tag") "\n    nginx" M("apps:short:name") "\n   ]\n"},
        {"a marker after the collection is the collection's", "a: {tag: x}" M("apps:my-app:tag") "\n", NULL},
        {"the first of two on a line has no marker", "a: {t: x, u: y" M("apps:my-app:tag") "\n}\n",
         "a: {t: x, u: 1.2.3" M("apps:my-app:tag") "\n}\n"},
        {"anchor and tag stay", "a: &t !!str x" M("apps:my-app:tag") "\nb: *t\n",
         "a: &t !!str 1.2.3" M("apps:my-app:tag") "\nb: *t\n"},
        {"characters of several bytes before", "ä: \"日本語 🚀\"\nb: x" M("apps:my-app:tag") "\n",
         "ä: \"日本語 🚀\"\nb: 1.2.3" M("apps:my-app:tag") "\n"},
        {"byte order mark",
         "\xEF\xBB\xBF"
         "b: x" M("apps:my-app:tag") "\n",
         "\xEF\xBB\xBF"
         "b: 1.2.3" M("apps:my-app:tag") "\n"},
        {"plain over two lines", "a: one\n  two" M("apps:my-app:tag") "\n", "a: 1.2.3" M("apps:my-app:tag") "\n"},
        {"spaces in the marker", "a: x #  { \"$imagepolicy\" : \"apps:my-app:tag\" }\n",
         "a: 1.2.3 #  { \"$imagepolicy\" : \"apps:my-app:tag\" }\n"},
        {"no blank after the hash", "a: x #{\"$imagepolicy\":\"apps:my-app:tag\"}\n",
         "a: 1.2.3 #{\"$imagepolicy\":\"apps:my-app:tag\"}\n"},
        {"longer and shorter, twice", "a: 1234567890" M("apps:my-app:tag") "\nb: x" M("apps:my-app:name") "\nc: d\n",
         "a: 1.2.3" M("apps:my-app:tag") "\nb: ghcr.io/org/my-app" M("apps:my-app:name") "\nc: d\n"},
        {"the value is right already", "tag: 1.2.3" M("apps:my-app:tag") "\n", NULL},
        {"right, with quotes", "tag: \"1.2.3\"" M("apps:my-app:tag") "\n", NULL},
        {"unknown policy", "tag: x" M("apps:other:tag") "\n", NULL},
        {"unknown part", "tag: x" M("apps:my-app:version") "\n", NULL},
        {"a prefix of a policy's name", "tag: x" M("apps:my") "\n", NULL},
        {"another namespace", "tag: x" M("ops:my-app:tag") "\n", NULL},
        {"words before the marker", "tag: x # see {\"$imagepolicy\": \"apps:my-app:tag\"}\n", NULL},
        {"words after the marker", "tag: x" M("apps:my-app:tag") " see\n", NULL},
        {"a marker inside a string", "tag: 'x # {\"$imagepolicy\": \"apps:my-app:tag\"}'\n", NULL},
        {"a marker inside a block", "a: |\n  b: x" M("apps:my-app:tag") "\n", NULL},
        {"a marker on a key", "a:" M("apps:my-app:tag") "\n  b: x\n", NULL},
        {"a marker on a line of its own", "# {\"$imagepolicy\": \"apps:my-app:tag\"}\ntag: x\n", NULL},
        {"no value", "a:" M("apps:my-app:tag") "\n", NULL},
        {"not a text", "a: x # {\"$imagepolicy\": 1}\n", NULL},
        {"a complex key", "? x" M("apps:my-app:tag") "\n: y" M("apps:short:name") "\n",
         "? x" M("apps:my-app:tag") "\n: nginx" M("apps:short:name") "\n"},
        {"right behind an anchor", "b: &a:x" M("apps:my-app:tag") "\n", NULL},
        {"a key without a value", "a: {t," M("apps:my-app:tag") "\n}\n", NULL},
        {"empty", "", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena *a = arena_new();
        struct buf out = {0};
        struct setter_file file = {0};
        bool is_yaml;
        bool changed = setter_edit(a, slice_of(cases[i].before), images, ARRAY_LEN(images), &out, &file, &is_yaml);
        if (!is_yaml)
            fail_msg("%s: taken for no YAML", cases[i].name);
        if (changed != (cases[i].after != NULL) || (changed && !slice_eq_str(buf_view(&out), cases[i].after)))
            fail_msg("%s:\n%s", cases[i].name, changed ? buf_cstr(&out) : "nothing changed");
        if (changed) { // a second run finds nothing to do
            struct buf again = {0};
            assert_false(setter_edit(a, buf_view(&out), images, ARRAY_LEN(images), &again, &file, &is_yaml));
            buf_free(&again);
        }
        buf_free(&out);
        arena_free(a);
    }
}

static void no_yaml(void **state)
{
    static const char *const texts[] = {
        "{{- if .Values.x }}\ntag: x" M("apps:my-app:tag") "\n{{- end }}\n",
        "a: [x" M("apps:my-app:tag") "\n",
        "a: 'x" M("apps:my-app:tag") "\n",
        "\tb: x" M("apps:my-app:tag") "\n",
        "a: x" M("apps:my-app:tag") "\n---\nb: }\n", // one bad document spoils the file, as in Flux
        "a: \x01x" M("apps:my-app:tag") "\n",
        "a: \xff\xfe" M("apps:my-app:tag") "\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct arena *a = arena_new();
        struct buf out = {0};
        struct setter_file file = {0};
        bool is_yaml = true;
        if (setter_edit(a, slice_of(texts[i]), images, ARRAY_LEN(images), &out, &file, &is_yaml) || is_yaml)
            fail_msg("%s", texts[i]);
        assert_int_equal(out.len, 0);
        assert_int_equal(file.objects.len, 0);
        arena_free(a);
    }
    struct arena *a = arena_new(); // nested deeper than anybody writes
    struct buf deep = BUF_IN(a), out = {0};
    struct setter_file file = {0};
    bool is_yaml = true;
    buf_fill(&deep, '[', 100000);
    assert_false(setter_edit(a, buf_view(&deep), images, ARRAY_LEN(images), &out, &file, &is_yaml));
    assert_false(is_yaml);
    assert_false(setter_edit(a, slice_n(NULL, 0), images, ARRAY_LEN(images), &out, &file, &is_yaml));
    assert_true(is_yaml); // nothing is a stream without documents
    arena_free(a);
}

// ---- any text -----------------------------------------------------------------------------------------------------

static unsigned next_random(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

// A text with some bytes changed, put in or taken out, and pieces of other texts in it.
static size_t mutate(unsigned *random, char *text, size_t room)
{
    static const char *const seeds[] = {
        "a: {t: x, u: y" M("apps:my-app:tag") "\n}\n",
        "images:\n- x" M("apps:my-app") "\n- 'y'" M("apps:short:name") "\n---\nb: &a !!str \"q\\n\"" M(
            "apps:my-app:tag") "\r\n",
        "\xEF\xBB\xBF? x\n: |\n  block\n",
        "kind: D\nmetadata: {name: \xC3\xA4}\nx: a\n  b" M("apps:my-app:tag") "\n",
        "a: [1,\n 2," M("apps:odd:tag") "\n *x]\n",
    };
    static const char bytes[] = "\n\r\t :#{}[]',\"&*!|>-?%@`$abq\\\xC3\xA4\xFF"
                                "1.";
    const char *seed = seeds[next_random(random) % ARRAY_LEN(seeds)];
    size_t len = strlen(seed);
    memcpy(text, seed, len);
    for (unsigned i = next_random(random) % 6; i > 0; i--) {
        size_t at = next_random(random) % (len + 1);
        const char *other = seeds[next_random(random) % ARRAY_LEN(seeds)];
        size_t from = next_random(random) % strlen(other), piece = 1 + next_random(random) % (strlen(other) - from);
        char byte = bytes[next_random(random) % (sizeof bytes - 1)];
        bool insert = next_random(random) % 3;
        if (!insert && at < len) {
            memmove(text + at, text + at + 1, --len - at);
        } else if (insert && len + piece < room) {
            bool one = next_random(random) % 2;
            piece = one ? 1 : piece;
            memmove(text + at + piece, text + at, len - at);
            memcpy(text + at, one ? &byte : other + from, piece);
            len += piece;
        }
    }
    return len;
}

// Whatever the text: what comes out is YAML, and a second run finds nothing to do.
static void any_text(void **state)
{
    unsigned random = 1;
    size_t edited = 0;
    for (int i = 0; i < 30000; i++) {
        struct arena *a = arena_new();
        struct buf out = BUF_IN(a), again = BUF_IN(a);
        struct setter_file file = {0};
        char text[2048];
        bool is_yaml;
        struct slice before = slice_n(text, mutate(&random, text, sizeof text));
        if (setter_edit(a, before, images, ARRAY_LEN(images), &out, &file, &is_yaml)) {
            edited++;
            if (setter_edit(a, buf_view(&out), images, ARRAY_LEN(images), &again, &file, &is_yaml) || !is_yaml)
                fail_msg("--- before\n%.*s\n--- after\n%s", SLICE_ARG(before), buf_cstr(&out));
        }
        arena_free(a);
    }
    assert_true(edited > 3000);
}

static void changes(void **state)
{
    struct arena *a = arena_new();
    struct buf out = BUF_IN(a);
    struct setter_file file = {0};
    bool is_yaml;
    const char *text =
        "apiVersion: &v apps/v1\nkind: Deployment\n? {a: b}\n: no\nmetadata:\n  labels: {name: no, kind: no}\n"
        "  namespace: prod\n  name: web\n  *v : no\nspec:\n  kind: no\n  image: old:1" M("apps:my-app") "\n  tag: '1'" M(
            "apps:my-app:tag") "\n"
                               "---\nkind: ConfigMap\nmetadata: {name: plain}\n---\ntag: x" M("apps:short:name") "\n";
    assert_true(setter_edit(a, slice_of(text), images, ARRAY_LEN(images), &out, &file, &is_yaml));
    assert_int_equal(file.objects.len, 2);
    const struct setter_object *o = file.objects.items;
    assert_string_equal(o[0].api_version, "apps/v1");
    assert_string_equal(o[0].kind, "Deployment");
    assert_string_equal(o[0].namespace, "prod");
    assert_string_equal(o[0].name, "web");
    assert_int_equal(o[0].changes.len, 2);
    assert_string_equal(o[0].changes.items[0].old_value, "old:1");
    assert_string_equal(o[0].changes.items[0].new_value, "ghcr.io/org/my-app:1.2.3");
    assert_string_equal(o[0].changes.items[1].setter, "apps:my-app:tag");
    assert_string_equal(o[1].kind, "");
    assert_string_equal(o[1].name, "");
    arena_free(a);
}

// ---- the walk -----------------------------------------------------------------------------------------------------

static char folder[] = "/tmp/runnel-setter-XXXXXX";

static void write_file(struct arena *a, const char *path, const char *text)
{
    struct error err = {0};
    char *full = path_join(a, folder, path), *slash = strrchr(full, '/');
    assert_true(dir_make_all(arena_strndup(a, full, (size_t)(slash - full)), 0755, &err));
    assert_true(file_write_atomic(full, text, strlen(text), 0644, &err));
}

static const char *read_file(struct arena *a, const char *path)
{
    struct slice data;
    struct error err = {0};
    assert_true(file_read(a, path_join(a, folder, path), 1 << 20, &data, &err));
    return data.data;
}

static void files(void **state)
{
    static const char marked[] = "tag: x" M("apps:my-app:tag") "\n", edited[] = "tag: 1.2.3" M("apps:my-app:tag") "\n";
    static const struct {
        const char *path;
        bool changes; // with update.path "app"
    } cases[] = {
        {"app/a.yaml", true},        {"app/deep/er/b.yml", true},
        {"app/Kustomization", true}, {"app/kustomization", false},
        {"app/c.yaml.tpl", false},   {"app/d.json", false},
        {"app/.hidden.yaml", true},  {"other/e.yaml", false},
        {"app/.git/f.yaml", false},  {"f.yaml", false},
    };
    struct arena *a = arena_new();
    struct error err = {0};
    struct setter_result result;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        write_file(a, cases[i].path, marked);
    write_file(a, "app/templates/t.yaml", "{{ x }}\ntag: x" M("apps:my-app:tag") "\n");
    assert_int_equal(symlink("../other/e.yaml", path_join(a, folder, "app/link.yaml")), 0);
    assert_int_equal(symlink("../other", path_join(a, folder, "app/linked")), 0);
    assert_int_equal(chmod(path_join(a, folder, "app/a.yaml"), 0755), 0);

    assert_true(setter_run(a, folder, "./app", images, ARRAY_LEN(images), &result, &err));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (!str_eq(read_file(a, cases[i].path), cases[i].changes ? edited : marked))
            fail_msg("%s: %s", cases[i].path, read_file(a, cases[i].path));
    assert_int_equal(result.files.len, 4);
    assert_string_equal(result.files.items[0].path, ".hidden.yaml");
    assert_string_equal(result.files.items[1].path, "Kustomization");
    assert_string_equal(result.files.items[2].path, "a.yaml");
    assert_string_equal(result.files.items[3].path, "deep/er/b.yml");
    assert_int_equal(result.scanned, 5);
    assert_int_equal(result.skipped, 1);
    struct stat st;
    assert_int_equal(stat(path_join(a, folder, "app/a.yaml"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0755);

    // A single file; a path that climbs stays inside; links and what is not there are refused.
    assert_true(setter_run(a, folder, "f.yaml", images, ARRAY_LEN(images), &result, &err));
    assert_string_equal(read_file(a, "f.yaml"), edited);
    assert_string_equal(result.files.items[0].path, "f.yaml");
    assert_true(setter_run(a, folder, "../../other/e.yaml", images, ARRAY_LEN(images), &result, &err));
    assert_string_equal(read_file(a, "other/e.yaml"), edited);
    static const char *const bad[] = {"app/linked", "none", "app/link.yaml", ".git", "app/a.yaml/b"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (setter_run(a, folder, bad[i], images, ARRAY_LEN(images), &result, &err))
            fail_msg("%s was taken", bad[i]);
        assert_int_equal(err.class, ERROR_INVALID);
        error_clear(&err);
    }
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edits),   cmocka_unit_test(no_yaml), cmocka_unit_test(any_text),
        cmocka_unit_test(changes), cmocka_unit_test(files),
    };
    struct error err = {0};
    if (!mkdtemp(folder))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    dir_remove_all(folder, &err);
    return failed;
}
