// rsa_key.c - RSA keys of two random primes (RFC 8017, FIPS 186-5 A.1.3).
//
// OpenSSL's own generation looks for primes of its own construction (FIPS 186-5 A.1.6), which takes thrice as long. The
// primes here are its BN_generate_prime_ex's, with all of its rounds, each looked for by a thread.
#include "template/rsa_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <pthread.h>
#include <stdbool.h>

#include "base/base.h"

#define EXPONENT 65537

enum { N, E, D, P, Q, DP, DQ, QINV, PARTS };

// The names that the library has for the parts.
static const char *const names[PARTS] = {
    OSSL_PKEY_PARAM_RSA_N,         OSSL_PKEY_PARAM_RSA_E,
    OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_FACTOR1,
    OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
    OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
};

struct search {
    BIGNUM *prime;
    int bits;
    bool found;
};

static void *find_prime(void *arg)
{
    struct search *s = arg;
    s->found = BN_generate_prime_ex(s->prime, s->bits, 0, NULL, NULL, NULL);
    return NULL;
}

// p is the larger one.
static bool find_primes(BIGNUM *p, BIGNUM *q, int bits)
{
    struct search one = {p, bits, false}, other = {q, bits, false};
    pthread_t helper;
    bool helped = pthread_create(&helper, NULL, find_prime, &one) == 0;
    find_prime(&other);
    if (helped)
        pthread_join(helper, NULL);
    else
        find_prime(&one);
    if (one.found && other.found && BN_cmp(p, q) < 0)
        BN_swap(p, q);
    return one.found && other.found;
}

// Whether the primes are far enough from each other: their difference has more than bits - 100 bits.
static bool far_apart(const BIGNUM *p, const BIGNUM *q, int bits, BIGNUM *scratch)
{
    return BN_sub(scratch, p, q) && BN_num_bits(scratch) > bits - 100;
}

// d is the inverse of e by the least common multiple of p-1 and q-1. Where e has none, other primes are needed
// (*again).
static bool derive(BIGNUM *part[PARTS], int bits, BN_CTX *ctx, bool *again)
{
    BN_CTX_start(ctx);
    BIGNUM *p1 = BN_CTX_get(ctx), *q1 = BN_CTX_get(ctx), *all = BN_CTX_get(ctx), *common = BN_CTX_get(ctx);
    bool ok = common && BN_sub(p1, part[P], BN_value_one()) && BN_sub(q1, part[Q], BN_value_one()) &&
              BN_mul(all, p1, q1, ctx) && BN_gcd(common, all, part[E], ctx);
    *again = ok && (!BN_is_one(common) || !far_apart(part[P], part[Q], bits, common));
    if (ok && !*again)
        ok = BN_gcd(common, p1, q1, ctx) && BN_div(all, NULL, all, common, ctx) &&
             BN_mod_inverse(part[D], part[E], all, ctx) && BN_mul(part[N], part[P], part[Q], ctx) &&
             BN_mod(part[DP], part[D], p1, ctx) && BN_mod(part[DQ], part[D], q1, ctx) &&
             BN_mod_inverse(part[QINV], part[Q], part[P], ctx);
    BN_CTX_end(ctx);
    return ok;
}

static EVP_PKEY *assemble(BIGNUM *part[PARTS])
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    bool ok = ctx && builder;
    for (int i = 0; i < PARTS; i++)
        ok = ok && OSSL_PARAM_BLD_push_BN(builder, names[i], part[i]);
    OSSL_PARAM *params = ok ? OSSL_PARAM_BLD_to_param(builder) : NULL;
    if (!params || EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1)
        key = NULL;
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

EVP_PKEY *rsa_key_new(int bits)
{
    BN_CTX *ctx = BN_CTX_secure_new();
    BIGNUM *part[PARTS];
    bool ok = ctx != NULL, again = true;
    for (int i = 0; i < PARTS; i++) {
        part[i] = BN_secure_new();
        ok = ok && part[i];
    }
    ok = ok && BN_set_word(part[E], EXPONENT);
    while (ok && again)
        ok = find_primes(part[P], part[Q], bits / 2) && derive(part, bits / 2, ctx, &again);
    EVP_PKEY *key = ok ? assemble(part) : NULL;
    for (int i = 0; i < PARTS; i++)
        BN_clear_free(part[i]);
    BN_CTX_free(ctx);
    return key;
}
