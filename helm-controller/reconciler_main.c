// reconciler_main.c - the controller: makes Helm releases of HelmReleases. `helm-controller` (main.c) becomes this
// program.
#include <sys/prctl.h>

#include "helm_app.h"

static bool start(struct app *app, struct error *err)
{
    struct helm_app *own = xcalloc(1, sizeof *own);
    struct http_options options = {.max_connections = (int)app_flag_int(app, "concurrent")};
    app_set_data(app, own);
    own->http = http_new(&options, err);
    return own->http != NULL;
}

static void stop(struct app *app)
{
    struct helm_app *own = app_data(app);
    if (own && own->http)
        http_free(own->http);
    free(own);
}

int main(int argc, char **argv)
{
    static const struct controller_kind *const kinds[] = {&helm_release_kind, NULL};
    static const struct flag flags[] = {
        {"http-retry", FLAG_INT, "9", "How often fetching an artifact is tried again."},
        {"http-timeout", FLAG_DURATION, "30s", "The time that fetching an artifact may take."},
    };
    // What these switch on in Flux is always so here.
    static const char *const gates[] = {"ExternalArtifact", "CancelHealthCheckOnNewRevision", NULL};
    static const struct app_spec spec = {
        .name = "helm-controller",
        .kinds = kinds,
        .flags = flags,
        .flag_count = ARRAY_LEN(flags),
        .feature_gates = gates,
        .start = start,
        .stop = stop,
    };
    prctl(PR_SET_NAME, spec.name); // who lists processes looks for the command, not for the program that it became
    return app_main(&spec, argc, argv);
}
