// web_fetch.h - what charts and command lines name by URL, fetched with the words of Helm's own two clients for it.
//
// Not part of the rendering libraries: it needs the HTTP client. A controller gives schema_fetch to
// render_options.schema_source; `template` runs a program of its own (fetch_main.c) when it must.
#ifndef RUNNEL_WEB_FETCH_H
#define RUNNEL_WEB_FETCH_H

#include "chart/chart.h"
#include "http/http.h"

// A document that a values.schema.json refers to. A chart_schema_source's fetch; ctx is a struct http.
bool schema_fetch(void *http, struct arena *a, const char *url, struct slice *out, struct error *err);
// A file of values.
bool values_fetch(void *http, struct arena *a, const char *url, struct slice *out, struct error *err);

#endif
