#include "audit_der.h"

#include <limits.h>
#include <openssl/err.h>

bool
element_cut(struct slice *from, int tag, struct element *ret)
{
	const uint8_t *at = from->data;
	long len = 0;
	int class;

	if (from->len == 0 || from->len > LONG_MAX)
		return false;
	if ((ASN1_get_object(&at, &len, &ret->tag, &class, (long)from->len) & 0x81) != 0) {
		ERR_clear_error();
		return false;
	}
	if (class == V_ASN1_CONTEXT_SPECIFIC)
		ret->tag += V_ASN1_CONTEXT_SPECIFIC;
	else if (class != V_ASN1_UNIVERSAL || ret->tag >= V_ASN1_CONTEXT_SPECIFIC)
		return false;
	ret->contents = slice_of(at, (size_t)len);
	ret->whole = slice_of(from->data, (size_t)(at - from->data) + (size_t)len);
	*from = slice_of(from->data + ret->whole.len, from->len - ret->whole.len);
	return tag == ELEMENT_ANY || ret->tag == tag;
}
