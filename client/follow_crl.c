#include "follow_crl.h"

#include "audit_crl.h"
#include "encode.h"
#include "follow_files.h"
#include "scoped.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <sys/stat.h>

struct crl_file {
	struct crl_file *next;
	struct buf newest;           /* DER that is to be written; empty: none */
	int64_t number, next_update; /* of the newest, or else of what stands; -1: none */
	char name[CRL_NAME_SIZE];
};

struct crl_folder {
	int fd;
	bool bundled; /* all.pem is made of what stands */
	struct crl_issuers *issuers;
	struct crl_file *files;
};

/* ---- names ---- */

static bool
name_is_safe(struct slice part, bool dots)
{
	if (part.len == 0 || part.data[0] == '.')
		return false;
	for (size_t i = 0; i < part.len; i++) {
		uint8_t c = part.data[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    c != '-' && c != '_' && !(dots && c == '.'))
			return false;
	}
	return true;
}

/* Issuer and shard have no dot of their own, so two keys never share a name. */
bool
crl_file_name(struct slice key, char ret[static 256])
{
	const uint8_t *first = key.len == 0 ? NULL : memchr(key.data, '/', key.len);
	const uint8_t *last = key.len == 0 ? NULL : memrchr(key.data, '/', key.len);
	struct slice mount, issuer, shard;
	int n;

	if (first == NULL || first == last)
		return false;
	mount = slice_of(key.data, (size_t)(first - key.data));
	issuer = slice_of(first + 1, (size_t)(last - first) - 1);
	shard = slice_of(last + 1, key.len - (size_t)(last - key.data) - 1);
	if (!name_is_safe(mount, true) || !name_is_safe(issuer, false) ||
	    !name_is_safe(shard, false) || key.len > 200)
		return false;
	n = snprintf(
	    ret, 256, "%.*s.%.*s.%.*s", SLICE_FMT(mount), SLICE_FMT(issuer), SLICE_FMT(shard));
	return n > 0 && n < 250;
}

/* The middle of "pki.ISSUER.0", which has no dot of its own; the mount may. */
static struct slice
name_issuer(const char *name)
{
	const char *shard = strrchr(name, '.');
	const char *issuer = shard == NULL ? NULL : memrchr(name, '.', (size_t)(shard - name));

	if (issuer == NULL)
		return SLICE_NONE;
	return slice_of(issuer + 1, (size_t)(shard - issuer) - 1);
}

/* ---- the folder ---- */

/* What stands from an earlier run, if it is whole. */
static void
file_load(const struct crl_folder *f, struct crl_file *file)
{
	struct buf SCOPED_BUF der = { 0 };
	struct crl_view v;
	struct err unread;
	char pem[CRL_NAME_SIZE + 8];

	(void)snprintf(pem, sizeof(pem), "%s.pem", file->name);
	buf_init(&der, CRL_FILE_MAX);
	if (faccessat(f->fd, pem, R_OK, 0) != 0 ||
	    !crl_file_read(f->fd, file->name, ".der", &der) ||
	    !crl_view_read(buf_slice(&der), &v, &unread))
		return;
	file->number = v.number;
	file->next_update = v.next_update;
}

static struct crl_file *
file_find(const struct crl_folder *f, const char *name)
{
	struct crl_file *file = f->files;

	while (file != NULL && strcmp(file->name, name) != 0)
		file = file->next;
	return file;
}

static struct crl_file *
file_add(struct crl_folder *f, const char *name)
{
	struct crl_file *file = calloc(1, sizeof(*file));

	if (file == NULL)
		abort();
	(void)snprintf(file->name, sizeof(file->name), "%s", name);
	file->number = file->next_update = -1;
	file->next = f->files;
	f->files = file;
	return file;
}

/* Also what is no longer on the topic stands: a CRL is true until it expires. */
static MUST_USE bool
folder_load(struct crl_folder *f, const char *path, struct err *e)
{
	DIR *dir = opendir(path);

	if (dir == NULL)
		return err_errno(e, path);
	for (const struct dirent *d = readdir(dir); d != NULL; d = readdir(dir)) {
		size_t len = strlen(d->d_name);
		char name[CRL_NAME_SIZE];

		if (len < 5 || len >= sizeof(name) || d->d_name[0] == '.' ||
		    strcmp(d->d_name + len - 4, ".der") != 0)
			continue;
		(void)snprintf(name, sizeof(name), "%.*s", (int)(len - 4), d->d_name);
		if (name_issuer(name).data != NULL)
			file_load(f, file_add(f, name));
	}
	closedir(dir);
	return true;
}

struct crl_folder *
crl_folder_open(const char *path, struct crl_issuers *issuers, struct err *e)
{
	struct crl_folder *f;
	int fd;

	if (mkdir(path, 0755) != 0 && errno != EEXIST)
		return err_errno(e, path), NULL;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(e, path), NULL;
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		close(fd);
		return err_set(e, ERR_SYSTEM, "another follower keeps %.100s", path), NULL;
	}
	f = calloc(1, sizeof(*f));
	if (f == NULL)
		abort();
	f->fd = fd;
	f->issuers = issuers;
	if (folder_load(f, path, e))
		return f;
	crl_folder_close(f);
	return NULL;
}

void
crl_folder_close(struct crl_folder *f)
{
	if (f == NULL)
		return;
	for (struct crl_file *file = f->files, *next; file != NULL; file = next) {
		next = file->next;
		buf_done(&file->newest);
		free(file);
	}
	close(f->fd);
	free(f);
}

/* ---- a record ---- */

