// fetch_helper.h - how `template` asks the network: it runs helm-fetch (neighbour.h).
#ifndef RUNNEL_FETCH_HELPER_H
#define RUNNEL_FETCH_HELPER_H

#include "chart/chart.h"

// A chart_schema_source's fetch: files it reads itself. ctx is not used.
bool fetch_helper_schema(void *ctx, struct arena *a, const char *url, struct slice *out, struct error *err);
bool fetch_helper_values(struct arena *a, const char *url, struct slice *out, struct error *err);
// A render_resolve_fn. ctx is not used.
bool fetch_helper_address(void *ctx, struct arena *a, const char *name, struct slice *out, struct error *err);

#endif
