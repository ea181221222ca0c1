#include "config.h"

#include "buf.h"
#include "config_value.h"
#include "scoped.h"

#include <ini.h>

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define NAME_MAX_BYTES   128
#define VALUE_MAX_BYTES  65536
#define SOURCE_MAX_BYTES 192

struct config {
	const struct config_source *from;
	const struct setting *table;
	size_t count;
	void *settings;
	bool *in_file, *is_set; /* by row */
	struct err *e;
};

/* The setting that is being read from the file: it may go on in the next line. */
struct pending {
	char name[NAME_MAX_BYTES]; /* "" for none */
	unsigned line;
	struct buf value;
};

/* The file, as inih reads it: line by line into a buffer of its own size. */
struct ini {
	struct config *config;
	FILE *file;
	struct pending pending;
	unsigned line;
	bool comma;     /* the last line ended with one */
	bool continues; /* this line goes on with the value of the last one */
	bool failed;
};

static size_t
row_find(const struct config *c, const char *name)
{
	size_t row = 0;

	while (row < c->count && strcmp(c->table[row].name, name) != 0)
		row++;
	return row;
}

/* Does the name lie below the section whose unknown keys are passed on? */
static const char *
pass_key(const struct config *c, const char *name)
{
	size_t len = c->from->pass_section == NULL ? 0 : strlen(c->from->pass_section);

	if (len == 0 || strncmp(name, c->from->pass_section, len) != 0 || name[len] != '.' ||
	    name[len + 1] == '\0')
		return NULL;
	return name + len + 1;
}

static void
origin_keep(const struct config *c, const char *source, const char *name)
{
	if (c->from->origins != NULL)
		config_origin_set(c->from->origins, name, source);
}

/* Puts the source before the callback's message. */
static bool
config_pass(const struct config *c, const char *source, const char *key, const char *value)
{
	char name[2 * NAME_MAX_BYTES];
	struct err why = { 0 };

	(void)snprintf(name, sizeof(name), "%s.%s", c->from->pass_section, key);
	origin_keep(c, source, name);
	if (c->from->pass(c->from->opaque, key, value, &why))
		return true;
	return err_field(
	    c->e, why.code == ERR_NONE ? ERR_CONFIG : why.code, key, "%s: %s", source, why.msg);
}

/* source: "file:line" or the variable */
static bool
config_set(struct config *c, const char *source, const char *name, const char *value)
{
	size_t row = row_find(c, name);
	const char *key = pass_key(c, name);

	if (row < c->count) {
		c->is_set[row] = true;
		origin_keep(c, source, name);
		return setting_store(&c->table[row], source, value, c->settings, c->e);
	}
	if (key != NULL)
		return config_pass(c, source, key, value);
	return err_field(c->e, ERR_CONFIG, name, "%s: there is no setting \"%s\"", source, name);
}

/* ---- the file ---- */

static void
ini_source(const struct ini *i, unsigned line, char ret[static SOURCE_MAX_BYTES])
{
	snprintf(ret, SOURCE_MAX_BYTES, "%s:%u", i->config->from->path, line);
}

static bool
ini_fail(struct ini *i, unsigned line, const char *why)
{
	char source[SOURCE_MAX_BYTES];

	i->failed = true;
	ini_source(i, line, source);
	return err_set(i->config->e, ERR_CONFIG, "%s: %s", source, why);
}

/* The pending setting is whole. */
static bool
pending_flush(struct ini *i)
{
	struct config *c = i->config;
	char source[SOURCE_MAX_BYTES];
	size_t row = row_find(c, i->pending.name);

	if (i->pending.name[0] == '\0' || i->failed)
		return !i->failed;
	if (row < c->count && c->in_file[row])
		return ini_fail(i, i->pending.line, "the setting stands twice");
	if (row < c->count)
		c->in_file[row] = true;
	buf_add_byte(&i->pending.value, '\0');
	if (i->pending.value.failed)
		return ini_fail(i, i->pending.line, "the value is too long");
	ini_source(i, i->pending.line, source);
	i->failed = !config_set(c, source, i->pending.name, (const char *)i->pending.value.data);
	i->pending.name[0] = '\0';
	return !i->failed;
}

