// zone.h - time zones from the system's database, and the calendar, without touching the process's own zone.
#ifndef RUNNEL_TEMPLATE_ZONE_H
#define RUNNEL_TEMPLATE_ZONE_H

#include "base/base.h"

struct zone; // in the arena it was loaded into

struct zone_time { // what a zone says about an instant
    int offset;       // seconds east of Greenwich
    const char *name; // "CET"; "" where the zone has no name
    bool summer;
};

const struct zone *zone_utc(void);
const struct zone *zone_fixed(struct arena *a, const char *name, int offset);
// "" and "UTC", "Local" (TZ, else /etc/localtime), or a name of the database. NULL: no such zone.
const struct zone *zone_load(struct arena *a, const char *name);
struct zone_time zone_at(const struct zone *z, int64_t unix_s);
const char *zone_name(const struct zone *z); // of the zone itself: "Europe/Berlin", "Local"
bool zone_is_local(const struct zone *z);
bool zone_same(const struct zone *z, const struct zone *other);
// The instant of a wall clock's reading (given as if it were UTC's).
int64_t zone_instant(const struct zone *z, int64_t wall_s);

// The length of what Go takes for a zone's name at the start of a text, 0 for none: three to five capitals, of which a fifth
// is a T and a fourth as well, but for WITA; a signed number of hours; GMT with such behind it.
size_t zone_name_length(struct slice s);

struct civil {
    int64_t year;
    int month, day; // from 1
    int hour, minute, second;
    int weekday; // 0: Sunday
    int yearday; // from 1
};
struct civil civil_of(int64_t wall_s);
// Whatever overflows carries: the 13th month is the next year's first.
int64_t civil_seconds(int64_t year, int64_t month, int64_t day, int64_t hour, int64_t minute, int64_t second);

#endif
