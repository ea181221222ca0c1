/* The engine of rules, and the names: common name, host names and e-mail addresses. */
#include "decision.h"

#include "policy_names.h"
#include "warnings.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#define COMMON_NAME_UPPER_BOUND 64 /* RFC 5280 A.1: ub-common-name, in characters */
#define WARNING_MAX             240

struct validity_input
decision_validity(const struct policy_input *in, const struct role *role)
{
	return (struct validity_input){ .asked = in->request->ttl,
		.role_ttl = role->ttl,
		.role_max_ttl = role->max_ttl,
		.mount_default_ttl = in->mount_default_ttl,
		.mount_max_ttl = in->mount_max_ttl,
		.issuer_not_before = in->issuer_not_before,
		.issuer_not_after = in->issuer_not_after,
		.outlive = in->outlive,
		.not_before_duration = role->not_before_duration,
		.now = in->now };
}

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

bool
decision_csr_sans(const struct decision *d)
{
	return d->csr != NULL && d->role->use_csr_sans;
}

void
decision_add(struct decision *d, struct slice_list *list, size_t room, struct slice item)
{
	if (list->items == NULL)
		list->items = arena_array(d->arena, room, sizeof(list->items[0]));
	assert(list->count < room);
	list->items[list->count++] = item;
}

/* Names are compared without regard to case, so a duplicate is one too. */
static void
san_add(struct decision *d, struct slice_list *list, struct slice name)
{
	size_t names = decision_csr_sans(d) ? d->csr->dns.count + d->csr->emails.count
					    : d->request->alt_names.count;

	for (size_t i = 0; i < list->count; i++)
		if (name_equal(list->items[i], name))
			return;
	decision_add(d, list, names + 1, name); /* all that can come, and the common name */
}

static void
san_add_name(struct decision *d, const struct name *name)
{
	if (name->kind == NAME_EMAIL)
		san_add(d, &d->ret->emails, name->ascii);
	else if (name->hostname)
		san_add(d, &d->ret->dns, name->ascii);
}

static MUST_USE bool
check_name(struct decision *d, const struct name *name, const char *field, struct err *e)
{
	const struct asker asker = {
		.rules = d->rules, .role = d->role, .identity = d->identity, .arena = d->arena
	};

	return name_allowed(&asker, name, field, e);
}

/* ---- the common name ---- */

static MUST_USE bool
check_cn_kind(const struct decision *d, const struct name *name, const char *field, struct err *e)
{
	bool email = name->kind == NAME_EMAIL;

	if (email ? d->rules->allow_email : d->rules->allow_hostname)
		return true;
	return err_field(e, ERR_NAME_NOT_ALLOWED, field,
	    "%s " NAME_QUOTED " is not allowed by the role: its cn_validations have no %s", field,
	    NAME_FMT(name->text), email ? "email" : "hostname");
}

/* Where the role leaves common names unchecked, the copy among the alternative names is checked still. */
static MUST_USE bool
take_common_name(struct decision *d, struct slice text, const char *field, struct err *e)
{
	bool copied = !d->request->exclude_cn_from_sans, checked = !d->rules->unchecked_cn;
	struct name name;

	if (text_has_control(text) || text.len > DECISION_CN_MAX)
		return err_field(e, ERR_INVALID_VALUE, field,
		    "%s " NAME_QUOTED " holds a control character, or over %d octets", field,
		    NAME_FMT(text), DECISION_CN_MAX);
	if (!checked && !copied)
		return true;
	if (!name_parse(text, field, d->arena, &name, e))
		return false;
	copied = copied && (name.kind == NAME_EMAIL || name.hostname);
	if ((checked || copied) && !check_name(d, &name, field, e))
		return false;
	if (checked && !check_cn_kind(d, &name, field, e))
		return false;
	if (copied)
		san_add_name(d, &name);
	return true;
}

static MUST_USE bool
no_common_name(const struct decision *d, bool in_csr, struct err *e)
{
	if (!d->role->require_cn)
		return true;
	return err_field(e, ERR_MISSING_FIELD, "common_name", "common_name is required%s",
	    in_csr ? ": the CSR's is not taken, because the role has use_csr_common_name off" : "");
}

