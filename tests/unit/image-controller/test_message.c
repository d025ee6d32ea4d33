// test_message.c - commit messages: what a template sees, in Go's words and order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "message.h"

static struct setter_result changes(struct arena *a)
{
    struct setter_result result = {0};
    static const struct setter_change change[] = {
        {"nginx:1.0", "nginx:1.1", "apps:nginx"}, {"1.0", "1.1", "apps:nginx:tag"}, {"x", "y", "apps:other"}};
    static const struct setter_object objects[] = {
        {"apps/v1", "Deployment", "prod", "web"}, {"", "", "", ""}, {"apps/v1", "Deployment", "prod", "api"}};
    static const char *const paths[] = {"a.yaml", "charts/values.yaml"};
    for (size_t f = 0; f < 2; f++) {
        struct setter_file file = {.path = paths[f]};
        for (size_t o = f; o < f + 2; o++) {
            struct setter_object object = objects[o];
            for (size_t c = 0; c <= f; c++)
                vec_push(a, &object.changes, change[(o + c) % 3]);
            vec_push(a, &file.objects, object);
        }
        vec_push(a, &result.files, file);
    }
    return result;
}

static void messages(void **state)
{
    static const struct {
        const char *template, *message; // NULL: an error
        const char *error;
        bool removed;
    } cases[] = {
        {NULL, "Update from image update automation", NULL, false},
        {"", "Update from image update automation", NULL, false},
        {"{{ .AutomationObject }} {{ .AutomationObject.Name }} {{ .AutomationObject.Namespace }}",
         "apps/auto auto apps", NULL, false},
        {"{{ .Values.cluster | upper }}{{ .Values.none }}|", "PROD<no value>|", NULL, false},
        {"{{ range $f, $_ := .Changed.FileChanges }}{{ $f }};{{ end }}", "a.yaml;charts/values.yaml;", NULL, false},
        {"{{ range $r, $c := .Changed.Objects }}{{ $r.Kind }}/{{ $r.Name }}:{{ range $c }}{{ .OldValue }}->{{ "
         ".NewValue }} {{ end }};{{ end }}",
         "/:1.0->1.1 1.0->1.1 x->y ;Deployment/api:x->y nginx:1.0->nginx:1.1 ;Deployment/web:nginx:1.0->nginx:1.1 ;",
         NULL, false},
        {"{{ range .Changed.Changes }}{{ .Setter }} {{ end }}", "apps:nginx apps:nginx:tag apps:other ", NULL, false},
        {"{{ range $_, $c := .Changed.Changes }}{{ $c }}{{ end }}",
         "{nginx:1.0 nginx:1.1 apps:nginx}{1.0 1.1 apps:nginx:tag}{x y apps:other}", NULL, false},
        {"{{ len .Changed.Changes }}", "3", NULL, false},
        {"{{ range $k, $v := index .Changed.FileChanges \"a.yaml\" }}{{ $k }}{{ $v }}{{ end }}",
         "{{{ } { }}}[{1.0 1.1 apps:nginx:tag}]{{{apps/v1 Deployment} {web prod}}}[{nginx:1.0 nginx:1.1 apps:nginx}]",
         NULL, false},
        {"{{ if .Changed.Objects }}some{{ end }}", "some", NULL, false},
        {"{{ .Updated.Images }}", NULL, "template uses the removed field '.Updated', use '.Changed' instead", true},
        {"{{ .Changed.ImageResult }}", NULL, "template uses the removed field '.Changed.ImageResult', use", true},
        {"{{ .Nope }}", NULL,
         "failed to run template from spec: template: commit message:1:3: executing \"commit message\" at <.Nope>: "
         "can't evaluate field Nope in type source.TemplateData",
         false},
        {"{{ now }}", NULL,
         "unable to create commit message template from spec: template: commit message:1: function \"now\" not defined",
         false},
        {"{{ env \"HOME\" }}", NULL,
         "unable to create commit message template from spec: template: commit message:1: function \"env\" not defined",
         false},
        {"{{ uuidv4 }}", NULL, "unable to create commit message template from spec: ", false},
        {"{{ if }}", NULL,
         "unable to create commit message template from spec: template: commit message:1: missing value for if", false},
        {"{{ define \"x\" }}{{ template \"x\" }}{{ end }}{{ template \"x\" }}", NULL,
         "failed to run template from spec: ", false},
        {"{{ range until 2000000 }}x{{ end }}", NULL, "failed to run template from spec: ", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena *a = arena_new();
        struct error err = {0};
        struct setter_result result = changes(a);
        struct value values = value_dict(a);
        value_set_str(values, "cluster", "prod");
        const struct message_data data = {"apps", "auto", &result, values};
        const char *message = NULL;
        bool removed;
        bool fine = message_render(a, cases[i].template, &data, &message, &removed, &err);
        if (fine != (cases[i].message != NULL) || (fine && !str_eq(message, cases[i].message)))
            fail_msg("%s: %s%s", str_or(cases[i].template, "(none)"), fine ? message : "", error_text(&err));
        if (!fine && !str_has_prefix(error_text(&err), cases[i].error))
            fail_msg("%s: %s", cases[i].template, error_text(&err));
        assert_int_equal(removed, cases[i].removed);
        error_clear(&err);
        arena_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(messages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
