#include "config_origin.h"

#include <stdlib.h>
#include <string.h>

static char *
text_copy(const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		abort();
	return copy;
}

static struct config_origin *
origin_find(const struct config_origins *o, const char *name)
{
	for (size_t i = 0; i < o->count; i++)
		if (strcmp(o->list[i].name, name) == 0)
			return &o->list[i];
	return NULL;
}

void
config_origin_set(struct config_origins *o, const char *name, const char *source)
{
	struct config_origin *found = origin_find(o, name);

	if (found != NULL) {
		free(found->source);
		found->source = text_copy(source);
		return;
	}
	o->list = reallocarray(o->list, o->count + 1, sizeof(*o->list));
	if (o->list == NULL)
		abort();
	o->list[o->count++] = (struct config_origin){ text_copy(name), text_copy(source) };
}

const char *
config_origin_of(const struct config_origins *o, const char *name)
{
	const struct config_origin *found = origin_find(o, name);

	return found == NULL ? NULL : found->source;
}

bool
config_origin_blame(const struct config_origins *o, struct err *e)
{
	const char *source = config_origin_of(o, e->field);
	const struct err why = *e;

	if (why.code != ERR_CONFIG || source == NULL)
		return false;
	return err_field(e, why.code, why.field, "%s: %s", source, why.msg);
}

void
config_origins_free(struct config_origins *o)
{
	for (size_t i = 0; i < o->count; i++) {
		free(o->list[i].name);
		free(o->list[i].source);
	}
	free(o->list);
	*o = (struct config_origins){ 0 };
}
