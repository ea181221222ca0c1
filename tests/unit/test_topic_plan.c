/* What certmill's topics must be: the table of the design, and which other values keep the same promise. */
#include "topic_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct fixture {
	struct settings s;
	struct topic_plan plan[TOPIC_PLAN_COUNT];
};

static int
setup(void **state)
{
	static struct fixture f;
	struct err e = { 0 };

	assert_int_equal(setenv("CERTMILL_KEYS_KEK_FILE", "/the/kek", 1), 0);
	assert_int_equal(setenv("CERTMILL_TOPICS_PARTITIONS", "12", 1), 0);
	assert_int_equal(setenv("CERTMILL_TOPICS_CONTROL_PARTITIONS", "5", 1), 0);
	if (!settings_load(NULL, &f.s, &e))
		fail_msg("settings: %s", e.msg);
	topic_plan_make(&f.s, f.plan);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	settings_free(&f->s);
	return 0;
}

static const char *
value_of(const struct topic_plan *p, const char *name)
{
	const char *found = "-";

	for (size_t i = 0; i < p->config_count; i++) {
		if (strcmp(p->config[i].name, name) != 0)
			continue;
		if (strcmp(found, "-") != 0)
			fail_msg("%s: %s stands twice", p->name, name);
		found = p->config[i].value;
	}
	return found;
}

static void
expect_setting(const struct topic_plan *p, const char *name, const char *expected)
{
	const char *found = value_of(p, name);

	if (strcmp(found, expected) != 0)
		fail_msg("%s: %s: expected %s, got %s", p->name, name, expected, found);
}

/* DESIGN, section 3: in the order request topics, ledger topics. */
static void
test_table(void **state)
{
	static const struct {
		const char *name;
		int32_t partitions;
		const char *policy, *retention, *segment, *max_bytes;
	} table[TOPIC_PLAN_COUNT] = {
		{ "certmill.issue", 12, "delete", "604800000", "-", "393216" },
		{ "certmill.sign", 12, "delete", "604800000", "-", "393216" },
		{ "certmill.revoke", 5, "delete", "604800000", "-", "393216" },
		{ "certmill.config", 5, "delete", "604800000", "-", "393216" },
		{ "certmill.query", 12, "delete", "86400000", "-", "393216" },
		{ "certmill.certs", 12, "delete", "34560000000", "-", "4194304" },
		{ "certmill.revoked", 5, "compact", "-", "-", "4194304" },
		{ "certmill.state", 1, "compact", "-", "-", "4194304" },
		{ "certmill.crl", 1, "compact", "-", "-", "67108864" },
		{ "certmill.ca", 1, "compact", "-", "-", "4194304" },
		{ "certmill.audit", 5, "delete", "63072000000", "-", "4194304" },
		{ "certmill.rejects", 1, "delete", "604800000", "-", "4194304" },
		{ "certmill.responses", 12, "delete", "3600000", "600000", "4194304" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(table); i++) {
		const struct topic_plan *p = &f->plan[i];

		assert_string_equal(p->name, table[i].name);
		if (p->partitions != table[i].partitions)
			fail_msg("%s: expected %d partitions, got %d", p->name,
			    (int)table[i].partitions, (int)p->partitions);
		assert_int_equal(p->is_request, i < TOPIC_KINDS);
		assert_int_equal(p->whole,
		    strcmp(p->name, "certmill.state") == 0 ||
			strcmp(p->name, "certmill.crl") == 0 ||
			strcmp(p->name, "certmill.ca") == 0);
		assert_true(p->config_count <= TOPIC_PLAN_SETTINGS_MAX);
		expect_setting(p, "cleanup.policy", table[i].policy);
		expect_setting(p, "retention.ms", table[i].retention);
		expect_setting(p, "segment.ms", table[i].segment);
		expect_setting(p, "max.message.bytes", table[i].max_bytes);
		expect_setting(p, "unclean.leader.election.enable", "false");
		/* a redelivery must not change a revocation's date */
		expect_setting(
		    p, "message.timestamp.type", i < TOPIC_KINDS ? "LogAppendTime" : "-");
	}
}

static void
test_replicas(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < TOPIC_PLAN_COUNT; i++) {
		assert_int_equal(f->plan[i].replicas, 3);
		expect_setting(&f->plan[i], "min.insync.replicas", "2");
	}
	f->s.single = true;
	topic_plan_make(&f->s, f->plan);
	for (size_t i = 0; i < TOPIC_PLAN_COUNT; i++) {
		assert_int_equal(f->plan[i].replicas, 1);
		expect_setting(&f->plan[i], "min.insync.replicas", "1");
	}
}

static void
test_keeps(void **state)
{
	static const struct {
		const char *name, *wanted, *found;
		bool is_request, keeps;
	} cases[] = {
		{ "min.insync.replicas", "2", "2", true, true },
		{ "min.insync.replicas", "2", "3", false, true },
		{ "min.insync.replicas", "2", "1", false, false },
		{ "min.insync.replicas", "2", "", false, false },
		/* what was taken can always be answered: inputs at most, outputs at least */
		{ "max.message.bytes", "393216", "393216", true, true },
		{ "max.message.bytes", "393216", "100000", true, true },
		{ "max.message.bytes", "393216", "1048588", true, false },
		{ "max.message.bytes", "4194304", "4194304", false, true },
		{ "max.message.bytes", "4194304", "67108864", false, true },
		{ "max.message.bytes", "4194304", "1048588", false, false },
		{ "cleanup.policy", "compact", "compact", false, true },
		{ "cleanup.policy", "compact", "delete", false, false },
		{ "cleanup.policy", "compact", "compact,delete", false, false },
		{ "unclean.leader.election.enable", "false", "true", false, false },
		{ "message.timestamp.type", "LogAppendTime", "CreateTime", true, false },
		{ "message.timestamp.type", "LogAppendTime", "LogAppendTime", true, true },
		{ "retention.ms", "604800000", "1000", true, true },
		{ "segment.ms", "600000", "604800000", false, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct queue_setting wanted = { cases[i].name, cases[i].wanted };

		if (topic_setting_keeps(&wanted, cases[i].found, cases[i].is_request) !=
		    cases[i].keeps)
			fail_msg("%s=%s where %s is wanted: expected %s", cases[i].name,
			    cases[i].found, cases[i].wanted, cases[i].keeps ? "kept" : "broken");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_table, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replicas, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keeps, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
