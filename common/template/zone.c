// zone.c - reads compiled time zone files (RFC 9636) with the rule in their last line, and counts days.
#include "template/zone.h"

#include <stdio.h>

#define FILE_MAX ((size_t)1 << 20)

struct rule_date { // of a change to or from summer time
    char kind;     // 'M' month.week.day, 'J' day without 29 February, 'D' day of the year from 0
    int month, week, day;
    int time; // seconds after midnight
};

struct rule { // for what lies behind the last transition
    bool present, summer;
    const char *names[2]; // standard, summer
    int offsets[2];
    struct rule_date to_summer, to_standard;
};

struct transition {
    int64_t at;
    uint8_t type;
};

struct zone {
    const char *name;
    bool local;
    struct transition *transitions;
    size_t transition_count;
    struct zone_time *types;
    size_t type_count;
    struct rule rule;
};

// ---- the calendar: the days of the proleptic Gregorian one ----------------------------------------------------------

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static bool is_leap(int64_t y)
{
    return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
}

static int64_t days_before_year(int64_t y) // since 1970
{
    y--;
    return y * 365 + floor_div(y, 4) - floor_div(y, 100) + floor_div(y, 400) - 719162;
}

static int days_before_month(int month, bool leap) // month 1 to 13
{
    static const int days[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    return days[month - 1] + (leap && month > 2);
}

int64_t civil_seconds(int64_t year, int64_t month, int64_t day, int64_t hour, int64_t minute, int64_t second)
{
    year += floor_div(month - 1, 12);
    month = month - 1 - floor_div(month - 1, 12) * 12 + 1;
    int64_t days = days_before_year(year) + days_before_month((int)month, is_leap(year)) + day - 1;
    return days * 86400 + hour * 3600 + minute * 60 + second;
}

struct civil civil_of(int64_t s)
{
    int64_t days = floor_div(s, 86400), rest = s - days * 86400;
    int64_t cycle = floor_div(days + 719162, 146097); // of 400 years, from year 1
    int64_t year = cycle * 400 + 1 + (days + 719162 - cycle * 146097) / 366;
    while (days_before_year(year + 1) <= days)
        year++;
    int yearday = (int)(days - days_before_year(year)), month = 1;
    while (days_before_month(month + 1, is_leap(year)) <= yearday)
        month++;
    return (struct civil){
        .year = year,
        .month = month,
        .day = yearday - days_before_month(month, is_leap(year)) + 1,
        .hour = (int)(rest / 3600),
        .minute = (int)(rest / 60 % 60),
        .second = (int)(rest % 60),
        .weekday = (int)(days + 4 - floor_div(days + 4, 7) * 7),
        .yearday = yearday + 1,
    };
}

// ---- the rule: "CET-1CEST,M3.5.0,M10.5.0/3" -------------------------------------------------------------------------

static bool parse_int(const char **p, int most, int *out)
{
    *out = 0;
    const char *start = *p;
    for (; **p >= '0' && **p <= '9' && *out <= most; (*p)++)
        *out = *out * 10 + (**p - '0');
    return *p > start && *out <= most;
}

static bool parse_name(struct arena *a, const char **p, const char **name)
{
    bool quoted = **p == '<';
    *p += quoted;
    size_t n = quoted ? strcspn(*p, ">") : strspn(*p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
    *name = arena_strndup(a, *p, n);
    *p += n;
    if (quoted && *(*p)++ != '>')
        return false;
    return n >= 3;
}

static bool parse_time(const char **p, int *seconds)
{
    int sign = 1, part;
    if (**p == '-' || **p == '+')
        sign = *(*p)++ == '-' ? -1 : 1;
    *seconds = 0;
    for (int unit = 3600; unit; unit /= 60) {
        if (!parse_int(p, 24 * 7, &part))
            return false;
        *seconds += part * unit;
        if (**p != ':')
            break;
        (*p)++;
    }
    *seconds *= sign;
    return true;
}

static bool parse_date(const char **p, struct rule_date *d)
{
    if (*(*p)++ != ',')
        return false;
    *d = (struct rule_date){.kind = 'D', .time = 7200};
    if (**p == 'M') {
        d->kind = *(*p)++;
        if (!parse_int(p, 12, &d->month) || *(*p)++ != '.' || !parse_int(p, 5, &d->week) || *(*p)++ != '.' ||
            !parse_int(p, 6, &d->day) || d->month < 1 || d->week < 1)
            return false;
    } else {
        if (**p == 'J')
            d->kind = *(*p)++;
        if (!parse_int(p, 366, &d->day))
            return false;
    }
    if (**p != '/')
        return true;
    (*p)++;
    return parse_time(p, &d->time);
}

static void parse_rule(struct arena *a, const char *p, struct rule *r)
{
    if (!parse_name(a, &p, &r->names[0]) || !parse_time(&p, &r->offsets[0]))
        return;
    r->offsets[0] = -r->offsets[0];
    if (*p) {
        if (!parse_name(a, &p, &r->names[1]))
            return;
        r->offsets[1] = r->offsets[0] + 3600;
        if (*p != ',') {
            if (!parse_time(&p, &r->offsets[1]))
                return;
            r->offsets[1] = -r->offsets[1];
        }
        if (!parse_date(&p, &r->to_summer) || !parse_date(&p, &r->to_standard))
            return;
        r->summer = true;
    }
    r->present = *p == '\0';
}

// When a change falls in a year, by the wall clock before it.
static int64_t change_at(const struct rule_date *d, int64_t year)
{
    bool leap = is_leap(year);
    int64_t day = days_before_year(year);
    if (d->kind == 'M') {
        day += days_before_month(d->month, leap);
        int64_t first = day + 4 - floor_div(day + 4, 7) * 7; // weekday of the month's first
        int64_t at = (d->day - first + 7) % 7 + (d->week - 1) * 7;
        int64_t length = days_before_month(d->month + 1, leap) - days_before_month(d->month, leap);
        day += at < length ? at : at - 7;
    } else if (d->kind == 'J') {
        day += d->day - 1 + (leap && d->day >= 60);
    } else {
        day += d->day;
    }
    return day * 86400 + d->time;
}

static struct zone_time rule_at(const struct rule *r, int64_t s)
{
    bool summer = false;
    if (r->summer) {
        int64_t year = civil_of(s + r->offsets[0]).year;
        int64_t begin = change_at(&r->to_summer, year) - r->offsets[0];
        int64_t end = change_at(&r->to_standard, year) - r->offsets[1];
        summer = begin < end ? s >= begin && s < end : !(s >= end && s < begin);
    }
    return (struct zone_time){r->offsets[summer], r->names[summer], summer};
}

// ---- files ----------------------------------------------------------------------------------------------------------

static int64_t be(const unsigned char *p, int bytes)
{
    int64_t n = (int8_t)p[0];
    for (int i = 1; i < bytes; i++)
        n = (int64_t)((uint64_t)n << 8 | p[i]);
    return n;
}

struct header {
    size_t utc_count, std_count, leap_count, time_count, type_count, char_count;
};

static bool read_header(struct slice file, size_t at, struct header *h)
{
    const unsigned char *p = (const unsigned char *)file.data + at;
    if (at + 44 > file.len || memcmp(p, "TZif", 4) != 0)
        return false;
    size_t *const counts[] = {&h->utc_count,  &h->std_count,  &h->leap_count,
                              &h->time_count, &h->type_count, &h->char_count};
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        int64_t n = be(p + 20 + 4 * i, 4);
        if (n < 0 || (size_t)n > FILE_MAX)
            return false;
        *counts[i] = (size_t)n;
    }
    return h->type_count > 0;
}

static size_t body_size(const struct header *h, size_t time_size)
{
    return h->time_count * (time_size + 1) + h->type_count * 6 + h->char_count + h->leap_count * (time_size + 4) +
           h->std_count + h->utc_count;
}

// Only what follows the second header, which has 64-bit times: every file made in this century has it.
static struct zone *parse_file(struct arena *a, struct slice file)
{
    struct header h;
    if (!read_header(file, 0, &h) || file.data[4] < '2')
        return NULL;
    size_t at = 44 + body_size(&h, 4);
    if (!read_header(file, at, &h) || at + 44 + body_size(&h, 8) > file.len)
        return NULL;
    const unsigned char *times = (const unsigned char *)file.data + at + 44, *indexes = times + h.time_count * 8;
    const unsigned char *types = indexes + h.time_count;
    const char *names = (const char *)types + h.type_count * 6;
    struct zone *z = arena_new_of(a, struct zone);
    z->types = arena_array(a, struct zone_time, h.type_count);
    z->type_count = h.type_count;
    for (size_t i = 0; i < h.type_count; i++) {
        size_t name = types[i * 6 + 5];
        if (name >= h.char_count)
            return NULL;
        z->types[i].offset = (int)be(types + i * 6, 4);
        z->types[i].summer = types[i * 6 + 4];
        z->types[i].name = arena_strndup(a, names + name, strnlen(names + name, h.char_count - name));
    }
    z->transitions = arena_array(a, struct transition, h.time_count + 1);
    z->transition_count = h.time_count;
    for (size_t i = 0; i < h.time_count; i++) {
        z->transitions[i] = (struct transition){be(times + i * 8, 8), indexes[i]};
        if (indexes[i] >= h.type_count)
            return NULL;
    }
    struct slice footer = slice_trim_space(slice_sub(file, at + 44 + body_size(&h, 8), file.len));
    parse_rule(a, slice_dup(a, footer), &z->rule);
    return z;
}

static const struct zone *load_file(struct arena *a, const char *path, const char *name)
{
    struct slice file;
    struct error ignored cleanup(error_clear) = {0};
    struct zone *z = file_read(a, path, FILE_MAX, &file, &ignored) ? parse_file(a, file) : NULL;
    if (z)
        z->name = arena_strdup(a, name);
    return z;
}

const struct zone *zone_utc(void)
{
    static struct zone_time type = {.name = "UTC"};
    static const struct zone utc = {.name = "UTC", .types = &type, .type_count = 1};
    return &utc;
}

const struct zone *zone_fixed(struct arena *a, const char *name, int offset)
{
    struct zone *z = arena_new_of(a, struct zone);
    z->types = arena_new_of(a, struct zone_time);
    z->name = arena_strdup(a, name);
    *z->types = (struct zone_time){.offset = offset, .name = z->name};
    z->type_count = 1;
    return z;
}

static const struct zone *load_local(struct arena *a)
{
    const char *tz = getenv("TZ");
    const struct zone *z;
    if (!tz)
        z = load_file(a, "/etc/localtime", "Local");
    else
        z = tz[0] == '/'               ? load_file(a, tz, strcmp(tz, "/etc/localtime") == 0 ? "Local" : tz)
            : strcmp(tz, "Local") == 0 ? NULL
                                       : zone_load(a, tz[0] == ':' ? tz + 1 : tz);
    struct zone *local = arena_new_of(a, struct zone);
    *local = z ? *z : *zone_utc();
    local->local = true;
    return local;
}

const struct zone *zone_load(struct arena *a, const char *name)
{
    if (!*name || strcmp(name, "UTC") == 0)
        return zone_utc();
    if (strcmp(name, "Local") == 0)
        return load_local(a);
    if (name[0] == '/' || name[0] == '\\' || !path_is_local(name) || strstr(name, ".."))
        return NULL; // stay within the database
    return load_file(a, path_join(a, "/usr/share/zoneinfo", name), name);
}

const char *zone_name(const struct zone *z)
{
    return z->name;
}

bool zone_is_local(const struct zone *z)
{
    return z->local;
}

bool zone_same(const struct zone *z, const struct zone *other)
{
    if (z->local || other->local)
        return z->local && other->local;
    return strcmp(z->name, other->name) == 0 && z->types[0].offset == other->types[0].offset;
}

struct zone_time zone_at(const struct zone *z, int64_t s)
{
    size_t low = 0, high = z->transition_count; // the number of transitions at or before s
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (z->transitions[middle].at <= s)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == z->transition_count && z->rule.present)
        return rule_at(&z->rule, s);
    return z->types[low ? z->transitions[low - 1].type : 0];
}

