// bucket.c - Bucket: refused by name, so that nobody waits for an artifact that will not come.
#include "source.h"

static struct result reconcile_bucket(struct reconcile *r)
{
    return source_deleted(r); // nothing else reaches a kind that is refused
}

static const struct field fields[] = {
    {"bucketName", FIELD_REFUSED, NULL, NULL},
    {"certSecretRef", FIELD_REFUSED, NULL, NULL},
    {"endpoint", FIELD_REFUSED, NULL, NULL},
    {"ignore", FIELD_REFUSED, NULL, NULL},
    {"insecure", FIELD_REFUSED, NULL, NULL},
    {"interval", FIELD_REFUSED, NULL, NULL},
    {"prefix", FIELD_REFUSED, NULL, NULL},
    {"provider", FIELD_REFUSED, NULL, NULL},
    {"proxySecretRef", FIELD_REFUSED, NULL, NULL},
    {"region", FIELD_REFUSED, NULL, NULL},
    {"secretRef", FIELD_REFUSED, NULL, NULL},
    {"serviceAccountName", FIELD_REFUSED, NULL, NULL},
    {"sts", FIELD_REFUSED, NULL, NULL},
    {"suspend", FIELD_WORKS, NULL, NULL},
    {"timeout", FIELD_REFUSED, NULL, NULL},
};

const struct controller_kind bucket_kind = {
    .api_version = SOURCE_API,
    .kind = "Bucket",
    .reconcile = reconcile_bucket,
    .fields = fields,
    .field_count = ARRAY_LEN(fields),
    .schema = &schema_Bucket,
    .refused = "Bucket is not supported by Runnel yet",
};
