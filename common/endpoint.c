#include "endpoint_internal.h"

#include "address.h"
#include "scoped.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>

#define CONNECTIONS_MAX 32
#define IDLE_S          5                   /* without a byte */
#define WHOLE_S         15                  /* from the first to the last byte of a connection */
#define MEMORY_MAX      ((size_t)16 * 1024) /* of a connection: what a request's head may have */

/* A connection that stands. */
struct guest {
	int socket;
	time_t since; /* monotonic; 0: the place is free */
};

struct endpoint {
	struct endpoint_spec spec;
	struct MHD_Daemon *daemon;
	pthread_mutex_t lock; /* of the guests */
	struct guest guests[CONNECTIONS_MAX];
};

/* ---- who is connected ---- */

static time_t
now_s(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + 1;
}

static void
guest_enter(struct endpoint *p, int socket)
{
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		if (p->guests[i].since == 0) {
			p->guests[i] = (struct guest){ socket, now_s() };
			return;
		}
}

static void
guest_leave(struct endpoint *p, int socket)
{
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		if (p->guests[i].since != 0 && p->guests[i].socket == socket)
			p->guests[i].since = 0;
}

/* Told before the socket is closed, so that the sweep never meets a number that is somebody else's by now. */
static void
on_connection(void *opaque, struct MHD_Connection *connection, void **context,
    enum MHD_ConnectionNotificationCode code)
{
	struct endpoint *p = opaque;
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	(void)context;
	pthread_mutex_lock(&p->lock);
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		guest_enter(p, info->connect_fd);
	else
		guest_leave(p, info->connect_fd);
	pthread_mutex_unlock(&p->lock);
}

void
endpoint_sweep(struct endpoint *p)
{
	time_t now = now_s();

	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		if (p->guests[i].since != 0 && now - p->guests[i].since > WHOLE_S)
			(void)shutdown(p->guests[i].socket, SHUT_RDWR);
	pthread_mutex_unlock(&p->lock);
}

/* ---- answers ---- */

/* The response copies the body. */
static enum MHD_Result
respond(struct MHD_Connection *c, unsigned status, const char *type, struct slice body)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(
	    body.len, (void *)(uintptr_t)body.data, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result;

	if (r == NULL)
		return MHD_NO;
	result = MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	if (result == MHD_YES)
		result = MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
	if (result == MHD_YES && status == MHD_HTTP_METHOD_NOT_ALLOWED)
		result = MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	if (result == MHD_YES)
		result = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return result;
}

static enum MHD_Result
respond_text(struct MHD_Connection *c, unsigned status, const char *text)
{
	return respond(c, status, "text/plain; charset=utf-8", slice_text(text));
}

static enum MHD_Result
answer_path(struct endpoint *p, struct MHD_Connection *c, const struct endpoint_path *path)
{
	struct buf body SCOPED_BUF;
	unsigned status;

	buf_init(&body, ENDPOINT_ANSWER_MAX);
	status = path->answer(p->spec.opaque, &body);
	if (body.failed)
		return respond_text(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "the answer is too large\n");
	return respond(c, status, path->type, buf_slice(&body));
}

static enum MHD_Result
on_request(void *opaque, struct MHD_Connection *c, const char *url, const char *method,
    const char *version, const char *data, size_t *size, void **context)
{
	struct endpoint *p = opaque;

	(void)version;
	(void)data;
	(void)context;
	if (*size > 0) /* a body: nobody asked for one */
		return MHD_NO;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return respond_text(c, MHD_HTTP_METHOD_NOT_ALLOWED, "GET or HEAD\n");
	for (size_t i = 0; i < p->spec.path_count; i++)
		if (strcmp(url, p->spec.paths[i].path) == 0)
			return answer_path(p, c, &p->spec.paths[i]);
	return respond_text(c, MHD_HTTP_NOT_FOUND, "there is nothing here\n");
}

/* ---- life ---- */

static MUST_USE bool
listen_split(const char *listen, struct address *ret, struct err *e)
{
	char loopback[32];

	if (listen[strspn(listen, "0123456789")] == '\0' && strlen(listen) <= 5) {
		(void)snprintf(loopback, sizeof(loopback), "127.0.0.1:%.5s", listen);
		listen = loopback;
	}
	return address_split(listen, ret) ||
	    err_set(e, ERR_CONFIG, "\"%.100s\" is neither address:port nor a port", listen);
}

bool
endpoint_resolve(const char *listen, struct addrinfo **ret, struct err *e)
{
	const struct addrinfo wanted = { .ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE };
	struct address at;
	char port[8];

	if (!listen_split(listen, &at, e))
		return false;
	(void)snprintf(port, sizeof(port), "%u", at.port);
	if (getaddrinfo(at.host, port, &wanted, ret) != 0)
		return err_set(e, ERR_CONFIG, "\"%.100s\" is no IP address", at.host);
	return true;
}

bool
endpoint_listen_valid(const char *listen, struct err *e)
{
	struct addrinfo *at;

	if (!endpoint_resolve(listen, &at, e))
		return false;
	freeaddrinfo(at);
	return true;
}

static MUST_USE bool
daemon_start(struct endpoint *p, const struct addrinfo *at, struct err *e)
{
	unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL;

	if (at->ai_family == AF_INET6)
		flags |= MHD_USE_IPv6;
	errno = 0;
	p->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, p, MHD_OPTION_SOCK_ADDR,
	    at->ai_addr, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	    MEMORY_MAX, MHD_OPTION_NOTIFY_CONNECTION, on_connection, p, MHD_OPTION_END);
	return p->daemon != NULL ||
	    err_set(e, ERR_CONFIG, "cannot listen on %s: %s", p->spec.listen,
		errno == 0 ? "the address is not to be had" : strerror(errno));
}

struct endpoint *
endpoint_start(const struct endpoint_spec *spec, struct err *e)
{
	struct endpoint *p = calloc(1, sizeof(*p));
	struct addrinfo *at;
	bool good;

	if (p == NULL || pthread_mutex_init(&p->lock, NULL) != 0)
		abort();
	p->spec = *spec;
	good = endpoint_resolve(spec->listen, &at, e);
	if (good) {
		good = daemon_start(p, at, e);
		freeaddrinfo(at);
	}
	if (good)
		return p;
	endpoint_stop(p);
	return NULL;
}

uint16_t
endpoint_port(const struct endpoint *p)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(
	    p->daemon, MHD_DAEMON_INFO_BIND_PORT);

	return info == NULL ? 0 : info->port;
}

void
endpoint_stop(struct endpoint *p)
{
	if (p == NULL)
		return;
	if (p->daemon != NULL)
		MHD_stop_daemon(p->daemon);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
