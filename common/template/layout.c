// layout.c - Go's time layouts: a layout is a picture of 2 January 2006, 15:04:05 in a zone seven hours west of
// Greenwich.
#include "template/layout.h"
#include "value/value.h"

#include <stdio.h>

enum piece_kind {
    PIECE_NONE,
    PIECE_LONG_MONTH, PIECE_MONTH, PIECE_NUM_MONTH, PIECE_ZERO_MONTH,
    PIECE_LONG_WEEKDAY, PIECE_WEEKDAY,
    PIECE_DAY, PIECE_UNDER_DAY, PIECE_ZERO_DAY, PIECE_UNDER_YEARDAY, PIECE_ZERO_YEARDAY,
    PIECE_HOUR, PIECE_HOUR12, PIECE_ZERO_HOUR12,
    PIECE_MINUTE, PIECE_ZERO_MINUTE, PIECE_SECOND, PIECE_ZERO_SECOND,
    PIECE_LONG_YEAR, PIECE_YEAR,
    PIECE_UPPER_PM, PIECE_LOWER_PM,
    PIECE_ZONE_NAME,
    PIECE_ZONE,     // see the flags
    PIECE_FRACTION, // digits, or up to so many without trailing zeros
};

struct piece {
    enum piece_kind kind;
    struct slice text;  // as written
    bool z, colon, hour_only, seconds; // of PIECE_ZONE
    int digits;         // of PIECE_FRACTION
    bool trim;
    char separator;
};

// Longest first where one begins another.
static const struct {
    const char *text;
    enum piece_kind kind;
    bool z, colon, hour_only, seconds;
} pictures[] = {
    {"January", PIECE_LONG_MONTH}, {"Jan", PIECE_MONTH},          {"Monday", PIECE_LONG_WEEKDAY},
    {"Mon", PIECE_WEEKDAY},        {"MST", PIECE_ZONE_NAME},      {"002", PIECE_ZERO_YEARDAY},
    {"01", PIECE_ZERO_MONTH},      {"02", PIECE_ZERO_DAY},        {"03", PIECE_ZERO_HOUR12},
    {"04", PIECE_ZERO_MINUTE},     {"05", PIECE_ZERO_SECOND},     {"06", PIECE_YEAR},
    {"15", PIECE_HOUR},            {"1", PIECE_NUM_MONTH},        {"2006", PIECE_LONG_YEAR},
    {"2", PIECE_DAY},              {"__2", PIECE_UNDER_YEARDAY},  {"_2", PIECE_UNDER_DAY},
    {"3", PIECE_HOUR12},           {"4", PIECE_MINUTE},           {"5", PIECE_SECOND},
    {"PM", PIECE_UPPER_PM},        {"pm", PIECE_LOWER_PM},
    {"-07:00:00", PIECE_ZONE, false, true, false, true}, {"-070000", PIECE_ZONE, false, false, false, true},
    {"-07:00", PIECE_ZONE, false, true},                 {"-0700", PIECE_ZONE},
    {"-07", PIECE_ZONE, false, false, true},             {"Z07:00:00", PIECE_ZONE, true, true, false, true},
    {"Z070000", PIECE_ZONE, true, false, false, true},   {"Z07:00", PIECE_ZONE, true, true},
    {"Z0700", PIECE_ZONE, true},                         {"Z07", PIECE_ZONE, true, false, true},
};

static bool is_digit(struct slice s, size_t i)
{
    return i < s.len && s.data[i] >= '0' && s.data[i] <= '9';
}

static bool fraction_at(struct slice layout, size_t i, struct piece *p)
{
    char sep = layout.data[i];
    if ((sep != '.' && sep != ',') || i + 1 >= layout.len || (layout.data[i + 1] != '0' && layout.data[i + 1] != '9'))
        return false;
    size_t end = i + 1;
    while (end < layout.len && layout.data[end] == layout.data[i + 1])
        end++;
    if (is_digit(layout, end))
        return false;
    *p = (struct piece){.kind = PIECE_FRACTION, .text = slice_sub(layout, i, end), .digits = (int)(end - i - 1),
                        .trim = layout.data[i + 1] == '9', .separator = sep};
    return true;
}

