// test_digest.c - digests of "abc" (FIPS 180-4 and RFC 1321's own examples), of files, and their written form.
#include "digest/digest.h"

#include <stdio.h>
#include <unistd.h>

#include <setjmp.h>
#include <cmocka.h>

#define ABC_256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void test_algorithms(void **state)
{
    static const struct {
        const char *name, *abc;
    } cases[] = {
        {"md5", "900150983cd24fb0d6963f7d28e17f72"},
        {"sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {"sha256", ABC_256},
        {"sha384", "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"},
        {"sha512", "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd"
                   "454d4423643ce80e2a9ac94fa54ca49f"},
    };
    cleanup(cleanup_arena) struct arena *a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct digest *d = digest_new(cases[i].name);
        digest_add(d, "a", 1);
        digest_add(d, "", 0);
        digest_add(d, "bc", 2);
        assert_string_equal(digest_end(d, a), cases[i].abc);
    }
    assert_null(digest_new("crc32"));
    assert_null(digest_new(""));
    digest_free(digest_new("sha256"));
    digest_free(NULL);
    char hex[SHA256_HEX];
    sha256_hex("abc", 3, hex);
    assert_string_equal(hex, ABC_256);
    assert_string_equal(sha256_digest(a, "abc", 3), "sha256:" ABC_256);
}

static void test_file(void **state)
{
    char path[] = "/tmp/runnel-digest-XXXXXX", link[sizeof path + 2];
    cleanup(cleanup_arena) struct arena *a = arena_new();
    cleanup(error_clear) struct error err = {0};
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    char *data = xmalloc(100000); // several reads
    memset(data, 'x', 100000);
    assert_int_equal(write(fd, data, 100000), 100000);
    close(fd);
    int64_t size;
    assert_string_equal(digest_file(a, path, "sha256", &size, &err), sha256_digest(a, data, 100000));
    assert_int_equal(size, 100000);
    assert_true(digest_valid(digest_file(a, path, "sha512", &size, &err)));
    free(data);
    assert_null(digest_file(a, path, "sha3", &size, &err));
    assert_int_equal(err.class, ERROR_INVALID);
    error_clear(&err);
    snprintf(link, sizeof link, "%s.l", path);
    assert_int_equal(symlink(path, link), 0);
    assert_null(digest_file(a, link, "sha256", &size, &err));
    error_clear(&err);
    unlink(link);
    unlink(path);
    assert_null(digest_file(a, path, "sha256", &size, &err));
    assert_int_equal(err.class, ERROR_NOT_FOUND);
    error_clear(&err);
    assert_null(digest_file(a, "/", "sha256", &size, &err));
    assert_int_not_equal(err.class, 0);
}

static void test_valid(void **state)
{
    assert_true(digest_valid("sha256:" ABC_256));
    assert_true(digest_valid("sha384:" ABC_256 "0123456789abcdef0123456789abcdef"));
    assert_true(digest_valid("sha512:" ABC_256 ABC_256));
    static const char *const bad[] = {
        "",
        "sha256:",
        ABC_256,
        "sha256:" ABC_256 "0",
        "sha512:" ABC_256,
        "SHA256:" ABC_256,
        "md5:900150983cd24fb0d6963f7d28e17f72",
        "sha256:BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "sha256:ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "sha256:../../../../../../../../../../../../../../../../../../../etc/passwd",
        "sha256:" ABC_256 "\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(digest_valid(bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_algorithms),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
