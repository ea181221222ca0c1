/* policy_identifiers -> certificatePolicies (RFC 5280 4.2.1.4), with the qualifiers cPSuri and userNotice. */
#include "der.h"
#include "name.h"
#include "oid.h"
#include "role.h"

#include <jansson.h>

#define NAME              "policy_identifiers"
#define POLICIES_DER_MAX  16384
#define NOTICE_CHARACTERS 200 /* RFC 5280 4.2.1.4: of explicitText */

/* id-qt 1 and 2 */
static const struct slice id_qt_cps = DER_BYTES("\x2b\x06\x01\x05\x05\x07\x02\x01");
static const struct slice id_qt_notice = DER_BYTES("\x2b\x06\x01\x05\x05\x07\x02\x02");

struct policy {
	struct slice oid;         /* content octets */
	struct slice cps, notice; /* absent: none */
};

struct policies {
	struct policy *items;
	size_t count;
	struct arena *arena;
};

static bool
refuse(struct slice text, const char *what, struct err *e)
{
	return err_field(
	    e, ERR_ROLE_INVALID, NAME, NAME " " NAME_QUOTED " %s", NAME_FMT(text), what);
}

/* ---- reading ---- */

static MUST_USE bool
policy_add(struct policies *p, struct slice text, struct policy policy, struct err *e)
{
	struct policy *items;

	if (!oid_parse(text_trim(text), p->arena, &policy.oid))
		return refuse(text, "is no OID", e);
	for (size_t i = 0; i < p->count; i++)
		if (slice_eq(p->items[i].oid, policy.oid))
			return refuse(text, "stands twice", e);
	items = arena_array(p->arena, p->count + 1, sizeof(*items));
	if (p->count > 0)
		memcpy(items, p->items, p->count * sizeof(*items));
	items[p->count++] = policy;
	p->items = items;
	return true;
}

/* A member that may be absent, null or blank. */
static MUST_USE bool
member_text(
    const json_t *object, const char *name, struct arena *a, struct slice *ret, struct err *e)
{
	const json_t *value = json_object_get(object, name);

	*ret = SLICE_NONE;
	if (value == NULL || json_is_null(value))
		return true;
	if (!json_is_string(value))
		return refuse(slice_text(name), "is no text", e);
	*ret = arena_copy(a, slice_of(json_string_value(value), json_string_length(value)));
	if (text_has_control(*ret))
		return refuse(*ret, "holds a control character", e);
	if (ret->len == 0)
		*ret = SLICE_NONE;
	return true;
}

static MUST_USE bool
object_read(struct policies *p, json_t *object, struct err *e)
{
	struct policy policy = { 0 };
	struct slice oid;
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value)
	{
		if (strcmp(name, "oid") != 0 && strcmp(name, "cps") != 0 &&
		    strcmp(name, "notice") != 0)
			return refuse(slice_text(name), "is none of oid, cps and notice", e);
	}
	if (!member_text(object, "oid", p->arena, &oid, e) ||
	    !member_text(object, "cps", p->arena, &policy.cps, e) ||
	    !member_text(object, "notice", p->arena, &policy.notice, e))
		return false;
	if (!name_is_ascii(policy.cps))
		return refuse(policy.cps, "is no URI", e);
	if (text_characters(policy.notice) > NOTICE_CHARACTERS)
		return refuse(policy.notice, "has more than 200 characters", e);
	return policy_add(p, oid, policy, e);
}

static MUST_USE bool
value_read(struct policies *p, json_t *value, struct err *e)
{
	if (json_is_string(value))
		return policy_add(p, slice_of(json_string_value(value), json_string_length(value)),
		    (struct policy){ 0 }, e);
	if (json_is_object(value))
		return object_read(p, value, e);
	return refuse(SLICE_LITERAL("[...]"), "holds what is neither text nor object", e);
}

static MUST_USE bool
json_read(struct policies *p, struct slice text, struct err *e)
{
	json_t *json = json_loadb(
	    (const char *)text.data, text.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	bool ok = json != NULL || refuse(text, "is no JSON", e);

	if (ok && json_is_array(json))
		for (size_t i = 0; ok && i < json_array_size(json); i++)
			ok = value_read(p, json_array_get(json, i), e);
	else if (ok)
		ok = value_read(p, json, e);
	json_decref(json);
	return ok;
}

/* ---- writing, from the end ---- */

static void
notice_write(struct der *d, struct slice notice)
{
	const uint8_t *mark = der_mark(d), *inside;

	inside = der_mark(d);
	der_tlv(d, DER_UTF8_STRING, notice);
	der_wrap(d, inside, DER_SEQUENCE);
	der_tlv(d, DER_OID, id_qt_notice);
	der_wrap(d, mark, DER_SEQUENCE);
}

static void
cps_write(struct der *d, struct slice cps)
{
	const uint8_t *mark = der_mark(d);

	der_tlv(d, DER_IA5_STRING, cps);
	der_tlv(d, DER_OID, id_qt_cps);
	der_wrap(d, mark, DER_SEQUENCE);
}

static void
policy_write(struct der *d, const struct policy *p)
{
	const uint8_t *mark = der_mark(d), *qualifiers = der_mark(d);

	if (p->cps.data != NULL)
		cps_write(d, p->cps);
	if (p->notice.data != NULL)
		notice_write(d, p->notice);
	if (p->cps.data != NULL || p->notice.data != NULL)
		der_wrap(d, qualifiers, DER_SEQUENCE);
	der_tlv(d, DER_OID, p->oid);
	der_wrap(d, mark, DER_SEQUENCE);
}

bool
policies_encode(
    const struct slice_list *identifiers, struct arena *a, struct slice *ret, struct err *e)
{
	uint8_t buffer[POLICIES_DER_MAX];
	struct policies p = { .arena = a };
	struct der d;
	const uint8_t *mark;

	*ret = SLICE_NONE;
	for (size_t i = 0; i < identifiers->count; i++) {
		struct slice text = text_trim(identifiers->items[i]);
		bool json = text.len > 0 && (text.data[0] == '{' || text.data[0] == '[');

		if (json ? !json_read(&p, text, e) : !policy_add(&p, text, (struct policy){ 0 }, e))
			return false;
	}
	if (p.count == 0)
		return true;
	der_init(&d, buffer, sizeof(buffer));
	mark = der_mark(&d);
	for (size_t i = p.count; i-- > 0;)
		policy_write(&d, &p.items[i]);
	der_wrap(&d, mark, DER_SEQUENCE);
	if (d.failed)
		return err_field(
		    e, ERR_ROLE_INVALID, NAME, NAME ": over %d octets in all", POLICIES_DER_MAX);
	*ret = arena_copy(a, der_slice(&d));
	return true;
}

struct slice_list
policies_oids(struct slice der, struct arena *a)
{
	struct slice_list list = { arena_array(a, der.len / 4 + 1, sizeof(struct slice)), 0 };
	struct der_reader outer = der_reader_of(der), all, one;
	struct slice oid, whole;

	if (der.data == NULL || !der_enter(&outer, DER_SEQUENCE, &all))
		return list;
	while (!der_reader_done(&all)) {
		if (!der_enter(&all, DER_SEQUENCE, &one) || !der_read(&one, DER_OID, &oid, &whole))
			break;
		list.items[list.count++] = oid;
	}
	return list;
}