static bool piece_at(struct slice layout, size_t i, struct piece *p)
{
    struct slice rest = slice_sub(layout, i, layout.len);
    if (fraction_at(layout, i, p))
        return true;
    if (slice_has_prefix(rest, SLICE("_2006")))
        return false; // an underscore, then the year
    for (size_t k = 0; k < ARRAY_LEN(pictures); k++) {
        struct slice text = slice_of(pictures[k].text);
        if (!slice_has_prefix(rest, text))
            continue;
        bool abbreviation = pictures[k].kind == PIECE_MONTH || pictures[k].kind == PIECE_WEEKDAY;
        if (abbreviation && rest.len > 3 && rest.data[3] >= 'a' && rest.data[3] <= 'z')
            continue; // "Monkey"
        *p = (struct piece){.kind = pictures[k].kind, .text = slice_n(rest.data, text.len), .z = pictures[k].z,
                            .colon = pictures[k].colon, .hour_only = pictures[k].hour_only,
                            .seconds = pictures[k].seconds};
        return true;
    }
    return false;
}

// Splits a layout at its first picture: *before is the literal text, *p the picture (PIECE_NONE: there is none).
static struct slice next_piece(struct slice layout, struct slice *before, struct piece *p)
{
    for (size_t i = 0; i < layout.len; i++) {
        if (!piece_at(layout, i, p))
            continue;
        *before = slice_sub(layout, 0, i);
        return slice_sub(layout, i + p->text.len, layout.len);
    }
    *before = layout;
    *p = (struct piece){0};
    return slice_sub(layout, layout.len, layout.len);
}

// ---- formatting -----------------------------------------------------------------------------------------------------

static void add_zone(struct buf *out, const struct piece *p, int offset)
{
    if (p->z && offset == 0) {
        buf_char(out, 'Z');
        return;
    }
    int minutes = abs(offset) / 60;
    buf_printf(out, "%c%02d", offset < 0 ? '-' : '+', minutes / 60);
    if (p->hour_only)
        return;
    buf_printf(out, p->colon ? ":%02d" : "%02d", minutes % 60);
    if (p->seconds)
        buf_printf(out, p->colon ? ":%02d" : "%02d", abs(offset) % 60);
}

static void add_fraction(struct buf *out, const struct piece *p, int32_t ns)
{
    char digits[16];
    snprintf(digits, sizeof digits, "%09d", ns);
    size_t n = p->digits > 9 ? 9 : (size_t)p->digits;
    while (p->trim && n && digits[n - 1] == '0')
        n--;
    if (p->trim && n == 0)
        return;
    buf_char(out, p->separator);
    buf_add(out, digits, n);
    if (!p->trim && p->digits > 9)
        buf_fill(out, '0', (size_t)p->digits - 9);
}

