#include "arguments.h"

#include "scoped.h"

#include <errno.h>

static MUST_USE bool
stream_read(FILE *in, const char *name, struct buf *out, struct err *e)
{
	uint8_t block[4096];
	size_t n;

	/* stdio keeps a copy of what it reads, also of a key: without a buffer of its own it does not */
	(void)setvbuf(in, NULL, _IONBF, 0);
	while (!out->failed && (n = fread(block, 1, sizeof(block), in)) > 0)
		buf_add(out, block, n);
	explicit_bzero(block, sizeof(block));
	if (ferror(in))
		return err_errno(e, name);
	if (out->failed)
		return err_set(e, ERR_TOO_LARGE, "%.100s has over %zu bytes", name, out->max);
	return true;
}

bool
argument_file(const char *path, struct buf *out, struct err *e)
{
	SCOPED(FILE) file = fopen(path, "rbe");

	return file == NULL ? err_errno(e, path) : stream_read(file, path, out, e);
}

bool
argument_value(const char *text, FILE *in, struct buf *out, struct err *e)
{
	if (strcmp(text, "-") == 0)
		return stream_read(in, "standard input", out, e);
	if (text[0] == '@')
		return argument_file(text + 1, out, e);
	if (text[0] == '\\' && (text[1] == '@' || text[1] == '-'))
		text++;
	buf_add_text(out, text);
	if (out->failed)
		return err_set(e, ERR_TOO_LARGE, "a value has over %zu bytes", out->max);
	return true;
}

/* Room for one more, whose value is empty. */
static struct argument *
arguments_grow(struct arguments *args, struct slice name)
{
	struct argument *items = reallocarray(args->items, args->count + 1, sizeof(*items));
	char *copy = strndup((const char *)name.data, name.len);

	if (items == NULL || copy == NULL)
		abort();
	args->items = items;
	items[args->count] = (struct argument){ .name = copy };
	buf_init_secret(&items[args->count].value, ARGUMENT_MAX);
	return &items[args->count++];
}

void
arguments_add(struct arguments *args, const char *name, struct slice value)
{
	buf_add_slice(&arguments_grow(args, slice_text(name))->value, value);
}

bool
arguments_read(char *const *words, size_t count, FILE *in, struct arguments *ret, struct err *e)
{
	bool in_used = false;

	for (size_t i = 0; i < count; i++) {
		const char *equals = strchr(words[i], '=');
		struct argument *argument;

		if (equals == NULL || equals == words[i])
			return err_set(e, ERR_INVALID_VALUE, "\"%.80s\" is no key=value", words[i]);
		argument = arguments_grow(ret, slice_of(words[i], (size_t)(equals - words[i])));
		if (strcmp(equals, "=-") == 0 && in_used)
			return err_field(e, ERR_INVALID_VALUE, argument->name,
			    "standard input can be only one value");
		in_used = in_used || strcmp(equals, "=-") == 0;
		if (!argument_value(equals + 1, in, &argument->value, e))
			return false;
	}
	return true;
}

struct argument *
arguments_find(const struct arguments *args, const char *name)
{
	for (size_t i = 0; i < args->count; i++)
		if (strcmp(args->items[i].name, name) == 0)
			return &args->items[i];
	return NULL;
}

static size_t
name_count(const struct arguments *args, const char *name)
{
	size_t count = 0;

	for (size_t i = 0; i < args->count; i++)
		count += strcmp(args->items[i].name, name) == 0;
	return count;
}

static void
list_encode(const struct arguments *args, const char *name, struct writer *w)
{
	writer_array(w, name_count(args, name));
	for (size_t i = 0; i < args->count; i++)
		if (strcmp(args->items[i].name, name) == 0)
			writer_text(w, buf_slice(&args->items[i].value));
}

void
arguments_encode(const struct arguments *args, struct writer *w)
{
	size_t names = 0;

	for (size_t i = 0; i < args->count; i++)
		names += arguments_find(args, args->items[i].name) == &args->items[i];
	writer_map(w, names);
	for (size_t i = 0; i < args->count; i++) {
		const struct argument *argument = &args->items[i];

		if (arguments_find(args, argument->name) != argument)
			continue;
		writer_cstr(w, argument->name);
		if (name_count(args, argument->name) > 1)
			list_encode(args, argument->name, w);
		else
			writer_text(w, buf_slice(&argument->value));
	}
}

void
arguments_done(struct arguments *args)
{
	for (size_t i = 0; i < args->count; i++) {
		free(args->items[i].name);
		buf_done(&args->items[i].value);
	}
	free(args->items);
	*args = (struct arguments){ 0 };
}
