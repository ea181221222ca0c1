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

/* The mock broker has no topic settings: nothing is too large for it. */
static MUST_USE bool
topic_ask(struct reply_topics *r, struct known_topic *k, struct err *e)
{
	struct queue_topic_info info;
	char text[32] = "1048588";

	if (!queue_topic_info(r->probe, k->name, &info, e))
		return false;
	k->topic = (struct reply_topic){ .partitions = info.exists ? info.partitions : 0 };
	if (info.exists && !r->settings->dev &&
	    !queue_topic_config(r->probe, k->name, "max.message.bytes", text, sizeof(text), e))
		return false;
	k->topic.max_bytes = strtoul(text, NULL, 10);
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
