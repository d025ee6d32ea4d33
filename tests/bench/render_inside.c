// render_inside.c - renders again and again in one process: renders a second, allocations, what memory is left.
//
//     bench-render-inside SECONDS CHART...
//
// A render is all that `helm-controller template` does: it reads the chart, renders, and hands on the text. The linker sends every malloc,
// calloc and realloc of the program through the counters here.
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "template_cmd.h"

static size_t allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *__wrap_malloc(size_t size)
{
    allocations++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    allocations++;
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    allocations++;
    return __real_realloc(p, size);
}

static long resident(void) // KiB
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%*d %ld", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void count_text(void *ctx, const char *data, size_t len)
{
    *(size_t *)ctx += len;
}

struct result {
    size_t text, arena; // bytes
    long resident;      // KiB, before the arena was freed
};

static bool render(const char *chart, struct result *out)
{
    struct arena *arena cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    const char *words[] = {"template", "rel", chart, "-n", "ns1", "--include-crds"};
    *out = (struct result){0};
    if (template_run(arena, ARRAY_LEN(words), (char **)words, count_text, &out->text, NULL, &err) != TEMPLATE_DONE) {
        fprintf(stderr, "%s: %s\n", chart, error_text(&err));
        return false;
    }
    out->arena = arena_used(arena);
    out->resident = resident();
    return true;
}

static bool bench(const char *chart, double seconds)
{
    struct result r;
    if (!render(chart, &r)) // once for what a process does once
        return false;
    malloc_trim(0);
    long before = resident();
    size_t renders = 0;
    allocations = 0;
    int64_t start = clock_mono_us(), end = start + (int64_t)(seconds * 1e6), at;
    do {
        if (!render(chart, &r))
            return false;
        renders++;
    } while ((at = clock_mono_us()) < end);
    size_t counted = allocations;
    malloc_trim(0);
    printf("%-45s %7.1f renders/s   %6zu allocations   arena %6zu KiB for %6zu KiB of text   resident %6ld KiB, "
           "%6ld KiB before, %6ld KiB after\n",
           strrchr(chart, '/') ? strrchr(chart, '/') + 1 : chart, (double)renders * 1e6 / (double)(at - start), counted / renders, r.arena / 1024, r.text / 1024,
           r.resident, before, resident());
    fflush(stdout);
    return true;
}

int main(int argc, char **argv)
{
    double seconds = argc > 2 ? strtod(argv[1], NULL) : 0;
    if (seconds <= 0) {
        fprintf(stderr, "usage: %s SECONDS CHART...\n", argv[0]);
        return 2;
    }
    for (int i = 2; i < argc; i++)
        if (!bench(argv[i], seconds))
            return 1;
    return 0;
}
