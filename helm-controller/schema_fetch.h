// schema_fetch.h - documents that a values.schema.json refers to, by HTTP, with the words of Helm's own loader.
//
// Not part of the rendering libraries: it needs the HTTP client. A controller gives it to render_options.schema_source;
// `template` runs it as a program of its own (fetch_main.c) when a schema asks for it.
#ifndef RUNNEL_SCHEMA_FETCH_H
#define RUNNEL_SCHEMA_FETCH_H

#include "chart/chart.h"
#include "http/http.h"

// A chart_schema_source's fetch; ctx is a struct http.
bool schema_fetch(void *http, struct arena *a, const char *url, struct slice *out, struct error *err);

#endif
