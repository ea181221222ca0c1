#include "decision.h"

#include "policy_names.h"
#include "warnings.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#define COMMON_NAME_UPPER_BOUND 64 /* RFC 5280 A.1: ub-common-name, in characters */
#define WARNING_MAX             240

bool
decision_run(struct decision *d, const struct rule *rules, size_t count, struct err *e)
{
	for (size_t i = 0; i < count; i++)
		if (!rules[i].apply(d, e))
			return false;
	return true;
}

void
decision_warn(struct decision *d, const char *code, const char *fmt, ...)
{
	struct template *t = d->ret;
	char text[WARNING_MAX];
	va_list args;

	for (size_t i = 0; i < t->warning_count; i++)
		if (strcmp(t->warnings[i].code, code) == 0)
			return;
	assert(warning_known(code) && t->warning_count < TEMPLATE_WARNINGS_MAX);
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	t->warnings[t->warning_count++] = (struct warning){ .code = code,
		.message = arena_copy(d->arena, slice_text(text)) };
}

/* Names are compared without regard to case, so a duplicate is one too. */
static void
san_add(struct decision *d, struct slice_list *list, struct slice name)
{
	for (size_t i = 0; i < list->count; i++)
		if (name_equal(list->items[i], name))
			return;
	if (list->items ==
	    NULL) /* room for all that can come: the common name and every alternative one */
		list->items = arena_array(
		    d->arena, d->request->alt_names.count + 1, sizeof(list->items[0]));
	list->items[list->count++] = name;
}

static bool
take_name(struct decision *d, struct slice text, const char *field, struct name *ret, struct err *e)
{
	const struct asker asker = {
		.role = d->role, .display_name = d->display_name, .arena = d->arena
	};

	if (!name_parse(text, field, d->arena, ret, e) || !name_allowed(&asker, ret, field, e))
		return false;
	if (ret->kind == NAME_EMAIL)
		san_add(d, &d->ret->emails, ret->ascii);
	else if (ret->hostname)
		san_add(d, &d->ret->dns, ret->ascii);
	return true;
}

size_t
count_characters(struct slice utf8)
{
	size_t n = 0;

	for (size_t i = 0; i < utf8.len; i++)
		n += (utf8.data[i] & 0xc0) != 0x80;
	return n;
}

bool
rule_common_name(struct decision *d, struct err *e)
{
	bool in_csr = d->csr != NULL && d->csr->common_name.len > 0;
	bool from_csr = in_csr && d->role->use_csr_common_name;
	struct slice text = from_csr ? d->csr->common_name : d->request->common_name;
	struct name name;
	size_t characters;

	if (text.len == 0)
		return err_field(e, ERR_MISSING_FIELD, "common_name", "common_name is required%s",
		    in_csr
			? ": the CSR's is not taken, because the role has use_csr_common_name off"
			: "");
	if (!take_name(d, text, from_csr ? "csr" : "common_name", &name, e))
		return false;
	d->ret->common_name = text;
	characters = count_characters(text);
	if (characters > COMMON_NAME_UPPER_BOUND)
		decision_warn(d, "common_name_too_long",
		    "the common name has %zu characters, and RFC 5280 allows %d: some programs refuse the certificate",
		    characters, COMMON_NAME_UPPER_BOUND);
	return true;
}

static struct slice
trim(struct slice s)
{
	while (s.len > 0 && s.data[0] == ' ')
		s = slice_of(s.data + 1, s.len - 1);
	while (s.len > 0 && s.data[s.len - 1] == ' ')
		s.len--;
	return s;
}

/* 4 or 16 octets; an IPv4 address in IPv6's clothes becomes what it is. *ret_len 0: no address */
static void
parse_ip(struct slice text, uint8_t ret[static 16], size_t *ret_len)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	char c[INET6_ADDRSTRLEN + 1];

	*ret_len = 0;
	if (text.len >= sizeof(c) || memchr(text.data, '\0', text.len) != NULL)
		return;
	memcpy(c, text.data, text.len);
	c[text.len] = '\0';
	if (inet_pton(AF_INET, c, ret) == 1) {
		*ret_len = 4;
	} else if (inet_pton(AF_INET6, c, ret) == 1) {
		*ret_len = 16;
		if (memcmp(ret, mapped, sizeof(mapped)) == 0) {
			memmove(ret, ret + sizeof(mapped), 4);
			*ret_len = 4;
		}
	}
}

static bool
take_alt_name(struct decision *d, struct slice text, struct err *e)
{
	static const char field[] = "alt_names";
	uint8_t ip[16];
	size_t ip_len;
	struct name name;

	parse_ip(text, ip, &ip_len);
	if (!take_name(d, text, field, &name, e))
		return false;
	if (name.kind == NAME_DNS && !name.hostname)
		return err_field(e, ERR_INVALID_VALUE, field,
		    "%s " NAME_QUOTED " is neither a host name nor an e-mail address%s", field,
		    NAME_FMT(text), ip_len != 0 ? ": addresses go into ip_sans" : "");
	if (ip_len != 0)
		decision_warn(d, "ip_in_alt_names",
		    "%.*s stands in alt_names and became a DNS name: programs look for addresses in ip_sans",
		    SLICE_FMT(text));
	return true;
}

bool
rule_alt_names(struct decision *d, struct err *e)
{
	const struct slice_list *names = &d->request->alt_names;

	for (size_t i = 0; i < names->count; i++) {
		struct slice text = trim(names->items[i]);

		if (text.len > 0 && !take_alt_name(d, text, e))
			return false;
	}
	return true;
}

static void
ip_add(struct decision *d, struct slice_list *ips, struct slice ip)
{
	for (size_t i = 0; i < ips->count; i++)
		if (slice_eq(ips->items[i], ip))
			return;
	if (ips->items == NULL)
		ips->items = arena_array(
		    d->arena, d->request->ip_sans.count, sizeof(ips->items[0]));
	ips->items[ips->count++] = arena_copy(d->arena, ip);
}

bool
rule_ip_sans(struct decision *d, struct err *e)
{
	static const char field[] = "ip_sans";
	const struct slice_list *texts = &d->request->ip_sans;
	struct slice_list *ips = &d->ret->ips;

	for (size_t i = 0; i < texts->count; i++) {
		struct slice text = trim(texts->items[i]);
		uint8_t ip[16];
		size_t len;

		if (text.len == 0)
			continue;
		if (!d->role->allow_ip_sans)
			return err_field(e, ERR_IP_NOT_ALLOWED, field,
			    "%s " NAME_QUOTED " is not allowed: the role has allow_ip_sans off",
			    field, NAME_FMT(text));
		parse_ip(text, ip, &len);
		if (len == 0)
			return err_field(e, ERR_INVALID_VALUE, field,
			    "%s " NAME_QUOTED " is no IPv4 or IPv6 address", field, NAME_FMT(text));
		ip_add(d, ips, slice_of(ip, len));
	}
	return true;
}

bool
rule_validity(struct decision *d, struct err *e)
{
	struct validity v;

	if (!validity_decide(&d->validity, &v, e))
		return false;
	d->ret->not_before = v.not_before;
	d->ret->not_after = v.not_after;
	if (v.capped_to != 0)
		decision_warn(d, "ttl_capped_to_max_ttl",
		    "a ttl of %lld seconds is over the maximum: the certificate gets %lld",
		    (long long)v.wanted, (long long)v.capped_to);
	if (v.truncated)
		decision_warn(d, "ttl_truncated_to_issuer",
		    "the certificate ends with its CA, after %lld seconds",
		    (long long)(v.not_after - d->validity.now));
	return true;
}
