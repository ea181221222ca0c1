#include "worker.h"

#include "document.h"
#include "policy_cli.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static int
policy(const struct worker_options *o)
{
	(void)o;
	return policy_main(stdin, stdout);
}

static int
settings(const struct worker_options *o)
{
	(void)o;
	settings_document();
	return 0;
}

static int
messages(const struct worker_options *o)
{
	struct buf text SCOPED_BUF;
	bool written;

	(void)o;
	buf_init(&text, (size_t)1 << 20);
	document_messages(&text);
	written = !text.failed && fwrite(text.data, text.len, 1, stdout) == 1 &&
	    fflush(stdout) == 0;
	return written ? 0 : 1;
}

static const struct {
	const char *name;
	int (*run)(const struct worker_options *o);
	const char *help;
} commands[] = {
	{ "run", worker_run, "serve the request topics" },
	{ "dev", worker_dev, "serve with everything embedded, to try it; nothing is kept" },
	{ "topics", worker_topics,
	    "make the topics, first offsets and first rows; changes nothing that stands" },
	{ "check-config", worker_check_config,
	    "say whether configuration and topics keep the promises" },
	{ "rebuild", worker_rebuild,
	    "make the view in Redis again from the topics; workers wait meanwhile" },
	{ "policy", policy, "decide requests given as JSON lines, without broker and Redis" },
	{ "settings", settings, "print the manual of the settings (docs/settings.md)" },
	{ "messages", messages, "print the manual of the messages (docs/messages.md)" },
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static int
usage(FILE *out, int status)
{
	fprintf(out, "usage: certmill-worker COMMAND [--config FILE] [--single]\n\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-14s %s\n", commands[i].name, commands[i].help);
	fprintf(out,
	    "\n  --config FILE  INI file; every setting also from the environment (CERTMILL_SECTION_KEY)\n"
	    "  --single       one broker: less than three replicas are accepted\n"
	    "  --version      print the version\n");
	return status;
}

static bool
options_read(int argc, char **argv, struct worker_options *ret)
{
	static const struct option options[] = { { "config", required_argument, NULL, 'c' },
		{ "single", no_argument, NULL, 's' }, { 0 } };
	int c;

	*ret = (struct worker_options){ 0 };
	while ((c = getopt_long(argc, argv, "c:s", options, NULL)) != -1) {
		if (c == 'c')
			ret->config = optarg;
		else if (c == 's')
			ret->single = true;
		else
			return false;
	}
	return optind == argc;
}

int
main(int argc, char **argv)
{
	struct worker_options o;

	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return printf("certmill-worker %s\n", CERTMILL_VERSION) > 0 ? 0 : 1;
	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0))
		return usage(stdout, 0);
	for (size_t i = 0; argc > 1 && i < COMMAND_COUNT; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return options_read(argc - 1, argv + 1, &o) ? commands[i].run(&o)
								    : usage(stderr, 2);
	return usage(stderr, 2);
}
