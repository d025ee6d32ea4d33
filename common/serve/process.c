// process.c - the process_* metrics, with the names and units of Prometheus' own client libraries (from /proc/self).
#include "serve/serve.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

// Fields of /proc/self/stat after the command, which may hold spaces and brackets (proc(5)).
enum { STAT_UTIME = 11, STAT_STIME = 12, STAT_STARTTIME = 19, STAT_VSIZE = 20, STAT_RSS = 21, STAT_COUNT };

static bool read_stat(unsigned long long fields[STAT_COUNT])
{
    char text[1024];
    FILE *f = fopen("/proc/self/stat", "re");
    if (!f)
        return false;
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = 0;
    char *p = strrchr(text, ')');
    if (!p || p[1] != ' ' || !p[2])
        return false;
    p += 3; // the state is a letter
    fields[0] = 0;
    for (int i = 1; i < STAT_COUNT; i++)
        fields[i] = strtoull(p, &p, 10);
    return true;
}

static double boot_time(void)
{
    char line[256];
    double at = 0;
    FILE *f = fopen("/proc/stat", "re");
    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "btime %lf", &at) == 1)
            break;
    }
    if (f)
        fclose(f);
    return at;
}

static size_t open_files(void)
{
    size_t n = 0;
    DIR *d = opendir("/proc/self/fd");
    for (struct dirent *e; d && (e = readdir(d));)
        n += e->d_name[0] != '.';
    if (d)
        closedir(d);
    return n ? n - 1 : 0; // less the one that reads
}

static double limit_of(int resource)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit) || limit.rlim_cur == RLIM_INFINITY)
        return -1;
    return (double)limit.rlim_cur;
}

enum { CPU, START, RESIDENT, VIRTUAL, VIRTUAL_MAX, FDS, FDS_MAX, VALUE_COUNT };
static const struct {
    enum metric_type type;
    const char *name, *help;
} table[VALUE_COUNT] = {
    [CPU] = {METRIC_COUNTER, "process_cpu_seconds_total", "Total user and system CPU time spent in seconds."},
    [START] = {METRIC_GAUGE, "process_start_time_seconds", "Start time of the process since unix epoch in seconds."},
    [RESIDENT] = {METRIC_GAUGE, "process_resident_memory_bytes", "Resident memory size in bytes."},
    [VIRTUAL] = {METRIC_GAUGE, "process_virtual_memory_bytes", "Virtual memory size in bytes."},
    [VIRTUAL_MAX] = {METRIC_GAUGE, "process_virtual_memory_max_bytes",
                     "Maximum amount of virtual memory available in bytes."},
    [FDS] = {METRIC_GAUGE, "process_open_fds", "Number of open file descriptors."},
    [FDS_MAX] = {METRIC_GAUGE, "process_max_fds", "Maximum number of open file descriptors."},
};

static void collect(void *ctx)
{
    struct metrics *m = ctx;
    unsigned long long stat[STAT_COUNT];
    if (!read_stat(stat))
        return;
    double ticks = (double)sysconf(_SC_CLK_TCK);
    const double values[VALUE_COUNT] = {
        [CPU] = (double)(stat[STAT_UTIME] + stat[STAT_STIME]) / ticks,
        [START] = boot_time() + (double)stat[STAT_STARTTIME] / ticks,
        [RESIDENT] = (double)stat[STAT_RSS] * (double)sysconf(_SC_PAGESIZE),
        [VIRTUAL] = (double)stat[STAT_VSIZE],
        [VIRTUAL_MAX] = limit_of(RLIMIT_AS),
        [FDS] = (double)open_files(),
        [FDS_MAX] = limit_of(RLIMIT_NOFILE),
    };
    for (size_t i = 0; i < VALUE_COUNT; i++)
        metric_set(metrics_register(m, table[i].type, table[i].name, table[i].help, NULL, NULL, 0), values[i], NULL);
}

void metrics_process(struct metrics *m)
{
    metrics_collect(m, collect, m);
}
