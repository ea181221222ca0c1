#include "address.h"

#include <stdlib.h>
#include <string.h>

bool
address_split(const char *text, struct address *ret)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon == NULL ? 0 : (size_t)(colon - text);
	char *end;
	long port;

	if (len == 0)
		return false;
	port = strtol(colon + 1, &end, 10);
	if (colon[1] < '0' || colon[1] > '9' || *end != '\0' || port > UINT16_MAX)
		return false;
	if (text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (len == 0 || len >= sizeof(ret->host))
		return false;
	memcpy(ret->host, text, len);
	ret->host[len] = '\0';
	ret->port = (uint16_t)port;
	return true;
}
