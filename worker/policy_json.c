#include "policy_json.h"

#include "encode.h"
#include "ip.h"
#include "key.h"
#include "oid.h"
#include "timespan.h"
#include "usage.h"

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

/* What no table takes (a number with a point, a map or a list in a list) becomes nil, which is the wrong type, too. */
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

static void
pack_map(json_t *object, struct writer *w)
{
	const char *name;
	json_t *member;

	writer_map(w, json_object_size(object));
	json_object_foreach(object, name, member)
	{
		writer_cstr(w, name);
		if (json_is_object(member))
			pack_map(member, w);
		else
			pack(member, w);
	}
}

struct slice
json_pack_map(json_t *object, struct arena *a)
{
	struct buf packed SCOPED_BUF = { 0 };
	struct writer w = { &packed };

	buf_init(&packed, OBJECT_MAX);
	pack_map(object, &w);
	return packed.failed ? SLICE_NONE : arena_copy(a, buf_slice(&packed));
}

bool
json_decode(const json_t *object, const struct schema *s, struct arena *a, void *ret,
    uint64_t *ret_seen, struct err *e)
{
	struct buf packed SCOPED_BUF = { 0 };
	struct writer w = { &packed };
	size_t pairs = 0;

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
	return schema_decode(s, arena_copy(a, buf_slice(&packed)), a, ret, ret_seen, e);
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
	char text[IP_TEXT_SIZE];
	struct ip ip;

	for (size_t i = 0; i < ips->count; i++)
		if (ip_of_octets(ips->items[i], &ip))
			json_array_append_new(array, json_of_slice(ip_text(&ip, text)));
	return array;
}

typedef const char *name_fn(size_t i);

static json_t *
json_of_bits(unsigned bits, name_fn *name)
{
	json_t *array = json_array();

	for (size_t i = 0; name(i) != NULL; i++)
		if (bits & 1U << i)
			json_array_append_new(array, json_string(name(i)));
	return array;
}

static json_t *
json_of_oids(const struct slice_list *oids, struct arena *a)
{
	json_t *array = json_array();

	for (size_t i = 0; i < oids->count; i++)
		json_array_append_new(array, json_of_slice(oid_text(oids->items[i], a)));
	return array;
}

static json_t *
json_of_others(const struct other_names *others, struct arena *a)
{
	json_t *array = json_array();

	for (size_t i = 0; i < others->count; i++) {
		const struct other_name *o = &others->items[i];

		json_array_append_new(array,
		    json_of_slice(slice_text(arena_printf(a, "%.*s;UTF8:%.*s",
			SLICE_FMT(oid_text(o->type_id, a)), SLICE_FMT(o->value)))));
	}
	return array;
}

/* The attributes that are there. */
static json_t *
json_of_subject(const struct template *t)
{
	const struct {
		const char *name;
		const struct slice_list *list;
	} attributes[] = {
		{ "country", &t->country },
		{ "organization", &t->organization },
		{ "ou", &t->organizational_unit },
		{ "locality", &t->locality },
		{ "province", &t->province },
		{ "street_address", &t->street_address },
		{ "postal_code", &t->postal_code },
	};
	json_t *o = json_object();

	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
		if (attributes[i].list->count > 0)
			json_object_set_new(
			    o, attributes[i].name, json_of_list(attributes[i].list));
	return o;
}

static json_t *
json_of_warnings(const struct template *t)
{
	json_t *array = json_array();

	for (size_t i = 0; i < t->warning_count; i++)
		json_array_append_new(array, json_string(t->warnings[i].code));
	return array;
}

static void
set_names(json_t *o, const struct template *t, struct arena *a)
{
	bool has_names = t->dns.count + t->emails.count + t->ips.count + t->uris.count +
		t->others.count >
	    0;

	json_object_set_new(o, "cn", json_of_slice(t->common_name));
	json_object_set_new(o, "dns_sans", json_of_list(&t->dns));
	json_object_set_new(o, "email_sans", json_of_list(&t->emails));
	json_object_set_new(o, "ip_sans", json_of_ips(&t->ips));
	json_object_set_new(o, "uri_sans", json_of_list(&t->uris));
	json_object_set_new(o, "other_sans", json_of_others(&t->others, a));
	json_object_set_new(o, "san_extension_count", json_integer(has_names));
	json_object_set_new(o, "subject", json_of_subject(t));
	json_object_set_new(o, "subject_serial_number", json_of_slice(t->serial_number));
	json_object_set_new(o, "user_ids", json_of_list(&t->user_ids));
}

static void
set_times(json_t *o, const struct template *t, int64_t now)
{
	char time[32];

	if (t->not_after == 0)
		return;
	time_format_rfc3339(t->not_after, time);
	json_object_set_new(o, "not_after", json_string(time));
	json_object_set_new(o, "ttl_seconds", json_integer(t->not_after - now));
	json_object_set_new(o, "not_before_offset_seconds", json_integer(t->not_before - now));
}

static json_t *
json_of_base64(struct slice bytes)
{
	struct buf text SCOPED_BUF = { 0 };

	buf_init(&text, OBJECT_MAX);
	base64_add(&text, bytes);
	return json_of_slice(buf_slice(&text));
}

json_t *
json_of_template(const struct template *t, unsigned role_usage, int64_t now, struct arena *a)
{
	struct slice_list policies = policies_oids(t->policies, a);
	json_t *o = json_object();

	set_names(o, t, a);
	set_times(o, t, now);
	json_object_set_new(o, "key_type", json_string(key_type_name(t->key_type)));
	json_object_set_new(o, "key_bits", json_integer(t->key_bits));
	json_object_set_new(o, "key_usage", json_of_bits(role_usage, key_usage_name));
	json_object_set_new(o, "ext_key_usage", json_of_bits(t->ext_key_usage, ext_key_usage_name));
	json_object_set_new(o, "ext_key_usage_oids", json_of_oids(&t->ext_key_usage_oids, a));
	json_object_set_new(o, "policy_oids", json_of_oids(&policies, a));
	if (t->policies.data != NULL)
		json_object_set_new(
		    o, "certificate_policies_ext_value_b64", json_of_base64(t->policies));
	json_object_set_new(o, "is_ca", json_boolean(t->is_ca));
	json_object_set_new(
	    o, "basic_constraints_present", json_boolean(t->is_ca || t->basic_constraints));
	json_object_set_new(o, "warnings", json_of_warnings(t));
	return o;
}

static json_t *
json_of_member(const struct field *f, const void *member)
{
	switch (f->type) {
	case FIELD_TEXT:
		return json_of_slice(*(const struct slice *)member);
	case FIELD_INT:
	case FIELD_SPAN:
		return json_integer(*(const int64_t *)member);
	case FIELD_BOOL:
		return json_boolean(*(const bool *)member);
	case FIELD_LIST:
		return json_of_list(member);
	case FIELD_BYTES:
	case FIELD_BLOBS:
	case FIELD_MAP:
	case FIELD_RAWS:
		break;
	}
	return json_null(); /* a role has none of them */
}

json_t *
json_of_role(const struct role *role)
{
	json_t *o = json_object();

	for (size_t i = 0; i < role_schema.count; i++) {
		const struct field *f = &role_schema.fields[i];

		if ((f->flags & FIELD_ALIAS) == 0)
			json_object_set_new(
			    o, f->name, json_of_member(f, (const uint8_t *)role + f->offset));
	}
	return o;
}