static bool
is_comment(const char *text)
{
	char first = text[strspn(text, " \t")];

	return first == ';' || first == '#' || first == '\n' || first == '\0';
}

static bool
ends_with_comma(const char *text)
{
	size_t len = strlen(text);

	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;
	return len > 0 && text[len - 1] == ',';
}

/* inih's reader. It takes every line that begins with white space for a value that goes on: here only one behind a comma is. */
static char *
ini_read_line(char *text, int size, void *opaque)
{
	struct ini *i = opaque;
	size_t space;

	if (i->failed || fgets(text, size, i->file) == NULL)
		return NULL;
	i->line++;
	if (text[0] == '\0' || (text[strlen(text) - 1] != '\n' && !feof(i->file))) {
		ini_fail(i, i->line,
		    "too long a line, or no text (a list goes on, indented, in the line after a comma)");
		return NULL;
	}
	if (is_comment(text))
		return text;
	space = strspn(text, " \t");
	i->continues = space > 0 && i->comma;
	i->comma = ends_with_comma(text);
	if (space > 0 && !i->continues)
		memmove(text, text + space, strlen(text + space) + 1);
	return text;
}

/* inih's handler: nonzero is success. A value that goes on comes again, with the same name. */
static int
ini_handle(void *opaque, const char *section, const char *name, const char *value)
{
	struct ini *i = opaque;
	struct pending *p = &i->pending;

	if (i->failed || (!i->continues && !pending_flush(i)))
		return 0;
	if (!i->continues) {
		buf_clear(&p->value);
		p->line = i->line;
		if (snprintf(p->name, sizeof(p->name), "%s.%s", section, name) >=
		    (int)sizeof(p->name))
			return ini_fail(i, i->line, "the name is too long");
	}
	buf_add_text(&p->value, value);
	return 1;
}

static bool
ini_run(struct ini *i)
{
	int line = ini_parse_stream(ini_read_line, i, ini_handle, i);

	if (line < 0)
		abort();
	/* inih goes on behind a line that it cannot read, and tells at the end: nothing earlier is to blame */
	if (line > 0 && (!i->failed || (unsigned)line < i->line))
		return ini_fail(
		    i, (unsigned)line, "neither [section], nor key = value, nor a comment");
	if (ferror(i->file))
		return ini_fail(i, i->line, "cannot be read");
	return pending_flush(i);
}

static bool
file_load(struct config *c)
{
	struct ini i = { .config = c };
	SCOPED(FILE) file = NULL;
	bool done;

	if (c->from->path == NULL)
		return true;
	file = fopen(c->from->path, "re");
	if (file == NULL)
		return err_set(c->e, ERR_CONFIG, "%s: %s", c->from->path, strerror(errno));
	i.file = file;
	buf_init_secret(&i.pending.value, VALUE_MAX_BYTES); /* kafka.sasl.password */
	done = ini_run(&i);
	buf_done(&i.pending.value);
	return done;
}

/* ---- the environment ---- */

/* "CERTMILL_REDIS_ADDRESS" of "redis.address" */
static void
variable_name(const char *prefix, const char *name, char ret[static NAME_MAX_BYTES])
{
	(void)snprintf(ret, NAME_MAX_BYTES, "%s%s", prefix, name);
	for (char *c = ret + strlen(prefix); *c != '\0'; c++)
		*c = (char)(*c == '.' ? '_' : toupper((unsigned char)*c));
}

/* "REDIS_ADDRESS" for "redis.address"; len ends the name early. */
static bool
is_variable_of(const char *variable, const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		int want = name[i] == '.' ? '_' : toupper((unsigned char)name[i]);

		if (variable[i] != want)
			return false;
	}
	return true;
}

static bool
is_of_section(const char *variable, const char *section, size_t len)
{
	return is_variable_of(variable, section, len) && variable[len] == '_' &&
	    variable[len + 1] != '\0';
}

