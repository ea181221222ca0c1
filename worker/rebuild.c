/* `certmill-worker rebuild`: the fold on demand. Workers may run; they wait for it. */
#include "worker.h"

#include "fold.h"

#include <stdio.h>
#include <unistd.h>

#define BAR_WIDTH 40

static void
bar_show(void *opaque, const struct fold_progress *p)
{
	static const char full[BAR_WIDTH + 1] = "########################################";
	bool *terminal = opaque;
	int filled = p->total == 0 ? 0 : (int)(BAR_WIDTH * p->done / p->total);

	*terminal = isatty(STDERR_FILENO);
	if (*terminal)
		fprintf(stderr, "\r[%-*.*s] ", BAR_WIDTH, filled, full);
	if (p->topic == NULL)
		fprintf(stderr, "the old view: %lld rows are removed", (long long)p->removed);
	else
		fprintf(stderr, "%s: %lld records, %lld %%, %lld/s, %lld s left", p->topic,
		    (long long)p->records,
		    (long long)(p->total == 0 ? 0 : 100 * p->done / p->total), (long long)p->rate,
		    (long long)p->seconds_left);
	fputs(*terminal ? "\033[K" : "\n", stderr);
}

/* Another process is at it already: what it makes is as good. */
static MUST_USE bool
rebuild_wait(struct fold_spec *spec, struct fold_progress *end, struct err *e)
{
	enum fold_result result = FOLD_BUSY;
	bool said = false;

	for (;;) {
		if (!view_fold(spec, end, &result, e))
			return false;
		if (result != FOLD_BUSY)
			return true;
		if (!said)
			fprintf(stderr, "another process folds the view: waiting for it\n");
		said = true;
		spec->anyway = false;
		sleep(1);
	}
}

static MUST_USE bool
rebuild(const struct settings *s, const struct secret *kek, struct err *e)
{
	struct queue_probe *probe = queue_probe_open(&s->queue, e);
	bool bar = false; /* the cursor stands behind one */
	struct fold_spec spec = { .settings = s,
		.kek = kek,
		.probe = probe,
		.anyway = true,
		.progress = bar_show,
		.opaque = &bar };
	struct fold_progress end = { 0 };
	bool ok = probe != NULL && worker_kafka_answers(probe, e) &&
	    worker_engines_keep(s, probe, kek, e) && rebuild_wait(&spec, &end, e);

	queue_probe_close(probe);
	if (bar)
		fputc('\n', stderr);
	if (ok)
		printf("the view is whole: %lld records in %lld s, %lld of them passed over\n",
		    (long long)end.records, (long long)end.seconds, (long long)end.skipped);
	return ok;
}

int
worker_rebuild(const struct worker_options *o)
{
	struct settings s;
	struct err e = { 0 };
	struct secret *kek = NULL;
	bool ok = secret_init(&e) && worker_settings(o, &s, &e);

	if (ok) {
		kek = worker_kek(&s, &e);
		ok = kek != NULL && (rebuild(&s, kek, &e) || config_origin_blame(&s.origins, &e));
		secret_free(kek);
		settings_free(&s);
	}
	if (!ok)
		fprintf(stderr, "certmill-worker rebuild: %s\n", e.msg);
	return ok ? 0 : 1;
}
