// ports.c - the protocol of ports that leave it out.
//
// The protocol is part of a port's key in the API's lists. API servers before 1.21 do not publish its default, and
// refuse to apply a port without one, which charts seldom write. TCP is what the server itself would put there.
#include "objects.h"

static void fill(struct value ports)
{
    for (size_t i = 0; i < value_len(ports); i++) {
        struct value port = value_at(ports, i);
        if (value_is(port, V_DICT) && value_is_null(value_get(port, "protocol")))
            value_set_str(port, "protocol", "TCP");
    }
}

static void fill_pod(struct value spec)
{
    static const char *const lists[] = {"containers", "initContainers"};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        struct value containers = value_get(spec, lists[i]);
        for (size_t k = 0; k < value_len(containers); k++)
            fill(value_get(value_at(containers, k), "ports"));
    }
}

void objects_fill_ports(struct value object)
{
    static const char *const pods[][2] = {
        {"Pod", "spec"},
        {"Deployment", "spec.template.spec"},
        {"StatefulSet", "spec.template.spec"},
        {"DaemonSet", "spec.template.spec"},
        {"ReplicaSet", "spec.template.spec"},
        {"ReplicationController", "spec.template.spec"},
        {"Job", "spec.template.spec"},
        {"CronJob", "spec.jobTemplate.spec.template.spec"},
    };
    if (strchr(value_str_or(value_get(object, "apiVersion"), "."),
               '.')) // a custom resource, whatever its kind is called
        return;
    if (str_eq(kube_kind(object), "Service"))
        fill(value_path(object, "spec.ports"));
    for (size_t i = 0; i < ARRAY_LEN(pods); i++)
        if (str_eq(kube_kind(object), pods[i][0]))
            fill_pod(value_path(object, pods[i][1]));
}
