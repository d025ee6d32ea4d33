// digest.c - message digests by OpenSSL's EVP interface.
#include "digest/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <unistd.h>

struct digest {
    EVP_MD_CTX *context;
};

static const struct algorithm {
    const char *name;
    const EVP_MD *(*method)(void);
    size_t hex;   // digits of the text
    bool content; // OCI's registered algorithms, the ones a digest of content may use
} algorithms[] = {
    {"sha256", EVP_sha256, 64, true}, {"sha512", EVP_sha512, 128, true}, {"sha384", EVP_sha384, 96, true},
    {"sha1", EVP_sha1, 40, false},    {"md5", EVP_md5, 32, false},
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
    d->context = EVP_MD_CTX_new();
    if (!d->context)
        abort();
    if (EVP_DigestInit_ex(d->context, found->method(), NULL) != 1) {
        digest_free(d); // a provider in FIPS mode has no md5
        return NULL;
    }
    return d;
}

void digest_add(struct digest *d, const void *data, size_t len)
{
    if (EVP_DigestUpdate(d->context, data, len) != 1)
        abort();
}

static void finish(struct digest *d, char *out)
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (EVP_DigestFinal_ex(d->context, sum, &len) != 1)
        abort();
    hex_encode(sum, len, out);
    digest_free(d);
}

char *digest_end(struct digest *d, struct arena *a)
{
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    finish(d, hex);
    return arena_strdup(a, hex);
}

void digest_free(struct digest *d)
{
    if (!d)
        return;
    EVP_MD_CTX_free(d->context);
    free(d);
}

void sha256_hex(const void *data, size_t len, char out[SHA256_HEX])
{
    unsigned char sum[32];
    if (EVP_Digest(data, len, sum, NULL, EVP_sha256(), NULL) != 1)
        abort();
    hex_encode(sum, sizeof sum, out);
}

char *sha256_digest(struct arena *a, const void *data, size_t len)
{
    char hex[SHA256_HEX];
    sha256_hex(data, len, hex);
    return arena_printf(a, "sha256:%s", hex);
}

bool sha256_file(const char *path, char out[SHA256_HEX], int64_t *size, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(err, errno, "open %s", path);
    struct digest *d = digest_new("sha256");
    char block[16384];
    int64_t total = 0;
    ssize_t n;
    while ((n = read(fd, block, sizeof block)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break;
        digest_add(d, block, (size_t)n);
        total += n;
    }
    int number = errno;
    close(fd);
    if (n < 0) {
        digest_free(d);
        return error_set_errno(err, number, "read %s", path);
    }
    finish(d, out);
    if (size)
        *size = total;
    return true;
}

bool digest_valid(const char *digest)
{
    struct slice algorithm, hex;
    if (!slice_cut(slice_of(digest), ':', &algorithm, &hex))
        return false;
    const struct algorithm *found = find_algorithm(algorithm);
    return found && found->content && hex.len == found->hex && strspn(hex.data, "0123456789abcdef") == hex.len;
}
