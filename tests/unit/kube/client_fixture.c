// client_fixture.c - see client_fixture.h.
#include "client_fixture.h"

struct client_fixture client_set_up(fake_handler handler)
{
    struct client_fixture f = {.server = fake_start(handler), .arena = arena_new()};
    f.kube = fake_kube(f.server);
    return f;
}

void client_tear_down(struct client_fixture *f)
{
    kube_free(f->kube);
    fake_stop(f->server);
    arena_free(f->arena);
    error_clear(&f->err);
}

bool is_discovery(struct fake_request *r)
{
    if (!str_eq(r->path, "/api/v1"))
        return false;
    fake_answer(r, 200, NULL, RESOURCES);
    return true;
}

struct kube_ref cm(const char *name)
{
    return (struct kube_ref){"v1", "ConfigMap", "ns", name};
}
