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

static inline bool *
role_text_flag(struct role *role, const char *name)
{
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {
		{ "allow_localhost", &role->allow_localhost },
		{ "allow_bare_domains", &role->allow_bare_domains },
		{ "allow_token_displayname", &role->allow_token_displayname },
		{ "allow_subdomains", &role->allow_subdomains },
		{ "allow_any_name", &role->allow_any_name },
		{ "enforce_hostnames", &role->enforce_hostnames },
		{ "allow_ip_sans", &role->allow_ip_sans },
		{ "server_flag", &role->server_flag },
		{ "client_flag", &role->client_flag },
		{ "code_signing_flag", &role->code_signing_flag },
		{ "email_protection_flag", &role->email_protection_flag },
		{ "use_csr_common_name", &role->use_csr_common_name },
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (strcmp(flags[i].name, name) == 0)
			return flags[i].flag;
	abort(); /* a word that the table of tests should not hold */
}

static inline void
role_text_set(struct role *role, struct arena *a, const char *key, const char *value)
{
	if (strcmp(key, "allowed_domains") == 0)
		role->allowed_domains = list_of_text(a, value);
	else if (strcmp(key, "key_type") == 0)
		role->key_type = slice_text(value);
	else if (strcmp(key, "key_bits") == 0)
		role->key_bits = strtoll(value, NULL, 10);
	else if (strcmp(key, "ttl") == 0)
		role->ttl = strtoll(value, NULL, 10);
	else if (strcmp(key, "max_ttl") == 0)
		role->max_ttl = strtoll(value, NULL, 10);
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
		if (equals == NULL) {
			*role_text_flag(ret, word + 1) = *word == '+';
			continue;
		}
		*equals = '\0';
		role_text_set(ret, a, word, equals + 1);
	}
}

#endif
