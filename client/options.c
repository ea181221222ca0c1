#include "options.h"

#include "timespan.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

enum kind { OPTION_TEXT, OPTION_SPAN, OPTION_COUNT, OPTION_FLAG, OPTION_KAFKA };

#define REQUESTS "mount unmount mount-tune mounts status read write patch list delete revoke"
#define ALL      NULL

/* clang-format off */
static const struct option_row {
	const char *name;
	enum kind kind;
	size_t offset;
	const char *commands; /* that take it; NULL: all */
	const char *help;
} table[] = {
#define ROW(name_, kind_, member_, commands_, help_) { name_, OPTION_##kind_, offsetof(struct options, member_), commands_, help_ }
	ROW("brokers",    TEXT,  brokers,    ALL,      "host:port,...: where Kafka is (CERTMILL_BROKERS, or the worker's CERTMILL_KAFKA_BROKERS; 127.0.0.1:9092)"),
	ROW("prefix",     TEXT,  prefix,     ALL,      "of the topics' names (CERTMILL_PREFIX, or CERTMILL_TOPICS_PREFIX; certmill)"),
	ROW("kafka",      KAFKA, kafka,      ALL,      "NAME=VALUE: a setting of librdkafka, any number of times (CERTMILL_KAFKA_SSL_CA_LOCATION=...)"),
	ROW("timeout",    SPAN,  timeout,    ALL,      "how long to wait for an answer (30s)"),
	ROW("help",       FLAG,  help,       ALL,      "print this"),
	ROW("version",    FLAG,  version,    ALL,      "print the version"),
	ROW("reply-to",   TEXT,  reply_to,   REQUESTS " request", "topic of the answers (<prefix>.responses)"),
	ROW("format",     TEXT,  format,     REQUESTS " audit rejects", "table or json (table)"),
	ROW("field",      TEXT,  field,      REQUESTS, "print one field's value alone"),
	ROW("id",         TEXT,  id,         REQUESTS, "of the request: the same one again brings the same answer (a new UUID)"),
	ROW("seal",       FLAG,  seal,       "write",  "the private key in the answer travels sealed, and is opened here"),
	ROW("seal-to",    TEXT,  seal_to,    "write",  "a JWK, or @FILE: the private key in the answer is sealed to it"),
	ROW("identity",   TEXT,  identity,   "write",  "for whom it is asked, a JSON object or @FILE; the mount must trust it"),
	ROW("display-name", TEXT, display_name, "write", "the display_name of the identity"),
	ROW("dry-run",    FLAG,  dry_run,    "write patch delete mount unmount mount-tune revoke", "check and answer, do nothing"),
	ROW("path",       TEXT,  path,       "mount",  "name of the mount (pki)"),
	ROW("description", TEXT, description, "mount", "a line for people"),
	ROW("default-lease-ttl", TEXT, default_lease_ttl, "mount mount-tune", "of what is issued where nothing else is said: 24h, or seconds"),
	ROW("max-lease-ttl", TEXT, max_lease_ttl, "mount mount-tune", "the longest that anything is issued for (768h)"),
	ROW("dir",        TEXT,  dir,        "follow", "folder that holds the CRLs"),
	ROW("ca",         TEXT,  ca,         "follow", "PEM certificates of the CAs whose CRLs are wanted (all that .ca names)"),
	ROW("exec",       TEXT,  exec,       "follow", "a command for the shell, run after a change"),
	ROW("once",       FLAG,  once,       "follow", "stop at what the topic holds now"),
	ROW("since",      TEXT,  since,      "audit",  "from when on requests are checked: a time, or how long ago (all)"),
	ROW("until",      TEXT,  until,      "audit",  "up to when: the same (now)"),
	ROW("dedup-window", SPAN, dedup_window, "audit", "the workers' windows.dedup (1h)"),
	ROW("op",         TEXT,  op,         "bench",  "issue, sign or revoke (issue)"),
	ROW("key",        TEXT,  key,        "bench",  "ec-224 ec-256 ec-384 ec-521 rsa-2048 rsa-3072 rsa-4096 ed25519 (ec-256)"),
	ROW("count",      COUNT, count,      "bench",  "requests (10000)"),
	ROW("rate",       COUNT, rate,       "bench",  "requests a second; 0: as fast as they go (0)"),
	ROW("warmup",     COUNT, warmup,     "bench",  "requests before, which are not measured (1000)"),
	ROW("in-flight",  COUNT, in_flight,  "bench",  "requests that wait for an answer at most (5000)"),
	ROW("mount",      TEXT,  mount,      "bench",  "mount to ask (bench, which is made when it is absent)"),
	ROW("role",       TEXT,  role,       "bench",  "role to ask (one for the key, which is written)"),
	ROW("worker-pid", COUNT, worker_pid, "bench",  "of the worker whose CPU time is counted"),
	ROW("json",       FLAG,  json,       "bench",  "print one JSON object"),
#undef ROW
};
/* clang-format on */

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static bool
word_in(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; (at = strstr(at, word)) != NULL; at += len)
		if ((at == list || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
			return true;
	return false;
}

static const struct option_row *
row_find(const char *name, size_t len)
{
	for (size_t i = 0; i < COUNT(table); i++)
		if (strlen(table[i].name) == len && memcmp(table[i].name, name, len) == 0)
			return &table[i];
	return NULL;
}

static void
kafka_add(struct options *o, const char *name, const char *value)
{
	struct queue_setting *more = reallocarray(o->kafka, o->kafka_count + 1, sizeof(*more));

	if (more == NULL)
		abort();
	o->kafka = more;
	more[o->kafka_count++] = (struct queue_setting){ name, value };
}

static MUST_USE bool
kafka_set(struct options *o, const char *text, struct err *e)
{
	const char *equals = strchr(text, '=');

	if (equals == NULL || equals == text)
		return err_set(
		    e, ERR_INVALID_VALUE, "-kafka wants NAME=VALUE, not \"%.80s\"", text);
	kafka_add(o, arena_text(&o->arena, slice_of(text, (size_t)(equals - text))), equals + 1);
	return true;
}

static MUST_USE bool
count_set(const char *name, const char *text, int64_t *ret, struct err *e)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || number < 0 || number > INT_MAX)
		return err_set(
		    e, ERR_INVALID_VALUE, "-%s wants a number, not \"%.80s\"", name, text);
	*ret = number;
	return true;
}

