// image.h - what the files of image-controller share: the kinds, the process's folders, access to registries.
#ifndef RUNNEL_IMAGE_H
#define RUNNEL_IMAGE_H

#include "controller/controller.h"
#include "controller/schema.h"
#include "oci/oci.h"

#define IMAGE_API "image.toolkit.fluxcd.io/v1"
#define SOURCE_API "source.toolkit.fluxcd.io/v1"

extern const struct controller_kind image_repository_kind, image_policy_kind, image_update_automation_kind;

struct image_app {       // app_data: set before the first reconcile, and then only read
    const char *storage; // --storage-path: the tag database, and below "work" the folders of clones
};

// Conditions' reasons that two kinds have, in Flux's words.
#define REASON_IMAGE_URL_INVALID "ImageURLInvalid"
#define REASON_ACCESS_DENIED "AccessDenied"
#define REASON_DEPENDENCY_NOT_READY "DependencyNotReady"
#define REASON_FAILURE "Failure"

// An ImageRepository's spec.image: a name without scheme, tag or digest.
bool image_name_parse(struct arena *a, const char *image, struct oci_reference *out, struct error *err);

// Connects to the registry of an ImageRepository with the credentials, certificates and proxy that its spec names. The
// caller frees *out. Errors are those of the Secrets; nothing is sent yet.
bool image_registry(struct reconcile *r, struct value repository, const struct oci_reference *image, struct oci **out,
                    struct error *err);

// A Secret's key, decoded; empty where it has none.
struct slice secret_key(struct arena *a, struct value secret, const char *key);

// Whether a metav1.LabelSelector (null: everything) takes an object's labels. INVALID: not a selector.
bool selector_check(struct value selector, struct error *err);
bool selector_matches(struct value selector, struct value labels);

#endif
