#include "follow_crl.h"

#include "encode.h"
#include "scoped.h"
#include "scoped_openssl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/x509v3.h>
#include <sys/file.h>
#include <sys/stat.h>

#define CRL_FILE_MAX ((size_t)128 * 1024 * 1024) /* PEM of the largest message */

struct crl_file {
	struct crl_file *next;
	struct buf newest; /* DER */
	bool fresh;        /* it came since the last write */
	int64_t said,
	    offset; /* the newest one's header number (-1: none), and where it stands on the topic */
	int64_t number; /* that stands in the folder; -1: none */
	char name[256];
};

struct crl_folder {
	int fd;
	struct crl_file *files;
};

bool
crl_number_read(struct slice der, int64_t *ret, struct err *e)
{
	const uint8_t *at = der.data;
	SCOPED(X509_CRL) crl = NULL;
	SCOPED(ASN1_INTEGER) number = NULL;

	if (der.data == NULL || der.len > LONG_MAX)
		return err_set(e, ERR_MALFORMED, "there are no bytes");
	crl = d2i_X509_CRL(NULL, &at, (long)der.len);
	if (crl == NULL) {
		(void)err_openssl(e, "d2i_X509_CRL");
		e->code = ERR_MALFORMED;
		return false;
	}
	if (at != der.data + der.len)
		return err_set(e, ERR_MALFORMED, "bytes stand behind the CRL");
	number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	if (number == NULL || ASN1_INTEGER_get_int64(ret, number) != 1 || *ret < 0)
		return err_set(e, ERR_MALFORMED, "the CRL has no number (RFC 5280 5.2.3)");
	return true;
}

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

struct crl_folder *
crl_folder_open(const char *path, struct err *e)
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
	return f;
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

static MUST_USE bool
file_read(int dir, const char *name, struct buf *out)
{
	int SCOPED_FD fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	for (;;) {
		uint8_t *room = buf_reserve(out, 65536);

		if (room == NULL)
			return false;
		n = read(fd, room, 65536);
		if (n <= 0)
			return n == 0;
		out->len += (size_t)n;
	}
}

/* The number of the CRL that stands in the folder from an earlier run; -1 where none stands, or not whole. */
static int64_t
folder_number(const struct crl_folder *f, const char *name)
{
	struct buf SCOPED_BUF der = { 0 };
	struct err unread = { 0 };
	char path[264];
	int64_t number;

	(void)snprintf(path, sizeof(path), "%s.pem", name);
	if (faccessat(f->fd, path, R_OK, 0) != 0)
		return -1;
	(void)snprintf(path, sizeof(path), "%s.der", name);
	buf_init(&der, CRL_FILE_MAX);
	if (!file_read(f->fd, path, &der) || !crl_number_read(buf_slice(&der), &number, &unread))
		return -1;
	return number;
}

static struct crl_file *
file_get(struct crl_folder *f, const char *name)
{
	struct crl_file *file = f->files;

	while (file != NULL && strcmp(file->name, name) != 0)
		file = file->next;
	if (file != NULL)
		return file;
	file = calloc(1, sizeof(*file));
	if (file == NULL)
		abort();
	(void)snprintf(file->name, sizeof(file->name), "%s", name);
	buf_init(&file->newest, CRL_FILE_MAX);
	file->number = folder_number(f, name);
	file->next = f->files;
	f->files = file;
	return file;
}

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

void
crl_folder_take(struct crl_folder *f, const struct queue_message *m)
{
	struct crl_file *file;
	char name[256];

	if (m->value.data ==
	    NULL) /* the key was taken out of use: what stands here is still true */
		return;
	if (!crl_file_name(m->key, name)) {
		fprintf(stderr,
		    "certmill: offset %" PRId64
		    " is passed over: the key is no mount/issuer/shard\n",
		    m->offset);
		return;
	}
	file = file_get(f, name);
	buf_clear(&file->newest);
	buf_add_slice(&file->newest, m->value);
	file->said = header_number(m);
	file->offset = m->offset;
	file->fresh = true;
}

/* Writes beside, then replaces: a reader sees the old file or the new one. */
static MUST_USE bool
file_replace(int dir, const char *name, const char *suffix, struct slice bytes, struct err *e)
{
	char path[264], temporary[272];
	int SCOPED_FD fd = -1;
	size_t done = 0;

	(void)snprintf(path, sizeof(path), "%s%s", name, suffix);
	(void)snprintf(temporary, sizeof(temporary), ".%s.new", path);
	fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_errno(e, temporary);
	while (done < bytes.len) {
		ssize_t n = write(fd, bytes.data + done, bytes.len - done);

		if (n < 0 && errno != EINTR)
			return err_errno(e, temporary);
		done += n > 0 ? (size_t)n : 0;
	}
	if (fsync(fd) != 0 || renameat(dir, temporary, dir, path) != 0)
		return err_errno(e, path);
	return true;
}

/* Is this record what it says, and newer than what stands? Says on standard error why it is not what it says. */
static bool
record_is_newer(const struct crl_file *file, int64_t *ret_number)
{
	struct err e = { 0 };

	if (file->said >= 0 && file->said <= file->number)
		return false;
	if (crl_number_read(buf_slice(&file->newest), ret_number, &e)) {
		if (*ret_number == file->said)
			return true;
		(void)err_set(&e, ERR_MALFORMED,
		    "its number is %" PRId64 ", its header says otherwise", *ret_number);
	}
	fprintf(stderr, "certmill: %s: offset %" PRId64 " is passed over: %s\n", file->name,
	    file->offset, e.msg);
	return false;
}

/* The .der is last: it says which number stands, so that a crash between the two does both again. */
static MUST_USE bool
file_write(struct crl_folder *f, struct crl_file *file, int64_t number, struct err *e)
{
	struct buf SCOPED_BUF pem = { 0 };

	buf_init(&pem, CRL_FILE_MAX);
	pem_add(&pem, "X509 CRL", buf_slice(&file->newest));
	if (pem.failed)
		return err_set(e, ERR_TOO_LARGE, "%.100s is too large", file->name);
	if (!file_replace(f->fd, file->name, ".pem", buf_slice(&pem), e) ||
	    !file_replace(f->fd, file->name, ".der", buf_slice(&file->newest), e))
		return false;
	if (fsync(f->fd) != 0)
		return err_errno(e, file->name);
	file->number = number;
	return true;
}

bool
crl_folder_write(struct crl_folder *f, bool *ret_changed, struct err *e)
{
	int64_t number;

	*ret_changed = false;
	for (struct crl_file *file = f->files; file != NULL; file = file->next) {
		if (!file->fresh)
			continue;
		if (record_is_newer(file, &number)) {
			if (!file_write(f, file, number, e))
				return false;
			*ret_changed = true;
		}
		file->fresh = false;
		buf_done(&file->newest);
		buf_init(&file->newest, CRL_FILE_MAX);
	}
	return true;
}
