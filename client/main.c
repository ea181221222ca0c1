#include "command.h"

#include "paths.h"
#include "streams.h"

#include <unistd.h>

static const struct command {
	const char *name, *words;
	enum status (*run)(struct options *o);
	const char *help;
} commands[] = {
	/* clang-format off */
	{ "mount",   "pki [KEY=VALUE...]",      command_mount,  "make a CA mount" },
	{ "mounts",  "",                        command_mounts, "list the mounts" },
	{ "write",   "PATH [KEY=VALUE...]",     command_write,  "write to a path: configure, issue, sign, revoke" },
	{ "read",    "PATH",                    command_read,   "read a path" },
	{ "list",    "PATH [after=K] [limit=N]", command_list,  "list what stands below a path" },
	{ "delete",  "PATH",                    command_delete, "delete what stands at a path" },
	{ "request", "FILE",                    request_file,   "send request envelopes, one JSON object a line (- for standard input)" },
	{ "follow",  "crl|certs",               follow,         "keep the current CRLs as files; print what is issued" },
	{ "bench",   "",                        bench,          "measure a fleet" },
	/* clang-format on */
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

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
    "twice is a list. The private key of a pem_bundle is sealed to the fleet before it is sent.\n";

static const char status_help[] =
    "Exit status:\n"
    "  0  done\n"
    "  1  wrong usage, or something here failed\n"
    "  2  refused: standard error says why, with the code and the field to blame\n"
    "  3  no answer in time; the request may still be done: send it again with its -id\n"
    "  4  no broker, or no such topic on it\n";

static enum status
help_print(void)
{
	printf("usage: certmill COMMAND [OPTION...] [WORD...]\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		printf("  %-8s %-26s %s\n", commands[i].name, commands[i].words, commands[i].help);
	printf("\nOptions of every command (certmill COMMAND --help for the others):\n");
	options_print(stdout, NULL);
	printf("\nPaths:\n");
	routes_print(stdout);
	printf("\n%s\n%s", values_help, status_help);
	return STATUS_OK;
}

static enum status
command_help(const struct command *c)
{
	printf("usage: certmill %s [OPTION...] %s\n\n%s\n\nOptions:\n", c->name, c->words, c->help);
	options_print(stdout, c->name);
	options_print(stdout, NULL);
	return STATUS_OK;
}

static enum status
run(struct options *o)
{
	const struct command *c;

	if (o->version) {
		printf("certmill %s\n", CERTMILL_VERSION);
		return STATUS_OK;
	}
	if (o->command == NULL && !o->help) {
		fprintf(stderr, "certmill: which command? certmill --help lists them\n");
		return STATUS_FAILED;
	}
	if (o->command == NULL || strcmp(o->command, "help") == 0)
		return help_print();
	c = command_find(o->command);
	if (c == NULL) {
		fprintf(stderr,
		    "certmill: there is no command \"%s\": certmill --help lists them\n",
		    o->command);
		return STATUS_FAILED;
	}
	return o->help ? command_help(c) : c->run(o);
}

int
main(int argc, char **argv)
{
	struct options o = { 0 };
	struct err e = { 0 };
	enum status status;

	if (!streams_reserve())
		return STATUS_FAILED;
	if (options_read(argc, argv, environ, &o, &e))
		status = run(&o);
	else
		status = fail_with(&e);
	options_done(&o);
	return (int)status;
}
