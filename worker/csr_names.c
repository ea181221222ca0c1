#include "csr_names.h"

#define NAMES_MAX 4096

/* ---- the common name ---- */

/* The octets of the character that text begins with; 0 when it is none of RFC 3629. */
static size_t
utf8_next(struct slice text)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	uint32_t code = text.data[0];
	size_t more = code < 0x80 ? 0 : code < 0xe0 ? 1 : code < 0xf0 ? 2 : 3;

	if (more == 0)
		return 1;
	if (code < 0xc2 || code > 0xf4 || more >= text.len)
		return 0;
	code &= 0x3FU >> more;
	for (size_t i = 1; i <= more; i++) {
		if ((text.data[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text.data[i] & 0x3f);
	}
	if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return more + 1;
}

static bool
utf8_valid(struct slice text)
{
	while (text.len > 0) {
		size_t len = utf8_next(text);

		if (len == 0)
			return false;
		text = slice_of(text.data + len, text.len - len);
	}
	return true;
}

static size_t
utf8_put(uint8_t *to, uint32_t code)
{
	if (code < 0x80) {
		to[0] = (uint8_t)code;
		return 1;
	}
	if (code < 0x800) {
		to[0] = (uint8_t)(0xc0 | code >> 6);
		to[1] = (uint8_t)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		to[0] = (uint8_t)(0xe0 | code >> 12);
		to[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
		to[2] = (uint8_t)(0x80 | (code & 0x3f));
		return 3;
	}
	to[0] = (uint8_t)(0xf0 | code >> 18);
	to[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
	to[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
	to[3] = (uint8_t)(0x80 | (code & 0x3f));
	return 4;
}

/* Characters of 1 (TeletexString, taken as Latin-1 as everybody does), 2 (BMPString) or 4 octets (UniversalString). */
static bool
widen(struct slice text, size_t width, struct arena *a, struct slice *ret)
{
	uint8_t *out = arena_alloc(a, text.len * 2 + 1);
	size_t len = 0;

	if (text.len % width != 0)
		return false;
	for (size_t i = 0; i < text.len; i += width) {
		uint32_t code = 0;

		for (size_t k = 0; k < width; k++)
			code = code << 8 | text.data[i + k];
		if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
			return false;
		len += utf8_put(out + len, code);
	}
	*ret = slice_of(out, len);
	return true;
}

static bool
is_ascii(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] >= 0x80)
			return false;
	return true;
}

static bool
text_of(uint8_t tag, struct slice content, struct arena *a, struct slice *ret)
{
	*ret = content;
	switch (tag) {
	case DER_UTF8_STRING:
		return utf8_valid(content);
	case DER_PRINTABLE_STRING:
	case DER_IA5_STRING:
		return is_ascii(content);
	case DER_TELETEX_STRING:
		return widen(content, 1, a, ret);
	case DER_BMP_STRING:
		return widen(content, 2, a, ret);
	case DER_UNIVERSAL_STRING:
		return widen(content, 4, a, ret);
	default:
		return false;
	}
}

/* AttributeTypeAndValue; keeps the first common name. */
static bool
read_attribute(struct der_reader *set, struct arena *a, struct slice *common_name)
{
	struct der_reader attribute;
	struct slice oid, value;
	uint8_t tag;

	if (!der_enter(set, DER_SEQUENCE, &attribute) ||
	    !der_read(&attribute, DER_OID, &oid, NULL) ||
	    !der_read_any(&attribute, &tag, &value, NULL) || !der_reader_done(&attribute))
		return false;
	if (common_name->data != NULL || !slice_is(oid, "\x55\x04\x03"))
		return true;
	return text_of(tag, value, a, common_name);
}

bool
csr_read_subject(struct slice name, struct arena *a, struct slice *ret_common_name)
{
	struct der_reader outer = der_reader_of(name), sets, set;

	*ret_common_name = SLICE_NONE;
	if (!der_enter(&outer, DER_SEQUENCE, &sets))
		return false;
	while (!der_reader_done(&sets)) {
		if (!der_enter(&sets, DER_SET, &set) || der_reader_done(&set))
			return false;
		while (!der_reader_done(&set))
			if (!read_attribute(&set, a, ret_common_name))
				return false;
	}
	return true;
}

/* ---- extensionRequest ---- */

static struct slice_list *
list_of(struct csr *csr, uint8_t tag)
{
	switch (tag) {
	case DER_CONTEXT(1):
		return &csr->emails;
	case DER_CONTEXT(2):
		return &csr->dns;
	case DER_CONTEXT(6):
		return &csr->uris;
	case DER_CONTEXT(7):
		return &csr->ips;
	default:
		return NULL;
	}
}

/* Counts the names of each kind, then makes room for them. */
static bool
count_names(struct der_reader names, struct arena *a, struct csr *ret)
{
	size_t total = 0;
	uint8_t tag;

	while (!der_reader_done(&names)) {
		struct slice_list *list;

		/* GeneralName: [0] to [8]; kinds that are not issued here are passed over */
		if (!der_read_any(&names, &tag, NULL, NULL) || (tag & 0xc0) != 0x80 ||
		    (tag & 0x1f) > 8 || ++total > NAMES_MAX)
			return false;
		list = list_of(ret, tag);
		if (list != NULL)
			list->count++;
	}
	for (tag = DER_CONTEXT(0); tag <= DER_CONTEXT(8); tag++) {
		struct slice_list *list = list_of(ret, tag);

		if (list == NULL || list->count == 0)
			continue;
		list->items = arena_array(a, list->count, sizeof(struct slice));
		list->count = 0;
	}
	return total > 0;
}

static bool
read_alt_names(struct slice value, struct arena *a, struct csr *ret)
{
	struct der_reader outer = der_reader_of(value), names;
	struct slice name;
	uint8_t tag;

	if (!der_enter(&outer, DER_SEQUENCE, &names) || !der_reader_done(&outer) ||
	    !count_names(names, a, ret))
		return false;
	while (!der_reader_done(&names)) {
		struct slice_list *list;

		if (!der_read_any(&names, &tag, &name, NULL))
			return false;
		list = list_of(ret, tag);
		if (list == NULL)
			continue;
		if (list == &ret->ips ? name.len != 4 && name.len != 16 : !is_ascii(name))
			return false;
		list->items[list->count++] = name;
	}
	return true;
}

static bool
read_basic_constraints(struct slice value, struct arena *a, struct csr *ret)
{
	struct der_reader outer = der_reader_of(value), inner;

	(void)a;
	return der_enter(&outer, DER_SEQUENCE, &inner) && der_reader_done(&outer) &&
	    der_read_bool(&inner, &ret->asks_for_ca) &&
	    der_read_optional(&inner, DER_INTEGER, NULL) && der_reader_done(&inner);
}

/* clang-format off */
static const struct {
	struct slice oid;
	const char *name;
	bool (*read)(struct slice value, struct arena *a, struct csr *ret);
} extensions[] = {
	{ DER_BYTES("\x55\x1d\x11"), "subjectAltName", read_alt_names },
	{ DER_BYTES("\x55\x1d\x13"), "basicConstraints", read_basic_constraints },
};
/* clang-format on */
#define EXTENSION_COUNT (sizeof(extensions) / sizeof(extensions[0]))

static bool
read_extension(struct der_reader *r, struct arena *a, struct csr *ret, bool seen[EXTENSION_COUNT],
    struct err *e)
{
	struct der_reader extension;
	struct slice oid, value;
	bool critical;

	if (!der_enter(r, DER_SEQUENCE, &extension) || !der_read(&extension, DER_OID, &oid, NULL) ||
	    !der_read_bool(&extension, &critical) ||
	    !der_read(&extension, DER_OCTET_STRING, &value, NULL) || !der_reader_done(&extension))
		return err_set(e, ERR_CSR_INVALID, "a requested extension does not parse");
	for (size_t i = 0; i < EXTENSION_COUNT; i++) {
		if (!slice_eq(oid, extensions[i].oid))
			continue;
		if (seen[i])
			return err_set(
			    e, ERR_CSR_INVALID, "%s is requested twice", extensions[i].name);
		seen[i] = true;
		if (!extensions[i].read(value, a, ret))
			return err_set(e, ERR_CSR_INVALID, "the requested %s does not parse",
			    extensions[i].name);
	}
	return true;
}

/* The attribute's values: SET OF exactly one Extensions. */
static bool
read_extensions(struct der_reader values, struct arena *a, struct csr *ret, struct err *e)
{
	struct der_reader list;
	bool seen[EXTENSION_COUNT] = { false };

	if (!der_enter(&values, DER_SEQUENCE, &list) || !der_reader_done(&values))
		return err_set(e, ERR_CSR_INVALID, "the extension request does not parse");
	while (!der_reader_done(&list))
		if (!read_extension(&list, a, ret, seen, e))
			return false;
	return true;
}

bool
csr_read_attributes(struct slice attributes, struct arena *a, struct csr *ret, struct err *e)
{
	/* PKCS#9 extensionRequest (RFC 2985 5.4.2), and Microsoft's older one */
	static const struct slice request = DER_BYTES("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e");
	static const struct slice microsoft = DER_BYTES("\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x0e");
	struct der_reader r = der_reader_of(attributes), attribute, values;
	struct slice oid;
	bool seen = false;

	while (!der_reader_done(&r)) {
		if (!der_enter(&r, DER_SEQUENCE, &attribute) ||
		    !der_read(&attribute, DER_OID, &oid, NULL) ||
		    !der_enter(&attribute, DER_SET, &values) || !der_reader_done(&attribute))
			return err_set(
			    e, ERR_CSR_INVALID, "an attribute of the request does not parse");
		if (!slice_eq(oid, request) && !slice_eq(oid, microsoft))
			continue;
		if (seen)
			return err_set(e, ERR_CSR_INVALID, "there are two extension requests");
		seen = true;
		if (!read_extensions(values, a, ret, e))
			return false;
	}
	return true;
}
