// sprig_certs.c - Sprig's private keys and X.509 certificates, on OpenSSL. A certificate is an object with Cert and
// Key, both PEM.
#include "template/rsa_key.h"
#include "template/sprig.h"

#include <arpa/inet.h>
#include <openssl/bn.h>
#include <openssl/dsa.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define RSA_BITS 2048      // of a certificate's key
#define RSA_KEY_BITS 4096  // of genPrivateKey's
#define DAY_NS 86400000000000

struct certificate {
    struct object object; // first
    const char *cert, *key;
};

static void pkey_free(EVP_PKEY **p)
{
    EVP_PKEY_free(*p);
}

static void x509_free(X509 **p)
{
    X509_free(*p);
}

static void bio_free(BIO **p)
{
    BIO_free(*p);
}

// ---- the object -----------------------------------------------------------------------------------------------------

static bool certificate_cert(struct object *self, struct value_call *call)
{
    call->result = value_string(((struct certificate *)self)->cert);
    return true;
}

static bool certificate_key(struct object *self, struct value_call *call)
{
    call->result = value_string(((struct certificate *)self)->key);
    return true;
}

static struct value certificate_fields(struct arena *a, struct object *self)
{
    const struct certificate *c = (struct certificate *)self;
    struct value fields = value_dict_fields(a);
    value_set_str(fields, "Cert", c->cert);
    value_set_str(fields, "Key", c->key);
    return fields;
}

static const struct value_class certificate_class = {
    .go_type = "sprig.certificate",
    .go_kind = "struct",
    .members = (const struct value_member[]){{"Cert", false, 0, 0, certificate_cert},
                                             {"Key", false, 0, 0, certificate_key}},
    .member_count = 2,
    .fields = certificate_fields,
    .plain = certificate_fields,
};

static struct value certificate_new(struct arena *a, const char *cert, const char *key)
{
    struct certificate *c = arena_new_of(a, struct certificate);
    *c = (struct certificate){{&certificate_class}, cert, key};
    return value_object(&c->object);
}

// ---- PEM ------------------------------------------------------------------------------------------------------------

static char *bio_text(struct arena *a, BIO *bio)
{
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    return arena_strndup(a, data, (size_t)len);
}

static char *cert_pem(struct arena *a, X509 *cert)
{
    BIO *bio cleanup(bio_free) = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, cert);
    return bio_text(a, bio);
}

// RSA, EC and DSA keys in their own old forms, the rest as PKCS #8.
static char *key_pem(struct arena *a, EVP_PKEY *key)
{
    BIO *bio cleanup(bio_free) = BIO_new(BIO_s_mem());
    if (EVP_PKEY_base_id(key) == EVP_PKEY_ED25519)
        PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    else
        PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL);
    return bio_text(a, bio);
}

struct pem { // the first block of a text
    const char *type; // NULL: there is none
    struct slice data;
};

static struct pem pem_decode(struct arena *a, struct slice text)
{
    struct pem pem = {0};
    char *type = NULL, *header = NULL;
    unsigned char *data = NULL;
    long len;
    BIO *bio cleanup(bio_free) = BIO_new_mem_buf(text.data, (int)text.len);
    if (PEM_read_bio(bio, &type, &header, &data, &len) == 1)
        pem = (struct pem){arena_strdup(a, type), slice_n(arena_strndup(a, (char *)data, (size_t)len), (size_t)len)};
    OPENSSL_free(type);
    OPENSSL_free(header);
    OPENSSL_free(data);
    ERR_clear_error();
    return pem;
}

static EVP_PKEY *pkcs8_key(struct slice der)
{
    const unsigned char *at = (const unsigned char *)der.data;
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.len);
    EVP_PKEY *key = info ? EVP_PKCS82PKEY(info) : NULL;
    PKCS8_PRIV_KEY_INFO_free(info);
    ERR_clear_error();
    return key;
}

