#include "name.h"

#include <idn2.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static bool
is_alnum(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

uint8_t
name_fold(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

struct slice
text_trim(struct slice s)
{
	while (s.len > 0 && (s.data[0] == ' ' || s.data[0] == '\t'))
		s = slice_of(s.data + 1, s.len - 1);
	while (s.len > 0 && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
		s.len--;
	return s;
}

size_t
text_characters(struct slice utf8)
{
	size_t n = 0;

	for (size_t i = 0; i < utf8.len; i++)
		n += (utf8.data[i] & 0xc0) != 0x80;
	return n;
}

bool
text_has_control(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < 0x20 || text.data[i] == 0x7f)
			return true;
	return false;
}

/* what stands before the first c; the whole when there is no c */
static struct slice
slice_before(struct slice s, char c)
{
	const uint8_t *at = s.len == 0 ? NULL : memchr(s.data, c, s.len);

	return at == NULL ? s : slice_of(s.data, (size_t)(at - s.data));
}

static struct slice
slice_skip(struct slice s, size_t n)
{
	assert(n <= s.len);
	return slice_of(s.data + n, s.len - n);
}

static bool
slice_has(struct slice s, char c)
{
	return slice_before(s, c).len < s.len;
}

/* Takes the first label off *rest; false behind the last one. A trailing dot counts as none, two as an empty label. */
static bool
label_next(struct slice *rest, struct slice *ret)
{
	if (rest->len == 0)
		return false;
	*ret = slice_before(*rest, '.');
	*rest = slice_skip(*rest, ret->len < rest->len ? ret->len + 1 : ret->len);
	return true;
}

static bool
label_is_ace(struct slice label)
{
	return label.len >= 4 && name_equal(slice_of(label.data, 4), SLICE_LITERAL("xn--"));
}

/* A role may have a thousand domains, and every name is held against all of them: eight octets at a time. */
static uint64_t
word_at(struct slice s, size_t i)
{
	uint64_t word;

	memcpy(&word, s.data + i, sizeof(word));
	return word;
}

bool
name_is_ascii(struct slice name)
{
	size_t i = 0;
	uint64_t all = 0;

	for (; i + sizeof(all) <= name.len; i += sizeof(all))
		all |= word_at(name, i);
	for (; i < name.len; i++)
		all |= name.data[i];
	return (all & UINT64_C(0x8080808080808080)) == 0;
}

bool
name_equal(struct slice a, struct slice b)
{
	const uint64_t case_bits = UINT64_C(0x2020202020202020);

	if (a.len != b.len)
		return false;
	for (size_t i = 0; i + sizeof(case_bits) <= a.len; i += sizeof(case_bits))
		if (((word_at(a, i) ^ word_at(b, i)) & ~case_bits) != 0)
			return false;
	for (size_t i = 0; i < a.len; i++)
		if (name_fold(a.data[i]) != name_fold(b.data[i]))
			return false;
	return true;
}

bool
name_ends_with_label(struct slice name, struct slice domain)
{
	size_t at;

	if (domain.len == 0 || name.len < domain.len + 2)
		return false;
	at = name.len - domain.len;
	return name.data[at - 1] == '.' && name_equal(slice_skip(name, at), domain);
}

bool
name_classify(struct slice text, const char *field, enum name_kind *ret, struct err *e)
{
	struct slice local = slice_before(text, '@');

	if (text.len == 0)
		return err_field(e, ERR_INVALID_VALUE, field, "%s holds an empty name", field);
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < 0x20 || text.data[i] == 0x7f)
			return err_field(e, ERR_INVALID_VALUE, field,
			    "%s holds a control character (octet %zu of " NAME_QUOTED ")", field,
			    i + 1, NAME_FMT(text));
	*ret = local.len == text.len ? NAME_DNS : NAME_EMAIL;
	if (*ret == NAME_DNS)
		return true;
	if (local.len == 0 || local.len + 1 == text.len ||
	    slice_has(slice_skip(text, local.len + 1), '@'))
		return err_field(e, ERR_INVALID_VALUE, field,
		    "%s " NAME_QUOTED
		    " is no e-mail address: it wants one '@' with something on both sides",
		    field, NAME_FMT(text));
	return true;
}

static bool
check_lengths(struct slice ascii, struct slice text, const char *field, struct err *e)
{
	struct slice rest = ascii, label;
	size_t dot = ascii.len > 0 && ascii.data[ascii.len - 1] == '.' ? 1 : 0;

	if (ascii.len - dot == 0)
		return err_field(
		    e, ERR_INVALID_VALUE, field, "%s holds a name without a label", field);
	if (ascii.len - dot > NAME_HOST_MAX)
		return err_field(e, ERR_INVALID_VALUE, field,
		    "%s holds a name of %zu octets, %d are allowed", field, ascii.len - dot,
		    NAME_HOST_MAX);
	while (label_next(&rest, &label)) {
		if (label.len == 0)
			return err_field(e, ERR_INVALID_VALUE, field,
			    "%s " NAME_QUOTED " has an empty label", field, NAME_FMT(text));
		if (label.len > NAME_LABEL_MAX)
			return err_field(e, ERR_INVALID_VALUE, field,
			    "%s " NAME_QUOTED " has a label of %zu octets, %d are allowed", field,
			    NAME_FMT(text), label.len, NAME_LABEL_MAX);
	}
	return true;
}

static bool
has_ace_label(struct slice name)
{
	struct slice label;

	while (label_next(&name, &label))
		if (label_is_ace(label))
			return true;
	return false;
}

/* The wildcard label with its dot is not for IDNA: its length, 0 when there is none. */
static size_t
wildcard_prefix(struct slice text)
{
	struct slice first = slice_before(text, '.');

	return slice_has(first, '*') && name_is_ascii(first) && first.len < text.len ? first.len + 1
										     : 0;
}

static bool
idna_refuse(struct slice text, const char *field, int rc, struct err *e)
{
	return err_field(e, ERR_INVALID_VALUE, field,
	    "%s " NAME_QUOTED " cannot be written in ASCII (IDNA): %s", field, NAME_FMT(text),
	    idn2_strerror(rc));
}

/*
 * Without the STD3 rules and the round trip, so that "Foo Bär" can be a common name: the grammar decides later. But a
 * character that maps to one which means something to us is refused.
 */
static bool
idna_convert(
    struct slice text, const char *field, struct arena *a, struct slice *ret, struct err *e)
{
	char *out = NULL;
	int rc = idn2_to_ascii_8z(arena_text(a, text), &out,
	    IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT | IDN2_NO_ALABEL_ROUNDTRIP);

	if (rc != IDN2_OK)
		return idna_refuse(text, field, rc, e);
	*ret = arena_copy(a, slice_text(out));
	idn2_free(out);
	for (size_t i = 0; i < ret->len; i++)
		if (ret->data[i] < 0x20 || ret->data[i] >= 0x7f || ret->data[i] == '*' ||
		    ret->data[i] == '@')
			return err_field(e, ERR_INVALID_VALUE, field,
			    "%s " NAME_QUOTED
			    " holds a '*' or '@' out of place, or one in disguise",
			    field, NAME_FMT(text));
	return true;
}

/* An A-label must be the one that its U-label gives (RFC 5891 5.4). Names that are no host names go into no SAN. */
static bool
check_a_labels(struct slice ascii, const char *field, struct arena *a, struct err *e)
{
	char *out = NULL;
	int rc;

	if (!has_ace_label(ascii) || !name_is_hostname(ascii))
		return true;
	rc = idn2_to_ascii_8z(arena_text(a, ascii), &out, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
	idn2_free(out);
	return rc == IDN2_OK || idna_refuse(ascii, field, rc, e);
}

bool
name_to_ascii(
    struct slice text, const char *field, struct arena *a, struct slice *ret, struct err *e)
{
	size_t prefix = wildcard_prefix(text);
	struct slice rest;

	if (text.len == 0 || memchr(text.data, '\0', text.len) != NULL)
		return err_field(
		    e, ERR_INVALID_VALUE, field, "%s holds an empty name or a NUL", field);
	rest = slice_skip(text, prefix);
	*ret = text;
	if (!name_is_ascii(text)) {
		if (!idna_convert(rest, field, a, &rest, e))
			return false;
		*ret = slice_text(arena_printf(
		    a, "%.*s%.*s", (int)prefix, (const char *)text.data, SLICE_FMT(rest)));
	}
	return check_lengths(*ret, text, field, e) && check_a_labels(rest, field, a, e);
}

static bool
label_is_valid(struct slice label)
{
	if (label.len == 0 || label.len > NAME_LABEL_MAX || !is_alnum(label.data[0]) ||
	    !is_alnum(label.data[label.len - 1]))
		return false;
	for (size_t i = 1; i + 1 < label.len; i++)
		if (!is_alnum(label.data[i]) && label.data[i] != '-')
			return false;
	return true;
}

/* "*", "*a", "a*", "a*b"; each part would be a label by itself */
static bool
wildcard_label_is_valid(struct slice label)
{
	struct slice left = slice_before(label, '*');
	struct slice right = slice_skip(label, left.len + 1);

	return label.len <= NAME_LABEL_MAX && !label_is_ace(label) &&
	    (left.len == 0 || label_is_valid(left)) && (right.len == 0 || label_is_valid(right));
}

/* *ret_labels: how many stand behind the wildcard label, if there is one */
static bool
labels_are_valid(struct slice ascii, size_t *ret_labels)
{
	struct slice rest = ascii, label;
	size_t dot = ascii.len > 0 && ascii.data[ascii.len - 1] == '.' ? 1 : 0;

	*ret_labels = 0;
	if (ascii.len == dot || ascii.len - dot > NAME_HOST_MAX)
		return false;
	for (bool first = true; label_next(&rest, &label); first = false) {
		bool wildcard = first && slice_has(label, '*');

		if (wildcard ? !wildcard_label_is_valid(label) : !label_is_valid(label))
			return false;
		*ret_labels += wildcard ? 0 : 1;
	}
	return true;
}

bool
name_is_hostname(struct slice ascii)
{
	size_t labels;

	return labels_are_valid(ascii, &labels) && labels > 0;
}

bool
name_wildcard(struct slice name, bool *ret_wildcard, struct slice *ret_rest)
{
	struct slice first = slice_before(name, '.');
	struct slice before = slice_before(name, '*');

	*ret_wildcard = before.len < name.len;
	*ret_rest = name;
	if (!*ret_wildcard)
		return true;
	if (slice_has(name, '@') || before.len >= first.len ||
	    slice_has(slice_skip(name, before.len + 1), '*'))
		return false;
	*ret_rest = slice_skip(name, first.len < name.len ? first.len + 1 : first.len);
	return true;
}

static bool
parse_email(const char *field, struct arena *a, struct name *n, struct err *e)
{
	struct slice local = slice_before(n->text, '@');
	struct slice host = SLICE_NONE;

	if (!name_is_ascii(local))
		return err_field(e, ERR_INVALID_VALUE, field,
		    "%s " NAME_QUOTED ": the part before the '@' must be ASCII", field,
		    NAME_FMT(n->text));
	if (!name_to_ascii(slice_skip(n->text, local.len + 1), field, a, &host, e))
		return false;
	if (local.len > NAME_LOCAL_PART_MAX || local.len + 1 + host.len > NAME_MAILBOX_MAX)
		return err_field(e, ERR_INVALID_VALUE, field,
		    "%s " NAME_QUOTED " is too long for an e-mail address", field,
		    NAME_FMT(n->text));
	n->ascii = n->text;
	if (!name_is_ascii(n->text))
		n->ascii = slice_text(
		    arena_printf(a, "%.*s@%.*s", SLICE_FMT(local), SLICE_FMT(host)));
	n->host = slice_skip(n->ascii, local.len + 1);
	return true;
}

bool
name_parse(struct slice text, const char *field, struct arena *a, struct name *ret, struct err *e)
{
	size_t labels;

	*ret = (struct name){ .text = text };
	if (!name_classify(text, field, &ret->kind, e))
		return false;
	if (ret->kind == NAME_EMAIL) {
		if (!parse_email(field, a, ret, e))
			return false;
	} else {
		if (!name_to_ascii(text, field, a, &ret->ascii, e))
			return false;
		ret->host = ret->ascii;
	}
	if (!name_wildcard(ret->ascii, &ret->wildcard, &ret->base))
		return err_field(e, ERR_INVALID_VALUE, field,
		    "%s " NAME_QUOTED
		    ": a '*' may stand once, in the first label, and not in an e-mail address",
		    field, NAME_FMT(text));
	if (!ret->wildcard)
		ret->base = ret->host;
	ret->valid_labels = labels_are_valid(ret->host, &labels);
	ret->hostname = ret->valid_labels && labels > 0;
	return true;
}
