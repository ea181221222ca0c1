/* What a request asks for beside its subject: the extensionRequest. */
#include "csr_names.h"

#include "certificate_ext.h"
#include "extension.h"

#define NAMES_MAX 4096

static struct slice_list *
list_of(struct csr *csr, uint8_t tag)
{
	switch (tag) {
	case NAME_RFC822:
		return &csr->emails;
	case NAME_DNS_NAME:
		return &csr->dns;
	case NAME_URI:
		return &csr->uris;
	case NAME_IP_ADDRESS:
		return &csr->ips;
	default:
		return NULL;
	}
}

/* GeneralName is [0] to [8]; [0], [3], [4] and [5] are constructed. */
static bool
is_name_tag(uint8_t tag)
{
	unsigned n = tag & 0x1f;

	return n <= 8 &&
	    tag == ((0x39U >> n & 1U) != 0 ? DER_CONTEXT_CONSTRUCTED(n) : DER_CONTEXT(n));
}

/* Counts the names of each kind, then makes room for them. */
static bool
count_names(struct der_reader names, struct arena *a, struct csr *ret)
{
	size_t total = 0, others = 0;
	uint8_t tag;

	while (!der_reader_done(&names)) {
		struct slice_list *list;

		if (!der_read_any(&names, &tag, NULL, NULL) || !is_name_tag(tag) ||
		    ++total > NAMES_MAX)
			return false;
		list = list_of(ret, tag);
		if (list != NULL)
			list->count++;
		else if (tag == NAME_OTHER)
			others++;
	}
	for (tag = DER_CONTEXT(0); tag <= DER_CONTEXT(8); tag++) {
		struct slice_list *list = list_of(ret, tag);

		if (list == NULL || list->count == 0)
			continue;
		list->items = arena_array(a, list->count, sizeof(struct slice));
		list->count = 0;
	}
	if (others > 0)
		ret->others.items = arena_array(a, others, sizeof(struct other_name));
	return total > 0;
}

/* OtherName: type-id, value [0] EXPLICIT ANY */
static bool
read_other_name(struct slice content, struct csr *ret)
{
	struct der_reader r = der_reader_of(content), inside;
	struct other_name other;
	struct slice value;
	uint8_t tag;

	if (!der_read_oid(&r, &other.type_id) ||
	    !der_enter(&r, DER_CONTEXT_CONSTRUCTED(0), &inside) || !der_reader_done(&r) ||
	    !der_read_any(&inside, &tag, &value, NULL) || !der_reader_done(&inside))
		return false;
	if (tag != DER_UTF8_STRING) {
		ret->passed_over = true;
		return true;
	}
	other.value = value;
	ret->others.items[ret->others.count++] = other;
	return csr_utf8_valid(value);
}

/* count_names has made the room. */
static bool
keep_name(struct slice_list *list, struct slice name, bool good)
{
	list->items[list->count++] = name;
	return good;
}