static MUST_USE bool
option_set(struct options *o, const struct option_row *row, const char *text, struct err *e)
{
	void *member = (char *)o + row->offset;

	switch (row->kind) {
	case OPTION_TEXT:
		*(const char **)member = text;
		return true;
	case OPTION_SPAN:
		return timespan_parse(slice_text(text), row->name, member, e);
	case OPTION_COUNT:
		return count_set(row->name, text, member, e);
	case OPTION_KAFKA:
		return kafka_set(o, text, e);
	case OPTION_FLAG:
		break;
	}
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return err_set(
		    e, ERR_INVALID_VALUE, "-%s is true or false, not \"%.80s\"", row->name, text);
	*(bool *)member = text[0] == 't';
	return true;
}

/* One option at argv[*at], with its value, which may be the next word. */
static MUST_USE bool
option_read(struct options *o, int argc, char **argv, int *at, struct err *e)
{
	const char *word = argv[*at], *name = word + (word[1] == '-' ? 2 : 1);
	const char *equals = strchr(name, '=');
	size_t len = equals == NULL ? strlen(name) : (size_t)(equals - name);
	const struct option_row *row = row_find(name, len);
	const char *value = equals == NULL ? NULL : equals + 1;

	if (len == 1 && name[0] == 'h')
		row = row_find("help", 4);
	if (row == NULL)
		return err_set(e, ERR_INVALID_VALUE, "there is no option %.80s", word);
	if (value == NULL && row->kind == OPTION_FLAG)
		value = "true";
	if (value == NULL && *at + 1 < argc)
		value = argv[++*at];
	if (value == NULL)
		return err_set(e, ERR_INVALID_VALUE, "-%s wants a value", row->name);
	if (o->command != NULL && row->commands != NULL && !word_in(row->commands, o->command))
		return err_set(
		    e, ERR_INVALID_VALUE, "`certmill %s` has no option -%s", o->command, row->name);
	return option_set(o, row, value, e);
}

/* The command is the first word that is no option; an option before it is judged once it is known. */
static void
command_find(struct options *o, int argc, char **argv)
{
	for (int i = 1; i < argc && o->command == NULL; i++) {
		const char *name = argv[i] + strspn(argv[i], "-");
		const struct option_row *row;

		if (argv[i][0] != '-' || argv[i][1] == '\0') {
			o->command = argv[i];
			return;
		}
		row = row_find(name, strcspn(name, "="));
		if (row != NULL && row->kind != OPTION_FLAG && strchr(name, '=') == NULL)
			i++;
	}
}

