#include "uri.h"

static bool
is_alpha(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool
is_hex(uint8_t c)
{
	return is_digit(c) || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

/* unreserved, gen-delims, sub-delims; '%' is for the caller */
static bool
is_uri_char(uint8_t c)
{
	return is_alpha(c) || is_digit(c) ||
	    (c != 0 && strchr("-._~:/?#[]@!$&'()*+,;=", c) != NULL);
}

static const char *
characters_fault(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] == '%') {
			if (i + 2 >= s.len || !is_hex(s.data[i + 1]) || !is_hex(s.data[i + 2]))
				return "a '%' is not followed by two hexadecimal digits";
			i += 2;
		} else if (!is_uri_char(s.data[i])) {
			return "it holds a character that a URI cannot have";
		}
	}
	return NULL;
}

/* Length of "scheme:", 0 when there is none. */
static size_t
scheme_len(struct slice s)
{
	size_t i = 1;

	if (s.len == 0 || !is_alpha(s.data[0]))
		return 0;
	while (i < s.len &&
	    (is_alpha(s.data[i]) || is_digit(s.data[i]) || s.data[i] == '+' || s.data[i] == '-' ||
		s.data[i] == '.'))
		i++;
	return i < s.len && s.data[i] == ':' ? i + 1 : 0;
}

/* The authority without its userinfo: what stands between "//", or an '@' behind it, and the path. */
static struct slice
authority(struct slice rest)
{
	size_t start = 0, end = 0;

	while (end < rest.len && rest.data[end] != '/' && rest.data[end] != '?' &&
	    rest.data[end] != '#')
		if (rest.data[end++] == '@')
			start = end;
	return slice_of(rest.data + start, end - start);
}

/* host [":" port], the host in brackets when it is an IPv6 address */
static const char *
authority_fault(struct slice rest)
{
	struct slice a = authority(rest);
	size_t host = 0;

	if (a.len > 0 && a.data[0] == '[') {
		const uint8_t *end = memchr(a.data, ']', a.len);

		return end != NULL && end > a.data + 1 ? NULL : "its IPv6 address has no end";
	}
	while (host < a.len && a.data[host] != ':')
		host++;
	if (host == 0)
		return "it has no host behind its //";
	for (size_t i = host + 1; i < a.len; i++)
		if (!is_digit(a.data[i]))
			return "its port is no number";
	return NULL;
}

const char *
uri_fault(struct slice uri)
{
	size_t scheme = scheme_len(uri);
	struct slice rest;
	const char *fault;

	if (uri.len > URI_MAX)
		return "it is too long";
	if (scheme == 0)
		return "it has no scheme";
	rest = slice_of(uri.data + scheme, uri.len - scheme);
	if (rest.len == 0)
		return "there is nothing behind its scheme";
	fault = characters_fault(rest);
	if (fault != NULL || rest.len < 2 || memcmp(rest.data, "//", 2) != 0)
		return fault;
	return authority_fault(slice_of(rest.data + 2, rest.len - 2));
}