int64_t zone_instant(const struct zone *z, int64_t wall)
{
    // Go's way: take the offset at that reading as if it were UTC; where it does not fit, the one on the other side.
    int offset = zone_at(z, wall).offset;
    if (offset == 0)
        return wall;
    if (zone_at(z, wall - offset).offset != offset) {
        int other = zone_at(z, wall - offset).offset;
        return wall - other;
    }
    return wall - offset;
}

// ---- names in text --------------------------------------------------------------------------------------------------

// The length of a sign and a number of hours, up to 23; 0: there is none.
static size_t signed_hours(struct slice s)
{
    size_t n = 1;
    int hours = 0;
    if (s.len == 0 || (s.data[0] != '+' && s.data[0] != '-'))
        return 0;
    for (; n < s.len && s.data[n] >= '0' && s.data[n] <= '9' && hours <= 23; n++)
        hours = hours * 10 + (s.data[n] - '0');
    return n > 1 && hours <= 23 ? n : 0;
}

size_t zone_name_length(struct slice s)
{
    size_t n = 0;
    if (s.len < 3)
        return 0;
    if (slice_has_prefix(s, SLICE("ChST")) || slice_has_prefix(s, SLICE("MeST")))
        return 4;
    if (slice_has_prefix(s, SLICE("GMT")))
        return 3 + signed_hours(slice_sub(s, 3, s.len));
    if (s.data[0] == '+' || s.data[0] == '-')
        return signed_hours(s);
    while (n < s.len && n < 6 && s.data[n] >= 'A' && s.data[n] <= 'Z')
        n++;
    bool good = n == 3 || (n == 4 && (s.data[3] == 'T' || slice_has_prefix(s, SLICE("WITA")))) ||
                (n == 5 && s.data[4] == 'T');
    return good ? n : 0;
}
