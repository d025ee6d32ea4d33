// watch_fixture.c - see watch_fixture.h.
#include "watch_fixture.h"

static void on_event(void *ctx, enum informer_event event, struct value old, struct value object)
{
    static const char *const names[] = {"ADDED", "UPDATED", "DELETED"};
    struct fixture *f = ctx;
    pthread_mutex_lock(&f->lock);
    buf_printf(&f->log, "%s %s %s-%s;", names[event], kube_name(object),
               value_str_or(value_path(old, "metadata.resourceVersion"), ""),
               value_str_or(value_path(object, "metadata.resourceVersion"), ""));
    pthread_mutex_unlock(&f->lock);
}

bool log_is(struct fixture *f, const char *want)
{
    pthread_mutex_lock(&f->lock);
    bool is = str_eq(buf_cstr(&f->log), want);
    pthread_mutex_unlock(&f->lock);
    return is;
}

void assert_log(struct fixture *f, const char *want)
{
    if (!WAIT_FOR(log_is(f, want)))
        fail_msg("\n  got  %s\n  want %s", buf_cstr(&f->log), want);
}

struct fixture *set_up_with(fake_handler handler, struct informer_options options)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    pthread_mutex_init(&f->lock, NULL);
    f->client = client_set_up(handler);
    f->watcher = watcher_new(f->client.kube);
    options.api_version = "v1";
    options.kind = "ConfigMap";
    options.on_event = on_event;
    options.ctx = f;
    f->informer = watcher_add(f->watcher, &options);
    *watcher_timing(f->watcher) = (struct watch_timing){.watch_s = 1,
                                                        .grace_ms = 300,
                                                        .stall_s = 3,
                                                        .backoff_first_ms = 5,
                                                        .backoff_most_ms = 40,
                                                        .missing_ms = 20,
                                                        .gone_ms = 100};
    assert_true(watcher_start(f->watcher, &f->client.err));
    return f;
}

struct fixture *set_up(fake_handler handler)
{
    return set_up_with(handler, (struct informer_options){0});
}

void tear_down(struct fixture *f)
{
    watcher_stop(f->watcher);
    client_tear_down(&f->client);
    buf_free(&f->log);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

const char *cached(struct fixture *f, const char *name)
{
    return value_str_or(value_path(informer_get(f->informer, f->client.arena, "ns", name), "metadata.resourceVersion"),
                        "");
}

// ---- parts of handlers --------------------------------------------------------------------------------------------
bool is_watch(const struct fake_request *r)
{
    return strstr(r->query, "watch=true") != NULL;
}

bool asks(const struct fake_request *r, const char *word)
{
    return strstr(r->query, word) != NULL;
}

void stream(struct fake_request *r, const char *text, bool hold)
{
    fake_begin_stream(r);
    fake_chunk(r, text);
    if (hold)
        fake_hold(r);
    else
        fake_end_stream(r);
}

bool visit_one(void *ctx, struct value object)
{
    ++*(int *)ctx;
    return false;
}
