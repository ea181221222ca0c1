#include "ip.h"

#include <arpa/inet.h>

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

static bool
is_mapped(const struct ip *ip)
{
	return ip->len == 16 && memcmp(ip->octets, mapped, sizeof(mapped)) == 0;
}

static void
unmap(struct ip *ip)
{
	memmove(ip->octets, ip->octets + sizeof(mapped), 4);
	ip->len = 4;
}

static bool
parse(struct slice text, struct ip *ret)
{
	char c[INET6_ADDRSTRLEN + 1];

	if (text.len >= sizeof(c) || memchr(text.data, '\0', text.len) != NULL)
		return false;
	memcpy(c, text.data, text.len);
	c[text.len] = '\0';
	ret->len = memchr(text.data, ':', text.len) == NULL ? 4 : 16;
	return inet_pton(ret->len == 4 ? AF_INET : AF_INET6, c, ret->octets) == 1;
}

bool
ip_parse(struct slice text, struct ip *ret)
{
	if (text.len == 0 || !parse(text, ret))
		return false;
	if (is_mapped(ret))
		unmap(ret);
	return true;
}

bool
ip_of_octets(struct slice octets, struct ip *ret)
{
	if (octets.len != 4 && octets.len != 16)
		return false;
	ret->len = octets.len;
	memcpy(ret->octets, octets.data, octets.len);
	if (is_mapped(ret))
		unmap(ret);
	return true;
}

struct slice
ip_text(const struct ip *ip, char ret[static IP_TEXT_SIZE])
{
	inet_ntop(ip->len == 4 ? AF_INET : AF_INET6, ip->octets, ret, IP_TEXT_SIZE);
	return slice_text(ret);
}

bool
cidr_parse(struct slice text, struct cidr *ret)
{
	const uint8_t *slash = text.len == 0 ? NULL : memchr(text.data, '/', text.len);
	size_t digits;

	if (slash == NULL ||
	    !parse(slice_of(text.data, (size_t)(slash - text.data)), &ret->network))
		return false;
	digits = text.len - (size_t)(slash + 1 - text.data);
	if (digits == 0 || digits > 3 || (digits > 1 && slash[1] == '0'))
		return false;
	ret->bits = 0;
	for (size_t i = 1; i <= digits; i++) {
		if (slash[i] < '0' || slash[i] > '9')
			return false;
		ret->bits = ret->bits * 10 + (unsigned)(slash[i] - '0');
	}
	if (ret->bits > 8 * ret->network.len)
		return false;
	if (is_mapped(&ret->network) && ret->bits >= 96) {
		unmap(&ret->network);
		ret->bits -= 96;
	}
	return true;
}

bool
cidr_contains(const struct cidr *c, const struct ip *ip)
{
	size_t whole = c->bits / 8;
	unsigned rest = c->bits % 8;

	if (ip->len != c->network.len || memcmp(ip->octets, c->network.octets, whole) != 0)
		return false;
	return rest == 0 || (ip->octets[whole] ^ c->network.octets[whole]) >> (8 - rest) == 0;
}
