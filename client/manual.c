/* certmill manual: docs/certmill.md, from the tables that the commands, options and paths come from. */
#include "command.h"
#include "paths.h"

#include <ctype.h>

/* clang-format off */
static const char front[] =
    "# certmill, the command line\n\n"
    "Made by `certmill manual` from the tables that the program reads; not edited by hand.\n\n"
    "`certmill` asks a fleet of workers over Kafka, and prints the answer. It speaks the paths of the source document, so that what\n"
    "that says of `vault` runs with `certmill` in its place; [seed.md](seed.md) goes through all of it. `certmill path-help PATH`\n"
    "prints what a path takes and answers, [messages.md](messages.md) has the same for programs. A path begins with a mount:\n\n"
    "    $ certmill mount pki\n"
    "    $ certmill write pki/config/ca pem_bundle=@ca_bundle.pem\n"
    "    $ certmill write pki/roles/example-dot-com allowed_base_domain=example.com allow_subdomains=true max_ttl=72h\n"
    "    $ certmill write pki/issue/example-dot-com common_name=blah.example.com\n\n"
    "An intermediate is made in one mount and signed in another; its key never leaves the workers:\n\n"
    "    $ certmill write -field=csr inter/config/ca/generate/intermediate/internal common_name=Intermediate >inter.csr\n"
    "    $ certmill write -field=certificate root/config/ca/sign csr=@inter.csr common_name=Intermediate ttl=4000h >inter.pem\n"
    "    $ certmill write inter/config/ca/set pem_bundle=@inter.pem\n\n";

static const char values[] =
    "## Values\n\n"
    "A word `KEY=VALUE` is a parameter. The value is a text; `@FILE` is a file's contents, `-` what comes on standard input, `\\@` and\n"
    "`\\-` begin a text that is meant as it stands. A key that stands twice is a list, and so is a text with commas where the parameter\n"
    "is a list. Durations are seconds or `72h`, `30m`, `1h30m`; a blank value clears what a path keeps.\n\n";

static const char output[] =
    "## What is printed\n\n"
    "A table for people: the lease first (`lease_renewable` is what data calls `renewable`), then the fields of the answer. Warnings\n"
    "and errors go to standard error. `-field=NAME` prints one value alone, a list one item a line, without a newline behind it\n"
    "unless it goes to a terminal. `-format=json` prints one object in the form of the source document's samples:\n\n"
    "    {\"id\", \"lease_id\", \"renewable\", \"lease_duration\", \"data\": {...}, \"warnings\": [{\"code\", \"message\"}]}\n\n"
    "`lease_id` is empty where there is no lease, `\"replayed\": true` says that the answer is an earlier one's. A refusal has `error`\n"
    "`{\"code\", \"message\", \"field\", \"retryable\"}` in the place of the lease and the data. `ca` and `crl` are read as DER bytes alone,\n"
    "which a terminal is not given; `ca/pem` and `crl/pem` are for it. `list` prints all pages, unless `after`, `limit` or `-id` asks for\n"
    "one.\n\n";

static const char keys[] =
    "## Private keys\n\n"
    "- **Going there.** The key in a `pem_bundle` is sealed to the fleet's key (from `mount/list`) before it is sent. A private key in\n"
    "  any other value is not sent.\n"
    "- **Coming back.** The key of a CA that is exported (`.../exported` or `/external`) is sealed to a key that `certmill` makes, holds\n"
    "  in memory alone and forgets: the answer is opened here, and of no use to others who read the topic. `-seal` does the same for\n"
    "  `issue`, whose keys are otherwise answered in clear, as the source document has it. `-seal-to` names a key of your own\n"
    "  instead (a public JWK, OKP X25519); the answer then holds a compact JWE, which is printed as it is.\n"
    "- **With -id** a request can be sent again. A second process does not have the first one's key, so there `-seal-to` is wanted.\n"
    "  Without them the exported key is lost when no answer comes in time: the CA stands, and is to be made again.\n\n";