// NULL with the call's error set, as Sprig words it; what follows is the encoding's own fault.
static EVP_PKEY *read_key(struct template_call *call, struct slice text)
{
    static const struct {
        const char *type;
        int id;
        const char *name;
    } kinds[] = {{"EC PRIVATE KEY", EVP_PKEY_EC, "EC"},
                 {"RSA PRIVATE KEY", EVP_PKEY_RSA, "RSA"},
                 {"DSA PRIVATE KEY", EVP_PKEY_DSA, "DSA"}};
    struct pem pem = pem_decode(call->arena, text);
    EVP_PKEY *key = NULL;
    if (!pem.type) {
        sprig_fail(call, "no PEM data in input");
        return NULL;
    }
    if (str_eq(pem.type, "PRIVATE KEY")) {
        key = pkcs8_key(pem.data);
        if (!key)
            sprig_fail(call, "decoding PEM as PKCS#8: x509: failed to parse private key");
        return key;
    }
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (!str_eq(pem.type, kinds[i].type))
            continue;
        const unsigned char *at = (const unsigned char *)pem.data.data;
        key = d2i_PrivateKey(kinds[i].id, NULL, &at, (long)pem.data.len);
        ERR_clear_error();
        if (!key)
            sprig_fail(call, "parsing %s private key from PEM: x509: failed to parse %s private key", kinds[i].name,
                       kinds[i].name);
        return key;
    }
    sprig_fail(call, str_has_suffix(pem.type, " PRIVATE KEY") ? "invalid private key type %s"
                                                              : "no private key data in PEM block of type %s",
               pem.type);
    return NULL;
}

// As read_key. `what` names the block in the message.
static X509 *read_cert(struct template_call *call, struct slice text, const char *what)
{
    struct pem pem = pem_decode(call->arena, text);
    if (!pem.type) {
        sprig_fail(call, "unable to decode certificate");
        return NULL;
    }
    const unsigned char *start = (const unsigned char *)pem.data.data, *at = start;
    X509 *cert = d2i_X509(NULL, &at, (long)pem.data.len);
    if (cert && at == start + pem.data.len)
        return cert;
    long inner;
    int tag, class;
    const unsigned char *outer = start;
    bool sequence = !(ASN1_get_object(&outer, &inner, &tag, &class, (long)pem.data.len) & 0x80) && tag == V_ASN1_SEQUENCE;
    const char *fault = cert || (sequence && outer + inner < start + pem.data.len) ? "trailing data"
                        : sequence ? "malformed tbs certificate" : "malformed certificate";
    X509_free(cert);
    ERR_clear_error();
    sprig_fail(call, "error parsing certificate: %s.Bytes: x509: %s", what, fault);
    return NULL;
}

// ---- keys -----------------------------------------------------------------------------------------------------------

static EVP_PKEY *dsa_key(void)
{
    EVP_PKEY *parameters cleanup(pkey_free) = NULL, *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_DSA, NULL);
    if (EVP_PKEY_paramgen_init(ctx) == 1 && EVP_PKEY_CTX_set_dsa_paramgen_bits(ctx, 2048) == 1 &&
        EVP_PKEY_CTX_set_dsa_paramgen_q_bits(ctx, 256) == 1)
        EVP_PKEY_paramgen(ctx, &parameters);
    EVP_PKEY_CTX_free(ctx);
    if (!parameters)
        return NULL;
    ctx = EVP_PKEY_CTX_new(parameters, NULL);
    if (EVP_PKEY_keygen_init(ctx) == 1)
        EVP_PKEY_keygen(ctx, &key);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static bool fn_gen_private_key(struct template_call *call, struct value *result)
{
    struct slice type = arg_text(call, 0);
    EVP_PKEY *key cleanup(pkey_free) = NULL;
    if (!template_steps(call, TEMPLATE_STEPS_KEY))
        return false;
    if (type.len == 0 || slice_eq_str(type, "rsa")) {
        key = rsa_key_new(RSA_KEY_BITS);
    } else if (slice_eq_str(type, "dsa")) {
        key = dsa_key();
    } else if (slice_eq_str(type, "ecdsa")) {
        key = EVP_EC_gen("P-256");
    } else if (slice_eq_str(type, "ed25519")) {
        key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    } else {
        *result = sprig_said(call, "Unknown type ", type);
        return true;
    }
    if (!key)
        return sprig_fail(call, "failed to generate private key");
    *result = value_string(key_pem(call->arena, key));
    return true;
}

// ---- certificates ---------------------------------------------------------------------------------------------------

struct request {
    struct slice name; // common name
    struct value ips, names;
    int64_t days;
    bool authority;
    EVP_PKEY *key;
    X509 *issuer;         // NULL: signs itself
    EVP_PKEY *issuer_key;
};

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *text)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, text);
    bool good = extension && X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return good;
}

// Go's choice: PrintableString where its alphabet is enough, else UTF8String.
static bool is_printable(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!s.data[i] || !strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?", s.data[i]))
            return false;
    return true;
}

static bool set_subject(struct template_call *call, X509 *cert, struct slice name)
{
    if (!utf8_valid(name.data, name.len))
        return sprig_fail(call, "error creating certificate: asn1: string not valid UTF-8");
    if (name.len)
        X509_NAME_add_entry_by_NID(X509_get_subject_name(cert), NID_commonName,
                                   is_printable(name) ? V_ASN1_PRINTABLESTRING : V_ASN1_UTF8STRING,
                                   (const unsigned char *)name.data, (int)name.len, -1, 0);
    return true;
}

