// schema_drafts.c - which draft a schema is of, and the meta-schemas of the drafts, which schemas may refer to: the texts of json-schema.org without their remarks
// (titles, defaults and the like), with ' for ". What a chart's own schema has to be is told quicker by the table in schema_meta.c.

#include "chart/schema.h"

#include "value/go_url.h"

static const struct {
    const char *path, *text;
} texts[] = {
    {"draft-04/schema",
     "{'$schema':'http://json-schema.org/draft-04/schema#','definitions':{'schemaArray':{'type':'array','minItems':1,"
     "'items':{'$ref':'#'}},'positiveInteger':{'type':'integer','minimum':0},"
     "'positiveIntegerDefault0':{'allOf':[{'$ref':'#/definitions/positiveInteger'},{}]},'simpleTypes':{'enum':['array',"
     "'boolean','integer','null','number','object','string']},'stringArray':{'type':'array','items':{'type':'string'},"
     "'minItems':1,'uniqueItems':true}},'type':'object','properties':{'id':{'type':'string','format':'uriref'},"
     "'$schema':{'type':'string','format':'uri'},'title':{'type':'string'},'description':{'type':'string'},'default':{},"
     "'multipleOf':{'type':'number','minimum':0,'exclusiveMinimum':true},'maximum':{'type':'number'},"
     "'exclusiveMaximum':{'type':'boolean'},'minimum':{'type':'number'},'exclusiveMinimum':{'type':'boolean'},"
     "'maxLength':{'$ref':'#/definitions/positiveInteger'},'minLength':{'$ref':'#/definitions/positiveIntegerDefault0'},"
     "'pattern':{'type':'string','format':'regex'},'additionalItems':{'anyOf':[{'type':'boolean'},{'$ref':'#'}]},"
     "'items':{'anyOf':[{'$ref':'#'},{'$ref':'#/definitions/schemaArray'}]},"
     "'maxItems':{'$ref':'#/definitions/positiveInteger'},'minItems':{'$ref':'#/definitions/positiveIntegerDefault0'},"
     "'uniqueItems':{'type':'boolean'},'maxProperties':{'$ref':'#/definitions/positiveInteger'},"
     "'minProperties':{'$ref':'#/definitions/positiveIntegerDefault0'},'required':{'$ref':'#/definitions/stringArray'},"
     "'additionalProperties':{'anyOf':[{'type':'boolean'},{'$ref':'#'}]},'definitions':{'type':'object',"
     "'additionalProperties':{'$ref':'#'}},'properties':{'type':'object','additionalProperties':{'$ref':'#'}},"
     "'patternProperties':{'type':'object','additionalProperties':{'$ref':'#'}},'dependencies':{'type':'object',"
     "'additionalProperties':{'anyOf':[{'$ref':'#'},{'$ref':'#/definitions/stringArray'}]}},'enum':{'type':'array',"
     "'minItems':1,'uniqueItems':true},'type':{'anyOf':[{'$ref':'#/definitions/simpleTypes'},{'type':'array',"
     "'items':{'$ref':'#/definitions/simpleTypes'},'minItems':1,'uniqueItems':true}]},"
     "'allOf':{'$ref':'#/definitions/schemaArray'},'anyOf':{'$ref':'#/definitions/schemaArray'},"
     "'oneOf':{'$ref':'#/definitions/schemaArray'},'not':{'$ref':'#'},'format':{'type':'string'},'$ref':{'type':'string'}},"
     "'dependencies':{'exclusiveMaximum':['maximum'],'exclusiveMinimum':['minimum']}}"},
    {"draft-06/schema",
     "{'$schema':'http://json-schema.org/draft-06/schema#','$id':'http://json-schema.org/draft-06/schema#',"
     "'definitions':{'schemaArray':{'type':'array','minItems':1,'items':{'$ref':'#'}},"
     "'nonNegativeInteger':{'type':'integer','minimum':0},"
     "'nonNegativeIntegerDefault0':{'allOf':[{'$ref':'#/definitions/nonNegativeInteger'},{}]},"
     "'simpleTypes':{'enum':['array','boolean','integer','null','number','object','string']},'stringArray':{'type':'array',"
     "'items':{'type':'string'},'uniqueItems':true}},'type':['object','boolean'],'properties':{'$id':{'type':'string',"
     "'format':'uri-reference'},'$schema':{'type':'string','format':'uri'},'$ref':{'type':'string',"
     "'format':'uri-reference'},'title':{'type':'string'},'description':{'type':'string'},'default':{},"
     "'multipleOf':{'type':'number','exclusiveMinimum':0},'maximum':{'type':'number'},'exclusiveMaximum':{'type':'number'},"
     "'minimum':{'type':'number'},'exclusiveMinimum':{'type':'number'},"
     "'maxLength':{'$ref':'#/definitions/nonNegativeInteger'},"
     "'minLength':{'$ref':'#/definitions/nonNegativeIntegerDefault0'},'pattern':{'type':'string','format':'regex'},"
     "'additionalItems':{'$ref':'#'},'items':{'anyOf':[{'$ref':'#'},{'$ref':'#/definitions/schemaArray'}]},"
     "'maxItems':{'$ref':'#/definitions/nonNegativeInteger'},'minItems':{'$ref':'#/definitions/nonNegativeIntegerDefault0'},"
     "'uniqueItems':{'type':'boolean'},'contains':{'$ref':'#'},'maxProperties':{'$ref':'#/definitions/nonNegativeInteger'},"
     "'minProperties':{'$ref':'#/definitions/nonNegativeIntegerDefault0'},'required':{'$ref':'#/definitions/stringArray'},"
     "'additionalProperties':{'$ref':'#'},'definitions':{'type':'object','additionalProperties':{'$ref':'#'}},"
     "'properties':{'type':'object','additionalProperties':{'$ref':'#'}},'patternProperties':{'type':'object',"
     "'additionalProperties':{'$ref':'#'}},'dependencies':{'type':'object','additionalProperties':{'anyOf':[{'$ref':'#'},"
     "{'$ref':'#/definitions/stringArray'}]}},'propertyNames':{'$ref':'#'},'const':{},'enum':{'type':'array','minItems':1,"
     "'uniqueItems':true},'type':{'anyOf':[{'$ref':'#/definitions/simpleTypes'},{'type':'array',"
     "'items':{'$ref':'#/definitions/simpleTypes'},'minItems':1,'uniqueItems':true}]},'format':{'type':'string'},"
     "'allOf':{'$ref':'#/definitions/schemaArray'},'anyOf':{'$ref':'#/definitions/schemaArray'},"
     "'oneOf':{'$ref':'#/definitions/schemaArray'},'not':{'$ref':'#'}}}"},
    {"draft-07/schema",
     "{'$schema':'http://json-schema.org/draft-07/schema#','$id':'http://json-schema.org/draft-07/schema#',"
     "'definitions':{'schemaArray':{'type':'array','minItems':1,'items':{'$ref':'#'}},"
     "'nonNegativeInteger':{'type':'integer','minimum':0},"
     "'nonNegativeIntegerDefault0':{'allOf':[{'$ref':'#/definitions/nonNegativeInteger'},{}]},"
     "'simpleTypes':{'enum':['array','boolean','integer','null','number','object','string']},'stringArray':{'type':'array',"
     "'items':{'type':'string'},'uniqueItems':true}},'type':['object','boolean'],'properties':{'$id':{'type':'string',"
     "'format':'uri-reference'},'$schema':{'type':'string','format':'uri'},'$ref':{'type':'string',"
     "'format':'uri-reference'},'$comment':{'type':'string'},'title':{'type':'string'},'description':{'type':'string'},"
     "'default':true,'readOnly':{'type':'boolean'},'writeOnly':{'type':'boolean'},'examples':{'type':'array','items':true},"
     "'multipleOf':{'type':'number','exclusiveMinimum':0},'maximum':{'type':'number'},'exclusiveMaximum':{'type':'number'},"
     "'minimum':{'type':'number'},'exclusiveMinimum':{'type':'number'},"
     "'maxLength':{'$ref':'#/definitions/nonNegativeInteger'},"
     "'minLength':{'$ref':'#/definitions/nonNegativeIntegerDefault0'},'pattern':{'type':'string','format':'regex'},"
     "'additionalItems':{'$ref':'#'},'items':{'anyOf':[{'$ref':'#'},{'$ref':'#/definitions/schemaArray'}]},"
     "'maxItems':{'$ref':'#/definitions/nonNegativeInteger'},'minItems':{'$ref':'#/definitions/nonNegativeIntegerDefault0'},"
     "'uniqueItems':{'type':'boolean'},'contains':{'$ref':'#'},'maxProperties':{'$ref':'#/definitions/nonNegativeInteger'},"
     "'minProperties':{'$ref':'#/definitions/nonNegativeIntegerDefault0'},'required':{'$ref':'#/definitions/stringArray'},"
     "'additionalProperties':{'$ref':'#'},'definitions':{'type':'object','additionalProperties':{'$ref':'#'}},"
     "'properties':{'type':'object','additionalProperties':{'$ref':'#'}},'patternProperties':{'type':'object',"
     "'additionalProperties':{'$ref':'#'},'propertyNames':{'format':'regex'}},'dependencies':{'type':'object',"
     "'additionalProperties':{'anyOf':[{'$ref':'#'},{'$ref':'#/definitions/stringArray'}]}},'propertyNames':{'$ref':'#'},"
     "'const':true,'enum':{'type':'array','items':true,'minItems':1,'uniqueItems':true},"
     "'type':{'anyOf':[{'$ref':'#/definitions/simpleTypes'},{'type':'array','items':{'$ref':'#/definitions/simpleTypes'},"
     "'minItems':1,'uniqueItems':true}]},'format':{'type':'string'},'contentMediaType':{'type':'string'},"
     "'contentEncoding':{'type':'string'},'if':{'$ref':'#'},'then':{'$ref':'#'},'else':{'$ref':'#'},"
     "'allOf':{'$ref':'#/definitions/schemaArray'},'anyOf':{'$ref':'#/definitions/schemaArray'},"
     "'oneOf':{'$ref':'#/definitions/schemaArray'},'not':{'$ref':'#'}}}"},
    {"draft/2019-09/meta/applicator",
     "{'$schema':'https://json-schema.org/draft/2019-09/schema',"
     "'$id':'https://json-schema.org/draft/2019-09/meta/applicator','$recursiveAnchor':true,'type':['object','boolean'],"
     "'properties':{'additionalItems':{'$recursiveRef':'#'},'unevaluatedItems':{'$recursiveRef':'#'},"
     "'items':{'anyOf':[{'$recursiveRef':'#'},{'$ref':'#/$defs/schemaArray'}]},'contains':{'$recursiveRef':'#'},"
     "'additionalProperties':{'$recursiveRef':'#'},'unevaluatedProperties':{'$recursiveRef':'#'},"
     "'properties':{'type':'object','additionalProperties':{'$recursiveRef':'#'}},'patternProperties':{'type':'object',"
     "'additionalProperties':{'$recursiveRef':'#'},'propertyNames':{'format':'regex'}},'dependentSchemas':{'type':'object',"
     "'additionalProperties':{'$recursiveRef':'#'}},'propertyNames':{'$recursiveRef':'#'},'if':{'$recursiveRef':'#'},"
     "'then':{'$recursiveRef':'#'},'else':{'$recursiveRef':'#'},'allOf':{'$ref':'#/$defs/schemaArray'},"
     "'anyOf':{'$ref':'#/$defs/schemaArray'},'oneOf':{'$ref':'#/$defs/schemaArray'},'not':{'$recursiveRef':'#'}},"
     "'$defs':{'schemaArray':{'type':'array','minItems':1,'items':{'$recursiveRef':'#'}}}}"},
    {"draft/2019-09/meta/content",
     "{'$schema':'https://json-schema.org/draft/2019-09/schema','$id':'https://json-schema.org/draft/2019-09/meta/content',"
     "'$recursiveAnchor':true,'type':['object','boolean'],'properties':{'contentMediaType':{'type':'string'},"
     "'contentEncoding':{'type':'string'},'contentSchema':{'$recursiveRef':'#'}}}"},
    {"draft/2019-09/meta/core",
     "{'$schema':'https://json-schema.org/draft/2019-09/schema','$id':'https://json-schema.org/draft/2019-09/meta/core',"
     "'$recursiveAnchor':true,'type':['object','boolean'],'properties':{'$id':{'type':'string','format':'uri-reference',"
     "'pattern':'^[^#]*#?$'},'$schema':{'type':'string','format':'uri'},'$anchor':{'type':'string',"
     "'pattern':'^[A-Za-z][-A-Za-z0-9.:_]*$'},'$ref':{'type':'string','format':'uri-reference'},"
     "'$recursiveRef':{'type':'string','format':'uri-reference'},'$recursiveAnchor':{'type':'boolean'},"
     "'$vocabulary':{'type':'object','propertyNames':{'type':'string','format':'uri'},"
     "'additionalProperties':{'type':'boolean'}},'$comment':{'type':'string'},'$defs':{'type':'object',"
     "'additionalProperties':{'$recursiveRef':'#'}}}}"},
    {"draft/2019-09/meta/format",
     "{'$schema':'https://json-schema.org/draft/2019-09/schema','$id':'https://json-schema.org/draft/2019-09/meta/format',"
     "'$recursiveAnchor':true,'type':['object','boolean'],'properties':{'format':{'type':'string'}}}"},
    {"draft/2019-09/meta/meta-data",
     "{'$schema':'https://json-schema.org/draft/2019-09/schema',"
     "'$id':'https://json-schema.org/draft/2019-09/meta/meta-data','$recursiveAnchor':true,'type':['object','boolean'],"
     "'properties':{'title':{'type':'string'},'description':{'type':'string'},'default':true,"
     "'deprecated':{'type':'boolean'},'readOnly':{'type':'boolean'},'writeOnly':{'type':'boolean'},"
     "'examples':{'type':'array','items':true}}}"},
    {"draft/2019-09/meta/validation",
     "{'$schema':'https://json-schema.org/draft/2019-09/schema',"
     "'$id':'https://json-schema.org/draft/2019-09/meta/validation','$recursiveAnchor':true,'type':['object','boolean'],"
     "'properties':{'multipleOf':{'type':'number','exclusiveMinimum':0},'maximum':{'type':'number'},"
     "'exclusiveMaximum':{'type':'number'},'minimum':{'type':'number'},'exclusiveMinimum':{'type':'number'},"
     "'maxLength':{'$ref':'#/$defs/nonNegativeInteger'},'minLength':{'$ref':'#/$defs/nonNegativeIntegerDefault0'},"
     "'pattern':{'type':'string','format':'regex'},'maxItems':{'$ref':'#/$defs/nonNegativeInteger'},"
     "'minItems':{'$ref':'#/$defs/nonNegativeIntegerDefault0'},'uniqueItems':{'type':'boolean'},"
     "'maxContains':{'$ref':'#/$defs/nonNegativeInteger'},'minContains':{'$ref':'#/$defs/nonNegativeInteger'},"
     "'maxProperties':{'$ref':'#/$defs/nonNegativeInteger'},'minProperties':{'$ref':'#/$defs/nonNegativeIntegerDefault0'},"
     "'required':{'$ref':'#/$defs/stringArray'},'dependentRequired':{'type':'object',"
     "'additionalProperties':{'$ref':'#/$defs/stringArray'}},'const':true,'enum':{'type':'array','items':true},"
     "'type':{'anyOf':[{'$ref':'#/$defs/simpleTypes'},{'type':'array','items':{'$ref':'#/$defs/simpleTypes'},'minItems':1,"
     "'uniqueItems':true}]}},'$defs':{'nonNegativeInteger':{'type':'integer','minimum':0},"
     "'nonNegativeIntegerDefault0':{'$ref':'#/$defs/nonNegativeInteger'},'simpleTypes':{'enum':['array','boolean','integer',"
     "'null','number','object','string']},'stringArray':{'type':'array','items':{'type':'string'},'uniqueItems':true}}}"},
    {"draft/2019-09/schema",
     "{'$schema':'https://json-schema.org/draft/2019-09/schema','$id':'https://json-schema.org/draft/2019-09/schema',"
     "'$recursiveAnchor':true,'allOf':[{'$ref':'meta/core'},{'$ref':'meta/applicator'},{'$ref':'meta/validation'},"
     "{'$ref':'meta/meta-data'},{'$ref':'meta/format'},{'$ref':'meta/content'}],'type':['object','boolean'],"
     "'properties':{'definitions':{'type':'object','additionalProperties':{'$recursiveRef':'#'}},"
     "'dependencies':{'type':'object','additionalProperties':{'anyOf':[{'$recursiveRef':'#'},"
     "{'$ref':'meta/validation#/$defs/stringArray'}]}}}}"},
    {"draft/2020-12/meta/applicator",
     "{'$schema':'https://json-schema.org/draft/2020-12/schema',"
     "'$id':'https://json-schema.org/draft/2020-12/meta/applicator','$dynamicAnchor':'meta','type':['object','boolean'],"
     "'properties':{'prefixItems':{'$ref':'#/$defs/schemaArray'},'items':{'$dynamicRef':'#meta'},"
     "'contains':{'$dynamicRef':'#meta'},'additionalProperties':{'$dynamicRef':'#meta'},'properties':{'type':'object',"
     "'additionalProperties':{'$dynamicRef':'#meta'}},'patternProperties':{'type':'object',"
     "'additionalProperties':{'$dynamicRef':'#meta'},'propertyNames':{'format':'regex'}},"
     "'dependentSchemas':{'type':'object','additionalProperties':{'$dynamicRef':'#meta'}},"
     "'propertyNames':{'$dynamicRef':'#meta'},'if':{'$dynamicRef':'#meta'},'then':{'$dynamicRef':'#meta'},"
     "'else':{'$dynamicRef':'#meta'},'allOf':{'$ref':'#/$defs/schemaArray'},'anyOf':{'$ref':'#/$defs/schemaArray'},"
     "'oneOf':{'$ref':'#/$defs/schemaArray'},'not':{'$dynamicRef':'#meta'}},'$defs':{'schemaArray':{'type':'array',"
     "'minItems':1,'items':{'$dynamicRef':'#meta'}}}}"},
    {"draft/2020-12/meta/content",
     "{'$schema':'https://json-schema.org/draft/2020-12/schema','$id':'https://json-schema.org/draft/2020-12/meta/content',"
     "'$dynamicAnchor':'meta','type':['object','boolean'],'properties':{'contentEncoding':{'type':'string'},"
     "'contentMediaType':{'type':'string'},'contentSchema':{'$dynamicRef':'#meta'}}}"},
    {"draft/2020-12/meta/core",
     "{'$schema':'https://json-schema.org/draft/2020-12/schema','$id':'https://json-schema.org/draft/2020-12/meta/core',"
     "'$dynamicAnchor':'meta','type':['object','boolean'],'properties':{'$id':{'$ref':'#/$defs/uriReferenceString',"
     "'pattern':'^[^#]*#?$'},'$schema':{'$ref':'#/$defs/uriString'},'$ref':{'$ref':'#/$defs/uriReferenceString'},"
     "'$anchor':{'$ref':'#/$defs/anchorString'},'$dynamicRef':{'$ref':'#/$defs/uriReferenceString'},"
     "'$dynamicAnchor':{'$ref':'#/$defs/anchorString'},'$vocabulary':{'type':'object',"
     "'propertyNames':{'$ref':'#/$defs/uriString'},'additionalProperties':{'type':'boolean'}},'$comment':{'type':'string'},"
     "'$defs':{'type':'object','additionalProperties':{'$dynamicRef':'#meta'}}},'$defs':{'anchorString':{'type':'string',"
     "'pattern':'^[A-Za-z_][-A-Za-z0-9._]*$'},'uriString':{'type':'string','format':'uri'},"
     "'uriReferenceString':{'type':'string','format':'uri-reference'}}}"},
    {"draft/2020-12/meta/format-annotation",
     "{'$schema':'https://json-schema.org/draft/2020-12/schema',"
     "'$id':'https://json-schema.org/draft/2020-12/meta/format-annotation','$dynamicAnchor':'meta','type':['object',"
     "'boolean'],'properties':{'format':{'type':'string'}}}"},
    {"draft/2020-12/meta/format-assertion",
     "{'$schema':'https://json-schema.org/draft/2020-12/schema',"
     "'$id':'https://json-schema.org/draft/2020-12/meta/format-assertion','$dynamicAnchor':'meta','type':['object',"
     "'boolean'],'properties':{'format':{'type':'string'}}}"},
    {"draft/2020-12/meta/meta-data",
     "{'$schema':'https://json-schema.org/draft/2020-12/schema',"
     "'$id':'https://json-schema.org/draft/2020-12/meta/meta-data','$dynamicAnchor':'meta','type':['object','boolean'],"
     "'properties':{'title':{'type':'string'},'description':{'type':'string'},'default':true,"
     "'deprecated':{'type':'boolean'},'readOnly':{'type':'boolean'},'writeOnly':{'type':'boolean'},"
     "'examples':{'type':'array','items':true}}}"},
    {"draft/2020-12/meta/unevaluated",
     "{'$schema':'https://json-schema.org/draft/2020-12/schema',"
     "'$id':'https://json-schema.org/draft/2020-12/meta/unevaluated','$dynamicAnchor':'meta','type':['object','boolean'],"
     "'properties':{'unevaluatedItems':{'$dynamicRef':'#meta'},'unevaluatedProperties':{'$dynamicRef':'#meta'}}}"},
    {"draft/2020-12/meta/validation",
     "{'$schema':'https://json-schema.org/draft/2020-12/schema',"
     "'$id':'https://json-schema.org/draft/2020-12/meta/validation','$dynamicAnchor':'meta','type':['object','boolean'],"
     "'properties':{'type':{'anyOf':[{'$ref':'#/$defs/simpleTypes'},{'type':'array','items':{'$ref':'#/$defs/simpleTypes'},"
     "'minItems':1,'uniqueItems':true}]},'const':true,'enum':{'type':'array','items':true},'multipleOf':{'type':'number',"
     "'exclusiveMinimum':0},'maximum':{'type':'number'},'exclusiveMaximum':{'type':'number'},'minimum':{'type':'number'},"
     "'exclusiveMinimum':{'type':'number'},'maxLength':{'$ref':'#/$defs/nonNegativeInteger'},"
     "'minLength':{'$ref':'#/$defs/nonNegativeIntegerDefault0'},'pattern':{'type':'string','format':'regex'},"
     "'maxItems':{'$ref':'#/$defs/nonNegativeInteger'},'minItems':{'$ref':'#/$defs/nonNegativeIntegerDefault0'},"
     "'uniqueItems':{'type':'boolean'},'maxContains':{'$ref':'#/$defs/nonNegativeInteger'},"
     "'minContains':{'$ref':'#/$defs/nonNegativeInteger'},'maxProperties':{'$ref':'#/$defs/nonNegativeInteger'},"
     "'minProperties':{'$ref':'#/$defs/nonNegativeIntegerDefault0'},'required':{'$ref':'#/$defs/stringArray'},"
     "'dependentRequired':{'type':'object','additionalProperties':{'$ref':'#/$defs/stringArray'}}},"
     "'$defs':{'nonNegativeInteger':{'type':'integer','minimum':0},"
     "'nonNegativeIntegerDefault0':{'$ref':'#/$defs/nonNegativeInteger'},'simpleTypes':{'enum':['array','boolean','integer',"
     "'null','number','object','string']},'stringArray':{'type':'array','items':{'type':'string'},'uniqueItems':true}}}"},
    {"draft/2020-12/schema",
     "{'$schema':'https://json-schema.org/draft/2020-12/schema','$id':'https://json-schema.org/draft/2020-12/schema',"
     "'$dynamicAnchor':'meta','allOf':[{'$ref':'meta/core'},{'$ref':'meta/applicator'},{'$ref':'meta/unevaluated'},"
     "{'$ref':'meta/validation'},{'$ref':'meta/meta-data'},{'$ref':'meta/format-annotation'},{'$ref':'meta/content'}],"
     "'type':['object','boolean'],'properties':{'definitions':{'type':'object',"
     "'additionalProperties':{'$dynamicRef':'#meta'}},'dependencies':{'type':'object',"
     "'additionalProperties':{'anyOf':[{'$dynamicRef':'#meta'},{'$ref':'meta/validation#/$defs/stringArray'}]}},"
     "'$recursiveAnchor':{'$ref':'meta/core#/$defs/anchorString'},"
     "'$recursiveRef':{'$ref':'meta/core#/$defs/uriReferenceString'}}}"},
};

