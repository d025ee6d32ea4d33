// sprig_crypto.c - Sprig's password hashes, derived passwords and AES.
#include "template/sprig.h"

#include <crypt.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>

#define BCRYPT_COST 10
#define BCRYPT_MAX 72 // bytes of a password

static void clear_free(struct crypt_data **data)
{
    if (*data)
        explicit_bzero(*data, sizeof **data);
    free(*data);
}

static bool bcrypt_hash(struct template_call *call, struct slice password, struct value *result)
{
    // The functions that hash give the failure as their text.
    if (password.len > BCRYPT_MAX) {
        *result = value_string("failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes");
        return true;
    }
    if (!template_steps(call, TEMPLATE_STEPS_KEY))
        return false;
    char salt[CRYPT_GENSALT_OUTPUT_SIZE], random[16];
    random_bytes(random, sizeof random);
    struct crypt_data *data cleanup(clear_free) = xcalloc(1, sizeof *data);
    const char *hash = NULL;
    if (crypt_gensalt_rn("$2a$", BCRYPT_COST, random, sizeof random, salt, sizeof salt))
        hash = crypt_r(slice_dup(call->arena, password), salt, data);
    if (!hash || hash[0] == '*')
        return sprig_fail(call, "bcrypt: cannot hash");
    *result = value_string_copy(call->arena, hash, strlen(hash));
    return true;
}

static bool fn_bcrypt(struct template_call *call, struct value *result)
{
    return bcrypt_hash(call, arg_text(call, 0), result);
}

static bool fn_htpasswd(struct template_call *call, struct value *result)
{
    struct slice user = arg_text(call, 0);
    if (slice_find_char(user, ':') >= 0) {
        *result = sprig_said(call, "invalid username: ", user);
        return true;
    }
    struct value hash = VALUE_NULL;
    if (!bcrypt_hash(call, arg_text(call, 1), &hash))
        return false;
    struct buf out = BUF_IN(call->arena);
    buf_slice(&out, user);
    buf_char(&out, ':');
    buf_str(&out, hash.data);
    *result = call_text(call, &out);
    return true;
}

// ---- derived passwords: the Master Password algorithm, version 0 ----------------------------------------------------

#define MASTER_SEED "com.lyndir.masterpassword"

static const struct {
    const char *type;
    const char *templates; // separated by spaces
} password_types[] = {
    {"maximum", "anoxxxxxxxxxxxxxxxxx axxxxxxxxxxxxxxxxxno"},
    {"long",
     "CvcvnoCvcvCvcv CvcvCvcvnoCvcv CvcvCvcvCvcvno CvccnoCvcvCvcv CvccCvcvnoCvcv CvccCvcvCvcvno CvcvnoCvccCvcv "
     "CvcvCvccnoCvcv CvcvCvccCvcvno CvcvnoCvcvCvcc CvcvCvcvnoCvcc CvcvCvcvCvccno CvccnoCvccCvcv CvccCvccnoCvcv "
     "CvccCvccCvcvno CvcvnoCvccCvcc CvcvCvccnoCvcc CvcvCvccCvccno CvccnoCvcvCvcc CvccCvcvnoCvcc CvccCvcvCvccno"},
    {"medium", "CvcnoCvc CvcCvcno"},
    {"short", "Cvcn"},
    {"basic", "aaanaaan aannaaan aaannaaa"},
    {"pin", "nnnn"},
};

