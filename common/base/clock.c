// clock.c - clocks, RFC 3339 time stamps, and Go's durations as text.
#include "base/base.h"

#include <stdio.h>
#include <time.h>

#define SECOND_NS 1000000000LL
#define SECOND_US 1000000LL

static int64_t read_clock_us(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * SECOND_US + ts.tv_nsec / 1000;
}

int64_t clock_mono_ms(void)
{
    return read_clock_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_mono_us(void)
{
    return read_clock_us(CLOCK_MONOTONIC);
}

int64_t clock_wall_s(void)
{
    return read_clock_us(CLOCK_REALTIME) / SECOND_US;
}

int64_t clock_wall_us(void)
{
    return read_clock_us(CLOCK_REALTIME);
}

// ---- RFC 3339 ----

// The years that RFC 3339 can write. What lies outside is a defect or hostile, and is clamped.
#define FIRST_SECOND (-62167219200LL) // 0000-01-01T00:00:00Z
#define LAST_SECOND 253402300799LL    // 9999-12-31T23:59:59Z

static size_t format_seconds(int64_t unix_seconds, char *out, size_t room)
{
    if (unix_seconds < FIRST_SECOND)
        unix_seconds = FIRST_SECOND;
    if (unix_seconds > LAST_SECOND)
        unix_seconds = LAST_SECOND;
    time_t t = (time_t)unix_seconds;
    struct tm tm;
    gmtime_r(&t, &tm);
    return (size_t)snprintf(out, room, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                            tm.tm_hour, tm.tm_min, tm.tm_sec);
}

void time_rfc3339(int64_t unix_seconds, char out[RFC3339_LEN])
{
    size_t len = format_seconds(unix_seconds, out, RFC3339_LEN);
    snprintf(out + len, RFC3339_LEN - len, "Z");
}

void time_rfc3339_micro(int64_t unix_us, char out[RFC3339_LEN])
{
    int64_t seconds = unix_us / SECOND_US, us = unix_us % SECOND_US;
    if (us < 0) {
        us += SECOND_US;
        seconds--;
    }
    size_t len = format_seconds(seconds, out, RFC3339_LEN);
    snprintf(out + len, RFC3339_LEN - len, ".%06dZ", (int)us);
}

void time_rfc3339_nano(int64_t unix_s, int64_t nanos, char out[RFC3339_LEN + 8])
{
    size_t room = RFC3339_LEN + 8, len = format_seconds(unix_s, out, room);
    if (nanos > 0 && nanos < SECOND_NS) {
        len += (size_t)snprintf(out + len, room - len, ".%09lld", (long long)nanos);
        while (out[len - 1] == '0')
            len--;
    }
    snprintf(out + len, room - len, "Z");
}

static bool digits(const char **p, int count, int *out)
{
    *out = 0;
    for (int i = 0; i < count; i++, (*p)++) {
        if (**p < '0' || **p > '9')
            return false;
        *out = *out * 10 + (**p - '0');
    }
    return true;
}

static bool literal(const char **p, char c)
{
    return *(*p)++ == c;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

bool time_parse_rfc3339(const char *s, int64_t *unix_us)
{
    const char *p = s;
    int year, month, day, hour, minute, second;
    if (!p || !digits(&p, 4, &year) || !literal(&p, '-') || !digits(&p, 2, &month) || !literal(&p, '-') ||
        !digits(&p, 2, &day) || !literal(&p, 'T') || !digits(&p, 2, &hour) || !literal(&p, ':') ||
        !digits(&p, 2, &minute) || !literal(&p, ':') || !digits(&p, 2, &second))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 || minute > 59 ||
        second > 59)
        return false;
    int64_t us = 0;
    if (*p == '.') {
        p++;
        if (*p < '0' || *p > '9')
            return false;
        for (int64_t unit = SECOND_US / 10; *p >= '0' && *p <= '9'; p++, unit /= 10)
            us += (*p - '0') * unit;
    }
    int64_t offset = 0;
    if (*p == '+' || *p == '-') {
        int sign = *p++ == '-' ? -1 : 1, hours, minutes;
        if (!digits(&p, 2, &hours) || !literal(&p, ':') || !digits(&p, 2, &minutes) || hours > 24 || minutes > 60)
            return false;
        offset = sign * (hours * 3600 + minutes * 60);
    } else if (!literal(&p, 'Z')) {
        return false;
    }
    if (*p)
        return false;
    struct tm tm = {.tm_year = year - 1900,
                    .tm_mon = month - 1,
                    .tm_mday = day,
                    .tm_hour = hour,
                    .tm_min = minute,
                    .tm_sec = second};
    *unix_us = ((int64_t)timegm(&tm) - offset) * SECOND_US + us;
    return true;
}

// ---- durations ----

static const struct unit {
    const char *name;
    uint64_t ns;
} units[] = {
    {"ns", 1},         {"us", 1000},      {"\u00b5s", 1000}, // micro sign
    {"\u03bcs", 1000},                                       // Greek letter mu
    {"ms", 1000000},   {"s", 1000000000}, {"m", 60000000000ULL}, {"h", 3600000000000ULL},
};

static bool find_unit(struct slice name, uint64_t *ns)
{
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (slice_eq_str(name, units[i].name)) {
            *ns = units[i].ns;
            return true;
        }
    }
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// One "1.5h". The limit is 2^63 nanoseconds, which only a negative duration can reach.
static bool parse_part(const char **at, uint64_t *total)
{
    const uint64_t limit = 1ULL << 63;
    const char *p = *at, *start = p;
    uint64_t whole = 0, unit;
    for (; is_digit(*p); p++) {
        if (whole > (limit - (uint64_t)(*p - '0')) / 10)
            return false;
        whole = whole * 10 + (uint64_t)(*p - '0');
    }
    bool any = p != start;
    uint64_t fraction = 0;
    double scale = 1;
    if (*p == '.') {
        start = ++p;
        for (bool full = false; is_digit(*p); p++) {
            // Digits beyond the sixty-third bit cannot change a nanosecond.
            if (full || fraction > (limit - 10) / 10) {
                full = true;
                continue;
            }
            fraction = fraction * 10 + (uint64_t)(*p - '0');
            scale *= 10;
        }
        any = any || p != start;
    }
    if (!any)
        return false;
    start = p;
    while (*p && *p != '.' && !is_digit(*p))
        p++;
    if (!find_unit(slice_n(start, (size_t)(p - start)), &unit) || whole > limit / unit)
        return false;
    whole *= unit;
    if (fraction)
        whole += (uint64_t)((double)fraction * ((double)unit / scale));
    if (whole > limit || *total + whole > limit)
        return false;
    *total += whole;
    *at = p;
    return true;
}

bool duration_parse(const char *s, int64_t *ns)
{
    if (!s)
        return false;
    bool negative = *s == '-';
    if (*s == '-' || *s == '+')
        s++;
    if (str_eq(s, "0")) {
        *ns = 0;
        return true;
    }
    if (!*s)
        return false;
    uint64_t total = 0;
    while (*s) {
        if (!parse_part(&s, &total))
            return false;
    }
    if (!negative && total > INT64_MAX)
        return false;
    *ns = (int64_t)(negative ? 0 - total : total);
    return true;
}

// value / 10^places without trailing zeros.
static void add_fraction(struct buf *b, uint64_t value, int places)
{
    uint64_t scale = 1;
    for (int i = 0; i < places; i++)
        scale *= 10;
    buf_printf(b, "%llu", (unsigned long long)(value / scale));
    uint64_t rest = value % scale;
    if (!rest)
        return;
    buf_printf(b, ".%0*llu", places, (unsigned long long)rest);
    while (b->data[b->len - 1] == '0')
        b->data[--b->len] = '\0';
}

void duration_print(struct buf *out, int64_t ns)
{
    uint64_t u = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    if (ns < 0)
        buf_char(out, '-');
    if (u && u < SECOND_NS) {
        int places = u < 1000 ? 0 : u < 1000000 ? 3 : 6;
        add_fraction(out, u, places);
        buf_str(out, places == 0 ? "ns" : places == 3 ? "\u00b5s" : "ms");
        return;
    }
    uint64_t minutes = u / SECOND_NS / 60;
    if (minutes >= 60)
        buf_printf(out, "%lluh", (unsigned long long)(minutes / 60));
    if (minutes)
        buf_printf(out, "%llum", (unsigned long long)(minutes % 60));
    add_fraction(out, u % (60 * SECOND_NS), 9);
    buf_char(out, 's');
}

char *duration_format(struct arena *a, int64_t ns)
{
    struct buf b = BUF_IN(a);
    duration_print(&b, ns);
    return buf_steal(&b);
}
