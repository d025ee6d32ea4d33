// flags.c - the command line: Flux's flag names, defaults and environment variables, and Runnel's own.
#include "controller/runtime.h"

#include <stdio.h>

struct option {
    struct flag flag;
    char *value;
    bool given;
};
struct flags {
    VEC(struct option) options;
    bool help;
};

// Those that every controller of Flux 2.9 has, with the same meaning.
static const struct flag common[] = {
    {"concurrent", FLAG_INT, "4", "The number of concurrent reconciles of each kind."},
    {"default-service-account", FLAG_STRING, "", "Default service account used for impersonation.", .fixed = true},
    {"enable-leader-election", FLAG_BOOL, "false",
     "Enable leader election: only one instance of the controller is active."},
    {"events-addr", FLAG_STRING, "", "The address of the events receiver (env EVENTS_ADDR)."},
    {"feature-gates", FLAG_LIST, "",
     "A comma separated list of key=value pairs defining the state of experimental features."},
    {"health-addr", FLAG_STRING, ":9440", "The address the health endpoint binds to."},
    {"interval-jitter-percentage", FLAG_INT, "5",
     "Percentage of jitter to apply to interval durations: 10 means +/-10%. Below 100."},
    {"kube-api-burst", FLAG_INT, "300", "The maximum burst queries-per-second of requests sent to the Kubernetes API."},
    {"kube-api-qps", FLAG_INT, "0",
     "The maximum queries-per-second of requests sent to the Kubernetes API; 0 leaves it to the API server's "
     "own priority and fairness (Flux's default is 50)."},
    {"leader-election-lease-duration", FLAG_DURATION, "35s",
     "How long others wait before they take over a lease that is not renewed."},
    {"leader-election-release-on-cancel", FLAG_BOOL, "true", "Give up the lease when the controller ends."},
    {"leader-election-renew-deadline", FLAG_DURATION, "30s",
     "How long the leader tries to renew its lease before it gives up."},
    {"leader-election-retry-period", FLAG_DURATION, "5s",
     "How long to wait between tries to acquire or renew the lease."},
    {"log-encoding", FLAG_STRING, "json", "Log encoding format: 'json' or 'console'."},
    {"log-level", FLAG_STRING, "info", "Log verbosity level: 'trace', 'debug', 'info' or 'error'."},
    {"max-retry-delay", FLAG_DURATION, "15m", "The longest time that an object waits before a retry."},
    {"metrics-addr", FLAG_STRING, ":8080", "The address the metric endpoint binds to, 0 for none (env METRICS_ADDR)."},
    {"min-retry-delay", FLAG_DURATION, "750ms", "The shortest time that an object waits before a retry."},
    {"no-cross-namespace-refs", FLAG_BOOL, "false", "References to objects of other namespaces are not allowed."},
    {"requeue-dependency", FLAG_DURATION, "30s", "The interval at which failing dependencies are looked at again."},
    {"watch-all-namespaces", FLAG_BOOL, "true",
     "Watch all namespaces; otherwise that of the environment's RUNTIME_NAMESPACE."},
    {"watch-configs-label-selector", FLAG_STRING, "reconcile.fluxcd.io/watch=Enabled",
     "Watch the ConfigMaps and Secrets with matching labels."},
    {"watch-label-selector", FLAG_STRING, "",
     "Watch the resources with matching labels, e.g. 'sharding.fluxcd.io/key=shard1'."},
    // Runnel's own.
    {"bus-bind", FLAG_STRING, "",
     "Where hints for the other controllers are published: tcp://0.0.0.0:9550, ipc:///…; none when empty."},
    {"bus-connect", FLAG_LIST, "", "The other controllers' --bus-bind addresses, as seen from here."},
    {"kubeconfig", FLAG_STRING, "",
     "Path of a kubeconfig; else $KUBECONFIG, the pod's service account, ~/.kube/config."},
};
static const struct {
    const char *flag, *variable;
} from_environment[] = {{"metrics-addr", "METRICS_ADDR"},
                        {"events-addr", "EVENTS_ADDR"},
                        {"storage-path", "STORAGE_PATH"},
                        {"storage-addr", "STORAGE_ADDRESS"},
                        {"storage-adv-addr", "STORAGE_ADV_ADDR"}};

