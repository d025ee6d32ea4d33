// schema.h - values.schema.json: JSON Schema, drafts 4, 6, 7, 2019-09 and 2020-12, with the messages that Helm shows.
//
// A schema document is prepared once (its resources, anchors and references found and checked) and then interpreted as it
// stands. Documents that it refers to are fetched by whoever asks for the check. Private to common/chart.
#ifndef RUNNEL_CHART_SCHEMA_H
#define RUNNEL_CHART_SCHEMA_H

#include "chart/internal.h"

#include "regex/regex.h"

#define SCHEMA_URL "file:///values.schema.json"

struct schema_resource { // a schema with an identity of its own: the document, or a part with an $id
    const char *url, *pointer, *document;
    struct value schema;
    int draft; // 4, 6, 7, 2019, 2020
    struct map *anchors;         // name -> struct schema_place *
    struct map *dynamic_anchors; // the same, of $dynamicAnchor
    bool recursive_anchor;
};

struct schema_document { // the chart's own, or one that was fetched
    const char *url;
    struct schema_resource *root;
};

struct schema_place { // what is known of a schema in the document, by the address of its dict
    struct schema_resource *resource;
    struct value schema;
    const char *url, *pointer; // of its document; "/properties/image"
    uint32_t keywords;         // some that it has, a bit for each (schema.c)
    uint32_t letters;          // what its keywords begin with (schema_letter)
    bool queued;               // to be checked
};

// A bit for what a keyword begins with, by which most are known to be absent.
static inline uint32_t schema_letter(const char *keyword)
{
    return 1u << (keyword[0] & 31);
}

struct schema_doc {
    struct arena *arena;
    struct value root;
    const struct chart_schema_source *source; // where other documents come from; NULL: they are refused
    VEC(struct schema_document) documents;
    VEC(struct schema_resource *) resources;
    struct { // by the address of their dicts: open addressing, at most half full
        struct schema_place **slots;
        size_t count, len;
    } places;
    uint32_t keywords_by_first[256]; // the bits of schema_place.keywords by the keyword's first letter
    size_t loaded;           // other documents
    VEC(const char *) urns;  // referred to, and taken for schemas that hold always, as Helm does
    VEC(struct value) queue; // schemas that are in use and yet to be checked
};

struct schema_doc *schema_prepare(struct arena *a, struct slice json, const struct chart_schema_source *source,
                                  struct error *err);
// The schema's place; NULL for a boolean schema.
struct schema_place *schema_place_of(const struct schema_doc *doc, struct value schema);
// Where a reference leads; err in Helm's words where it leads nowhere. *target is a dict or a boolean.
bool schema_resolve(struct schema_doc *doc, const struct schema_resource *base, const char *reference, struct value *target,
                    struct error *err);
// A JSON pointer with one token more.
const char *schema_pointer(struct arena *a, const char *base, const char *token);
// The text behind '#' with percent signs decoded, in which there may be any byte.
bool schema_fragment(struct arena *a, const char *reference, struct slice *out, struct error *err);
// Where a reference leads from a base, without its fragment; NULL: err says what is no URL.
const char *schema_join_url(struct arena *a, const char *base, const char *reference, struct error *err);
// How messages name a place: "file:///values.schema.json#/properties/a%20b".
const char *schema_location(struct arena *a, const char *url, struct slice pointer);

// A JSON text, with the words for what is wrong with one that Helm reads as a stream.
bool schema_read_json(struct arena *a, struct slice json, struct value *out, struct error *err);
// Another document: a meta-schema, nothing at all for a URN, or what the source has.
bool schema_load(struct schema_doc *doc, const char *url, struct value *out, struct error *err);
// Finds the resources, anchors and places of a schema; within is NULL for the root of a document, which url names.
bool schema_collect(struct schema_doc *doc, struct value schema, const char *url, const char *pointer,
                    struct schema_resource *within, struct error *err);
// The draft that a schema's $schema names, by way of meta-schemas of one's own; fallback without.
bool schema_draft_of(struct schema_doc *doc, struct value schema, const char *url, const char *pointer, int fallback, int *out,
                     struct error *err);

// The text of a meta-schema, or of one of its vocabularies, by its URL; false: it is none.
bool schema_draft_text(struct arena *a, const char *url, struct slice *out);

// Checks a value; the message is the list of what is wrong, one "- at '/path': …" a line. True: valid.
bool schema_validate(struct schema_doc *doc, struct value instance, struct error *err);

// Whether a schema is one by its draft's meta-schema; the message is Helm's, "… is not valid against metaschema: …".
bool schema_check_meta(struct arena *a, struct value schema, const char *url, int draft, struct error *err);

// Formats: NULL when text is valid for the format or the format is unknown, else the reason.
const char *schema_check_format(struct arena *a, const char *format, struct slice text);

// A failure, with its causes below it.
struct problem {
    const char *path, *text;
    bool group;     // several failures of one schema
    bool reference; // of a $ref: not shown when it has one cause
    VEC(struct problem *) causes;
};
const char *problem_quote(struct arena *a, struct slice s);    // 'it\'s'
const char *problem_display(struct arena *a, struct value v);  // a scalar in a message
const char *problem_number(struct arena *a, double number);    // 1,000.5 and 1.2×10⁰⁶
const char *problem_count(struct arena *a, int64_t number);    // 1,234
void problem_print(struct buf *out, struct arena *a, const struct problem *p);

#endif
