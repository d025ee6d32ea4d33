// message.c - the wire form of a hint, and what is accepted from outside: everything is checked, on both sides.
#include "bus/bus.h"

#include <ctype.h>

enum { REVISION_MAX = 512, URL_MAX = 1024 };

static const char *const topics[] = {
    [BUS_ARTIFACT] = "artifact", [BUS_CHART] = "chart", [BUS_RELEASE] = "release",
    [BUS_POLICY] = "policy",     [BUS_PUSH] = "push",
};
static const char *const kinds[] = {
    "GitRepository",    "HelmRepository", "HelmChart",       "OCIRepository", "Bucket",
    "ExternalArtifact", "HelmRelease",    "ImageRepository", "ImagePolicy",   "ImageUpdateAutomation",
};
static const char version[] = "1";

const char *bus_topic_name(enum bus_topic t)
{
    return t < ARRAY_LEN(topics) ? topics[t] : "";
}

static bool is_kind(struct slice s)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (slice_eq_str(s, kinds[i]))
            return true;
    }
    return false;
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// RFC 1123 as Kubernetes takes it: a label, or (dots) labels joined by dots.
static bool is_dns1123(struct slice s, size_t max, bool dots)
{
    if (!s.len || s.len > max)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        bool inside = i && i + 1 < s.len;
        char c = s.data[i];
        if (is_alnum(c))
            continue;
        if (!inside || !(c == '-' || (dots && c == '.')))
            return false;
        if (c == '.' && !(is_alnum(s.data[i - 1]) && is_alnum(s.data[i + 1])))
            return false;
    }
    return true;
}

static bool is_text(struct slice s, size_t max)
{
    if (s.len > max || !utf8_valid(s.data, s.len))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.data[i] < 0x20 || s.data[i] == 0x7f)
            return false;
    }
    return true;
}

// Credentials have no place on the bus; the user of an SSH remote ("git@") has none either: the receiver compares
// without it.
static bool is_remote(struct slice s)
{
    if (!is_text(s, URL_MAX))
        return false;
    ptrdiff_t scheme = slice_find(s, SLICE("://"));
    struct slice rest = slice_sub(s, scheme < 0 ? 0 : (size_t)scheme + 3, s.len), host, path;
    slice_cut(rest, '/', &host, &path);
    return slice_find_char(host, '@') < 0 && slice_find_char(s, ' ') < 0;
}

static bool check(struct slice kind, struct slice namespace, struct slice name, struct slice revision, struct slice url)
{
    return is_kind(kind) && is_dns1123(namespace, 63, false) && is_dns1123(name, 253, true) &&
           is_text(revision, REVISION_MAX) && is_remote(url);
}

bool bus_encode(struct buf *out, const struct bus_message *m)
{
    if (m->topic >= ARRAY_LEN(topics) ||
        !check(slice_of(m->kind), slice_of(m->namespace), slice_of(m->name), slice_of(m->revision), slice_of(m->url)))
        return false;
    buf_printf(out, "%s\n%s\n%s\n%s\n%s\n%s\n%s", topics[m->topic], version, m->kind, m->namespace, m->name,
               str_or(m->revision, ""), str_or(m->url, ""));
    return true;
}

bool bus_decode(struct arena *a, const char *data, size_t len, struct bus_message *out)
{
    enum { TOPIC, VERSION, KIND, NAMESPACE, NAME, REVISION, URL, FIELDS };
    struct slice f[FIELDS], rest = slice_n(data, len);
    for (size_t i = 0; i < FIELDS; i++) {
        bool more = slice_cut(rest, '\n', &f[i], &rest);
        if (more != (i + 1 < FIELDS))
            return false;
    }
    size_t topic = 0;
    while (topic < ARRAY_LEN(topics) && !slice_eq_str(f[TOPIC], topics[topic]))
        topic++;
    if (topic == ARRAY_LEN(topics) || !slice_eq_str(f[VERSION], version) ||
        !check(f[KIND], f[NAMESPACE], f[NAME], f[REVISION], f[URL]))
        return false;
    *out = (struct bus_message){
        .topic = (enum bus_topic)topic,
        .kind = slice_dup(a, f[KIND]),
        .namespace = slice_dup(a, f[NAMESPACE]),
        .name = slice_dup(a, f[NAME]),
        .revision = slice_dup(a, f[REVISION]),
        .url = slice_dup(a, f[URL]),
    };
    return true;
}
