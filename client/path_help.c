/* certmill path-help: what the tables say of a path, and which paths stand below it. Asks nobody. */
#include "command.h"
#include "paths.h"
#include "schema.h"

#define HELP_MAX ((size_t)1 << 20)

/* What the path says itself is nothing to be given. */
static bool
is_fixed(const struct path *p, const char *name)
{
	return p->param != NULL && strcmp(p->param, name) == 0;
}

static bool
in_path(const struct path *p, const char *name)
{
	const char *colon = strchr(p->pattern, ':');

	return colon != NULL && strcmp(colon + 1, name) == 0;
}

static void
add_parameters(const struct path *p, struct buf *out)
{
	const struct schema *s = contracts[p->op].params;
	const char *head = "\nParameters:\n\n";

	for (size_t i = 0; i < s->count; i++) {
		if (is_fixed(p, s->fields[i].name))
			continue;
		buf_add_text(out, head);
		head = "";
		schema_text(s, i, out);
		if (in_path(p, s->fields[i].name))
			buf_add_text(out, "        It stands in the path.\n");
	}
}

static void
add_answer(const struct path *p, struct buf *out)
{
	const struct schema *s = contracts[p->op].data;

	if (p->field != NULL) {
		buf_printf(out, "\nAnswers the bytes alone, as %s.\n",
		    p->show == SHOW_PEM ? "PEM" : "DER");
		return;
	}
	if (s == NULL)
		return;
	buf_add_text(out, "\nAnswer:\n\n");
	for (size_t i = 0; i < s->count; i++)
		if ((s->fields[i].flags & FIELD_ALIAS) == 0)
			schema_text(s, i, out);
}

/* The operation's help begins in lower case: it is also the rest of a line. */
static void
add_sentence(const char *help, struct buf *out)
{
	char first = help[0];

	if (first >= 'a' && first <= 'z')
		first = (char)(first ^ 'a' ^ 'A');
	buf_printf(out, "%c%s.", first, help + 1);
}

static void
add_path(const struct path *p, const char *mount, struct buf *out)
{
	const struct contract *c = &contracts[p->op];

	buf_printf(out, "certmill %s %s/%s\n\n", verb_name(p->verb), mount, p->pattern);
	add_sentence(c->help, out);
	buf_printf(out, "\nOperation %s, on the topic .%s.%s\n", c->name,
	    topic_kind_names[c->topic], c->makes_key ? " Takes -seal and -seal-to." : "");
	add_parameters(p, out);
	add_answer(p, out);
	buf_add_byte(out, '\n');
}

static void
add_line(const struct path *p, const char *mount, struct buf *out)
{
	buf_printf(out, "    %-6s %s/%s\n        ", verb_name(p->verb), mount, p->pattern);
	add_sentence(contracts[p->op].help, out);
	buf_add_byte(out, '\n');
}

typedef void add_fn(const struct path *p, const char *mount, struct buf *out);

static void
add_matches(
    const char *path, const char *mount, enum path_match match, add_fn *add, struct buf *out)
{
	const struct path *p;

	for (size_t i = 0; (p = path_at(i)) != NULL; i++)
		if (path_match(p, path) == match)
			add(p, mount, out);
}

enum status
path_help(struct options *o)
{
	const char *path = o->words[0] + strspn(o->words[0], "/");
	const char *mount = arena_text(&o->arena, slice_of(path, strcspn(path, "/")));
	struct buf SCOPED_BUF same = { 0 };
	struct buf SCOPED_BUF below = { 0 };
	struct err e = { 0 };

	buf_init(&same, HELP_MAX);
	buf_init(&below, HELP_MAX);
	add_matches(path, mount, PATH_SAME, add_path, &same);
	add_matches(path, mount, PATH_BELOW, add_line, &below);
	if (same.len + below.len == 0) {
		(void)err_set(&e, ERR_INVALID_VALUE,
		    "there is no path %.80s: certmill --help lists them", path);
		return fail_with(&e);
	}
	printf("%.*s", SLICE_FMT(buf_slice(&same)));
	if (below.len > 0)
		printf("%s\n\n%.*s",
		    same.len > 0 ? "Paths below it:" : "Paths:", SLICE_FMT(buf_slice(&below)));
	return fflush(stdout) == 0 ? STATUS_OK : STATUS_FAILED;
}
