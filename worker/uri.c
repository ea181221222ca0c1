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

/* What stands between "//" and the path: [userinfo "@"] host [":" port] */
static const char *
authority_fault(struct slice rest)
{
	size_t start = 0, end = 0, host;

	while (end < rest.len && rest.data[end] != '/' && rest.data[end] != '?' &&
	    rest.data[end] != '#')
		if (rest.data[end++] == '@')
			start = end;
	host = start;
	if (host < end && rest.data[host] == '[') {
		while (host < end && rest.data[host] != ']')
			host++;
		return host < end && host > start + 1 ? NULL : "its IPv6 address has no end";
	}
	while (host < end && rest.data[host] != ':')
		host++;
	if (host == start)
		return "it has no host behind its //";
	for (size_t i = host + 1; i < end; i++)
		if (!is_digit(rest.data[i]))
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
