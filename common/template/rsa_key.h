// rsa_key.h - new RSA keys, as fast as Go makes them.
#ifndef RUNNEL_TEMPLATE_RSA_KEY_H
#define RUNNEL_TEMPLATE_RSA_KEY_H

#include <openssl/evp.h>

// A key of two primes with the exponent 65537; NULL when the library fails. The caller frees it.
EVP_PKEY *rsa_key_new(int bits);

#endif
