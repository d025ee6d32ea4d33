// test_work.c - committing into repositories that the git command made; hostile trees; the spool.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#include "git/private.h"

static char folder[] = "/tmp/runnel-git-XXXXXX";

static const char *run(const char *fmt, ...)
{
    static char out[4096];
    va_list args;
    va_start(args, fmt);
    char *command = NULL;
    if (vasprintf(&command, fmt, args) < 0)
        abort();
    va_end(args);
    char *line =
        xasprintf("cd %s && export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_AUTHOR_NAME=dev "
                  "GIT_AUTHOR_EMAIL=dev@x GIT_COMMITTER_NAME=dev GIT_COMMITTER_EMAIL=dev@x && (%s)",
                  folder, command);
    FILE *p = popen(line, "r");
    size_t n = fread(out, 1, sizeof out - 1, p);
    out[n] = '\0';
    if (pclose(p))
        fail_msg("%s: %s", command, out);
    while (n && out[n - 1] == '\n')
        out[--n] = '\0';
    free(line);
    free(command);
    return out;
}

static void commits(void **state)
{
    struct arena *a = arena_new();
    struct error err = {0};
    struct repo_commit commit;
    const char *paths[] = {"dir/a.yaml"};
    const struct repo_author author = {"bot", "bot@example.com"};
    char *work = path_join(a, folder, "commits");
    run("git init -q -b main commits && cd commits && mkdir dir && echo one >dir/a.yaml && echo two >b && "
        "printf '*.yaml text eol=crlf\\n' >.gitattributes && chmod +x b && git add . && git commit -qm first");
    assert_true(repo_commit_files(a, work, paths, 1, &author, "nothing", &commit, &err));
    assert_string_equal(commit.hash, "");

    run("cd commits && printf 'uno\\r\\n' >dir/a.yaml && echo changed >b"); // b is changed, and not named
    assert_true(repo_commit_files(a, work, paths, 1, &author, "Update\n\nbody\n", &commit, &err));
    assert_string_equal(commit.hash, run("git -C commits rev-parse main"));
    assert_string_equal(commit.revision, arena_printf(a, "main@sha1:%s", commit.hash));
    assert_string_equal(run("git -C commits log -1 --format='%%an <%%ae> %%cn %%s %%b'"),
                        "bot <bot@example.com> bot Update body");
    assert_string_equal(run("git -C commits show --format= --name-only HEAD"), "dir/a.yaml");
    // The bytes as they are, whatever .gitattributes asks for.
    assert_string_equal(run("git -C commits cat-file blob HEAD:dir/a.yaml | od -An -c | tr -d ' '"), "uno\\r\\n");
    assert_string_equal(run("git -C commits ls-tree HEAD b | cut -c1-6"), "100755");

    run("cd commits && rm dir/a.yaml && ln -s /etc/passwd dir/a.yaml");
    assert_false(repo_commit_files(a, work, paths, 1, &author, "link", &commit, &err));
    assert_int_equal(err.class, ERROR_INVALID);
    error_clear(&err);
    const char *outside[] = {"../x"};
    assert_false(repo_commit_files(a, work, outside, 1, &author, "out", &commit, &err));
    assert_string_equal(error_text(&err), "commit: \"../x\" is no file of the repository");
    error_clear(&err);
    arena_free(a);
}

static void branches(void **state)
{
    struct arena *a = arena_new();
    struct error err = {0};
    char *work = path_join(a, folder, "branches");
    run("git init -q -b main branches && cd branches && echo x >a && git add a && git commit -qm first");
    assert_true(repo_switch_branch(work, "auto/update", &err));
    assert_string_equal(run("git -C branches symbolic-ref HEAD"), "refs/heads/auto/update");
    assert_string_equal(run("git -C branches rev-parse main auto/update | uniq | wc -l"), "1");
    assert_false(repo_switch_branch(work, "a..b", &err));
    assert_int_equal(err.class, ERROR_INVALID);
    error_clear(&err);
    arena_free(a);
}