bool schema_draft_text(struct arena *a, const char *url, struct slice *out)
{
    struct slice path = slice_of(url);
    if (slice_has_prefix(path, SLICE("http://json-schema.org/")))
        path = slice_sub(path, 23, path.len);
    else if (slice_has_prefix(path, SLICE("https://json-schema.org/")))
        path = slice_sub(path, 24, path.len);
    else
        return false;
    if (slice_eq_str(path, "schema"))
        path = SLICE("draft/2020-12/schema");
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (!slice_eq_str(path, texts[i].path))
            continue;
        char *text = arena_strdup(a, texts[i].text);
        for (char *p = text; (p = strchr(p, '\'')) != NULL;)
            *p = '"';
        *out = slice_of(text);
        return true;
    }
    return false;
}

static const struct {
    const char *url; // without scheme
    int draft;
} drafts[] = {
    {"json-schema.org/schema", 2020},           {"json-schema.org/draft/2020-12/schema", 2020},
    {"json-schema.org/draft/2019-09/schema", 2019}, {"json-schema.org/draft-07/schema", 7},
    {"json-schema.org/draft-06/schema", 6},     {"json-schema.org/draft-04/schema", 4},
};

static bool is_draft(struct slice url, int *out)
{
    if (slice_has_prefix(url, SLICE("http://")))
        url = slice_sub(url, 7, url.len);
    else if (slice_has_prefix(url, SLICE("https://")))
        url = slice_sub(url, 8, url.len);
    for (size_t i = 0; i < ARRAY_LEN(drafts); i++)
        if (slice_eq_str(url, drafts[i].url)) {
            *out = drafts[i].draft;
            return true;
        }
    return false;
}

