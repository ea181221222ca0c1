#include "columns.h"

#include "table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 16

static void
cell_push(struct columns *c, char *cell)
{
	if (cell == NULL)
		abort();
	if (c->count == c->capacity) {
		c->capacity = c->capacity == 0 ? 64 : 2 * c->capacity;
		c->cells = reallocarray(c->cells, c->capacity, sizeof(char *));
		if (c->cells == NULL)
			abort();
	}
	c->cells[c->count++] = cell;
}

void
columns_init(struct columns *c, const char *const *head, size_t columns)
{
	assert(columns > 0 && columns <= COLUMNS_MAX);
	*c = (struct columns){ .columns = columns };
	for (size_t i = 0; i < columns; i++)
		cell_push(c, strdup(head[i]));
}

void
columns_add(struct columns *c, const char *fmt, ...)
{
	char *cell = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&cell, fmt, args) < 0)
		abort();
	va_end(args);
	cell_push(c, cell);
}

void
columns_print(FILE *out, const struct columns *c)
{
	size_t widths[COLUMNS_MAX] = { 0 };

	for (size_t i = 0; i < c->count; i++)
		if (strlen(c->cells[i]) > widths[i % c->columns])
			widths[i % c->columns] = strlen(c->cells[i]);
	for (size_t i = 0; i < c->count; i++) {
		size_t len = strlen(c->cells[i]), column = i % c->columns;

		table_text(out, c->cells[i], len);
		if (column + 1 < c->columns)
			fprintf(out, "%*s", (int)(widths[column] + 2 - len), "");
		else
			fputc('\n', out);
	}
}

void
columns_done(struct columns *c)
{
	for (size_t i = 0; i < c->count; i++)
		free(c->cells[i]);
	free(c->cells);
	*c = (struct columns){ 0 };
}
