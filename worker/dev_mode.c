/*
 * `certmill-worker dev`: everything embedded, for trying it. librdkafka's own broker inside the process, a redis-server child
 * in a private folder, one mount `pki`. Nothing is kept, and nothing about exactly-once may be concluded from it.
 */
#include "worker.h"

#include "log.h"
#include "timespan.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEV_TTL        ((int64_t)768 * 3600)
#define REDIS_START_MS 5000

struct dev {
	char folder[64];
	char socket[96], config[96], kek[96];
	pid_t redis;
	struct queue_mock *mock;
	struct settings settings;
	bool loaded; /* the settings */
};

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void
dev_close(struct dev *d)
{
	if (d->loaded)
		settings_free(&d->settings);
	queue_mock_close(d->mock);
	if (d->redis > 0) {
		kill(d->redis, SIGTERM);
		waitpid(d->redis, NULL, 0);
	}
	if (d->folder[0] != '\0')
		nftw(d->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- Redis, as a child that does not outlive us ---- */

static void
redis_exec(const struct dev *d, pid_t parent)
{
	int null = open("/dev/null", O_RDWR);
	sigset_t none;

	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || setpgid(0, 0) != 0 || null < 0 || dup2(null, 0) < 0 ||
	    dup2(null, 1) < 0)
		_exit(127);
	execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", d->socket,
	    "--unixsocketperm", "700", "--dir", d->folder, "--save", "", "--appendonly", "no",
	    "--maxmemory-policy", "noeviction", "--daemonize", "no", "--loglevel", "warning",
	    (char *)NULL);
	fprintf(stderr, "certmill-worker dev: redis-server: %s\n", strerror(errno));
	_exit(127);
}

static MUST_USE bool
redis_answers(const struct dev *d, struct err *e)
{
	const struct store_options o = { .address = d->socket, .timeout_ms = 1000 };

	for (int waited = 0; waited < REDIS_START_MS; waited += 20) {
		struct store *store = store_open(&o, e);

		store_close(store);
		if (store != NULL)
			return true;
		if (waitpid(d->redis, NULL, WNOHANG) == d->redis)
			return err_set(e, ERR_STORE, "redis-server ended at once");
		usleep(20 * 1000);
	}
	return false;
}

static MUST_USE bool
redis_start(struct dev *d, struct err *e)
{
	pid_t parent = getpid();

	d->redis = fork();
	if (d->redis < 0)
		return err_errno(e, "fork");
	if (d->redis == 0)
		redis_exec(d, parent);
	return redis_answers(d, e);
}

/* ---- the folder: a socket, a key, a configuration file ---- */

static MUST_USE bool
file_write(const char *path, const char *text, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (!ok)
		(void)err_errno(e, path);
	if (fd >= 0)
		close(fd);
	return ok;
}

static MUST_USE bool
kek_write(const struct dev *d, struct err *e)
{
	struct secret *kek = secret_random(e);
	char hex[2 * SECRET_KEY_SIZE + 1];
	bool ok;

	if (kek == NULL)
		return false;
	for (size_t i = 0; i < SECRET_KEY_SIZE; i++)
		snprintf(hex + 2 * i, 3, "%02x", secret_bytes(kek)[i]);
	ok = file_write(d->kek, hex, e);
	explicit_bzero(hex, sizeof(hex));
	secret_free(kek);
	return ok;
}

static MUST_USE bool
folder_make(struct dev *d, struct err *e)
{
	snprintf(d->folder, sizeof(d->folder), "/tmp/certmill-dev-XXXXXX");
	if (mkdtemp(d->folder) == NULL) {
		d->folder[0] = '\0';
		return err_errno(e, "mkdtemp");
	}
	snprintf(d->socket, sizeof(d->socket), "%s/redis.sock", d->folder);
	snprintf(d->config, sizeof(d->config), "%s/worker.ini", d->folder);
	snprintf(d->kek, sizeof(d->kek), "%s/kek", d->folder);
	return kek_write(d, e);
}

