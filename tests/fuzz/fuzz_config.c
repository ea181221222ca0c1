/* config_load on any file: it reads it or says where it is wrong, and what it read is in range. */
#include "config.h"

#include "scoped.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sample {
	const char *address;
	int64_t lanes, timeout, bytes;
	bool single;
};

/* clang-format off */
static const struct setting table[] = {
	SETTING(TEXT, sample, address, "redis.address", "here", 1, 1000, "text"),
	SETTING(INT,  sample, lanes,   "lanes.mint",    "1", 0, 64, "number"),
	SETTING(SPAN, sample, timeout, "redis.timeout", "5s", 1, 60, "span"),
	SETTING(SIZE, sample, bytes,   "kafka.bytes",   "4MiB", 1024, 1 << 30, "size"),
	SETTING(BOOL, sample, single,  "worker.single", "false", 0, 1, "whether"),
};
/* clang-format on */

#define ROWS (sizeof(table) / sizeof(table[0]))

static bool
take_passed(void *opaque, const char *key, const char *value, struct err *e)
{
	size_t *sum = opaque;

	(void)e;
	*sum += strlen(key) + strlen(value);
	return true;
}

static void
fuzz_load(const char *path)
{
	size_t sum = 0;
	const struct config_source from = {
		.path = path,
		.env_prefix = "CERTMILL_FUZZ_",
		.pass_section = "kafka",
		.pass = take_passed,
		.opaque = &sum,
	};
	struct sample s;
	struct err e = { 0 };

	if (!config_load(&from, table, ROWS, &s, &e)) {
		if (e.code != ERR_CONFIG || strstr(e.msg, path) == NULL || s.address != NULL)
			abort();
		return;
	}
	if (s.lanes < 0 || s.lanes > 64 || s.timeout < 1 || s.timeout > 60 || s.bytes < 1024 ||
	    strlen(s.address) > 1000)
		abort();
	config_free(table, ROWS, &s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd SCOPED_FD = memfd_create("config", MFD_CLOEXEC);
	char path[64];

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fuzz_load(path);
	return 0;
}
