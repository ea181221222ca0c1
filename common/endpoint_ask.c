/* The endpoint's own client: for health checks where there is no shell and no other program. */
#include "endpoint_internal.h"

#include "address.h"
#include "scoped.h"
#include "timespan.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#define HEAD_END "\r\n\r\n"

/* Waits until the socket is ready for it, no longer than until the end. */
static MUST_USE bool
socket_wait(int fd, short what, int64_t end_us, struct err *e)
{
	struct pollfd p = { .fd = fd, .events = what };
	int64_t left_ms = (end_us - time_monotonic_us()) / 1000;
	int ready = left_ms <= 0 ? 0 : poll(&p, 1, (int)left_ms);

	if (ready < 0)
		return err_errno(e, "poll");
	return ready > 0 || err_set(e, ERR_TIMEOUT, "no answer in time");
}

static MUST_USE bool
socket_connect(int fd, const struct addrinfo *at, int64_t end_us, struct err *e)
{
	int failed = 0;
	socklen_t size = sizeof(failed);

	if (connect(fd, at->ai_addr, at->ai_addrlen) == 0)
		return true;
	if (errno != EINPROGRESS)
		return err_errno(e, "connect");
	if (!socket_wait(fd, POLLOUT, end_us, e))
		return false;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size) != 0)
		return err_errno(e, "getsockopt");
	errno = failed;
	return failed == 0 || err_errno(e, "connect");
}

static MUST_USE bool
request_send(int fd, const char *path, int64_t end_us, struct err *e)
{
	struct buf text SCOPED_BUF;
	size_t sent = 0;

	buf_init(&text, 4096);
	buf_printf(&text, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
	while (sent < text.len) {
		ssize_t n;

		if (!socket_wait(fd, POLLOUT, end_us, e))
			return false;
		n = send(fd, text.data + sent, text.len - sent, MSG_NOSIGNAL);
		if (n < 0)
			return err_errno(e, "send");
		sent += (size_t)n;
	}
	return true;
}

/* To the end of the connection, which is the end of the answer. */
static MUST_USE bool
answer_receive(int fd, struct buf *whole, int64_t end_us, struct err *e)
{
	char piece[4096];
	ssize_t n;

	do {
		if (!socket_wait(fd, POLLIN, end_us, e))
			return false;
		n = recv(fd, piece, sizeof(piece), 0);
		if (n < 0)
			return err_errno(e, "recv");
		buf_add(whole, piece, (size_t)n);
	} while (n > 0);
	return !whole->failed || err_set(e, ERR_MALFORMED, "the answer is too large");
}

static MUST_USE bool
answer_read(struct slice whole, unsigned *ret_status, struct buf *out, struct err *e)
{
	const uint8_t *end = memmem(whole.data, whole.len, HEAD_END, sizeof(HEAD_END) - 1);
	char status[4] = "";

	if (end == NULL || whole.len < sizeof("HTTP/1.1 200") ||
	    memcmp(whole.data, "HTTP/1.", 7) != 0)
		return err_set(e, ERR_MALFORMED, "the answer is not HTTP");
	memcpy(status, whole.data + 9, 3);
	*ret_status = (unsigned)strtoul(status, NULL, 10);
	end += sizeof(HEAD_END) - 1;
	buf_add(out, end, whole.len - (size_t)(end - whole.data));
	return true;
}

static MUST_USE bool
exchange(const struct addrinfo *at, const char *path, int64_t end_us, struct buf *ret_whole,
    struct err *e)
{
	int fd SCOPED_FD = socket(
	    at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);

	if (fd < 0)
		return err_errno(e, "socket");
	return socket_connect(fd, at, end_us, e) && request_send(fd, path, end_us, e) &&
	    answer_receive(fd, ret_whole, end_us, e);
}

bool
endpoint_ask(const char *listen, const char *path, int timeout_ms, unsigned *ret_status,
    struct buf *out, struct err *e)
{
	int64_t end_us = time_monotonic_us() + (int64_t)timeout_ms * 1000;
	struct buf whole SCOPED_BUF;
	struct addrinfo *at;
	bool good;

	buf_init(&whole, ENDPOINT_ANSWER_MAX + 4096);
	if (!endpoint_resolve(listen, &at, e))
		return false;
	good = exchange(at, path, end_us, &whole, e);
	freeaddrinfo(at);
	return good && answer_read(buf_slice(&whole), ret_status, out, e);
}