static const char statuses[] =
    "## Exit status\n\n"
    "| status | meaning |\n| --- | --- |\n"
    "| 0 | done |\n"
    "| 1 | wrong usage, or something here failed |\n"
    "| 2 | refused: the answer's code, message and field stand on standard error |\n"
    "| 3 | no answer in time; the request may still be done: send it again with its `-id` |\n"
    "| 4 | no broker, or no such topic on it |\n"
    "| 5 | `audit verify`: a promise was broken, or could not be checked; standard output says which |\n\n"
    "Without `-id` every command makes a new one, and asks for something new.\n\n";

static const char checking[] =
    "## Checking the promises\n\n"
    "`certmill audit verify` reads every topic of the fleet and says what breaks its promises: a line each, with topic, partition and\n"
    "offset, or with `-format=json` an object. [operations.md](operations.md) has what it checks, what it needs and what it costs.\n\n";

static const char library[] =
    "## libcertmill\n\n"
    "The C library under it: `certmill_open`, `certmill_ask`, `certmill_await`. `client/certmill.h` is its manual. In other languages\n"
    "any Kafka client will do: [messages.md](messages.md), and the README for an example.\n";
/* clang-format on */

static void
commands_print(void)
{
	const struct command *c;

	printf("## Commands\n\n| command | |\n| --- | --- |\n");
	for (size_t i = 0; (c = command_at(i)) != NULL; i++) {
		printf("| `%s%s", c->name, c->words[0] == '\0' ? "" : " ");
		/* a bar ends a cell */
		for (const char *p = c->words; *p != '\0'; p++)
			printf("%s%c", *p == '|' ? "\\" : "", *p);
		printf("` | %s |\n", c->help);
	}
	printf("\n");
}

static void
option_print(const char *name, const char *for_commands, const char *help)
{
	printf("| `-%s` | %s | ", name, for_commands == NULL ? "all" : for_commands);
	/* what stands between < and > would be taken for a tag */
	for (const char *p = help; *p != '\0'; p++)
		printf("%s%c", *p == '<' ? "\\" : "", *p);
	printf(" |\n");
}

/* As the forges make it of a heading. */
static void
anchor_print(const char *heading)
{
	for (; *heading != '\0'; heading++)
		if (isalnum((unsigned char)*heading) || *heading == '-' || *heading == '_')
			putchar(*heading);
}

static void
paths_print(void)
{
	const struct path *p;

	printf("## Paths\n\n| verb | path | operation |\n| --- | --- | --- |\n");
	for (size_t i = 0; (p = path_at(i)) != NULL; i++) {
		const struct contract *c = &contracts[p->op];

		printf("| %s | `MOUNT/%s` | [`%s`](messages.md#", verb_name(p->verb), p->pattern,
		    c->name);
		anchor_print(c->name);
		printf(") |\n");
	}
	printf(
	    "\nA part that begins with a colon stands for a name: `:role`, `:serial` (octets in hexadecimal, separated by colons or\n"
	    "hyphens, or `ca` or `crl`), `:exported` (`exported`, `external`, which is the same, or `internal`).\n\n");
}

enum status
manual(struct options *o)
{
	(void)o;
	fputs(front, stdout);
	commands_print();
	printf(
	    "## Options\n\n"
	    "They stand anywhere on the line, with one dash or two, as `-NAME=VALUE` or `-NAME VALUE`.\n\n"
	    "| option | of | |\n| --- | --- | --- |\n");
	options_each(option_print);
	printf("\n");
	paths_print();
	fputs(values, stdout);
	fputs(output, stdout);
	fputs(keys, stdout);
	fputs(checking, stdout);
	fputs(statuses, stdout);
	fputs(library, stdout);
	return fflush(stdout) == 0 ? STATUS_OK : STATUS_FAILED;
}
