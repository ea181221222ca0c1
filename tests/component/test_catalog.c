/* The catalog's folder on a `.state` topic: what was written before is in force, bad records are skipped, versions are
 * taken and given back by threads while new ones come. */
#include "mock_fixture.h"
#include "world.h"

#include <pthread.h>
#include <stdatomic.h>

#define TOPIC "certmill.state"

struct folding {
	struct world *w; /* for its encoder, and its KEK */
	struct queue_producer *p;
	struct queue_probe *probe;
	struct catalog_folder *folder;
};

static struct folding
folding_start(void)
{
	struct folding f = { .w = world_new() };
	struct catalog_spec spec = { .queue = &options, .topic = TOPIC, .kek = f.w->kek };
	struct err e = { 0 };

	topic(TOPIC, 1);
	f.p = producer(NULL);
	f.probe = queue_probe_open(&options, &e);
	spec.probe = f.probe;
	f.folder = catalog_folder_start(&spec, &e);
	if (f.probe == NULL || f.folder == NULL)
		fail_msg("folder: %s", e.msg);
	return f;
}

static void
folding_stop(struct folding *f)
{
	catalog_folder_stop(f->folder);
	queue_probe_close(f->probe);
	queue_producer_close(f->p);
	world_free(f->w);
}

static void
write_mount(struct folding *f, const char *key, int64_t max_ttl)
{
	const struct mount_state state = {
		.v = 1, .default_ttl = 60, .max_ttl = max_ttl, .created = 1
	};

	produce(f->p, TOPIC, 0, slice_text(key), world_encode(f->w, &mount_state_schema, &state));
}

static const struct catalog *
fresh(struct folding *f)
{
	struct err e = { 0 };
	const struct catalog *c = catalog_fresh(f->folder, 10000, &e);

	if (c == NULL)
		fail_msg("fresh: %s", e.msg);
	return c;
}

static void
test_follows(void **state)
{
	struct folding f = folding_start();
	const struct catalog *first, *second;

	(void)state;
	first = fresh(&f);
	assert_int_equal(first->offset, -1);
	assert_int_equal(first->mount_count, 0);
	catalog_release(first);
	write_mount(&f, "mount/pki/", 100);
	flush(f.p);
	first = fresh(&f);
	assert_int_equal(first->offset, 0);
	assert_int_equal(first->mounts[0]->state.max_ttl, 100);
	write_mount(&f, "mount/pki/", 200);
	produce(f.p, TOPIC, 0, L("mount/bad/"), L("\xc1"));
	write_mount(&f, "mount/other/", 300);
	produce(f.p, TOPIC, 0, L("role/pki/gone"), SLICE_NONE);
	flush(f.p);
	second = fresh(&f);
	assert_int_equal(second->offset, 4);
	assert_int_equal(second->mount_count, 2);
	assert_int_equal(catalog_find_mount(second, L("pki"))->state.max_ttl, 200);
	assert_int_equal(first->mounts[0]->state.max_ttl, 100);
	catalog_release(first);
	catalog_release(second);
	folding_stop(&f);
}

#define WRITES 300

struct readers {
	struct folding *f;
	atomic_bool stop;
	atomic_size_t taken;
};

/* Within a version all is of one piece: both mounts were written with the same number, or "b" is one behind. */
static void *
reader_run(void *opaque)
{
	struct readers *r = opaque;

	while (!atomic_load(&r->stop)) {
		struct err e = { 0 };
		const struct catalog *c = catalog_fresh(r->f->folder, 60000, &e);
		const struct catalog_mount *a = catalog_find_mount(c, L("a"));
		const struct catalog_mount *b = catalog_find_mount(c, L("b"));
		int64_t ahead = a->state.max_ttl - b->state.max_ttl;

		if (ahead != 0 && ahead != 1)
			abort();
		catalog_release(c);
		atomic_fetch_add(&r->taken, 1);
	}
	return NULL;
}

static void
test_threads(void **state)
{
	struct folding f = folding_start();
	struct readers r = { .f = &f };
	pthread_t threads[3];

	(void)state;
	write_mount(&f, "mount/a/", 1000);
	write_mount(&f, "mount/b/", 1000);
	flush(f.p);
	catalog_release(fresh(&f));
	for (size_t i = 0; i < COUNT(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, reader_run, &r), 0);
	for (int i = 1; i <= WRITES; i++) {
		write_mount(&f, "mount/a/", 1000 + i);
		write_mount(&f, "mount/b/", 1000 + i);
		if (i % 10 == 0)
			flush(f.p);
	}
	flush(f.p);
	atomic_store(&r.stop, true);
	for (size_t i = 0; i < COUNT(threads); i++)
		pthread_join(threads[i], NULL);
	assert_true(atomic_load(&r.taken) > 0);
	const struct catalog *c = fresh(&f);
	assert_int_equal(c->offset, 2 + 2 * WRITES - 1);
	assert_int_equal(catalog_find_mount(c, L("b"))->state.max_ttl, 1000 + WRITES);
	catalog_release(c);
	folding_stop(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_follows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
