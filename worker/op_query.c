/* What is read from the view and from `.crl`: cert/read, cert/list, crl/read. */
#include "op.h"

#include "crl_owner.h"
#include "encode.h"
#include "scoped.h"
#include "serial.h"

#include <inttypes.h>

#define CRL_FRESH_TIMEOUT_MS 2000

typedef struct store_reply store_reply;

/* ---- the CRL ---- */

static MUST_USE bool
crl_find(struct context *cx, const struct catalog_mount *mount, struct arena *a,
    struct crl_book_entry *ret, struct err *e)
{
	const struct catalog_issuer *issuer = mount_issuer(mount, e);
	struct slice key;

	if (issuer == NULL)
		return false;
	key = slice_text(
	    arena_printf(cx->arena, "%.*s/%s/0", SLICE_FMT(mount->name), issuer->issuer->id));
	if (!crl_book_find(cx->crl_book, key, a, ret))
		return err_set(
		    e, ERR_NOT_FOUND, "mount \"%.*s\" has no CRL yet", SLICE_FMT(mount->name));
	return true;
}

/* What was answered before this was asked is in the book. */
static MUST_USE bool
crl_check(struct context *cx, const struct catalog_mount *mount, struct err *e)
{
	struct crl_book_entry entry;

	return crl_book_fresh(cx->crl_book, CRL_FRESH_TIMEOUT_MS, e) &&
	    crl_find(cx, mount, NULL, &entry, e);
}

bool
crl_read_decide(struct context *cx, struct request *rq, struct err *e)
{
	const struct read_params *params = rq->params;
	const struct catalog_mount *mount;
	enum answer_format format;

	return request_admit(cx, rq, &mount, e) && format_parse(params->format, &format, e) &&
	    crl_check(cx, mount, e);
}

bool
crl_read_answer(struct context *cx, struct request *rq, struct writer *data, struct err *e)
{
	const struct read_params *params = rq->params;
	const struct catalog_mount *mount = context_mount(cx, rq, e);
	struct crl_read_answer answer;
	struct crl_book_entry entry;
	enum answer_format format;

	if (mount == NULL || !format_parse(params->format, &format, e) ||
	    !crl_find(cx, mount, cx->arena, &entry, e))
		return false;
	answer = (struct crl_read_answer){ format_text(cx->arena, format, "X509 CRL", entry.der),
		entry.number, entry.this_update, entry.next_update };
	schema_encode(&crl_read_answer_schema, &answer, data);
	return true;
}

/* ---- cert/read ---- */

static bool
asks_for(const struct request *rq, const char *what)
{
	const struct cert_read_params *params = rq->params;

	return slice_is(params->serial, what);
}

struct slice
cert_read_lookup(const struct context *cx, const struct request *rq)
{
	const struct cert_read_params *params = rq->params;
	struct slice serial;
	struct err e = { 0 };

	if (asks_for(rq, "ca") || asks_for(rq, "crl") ||
	    !serial_parse_content(params->serial, "serial", cx->arena, &serial, &e))
		return SLICE_NONE;
	return redis_cert_key(cx->arena, rq->envelope.mount, serial);
}

bool
cert_read_decide(struct context *cx, struct request *rq, struct err *e)
{
	const struct cert_read_params *params = rq->params;
	const struct catalog_mount *mount;
	struct slice serial;

	if (!request_admit(cx, rq, &mount, e))
		return false;
	if (asks_for(rq, "ca"))
		return mount_issuer(mount, e) != NULL;
	if (asks_for(rq, "crl"))
		return crl_check(cx, mount, e);
	if (!serial_parse_content(params->serial, "serial", cx->arena, &serial, e))
		return false;
	if (rq->row.data == NULL && mount_ca_of_serial(mount, serial) == NULL)
		return err_field(e, ERR_UNKNOWN_SERIAL, "serial",
		    "mount \"%.*s\" knows no certificate of that serial number",
		    SLICE_FMT(mount->name));
	return true;
}

static MUST_USE bool
row_answer(struct context *cx, struct request *rq, struct cert_read_answer *ret, struct err *e)
{
	struct certificate_row row;

	if (!certificate_row_read(rq->row, cx->arena, &row, e))
		return false;
	*ret = (struct cert_read_answer){
		.certificate = format_text(
		    cx->arena, FORMAT_PEM, "CERTIFICATE", row.certificate.certificate),
		.serial_number = serial_text(cx->arena, row.certificate.serial, ':'),
		.revocation_time = row.is_revoked ? row.revoked.date : 0,
		.revocation_time_rfc3339 = row.is_revoked
		    ? rfc3339_text(cx->arena, row.revoked.date)
		    : SLICE_NONE,
	};
	return true;
}

static bool
ca_answer(struct context *cx, const struct issuer *ca, struct cert_read_answer *ret)
{
	ret->certificate = ca->pem;
	ret->serial_number = serial_text(cx->arena, ca->serial, ':');
	return true;
}

/* By its serial number: a certificate that was issued here, or a CA of the mount that was made elsewhere. */
static MUST_USE bool
serial_answer(struct context *cx, struct request *rq, const struct catalog_mount *mount,
    struct cert_read_answer *ret, struct err *e)
{
	const struct cert_read_params *params = rq->params;
	const struct issuer *ca;
	struct slice serial;

	if (rq->row.data != NULL)
		return row_answer(cx, rq, ret, e);
	if (!serial_parse_content(params->serial, "serial", cx->arena, &serial, e))
		return false;
	ca = mount_ca_of_serial(mount, serial);
	return ca != NULL && ca_answer(cx, ca, ret);
}

