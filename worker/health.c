/* `certmill-worker health`: for the health check of a container that has no shell. */
#include "worker.h"

#include "endpoint.h"

#include <stdio.h>

#define ASK_MS 5000

static MUST_USE bool
health_ask(const struct settings *s, struct buf *ret_body, unsigned *ret_status, struct err *e)
{
	if (s->metrics_listen[0] == '\0')
		return err_set(
		    e, ERR_CONFIG, "metrics.listen is empty: the worker does not say how it is");
	return endpoint_ask(s->metrics_listen, "/readyz", ASK_MS, ret_status, ret_body, e);
}

int
worker_health(const struct worker_options *o)
{
	struct settings s;
	struct err e = { 0 };
	struct buf body SCOPED_BUF;
	unsigned status = 0;
	bool ok;

	buf_init(&body, ENDPOINT_ANSWER_MAX);
	ok = worker_settings(o, &s, &e);
	if (ok) {
		ok = health_ask(&s, &body, &status, &e);
		settings_free(&s);
	}
	if (!ok) {
		fprintf(stderr, "certmill-worker health: %s\n", e.msg);
		return 1;
	}
	if (body.len > 0)
		(void)fwrite(body.data, body.len, 1, stdout);
	return fflush(stdout) == 0 && status == 200 ? 0 : 1;
}