/* Is the variable of a section that the table has, so that it is a setting that does not exist? */
static bool
is_misspelt(const struct config *c, const char *variable)
{
	for (size_t row = 0; row < c->count; row++)
		if (is_of_section(variable, c->table[row].name, strcspn(c->table[row].name, ".")))
			return true;
	return false;
}

/* "SOCKET_NAGLE_DISABLE" is "socket.nagle.disable". */
static bool
variable_pass(const struct config *c, const char *source, const char *variable, const char *value)
{
	char key[NAME_MAX_BYTES];
	size_t len = strlen(variable);

	if (len >= sizeof(key))
		return err_set(c->e, ERR_CONFIG, "%s: the name is too long", source);
	memcpy(key, variable, len + 1);
	for (char *at = key; *at != '\0'; at++) {
		if (*at == '_')
			*at = '.';
		else
			*at = (char)tolower((unsigned char)*at);
	}
	return config_pass(c, source, key, value);
}

/* name: the variable without the prefix */
static bool
variable_set(struct config *c, const char *source, const char *name, const char *value)
{
	size_t section = c->from->pass_section == NULL ? 0 : strlen(c->from->pass_section);

	for (size_t row = 0; row < c->count; row++) {
		size_t len = strlen(c->table[row].name);

		if (is_variable_of(name, c->table[row].name, len) && name[len] == '\0')
			return config_set(c, source, c->table[row].name, value);
	}
	if (section > 0 && is_of_section(name, c->from->pass_section, section))
		return variable_pass(c, source, name + section + 1, value);
	if (is_misspelt(c, name))
		return err_set(c->e, ERR_CONFIG, "%s: there is no such setting", source);
	return true;
}

static bool
environment_load(struct config *c)
{
	size_t prefix;

	if (c->from->env_prefix == NULL)
		return true;
	prefix = strlen(c->from->env_prefix);
	for (char **at = environ; *at != NULL; at++) {
		char source[SOURCE_MAX_BYTES];
		size_t len = strcspn(*at, "=");

		if (strncmp(*at, c->from->env_prefix, prefix) != 0 || (*at)[len] == '\0' ||
		    len < prefix || len >= sizeof(source))
			continue;
		memcpy(source, *at, len);
		source[len] = '\0';
		if (!variable_set(c, source, source + prefix, *at + len + 1))
			return false;
	}
	return true;
}

/* ---- the whole ---- */

static bool
setting_missing(struct config *c, const char *name)
{
	char variable[NAME_MAX_BYTES];

	if (c->from->env_prefix == NULL)
		return err_field(c->e, ERR_CONFIG, name, "%s is required", name);
	variable_name(c->from->env_prefix, name, variable);
	return err_field(c->e, ERR_CONFIG, name,
	    "%s is required, and neither %s nor the environment (%s) has it", name,
	    c->from->path == NULL ? "a file" : c->from->path, variable);
}

static bool
defaults_load(struct config *c)
{
	for (size_t row = 0; row < c->count; row++) {
		const struct setting *s = &c->table[row];

		if (c->is_set[row])
			continue;
		if (s->def == NULL)
			return setting_missing(c, s->name);
		if (!setting_store(s, "default", s->def, c->settings, c->e))
			return false;
	}
	return true;
}

bool
config_load(const struct config_source *from, const struct setting *table, size_t count,
    void *settings, struct err *e)
{
	bool *flags = calloc(2 * count + 1, sizeof(*flags));
	struct config c = {
		.from = from,
		.table = table,
		.count = count,
		.settings = settings,
		.in_file = flags,
		.is_set = flags + count,
		.e = e,
	};
	bool done;

	if (flags == NULL)
		abort();
	for (size_t row = 0; row < count; row++)
		setting_clear(&table[row], settings);
	done = file_load(&c) && environment_load(&c) && defaults_load(&c);
	free(flags);
	if (!done)
		config_free(table, count, settings);
	return done;
}

void
config_free(const struct setting *table, size_t count, void *settings)
{
	for (size_t row = 0; row < count; row++)
		setting_free(&table[row], settings);
}
