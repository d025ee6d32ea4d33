// RSA keys of our own making: OpenSSL finds nothing wrong with them, and signs with them what it then verifies.
#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include "base/base.h"
#include "template/rsa_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static BIGNUM *part(EVP_PKEY *key, const char *name)
{
    BIGNUM *n = NULL;
    assert_int_equal(EVP_PKEY_get_bn_param(key, name, &n), 1);
    return n;
}

static void check(EVP_PKEY *key, int bits)
{
    assert_non_null(key);
    assert_int_equal(EVP_PKEY_get_bits(key), bits);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    assert_int_equal(EVP_PKEY_check(ctx), 1); // primes, exponents, coefficient
    assert_int_equal(EVP_PKEY_pairwise_check(ctx), 1);
    EVP_PKEY_CTX_free(ctx);
    BIGNUM *p = part(key, OSSL_PKEY_PARAM_RSA_FACTOR1), *q = part(key, OSSL_PKEY_PARAM_RSA_FACTOR2);
    BIGNUM *e = part(key, OSSL_PKEY_PARAM_RSA_E), *d = part(key, OSSL_PKEY_PARAM_RSA_D);
    assert_true(BN_cmp(p, q) > 0);
    assert_int_equal(BN_num_bits(p), bits / 2);
    assert_int_equal(BN_num_bits(q), bits / 2);
    assert_true(BN_is_word(e, 65537));
    assert_true(BN_num_bits(d) > bits / 2);
    BN_free(p);
    BN_free(q);
    BN_free(e);
    BN_free(d);
}

static void keys(void **state)
{
    static const int sizes[] = {512, 1024, 2048, 2048, 3072};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        EVP_PKEY *key = rsa_key_new(sizes[i]);
        check(key, sizes[i]);
        EVP_PKEY_free(key);
    }
}

static void no_two_alike(void **state)
{
    EVP_PKEY *one = rsa_key_new(1024), *other = rsa_key_new(1024);
    assert_int_equal(EVP_PKEY_eq(one, other), 0);
    EVP_PKEY_free(one);
    EVP_PKEY_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keys), cmocka_unit_test(no_two_alike)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