static bool
read_name(uint8_t tag, struct slice name, struct csr *ret)
{
	switch (tag) {
	case NAME_OTHER:
		return read_other_name(name, ret);
	case NAME_RFC822:
		return keep_name(&ret->emails, name, csr_is_ascii(name));
	case NAME_DNS_NAME:
		return keep_name(&ret->dns, name, csr_is_ascii(name));
	case NAME_URI:
		return keep_name(&ret->uris, name, csr_is_ascii(name));
	case NAME_IP_ADDRESS:
		return keep_name(&ret->ips, name, name.len == 4 || name.len == 16);
	default:
		ret->passed_over = true;
		return true;
	}
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
	while (!der_reader_done(&names))
		if (!der_read_any(&names, &tag, &name, NULL) || !read_name(tag, name, ret))
			return false;
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

static bool
read_key_usage(struct slice value, struct arena *a, struct csr *ret)
{
	struct der_reader r = der_reader_of(value);

	(void)a;
	/* RFC 5280 4.2.1.3: nine bits, at least one of them set */
	return der_read_named_bits(&r, &ret->key_usage) && der_reader_done(&r) &&
	    ret->key_usage > 0 && ret->key_usage < 1U << 9;
}

static bool
read_extended_key_usage(struct slice value, struct arena *a, struct csr *ret)
{
	struct der_reader outer = der_reader_of(value), purposes;
	struct slice oid;

	(void)a;
	if (!der_enter(&outer, DER_SEQUENCE, &purposes) || !der_reader_done(&outer) ||
	    der_reader_done(&purposes))
		return false;
	while (!der_reader_done(&purposes))
		if (!der_read_oid(&purposes, &oid))
			return false;
	ret->asks_for_purposes = true;
	return true;
}

/* clang-format off */
static const struct {
	struct slice oid;
	const char *name;
	bool (*read)(struct slice value, struct arena *a, struct csr *ret);
} extensions[] = {
	{ DER_BYTES("\x55\x1d\x0f"), "keyUsage", read_key_usage },
	{ DER_BYTES("\x55\x1d\x11"), "subjectAltName", read_alt_names },
	{ DER_BYTES("\x55\x1d\x13"), "basicConstraints", read_basic_constraints },
	{ DER_BYTES("\x55\x1d\x25"), "extendedKeyUsage", read_extended_key_usage },
};
/* clang-format on */
#define EXTENSION_COUNT (sizeof(extensions) / sizeof(extensions[0]))

/* Written anew: a `critical` of FALSE, which DER leaves out (X.690 11.5), may stand in the request. */
static struct slice
extension_der(const struct extension *x, struct arena *a)
{
	size_t bound = x->oid.len + x->value.len + 32;
	const uint8_t *mark;
	struct der d;

	der_init(&d, arena_alloc(a, bound), bound);
	mark = der_mark(&d);
	der_raw(&d, x->value);
	extension_wrap(&d, mark, x->oid, x->critical);
	return der_slice(&d);
}

/* One of a kind that is known here is understood, whatever becomes of it. */
static bool
extension_understand(const struct extension *x, struct arena *a, struct csr *ret, struct err *e)
{
	for (size_t i = 0; i < EXTENSION_COUNT; i++)
		if (slice_eq(x->oid, extensions[i].oid) && !extensions[i].read(x->value, a, ret))
			return err_set(e, ERR_CSR_INVALID, "the requested %s does not parse",
			    extensions[i].name);
	return true;
}

/* RFC 5280 4.2: an extension stands once. */
static bool
extension_is_new(const struct slice *seen, size_t count, struct slice oid)
{
	for (size_t i = 0; i < count; i++)
		if (slice_eq(seen[i], oid))
			return false;
	return true;
}

/* The attribute's values: SET OF exactly one Extensions. */
static bool
read_extensions(struct der_reader values, struct arena *a, struct csr *ret, struct err *e)
{
	static const struct slice basic_constraints = DER_BYTES("\x55\x1d\x13");
	struct slice seen[CSR_EXTENSIONS_MAX];
	struct der_reader list;
	size_t count = 0;

	if (!der_enter(&values, DER_SEQUENCE, &list) || !der_reader_done(&values))
		return err_set(e, ERR_CSR_INVALID, "the extension request does not parse");
	ret->extensions.items = arena_array(a, CSR_EXTENSIONS_MAX, sizeof(struct slice));
	for (; !der_reader_done(&list); count++) {
		struct extension x = { 0 };
		struct slice whole;

		if (count == CSR_EXTENSIONS_MAX)
			return err_set(e, ERR_CSR_INVALID, "over %d extensions are requested",
			    CSR_EXTENSIONS_MAX);
		if (!der_read(&list, DER_SEQUENCE, NULL, &whole) || !extension_read(whole, &x))
			return err_set(e, ERR_CSR_INVALID, "a requested extension does not parse");
		if (!extension_is_new(seen, count, x.oid))
			return err_set(e, ERR_CSR_INVALID, "an extension is requested twice");
		if (!extension_understand(&x, a, ret, e))
			return false;
		seen[count] = x.oid;
		if (!slice_eq(x.oid, basic_constraints))
			ret->extensions.items[ret->extensions.count++] = extension_der(&x, a);
	}
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