static struct option *find(const struct flags *f, const char *name, size_t len)
{
    for (size_t i = 0; i < f->options.len; i++) {
        struct option *o = &f->options.items[i];
        if (strlen(o->flag.name) == len && memcmp(o->flag.name, name, len) == 0)
            return o;
    }
    return NULL;
}

static bool is_bool(const char *s, bool *out)
{
    static const char *const words[] = {"true",  "1", "t", "T", "TRUE",  "True",
                                        "false", "0", "f", "F", "FALSE", "False"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_eq(s, words[i])) {
            *out = i < 6;
            return true;
        }
    }
    return false;
}

static bool is_int(const char *s, int64_t *out)
{
    char *end;
    long long n = strtoll(s, &end, 10);
    *out = n;
    return *s && !*end && n >= INT32_MIN && n <= INT64_MAX / 2;
}

static bool well_formed(const struct flag *flag, const char *value)
{
    bool b;
    int64_t n;
    switch (flag->type) {
    case FLAG_BOOL:
        return is_bool(value, &b);
    case FLAG_INT:
        return is_int(value, &n);
    case FLAG_DURATION:
        return duration_parse(value, &n) && n >= 0;
    case FLAG_STRING:
    case FLAG_LIST:
        break;
    }
    return true;
}

static bool assign(struct option *o, const char *value, struct error *err)
{
    if (!well_formed(&o->flag, value))
        return error_set(err, ERROR_INVALID, "invalid argument \"%s\" for \"--%s\" flag", value, o->flag.name);
    char *old = o->value;
    bool append = o->flag.type == FLAG_LIST && o->given && *old;
    o->value = append ? xasprintf("%s,%s", old, value) : xstrdup(value);
    o->given = true;
    free(old);
    return true;
}

static void add(struct flags *f, const struct flag *flag)
{
    struct option *o = find(f, flag->name, strlen(flag->name));
    if (!o) {
        vec_push(NULL, &f->options, (struct option){0});
        o = &f->options.items[f->options.len - 1];
    }
    free(o->value);
    *o = (struct option){.flag = *flag, .value = xstrdup(str_or(flag->fallback, ""))};
}

static bool check_fixed(const struct flags *f, struct error *err)
{
    for (size_t i = 0; i < f->options.len; i++) {
        const struct option *o = &f->options.items[i];
        if (o->flag.fixed && !str_eq(o->value, str_or(o->flag.fallback, "")))
            return error_set(err, ERROR_INVALID, "--%s=%s is not supported by Runnel yet", o->flag.name, o->value);
    }
    return true;
}

static bool check_ranges(const struct flags *f, struct error *err)
{
    static const struct {
        const char *name;
        int64_t least, most;
    } table[] = {{"concurrent", 1, 256},
                 {"interval-jitter-percentage", 0, 99},
                 {"kube-api-qps", 0, 100000},
                 {"kube-api-burst", 1, 100000}};
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        int64_t n = flags_int(f, table[i].name);
        if (n < table[i].least || n > table[i].most)
            return error_set(err, ERROR_INVALID, "--%s must be between %d and %d", table[i].name, (int)table[i].least,
                             (int)table[i].most);
    }
    enum log_level level;
    if (!log_level_parse(flags_text(f, "log-level"), &level))
        return error_set(err, ERROR_INVALID, "unknown log level \"%s\"", flags_text(f, "log-level"));
    if (!str_eq(flags_text(f, "log-encoding"), "json") && !str_eq(flags_text(f, "log-encoding"), "console"))
        return error_set(err, ERROR_INVALID, "unknown log encoding \"%s\"", flags_text(f, "log-encoding"));
    if (flags_ms(f, "min-retry-delay") < 1 || flags_ms(f, "min-retry-delay") > flags_ms(f, "max-retry-delay"))
        return error_set(err, ERROR_INVALID, "--min-retry-delay must be above zero and at most --max-retry-delay");
    int64_t lease = flags_ms(f, "leader-election-lease-duration"),
            renew = flags_ms(f, "leader-election-renew-deadline");
    if (lease <= renew || renew <= flags_ms(f, "leader-election-retry-period") || lease < 1000 ||
        flags_ms(f, "leader-election-retry-period") < 1)
        return error_set(err, ERROR_INVALID,
                         "leader election: the lease duration (1s at least) must be above the renew deadline, and "
                         "that above the retry period");
    return true;
}

