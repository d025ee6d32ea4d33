// yaml_disguise.h - brings libyaml to go-yaml v2's dialect: a text is rewritten before libyaml reads it. Private to
// common/value.
#ifndef RUNNEL_VALUE_YAML_DISGUISE_H
#define RUNNEL_VALUE_YAML_DISGUISE_H

#include "value/value.h"

// Writes to out, which is empty, what libyaml takes as go-yaml takes the text. False: the text itself will do.
bool yaml_disguise(struct buf *out, struct slice text);
// Of such a text: whether a question mark stands in a plain scalar of a flow collection.
bool yaml_question_in_flow(struct slice scalar);
size_t yaml_lines_to_question(struct slice source);
// Whether a text comes to a place where a key misses its colon, and in which line go-yaml sees that: behind the token after
// it, where libyaml looks before that.
bool yaml_misses_colon(struct slice text, size_t *line);
// A scalar of such a text as it stood in the text itself; in place. Gives the new length.
size_t yaml_undisguise(char *text, size_t len);

#endif
