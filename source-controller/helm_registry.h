// helm_registry.h - charts in OCI registries: tags as versions, and the one layer that is the chart.
#ifndef RUNNEL_HELM_REGISTRY_H
#define RUNNEL_HELM_REGISTRY_H

#include "helm_client.h"

#define CHART_LAYER "application/vnd.cncf.helm.chart.content.v1.tar+gzip"

bool registry_find_chart(struct helm_client *c, struct reconcile *r, const char *name, const char *range,
                         struct helm_chart_ref *out, struct error *err);
bool registry_pull_chart(struct helm_client *c, struct reconcile *r, const struct helm_chart_ref *ref, size_t limit,
                         struct slice *tgz, struct error *err);

// A '+' cannot stand in a tag: Helm writes '_' for it, in both directions.
char *tag_from_version(struct arena *a, const char *version);
char *version_from_tag(struct arena *a, const char *tag);

struct tag_choice {
    const char *range;
    const char *filter; // RE2 that a tag must match; NULL: none
    bool chart_tags;    // tags are versions with '_' for '+'
    bool exact_first;   // a tag that is the range, letter for letter, wins
};
// The highest tag that satisfies. NOT_FOUND: none.
bool choose_tag(struct arena *a, const char *const *tags, size_t count, const struct tag_choice *choice,
                const char **tag, struct error *err);

#endif
