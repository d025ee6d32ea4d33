// main.c - source-controller: fetches sources, keeps them as artifacts and serves those over HTTP.
#include "git/git.h"
#include "source.h"

#include <stdio.h>
#include <unistd.h>

static struct settings settings;

static const struct controller_kind *const kinds[] = {&gitrepository_kind, &helmrepository_kind, &helmchart_kind,
                                                      &ocirepository_kind, &bucket_kind,         NULL};

static const struct flag flags[] = {
    {"artifact-digest-algo", FLAG_STRING, "sha256",
     "The hashing algorithm used to calculate the digest of artifacts: sha256, sha384, sha512."},
    {"artifact-retention-records", FLAG_INT, "2",
     "How many artifacts of an object are kept after a garbage collection."},
    {"artifact-retention-ttl", FLAG_DURATION, "60s",
     "After what time artifacts that are not current are garbage collected."},
    {"concurrent", FLAG_INT, "2", "The number of concurrent reconciles of each kind."},
    {"helm-cache-max-size", FLAG_INT, "0", "Accepted, without effect: indexes are not kept in memory."},
    {"helm-cache-purge-interval", FLAG_DURATION, "1m", "Accepted, without effect: indexes are not kept in memory."},
    {"helm-cache-ttl", FLAG_DURATION, "15m", "Accepted, without effect: indexes are not kept in memory."},
    {"helm-chart-file-max-size", FLAG_INT, "5242880", "The largest file of a Helm chart in bytes; no other value yet.",
     .fixed = true},
    {"helm-chart-max-size", FLAG_INT, "10485760", "The largest Helm chart in bytes."},
    {"helm-index-max-size", FLAG_INT, "52428800", "The largest index of a Helm repository in bytes."},
    {"ssh-hostkey-algos", FLAG_LIST, "", "Not supported yet: host keys are checked with libssh's algorithms.",
     .fixed = true},
    {"ssh-kex-algos", FLAG_LIST, "", "Not supported yet: keys are exchanged with libssh's algorithms.", .fixed = true},
    {"storage-addr", FLAG_STRING, ":9090", "The address the artifact server binds to (env STORAGE_ADDRESS)."},
    {"storage-adv-addr", FLAG_STRING, "",
     "The address of the artifact server as its clients see it (env STORAGE_ADV_ADDR)."},
    {"token-cache-max-size", FLAG_INT, "100", "Accepted, without effect: tokens are not kept."},
    {"storage-path", FLAG_STRING, "/data", "The folder where artifacts are stored (env STORAGE_PATH)."},
};

static const struct serve_route routes[] = {{.prefix = "/", .handle = store_serve, .ctx = &settings.store}};

// Without a word from outside: what the server binds to, or the host's name where that is any address.
static const char *advertised(struct app *app, struct arena *a)
{
    char host[256] = "";
    const char *given = app_flag(app, "storage-adv-addr"), *bind = app_flag(app, "storage-addr");
    const char *colon = strrchr(bind, ':');
    struct slice address = slice_n(bind, colon ? (size_t)(colon - bind) : strlen(bind));
    if (*given)
        return given;
    if (address.len && !slice_eq_str(address, "0.0.0.0") && !slice_eq_str(address, "[::]"))
        return bind;
    gethostname(host, sizeof host - 1);
    return arena_printf(a, "%s%s", host, colon ? colon : "");
}

static bool start(struct app *app, struct error *err)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct store_options options = {
        .path = app_flag(app, "storage-path"),
        .hostname = advertised(app, a),
        .algorithm = app_flag(app, "artifact-digest-algo"),
        .retention_ms = app_flag_ms(app, "artifact-retention-ttl"),
        .retention_records = (int)app_flag_int(app, "artifact-retention-records"),
    };
    if (!repo_setup(err) || !(settings.store = store_open(&options, err)))
        return false;
    settings.index_max = (size_t)app_flag_int(app, "helm-index-max-size");
    settings.chart_max = (size_t)app_flag_int(app, "helm-chart-max-size");
    settings.requeue_dependency_ms = app_flag_ms(app, "requeue-dependency");
    app_set_data(app, &settings);
    return true;
}

// Only the active one may clean up: before that the folder may be another's.
static void leading(struct app *app)
{
    store_clean(settings.store);
}

static void stop(struct app *app)
{
    store_free(settings.store);
    settings.store = NULL;
}

int main(int argc, char **argv)
{
    static const struct app_spec spec = {
        .name = "source-controller",
        .kinds = kinds,
        .flags = flags,
        .flag_count = ARRAY_LEN(flags),
        .start = start,
        .leading = leading,
        .stop = stop,
        .routes = routes,
        .route_count = ARRAY_LEN(routes),
    };
    return app_main(&spec, argc, argv);
}
