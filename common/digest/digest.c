// digest.c - message digests by OpenSSL's functions for one algorithm each.
//
// OpenSSL would have EVP used instead, which loads its configuration and providers first: two milliseconds and half a
// MiB for the first digest of a process, more than rendering a small chart takes.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "digest/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/md5.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <unistd.h>

#define SUM_MAX SHA512_DIGEST_LENGTH

union context {
    SHA256_CTX sha256;
    SHA512_CTX sha512; // and SHA-384's
    SHA_CTX sha1;
    MD5_CTX md5;
};

struct digest {
    const struct algorithm *algorithm;
    union context context;
};

#define FUNCTIONS(prefix, member)                                                                                      \
    static int prefix##_start(union context *c)                                                                        \
    {                                                                                                                  \
        return prefix##_Init(&c->member);                                                                              \
    }                                                                                                                  \
    static int prefix##_more(union context *c, const void *data, size_t len)                                           \
    {                                                                                                                  \
        return prefix##_Update(&c->member, data, len);                                                                 \
    }                                                                                                                  \
    static int prefix##_end(union context *c, unsigned char *sum)                                                      \
    {                                                                                                                  \
        return prefix##_Final(sum, &c->member);                                                                        \
    }
FUNCTIONS(SHA256, sha256)
FUNCTIONS(SHA512, sha512)
FUNCTIONS(SHA384, sha512)
FUNCTIONS(SHA1, sha1)
FUNCTIONS(MD5, md5)

static const struct algorithm {
    const char *name;
    int (*start)(union context *c);
    int (*more)(union context *c, const void *data, size_t len);
    int (*end)(union context *c, unsigned char *sum);
    size_t len;   // of the sum
    bool content; // OCI's registered algorithms, the ones a digest of content may use
} algorithms[] = {
    {"sha256", SHA256_start, SHA256_more, SHA256_end, SHA256_DIGEST_LENGTH, true},
    {"sha512", SHA512_start, SHA512_more, SHA512_end, SHA512_DIGEST_LENGTH, true},
    {"sha384", SHA384_start, SHA384_more, SHA384_end, SHA384_DIGEST_LENGTH, true},
    {"sha1", SHA1_start, SHA1_more, SHA1_end, SHA_DIGEST_LENGTH, false},
    {"md5", MD5_start, MD5_more, MD5_end, MD5_DIGEST_LENGTH, false},
};

static const struct algorithm *find_algorithm(struct slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
        if (slice_eq_str(name, algorithms[i].name))
            return &algorithms[i];
    }
    return NULL;
}

struct digest *digest_new(const char *algorithm)
{
    const struct algorithm *found = find_algorithm(slice_of(algorithm));
    if (!found)
        return NULL;
    struct digest *d = xmalloc(sizeof *d);
    d->algorithm = found;
    found->start(&d->context);
    return d;
}

void digest_add(struct digest *d, const void *data, size_t len)
{
    d->algorithm->more(&d->context, data, len);
}

static void finish(struct digest *d, char *out)
{
    unsigned char sum[SUM_MAX];
    d->algorithm->end(&d->context, sum);
    hex_encode(sum, d->algorithm->len, out);
    digest_free(d);
}

char *digest_end(struct digest *d, struct arena *a)
{
    char hex[2 * SUM_MAX + 1];
    finish(d, hex);
    return arena_strdup(a, hex);
}

void digest_free(struct digest *d)
{
    free(d);
}

void sha256_hex(const void *data, size_t len, char out[SHA256_HEX])
{
    struct digest *d = digest_new("sha256");
    digest_add(d, data, len);
    finish(d, out);
}

char *sha256_digest(struct arena *a, const void *data, size_t len)
{
    char hex[SHA256_HEX];
    sha256_hex(data, len, hex);
    return arena_printf(a, "sha256:%s", hex);
}

static bool add_file(struct digest *d, int fd, int64_t *size)
{
    char block[1 << 16];
    for (*size = 0;;) {
        ssize_t n = read(fd, block, sizeof block);
        if (n == 0)
            return true;
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0) {
            digest_add(d, block, (size_t)n);
            *size += n;
        }
    }
}

char *digest_file(struct arena *a, const char *path, const char *algorithm, int64_t *size, struct error *err)
{
    struct digest *d = digest_new(algorithm);
    if (!d) {
        error_set(err, ERROR_INVALID, "unsupported digest algorithm '%s'", algorithm);
        return NULL;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool ok = fd >= 0 && add_file(d, fd, size);
    if (!ok)
        error_set_errno(err, errno, "%s %s", fd < 0 ? "open" : "read", path);
    if (fd >= 0)
        close(fd);
    if (ok)
        return arena_printf(a, "%s:%s", algorithm, digest_end(d, a));
    digest_free(d);
    return NULL;
}

bool digest_valid(const char *digest)
{
    struct slice algorithm, hex;
    if (!slice_cut(slice_of(digest), ':', &algorithm, &hex))
        return false;
    const struct algorithm *found = find_algorithm(algorithm);
    return found && found->content && hex.len == 2 * found->len && strspn(hex.data, "0123456789abcdef") == hex.len;
}
