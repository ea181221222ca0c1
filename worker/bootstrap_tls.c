/*
 * `certmill-worker bootstrap-tls DIR [NAME=HOST,... | NAME]...`: a folder for each party, with what its side of TLS needs. A
 * file that is there is never written over; what was written before something failed is taken away again.
 */
#include "worker.h"

#include "scoped.h"
#include "timespan.h"
#include "tls_maker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define CA_NAME     "ca"
#define PARTIES_MAX 64

static const char *const parties_default[] = { "kafka=kafka,localhost,127.0.0.1,::1",
	"redis=redis,localhost,127.0.0.1,::1", "worker" };

/* What stands in a folder. The parts are written one after the other; a key among them makes the file secret. */
enum part { PART_NONE, PART_CA, PART_CERTIFICATE, PART_KEY };

static const struct tls_file {
	const char *name;
	enum part parts[2];
	bool of_ca; /* the CA's own folder has it as well */
} tls_files[] = {
	{ "ca.pem", { PART_CA }, false },
	{ "key.pem", { PART_KEY }, true },
	{ "key-cert.pem", { PART_KEY, PART_CERTIFICATE }, false },
	{ "cert.pem", { PART_CERTIFICATE }, true },
};

#define FILE_COUNT (sizeof(tls_files) / sizeof(tls_files[0]))

struct bootstrap {
	struct arena a;
	const char *folder;
	struct tls_party parties[PARTIES_MAX];
	struct tls_pair pairs[PARTIES_MAX];
	size_t count;
	struct tls_maker *maker;
	const char *written[(PARTIES_MAX + 1) * FILE_COUNT];
	size_t written_count;
};

/* ---- who ---- */

static MUST_USE bool
party_add(struct bootstrap *b, const char *text, struct err *e)
{
	struct tls_party *p = &b->parties[b->count];

	if (b->count == PARTIES_MAX)
		return err_set(e, ERR_INVALID_VALUE, "over %d names", PARTIES_MAX);
	if (!tls_party_parse(text, &b->a, p, e))
		return false;
	if (slice_is(p->name, CA_NAME))
		return err_set(e, ERR_INVALID_VALUE, "\"" CA_NAME "\" is the CA's folder");
	for (size_t i = 0; i < b->count; i++)
		if (slice_eq(b->parties[i].name, p->name))
			return err_set(
			    e, ERR_INVALID_VALUE, "\"%.*s\" stands twice", SLICE_FMT(p->name));
	b->count++;
	return true;
}

static MUST_USE bool
parties_read(struct bootstrap *b, const char *const *texts, size_t count, struct err *e)
{
	if (count == 0) {
		texts = parties_default;
		count = sizeof(parties_default) / sizeof(parties_default[0]);
	}
	for (size_t i = 0; i < count; i++)
		if (!party_add(b, texts[i], e))
			return false;
	return true;
}

/* ---- files ---- */

static const char *
path_of(struct bootstrap *b, struct slice party, const char *file)
{
	return arena_printf(&b->a, "%s/%.*s/%s", b->folder, SLICE_FMT(party), file);
}

static MUST_USE bool
folder_is_free(struct bootstrap *b, struct slice party, struct err *e)
{
	for (size_t i = 0; i < FILE_COUNT; i++) {
		const char *path = path_of(b, party, tls_files[i].name);
		struct stat st;

		if (lstat(path, &st) == 0)
			return err_set(e, ERR_CONFIG, "%s exists, and is not written over", path);
		if (errno != ENOENT)
			return err_errno(e, path);
	}
	return true;
}

static MUST_USE bool
folder_make(const char *path, struct err *e)
{
	return mkdir(path, 0700) == 0 || errno == EEXIST || err_errno(e, path);
}

static MUST_USE bool
text_write(int fd, const char *path, struct slice text, struct err *e)
{
	while (text.len > 0) {
		ssize_t n = write(fd, text.data, text.len);

		if (n < 0 && errno != EINTR)
			return err_errno(e, path);
		if (n > 0)
			text = slice_of(text.data + n, text.len - (size_t)n);
	}
	return true;
}

