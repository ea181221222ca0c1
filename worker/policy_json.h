/* JSON in and out of policy's structs. Private to policy_cli*.c. */
#ifndef CERTMILL_POLICY_JSON_H
#define CERTMILL_POLICY_JSON_H

#include "policy.h"
#include "schema.h"

#include <jansson.h>

/* A field that may stand there without meaning anything, as long as it has this value. */
struct neutral {
	const char *field;
	const char *json; /* NULL: whatever it is */
};

/* The first field that neither the table knows nor `neutral` (NULL: none; ends with a NULL field) excuses; or NULL. */
const char *json_unknown_field(
    json_t *object, const struct schema *s, const struct neutral *neutral);
/* Decodes what the table knows, by the table's own rules. An absent object is an empty one. */
bool json_decode(const json_t *object, const struct schema *s, struct arena *a, void *ret,
    uint64_t *ret_seen, struct err *e) MUST_USE;
/* An object as a msgpack map, whatever it holds. */
struct slice json_pack_map(json_t *object, struct arena *a);

struct slice json_slice(const json_t *string); /* borrowed; absent when it is no string */
struct slice_list json_slices(const json_t *array, struct arena *a);

/* New references. */
json_t *json_of_template(
    const struct template *t, unsigned role_usage, int64_t now, struct arena *a);
json_t *json_of_role(const struct role *role);

#endif
