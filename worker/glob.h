/*
 * Globs: '*' stands for any text, the empty one and dots included; everything else for itself. Pure functions.
 */
#ifndef CERTMILL_GLOB_H
#define CERTMILL_GLOB_H

#include "slice.h"

/* Octet by octet: who wants case folded folds both sides. Linear but for patterns of many '*', and never worse than their product. */
bool glob_match(struct slice pattern, struct slice subject);
/* The same without regard to the case of ASCII letters. */
bool glob_match_folded(struct slice pattern, struct slice subject);

#endif
