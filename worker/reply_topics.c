#include "intake.h"

#include "timespan.h"

#include <stdlib.h>

#define TOPICS_MAX            64
#define ABSENT_ASKED_AGAIN_US 2000000
#define FOUND_ASKED_AGAIN_US  60000000

struct known_topic {
	char name[250]; /* Kafka's longest is 249 */
	struct reply_topic topic;
	int64_t asked_us;
};

struct reply_topics {
	const struct settings *settings;
	struct queue_probe *probe;
	struct known_topic known[TOPICS_MAX];
	size_t count, next; /* next: the one that is forgotten when there are too many */
};

struct reply_topics *
reply_topics_new(const struct settings *s, struct queue_probe *probe)
{
	struct reply_topics *r = calloc(1, sizeof(*r));

	if (r == NULL)
		abort();
	r->settings = s;
	r->probe = probe;
	return r;
}

void
reply_topics_free(struct reply_topics *r)
{
	free(r);
}

static MUST_USE bool
number_ask(
    struct reply_topics *r, const struct known_topic *k, const char *name, long *ret, struct err *e)
{
	char text[32];

	if (!queue_topic_config(r->probe, k->name, name, text, sizeof(text), e))
		return false;
	*ret = strtol(text, NULL, 10);
	return true;
}

/* The mock broker has no topic settings: nothing is too large for it. */
static MUST_USE bool
topic_ask(struct reply_topics *r, struct known_topic *k, struct err *e)
{
	const struct settings *s = r->settings;
	struct queue_topic_info info;
	long max_bytes = 1048588, in_sync = 1;

	if (!queue_topic_info(r->probe, k->name, &info, e))
		return false;
	if (info.exists && !s->dev &&
	    (!number_ask(r, k, "max.message.bytes", &max_bytes, e) ||
		!number_ask(r, k, "min.insync.replicas", &in_sync, e)))
		return false;
	k->topic = (struct reply_topic){ .partitions = info.exists ? info.partitions : 0,
		.max_bytes = (size_t)max_bytes,
		.is_fragile = !s->single && info.replicas <= in_sync };
	k->asked_us = time_monotonic_us();
	return true;
}

static struct known_topic *
topic_slot(struct reply_topics *r)
{
	if (r->count < TOPICS_MAX)
		return &r->known[r->count++];
	r->next = (r->next + 1) % TOPICS_MAX;
	return &r->known[r->next];
}

bool
reply_topics_find(struct reply_topics *r, struct slice name, struct reply_topic *ret, struct err *e)
{
	struct known_topic *k = NULL;
	int64_t age;

	*ret = (struct reply_topic){ 0 };
	if (name.len == 0 || name.len >= sizeof(k->name))
		return true;
	for (size_t i = 0; i < r->count && k == NULL; i++)
		if (slice_is(name, r->known[i].name))
			k = &r->known[i];
	age = k == NULL ? 0 : time_monotonic_us() - k->asked_us;
	if (k == NULL ||
	    age > (k->topic.partitions > 0 ? FOUND_ASKED_AGAIN_US : ABSENT_ASKED_AGAIN_US)) {
		if (k == NULL) {
			k = topic_slot(r);
			memcpy(k->name, name.data, name.len);
			k->name[name.len] = '\0';
		}
		if (!topic_ask(r, k, e)) {
			k->asked_us = INT64_MIN / 2; /* ask again */
			return false;
		}
	}
	*ret = k->topic;
	return true;
}
