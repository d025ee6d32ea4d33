// memory.c - how the process holds memory, and how it gives it back when it has nothing to do.
#include <limits.h>
#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include "controller/runtime.h"

// glibc keeps freed pieces for each thread, which nothing short of the thread's end gives back: those of idle threads
// lay all over the heap and held three of seven MiB. They can be switched off by the environment alone, and only for a
// program that starts.
static void without_thread_caches(char **argv)
{
    const char *set = getenv("GLIBC_TUNABLES");
    char program[PATH_MAX];
    if (set && strstr(set, "glibc.malloc.tcache_count"))
        return;
    ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
    if (len <= 0)
        return;
    program[len] = '\0';
    cleanup(cleanup_free) char *tunables =
        xasprintf("%s%sglibc.malloc.tcache_count=0", str_or(set, ""), str_empty(set) ? "" : ":");
    setenv("GLIBC_TUNABLES", tunables, 1);
    execv(program, argv); // where it fails, no more is lost than that memory
}

// The heap must give back what a reconcile used: few arenas, and no threshold that grows by itself.
void memory_tune(char **argv)
{
    without_thread_caches(argv);
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    mallopt(M_TRIM_THRESHOLD, 128 * 1024);
    mallopt(M_TOP_PAD, 64 * 1024);
}

static bool has_text_relocations(const struct dl_phdr_info *info)
{
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type != PT_DYNAMIC)
            continue;
        const ElfW(Dyn) *d = (const ElfW(Dyn) *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
        for (; d->d_tag != DT_NULL; d++) {
            if (d->d_tag == DT_TEXTREL || (d->d_tag == DT_FLAGS && (d->d_un.d_val & DF_TEXTREL)))
                return true;
        }
    }
    return false;
}

// Segments that are never written hold what the file holds: they come back from the page cache when they are touched.
static int drop_code(struct dl_phdr_info *info, size_t size, void *ctx)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    if (has_text_relocations(info))
        return 0;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W))
            continue;
        uintptr_t start = (info->dlpi_addr + segment->p_vaddr) & ~(page - 1);
        uintptr_t end = info->dlpi_addr + segment->p_vaddr + segment->p_filesz;
        madvise((void *)start, end - start, MADV_DONTNEED); // the vdso says no, which is as well
    }
    return 0;
}

void memory_give_back(void)
{
    malloc_trim(0);
    dl_iterate_phdr(drop_code, NULL); // start-up and TLS handshakes touched far more code than waiting does
}