static MUST_USE bool
settings_write(struct dev *d, struct err *e)
{
	char text[512];

	snprintf(text, sizeof(text),
	    "[kafka]\nbrokers = %s\n[redis]\naddress = %s\n[keys]\nkek_file = %s\n[worker]\nslot = dev\nsingle = true\nlog_level = warning\n"
	    "[topics]\npartitions = 1\ncontrol_partitions = 1\n",
	    queue_mock_brokers(d->mock), d->socket, d->kek);
	if (!file_write(d->config, text, e))
		return false;
	d->loaded = settings_load_file(d->config, &d->settings, e);
	d->settings.dev = true;
	d->settings.queue.mock = true;
	return d->loaded;
}

/* ---- topics, first rows, the mount ---- */

static MUST_USE bool
mock_topics(struct dev *d, struct err *e)
{
	for (int i = 0; i < TOPIC_KINDS; i++)
		if (!queue_mock_topic(d->mock, d->settings.request_topics[i], 1, e))
			return false;
	for (int i = 0; i < LEDGER_KINDS; i++)
		if (!queue_mock_topic(d->mock, d->settings.ledger_topics[i], 1, e))
			return false;
	return true;
}

static MUST_USE bool
mount_write(struct dev *d, struct err *e)
{
	const struct mount_state mount = { .v = 1,
		.default_ttl = DEV_TTL,
		.max_ttl = DEV_TTL,
		.allow_clear_keys = true,
		.created = time_now_ms() };
	struct queue_producer *p = queue_producer_open(&d->settings.queue, NULL, e);
	struct buf b SCOPED_BUF;
	struct writer w = { &b };
	struct queue_record r = { .topic = d->settings.ledger_topics[LEDGER_STATE],
		.partition = 0,
		.key = SLICE_LITERAL("mount/pki/") };
	bool ok;

	buf_init(&b, 4096);
	schema_encode(&mount_state_schema, &mount, &w);
	r.value = buf_slice(&b);
	ok = p != NULL && queue_produce(p, &r, e) && queue_flush(p, 10000, e);
	queue_producer_close(p);
	return ok;
}

static MUST_USE bool
dev_prepare(struct dev *d, struct err *e)
{
	struct queue_probe *probe;
	bool ok;

	if (!folder_make(d, e) || !redis_start(d, e))
		return false;
	d->mock = queue_mock_open(e);
	if (d->mock == NULL || !settings_write(d, e) || !mock_topics(d, e))
		return false;
	probe = queue_probe_open(&d->settings.queue, e);
	ok = probe != NULL && topics_first_rows(&d->settings, probe, e);
	queue_probe_close(probe);
	return ok && mount_write(d, e);
}

static void
dev_greet(const struct dev *d)
{
	printf(
	    "certmill-worker dev: everything is embedded, NOTHING IS KEPT when it ends.\n\n"
	    "    export CERTMILL_BROKERS=%s\n\n"
	    "The mount `pki` is there. Try:\n\n"
	    "    certmill write pki/config/ca/generate/root/internal common_name=\"My CA\" key_type=ec\n"
	    "    certmill write pki/roles/web allowed_base_domain=example.com allow_subdomains=true key_type=ec\n"
	    "    certmill write pki/issue/web common_name=blah.example.com\n\n"
	    "Ctrl-C ends it.\n",
	    queue_mock_brokers(d->mock));
	fflush(stdout);
}

int
worker_dev(const struct worker_options *o)
{
	struct dev d = { 0 };
	struct err e = { 0 };
	struct secret *kek = NULL;
	sigset_t blocked;
	bool ok;

	(void)o;
	worker_block(&blocked);
	ok = secret_init(&e) && dev_prepare(&d, &e);
	if (ok) {
		log_set_level(LOG_WARNING);
		kek = secret_load(d.kek, &e);
		ok = kek != NULL;
	}
	if (ok) {
		dev_greet(&d);
		ok = worker_serve(&d.settings, kek, NULL, &e);
	}
	if (!ok)
		log_error(LOG_ERROR, "dev_failed", &e, LOG_T("command", "dev"));
	secret_free(kek);
	dev_close(&d);
	return ok ? 0 : 1;
}
