#include "worker.h"

#include "document.h"
#include "manual.h"
#include "metrics.h"
#include "policy_cli.h"
#include "streams.h"

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
	return fflush(stdout) == 0 && ferror(stdout) == 0 ? 0 : 1;
}

static int
sample_config(const struct worker_options *o)
{
	(void)o;
	settings_sample();
	return fflush(stdout) == 0 && ferror(stdout) == 0 ? 0 : 1;
}

static int
document_print(void (*make)(struct buf *out))
{
	struct buf text SCOPED_BUF;
	bool written;

	buf_init(&text, (size_t)1 << 20);
	make(&text);
	written = !text.failed && fwrite(text.data, text.len, 1, stdout) == 1 &&
	    fflush(stdout) == 0;
	return written ? 0 : 1;
}

static int
messages(const struct worker_options *o)
{
	(void)o;
	return document_print(document_messages);
}

static int
errors(const struct worker_options *o)
{
	(void)o;
	return document_print(document_errors);
}

static int
metrics(const struct worker_options *o)
{
	(void)o;
	return document_print(metrics_document);
}

static int
schemas(const struct worker_options *o)
{
	struct err e;

	if (document_schemas(o->folder, &e))
		return 0;
	fprintf(stderr, "certmill-worker: %s\n", e.msg);
	return 1;
}

static int manual(const struct worker_options *o);

enum takes { NOTHING, SETTINGS, FOLDER, FOLDER_AND_WORDS };

static const struct command {
	const char *name;
	int (*run)(const struct worker_options *o);
	enum takes takes; /* the options that say which settings, or a folder to write to */
	const char *help;
} commands[] = {
	{ "run", worker_run, SETTINGS, "serve the request topics" },
	{ "dev", worker_dev, NOTHING,
	    "serve with everything embedded, to try it; nothing is kept" },
	{ "topics", worker_topics, SETTINGS,
	    "make the topics, first offsets and first rows; changes nothing that stands" },
	{ "check-config", worker_check_config, SETTINGS,
	    "say whether configuration and topics keep the promises" },
	{ "health", worker_health, SETTINGS,
	    "ask the worker of this configuration whether it is ready; status 1: it is not" },
	{ "rebuild", worker_rebuild, SETTINGS,
	    "make the view in Redis again from the topics; workers wait meanwhile" },
	{ "bootstrap-tls", worker_bootstrap_tls, FOLDER_AND_WORDS,
	    "make a CA and certificates for TLS between Kafka, Redis and workers" },
	{ "policy", policy, NOTHING,
	    "decide requests given as JSON lines, without broker and Redis" },
	{ "sample-config", sample_config, NOTHING,
	    "print a configuration file that has every setting, at its default" },
	{ "manual", manual, NOTHING, "print the manual of this program (docs/certmill-worker.md)" },
	{ "settings", settings, NOTHING, "print the manual of the settings (docs/settings.md)" },
	{ "messages", messages, NOTHING, "print the manual of the messages (docs/messages.md)" },
	{ "errors", errors, NOTHING, "print the manual of the error codes (docs/errors.md)" },
	{ "metrics", metrics, NOTHING, "print the manual of the metrics (docs/metrics.md)" },
	{ "schemas", schemas, FOLDER,
	    "write the JSON Schemas of all messages to DIR (schemas/json)" },
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static int
manual(const struct worker_options *o)
{
	static const char *const words[] = { [NOTHING] = "",
		[SETTINGS] = " [--config FILE] [--single]",
		[FOLDER] = " DIR",
		[FOLDER_AND_WORDS] = " DIR [NAME=HOST,... | NAME]..." };

	(void)o;
	manual_begin();
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		printf("| `%s%s` | %s |\n", commands[i].name, words[commands[i].takes],
		    commands[i].help);
	manual_end();
	return fflush(stdout) == 0 && ferror(stdout) == 0 ? 0 : 1;
}

static int
usage(FILE *out, int status)
{
	fprintf(out,
	    "usage: certmill-worker COMMAND [--config FILE] [--single]\n"
	    "       certmill-worker schemas DIR\n"
	    "       certmill-worker bootstrap-tls DIR [NAME=HOST,... | NAME]...\n\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-14s %s\n", commands[i].name, commands[i].help);
	fprintf(out,
	    "\n  --config FILE  INI file; every setting also from the environment (CERTMILL_SECTION_KEY)\n"
	    "  --single       one broker: less than three replicas are accepted\n"
	    "  --version      print the version\n");
	return status;
}

/* Behind the command's name. */
static bool
options_read(int argc, char **argv, enum takes takes, struct worker_options *ret)
{
	static const struct option options[] = { { "config", required_argument, NULL, 'c' },
		{ "single", no_argument, NULL, 's' }, { 0 } };
	int c;

	*ret = (struct worker_options){ 0 };
	optind = 2;
	while ((c = getopt_long(argc, argv, "c:s", options, NULL)) != -1) {
		if (c == 'c')
			ret->config = optarg;
		else if (c == 's')
			ret->single = true;
		else
			return false;
	}
	if (takes < FOLDER)
		return optind == argc;
	if (optind == argc)
		return false;
	ret->folder = argv[optind++];
	if (takes == FOLDER_AND_WORDS) {
		ret->words = (const char *const *)&argv[optind];
		ret->word_count = (size_t)(argc - optind);
		optind = argc;
	}
	return optind == argc;
}

static int
command_run(const struct command *c, int argc, char **argv)
{
	struct worker_options o;

	if (!options_read(argc, argv, c->takes, &o))
		return usage(stderr, 2);
	if (c->takes != SETTINGS && (o.config != NULL || o.single)) {
		fprintf(stderr, "certmill-worker: %s has no settings: no --config, no --single\n",
		    c->name);
		return 2;
	}
	return c->run(&o);
}

int
main(int argc, char **argv)
{
	if (!streams_reserve())
		return 1;
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return printf("certmill-worker %s\n", CERTMILL_VERSION) > 0 ? 0 : 1;
	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0))
		return usage(stdout, 0);
	for (size_t i = 0; argc > 1 && i < COMMAND_COUNT; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return command_run(&commands[i], argc, argv);
	return usage(stderr, 2);
}
