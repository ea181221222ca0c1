/* IP addresses and networks as octets: 4 or 16. An IPv4 address in IPv6's clothes (::ffff:0:0/96) is what it is. */
#ifndef CERTMILL_IP_H
#define CERTMILL_IP_H

#include "slice.h"

struct ip {
	uint8_t octets[16];
	size_t len; /* 4 or 16 */
};

struct cidr {
	struct ip network;
	unsigned bits; /* of the prefix */
};

#define IP_TEXT_SIZE 46

bool ip_parse(struct slice text, struct ip *ret);
/* From the octets of a SAN; false when they are no address. */
bool ip_of_octets(struct slice octets, struct ip *ret);
struct slice ip_text(const struct ip *ip, char ret[static IP_TEXT_SIZE]);
/* "10.0.0.0/8"; bits behind the prefix mean nothing. */
bool cidr_parse(struct slice text, struct cidr *ret);
bool cidr_contains(const struct cidr *c, const struct ip *ip);

#endif
