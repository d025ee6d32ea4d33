// schema.h - a CRD's spec as tables: the controllers enforce what the CRD says, because an old API server drops rules,
// and objects can be older than the CRD. The tables are made at build time from charts/runnel/crds by
// tools/crd-schema.py.
//
// Checked: type, required, enum, pattern, length, items, minimum, maximum; x-kubernetes-validations by a table of rules
// carried out in C, found by the rule's text. Defaults are filled in as the API server does: in dicts that are present.
#ifndef RUNNEL_CONTROLLER_SCHEMA_H
#define RUNNEL_CONTROLLER_SCHEMA_H

#include "controller/controller.h"

enum schema_type {
    SCHEMA_ANY,
    SCHEMA_OBJECT,
    SCHEMA_ARRAY,
    SCHEMA_STRING,
    SCHEMA_INTEGER,
    SCHEMA_NUMBER,
    SCHEMA_BOOLEAN
};

struct schema_validation { // x-kubernetes-validations
    const char *rule, *message;
};
struct schema_property;
struct schema_node {
    enum schema_type type;
    bool nullable, preserve_unknown; // x-kubernetes-preserve-unknown-fields: whatever is in it
    bool has_minimum, has_maximum;
    double minimum, maximum;
    int64_t min_length, max_length; // of a string in runes, of an array in items, of a dict in entries; -1: none
    const char *pattern;            // NULL: none
    const char *const *allowed;     // enum: JSON texts, NULL-terminated; NULL: any
    const char *fallback;           // default: JSON text; NULL: none
    const char *const *required;    // NULL-terminated; NULL: none
    const struct schema_property *properties;
    size_t property_count;
    const struct schema_node *items; // of an array, or of a dict with additionalProperties
    const struct schema_validation *validations;
    size_t validation_count;
};
struct schema_property {
    const char *name;
    const struct schema_node *node;
};
struct schema {
    const char *kind;
    struct schema_node spec;
    const char *const *status_fields; // names of status' properties, NULL-terminated
};

// One for each kind of the CRDs; a program links those that it names.
extern const struct schema schema_GitRepository, schema_HelmRepository, schema_HelmChart, schema_OCIRepository,
    schema_Bucket, schema_ExternalArtifact, schema_HelmRelease, schema_ImageRepository, schema_ImagePolicy,
    schema_ImageUpdateAutomation;

void schema_default(struct arena *a, const struct schema *schema, struct value spec);
// Errors in the API server's words: `spec.interval: Invalid value: "x": spec.interval in body should match '^…$'`. The
// first one found. A rule of the CRD that the table lacks is an error too: nothing is passed over in silence.
bool schema_check(struct arena *a, const struct schema *schema, const struct schema_rule *rules, size_t rule_count,
                  struct value spec, struct error *err);
// Whether each rule of the CRD has its line in the table.
bool schema_rules_cover(const struct schema *schema, const struct schema_rule *rules, size_t count, struct error *err);
bool schema_status_has(const struct schema *schema, const char *field);

// ---- fields ---------------------------------------------------------------------------------------------------------
// The first refused field that is set to something other than what is allowed: "spec.verify is not supported by Runnel
// yet". What says the same as leaving the field out (null, false, "", an empty list, the CRD's default) is accepted.
bool fields_check(struct arena *a, const struct schema *schema, const struct field *fields, size_t count,
                  struct value spec, struct error *err);
// Whether the table covers the schema exactly: each field of the spec by one line (its own or one above it), no line
// without a field. False: err lists what is wrong.
bool fields_cover(const struct schema *schema, const struct field *fields, size_t count, struct error *err);
// Writes one Markdown table for each kind to standard output, for docs/api-support.md. False: a table does not cover
// its schema.
bool fields_dump(const struct app_spec *spec);

#endif
