// toml.h - TOML 1.0 (toml.io), for Helm's toToml.
#ifndef RUNNEL_TEMPLATE_TOML_H
#define RUNNEL_TEMPLATE_TOML_H

#include "value/value.h"

// A dict as a document; anything else as it would stand behind a key. Scratch goes to `a`.
bool toml_write(struct buf *out, struct arena *a, struct value v, struct error *err);

#endif
