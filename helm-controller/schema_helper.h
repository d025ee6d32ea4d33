// schema_helper.h - how `template` gets the documents that a chart's schema refers to: files itself, the rest by helm-fetch.
#ifndef RUNNEL_SCHEMA_HELPER_H
#define RUNNEL_SCHEMA_HELPER_H

#include "chart/chart.h"

// A chart_schema_source's fetch; ctx is not used.
bool schema_helper_fetch(void *ctx, struct arena *a, const char *url, struct slice *out, struct error *err);

#endif
