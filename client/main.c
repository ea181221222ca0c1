#include "command.h"

#include "secret.h"
#include "streams.h"

#include <unistd.h>

static enum status
run(struct options *o)
{
	if (!o->version)
		return command_run(o);
	printf("certmill %s\n", CERTMILL_VERSION);
	return STATUS_OK;
}

int
main(int argc, char **argv)
{
	struct options o = { 0 };
	struct err e = { 0 };
	enum status status;

	if (!streams_reserve())
		return STATUS_FAILED;
	if (secret_no_dumps(&e) && options_read(argc, argv, environ, &o, &e))
		status = run(&o);
	else
		status = fail_with(&e);
	options_done(&o);
	return (int)status;
}
