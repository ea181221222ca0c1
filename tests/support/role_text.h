/*
 * A role in a line, for tables of tests: "allowed_domains=a.com,b.com +allow_subdomains -server_flag key_type=ec ttl=60".
 * It begins as role_defaults() and is not checked by role_check().
 */
#ifndef CERTMILL_ROLE_TEXT_H
#define CERTMILL_ROLE_TEXT_H

#include "arena.h"
#include "states.h"

#include <stdlib.h>
#include <string.h>

static inline struct slice_list
list_of_text(struct arena *a, const char *text)
{
	struct slice_list list = { NULL, 0 };
	size_t count = 1;

	if (text == NULL)
		return list;
	for (const char *c = text; *c != '\0'; c++)
		count += *c == ',';
	list.items = arena_array(a, count, sizeof(list.items[0]));
	while (list.count < count) {
		size_t len = strcspn(text, ",");

		list.items[list.count++] = arena_copy(a, slice_of(text, len));
		text += text[len] == ',' ? len + 1 : len;
	}
	return list;
}

static inline const struct field *
role_text_field(const char *name)
{
	for (size_t i = 0; i < role_schema.count; i++)
		if (strcmp(role_schema.fields[i].name, name) == 0)
			return &role_schema.fields[i];
	abort(); /* a word that the table of tests should not hold */
}

static inline void
role_text_set(struct role *role, struct arena *a, const char *name, const char *value)
{
	const struct field *f = role_text_field(name);
	void *member = (uint8_t *)role + f->offset;

	if (f->type == FIELD_LIST)
		*(struct slice_list *)member = *value == '\0'
		    ? (struct slice_list){ arena_array(a, 1, sizeof(struct slice)), 0 }
		    : list_of_text(a, value);
	else if (f->type == FIELD_TEXT)
		*(struct slice *)member = slice_text(value);
	else if (f->type == FIELD_INT || f->type == FIELD_SPAN)
		*(int64_t *)member = strtoll(value, NULL, 10);
	else
		abort();
}

static inline void
role_of_text(struct arena *a, const char *text, struct role *ret)
{
	char *next = arena_text(a, slice_text(text));
	char *word;

	role_defaults(ret);
	while ((word = strsep(&next, " ")) != NULL) {
		char *equals = strchr(word, '=');

		if (*word == '\0')
			continue;
		if (equals == NULL || *word == '+' || *word == '-') {
			*(bool *)((uint8_t *)ret + role_text_field(word + 1)->offset) = *word ==
			    '+';
			continue;
		}
		*equals = '\0';
		role_text_set(ret, a, word, equals + 1);
	}
}

#endif
