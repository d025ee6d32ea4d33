// kinds.c - the order in which Helm installs and uninstalls kinds of objects.

#include "manifest.h"

static const char *const install_order[] = {
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
};

// The reverse, but for these: validation goes before mutation, and nothing is sent to pods that are about to go.
static const char *const uninstall_first[] = {"ValidatingWebhookConfiguration",
                                              "MutatingWebhookConfiguration",
                                              "APIService",
                                              "Ingress",
                                              "IngressClass",
                                              "Service"};

#define UNKNOWN 1000

static int install_rank(const char *kind)
{
    for (size_t i = 0; i < ARRAY_LEN(install_order); i++)
        if (str_eq(install_order[i], kind))
            return (int)i;
    return UNKNOWN;
}

static int uninstall_rank(const char *kind)
{
    for (size_t i = 0; i < ARRAY_LEN(uninstall_first); i++)
        if (str_eq(uninstall_first[i], kind))
            return (int)i;
    int rank = install_rank(kind);
    return rank == UNKNOWN ? UNKNOWN : (int)(ARRAY_LEN(uninstall_first) + ARRAY_LEN(install_order)) - rank;
}

static int compare(int a, int b, const char *kind_a, const char *kind_b)
{
    if (a != b)
        return a < b ? -1 : 1;
    return a == UNKNOWN ? strcmp(kind_a, kind_b) : 0;
}

int manifest_compare_kind(const char *a, const char *b)
{
    return compare(install_rank(a), install_rank(b), a, b);
}

void manifests_sort_uninstall(manifest_list *list)
{
    // Insertion keeps equal kinds in their order; releases are small.
    for (size_t i = 1; i < list->len; i++) {
        struct manifest m = list->items[i];
        size_t k = i;
        for (; k > 0; k--) {
            const char *before = list->items[k - 1].kind;
            if (compare(uninstall_rank(before), uninstall_rank(m.kind), before, m.kind) <= 0)
                break;
            list->items[k] = list->items[k - 1];
        }
        list->items[k] = m;
    }
}
