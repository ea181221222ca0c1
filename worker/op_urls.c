/* config/urls and config/crl: where certificates say that CA, CRL and OCSP are found, and how long a CRL is valid. */
#include "op.h"

#include "timespan.h"

/* ---- what stands in certificates ---- */

static bool
url_has(struct slice url, const char *part)
{
	return memmem(url.data, url.len, part, strlen(part)) != NULL;
}

static bool
urls_templated(struct slice_list list)
{
	for (size_t i = 0; i < list.count; i++)
		if (url_has(list.items[i], "{{"))
			return true;
	return false;
}

/* {{issuer}} is the issuer's id, {{shard}} the part of its CRL: there is one, 0. */
static struct slice
url_expand(struct slice url, struct slice issuer_id, struct arena *a)
{
	const struct {
		struct slice name, value;
	} parts[] = { { SLICE_LITERAL("{{issuer}}"), issuer_id },
		{ SLICE_LITERAL("{{shard}}"), SLICE_LITERAL("0") } };
	struct slice text = url;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const uint8_t *at;

		while ((at = memmem(text.data, text.len, parts[i].name.data, parts[i].name.len)) !=
		    NULL) {
			size_t before = (size_t)(at - text.data);
			size_t behind = text.len - before - parts[i].name.len;

			text = slice_text(arena_printf(a, "%.*s%.*s%.*s", (int)before,
			    (const char *)text.data, SLICE_FMT(parts[i].value), (int)behind,
			    (const char *)at + parts[i].name.len));
		}
	}
	return text;
}

static struct slice_list
urls_expand(struct slice_list list, struct slice issuer_id, struct arena *a)
{
	struct slice_list out = { NULL, 0 };

	if (!urls_templated(list))
		return list;
	out.items = arena_array(a, list.count, sizeof(struct slice));
	for (size_t i = 0; i < list.count; i++)
		if (issuer_id.data != NULL || !url_has(list.items[i], "{{issuer}}"))
			out.items[out.count++] = url_expand(list.items[i], issuer_id, a);
	return out;
}

struct certificate_urls
mount_urls(const struct catalog_mount *mount, struct slice issuer_id, struct arena *a)
{
	const struct urls_state *urls = &mount->urls;

	return (struct certificate_urls){
		.issuing_certificates = urls_expand(urls->issuing_certificates, issuer_id, a),
		.crl_distribution_points = urls_expand(urls->crl_distribution_points, issuer_id, a),
		.ocsp_servers = urls_expand(urls->ocsp_servers, issuer_id, a),
	};
}

/* ---- urls/write ---- */

static bool
scheme_valid(const uint8_t *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t c = text[i] | 0x20;
		bool letter = c >= 'a' && c <= 'z';
		bool other = (text[i] >= '0' && text[i] <= '9') || text[i] == '+' ||
		    text[i] == '-' || text[i] == '.';

		if (!letter && (i == 0 || !other))
			return false;
	}
	return len > 0;
}

/* RFC 3986: scheme "://" host, of the characters that an IA5String may hold and a URL does not quote. */
static bool
url_valid(struct slice url)
{
	const uint8_t *colon = memmem(url.data, url.len, "://", 3);
	const uint8_t *host = colon == NULL ? NULL : colon + 3;

	for (size_t i = 0; i < url.len; i++)
		if (url.data[i] <= ' ' || url.data[i] >= 0x7f || strchr("\"<>\\^`", url.data[i]))
			return false;
	return colon != NULL && scheme_valid(url.data, (size_t)(colon - url.data)) &&
	    host < url.data + url.len && strchr("/?#:", *host) == NULL;
}

/* No "{{" but the two that are known. */
static bool
template_valid(struct slice url)
{
	for (size_t i = 0; i + 1 < url.len; i++) {
		struct slice rest = slice_of(url.data + i, url.len - i);

		if (rest.data[0] != '{' || rest.data[1] != '{')
			continue;
		if (memmem(rest.data, rest.len, "{{issuer}}", 10) != rest.data &&
		    memmem(rest.data, rest.len, "{{shard}}", 9) != rest.data)
			return false;
		i++;
	}
	return true;
}