static int64_t
header_number(const struct queue_message *m)
{
	struct queue_header h;
	int64_t number = 0;

	for (size_t i = 0; i < queue_message_headers(m); i++) {
		if (!queue_message_header(m, i, &h) || strcmp(h.name, "number") != 0)
			continue;
		if (h.value.len == 0 || h.value.len > 18)
			return -1;
		for (size_t at = 0; at < h.value.len; at++) {
			if (h.value.data[at] < '0' || h.value.data[at] > '9')
				return -1;
			number = number * 10 + (h.value.data[at] - '0');
		}
		return number;
	}
	return -1;
}

/* Is it what it says, from whom its key says? ERR_QUEUE: that cannot be told now. */
static MUST_USE bool
record_verify(
    struct crl_folder *f, const char *name, int64_t said, const struct crl_view *v, struct err *e)
{
	const X509 *issuer = NULL;

	if (v->number != said)
		return err_set(e, ERR_MALFORMED,
		    "its number is %" PRId64 ", its header says otherwise", v->number);
	if (!crl_issuers_find(f->issuers, name_issuer(name), &issuer, e))
		return false;
	if (issuer == NULL)
		return err_set(e, ERR_CERTIFICATE_INVALID, "its issuer's certificate is not known");
	return crl_view_verify(v, issuer, e);
}

static MUST_USE bool
pass_over(const char *name, int64_t offset, const struct err *why)
{
	fprintf(stderr, "certmill: %s: offset %" PRId64 " is passed over: %s\n", name, offset,
	    why->msg);
	return true;
}

bool
crl_folder_take(struct crl_folder *f, const struct queue_message *m, struct err *e)
{
	char name[CRL_NAME_SIZE] = "?";
	struct crl_file *file;
	struct crl_view v;
	int64_t said;

	if (m->value.data ==
	    NULL) /* the key was taken out of use: what stands here is still true */
		return true;
	if (!crl_file_name(m->key, name)) {
		(void)err_set(e, ERR_MALFORMED, "the key is no mount/issuer/shard");
		return pass_over(name, m->offset, e);
	}
	if (!crl_issuers_want(f->issuers, name_issuer(name)))
		return true;
	file = file_find(f, name);
	said = header_number(m);
	if (file != NULL && said >= 0 && said <= file->number)
		return true;
	if (!crl_view_read(m->value, &v, e) || !record_verify(f, name, said, &v, e))
		return e->code != ERR_QUEUE && pass_over(name, m->offset, e);
	if (file == NULL)
		file = file_add(f, name);
	buf_done(&file->newest);
	buf_init(&file->newest, CRL_FILE_MAX);
	buf_add_slice(&file->newest, m->value);
	file->number = v.number;
	file->next_update = v.next_update;
	return true;
}

/* ---- writing ---- */

/* The .der is last: it says which number stands, so that a crash between the two does both again. */
static MUST_USE bool
file_write(struct crl_folder *f, struct crl_file *file, struct err *e)
{
	struct buf SCOPED_BUF pem = { 0 };

	buf_init(&pem, CRL_FILE_MAX);
	pem_add(&pem, "X509 CRL", buf_slice(&file->newest));
	if (pem.failed || file->newest.failed)
		return err_set(e, ERR_TOO_LARGE, "%.100s is too large", file->name);
	if (!crl_file_replace(f->fd, file->name, ".pem", buf_slice(&pem), e) ||
	    !crl_file_replace(f->fd, file->name, ".der", buf_slice(&file->newest), e))
		return false;
	buf_done(&file->newest);
	return true;
}

static bool
file_is_bundled(const struct crl_folder *f, const struct crl_file *file)
{
	return file->number >= 0 && crl_issuers_want(f->issuers, name_issuer(file->name));
}

/* No file where there is nothing to put in it: a server that reads it is to say so. */
static MUST_USE bool
bundle_write(struct crl_folder *f, struct err *e)
{
	struct crl_bundle SCOPED_CRL_BUNDLE b = { .dir = f->fd, .fd = -1 };

	for (const struct crl_file *file = f->files; file != NULL; file = file->next)
		if (file_is_bundled(f, file) && !crl_bundle_add(&b, file->name, e))
			return false;
	return b.fd < 0 || crl_bundle_end(&b, e);
}

bool
crl_folder_write(struct crl_folder *f, bool *ret_changed, struct err *e)
{
	*ret_changed = false;
	for (struct crl_file *file = f->files; file != NULL; file = file->next) {
		if (file->newest.len == 0)
			continue;
		f->bundled = false;
		if (!file_write(f, file, e))
			return false;
		*ret_changed = true;
	}
	if (f->bundled)
		return true;
	if (!bundle_write(f, e))
		return false;
	if (fsync(f->fd) != 0)
		return err_errno(e, "the folder of CRLs");
	f->bundled = true;
	return true;
}

/* ---- is all there? ---- */

static bool
folder_has(const struct crl_folder *f, struct slice issuer)
{
	for (const struct crl_file *file = f->files; file != NULL; file = file->next)
		if (file->number >= 0 && slice_eq(name_issuer(file->name), issuer))
			return true;
	return false;
}

bool
crl_folder_is_whole(const struct crl_folder *f, int64_t now, struct err *e)
{
	struct slice id;

	for (size_t i = 0; crl_issuers_wanted(f->issuers, i, &id); i++)
		if (!folder_has(f, id))
			return err_set(e, ERR_NOT_FOUND,
			    "no CRL of the issuer %.*s came: who checks all of a chain refuses its certificates",
			    SLICE_FMT(id));
	for (const struct crl_file *file = f->files; file != NULL; file = file->next)
		if (file_is_bundled(f, file) && file->next_update >= 0 && file->next_update <= now)
			return err_set(e, ERR_NOT_FOUND, "the CRL %.100s has expired", file->name);
	return true;
}
