// digest.h - message digests (OpenSSL's), as hexadecimal text and in the "sha256:…" form of OCI and Flux.
#ifndef RUNNEL_DIGEST_H
#define RUNNEL_DIGEST_H

#include "base/base.h"

#define SHA256_HEX 65
struct digest; // one running computation

struct digest *
digest_new(const char *algorithm); // "sha256", "sha512", "sha384", "sha1", "md5"; NULL: no such algorithm
void digest_add(struct digest *d, const void *data, size_t len);
char *digest_end(struct digest *d, struct arena *a); // lower-case hex; frees d
void digest_free(struct digest *d);

void sha256_hex(const void *data, size_t len, char out[SHA256_HEX]);
char *sha256_digest(struct arena *a, const void *data, size_t len); // "sha256:…"
// "sha256:…" of a file, by the algorithm; NULL: err. A symbolic link is not followed. size: bytes read.
char *digest_file(struct arena *a, const char *path, const char *algorithm, int64_t *size, struct error *err);
bool digest_valid(const char *digest); // "sha256:" + 64, "sha384:" + 96 or "sha512:" + 128 lower-case hex digits

#endif