static void add_general_name(GENERAL_NAMES *names, int type, const void *data, int len)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *text =
        type == GEN_IPADD ? (ASN1_STRING *)ASN1_OCTET_STRING_new() : (ASN1_STRING *)ASN1_IA5STRING_new();
    ASN1_STRING_set(text, data, len);
    GENERAL_NAME_set0_value(name, type, text);
    sk_GENERAL_NAME_push(names, name);
}

static bool collect_names(struct template_call *call, const struct request *r, GENERAL_NAMES *names)
{
    for (size_t i = 0; i < value_len(r->names); i++) {
        struct value name = value_at(r->names, i);
        if (name.kind != V_STRING)
            return sprig_fail(call, "error processing alternate dns name: %s is not a string",
                              sprig_text(call->arena, name).data);
        for (size_t k = 0; k < name.len; k++)
            if ((unsigned char)name.data[k] > 127)
                return sprig_fail(call, "error creating certificate: x509: %s cannot be encoded as an IA5String",
                                  go_quoted(call->arena, value_slice(name)));
        add_general_name(names, GEN_DNS, name.data, (int)name.len);
    }
    for (size_t i = 0; i < value_len(r->ips); i++) {
        struct value ip = value_at(r->ips, i);
        unsigned char address[16];
        if (ip.kind != V_STRING)
            return sprig_fail(call, "error parsing ip: %s is not a string", sprig_text(call->arena, ip).data);
        if (inet_pton(AF_INET, ip.data, address) == 1)
            add_general_name(names, GEN_IPADD, address, 4);
        else if (inet_pton(AF_INET6, ip.data, address) == 1 && IN6_IS_ADDR_V4MAPPED((struct in6_addr *)address))
            add_general_name(names, GEN_IPADD, address + 12, 4);
        else if (inet_pton(AF_INET6, ip.data, address) == 1)
            add_general_name(names, GEN_IPADD, address, 16);
        else
            return sprig_fail(call, "error parsing ip: %s", ip.data);
    }
    return true;
}

static bool add_alternative_names(struct template_call *call, const struct request *r, X509 *cert)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    bool good = collect_names(call, r, names);
    if (good && sk_GENERAL_NAME_num(names) > 0)
        X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0);
    GENERAL_NAMES_free(names);
    return good;
}

static void set_serial(X509 *cert)
{
    unsigned char bytes[16];
    random_bytes(bytes, sizeof bytes);
    BIGNUM *serial = BN_bin2bn(bytes, sizeof bytes, NULL);
    BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(cert));
    BN_free(serial);
}

static bool make_certificate(struct template_call *call, const struct request *r, struct value *result)
{
    X509 *cert cleanup(x509_free) = X509_new();
    X509 *issuer = r->issuer ? r->issuer : cert;
    X509_set_version(cert, X509_VERSION_3);
    set_serial(cert);
    X509_time_adj_ex(X509_getm_notBefore(cert), 0, 0, NULL);
    int64_t lifetime = (int64_t)((uint64_t)r->days * DAY_NS); // it wraps around in Go, too
    X509_time_adj_ex(X509_getm_notAfter(cert), (int)(lifetime / DAY_NS), (long)(lifetime % DAY_NS / 1000000000), NULL);
    EVP_PKEY *signer = r->issuer ? r->issuer_key : r->key;
    if (EVP_PKEY_base_id(signer) == EVP_PKEY_DSA)
        return sprig_fail(call, "error creating certificate: x509: certificate private key does not implement crypto.Signer");
    if (EVP_PKEY_base_id(r->key) == EVP_PKEY_DSA)
        return sprig_fail(call, "error creating certificate: x509: unsupported public key type: *dsa.PublicKey");
    if (!set_subject(call, cert, r->name))
        return false;
    X509_set_issuer_name(cert, X509_get_subject_name(issuer));
    X509_set_pubkey(cert, r->key);
    const char *usage = r->authority ? "critical,digitalSignature,keyEncipherment,keyCertSign"
                                     : "critical,digitalSignature,keyEncipherment";
    bool good =
        add_extension(cert, issuer, NID_key_usage, usage) &&
        add_extension(cert, issuer, NID_ext_key_usage, "serverAuth,clientAuth") &&
        add_extension(cert, issuer, NID_basic_constraints, r->authority ? "critical,CA:TRUE" : "critical,CA:FALSE") &&
        (!r->authority || add_extension(cert, issuer, NID_subject_key_identifier, "hash")) &&
        (!r->issuer || X509_get0_subject_key_id(issuer) == NULL ||
         add_extension(cert, issuer, NID_authority_key_identifier, "keyid"));
    if (good && !add_alternative_names(call, r, cert))
        return false;
    const EVP_MD *md = EVP_PKEY_base_id(signer) == EVP_PKEY_ED25519 ? NULL : EVP_sha256();
    if (!good || X509_sign(cert, signer, md) <= 0) {
        ERR_clear_error();
        return sprig_fail(call, "error creating certificate");
    }
    *result = certificate_new(call->arena, cert_pem(call->arena, cert), key_pem(call->arena, r->key));
    return true;
}