/* What was given replaces; what is absent stays. */
static MUST_USE bool
urls_take(struct slice_list given, const char *field, struct slice_list *list, struct err *e)
{
	if (given.items == NULL)
		return true;
	for (size_t i = 0; i < given.count; i++) {
		if (!url_valid(given.items[i]))
			return err_field(e, ERR_INVALID_VALUE, field,
			    "\"%.*s\" is no URL with scheme and host", SLICE_FMT(given.items[i]));
		if (!template_valid(given.items[i]))
			return err_field(e, ERR_INVALID_VALUE, field,
			    "\"%.*s\" holds a template other than {{issuer}} and {{shard}}",
			    SLICE_FMT(given.items[i]));
	}
	*list = given;
	return true;
}

bool
urls_write_decide(struct context *cx, struct request *rq, struct err *e)
{
	const struct urls_params *p = rq->params;
	const struct catalog_mount *mount;
	struct urls_state urls;

	if (!request_admit(cx, rq, &mount, e))
		return false;
	urls = mount->urls;
	urls.v = 1;
	if (!urls_take(
		p->issuing_certificates, "issuing_certificates", &urls.issuing_certificates, e) ||
	    !urls_take(p->crl_distribution_points, "crl_distribution_points",
		&urls.crl_distribution_points, e) ||
	    !urls_take(p->ocsp_servers, "ocsp_servers", &urls.ocsp_servers, e))
		return false;
	request_change(cx, rq, "urls", SLICE_NONE, &urls_state_schema, &urls);
	return true;
}

bool
urls_read_decide(struct context *cx, struct request *rq, struct err *e)
{
	const struct catalog_mount *mount;

	return request_admit(cx, rq, &mount, e);
}

bool
urls_read_answer(struct context *cx, struct request *rq, struct writer *data, struct err *e)
{
	const struct catalog_mount *mount = context_mount(cx, rq, e);
	struct urls_answer answer;

	if (mount == NULL)
		return false;
	answer = (struct urls_answer){ mount->urls.issuing_certificates,
		mount->urls.crl_distribution_points, mount->urls.ocsp_servers };
	schema_encode(&urls_answer_schema, &answer, data);
	return true;
}

/* ---- crl/write ---- */

#define CRL_EXPIRY_MIN ((int64_t)60)
#define CRL_EXPIRY_MAX ((int64_t)10 * 366 * 86400)

bool
crl_write_decide(struct context *cx, struct request *rq, struct err *e)
{
	const struct crl_params *p = rq->params;
	const struct crl_state state = { .v = 1, .expiry = p->expiry };
	const struct catalog_mount *mount;
	int64_t seconds;

	if (!request_admit(cx, rq, &mount, e) || !timespan_parse(p->expiry, "expiry", &seconds, e))
		return false;
	if (seconds < CRL_EXPIRY_MIN || seconds > CRL_EXPIRY_MAX)
		return err_field(e, ERR_OUT_OF_RANGE, "expiry",
		    "a CRL is valid for 60 seconds at least, and for ten years at most");
	request_change(cx, rq, "crl", SLICE_NONE, &crl_state_schema, &state);
	rq->outcome.rotate = mount->issuer != NULL && !rq->envelope.dry_run;
	return true;
}

bool
crl_config_read_decide(struct context *cx, struct request *rq, struct err *e)
{
	const struct catalog_mount *mount;

	return request_admit(cx, rq, &mount, e);
}

bool
crl_config_read_answer(struct context *cx, struct request *rq, struct writer *data, struct err *e)
{
	const struct catalog_mount *mount = context_mount(cx, rq, e);
	struct crl_config_answer answer;

	if (mount == NULL)
		return false;
	answer.expiry = mount->crl_expiry_text;
	schema_encode(&crl_config_answer_schema, &answer, data);
	return true;
}
