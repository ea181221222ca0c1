#include "policy_json.h"

#include "key.h"
#include "timespan.h"

#include <arpa/inet.h>
#include <string.h>

#define OBJECT_MAX (4 * 1024 * 1024)

static bool
schema_knows(const struct schema *s, const char *name)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->fields[i].name, name) == 0)
			return true;
	return false;
}

static bool
is_neutral(const struct neutral *neutral, const char *name, const json_t *value)
{
	for (; neutral != NULL && neutral->field != NULL; neutral++) {
		json_t *excused;
		bool same;

		if (strcmp(neutral->field, name) != 0)
			continue;
		if (neutral->json == NULL)
			return true;
		excused = json_loads(neutral->json, JSON_DECODE_ANY, NULL);
		same = json_equal(excused, value);
		json_decref(excused);
		if (same)
			return true;
	}
	return false;
}

const char *
json_unknown_field(json_t *object, const struct schema *s, const struct neutral *neutral)
{
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value) if (!json_is_null(value) &&
	    !schema_knows(s, name) && !is_neutral(neutral, name, value)) return name;
	return NULL;
}

struct slice
json_slice(const json_t *string)
{
	return json_is_string(string)
	    ? slice_of(json_string_value(string), json_string_length(string))
	    : SLICE_NONE;
}

struct slice_list
json_slices(const json_t *array, struct arena *a)
{
	size_t count = json_array_size(array);
	struct slice_list list = { arena_array(a, count + 1, sizeof(struct slice)), count };

	for (size_t i = 0; i < count; i++)
		list.items[i] = json_slice(json_array_get(array, i));
	return list;
}

static bool
is_given(const json_t *value)
{
	return value != NULL && !json_is_null(value);
}

/* What no table takes (a map, a number with a point, a list in a list) becomes nil, which is the wrong type, too. */
static void
pack_scalar(const json_t *value, struct writer *w)
{
	if (json_is_string(value))
		writer_text(w, json_slice(value));
	else if (json_is_integer(value))
		writer_int(w, json_integer_value(value));
	else if (json_is_boolean(value))
		writer_bool(w, json_is_true(value));
	else
		writer_nil(w);
}

static void
pack(const json_t *value, struct writer *w)
{
	if (!json_is_array(value)) {
		pack_scalar(value, w);
		return;
	}
	writer_array(w, json_array_size(value));
	for (size_t i = 0; i < json_array_size(value); i++)
		pack_scalar(json_array_get(value, i), w);
}

bool
json_decode(const json_t *object, const struct schema *s, struct arena *a, void *ret, struct err *e)
{
	struct buf packed SCOPED_BUF = { 0 };
	struct writer w = { &packed };
	size_t pairs = 0;
	uint64_t seen;

	buf_init(&packed, OBJECT_MAX);
	for (size_t i = 0; i < s->count; i++)
		pairs += is_given(json_object_get(object, s->fields[i].name));
	writer_map(&w, pairs);
	for (size_t i = 0; i < s->count; i++) {
		const json_t *value = json_object_get(object, s->fields[i].name);

		if (!is_given(value))
			continue;
		writer_cstr(&w, s->fields[i].name);
		pack(value, &w);
	}
	if (packed.failed)
		return err_set(e, ERR_TOO_LARGE, "more than %d bytes of parameters", OBJECT_MAX);
	return schema_decode(s, arena_copy(a, buf_slice(&packed)), a, ret, &seen, e);
}

static json_t *
json_of_slice(struct slice s)
{
	json_t *text = json_stringn((const char *)s.data, s.len); /* NULL when it is no UTF-8 */

	return text == NULL ? json_string("") : text;
}

static json_t *
json_of_list(const struct slice_list *list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(array, json_of_slice(list->items[i]));
	return array;
}

static json_t *
json_of_ips(const struct slice_list *ips)
{
	json_t *array = json_array();
	char text[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < ips->count; i++) {
		inet_ntop(ips->items[i].len == 4 ? AF_INET : AF_INET6, ips->items[i].data, text,
		    sizeof(text));
		json_array_append_new(array, json_string(text));
	}
	return array;
}

/* Go's names, as roles have them */
static json_t *
json_of_usage(unsigned usage)
{
	static const char *const names[] = { "DigitalSignature", "ContentCommitment",
		"KeyEncipherment", "DataEncipherment", "KeyAgreement", "CertSign", "CRLSign",
		"EncipherOnly", "DecipherOnly" };
	json_t *array = json_array();

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (usage & 1U << i)
			json_array_append_new(array, json_string(names[i]));
	return array;
}

static json_t *
json_of_extended_usage(unsigned purposes)
{
	static const char *const names[TEMPLATE_PURPOSES] = { "ServerAuth", "ClientAuth",
		"CodeSigning", "EmailProtection", "Any", "IPSECEndSystem", "IPSECTunnel",
		"IPSECUser", "TimeStamping", "OCSPSigning", "MicrosoftServerGatedCrypto",
		"NetscapeServerGatedCrypto", "MicrosoftCommercialCodeSigning",
		"MicrosoftKernelCodeSigning" };
	json_t *array = json_array();

	for (size_t i = 0; i < TEMPLATE_PURPOSES; i++)
		if (purposes & 1U << i)
			json_array_append_new(array, json_string(names[i]));
	return array;
}

static json_t *
json_of_warnings(const struct template *t)
{
	json_t *array = json_array();

	for (size_t i = 0; i < t->warning_count; i++)
		json_array_append_new(array, json_string(t->warnings[i].code));
	return array;
}

json_t *
json_of_template(const struct template *t, unsigned role_usage, int64_t now)
{
	json_t *o = json_object();
	char time[32];

	json_object_set_new(o, "cn", json_of_slice(t->common_name));
	json_object_set_new(o, "dns_sans", json_of_list(&t->dns));
	json_object_set_new(o, "email_sans", json_of_list(&t->emails));
	json_object_set_new(o, "ip_sans", json_of_ips(&t->ips));
	if (t->not_after != 0) {
		time_format_rfc3339(t->not_after, time);
		json_object_set_new(o, "not_after", json_string(time));
		json_object_set_new(o, "ttl_seconds", json_integer(t->not_after - now));
		json_object_set_new(
		    o, "not_before_offset_seconds", json_integer(t->not_before - now));
	}
	json_object_set_new(o, "key_type", json_string(key_type_name(t->key_type)));
	json_object_set_new(o, "key_bits", json_integer(t->key_bits));
	json_object_set_new(o, "key_usage", json_of_usage(role_usage));
	json_object_set_new(o, "ext_key_usage", json_of_extended_usage(t->ext_key_usage));
	json_object_set_new(o, "is_ca", json_boolean(t->is_ca));
	json_object_set_new(o, "basic_constraints_present", json_boolean(t->is_ca));
	json_object_set_new(o, "warnings", json_of_warnings(t));
	return o;
}

json_t *
json_of_role(const struct role *role)
{
	json_t *o = json_object();

	json_object_set_new(o, "ttl", json_integer(role->ttl));
	json_object_set_new(o, "max_ttl", json_integer(role->max_ttl));
	json_object_set_new(o, "key_type", json_of_slice(role->key_type));
	json_object_set_new(o, "key_bits", json_integer(role->key_bits));
	json_object_set_new(o, "allowed_domains", json_of_list(&role->allowed_domains));
	return o;
}
