// metrics.c - the metrics registry and Prometheus' text format 0.0.4.
#include "serve/serve.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>

// One lock serves the whole registry: an update is a hash look-up and an addition, a scrape comes a few times a minute.
struct metrics {
    pthread_mutex_t lock;
    struct map *by_name;
    VEC(struct collector) collectors;
};

struct collector {
    void (*fn)(void *ctx);
    void *ctx;
};

struct metric {
    struct metrics *registry;
    enum metric_type type;
    char *name, *help;
    char **labels;
    size_t label_count;
    double *buckets;
    size_t bucket_count;
    struct map *series; // label block, `kind="A",name="b"`, to struct series
};

struct series {
    double value;       // of a histogram: the sum
    uint64_t count;     // of a histogram
    uint64_t buckets[]; // not cumulative; what is above the last bound counts in `count` only
};

struct metrics *metrics_new(void)
{
    struct metrics *m = xcalloc(1, sizeof *m);
    pthread_mutex_init(&m->lock, NULL);
    m->by_name = map_new(NULL);
    return m;
}

static void metric_free(struct metric *m)
{
    const char *key;
    void *series;
    for (size_t i = 0; map_each(m->series, &i, &key, &series);)
        free(series);
    map_free(m->series);
    for (size_t i = 0; i < m->label_count; i++)
        free(m->labels[i]);
    free(m->labels);
    free(m->buckets);
    free(m->name);
    free(m->help);
    free(m);
}