static const char *characters_of(char class)
{
    static const char *const classes[128] = {
        ['V'] = "AEIOU",
        ['C'] = "BCDFGHJKLMNPQRSTVWXYZ",
        ['v'] = "aeiou",
        ['c'] = "bcdfghjklmnpqrstvwxyz",
        ['A'] = "AEIOUBCDFGHJKLMNPQRSTVWXYZ",
        ['a'] = "AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        ['n'] = "0123456789",
        ['o'] = "@&%?,=[]_:-+*$#!'^~;()/.",
        ['x'] = "AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    };
    return classes[(unsigned char)class];
}

static void add_be32(struct buf *out, uint32_t n)
{
    const char bytes[4] = {(char)(n >> 24), (char)(n >> 16), (char)(n >> 8), (char)n};
    buf_add(out, bytes, sizeof bytes);
}

static struct slice nth_word(const char *words, size_t n)
{
    while (n--)
        words = strchr(words, ' ') + 1;
    return slice_n(words, strcspn(words, " "));
}

static bool master_seed(struct template_call *call, unsigned char seed[32])
{
    struct slice password = arg_text(call, 2), user = arg_text(call, 3), site = arg_text(call, 4);
    if (!template_steps(call, TEMPLATE_STEPS_KEY))
        return false;
    struct buf salt = BUF_IN(call->arena), message = BUF_IN(call->arena);
    buf_str(&salt, MASTER_SEED);
    add_be32(&salt, (uint32_t)user.len);
    buf_slice(&salt, user);
    unsigned char key[64];
    if (EVP_PBE_scrypt(password.data, password.len, (const unsigned char *)salt.data, salt.len, 32768, 8, 2,
                       (uint64_t)64 << 20, key, sizeof key) != 1)
        return sprig_fail(call, "scrypt: cannot derive the key");
    buf_str(&message, MASTER_SEED);
    add_be32(&message, (uint32_t)site.len);
    buf_slice(&message, site);
    add_be32(&message, (uint32_t)call->args[0].integer);
    unsigned size = 32;
    bool good = HMAC(EVP_sha256(), key, sizeof key, (const unsigned char *)message.data, message.len, seed, &size);
    explicit_bzero(key, sizeof key);
    return good || sprig_fail(call, "hmac: cannot compute");
}

static bool fn_derive_password(struct template_call *call, struct value *result)
{
    const char *templates = NULL;
    for (size_t i = 0; i < ARRAY_LEN(password_types); i++)
        if (slice_eq_str(arg_text(call, 1), password_types[i].type))
            templates = password_types[i].templates;
    if (!templates) {
        *result = sprig_said(call, "cannot find password template ", arg_text(call, 1));
        return true;
    }
    unsigned char seed[32];
    if (!master_seed(call, seed))
        return false;
    size_t count = 1;
    for (const char *p = templates; *p; p++)
        count += *p == ' ';
    struct slice shape = nth_word(templates, seed[0] % count);
    struct buf out = BUF_IN(call->arena);
    for (size_t i = 0; i < shape.len; i++) {
        const char *set = characters_of(shape.data[i]);
        buf_char(&out, set[seed[i + 1] % strlen(set)]);
    }
    *result = call_text(call, &out);
    return true;
}

// ---- AES-256-CBC: the password, cut or filled with zeros, is the key; the text begins with the initialisation vector 

#define KEY_SIZE 32
#define BLOCK_SIZE 16

static void aes_key(struct slice password, unsigned char key[KEY_SIZE])
{
    memset(key, 0, KEY_SIZE);
    memcpy(key, password.data, password.len < KEY_SIZE ? password.len : KEY_SIZE);
}

// Encrypts with PKCS #7 padding, or decrypts and leaves the padding in. Returns the length of the result, or -1.
static int aes_cbc(bool encrypt, struct slice password, const unsigned char iv[BLOCK_SIZE], struct slice in,
                   unsigned char *out)
{
    unsigned char key[KEY_SIZE];
    aes_key(password, key);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int head = 0, tail = 0;
    bool good = EVP_CipherInit_ex(ctx, EVP_aes_256_cbc(), NULL, key, iv, encrypt) == 1 &&
                EVP_CIPHER_CTX_set_padding(ctx, encrypt) == 1 &&
                EVP_CipherUpdate(ctx, out, &head, (const unsigned char *)in.data, (int)in.len) == 1 &&
                EVP_CipherFinal_ex(ctx, out + head, &tail) == 1;
    EVP_CIPHER_CTX_free(ctx);
    explicit_bzero(key, sizeof key);
    return good ? head + tail : -1;
}

static bool fn_encrypt_aes(struct template_call *call, struct value *result)
{
    struct slice password = arg_text(call, 0), text = arg_text(call, 1);
    if (text.len > INT32_MAX)
        return error_set(call->err, ERROR_LIMIT, "text too long to encrypt");
    if (text.len == 0) {
        *result = value_string("");
        return true;
    }
    unsigned char *out = arena_alloc(call->arena, text.len + 2 * BLOCK_SIZE);
    random_bytes(out, BLOCK_SIZE);
    int n = aes_cbc(true, password, out, text, out + BLOCK_SIZE);
    if (n < 0)
        return sprig_fail(call, "cannot encrypt");
    struct buf encoded = BUF_IN(call->arena);
    base64_encode(&encoded, out, (size_t)n + BLOCK_SIZE);
    *result = call_text(call, &encoded);
    return true;
}

static bool fn_decrypt_aes(struct template_call *call, struct value *result)
{
    struct buf raw = BUF_IN(call->arena);
    size_t at;
    if (call->args[1].len == 0) {
        *result = value_string("");
        return true;
    }
    if (!sprig_base64_decode(&raw, arg_text(call, 1), &at))
        return sprig_fail(call, "illegal base64 data at input byte %zu", at);
    if (raw.len < BLOCK_SIZE)
        return sprig_fail(call, "runtime error: slice bounds out of range [:%d] with capacity %zu", BLOCK_SIZE,
                          (size_t)call->args[1].len / 4 * 3);
    if (raw.len == BLOCK_SIZE)
        return sprig_fail(call, "runtime error: index out of range [-1]");
    if (raw.len % BLOCK_SIZE)
        return sprig_fail(call, "crypto/cipher: input not full blocks");
    struct slice text = slice_sub(buf_view(&raw), BLOCK_SIZE, raw.len);
    char *out = arena_alloc(call->arena, text.len + BLOCK_SIZE + 1);
    int n = aes_cbc(false, arg_text(call, 0), (const unsigned char *)raw.data, text, (unsigned char *)out);
    if (n < 0)
        return sprig_fail(call, "cannot decrypt");
    // Nothing says whether the password was right, except that more padding may be claimed than there is text.
    n -= (unsigned char)out[n - 1];
    if (n < 0)
        return sprig_fail(call, "runtime error: slice bounds out of range [:%d]", n);
    out[n] = '\0';
    *result = value_string_n(out, (size_t)n);
    return true;
}

static const struct template_func items[] = {
    {"bcrypt", "s", fn_bcrypt},
    {"decryptAES", "ss", fn_decrypt_aes},
    {"derivePassword", "ussss", fn_derive_password},
    {"encryptAES", "ss", fn_encrypt_aes},
    {"htpasswd", "ss", fn_htpasswd},
};
const struct template_funcs sprig_crypto = {.items = items, .count = ARRAY_LEN(items)};
