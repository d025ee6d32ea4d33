// client_fixture.h - what the tests of the client share: a fake API server that has ConfigMaps, and a handle on it.
#ifndef RUNNEL_TEST_CLIENT_FIXTURE_H
#define RUNNEL_TEST_CLIENT_FIXTURE_H

#include "fake_api.h"
#include "from_text.h"

#define CM(name, rv)                                                                                                   \
    "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"" name                                     \
    "\",\"namespace\":\"ns\",\"resourceVersion\":\"" rv "\"}}"
#define RESOURCES                                                                                                      \
    "{\"kind\":\"APIResourceList\",\"resources\":[{\"name\":\"configmaps\",\"kind\":\"ConfigMap\",\"namespaced\":"     \
    "true},"                                                                                                           \
    "{\"name\":\"namespaces\",\"kind\":\"Namespace\",\"namespaced\":false},"                                           \
    "{\"name\":\"namespaces/status\",\"kind\":\"Other\",\"namespaced\":false}]}"

struct client_fixture {
    struct fake_server *server;
    struct kube *kube;
    struct arena *arena;
    struct error err;
};

struct client_fixture client_set_up(fake_handler handler);
void client_tear_down(struct client_fixture *f);

bool is_discovery(struct fake_request *r); // part of a handler: answered, then
struct kube_ref cm(const char *name);      // of a ConfigMap in the namespace ns

#endif
