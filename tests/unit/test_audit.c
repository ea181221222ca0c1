/* The audit chain: heads through metadata, records that hold the hash before them, stretches cut at their size. */
#include "audit.h"

#include <openssl/evp.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void
test_head_travels(void **state)
{
	struct audit_head head = { .step = 12, .sequence = 345, .hash = { 0xab, [31] = 0xcd } },
			  back = { 0 };
	char metadata[QUEUE_METADATA_MAX];
	struct err e = { 0 };

	(void)state;
	audit_head_write(&head, metadata);
	assert_string_equal(
	    metadata, "1 12 345 ab000000000000000000000000000000000000000000000000000000000000cd");
	assert_true(audit_head_read(metadata, &back, &e));
	assert_memory_equal(&back, &head, sizeof(head));
	strcpy(head.stamp, "0123456789abcdef");
	audit_head_write(&head, metadata);
	assert_string_equal(metadata,
	    "1 12.0123456789abcdef 345 ab000000000000000000000000000000000000000000000000000000000000cd");
	assert_true(audit_head_read(metadata, &back, &e));
	assert_memory_equal(&back, &head, sizeof(head));
	head.step = head.sequence = INT64_MAX;
	audit_head_write(&head, metadata);
	assert_true(strlen(metadata) < QUEUE_METADATA_MAX - 1);
}

static void
test_bad_heads(void **state)
{
	static const char *const bad[] = { "", "1", "2 1 1 ab", "1 1 1 abcd", "x",
		"1 1 1 ab000000000000000000000000000000000000000000000000000000000000cdX",
		"1 1. 1 ab000000000000000000000000000000000000000000000000000000000000cd",
		"1 1.ab 1 ab000000000000000000000000000000000000000000000000000000000000cd",
		"1 1.0123456789abcdef0 1 ab000000000000000000000000000000000000000000000000000000000000cd",
		"1 1 1 AB000000000000000000000000000000000000000000000000000000000000CD" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct audit_head head;
		struct err e = { 0 };

		if (audit_head_read(bad[i], &head, &e) || e.code != ERR_CONFIG)
			fail_msg("\"%s\" was read as a head", bad[i]);
	}
}

static void
check_chain(struct arena *a, const struct slice *records, size_t count, size_t entries)
{
	uint8_t previous[HASH_SIZE] = { 0 };
	unsigned size = HASH_SIZE;

	for (size_t i = 0; i < count; i++) {
		struct audit_record r = { 0 };
		struct err e = { 0 };
		uint64_t seen;

		if (!schema_decode(&audit_record_schema, records[i], a, &r, &seen, &e))
			fail_msg("record %zu: %s", i, e.msg);
		assert_int_equal(r.sequence, (int64_t)i + 1);
		assert_int_equal(r.previous.len, HASH_SIZE);
		assert_memory_equal(r.previous.data, previous, HASH_SIZE);
		entries -= r.entries.count;
		assert_true(EVP_Digest(
		    records[i].data, records[i].len, previous, &size, EVP_sha256(), NULL));
	}
	assert_int_equal(entries, 0);
}

static void
test_records_chain(void **state)
{
	const struct audit_stretch stretch = { SLICE_LITERAL("w0/mint-0"), 1000, 7 };
	struct arena a SCOPED_ARENA = { 0 };
	struct audit_head head = { .step = 3 };
	struct slice entries[50], *records;
	struct queue_message m = { .topic = "t.issue", .timestamp_ms = 5 };
	size_t count;

	(void)state;
	for (size_t i = 0; i < 50; i++) {
		struct request rq = { .message = &m,
			.envelope = {
			    .id = SLICE_LITERAL("an-id"), .op = SLICE_LITERAL("issue") } };

		m.offset = (int64_t)i;
		entries[i] = audit_entry_encode(&a, &rq, "rerouted", SLICE_LITERAL("t.issue/1"));
	}
	records = audit_records(&a, &stretch, &head, entries, 50, 1500, &count);
	assert_true(count > 2);
	for (size_t i = 0; i < count; i++)
		assert_true(records[i].len <= 1500);
	assert_int_equal(head.sequence, (int64_t)count);
	assert_int_equal(head.step, 3);
	check_chain(&a, records, count, 50);
	(void)audit_records(&a, &stretch, &head, entries, 0, 1500, &count);
	assert_int_equal(count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_head_travels),
		cmocka_unit_test(test_bad_heads),
		cmocka_unit_test(test_records_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
