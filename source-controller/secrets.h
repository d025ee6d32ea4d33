// secrets.h - what sources read from Secrets. Errors name the Secret and the key, never what is in it.
#ifndef RUNNEL_SOURCE_SECRETS_H
#define RUNNEL_SOURCE_SECRETS_H

#include "controller/controller.h"
#include "http/http.h"
#include "oci/oci.h"

// A Secret of the object's namespace: "failed to get secret 'ns/name': …".
bool secret_get(struct reconcile *r, const char *name, struct value *out, struct error *err);
const char *secret_text(struct reconcile *r, struct value secret, const char *key);   // NULL: absent
struct slice secret_bytes(struct reconcile *r, struct value secret, const char *key); // empty: absent
// ca.crt, tls.crt, tls.key (or the older caFile, certFile, keyFile) where they are there; a certificate without its key
// is an error.
bool secret_tls(struct reconcile *r, struct value secret, struct http_tls *out, struct error *err);
// The same of a Secret that is there for nothing else (certSecretRef): one of them has to be in it.
bool secret_tls_required(struct reconcile *r, const char *name, struct http_tls *out, struct error *err);
// username and password: both or neither (*user NULL).
bool secret_basic(struct reconcile *r, struct value secret, const char **user, const char **password,
                  struct error *err);
// proxySecretRef: address, and username and password where it has them, as one URL.
bool secret_proxy(struct reconcile *r, const char *name, const char **proxy, struct error *err);
// Credentials for a repository ("ghcr.io/org/app") from a kubernetes.io/dockerconfigjson Secret. False with err clear:
// none fits.
bool secret_registry(struct reconcile *r, struct value secret, const char *repository, struct oci_credentials *out,
                     struct error *err);

#endif
