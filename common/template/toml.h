// toml.h - TOML (toml.io), for Helm's toToml and fromToml.
#ifndef RUNNEL_TEMPLATE_TOML_H
#define RUNNEL_TEMPLATE_TOML_H

#include "value/value.h"

// A dict as a document; anything else as it would stand behind a key. Scratch goes to `a`.
bool toml_write(struct buf *out, struct arena *a, struct value v, struct error *err);

// Reads a document of TOML 1.1 into a dict, with the words of Helm's decoder (github.com/BurntSushi/toml 1.6) for what is
// wrong. Dates become time.Time; a key like "a.b" as a message shows it is what toml_key writes.
bool toml_read(struct arena *a, struct slice text, struct value *out, struct error *err);

// A key, quoted where it must be.
void toml_key(struct buf *out, struct slice name);

#endif
