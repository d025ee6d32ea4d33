// cli_flags.h - flags of a command line as pflag, Helm's parser, reads them: their forms, their types, and its
// messages.
//
// Forms: --name, --name=value, --name value, -n value, -nvalue, -n=value; letters without a value may stand together;
// "--" ends them; words may stand before, between and after.
#ifndef RUNNEL_CLI_FLAGS_H
#define RUNNEL_CLI_FLAGS_H

#include "chart/chart.h"
#include "value_options.h"

struct cli;

struct cli_type {
    const char *shown;   // in the help, behind the name: "strings"; "": nothing
    const char *implied; // the value of a flag that is given without one; NULL: it needs one
    // Takes one value into the field; NULL: only checks it. why: what is wrong with it, without the flag's name.
    bool (*set)(struct cli *cli, const char *text, void *field, struct error *why);
};
bool cli_set_text(struct cli *cli, const char *text, void *field, struct error *why); // cli_text's
extern const struct cli_type cli_bool;                                                // bool
extern const struct cli_type cli_text;  // const char *; the last one counts
extern const struct cli_type cli_texts; // word_list: each use adds one
extern const struct cli_type cli_list;  // word_list: each use adds several, a record of CSV
extern const struct cli_type cli_pairs; // word_list: the keys of KEY=VALUE,…
extern const struct cli_type cli_int;   // these four are checked, no field keeps them
extern const struct cli_type cli_level; // of klog's lines: 32 bits, decimal
extern const struct cli_type cli_float32;
extern const struct cli_type cli_duration;

#define CLI_NO_FIELD ((size_t)-1)
struct cli_flag {
    const char *name;
    char letter; // 0: none
    const struct cli_type *type;
    size_t offset;          // of its field in cli.target; CLI_NO_FIELD: its value is checked and changes nothing
    const char *help;       // NULL: not shown
    const char *deprecated; // what is said whenever it is used; NULL: nothing
};

struct cli {
    struct arena *arena;
    const struct cli_flag *flags;
    size_t count;
    void *target;
    bool *given;                   // for each flag, whether it was
    word_list words;               // what is no flag
    struct chart_notices *notices; // NULL: nobody listens
};

// argv[0] is not looked at. The texts are those of argv.
bool cli_parse(struct cli *cli, int argc, char **argv, struct error *err);
bool cli_given(const struct cli *cli, const char *name);
bool cli_parse_bool(const char *text, bool *out); // strconv.ParseBool

#endif
