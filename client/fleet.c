#include "fleet.h"

#include "columns.h"
#include "table.h"
#include "timespan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int64_t
number_of(const json_t *row, const char *name)
{
	return json_integer_value(json_object_get(row, name));
}

/* How long until then, or since: "3d 4h", "-12m". */
static void
span_add(struct columns *c, int64_t seconds)
{
	int64_t s = seconds < 0 ? -seconds : seconds;
	const char *sign = seconds < 0 ? "-" : "";

	if (s >= 86400)
		columns_add(c, "%s%" PRId64 "d %" PRId64 "h", sign, s / 86400, s % 86400 / 3600);
	else if (s >= 3600)
		columns_add(c, "%s%" PRId64 "h %" PRId64 "m", sign, s / 3600, s % 3600 / 60);
	else if (s >= 60)
		columns_add(c, "%s%" PRId64 "m", sign, s / 60);
	else
		columns_add(c, "%s%" PRId64 "s", sign, s);
}

/* A member of the answer, a list, and the table of it. */
struct section {
	const char *title, *member, *const *head;
	size_t columns;
	void (*row_add)(struct columns *c, const json_t *row, int64_t now);
};

static void
section_print(FILE *out, const json_t *data, const struct section *section)
{
	const json_t *rows = json_object_get(data, section->member);
	struct columns c SCOPED_COLUMNS;

	columns_init(&c, section->head, section->columns);
	for (size_t i = 0; i < json_array_size(rows); i++)
		section->row_add(&c, json_array_get(rows, i), number_of(data, "at"));
	fprintf(out, "\n%s\n", section->title);
	columns_print(out, &c);
}

/* ---- rows ---- */

/* "certmill.issue/0" of many: how many of which topic. */
static void
served_add(struct columns *c, const json_t *partitions)
{
	char text[1024] = "";
	size_t len = 0;

	for (size_t i = 0; i < json_array_size(partitions); i++) {
		const char *name = json_string_value(json_array_get(partitions, i));
		const char *slash = name == NULL ? NULL : strrchr(name, '/');
		bool same = slash != NULL && i > 0 &&
		    strncmp(json_string_value(json_array_get(partitions, i - 1)), name,
			(size_t)(slash - name) + 1) == 0;

		if (slash == NULL || len + strlen(name) + 3 > sizeof(text))
			continue;
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s",
		    len == 0   ? ""
			: same ? ","
			       : " ",
		    same ? slash + 1 : name);
	}
	columns_add(c, "%s", len == 0 ? "none" : text);
}

static void
lane_add(struct columns *c, const json_t *row, int64_t now)
{
	char text[CELL_MAX];

	(void)now;
	columns_add(c, "%s", table_cell(row, "kind", text));
	columns_add(c, "%s", table_cell(row, "instance", text));
	columns_add(c, "%s", table_cell(row, "host", text));
	served_add(c, json_object_get(row, "partitions"));
}

static void
partition_add(struct columns *c, const json_t *row, int64_t now)
{
	char text[CELL_MAX];

	(void)now;
	columns_add(c, "%s", table_cell(row, "topic", text));
	columns_add(c, "%s", table_cell(row, "partition", text));
	columns_add(c, "%s",
	    json_object_get(row, "committed") == NULL ? "never begun"
						      : table_cell(row, "committed", text));
	columns_add(c, "%s", table_cell(row, "lag", text));
	columns_add(c, "%s", table_cell(row, "audit_sequence", text));
	columns_add(c, "%.16s", table_cell(row, "audit_hash", text));
}

static void
crl_add(struct columns *c, const json_t *row, int64_t now)
{
	int64_t limit = number_of(row, "limit");
	char text[CELL_MAX];

	columns_add(c, "%s", table_cell(row, "mount", text));
	columns_add(c, "%.16s", table_cell(row, "issuer", text));
	columns_add(c, "%s", table_cell(row, "shard", text));
	columns_add(c, "%s", table_cell(row, "number", text));
	span_add(c, number_of(row, "due") - now);
	span_add(c, number_of(row, "next_update") - now);
	columns_add(c, "%s", table_cell(row, "size", text));
	columns_add(c, "%" PRId64 "%%", limit > 0 ? number_of(row, "size") * 100 / limit : 0);
}

static void
mount_add(struct columns *c, const json_t *row, int64_t now)
{
	bool has_ca = json_object_get(row, "issuer") != NULL;
	char text[CELL_MAX];

	columns_add(c, "%s", table_cell(row, "mount", text));
	columns_add(c, "%.16s", has_ca ? table_cell(row, "issuer", text) : "no CA");
	if (has_ca)
		span_add(c, number_of(row, "issuer_not_after") - now);
	else
		columns_add(c, "%s", "");
	columns_add(c, "%s", table_cell(row, "roles", text));
	columns_add(c, "%s", table_cell(row, "issued", text));
	columns_add(c, "%s", table_cell(row, "revoked", text));
}

/* ---- all of it ---- */

static const char *const lanes_head[] = { "Kind", "Lane", "Host", "Serves" };
static const char *const partitions_head[] = { "Topic", "Partition", "Done", "Waiting", "Audited",
	"Last audit record" };
static const char *const crls_head[] = { "Mount", "Issuer", "Shard", "Number", "Due in", "Ends in",
	"Bytes", "Full" };
static const char *const mounts_head[] = { "Mount", "Issuer", "CA ends in", "Roles", "Issued",
	"Revoked" };
static const struct section sections[] = {
	{ "Lanes", "lanes", lanes_head, COUNT(lanes_head), lane_add },
	{ "Partitions", "partitions", partitions_head, COUNT(partitions_head), partition_add },
	{ "CRLs", "crls", crls_head, COUNT(crls_head), crl_add },
	{ "Mounts", "mounts", mounts_head, COUNT(mounts_head), mount_add },
};

static void
head_print(FILE *out, const json_t *data)
{
	static const char *const head[] = { "Answered by", "Version", "At", "View",
		"Rejects, at most" };
	struct columns c SCOPED_COLUMNS;
	char text[CELL_MAX], at[32];

	time_format_rfc3339(number_of(data, "at"), at);
	columns_init(&c, head, COUNT(head));
	columns_add(&c, "%s", table_cell(data, "worker", text));
	columns_add(&c, "%s", table_cell(data, "version", text));
	columns_add(&c, "%s", at);
	columns_add(&c, "%s",
	    json_object_get(data, "view") == NULL ? "unknown" : table_cell(data, "view", text));
	columns_add(&c, "%s",
	    json_object_get(data, "rejects") == NULL ? "unknown"
						     : table_cell(data, "rejects", text));
	columns_print(out, &c);
}

void
fleet_print(FILE *out, const json_t *data)
{
	const json_t *problems = json_object_get(data, "problems");

	head_print(out, data);
	for (size_t i = 0; i < json_array_size(problems); i++) {
		const char *problem = json_string_value(json_array_get(problems, i));

		fprintf(out, "%sNot known: ", i == 0 ? "\n" : "");
		table_text(
		    out, problem == NULL ? "" : problem, problem == NULL ? 0 : strlen(problem));
		fputc('\n', out);
	}
	for (size_t i = 0; i < COUNT(sections); i++)
		section_print(out, data, &sections[i]);
}