bool
rule_common_name(struct decision *d, struct err *e)
{
	bool in_csr = d->csr != NULL && d->csr->common_name.len > 0;
	bool from_csr = in_csr && d->role->use_csr_common_name;
	struct slice asked = d->request->common_name;
	struct slice text = from_csr ? d->csr->common_name : asked;
	size_t characters;

	if (text.len == 0)
		return no_common_name(d, in_csr, e);
	if (!take_common_name(d, text, from_csr ? "csr" : "common_name", e))
		return false;
	d->ret->common_name = text;
	if (from_csr && asked.len > 0 && !slice_eq(asked, text))
		decision_warn(d, "common_name_ignored",
		    "the request's common name is not used: the CSR's is");
	characters = text_characters(text);
	if (characters > COMMON_NAME_UPPER_BOUND)
		decision_warn(d, "common_name_too_long",
		    "the common name has %zu characters, and RFC 5280 allows %d: some programs refuse the certificate",
		    characters, COMMON_NAME_UPPER_BOUND);
	return true;
}

/* ---- alternative names ---- */

static MUST_USE bool
take_alt_name(struct decision *d, struct slice text, const char *field, struct err *e)
{
	struct ip ip;
	bool is_ip = ip_parse(text, &ip);
	struct name name;

	if (!name_parse(text, field, d->arena, &name, e) || !check_name(d, &name, field, e))
		return false;
	if (name.kind == NAME_DNS && !name.hostname)
		return err_field(e, ERR_INVALID_VALUE, field,
		    "%s " NAME_QUOTED " is neither a host name nor an e-mail address%s", field,
		    NAME_FMT(text), is_ip ? ": addresses go into ip_sans" : "");
	if (is_ip)
		decision_warn(d, "ip_in_alt_names",
		    "%.*s stands in alt_names and became a DNS name: programs look for addresses in ip_sans",
		    SLICE_FMT(text));
	san_add_name(d, &name);
	return true;
}

/* A CSR's names are IA5 and are what they say: a DNS name with an '@', or an address without, is none. */
static MUST_USE bool
take_csr_names(struct decision *d, const struct slice_list *names, bool emails, struct err *e)
{
	for (size_t i = 0; i < names->count; i++) {
		struct slice text = names->items[i];
		bool at = text.len > 0 && memchr(text.data, '@', text.len) != NULL;

		if (at != emails || !name_is_ascii(text))
			return err_field(e, ERR_INVALID_VALUE, "csr",
			    "the CSR's alternative name " NAME_QUOTED " is no %s", NAME_FMT(text),
			    emails ? "e-mail address" : "DNS name");
		if (!take_alt_name(d, text, "csr", e))
			return false;
	}
	return true;
}

static MUST_USE bool
csr_names(struct decision *d, struct err *e)
{
	const struct csr *csr = d->csr;
	size_t names = csr->dns.count + csr->emails.count + csr->ips.count + csr->uris.count +
	    csr->others.count;

	if (names > DECISION_NAMES_MAX)
		return err_field(e, ERR_OUT_OF_RANGE, "csr",
		    "the CSR has %zu alternative names, %d are allowed", names, DECISION_NAMES_MAX);
	if (d->request->alt_names.count + d->request->ip_sans.count + d->request->uri_sans.count >
	    0)
		decision_warn(d, "request_sans_ignored",
		    "alt_names, ip_sans and uri_sans of the request are not used: the role takes the CSR's");
	return take_csr_names(d, &csr->dns, false, e) && take_csr_names(d, &csr->emails, true, e);
}

bool
rule_alt_names(struct decision *d, struct err *e)
{
	const struct slice_list *names = &d->request->alt_names;

	if (decision_csr_sans(d))
		return csr_names(d, e);
	for (size_t i = 0; i < names->count; i++) {
		struct slice text = text_trim(names->items[i]);

		if (text.len > 0 && !take_alt_name(d, text, "alt_names", e))
			return false;
	}
	return true;
}
