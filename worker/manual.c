#include "manual.h"

#include <stdio.h>

/* clang-format off */
static const char front[] =
    "# certmill-worker\n\n"
    "Made by `certmill-worker manual`; not edited by hand.\n\n"
    "`certmill-worker run` takes requests for X.509 certificates from Kafka topics, decides them by the roles of their mounts, signs,\n"
    "keeps the current state in Redis, and publishes answers, certificates, revocation lists and an audit trail back to topics, all in\n"
    "one transaction a batch. It keeps nothing of its own: any number of workers share the work, and one that dies is replaced by any\n"
    "other. [operations.md](operations.md) says how a fleet is run, [security.md](security.md) who is trusted with what.\n\n"
    "    $ openssl rand -hex 32 | install -m 0600 /dev/stdin kek\n"
    "    $ export CERTMILL_KEYS_KEK_FILE=$PWD/kek\n"
    "    $ certmill-worker topics --single\n"
    "    $ certmill-worker run --single\n\n"
    "## Commands\n\n| command | |\n| --- | --- |\n";

static const char back[] =
    "\n## Options\n\n"
    "| option | |\n| --- | --- |\n"
    "| `--config FILE` | an INI file with settings; without it they come from the environment alone |\n"
    "| `--single` | one broker: less than three replicas are accepted (`worker.single`) |\n"
    "| `--version` | print the version |\n"
    "| `--help` | print the commands |\n\n"
    "## Configuration\n\n"
    "A setting stands in the file, `kek_file` below `[keys]`, or in the environment, `CERTMILL_KEYS_KEK_FILE`, which wins.\n"
    "[settings.md](settings.md) has them all, and `certmill-worker sample-config` prints a file with every one. `keys.kek_file` alone\n"
    "has no default. A value goes on in the next line, indented, behind a comma; `;` and `#` begin a comment.\n\n"
    "What is wrong stops the start with one line that names the setting, and the file and line or the variable where it stands; so do\n"
    "a topic that does not keep the promises, and a key-encryption key that is not the fleet's. `check-config` says the same.\n\n"
    "## Signals\n\n"
    "| signal | |\n| --- | --- |\n"
    "| `SIGTERM`, `SIGINT` | each lane ends its batch and leaves its group, so that its partitions move at once; status 0 |\n\n"
    "No signal loses a request. What a killed worker had in hand is found again by whoever takes its partitions over.\n\n"
    "## Exit status\n\n"
    "| status | meaning |\n| --- | --- |\n"
    "| 0 | done; `run`: stopped by a signal |\n"
    "| 1 | refused or failed: the last line on standard error says why |\n"
    "| 2 | wrong usage |\n";
/* clang-format on */

void
manual_begin(void)
{
	fputs(front, stdout);
}

void
manual_end(void)
{
	fputs(back, stdout);
}
