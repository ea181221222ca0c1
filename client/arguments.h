/*
 * key=value words: `@file` is a file's contents, `-` what comes on standard input, `\@` and `\-` begin a value that is meant
 * as it stands. A key that stands twice is a list. Values may be secrets, and are wiped.
 */
#ifndef CERTMILL_ARGUMENTS_H
#define CERTMILL_ARGUMENTS_H

#include "buf.h"
#include "writer.h"

#include <stdio.h>

#define ARGUMENT_MAX (256 * 1024) /* bytes of a value */

struct argument {
	char *name;
	struct buf value;
};

struct arguments {
	struct argument *items;
	size_t count;
};

/* The words are borrowed. ERR_INVALID_VALUE, ERR_TOO_LARGE, ERR_SYSTEM. */
bool arguments_read(
    char *const *words, size_t count, FILE *in, struct arguments *ret, struct err *e) MUST_USE;
void arguments_add(struct arguments *args, const char *name, struct slice value);
struct argument *arguments_find(const struct arguments *args, const char *name); /* NULL: none */
/* A map of texts and lists of texts, in the order in which the names came. */
void arguments_encode(const struct arguments *args, struct writer *w);
void arguments_done(struct arguments *args); /* safe on a zeroed one */

/* A file's contents, appended to a buf that is ready. */
bool argument_file(const char *path, struct buf *out, struct err *e) MUST_USE;
/* "@file", "-" or the text itself, appended to a buf that is ready. */
bool argument_value(const char *text, FILE *in, struct buf *out, struct err *e) MUST_USE;

static inline void
arguments_scoped(struct arguments *args)
{
	arguments_done(args);
}
#define SCOPED_ARGUMENTS __attribute__((cleanup(arguments_scoped)))

#endif