static bool parse_one(struct flags *f, int argc, char **argv, int *i, struct error *err)
{
    const char *word = argv[*i];
    if (word[0] != '-' || !word[1])
        return error_set(err, ERROR_INVALID, "unexpected argument \"%s\"", word);
    const char *name = word + (word[1] == '-' ? 2 : 1), *equals = strchr(name, '=');
    if (str_eq(name, "help") || str_eq(name, "h")) {
        f->help = true;
        return true;
    }
    struct option *o = find(f, name, equals ? (size_t)(equals - name) : strlen(name));
    if (!o || word[1] != '-')
        return error_set(err, ERROR_INVALID, "unknown flag: %s", word);
    if (equals)
        return assign(o, equals + 1, err);
    if (o->flag.type == FLAG_BOOL)
        return assign(o, "true", err);
    if (++*i >= argc)
        return error_set(err, ERROR_INVALID, "flag needs an argument: %s", word);
    return assign(o, argv[*i], err);
}

struct flags *flags_parse(const struct flag *own, size_t own_count, int argc, char **argv, struct error *err)
{
    struct flags *f = xcalloc(1, sizeof *f);
    for (size_t i = 0; i < ARRAY_LEN(common); i++)
        add(f, &common[i]);
    for (size_t i = 0; i < own_count; i++)
        add(f, &own[i]);
    for (size_t i = 0; i < ARRAY_LEN(from_environment); i++) {
        const char *value = getenv(from_environment[i].variable);
        struct option *o = find(f, from_environment[i].flag, strlen(from_environment[i].flag));
        if (o && !str_empty(value) && assign(o, value, err))
            o->given = false;
    }
    bool good = true;
    for (int i = 1; good && i < argc && !f->help; i++)
        good = parse_one(f, argc, argv, &i, err);
    if (good && !f->help)
        good = check_ranges(f, err) && check_fixed(f, err);
    if (good)
        return f;
    flags_free(f);
    return NULL;
}

void flags_free(struct flags *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->options.len; i++)
        free(f->options.items[i].value);
    free(f->options.items);
    free(f);
}

bool flags_help_wanted(const struct flags *f)
{
    return f->help;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct option *)a)->flag.name, ((const struct option *)b)->flag.name);
}

void flags_help(const struct flags *f, const char *program, struct buf *out)
{
    static const char *const types[] = {[FLAG_STRING] = " string",
                                        [FLAG_BOOL] = "",
                                        [FLAG_INT] = " int",
                                        [FLAG_DURATION] = " duration",
                                        [FLAG_LIST] = " strings"};
    qsort(f->options.items, f->options.len, sizeof *f->options.items, by_name);
    buf_printf(out, "Usage of %s:\n", program);
    for (size_t i = 0; i < f->options.len; i++) {
        const struct flag *flag = &f->options.items[i].flag;
        buf_printf(out, "      --%s%s\n            %s", flag->name, types[flag->type], flag->help);
        if (!str_empty(flag->fallback))
            buf_printf(out, " (default %s)", flag->fallback);
        buf_char(out, '\n');
    }
}

bool flags_known(const struct flags *f, const char *name)
{
    return find(f, name, strlen(name)) != NULL;
}

const char *flags_text(const struct flags *f, const char *name)
{
    const struct option *o = find(f, name, strlen(name));
    if (!o) {
        fprintf(stderr, "no such flag: %s\n", name);
        abort();
    }
    return o->value;
}

bool flags_bool(const struct flags *f, const char *name)
{
    bool b = false;
    is_bool(flags_text(f, name), &b);
    return b;
}

int64_t flags_int(const struct flags *f, const char *name)
{
    int64_t n = 0;
    is_int(flags_text(f, name), &n);
    return n;
}

int64_t flags_ms(const struct flags *f, const char *name)
{
    int64_t ns = 0;
    duration_parse(flags_text(f, name), &ns);
    return ns / 1000000;
}
