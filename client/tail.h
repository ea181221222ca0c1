/* A topic, read by a command: from its start to the end that stood when it was opened, or for ever. */
#ifndef CERTMILL_TAIL_H
#define CERTMILL_TAIL_H

#include "options.h"

/* Who gets a topic's messages. */
struct sink {
	bool (*take)(void *opaque, const struct queue_message *m, struct err *e);
	/* Now and then, and at the end. at_end: all that stood on the topic when it was opened was taken. */
	bool (*idle)(void *opaque, bool at_end, struct err *e);
	void *opaque;
};

/* One run over a topic, from its start. */
struct tail {
	struct options *o;
	const char *topic;
	struct queue_options queue;
	struct queue_probe *probe;
	struct queue_reader *reader;
	int64_t *ends; /* high watermarks, for -once */
};

bool tail_open(struct tail *t, struct err *e) MUST_USE;
/* Until the end that stood at tail_open; no longer than -timeout. */
bool tail_once(struct tail *t, const struct sink *sink, struct err *e) MUST_USE;
void tail_done(struct tail *t);
#define SCOPED_TAIL __attribute__((cleanup(tail_done)))

/* All of it: with -once to the end, otherwise for ever. */
bool tail_follow(
    struct options *o, const char *topic, const struct sink *sink, struct err *e) MUST_USE;

#endif