static void add_zone_name(struct buf *out, struct zone_time zone)
{
    if (zone.name[0]) {
        buf_str(out, zone.name);
        return;
    }
    int minutes = abs(zone.offset) / 60;
    buf_printf(out, "%c%02d%02d", zone.offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

static void add_year(struct buf *out, int64_t year)
{
    buf_printf(out, year < 0 ? "-%04lld" : "%04lld", (long long)llabs(year));
}

static void add_piece(struct buf *out, const struct piece *p, struct civil c, int32_t ns, struct zone_time zone)
{
    int hour12 = c.hour % 12 ? c.hour % 12 : 12;
    switch (p->kind) {
    case PIECE_NONE:
        break;
    case PIECE_LONG_MONTH:
        buf_str(out, go_month_names[c.month - 1]);
        break;
    case PIECE_MONTH:
        buf_add(out, go_month_names[c.month - 1], 3);
        break;
    case PIECE_NUM_MONTH:
    case PIECE_ZERO_MONTH:
        buf_printf(out, p->kind == PIECE_NUM_MONTH ? "%d" : "%02d", c.month);
        break;
    case PIECE_LONG_WEEKDAY:
        buf_str(out, go_weekday_names[c.weekday]);
        break;
    case PIECE_WEEKDAY:
        buf_add(out, go_weekday_names[c.weekday], 3);
        break;
    case PIECE_DAY:
        buf_printf(out, "%d", c.day);
        break;
    case PIECE_UNDER_DAY:
    case PIECE_ZERO_DAY:
        buf_printf(out, p->kind == PIECE_UNDER_DAY ? "%2d" : "%02d", c.day);
        break;
    case PIECE_UNDER_YEARDAY:
    case PIECE_ZERO_YEARDAY:
        buf_printf(out, p->kind == PIECE_UNDER_YEARDAY ? "%3d" : "%03d", c.yearday);
        break;
    case PIECE_HOUR:
        buf_printf(out, "%02d", c.hour);
        break;
    case PIECE_HOUR12:
    case PIECE_ZERO_HOUR12:
        buf_printf(out, p->kind == PIECE_HOUR12 ? "%d" : "%02d", hour12);
        break;
    case PIECE_MINUTE:
    case PIECE_ZERO_MINUTE:
        buf_printf(out, p->kind == PIECE_MINUTE ? "%d" : "%02d", c.minute);
        break;
    case PIECE_SECOND:
    case PIECE_ZERO_SECOND:
        buf_printf(out, p->kind == PIECE_SECOND ? "%d" : "%02d", c.second);
        break;
    case PIECE_LONG_YEAR:
        add_year(out, c.year);
        break;
    case PIECE_YEAR:
        buf_printf(out, "%02d", (int)(llabs(c.year) % 100));
        break;
    case PIECE_UPPER_PM:
        buf_str(out, c.hour >= 12 ? "PM" : "AM");
        break;
    case PIECE_LOWER_PM:
        buf_str(out, c.hour >= 12 ? "pm" : "am");
        break;
    case PIECE_ZONE_NAME:
        add_zone_name(out, zone);
        break;
    case PIECE_ZONE:
        add_zone(out, p, zone.offset);
        break;
    case PIECE_FRACTION:
        add_fraction(out, p, ns);
        break;
    }
}

void layout_format(struct buf *out, struct slice layout, struct moment t)
{
    struct zone_time zone = zone_at(t.zone, t.s);
    struct civil c = civil_of(t.s + zone.offset);
    while (layout.len) {
        struct slice before;
        struct piece p;
        layout = next_piece(layout, &before, &p);
        buf_slice(out, before);
        add_piece(out, &p, c, t.ns, zone);
    }
}

// ---- reading --------------------------------------------------------------------------------------------------------

struct reading {
    int year, month, day, yearday, hour, minute, second, ns;
    bool pm, half;
    bool utc; // by name, which no offset changes
    bool has_offset;
    int offset;
    struct slice zone_name;
    const char *out_of_range; // which part
};

static bool take_digits(struct slice *s, size_t least, size_t most, int *out)
{
    size_t n = 0;
    *out = 0;
    while (n < most && is_digit(*s, n))
        *out = *out * 10 + (s->data[n++] - '0');
    if (n < least)
        return false;
    *s = slice_sub(*s, n, s->len);
    return true;
}

static bool take_name(struct slice *s, const char *const *names, int count, size_t length, int *out)
{
    for (int i = 0; i < count; i++) {
        size_t n = length ? length : strlen(names[i]);
        if (s->len < n || strncasecmp(s->data, names[i], n) != 0)
            continue;
        *s = slice_sub(*s, n, s->len);
        *out = i;
        return true;
    }
    return false;
}

static bool in_range(struct reading *r, int n, int least, int most, const char *what)
{
    if (n < least || n > most)
        r->out_of_range = what;
    return n >= least && n <= most;
}

static bool take_fraction(struct slice *s, size_t digits, int *ns)
{
    if (s->len < digits + 1 || (s->data[0] != '.' && s->data[0] != ','))
        return false;
    *ns = 0;
    for (size_t i = 0; i < 9; i++) {
        if (i < digits && !is_digit(*s, i + 1))
            return false;
        *ns = *ns * 10 + (i < digits ? s->data[i + 1] - '0' : 0);
    }
    for (size_t i = 9; i < digits; i++)
        if (!is_digit(*s, i + 1))
            return false;
    *s = slice_sub(*s, digits + 1, s->len);
    return true;
}

static size_t fraction_length(struct slice s)
{
    size_t n = 0;
    if (s.len && (s.data[0] == '.' || s.data[0] == ','))
        while (is_digit(s, n + 1))
            n++;
    return n;
}

static bool take_offset(struct slice *s, const struct piece *p, struct reading *r)
{
    if (p->z && s->len && s->data[0] == 'Z') {
        *s = slice_sub(*s, 1, s->len);
        r->utc = true;
        return true;
    }
    if (!s->len || (s->data[0] != '+' && s->data[0] != '-'))
        return false;
    int sign = s->data[0] == '-' ? -1 : 1, parts[3] = {0};
    *s = slice_sub(*s, 1, s->len);
    int count = p->hour_only ? 1 : p->seconds ? 3 : 2;
    for (int i = 0; i < count; i++) {
        if (i && p->colon) {
            if (!s->len || s->data[0] != ':')
                return false;
            *s = slice_sub(*s, 1, s->len);
        }
        if (!take_digits(s, 2, 2, &parts[i]))
            return false;
    }
    if (!in_range(r, parts[0], 0, 24, "time zone offset hour") ||
        !in_range(r, parts[1], 0, 60, "time zone offset minute") ||
        !in_range(r, parts[2], 0, 60, "time zone offset second"))
        return false;
    r->has_offset = true;
    r->offset = sign * (parts[0] * 3600 + parts[1] * 60 + parts[2]);
    return true;
}

static bool take_zone_name(struct slice *s, struct reading *r)
{
    size_t n = zone_name_length(*s);
    if (slice_has_prefix(*s, SLICE("UTC"))) {
        n = 3;
        r->utc = true;
    } else {
        r->zone_name = slice_sub(*s, 0, n);
    }
    *s = slice_sub(*s, n, s->len);
    return n > 0;
}

static bool take_seconds(struct slice *s, struct slice layout, size_t least, struct reading *r)
{
    if (!take_digits(s, least, 2, &r->second) || !in_range(r, r->second, 0, 59, "second"))
        return false;
    // A fraction may follow though the layout has none.
    struct piece next;
    if (layout.len && fraction_at(layout, 0, &next))
        return true;
    size_t digits = fraction_length(*s);
    return digits == 0 || take_fraction(s, digits, &r->ns);
}

static bool take_half(struct slice *s, const char *word, bool pm, struct reading *r)
{
    if (!slice_has_prefix(*s, slice_of(word)))
        return false;
    *s = slice_sub(*s, 2, s->len);
    r->half = true;
    r->pm = pm;
    return true;
}

static void skip_blanks(struct slice *s, size_t most)
{
    for (; most && s->len && s->data[0] == ' '; most--)
        *s = slice_sub(*s, 1, s->len);
}

// Blanks of the layout stand for any number of them, and for none at the end.
static bool take_literal(struct slice *s, struct slice literal)
{
    for (size_t i = 0; i < literal.len; i++) {
        if (literal.data[i] == ' ') {
            if (s->len && s->data[0] != ' ')
                return false;
            while (i + 1 < literal.len && literal.data[i + 1] == ' ')
                i++;
            skip_blanks(s, s->len);
        } else {
            if (!s->len || s->data[0] != literal.data[i])
                return false;
            *s = slice_sub(*s, 1, s->len);
        }
    }
    return true;
}

// Two digits, or one with a sign.
static bool take_short_year(struct slice *s, int *year)
{
    bool sign = s->len && (s->data[0] == '+' || s->data[0] == '-'), minus = sign && s->data[0] == '-';
    struct slice digits = slice_sub(*s, sign, s->len);
    if (!take_digits(&digits, 2 - sign, 2 - sign, year))
        return false;
    *s = digits;
    *year = minus ? -*year : *year;
    return true;
}

static bool take_piece(struct slice *s, const struct piece *p, struct slice layout, struct reading *r)
{
    int index;
    switch (p->kind) {
    case PIECE_NONE:
        return true;
    case PIECE_LONG_MONTH:
    case PIECE_MONTH:
        if (!take_name(s, go_month_names, 12, p->kind == PIECE_MONTH ? 3 : 0, &index))
            return false;
        r->month = index + 1;
        return true;
    case PIECE_NUM_MONTH:
    case PIECE_ZERO_MONTH:
        return take_digits(s, p->kind == PIECE_ZERO_MONTH ? 2 : 1, 2, &r->month) &&
               in_range(r, r->month, 1, 12, "month");
    case PIECE_LONG_WEEKDAY:
    case PIECE_WEEKDAY:
        return take_name(s, go_weekday_names, 7, p->kind == PIECE_WEEKDAY ? 3 : 0, &index);
    case PIECE_UNDER_DAY:
        skip_blanks(s, 1);
        return take_digits(s, 1, 2, &r->day);
    case PIECE_DAY:
        return take_digits(s, 1, 2, &r->day);
    case PIECE_ZERO_DAY:
        return take_digits(s, 2, 2, &r->day);
    case PIECE_UNDER_YEARDAY:
        skip_blanks(s, 2);
        return take_digits(s, 1, 3, &r->yearday);
    case PIECE_ZERO_YEARDAY:
        return take_digits(s, 3, 3, &r->yearday);
    case PIECE_HOUR:
        return take_digits(s, 1, 2, &r->hour) && in_range(r, r->hour, 0, 23, "hour");
    case PIECE_HOUR12:
    case PIECE_ZERO_HOUR12:
        return take_digits(s, p->kind == PIECE_ZERO_HOUR12 ? 2 : 1, 2, &r->hour) && in_range(r, r->hour, 0, 12, "hour");
    case PIECE_MINUTE:
    case PIECE_ZERO_MINUTE:
        return take_digits(s, p->kind == PIECE_ZERO_MINUTE ? 2 : 1, 2, &r->minute) &&
               in_range(r, r->minute, 0, 59, "minute");
    case PIECE_SECOND:
    case PIECE_ZERO_SECOND:
        return take_seconds(s, layout, p->kind == PIECE_ZERO_SECOND ? 2 : 1, r);
    case PIECE_LONG_YEAR:
        return take_digits(s, 4, 4, &r->year);
    case PIECE_YEAR:
        if (!take_short_year(s, &r->year))
            return false;
        r->year += r->year >= 69 ? 1900 : 2000;
        return true;
    case PIECE_UPPER_PM:
    case PIECE_LOWER_PM:
        return take_half(s, p->kind == PIECE_UPPER_PM ? "AM" : "am", false, r) ||
               take_half(s, p->kind == PIECE_UPPER_PM ? "PM" : "pm", true, r);
    case PIECE_ZONE_NAME:
        return take_zone_name(s, r);
    case PIECE_ZONE:
        return take_offset(s, p, r);
    case PIECE_FRACTION:
        if (p->trim && fraction_length(*s) == 0)
            return true;
        return take_fraction(s, p->trim ? fraction_length(*s) : (size_t)p->digits, &r->ns);
    }
    return false;
}

static bool cannot_parse(struct arena *a, struct slice layout, struct slice text, struct slice rest, struct slice piece,
                         struct error *err)
{
    return error_set(err, ERROR_INVALID, "parsing time %s as %s: cannot parse %s as %s", time_quote(a, text),
                     time_quote(a, layout), time_quote(a, rest), time_quote(a, piece));
}

static bool out_of_range(struct arena *a, struct slice text, const char *what, struct error *err)
{
    return error_set(err, ERROR_INVALID, "parsing time %s: %s out of range", time_quote(a, text), what);
}

static int days_in_month(int64_t year, int month)
{
    return (int)((civil_seconds(year, month + 1, 1, 0, 0, 0) - civil_seconds(year, month, 1, 0, 0, 0)) / 86400);
}

// The date that was read: by the day of the year, or by month and day, each 1 where it was left out.
static const char *settle_date(struct reading *r)
{
    if (r->yearday >= 0) {
        bool leap = days_in_month(r->year, 2) == 29;
        if (r->yearday < 1 || r->yearday > 365 + leap)
            return "day-of-year out of range";
        struct civil c = civil_of(civil_seconds(r->year, 1, r->yearday, 0, 0, 0));
        if (r->month >= 0 && r->month != c.month)
            return "day-of-year does not match month";
        if (r->day >= 0 && r->day != c.day)
            return "day-of-year does not match day";
        r->month = c.month;
        r->day = c.day;
        return NULL;
    }
    if (r->month < 0)
        r->month = 1;
    if (r->day < 0)
        r->day = 1;
    return r->day < 1 || r->day > days_in_month(r->year, r->month) ? "day out of range" : NULL;
}

bool layout_parse(struct arena *a, struct slice layout, struct slice text, const struct zone *zone, struct moment *out,
                  struct error *err)
{
    struct reading r = {.month = -1, .day = -1, .yearday = -1};
    struct slice rest = text, pictures_left = layout;
    for (;;) {
        struct slice before;
        struct piece p;
        pictures_left = next_piece(pictures_left, &before, &p);
        if (!take_literal(&rest, before))
            return cannot_parse(a, layout, text, rest, before, err);
        if (p.kind == PIECE_NONE)
            break;
        struct slice at = rest;
        if (!take_piece(&rest, &p, pictures_left, &r))
            return r.out_of_range ? out_of_range(a, text, r.out_of_range, err)
                                  : cannot_parse(a, layout, text, at, p.text, err);
    }
    if (rest.len)
        return error_set(err, ERROR_INVALID, "parsing time %s: extra text: %s", time_quote(a, text), time_quote(a, rest));
    if (r.half && r.pm && r.hour < 12)
        r.hour += 12;
    else if (r.half && !r.pm && r.hour == 12)
        r.hour = 0;
    const char *wrong = settle_date(&r);
    if (wrong)
        return error_set(err, ERROR_INVALID, "parsing time %s: %s", time_quote(a, text), wrong);
    int64_t wall = civil_seconds(r.year, r.month, r.day, r.hour, r.minute, r.second);
    *out = (struct moment){.s = wall, .ns = r.ns, .zone = zone};
    if (r.utc) {
        out->zone = zone_utc();
        return true;
    }
    const char *name = slice_dup(a, r.zone_name);
    if (r.has_offset) {
        out->s -= r.offset;
        struct zone_time here = zone_at(zone, out->s);
        if (here.offset != r.offset || (r.zone_name.len && strcmp(here.name, name) != 0))
            out->zone = zone_fixed(a, name, r.offset);
        return true;
    }
    out->s = zone_instant(zone, wall);
    if (r.zone_name.len && strcmp(zone_at(zone, out->s).name, name) != 0) {
        // A name that the zone does not have: its offset is unknown, but for the hours behind GMT. The time counts as UTC's.
        int hours = slice_has_prefix(r.zone_name, SLICE("GMT")) ? atoi(name + 3) : 0;
        out->s = wall;
        out->zone = zone_fixed(a, name, hours * 3600);
    }
    return true;
}