/* CERTMILL_KAFKA_SSL_CA_LOCATION=... is ssl.ca.location. */
static void
environment_kafka(struct options *o, const char *name, const char *value)
{
	char *setting = arena_text(&o->arena, slice_of(name, (size_t)(value - name) - 1));

	for (char *c = setting; *c != '\0'; c++) {
		if (*c == '_')
			*c = '.';
		else if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c ^ 'A' ^ 'a');
	}
	if (strcmp(setting, "brokers") != 0)
		kafka_add(o, setting, value);
}

static void
environment_read(struct options *o, char **environment)
{
	/* the later wins; the longer names are the worker's, so that one environment serves both */
	static const struct {
		const char *name;
		size_t offset;
	} names[] = {
		{ "CERTMILL_KAFKA_BROKERS=", offsetof(struct options, brokers) },
		{ "CERTMILL_TOPICS_PREFIX=", offsetof(struct options, prefix) },
		{ "CERTMILL_BROKERS=", offsetof(struct options, brokers) },
		{ "CERTMILL_PREFIX=", offsetof(struct options, prefix) },
	};
	static const char kafka[] = "CERTMILL_KAFKA_";

	for (size_t i = 0; i < COUNT(names); i++)
		for (char **v = environment; *v != NULL; v++)
			if (strncmp(*v, names[i].name, strlen(names[i].name)) == 0)
				*(const char **)((char *)o + names[i].offset) = *v +
				    strlen(names[i].name);
	for (char **v = environment; *v != NULL; v++) {
		const char *equals = strchr(*v, '=');

		if (strncmp(*v, kafka, sizeof(kafka) - 1) == 0 && equals != NULL)
			environment_kafka(o, *v + sizeof(kafka) - 1, equals + 1);
	}
}

bool
options_read(int argc, char **argv, char **environment, struct options *ret, struct err *e)
{
	struct options *o = ret;

	*o = (struct options){
		.brokers = "127.0.0.1:9092",
		.prefix = "certmill",
		.timeout = 30,
		.format = "table",
		.dedup_window = 3600,
		.count = 10000,
		.warmup = 1000,
		.in_flight = 5000,
		.op = "issue",
		.key = "ec-256",
		.mount = "bench",
	};
	environment_read(o, environment);
	command_find(o, argc, argv);
	o->words = arena_array(&o->arena, (size_t)argc, sizeof(*o->words));
	for (int i = 1; i < argc; i++) {
		if (argv[i][0] == '-' && argv[i][1] != '\0') {
			if (!option_read(o, argc, argv, &i, e))
				return false;
		} else if (argv[i] != o->command) {
			o->words[o->word_count++] = argv[i];
		}
	}
	if (o->timeout < 1 || o->timeout > INT_MAX / 1000)
		return err_set(e, ERR_INVALID_VALUE, "-timeout is a second or more");
	return true;
}

void
options_done(struct options *o)
{
	free(o->kafka);
	arena_done(&o->arena);
	*o = (struct options){ 0 };
}

void
options_print(FILE *out, const char *command)
{
	for (size_t i = 0; i < COUNT(table); i++)
		if (command == NULL
			? table[i].commands == NULL
			: table[i].commands != NULL && word_in(table[i].commands, command))
			fprintf(out, "  -%-17s %s\n", table[i].name, table[i].help);
}

void
options_each(void (*print)(const char *name, const char *for_commands, const char *help))
{
	for (size_t i = 0; i < COUNT(table); i++)
		print(table[i].name, table[i].commands, table[i].help);
}

struct certmill_options
options_client(const struct options *o)
{
	return (struct certmill_options){
		.brokers = o->brokers,
		.prefix = o->prefix,
		.reply_topic = o->reply_to,
		.extra = o->kafka,
		.extra_count = o->kafka_count,
	};
}

struct queue_options
options_queue(const struct options *o)
{
	return (struct queue_options){
		.brokers = o->brokers,
		.client_id = "certmill",
		.extra = o->kafka,
		.extra_count = o->kafka_count,
	};
}

enum status
status_of(const struct err *e)
{
	if (e->code == ERR_TIMEOUT)
		return STATUS_UNANSWERED;
	return e->code == ERR_QUEUE ? STATUS_NO_BROKER : STATUS_FAILED;
}

enum status
fail_with(const struct err *e)
{
	bool named = e->field[0] != '\0' && strstr(e->msg, e->field) == NULL;

	fprintf(stderr, "certmill: %s%s%s\n", named ? e->field : "", named ? ": " : "", e->msg);
	return status_of(e);
}
