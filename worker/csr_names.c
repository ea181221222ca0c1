#include "csr_names.h"

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

bool
csr_utf8_valid(struct slice text)
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

bool
csr_is_ascii(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] >= 0x80)
			return false;
	return true;
}

static bool
is_text(uint8_t tag)
{
	return tag == DER_UTF8_STRING || tag == DER_PRINTABLE_STRING || tag == DER_IA5_STRING ||
	    tag == DER_TELETEX_STRING || tag == DER_BMP_STRING || tag == DER_UNIVERSAL_STRING;
}

static bool
text_of(uint8_t tag, struct slice content, struct arena *a, struct slice *ret)
{
	*ret = content;
	switch (tag) {
	case DER_UTF8_STRING:
		return csr_utf8_valid(content);
	case DER_PRINTABLE_STRING:
	case DER_IA5_STRING:
		return csr_is_ascii(content);
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

/* The value of an attribute that there is one of: the first. */
static bool
keep_first(struct slice *to, struct slice text)
{
	if (to->data == NULL)
		*to = text;
	return true;
}

static bool
keep_common_name(struct csr *csr, struct slice text, struct arena *a)
{
	(void)a;
	return keep_first(&csr->common_name, text);
}

static bool
keep_serial_number(struct csr *csr, struct slice text, struct arena *a)
{
	(void)a;
	return keep_first(&csr->serial_number, text);
}

static bool
keep_user_id(struct csr *csr, struct slice text, struct arena *a)
{
	if (csr->user_ids.count == 0)
		csr->user_ids.items = arena_array(a, CSR_USER_IDS_MAX, sizeof(struct slice));
	if (csr->user_ids.count == CSR_USER_IDS_MAX)
		return false;
	csr->user_ids.items[csr->user_ids.count++] = text;
	return true;
}

/* clang-format off */
static const struct {
	struct slice oid;
	bool (*keep)(struct csr *csr, struct slice text, struct arena *a);
} attributes[] = {
	{ DER_BYTES("\x55\x04\x03"), keep_common_name },
	{ DER_BYTES("\x55\x04\x05"), keep_serial_number },
	{ DER_BYTES("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01"), keep_user_id },
};
/* clang-format on */
#define ATTRIBUTE_COUNT (sizeof(attributes) / sizeof(attributes[0]))

/* AttributeTypeAndValue. The whole Name may go into a certificate as it is, so text in it must be what its type says. */
static bool
read_attribute(struct der_reader *set, struct arena *a, struct csr *ret)
{
	struct der_reader attribute;
	struct slice oid, value, text;
	uint8_t tag;

	if (!der_enter(set, DER_SEQUENCE, &attribute) || !der_read_oid(&attribute, &oid) ||
	    !der_read_any(&attribute, &tag, &value, NULL) || !der_reader_done(&attribute))
		return false;
	for (size_t i = 0; i < ATTRIBUTE_COUNT; i++)
		if (slice_eq(oid, attributes[i].oid))
			return text_of(tag, value, a, &text) && attributes[i].keep(ret, text, a);
	return !is_text(tag) || text_of(tag, value, a, &text);
}

bool
csr_read_subject(struct arena *a, struct csr *ret)
{
	struct der_reader outer = der_reader_of(ret->subject), sets, set;

	if (!der_enter(&outer, DER_SEQUENCE, &sets))
		return false;
	while (!der_reader_done(&sets)) {
		if (!der_enter(&sets, DER_SET, &set) || der_reader_done(&set))
			return false;
		while (!der_reader_done(&set))
			if (!read_attribute(&set, a, ret))
				return false;
	}
	return true;
}
