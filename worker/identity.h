/*
 * Whom a request acts for, and the templates of roles that are filled in from it: {{identity.entity.name}}, .id,
 * .metadata.KEY, .aliases.ACCESSOR.id, .name, .metadata.KEY and .custom_metadata.KEY. Pure functions.
 */
#ifndef CERTMILL_IDENTITY_H
#define CERTMILL_IDENTITY_H

#include "arena.h"
#include "envelope.h"

/* Reads a request's `identity`, a raw map, and looks into all of it; the error names the field. */
bool identity_read(
    struct slice map, struct arena *a, struct identity_body *ret, struct err *e) MUST_USE;

/* Does it hold something in double braces? */
bool template_is(struct slice text);
/* Is every part in braces one that can be filled in? */
bool template_valid(struct slice text);
/*
 * False when a part is not there, or gives a '*' while `globs` is false: the text then stands for nothing. Without an
 * entity_id nothing is filled in, and the text stands for itself.
 */
bool template_fill(struct slice text, const struct identity_body *identity, bool globs,
    struct arena *a, struct slice *ret) MUST_USE;

#endif