static struct slice
part_text(const struct bootstrap *b, const struct tls_pair *pair, enum part part)
{
	switch (part) {
	case PART_CA:
		return buf_slice(&tls_maker_ca(b->maker)->certificate);
	case PART_CERTIFICATE:
		return buf_slice(&pair->certificate);
	case PART_KEY:
		return buf_slice(&pair->key);
	case PART_NONE:
		break;
	}
	return SLICE_NONE;
}

static MUST_USE bool
file_write(struct bootstrap *b, const struct tls_file *file, struct slice party,
    const struct tls_pair *pair, struct err *e)
{
	const char *path = path_of(b, party, file->name);
	bool secret = file->parts[0] == PART_KEY;
	int fd SCOPED_FD = open(
	    path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, secret ? 0600 : 0644);

	if (fd < 0)
		return err_errno(e, path);
	b->written[b->written_count++] = path;
	for (int i = 0; i < 2; i++)
		if (!text_write(fd, path, part_text(b, pair, file->parts[i]), e))
			return false;
	return fsync(fd) == 0 || err_errno(e, path);
}

static MUST_USE bool
folder_write(struct bootstrap *b, struct slice party, const struct tls_pair *pair, struct err *e)
{
	bool is_ca = slice_is(party, CA_NAME);

	if (!folder_make(path_of(b, party, ""), e))
		return false;
	for (size_t i = 0; i < FILE_COUNT; i++)
		if ((!is_ca || tls_files[i].of_ca) && !file_write(b, &tls_files[i], party, pair, e))
			return false;
	return true;
}

/* The CA's certificate is the last file: where it stands, everything does. */
static MUST_USE bool
folders_write(struct bootstrap *b, struct err *e)
{
	if (!folder_make(b->folder, e))
		return false;
	for (size_t i = 0; i < b->count; i++)
		if (!folder_write(b, b->parties[i].name, &b->pairs[i], e))
			return false;
	return folder_write(b, slice_text(CA_NAME), tls_maker_ca(b->maker), e);
}

static void
files_remove(struct bootstrap *b)
{
	for (size_t i = 0; i < b->written_count; i++)
		(void)unlink(b->written[i]);
}

/* ---- the whole ---- */

static MUST_USE bool
all_free(struct bootstrap *b, struct err *e)
{
	for (size_t i = 0; i < b->count; i++)
		if (!folder_is_free(b, b->parties[i].name, e))
			return false;
	return folder_is_free(b, slice_text(CA_NAME), e);
}

static MUST_USE bool
all_make(struct bootstrap *b, struct err *e)
{
	b->maker = tls_maker_new(time_now_ms() / 1000, e);
	if (b->maker == NULL)
		return false;
	for (size_t i = 0; i < b->count; i++)
		if (!tls_maker_make(b->maker, &b->parties[i], &b->pairs[i], e))
			return false;
	return true;
}

static void
bootstrap_done(struct bootstrap *b)
{
	for (size_t i = 0; i < b->count; i++)
		tls_pair_done(&b->pairs[i]);
	tls_maker_free(b->maker);
	arena_done(&b->a);
}

int
worker_bootstrap_tls(const struct worker_options *o)
{
	struct bootstrap b = { .folder = o->folder };
	struct err e = { 0 };
	bool ok = secret_init(&e) && parties_read(&b, o->words, o->word_count, &e) &&
	    all_free(&b, &e) && all_make(&b, &e) && folders_write(&b, &e);

	if (ok) {
		printf("%s: a CA, and certificates of", o->folder);
		for (size_t i = 0; i < b.count; i++)
			printf(" %.*s", SLICE_FMT(b.parties[i].name));
		printf("\n");
	} else {
		files_remove(&b);
		fprintf(stderr, "certmill-worker bootstrap-tls: %s\n", e.msg);
	}
	bootstrap_done(&b);
	return ok ? 0 : 1;
}