static MUST_USE bool
crl_answer(struct context *cx, const struct catalog_mount *mount, struct cert_read_answer *ret,
    struct err *e)
{
	struct crl_book_entry entry;

	if (!crl_find(cx, mount, cx->arena, &entry, e))
		return false;
	ret->certificate = format_text(cx->arena, FORMAT_PEM, "X509 CRL", entry.der);
	return true;
}

bool
cert_read_answer(struct context *cx, struct request *rq, struct writer *data, struct err *e)
{
	const struct catalog_mount *mount = context_mount(cx, rq, e);
	struct cert_read_answer answer = { .revocation_time = 0 };
	bool good;

	if (mount == NULL)
		return false;
	if (asks_for(rq, "ca"))
		good = mount_issuer(mount, e) != NULL &&
		    ca_answer(cx, mount->issuer->issuer, &answer);
	else if (asks_for(rq, "crl"))
		good = crl_answer(cx, mount, &answer, e);
	else
		good = serial_answer(cx, rq, mount, &answer, e);
	if (good)
		schema_encode(&cert_read_answer_schema, &answer, data);
	return good;
}

/* ---- cert/list ---- */

/*
 * A page of cm:idx, which is sorted by expiry and serial number. The page after a serial number begins at its rank, so that
 * pages are stable however many certificates expire in the same second.
 */
static MUST_USE bool
index_rank(struct context *cx, struct slice key, struct slice member, bool *ret_found,
    int64_t *ret_rank, struct err *e)
{
	const struct slice argv[] = { SLICE_LITERAL("ZRANK"), key, member };
	SCOPED(store_reply) reply = store_command(cx->store, argv, 3, e);

	if (reply == NULL)
		return false;
	*ret_found = !store_is_nil(reply);
	*ret_rank = store_integer(reply);
	return true;
}

/* How many have expired: they stand in front. */
static MUST_USE bool
index_expired(struct context *cx, struct slice key, int64_t *ret, struct err *e)
{
	const struct slice argv[] = { SLICE_LITERAL("ZCOUNT"), key, SLICE_LITERAL("-inf"),
		slice_text(arena_printf(cx->arena, "(%" PRId64, cx->now_ms / 1000)) };
	SCOPED(store_reply) reply = store_command(cx->store, argv, 4, e);

	if (reply == NULL)
		return false;
	*ret = store_integer(reply);
	return true;
}

/* Where the page begins: behind `after`, and behind what has expired. */
static MUST_USE bool
index_start(struct context *cx, struct slice key, struct slice after, int64_t *ret, struct err *e)
{
	struct slice serial;
	int64_t rank;
	bool found;

	if (!index_expired(cx, key, ret, e))
		return false;
	if (after.len == 0)
		return true;
	if (!serial_parse(after, "after", cx->arena, &serial, e) ||
	    !index_rank(cx, key, serial_text(cx->arena, serial, 0), &found, &rank, e))
		return false;
	if (found && rank + 1 > *ret)
		*ret = rank + 1;
	return true;
}

/* hex without separators -> with hyphens */
static struct slice
listed_serial(struct arena *a, struct slice hex)
{
	uint8_t octets[SERIAL_SIZE];
	size_t len;

	if (!hex_parse(hex, octets, sizeof(octets), &len))
		return arena_copy(a, hex);
	return serial_text(a, slice_of(octets, len), '-');
}

static MUST_USE bool
index_page(struct context *cx, struct slice key, int64_t start, int64_t limit,
    struct page_answer *ret, struct err *e)
{
	const struct slice argv[] = { SLICE_LITERAL("ZRANGE"), key,
		slice_text(arena_printf(cx->arena, "%" PRId64, start)),
		slice_text(arena_printf(cx->arena, "%" PRId64, start + limit)) };
	SCOPED(store_reply) reply = store_command(cx->store, argv, 4, e);
	size_t count;

	if (reply == NULL)
		return false;
	count = store_count(reply);
	ret->keys.count = count < (size_t)limit ? count : (size_t)limit;
	ret->keys.items = arena_array(cx->arena, ret->keys.count, sizeof(struct slice));
	for (size_t i = 0; i < ret->keys.count; i++)
		ret->keys.items[i] = listed_serial(cx->arena, store_text(store_item(reply, i)));
	if (count > ret->keys.count)
		ret->next = ret->keys.items[ret->keys.count - 1];
	return true;
}

/* Reads the page here, so that Redis' refusal is the request's; the answer is made of rq->row. */
bool
cert_list_decide(struct context *cx, struct request *rq, struct err *e)
{
	const struct page_params *params = rq->params;
	const struct catalog_mount *mount;
	struct page_answer answer = { .next = SLICE_NONE };
	struct buf b SCOPED_BUF = { 0 };
	struct writer w = { &b };
	struct slice key;
	int64_t start;

	if (!request_admit(cx, rq, &mount, e))
		return false;
	if (cx->store == NULL)
		return err_set(e, ERR_STORE, "Redis is not there");
	key = redis_index_key(cx->arena, mount->name);
	if (!index_start(cx, key, params->after, &start, e) ||
	    !index_page(cx, key, start, params->limit, &answer, e))
		return false;
	buf_init(&b, 256 * 1024);
	schema_encode(&page_answer_schema, &answer, &w);
	rq->row = arena_copy(cx->arena, buf_slice(&b));
	return true;
}

bool
cert_list_answer(struct context *cx, struct request *rq, struct writer *data, struct err *e)
{
	(void)cx;
	(void)e;
	writer_raw(data, rq->row);
	return true;
}