static bool was_seen(const struct value *seen, const char *url)
{
    for (size_t i = 0; i < value_len(*seen); i++)
        if (str_eq(value_str(value_at(*seen, i)), url))
            return true;
    return false;
}

bool schema_draft_of(struct schema_doc *doc, struct value schema, const char *url, const char *pointer, int fallback, int *out,
                     struct error *err)
{
    struct arena *a = doc->arena;
    struct value seen = value_list(a), vocabulary = VALUE_NULL;
    struct go_url parsed;
    *out = fallback;
    for (const char *wish; (wish = value_str(value_get(schema, "$schema"))) != NULL;) {
        struct slice plain, fragment;
        slice_cut(slice_of(wish), '#', &plain, &fragment);
        if (fragment.len == 0 && is_draft(plain, out))
            break;
        const char *meta = slice_dup(a, plain);
        if (!go_url_parse(a, plain, &parsed, err))
            return error_wrap(err, "invalid $schema in %s", go_quoted_str(a, schema_location(a, url, slice_of(pointer))));
        if (!*pointer && str_eq(meta, url))
            return error_set(err, ERROR_INVALID, "draft %s is not supported", go_quoted_str(a, meta));
        if (was_seen(&seen, meta))
            return error_set(err, ERROR_INVALID, "cycle in resolving $schema in %s", go_quoted_str(a, meta));
        if (!schema_load(doc, meta, &schema, err))
            return false;
        if (value_len(seen) == 0)
            vocabulary = value_get(schema, "$vocabulary");
        value_push(seen, value_string(meta));
        url = meta;
        pointer = "";
    }
    struct slice text; // of a meta-schema, without its vocabularies
    const char *first = value_str(value_at(seen, 0));
    if (*out < 2019 || !first || !(value_is(vocabulary, V_DICT) || schema_draft_text(a, first, &text)))
        return true;
    return error_set(err, ERROR_INVALID, "%s: meta-schemas with vocabularies of their own are not supported", first);
}
