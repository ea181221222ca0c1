#include "follow_files.h"

#include "scoped.h"

#include <errno.h>
#include <fcntl.h>

#define BLOCK        65536
#define BUNDLE       "all.pem" /* no record's name: those have two dots more */
#define BUNDLE_BEGUN ".all.pem.new"

bool
crl_file_read(int dir, const char *name, const char *suffix, struct buf *out)
{
	char path[CRL_NAME_SIZE + 8];
	int SCOPED_FD fd = -1;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s%s", name, suffix);
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	for (;;) {
		uint8_t *room = buf_reserve(out, BLOCK);

		if (room == NULL)
			return false;
		n = read(fd, room, BLOCK);
		if (n <= 0)
			return n == 0;
		out->len += (size_t)n;
	}
}

static MUST_USE bool
write_all(int fd, struct slice bytes, const char *path, struct err *e)
{
	size_t done = 0;

	while (done < bytes.len) {
		ssize_t n = write(fd, bytes.data + done, bytes.len - done);

		if (n < 0 && errno != EINTR)
			return err_errno(e, path);
		done += n > 0 ? (size_t)n : 0;
	}
	return true;
}

static MUST_USE bool
file_begin(int dir, const char *temporary, int *ret, struct err *e)
{
	*ret = openat(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	return *ret >= 0 || err_errno(e, temporary);
}

static MUST_USE bool
file_end(int dir, int fd, const char *temporary, const char *path, struct err *e)
{
	if (fsync(fd) != 0 || renameat(dir, temporary, dir, path) != 0)
		return err_errno(e, path);
	return true;
}

bool
crl_file_replace(int dir, const char *name, const char *suffix, struct slice bytes, struct err *e)
{
	char path[CRL_NAME_SIZE + 8], temporary[CRL_NAME_SIZE + 16];
	int SCOPED_FD fd = -1;

	(void)snprintf(path, sizeof(path), "%s%s", name, suffix);
	(void)snprintf(temporary, sizeof(temporary), ".%s.new", path);
	return file_begin(dir, temporary, &fd, e) && write_all(fd, bytes, temporary, e) &&
	    file_end(dir, fd, temporary, path, e);
}

bool
crl_bundle_add(struct crl_bundle *b, const char *name, struct err *e)
{
	char path[CRL_NAME_SIZE + 8];
	uint8_t block[BLOCK];
	int SCOPED_FD from = -1;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s.pem", name);
	from = openat(b->dir, path, O_RDONLY | O_CLOEXEC);
	if (from < 0)
		return err_errno(e, path);
	if (b->fd < 0 && !file_begin(b->dir, BUNDLE_BEGUN, &b->fd, e))
		return false;
	while ((n = read(from, block, sizeof(block))) > 0)
		if (!write_all(b->fd, slice_of(block, (size_t)n), BUNDLE_BEGUN, e))
			return false;
	return n == 0 || err_errno(e, path);
}

bool
crl_bundle_end(struct crl_bundle *b, struct err *e)
{
	return file_end(b->dir, b->fd, BUNDLE_BEGUN, BUNDLE, e);
}

void
crl_bundle_done(struct crl_bundle *b)
{
	scoped_close(&b->fd);
}