// The key to certify: the last argument's, where the function takes one ("…WithKey"), else a new one.
static EVP_PKEY *certified_key(struct template_call *call)
{
    EVP_PKEY *key;
    if (!template_steps(call, TEMPLATE_STEPS_KEY))
        return NULL;
    if (str_has_suffix(call->name, "WithKey")) {
        key = read_key(call, arg_text(call, call->argc - 1));
        if (!key)
            error_wrap(call->err, "parsing private key");
    } else {
        key = rsa_key_new(RSA_BITS);
        if (!key)
            sprig_fail(call, "error generating rsa key");
    }
    ERR_clear_error();
    return key;
}

static bool fn_gen_ca(struct template_call *call, struct value *result)
{
    EVP_PKEY *key cleanup(pkey_free) = certified_key(call);
    struct request r = {.name = arg_text(call, 0), .days = call->args[1].integer, .authority = true, .key = key};
    return key && make_certificate(call, &r, result);
}

static bool fn_gen_self_signed_cert(struct template_call *call, struct value *result)
{
    EVP_PKEY *key cleanup(pkey_free) = certified_key(call);
    struct request r = {.name = arg_text(call, 0), .ips = call->args[1], .names = call->args[2],
                        .days = call->args[3].integer, .key = key};
    return key && make_certificate(call, &r, result);
}

static bool fn_gen_signed_cert(struct template_call *call, struct value *result)
{
    const struct certificate *ca = (struct certificate *)call->args[4].object;
    EVP_PKEY *key cleanup(pkey_free) = certified_key(call);
    X509 *issuer cleanup(x509_free) = key ? read_cert(call, slice_of(ca->cert), "decodedSignerCert") : NULL;
    if (!issuer)
        return false;
    EVP_PKEY *issuer_key cleanup(pkey_free) = read_key(call, slice_of(ca->key));
    if (!issuer_key)
        return error_wrap(call->err, "error parsing private key");
    struct request r = {.name = arg_text(call, 0), .ips = call->args[1], .names = call->args[2],
                        .days = call->args[3].integer, .key = key, .issuer = issuer, .issuer_key = issuer_key};
    return make_certificate(call, &r, result);
}

static bool decode_arg(struct template_call *call, size_t i, const char *what, struct buf *out)
{
    size_t at;
    if (sprig_base64_decode(out, value_slice(call->args[i]), &at))
        return true;
    return sprig_fail(call, "unable to decode base64 %s", what);
}

static bool fn_build_custom_cert(struct template_call *call, struct value *result)
{
    struct buf cert = BUF_IN(call->arena), key = BUF_IN(call->arena);
    if (!decode_arg(call, 0, "certificate", &cert) || !decode_arg(call, 1, "private key", &key))
        return false;
    X509 *parsed cleanup(x509_free) = read_cert(call, buf_view(&cert), "decodedCert");
    if (!parsed)
        return false;
    EVP_PKEY *parsed_key cleanup(pkey_free) = read_key(call, buf_view(&key));
    if (!parsed_key)
        return error_wrap(call->err, "error parsing private key");
    *result = certificate_new(call->arena, buf_cstr(&cert), buf_cstr(&key));
    return true;
}

static const struct template_func items[] = {
    {"buildCustomCert", "ss", fn_build_custom_cert},
    {"genCA", "si", fn_gen_ca},
    {"genCAWithKey", "sis", fn_gen_ca},
    {"genPrivateKey", "s", fn_gen_private_key},
    {"genSelfSignedCert", "slli", fn_gen_self_signed_cert},
    {"genSelfSignedCertWithKey", "sllis", fn_gen_self_signed_cert},
    {"genSignedCert", "sllic", fn_gen_signed_cert},
    {"genSignedCertWithKey", "sllics", fn_gen_signed_cert},
};
const struct template_funcs sprig_certs = {.items = items, .count = ARRAY_LEN(items)};
