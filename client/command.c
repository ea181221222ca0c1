#include "command.h"

#include "paths.h"

#define MANY SIZE_MAX

static const struct command commands[] = {
	/* clang-format off */
	{ "mount",      "pki [KEY=VALUE...]",       1, MANY, command_mount,      "make a CA mount", &contracts[OP_MOUNT_WRITE] },
	{ "unmount",    "MOUNT",                    1, 1,    command_unmount,    "take a mount away: it issues no more, its CRL stays", NULL },
	{ "mount-tune", "MOUNT [KEY=VALUE...]",     1, MANY, command_mount_tune, "change a mount's TTLs and what else it says", &contracts[OP_MOUNT_TUNE] },
	{ "mounts",     "",                         0, 0,    command_mounts,     "list the mounts", NULL },
	{ "status",     "",                         0, 0,    command_status,     "how the fleet is: lanes, what waits, CRLs that are due, counts", NULL },
	{ "write",      "PATH [KEY=VALUE...]",      1, MANY, command_write,      "write to a path: configure, issue, sign, revoke", NULL },
	{ "patch",      "PATH [KEY=VALUE...]",      1, MANY, command_patch,      "change what is named, and leave the rest as it is", NULL },
	{ "read",       "PATH [KEY=VALUE...]",      1, MANY, command_read,       "read a path", NULL },
	{ "list",       "PATH [after=K] [limit=N]", 1, MANY, command_list,       "list what stands below a path", NULL },
	{ "delete",     "PATH",                     1, MANY, command_delete,     "delete what stands at a path", NULL },
	{ "revoke",     "LEASE_ID [KEY=VALUE...]",  1, MANY, command_revoke,     "revoke the certificate of a lease", &contracts[OP_REVOKE] },
	{ "path-help",  "PATH",                     1, 1,    path_help,          "what a path does, takes and answers", NULL },
	{ "request",    "FILE",                     1, 1,    request_file,       "send request envelopes, one JSON object a line (- for standard input)", NULL },
	{ "follow",     "crl|certs",                1, 1,    follow,             "keep the current CRLs as files; print what is issued", NULL },
	{ "audit",      "verify",                   1, 1,    audit,              "check the fleet's promises from its topics", NULL },
	{ "rejects",    "list|show|redrive [AT...]", 1, MANY, rejects,           "what could not be answered: list, look at, or send again", NULL },
	{ "bench",      "",                         0, 0,    bench,              "measure a fleet", NULL },
	{ "manual",     "",                         0, 0,    manual,             "print the manual of this program (docs/certmill.md)", NULL },
	/* clang-format on */
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

const struct command *
command_at(size_t i)
{
	return i < COMMANDS ? &commands[i] : NULL;
}

static const struct command *
command_find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static const char values_help[] =
    "A value is a text, @FILE for a file's contents, - for standard input; a key that stands\n"
    "twice is a list. The private key of a pem_bundle is sealed to the fleet before it is sent,\n"
    "that of a CA which is exported, or with -seal of a certificate, to this command before it\n"
    "is answered. certmill path-help PATH says what a path takes.\n";

static const char status_help[] =
    "Exit status:\n"
    "  0  done\n"
    "  1  wrong usage, or something here failed\n"
    "  2  refused: standard error says why, with the code and the field to blame\n"
    "  3  no answer in time; the request may still be done: send it again with its -id\n"
    "  4  no broker, or no such topic on it\n"
    "  5  audit verify: a promise was broken, or could not be checked; standard output says which\n";

static enum status
help_print(void)
{
	printf("usage: certmill COMMAND [OPTION...] [WORD...]\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		printf("  %-10s %-24s %s\n", commands[i].name, commands[i].words, commands[i].help);
	printf("\nOptions of every command (certmill COMMAND --help for the others):\n");
	options_print(stdout, NULL);
	printf("\nPaths:\n");
	routes_print(stdout);
	printf("\n%s\n%s", values_help, status_help);
	return STATUS_OK;
}

static void
parameters_print(const struct schema *s)
{
	struct buf SCOPED_BUF text = { 0 };

	buf_init(&text, (size_t)1 << 20);
	for (size_t i = 0; i < s->count; i++)
		schema_text(s, i, &text);
	printf("\nKeys:\n\n%.*s", SLICE_FMT(buf_slice(&text)));
}

static enum status
help_command(const struct command *c)
{
	printf("usage: certmill %s [OPTION...] %s\n\n%s\n\nOptions:\n", c->name, c->words, c->help);
	options_print(stdout, c->name);
	options_print(stdout, NULL);
	if (c->contract != NULL)
		parameters_print(c->contract->params);
	return STATUS_OK;
}

static enum status
command_run_with(const struct command *c, struct options *o)
{
	if (o->help)
		return help_command(c);
	if (o->word_count < c->least || o->word_count > c->most) {
		fprintf(stderr, "usage: certmill %s [OPTION...] %s\n", c->name, c->words);
		return STATUS_FAILED;
	}
	return c->run(o);
}

enum status
command_run(struct options *o)
{
	const struct command *c;

	if (o->command == NULL && !o->help) {
		fprintf(stderr, "certmill: which command? certmill --help lists them\n");
		return STATUS_FAILED;
	}
	if (o->command == NULL || strcmp(o->command, "help") == 0)
		return help_print();
	c = command_find(o->command);
	if (c != NULL)
		return command_run_with(c, o);
	fprintf(stderr, "certmill: there is no command \"%s\": certmill --help lists them\n",
	    o->command);
	return STATUS_FAILED;
}
