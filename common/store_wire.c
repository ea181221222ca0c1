#include "store_internal.h"

#include "address.h"
#include "scoped.h"

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#define KEEPALIVE_IDLE_S     15
#define KEEPALIVE_INTERVAL_S 5
#define KEEPALIVE_PROBES     3

struct wire {
	int fd;
	SSL *ssl;   /* NULL: in clear */
	bool heard; /* something of the server */
	int64_t timeout_ms;
};

/* ---- errors ---- */

static bool
socket_fail(const struct wire *w, const char *what, struct err *e)
{
	/* a wait that SO_RCVTIMEO or SO_SNDTIMEO ended; of connect it is EINPROGRESS */
	if (errno == EAGAIN || errno == EINPROGRESS)
		return err_set(e, ERR_STORE, "Redis: %s: no answer within %lld ms", what,
		    (long long)w->timeout_ms);
	return err_set(e, ERR_STORE, "Redis: %s: %s", what, strerrordesc_np(errno));
}

/* ---- life ---- */

static MUST_USE bool
option_set(const struct wire *w, int level, int name, int value, struct err *e)
{
	return setsockopt(w->fd, level, name, &value, sizeof(value)) == 0 ||
	    socket_fail(w, "socket option", e);
}

static MUST_USE bool
socket_new(struct wire *w, int family, struct err *e)
{
	const struct timeval wait = { .tv_sec = w->timeout_ms / 1000,
		.tv_usec = w->timeout_ms % 1000 * 1000 };

	w->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (w->fd < 0 || setsockopt(w->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) != 0 ||
	    setsockopt(w->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) != 0)
		return socket_fail(w, "socket", e);
	if (family == AF_UNIX)
		return true;
	return option_set(w, SOL_SOCKET, SO_KEEPALIVE, 1, e) &&
	    option_set(w, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S, e) &&
	    option_set(w, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S, e) &&
	    option_set(w, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES, e) &&
	    option_set(w, IPPROTO_TCP, TCP_NODELAY, 1, e);
}

static MUST_USE bool
unix_connect(struct wire *w, const char *path, struct err *e)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(to.sun_path))
		return err_set(e, ERR_CONFIG, "redis.address: the path of a socket is too long");
	memcpy(to.sun_path, path, strlen(path));
	if (!socket_new(w, AF_UNIX, e))
		return false;
	return connect(w->fd, (const struct sockaddr *)&to, sizeof(to)) == 0 ||
	    socket_fail(w, path, e);
}

static MUST_USE bool
found_connect(struct wire *w, const struct addrinfo *found, const char *address, struct err *e)
{
	bool done = false;

	for (const struct addrinfo *at = found; at != NULL && !done; at = at->ai_next) {
		if (w->fd >= 0)
			close(w->fd);
		w->fd = -1;
		done = socket_new(w, at->ai_family, e) &&
		    (connect(w->fd, at->ai_addr, at->ai_addrlen) == 0 ||
			socket_fail(w, address, e));
	}
	return done;
}

static MUST_USE bool
tcp_connect(struct wire *w, const char *address, const struct store_tls *tls, struct err *e)
{
	const struct addrinfo wanted = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	struct address at;
	char port[6];
	int why;
	bool done;

	if (!address_split(address, &at) || at.port == 0)
		return err_set(
		    e, ERR_CONFIG, "redis.address: neither host:port nor a socket's absolute path");
	(void)snprintf(port, sizeof(port), "%" PRIu16, at.port);
	why = getaddrinfo(at.host, port, &wanted, &found);
	if (why != 0)
		return err_set(e, ERR_STORE, "Redis: %s: %s", address, gai_strerror(why));
	done = found_connect(w, found, address, e);
	freeaddrinfo(found);
	if (!done || tls == NULL)
		return done;
	w->ssl = tls_connect(tls, w->fd, at.host, e);
	return w->ssl != NULL;
}

struct wire *
wire_open(const char *address, const struct store_tls *tls, int64_t timeout_ms, struct err *e)
{
	struct wire *w = calloc(1, sizeof(*w));

	if (w == NULL)
		abort();
	w->fd = -1;
	w->timeout_ms = timeout_ms;
	if (address[0] == '/' ? unix_connect(w, address, e) : tcp_connect(w, address, tls, e))
		return w;
	wire_close(w);
	return NULL;
}

void
wire_close(struct wire *w)
{
	if (w == NULL)
		return;
	SSL_free(w->ssl);
	if (w->fd >= 0)
		close(w->fd);
	free(w);
}

/* ---- bytes ---- */

static MUST_USE bool
tls_write(struct wire *w, struct slice bytes, struct err *e)
{
	uint8_t byte;
	size_t written;
	int result;

	ERR_clear_error();
	result = SSL_write_ex(w->ssl, bytes.data, bytes.len, &written);
	if (result == 1)
		return true;
	if (SSL_get_error(w->ssl, result) == SSL_ERROR_WANT_WRITE)
		return socket_fail(w, "write", e);
	/* with TLS 1.3 a certificate is refused behind the handshake: why lies there to be read, not behind the
	 * write's own error */
	ERR_clear_error();
	if (SSL_read_ex(w->ssl, &byte, 1, &written) == 1)
		return err_set(e, ERR_STORE, "Redis: write: the connection was lost");
	return tls_fail(w->ssl, 0, "write", e);
}

bool
wire_write(struct wire *w, struct slice bytes, struct err *e)
{
	if (w->ssl != NULL)
		return bytes.len == 0 || tls_write(w, bytes, e);
	while (bytes.len > 0) {
		ssize_t n = send(w->fd, bytes.data, bytes.len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return socket_fail(w, "write", e);
		bytes = slice_of(bytes.data + n, bytes.len - (size_t)n);
	}
	return true;
}

static MUST_USE bool
tls_read(struct wire *w, uint8_t *to, size_t size, size_t *ret_len, struct err *e)
{
	int result;

	ERR_clear_error();
	result = SSL_read_ex(w->ssl, to, size, ret_len);
	if (result == 1)
		return true;
	if (SSL_get_error(w->ssl, result) == SSL_ERROR_WANT_READ)
		return socket_fail(w, "read", e);
	return tls_fail(w->ssl, result, "read", e);
}

/* What a server that speaks TLS does to one that does not. */
static bool
closed_fail(const struct wire *w, struct err *e)
{
	return err_set(e, ERR_STORE, "Redis: read: the server closed the connection%s",
	    w->heard ? "" : " before it said anything (does Redis want redis.tls?)");
}

bool
wire_read(struct wire *w, uint8_t *to, size_t size, size_t *ret_len, struct err *e)
{
	ssize_t n;

	if (w->ssl != NULL)
		return tls_read(w, to, size, ret_len, e);
	do
		n = recv(w->fd, to, size, 0);
	while (n < 0 && errno == EINTR);
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return closed_fail(w, e);
	if (n < 0)
		return socket_fail(w, "read", e);
	w->heard = true;
	*ret_len = (size_t)n;
	return true;
}
