// yaml_fault.h - what go-yaml v2 says where libyaml finds that a text is no YAML. Private to common/value.
#ifndef RUNNEL_VALUE_YAML_FAULT_H
#define RUNNEL_VALUE_YAML_FAULT_H

#include <yaml.h>

#include "value/value.h"

// The parser has failed, on input from memory that is still there. Sets err, and its code to the line. Returns false.
bool yaml_fault(const yaml_parser_t *parser, struct error *err);

// Go-yaml ends a plain scalar of a flow collection at a question mark, which begins a key there; libyaml does not.
// Whether this is such a scalar: then the parser has failed on what follows it.
bool yaml_question_in_flow(yaml_parser_t *parser, const yaml_event_t *scalar);

// What libyaml takes in another way than go-yaml is given to it as characters of no meaning: a byte order mark within the
// text, which is a letter like others there, and a colon right before one of ,?[]{} within a flow collection, which ends
// no plain scalar. False: there is nothing of the kind.
bool yaml_disguise_marks(struct buf *out, struct slice text);
bool yaml_disguise_colon(struct buf *out, const yaml_parser_t *parser); // on which it has failed; out may be its input
size_t yaml_undisguise(char *text, size_t len);                         // in place; gives the new length

// A read handler: the parser, which comes as `parser`, gets the text that was set as its input as go-yaml reads it.
int yaml_read_piece(void *parser, unsigned char *buffer, size_t size, size_t *got);

#endif
