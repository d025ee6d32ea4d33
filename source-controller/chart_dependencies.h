// chart_dependencies.h - fetches what a chart's Chart.yaml (or Chart.lock) asks for and its charts/ folder lacks.
//
// From folders of the same Git repository (file://, or no repository at all), and from Helm repositories and registries,
// with the credentials of the HelmRepository of the namespace that has the same URL, or without any.
#ifndef RUNNEL_CHART_DEPENDENCIES_H
#define RUNNEL_CHART_DEPENDENCIES_H

#include "chart/chart.h"
#include "chart_build.h"

// Adds to the chart, which was loaded from `folder` (a path relative to root). *added: how many.
bool dependencies_add(const struct build_request *q, const char *root, const char *folder, struct chart *chart,
                      size_t *added, struct error *err);

#endif
