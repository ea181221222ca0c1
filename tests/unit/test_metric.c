/* The text for Prometheus: escaping, suffixes, and the arithmetic of buckets. */
#include "metric.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const int64_t bounds_ms[] = { 5, 10, 1000, 2500 };
static const struct metric_bounds bounds = { bounds_ms, 4, 1000 };

static void
text_is(struct buf *b, const char *expected)
{
	assert_false(b->failed);
	buf_add_byte(b, 0);
	assert_string_equal((const char *)b->data, expected);
}

static void
bucket_ends_at_its_bound(void **state)
{
	static const struct {
		int64_t value;
		size_t bucket;
	} rows[] = { { INT64_MIN, 0 }, { -1, 0 }, { 0, 0 }, { 5, 0 }, { 6, 1 }, { 10, 1 },
		{ 11, 2 }, { 1000, 2 }, { 1001, 3 }, { 2500, 3 }, { 2501, 4 }, { INT64_MAX, 4 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (metric_bucket(&bounds, rows[i].value) != rows[i].bucket)
			fail_msg("%lld is in bucket %zu, not %zu", (long long)rows[i].value,
			    metric_bucket(&bounds, rows[i].value), rows[i].bucket);
}

static void
histograms_of_writers_add_up(void **state)
{
	const struct metric m = { "t_seconds", METRIC_HISTOGRAM, "seconds", "h", &bounds };
	const struct metric_label label = { "topic", SLICE_LITERAL("issue") };
	struct metric_histogram one = { 0 }, two = { 0 };
	struct metric_totals t = { 0 };
	struct buf b SCOPED_BUF;

	(void)state;
	buf_init(&b, 4096);
	metric_observe(&one, &bounds, 5);
	metric_observe(&one, &bounds, 7);
	metric_observe(&two, &bounds, 7);
	metric_observe(&two, &bounds, 3000);
	metric_total(&t, &one);
	metric_total(&t, &two);
	metric_samples(&b, &m, &label, 1, &t);
	text_is(&b,
	    "t_seconds_bucket{topic=\"issue\",le=\"0.005\"} 1\n"
	    "t_seconds_bucket{topic=\"issue\",le=\"0.01\"} 3\n"
	    "t_seconds_bucket{topic=\"issue\",le=\"1.0\"} 3\n"
	    "t_seconds_bucket{topic=\"issue\",le=\"2.5\"} 3\n"
	    "t_seconds_bucket{topic=\"issue\",le=\"+Inf\"} 4\n"
	    "t_seconds_count{topic=\"issue\"} 4\n"
	    "t_seconds_sum{topic=\"issue\"} 3.019\n");
}

static void
histogram_without_labels(void **state)
{
	static const int64_t at[] = { 1 };
	const struct metric_bounds whole = { at, 1, 1 };
	const struct metric m = { "n", METRIC_HISTOGRAM, "", "h", &whole };
	const struct metric_totals t = { .buckets = { 2, 1 }, .sum = 9 };
	struct buf b SCOPED_BUF;

	(void)state;
	buf_init(&b, 4096);
	metric_samples(&b, &m, NULL, 0, &t);
	text_is(&b, "n_bucket{le=\"1.0\"} 2\nn_bucket{le=\"+Inf\"} 3\nn_count 3\nn_sum 9\n");
}

static void
types_have_their_suffix(void **state)
{
	static const struct {
		enum metric_type type;
		const char *line;
	} rows[] = { { METRIC_COUNTER, "x_total 7\n" }, { METRIC_GAUGE, "x 7\n" },
		{ METRIC_INFO, "x_info 7\n" } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct metric m = { "x", rows[i].type, "", "", NULL };
		struct buf b SCOPED_BUF;

		buf_init(&b, 256);
		metric_sample(&b, &m, NULL, 0, 7);
		text_is(&b, rows[i].line);
	}
}

static void
labels_are_escaped(void **state)
{
	const struct metric m = { "x", METRIC_GAUGE, "", "", NULL };
	const struct metric_label labels[] = { { "a", SLICE_LITERAL("q\"b\\n\nl") },
		{ "b", SLICE_LITERAL("") }, { "c", SLICE_LITERAL("\xc3\xa9{}=,") } };
	struct buf b SCOPED_BUF;

	(void)state;
	buf_init(&b, 256);
	metric_sample(&b, &m, labels, 3, -0.5);
	text_is(&b, "x{a=\"q\\\"b\\\\n\\nl\",b=\"\",c=\"\xc3\xa9{}=,\"} -0.5\n");
}

static void
head_names_type_unit_and_help(void **state)
{
	const struct metric with = { "x_seconds", METRIC_COUNTER, "seconds", "a \"b\"\nc\\", NULL };
	const struct metric without = { "y", METRIC_INFO, "", "d", NULL };
	struct buf b SCOPED_BUF;

	(void)state;
	buf_init(&b, 512);
	metric_head(&b, &with);
	metric_head(&b, &without);
	metric_end(&b);
	text_is(&b,
	    "# TYPE x_seconds counter\n# UNIT x_seconds seconds\n# HELP x_seconds a \\\"b\\\"\\nc\\\\\n"
	    "# TYPE y info\n# HELP y d\n# EOF\n");
}

static void
large_numbers_stay_exact(void **state)
{
	const struct metric m = { "x", METRIC_COUNTER, "", "", NULL };
	struct buf b SCOPED_BUF;

	(void)state;
	buf_init(&b, 256);
	metric_sample(&b, &m, NULL, 0, 999999999999999.0);
	metric_sample(&b, &m, NULL, 0, 1795770455.731);
	text_is(&b, "x_total 999999999999999\nx_total 1795770455.731\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bucket_ends_at_its_bound),
		cmocka_unit_test(histograms_of_writers_add_up),
		cmocka_unit_test(histogram_without_labels),
		cmocka_unit_test(types_have_their_suffix),
		cmocka_unit_test(labels_are_escaped),
		cmocka_unit_test(head_names_type_unit_and_help),
		cmocka_unit_test(large_numbers_stay_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
