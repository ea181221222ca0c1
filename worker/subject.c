#include "subject.h"

#include "name.h"

#define ONE(oid, member, printable) \
	{ \
		DER_BYTES(oid), offsetof(struct template, member), false, printable \
	}
#define MANY(oid, member, printable) \
	{ \
		DER_BYTES(oid), offsetof(struct template, member), true, printable \
	}
/* clang-format off */
static const struct attribute {
	struct slice oid;
	size_t offset; /* in struct template: of a struct slice_list when there may be many, else of a struct slice */
	bool many;
	bool printable;
} attributes[] = {
	MANY("\x55\x04\x06", country, true),
	MANY("\x55\x04\x08", province, false),
	MANY("\x55\x04\x07", locality, false),
	MANY("\x55\x04\x11", postal_code, false),
	MANY("\x55\x04\x09", street_address, false),
	MANY("\x55\x04\x0a", organization, false),
	MANY("\x55\x04\x0b", organizational_unit, false),
	ONE("\x55\x04\x03", common_name, false),
	ONE("\x55\x04\x05", serial_number, true),
	MANY("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01", user_ids, false),
};
/* clang-format on */
#define ATTRIBUTE_COUNT (sizeof(attributes) / sizeof(attributes[0]))

#define ATTRIBUTE_OVERHEAD 32 /* headers of a value, with its type */

/* The values of an attribute: *one is the room for a single one. */
static const struct slice *
values_of(const struct template *t, const struct attribute *a, struct slice *one, size_t *ret_count)
{
	const char *member = (const char *)t + a->offset;
	struct slice_list list;

	if (!a->many) {
		memcpy(one, member, sizeof(*one));
		*ret_count = 1;
		return one;
	}
	memcpy(&list, member, sizeof(list));
	*ret_count = list.count;
	return list.items;
}

/* PrintableString (X.680 41.4) */
static bool
is_printable(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    (c == '\0' || strchr(" '()+,-./:=?", c) == NULL))
			return false;
	}
	return true;
}

bool
subject_is_empty(const struct template *t)
{
	if (t->subject.data != NULL)
		return slice_eq(t->subject, SLICE_LITERAL("\x30\x00"));
	for (size_t i = 0; i < ATTRIBUTE_COUNT; i++) {
		struct slice one;
		size_t count;
		const struct slice *values = values_of(t, &attributes[i], &one, &count);

		for (size_t k = 0; k < count; k++)
			if (values[k].len > 0)
				return false;
	}
	return true;
}

size_t
subject_bound(const struct template *t)
{
	size_t bound = 16 + t->subject.len;

	for (size_t i = 0; i < ATTRIBUTE_COUNT; i++) {
		struct slice one;
		size_t count;
		const struct slice *values = values_of(t, &attributes[i], &one, &count);

		for (size_t k = 0; k < count; k++)
			bound += values[k].len + ATTRIBUTE_OVERHEAD;
	}
	return bound;
}

static void
write_value(struct der *d, const struct attribute *a, struct slice value)
{
	const uint8_t *mark = der_mark(d);
	bool printable = a->printable && is_printable(value);

	if (value.len == 0)
		return;
	der_tlv(d, printable ? DER_PRINTABLE_STRING : DER_UTF8_STRING, value);
	der_tlv(d, DER_OID, a->oid);
	der_wrap(d, mark, DER_SEQUENCE);
	der_wrap(d, mark, DER_SET);
}

void
subject_write(struct der *d, const struct template *t)
{
	const uint8_t *end = der_mark(d);

	if (t->subject.data != NULL) {
		der_raw(d, t->subject);
		return;
	}
	for (size_t i = ATTRIBUTE_COUNT; i-- > 0;) {
		struct slice one;
		size_t count;
		const struct slice *values = values_of(t, &attributes[i], &one, &count);

		for (size_t k = count; k-- > 0;)
			write_value(d, &attributes[i], values[k]);
	}
	der_wrap(d, end, DER_SEQUENCE);
}

static bool
is_octet_string_type(uint8_t tag)
{
	return tag == DER_UTF8_STRING || tag == DER_PRINTABLE_STRING || tag == DER_IA5_STRING ||
	    tag == DER_TELETEX_STRING;
}

/* AttributeTypeAndValue */
static bool
attribute_plain(struct der_reader *set)
{
	struct der_reader attribute;
	struct slice value;
	uint8_t tag;

	return der_enter(set, DER_SEQUENCE, &attribute) &&
	    der_read(&attribute, DER_OID, NULL, NULL) &&
	    der_read_any(&attribute, &tag, &value, NULL) &&
	    !(is_octet_string_type(tag) && text_has_control(value));
}

bool
subject_has_control(struct slice name)
{
	struct der_reader outer = der_reader_of(name), sets, set;

	if (!der_enter(&outer, DER_SEQUENCE, &sets))
		return true;
	while (!der_reader_done(&sets)) {
		if (!der_enter(&sets, DER_SET, &set))
			return true;
		while (!der_reader_done(&set))
			if (!attribute_plain(&set))
				return true;
	}
	return false;
}
