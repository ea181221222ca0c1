/*
 * The configuration engine: one table row a setting. A setting comes from the INI file, from the environment
 * (CERTMILL_REDIS_ADDRESS for redis.address), which wins, or from its default; what is wrong is named with its source
 * (file and line, or variable). `kafka.*` keys that no row names go to a callback (librdkafka's own settings).
 */
#ifndef CERTMILL_CONFIG_H
#define CERTMILL_CONFIG_H

#include "config_origin.h"
#include "err.h"
#include "slice.h"

enum setting_type { SETTING_TEXT, SETTING_INT, SETTING_BOOL, SETTING_SPAN, SETTING_SIZE };

struct setting {
	const char *name; /* "lanes.mint": section and key of the INI file */
	enum setting_type type;
	size_t
	    offset; /* of the member: const char *, int64_t (int, span in seconds, size in bytes) or bool */
	const char *def;  /* as text; NULL: required */
	int64_t min, max; /* numbers: value; text: length */
	const char *help; /* one line for the manual */
};

/* clang-format off */
#define SETTING(type_, struct_, member_, name_, def_, min_, max_, help_) \
	{ .name = (name_), .type = SETTING_##type_, .offset = offsetof(struct struct_, member_), .def = (def_), \
	  .min = (min_), .max = (max_), .help = (help_) }
/* clang-format on */

struct config_source {
	const char *path;       /* INI file, or NULL for none */
	const char *env_prefix; /* "CERTMILL_", or NULL: the environment is not asked */
	/* Called for keys below `pass_section` that the table does not have, e.g. ("kafka", "socket.nagle.disable", "true").
	 * In the environment: CERTMILL_KAFKA_SOCKET_NAGLE_DISABLE. */
	const char *pass_section;
	bool (*pass)(void *opaque, const char *key, const char *value, struct err *e);
	void *opaque;
	struct config_origins *origins; /* where each stands; NULL: nobody asks */
};

/* Fills *settings by the table. Texts are kept until config_free. An unknown key is an error. */
bool config_load(const struct config_source *from, const struct setting *table, size_t count,
    void *settings, struct err *e) MUST_USE;
void config_free(const struct setting *table, size_t count, void *settings);
/* Prints the table as the manual's markdown. */
void config_document(const struct setting *table, size_t count);
/* Prints the table as an INI file, every setting behind a semicolon. */
void config_sample(const struct setting *table, size_t count);

#endif
