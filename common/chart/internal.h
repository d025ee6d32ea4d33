// internal.h - what the files of common/chart share and nobody else sees.
#ifndef RUNNEL_CHART_INTERNAL_H
#define RUNNEL_CHART_INTERNAL_H

#include "chart/chart.h"

// Decodes Chart.yaml (or requirements.yaml, into the same dict) as Go decodes it into chart.Metadata: scalars become strings
// where the field is one, unknown keys are dropped, empty fields are left out.
bool metadata_decode(struct arena *a, struct slice yaml, struct value into, struct error *err);
// Whether a chart of this Chart.yaml's apiVersion is one that Helm installs.
bool metadata_check_api_version(struct arena *a, struct slice yaml, struct error *err);
bool lock_decode(struct arena *a, struct slice yaml, struct value *out, struct error *err);
// Normalises white space and drops unprintable characters where Helm does, then checks. Messages start with "validation: ".
bool metadata_validate(struct arena *a, struct value metadata, struct error *err);

// Builds the chart from its files. `a` owns everything; names and data are not copied.
struct chart *chart_from_files(struct arena *a, struct chart_file *files, size_t count, struct chart_notices *notices,
                               struct error *err);
#define NO_GZIP "gzip: invalid header"
// Reads a tgz into files: names without the first folder, BOMs cut off, Helm's limits.
bool chart_read_archive(struct arena *a, struct slice tgz, struct chart_file **files, size_t *count, struct error *err);

// .helmignore
struct helmignore;
struct helmignore *helmignore_new(struct arena *a);
bool helmignore_parse(struct helmignore *rules, struct slice text, struct error *err);
bool helmignore_match(const struct helmignore *rules, const char *path, bool directory);

// Go's path.Join of chart paths, and the file part behind the last slash.
const char *chart_base_name(const char *path);
bool chart_has_extension(const char *path, const char *extension); // ".tgz": exactly, as filepath.Ext

// chartutil.MergeTables: src's entries join dst, whose own win; nulls stay. Both change, and share tables afterwards.
void coalesce_tables(struct arena *a, struct value dst, struct value src, struct chart_notices *notices);
// chartutil.CoalesceValues (merge false) and MergeValues (merge true); values may be null. Result: a plain dict.
bool coalesce_chart(struct arena *a, const struct chart *c, struct value values, bool merge, struct value *out,
                    struct error *err);
// Whether version lies in range; false for anything that does not parse (chartutil.IsCompatibleRange).
bool chart_version_in_range(struct arena *a, const char *range, const char *version);

#endif
