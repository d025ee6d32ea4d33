// neighbour.h - the programs that helm-controller is made of, as they lie in a build and in an installation.
#ifndef RUNNEL_NEIGHBOUR_H
#define RUNNEL_NEIGHBOUR_H

#include "base/base.h"

// The path of a program beside this one, or in ../libexec/runnel; NULL where it is not installed.
const char *neighbour_find(struct arena *a, const char *name);

#endif