// A tree object made by hand, as only a hostile server sends it.
static bool tree_passes(const char *entries, size_t limit, struct error *err)
{
    const char *id = run("cd trees && %s | git hash-object -t tree -w --stdin --literally", entries);
    git_repository *repository;
    git_tree *tree;
    git_oid oid;
    char *path = xasprintf("%s/trees", folder);
    assert_int_equal(git_repository_open(&repository, path), 0);
    assert_int_equal(git_oid_fromstr(&oid, id), 0);
    free(path);
    bool passes = git_tree_lookup(&tree, repository, &oid) == 0;
    if (passes) {
        passes = repo_tree_check(repository, tree, limit, err);
        git_tree_free(tree);
    } else {
        error_set(err, ERROR_INVALID, "libgit2 refused it");
    }
    git_repository_free(repository);
    return passes;
}

static void hostile_trees(void **state)
{
    run("git init -q trees && cd trees && head -c 1000 /dev/zero >blob && git hash-object -w blob >id && "
        "perl -e 'print pack(\"H40\", `cat id`)' >raw");
    static const struct {
        const char *entries;
        size_t limit;
        enum error_class class; // 0: passes
    } cases[] = {
        {"(printf '100644 a\\0'; cat raw; printf '100755 b\\0'; cat raw)", 2000, 0},
        {"(printf '100644 a\\0'; cat raw; printf '100755 b\\0'; cat raw)", 1999, ERROR_LIMIT},
        {"(printf '100644 .git\\0'; cat raw)", 5000, ERROR_INVALID},
        {"(printf '100644 .GIT\\0'; cat raw)", 5000, ERROR_INVALID},
        {"(printf '100644 ..\\0'; cat raw)", 5000, ERROR_INVALID},
        {"(printf '100644 a/b\\0'; cat raw)", 5000, ERROR_INVALID},
        {"(printf '120000 a\\0'; cat raw; printf '100644 a\\0'; cat raw)", 5000, ERROR_INVALID},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        bool passes = tree_passes(cases[i].entries, cases[i].limit, &err);
        if (passes != (cases[i].class == 0) || err.class != cases[i].class)
            fail_msg("%s: %d %s", cases[i].entries, err.class, error_text(&err));
        error_clear(&err);
    }
}

// Ten levels of ten times the same folder: 10^10 files in eleven objects.
static void tree_bomb(void **state)
{
    run("cd trees && t=$(printf 'x' | git hash-object -w --stdin) && m=100644\\ blob && for level in 1 2 3 4 5 6 7 8 9 "
        "10; do "
        "t=$(for i in 0 1 2 3 4 5 6 7 8 9; do printf '%%s %%s\\t%%s\\n' \"$m\" $t f$i; done | git mktree) && "
        "m=040000\\ tree; done && echo $t >bomb");
    git_repository *repository;
    git_tree *tree;
    git_oid oid;
    struct error err = {0};
    char *path = xasprintf("%s/trees", folder);
    assert_int_equal(git_repository_open(&repository, path), 0);
    assert_int_equal(git_oid_fromstr(&oid, run("cat trees/bomb")), 0);
    assert_int_equal(git_tree_lookup(&tree, repository, &oid), 0);
    assert_false(repo_tree_check(repository, tree, 1 << 30, &err));
    assert_int_equal(err.class, ERROR_LIMIT);
    error_clear(&err);
    git_tree_free(tree);
    git_repository_free(repository);
    free(path);
}

static void spool(void **state)
{
    for (size_t size = 1000; size <= 1000000; size *= 10) {
        struct repo_spool s;
        struct error err = {0};
        char chunk[700], back[900];
        repo_spool_init(&s, folder, 256 << 10);
        size_t sum = 0, got = 0;
        for (size_t done = 0; done < size; done += sizeof chunk) {
            for (size_t i = 0; i < sizeof chunk; i++)
                sum += (unsigned char)(chunk[i] = (char)((done + i) * 31 >> 3));
            assert_true(repo_spool_write(&s, chunk, sizeof chunk, &err));
        }
        assert_int_equal(s.fd >= 0, size > 256 << 10);
        ptrdiff_t n;
        while ((n = repo_spool_read(&s, back, sizeof back)) > 0)
            for (ptrdiff_t i = 0; i < n; i++)
                got += (unsigned char)back[i];
        assert_int_equal(n, 0);
        assert_int_equal(got, sum);
        repo_spool_close(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commits),   cmocka_unit_test(branches), cmocka_unit_test(hostile_trees),
        cmocka_unit_test(tree_bomb), cmocka_unit_test(spool),
    };
    struct error err = {0};
    if (!mkdtemp(folder) || !repo_setup(&err))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    dir_remove_all(folder, &err);
    git_libgit2_shutdown();
    return failed;
}
