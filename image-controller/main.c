// main.c - image-controller: scans registries, elects tags, writes them to Git.
#include "git/git.h"
#include "image.h"

static bool start(struct app *app, struct error *err)
{
    struct arena *scratch cleanup(cleanup_arena) = arena_new();
    struct image_app *own = xcalloc(1, sizeof *own);
    own->storage = app_flag(app, "storage-path");
    app_set_data(app, own);
    // What an earlier process was at when it ended.
    char *work = path_join(scratch, own->storage, "work");
    if (!dir_remove_all(work, err) || !dir_make_all(work, 0700, err))
        return error_wrap(err, "--storage-path");
    return repo_setup(err);
}

static void stop(struct app *app)
{
    free(app_data(app));
}

int main(int argc, char **argv)
{
    static const struct controller_kind *const kinds[] = {&image_repository_kind, &image_policy_kind,
                                                          &image_update_automation_kind, NULL};
    static const struct flag flags[] = {
        {"storage-path", FLAG_STRING, "/data", "The folder of the tag database and of working copies."},
    };
    const struct app_spec spec = {
        .name = "image-controller",
        .kinds = kinds,
        .flags = flags,
        .flag_count = ARRAY_LEN(flags),
        .start = start,
        .stop = stop,
    };
    return app_main(&spec, argc, argv);
}