void metrics_free(struct metrics *m)
{
    if (!m)
        return;
    const char *name;
    void *metric;
    for (size_t i = 0; map_each(m->by_name, &i, &name, &metric);)
        metric_free(metric);
    map_free(m->by_name);
    free(m->collectors.items);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

struct metric *metrics_register(struct metrics *m, enum metric_type type, const char *name, const char *help,
                                const char *const *labels, const double *buckets, size_t bucket_count)
{
    pthread_mutex_lock(&m->lock);
    struct metric *metric = map_get(m->by_name, name);
    if (!metric) {
        metric = xcalloc(1, sizeof *metric);
        metric->registry = m;
        metric->type = type;
        metric->name = xstrdup(name);
        metric->help = xstrdup(help);
        while (labels && labels[metric->label_count])
            metric->label_count++;
        metric->labels = xcalloc(metric->label_count + 1, sizeof *metric->labels);
        for (size_t i = 0; i < metric->label_count; i++)
            metric->labels[i] = xstrdup(labels[i]);
        metric->bucket_count = bucket_count;
        metric->buckets = xcalloc(bucket_count + 1, sizeof *metric->buckets);
        if (bucket_count)
            memcpy(metric->buckets, buckets, bucket_count * sizeof *buckets);
        metric->series = map_new(NULL);
        map_put(m->by_name, name, metric);
    }
    pthread_mutex_unlock(&m->lock);
    return metric;
}

static void escape_label(struct buf *out, const char *s)
{
    for (; *s; s++) {
        switch (*s) {
        case '\\':
            buf_str(out, "\\\\");
            break;
        case '"':
            buf_str(out, "\\\"");
            break;
        case '\n':
            buf_str(out, "\\n");
            break;
        default:
            buf_char(out, *s);
        }
    }
}

// The label block is the series' key: what a scrape prints needs no further work.
static void label_block(const struct metric *m, const char *const *values, struct buf *out)
{
    buf_str(out, "");
    for (size_t i = 0; i < m->label_count; i++) {
        buf_printf(out, "%s%s=\"", i ? "," : "", m->labels[i]);
        escape_label(out, values[i]);
        buf_char(out, '"');
    }
}

static struct series *series_locked(struct metric *m, const char *const *values)
{
    struct buf key = {0};
    label_block(m, values, &key);
    struct series *s = map_get(m->series, buf_cstr(&key));
    if (!s) {
        s = xcalloc(1, sizeof *s + m->bucket_count * sizeof s->buckets[0]);
        map_put(m->series, buf_cstr(&key), s);
    }
    buf_free(&key);
    return s;
}

void metric_add(struct metric *m, double delta, const char *const *values)
{
    pthread_mutex_lock(&m->registry->lock);
    series_locked(m, values)->value += delta;
    pthread_mutex_unlock(&m->registry->lock);
}

void metric_set(struct metric *m, double value, const char *const *values)
{
    pthread_mutex_lock(&m->registry->lock);
    series_locked(m, values)->value = value;
    pthread_mutex_unlock(&m->registry->lock);
}

void metric_observe(struct metric *m, double value, const char *const *values)
{
    pthread_mutex_lock(&m->registry->lock);
    struct series *s = series_locked(m, values);
    s->value += value;
    s->count++;
    for (size_t i = 0; i < m->bucket_count; i++) {
        if (value <= m->buckets[i]) {
            s->buckets[i]++;
            break;
        }
    }
    pthread_mutex_unlock(&m->registry->lock);
}

void metric_delete(struct metric *m, const char *const *values)
{
    struct buf key = {0};
    label_block(m, values, &key);
    pthread_mutex_lock(&m->registry->lock);
    free(map_remove(m->series, buf_cstr(&key)));
    pthread_mutex_unlock(&m->registry->lock);
    buf_free(&key);
}

void metrics_collect(struct metrics *m, void (*fn)(void *ctx), void *ctx)
{
    pthread_mutex_lock(&m->lock);
    vec_push(NULL, &m->collectors, (struct collector){fn, ctx});
    pthread_mutex_unlock(&m->lock);
}

// The shortest decimal that reads back as the same number.
static void write_number(struct buf *out, double v)
{
    if (isnan(v) || isinf(v)) {
        buf_str(out, isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf");
        return;
    }
    char text[40];
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(text, sizeof text, "%.*g", precision, v);
        if (strtod(text, NULL) == v)
            break;
    }
    buf_str(out, text);
}

static void write_sample(struct buf *out, const char *name, const char *suffix, const char *labels, const double *le,
                         double value)
{
    buf_str(out, name);
    buf_str(out, suffix);
    if (*labels || le) {
        buf_char(out, '{');
        buf_str(out, labels);
        if (le) {
            buf_str(out, *labels ? ",le=\"" : "le=\"");
            write_number(out, *le);
            buf_char(out, '"');
        }
        buf_char(out, '}');
    }
    buf_char(out, ' ');
    write_number(out, value);
    buf_char(out, '\n');
}

static void write_metric(struct buf *out, const struct metric *m)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    if (!map_len(m->series))
        return;
    buf_printf(out, "# HELP %s ", m->name);
    for (const char *s = m->help; *s; s++)
        buf_str(out, *s == '\n' ? "\\n" : *s == '\\' ? "\\\\" : (char[]){*s, 0});
    buf_printf(out, "\n# TYPE %s %s\n", m->name, types[m->type]);
    const char *labels;
    void *entry;
    for (size_t i = 0; map_each(m->series, &i, &labels, &entry);) {
        const struct series *s = entry;
        if (m->type != METRIC_HISTOGRAM) {
            write_sample(out, m->name, "", labels, NULL, s->value);
            continue;
        }
        uint64_t sum = 0;
        for (size_t b = 0; b < m->bucket_count; b++) {
            sum += s->buckets[b];
            write_sample(out, m->name, "_bucket", labels, &m->buckets[b], (double)sum);
        }
        write_sample(out, m->name, "_bucket", labels, &(double){INFINITY}, (double)s->count);
        write_sample(out, m->name, "_sum", labels, NULL, s->value);
        write_sample(out, m->name, "_count", labels, NULL, (double)s->count);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(struct metric *const *)a)->name, (*(struct metric *const *)b)->name);
}

void metrics_write(struct metrics *m, struct buf *out)
{
    pthread_mutex_lock(&m->lock);
    size_t collectors = m->collectors.len;
    pthread_mutex_unlock(&m->lock);
    for (size_t i = 0; i < collectors; i++) {
        pthread_mutex_lock(&m->lock);
        struct collector c = m->collectors.items[i];
        pthread_mutex_unlock(&m->lock);
        c.fn(c.ctx); // without the lock: it sets metrics
    }
    pthread_mutex_lock(&m->lock);
    size_t count = map_len(m->by_name), n = 0;
    struct metric **sorted = xcalloc(count + 1, sizeof *sorted);
    const char *name;
    void *metric;
    for (size_t i = 0; map_each(m->by_name, &i, &name, &metric);)
        sorted[n++] = metric;
    qsort(sorted, n, sizeof *sorted, by_name);
    for (size_t i = 0; i < n; i++)
        write_metric(out, sorted[i]);
    free(sorted);
    pthread_mutex_unlock(&m->lock);
}
