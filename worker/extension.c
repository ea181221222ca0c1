#include "extension.h"

bool
extension_read(struct slice whole, struct extension *ret)
{
	struct der_reader r = der_reader_of(whole), inside;

	return der_enter(&r, DER_SEQUENCE, &inside) && der_reader_done(&r) &&
	    der_read_oid(&inside, &ret->oid) && der_read_bool(&inside, &ret->critical) &&
	    der_read(&inside, DER_OCTET_STRING, &ret->value, NULL) && der_reader_done(&inside);
}

struct slice
extension_find(const struct slice_list *list, struct slice oid, struct extension *ret)
{
	for (size_t i = 0; i < list->count; i++)
		if (extension_read(list->items[i], ret) && slice_eq(ret->oid, oid))
			return list->items[i];
	return SLICE_NONE;
}

void
extension_wrap(struct der *d, const uint8_t *mark, struct slice oid, bool critical)
{
	der_wrap(d, mark, DER_OCTET_STRING);
	if (critical)
		der_bool_true(d);
	der_tlv(d, DER_OID, oid);
	der_wrap(d, mark, DER_SEQUENCE);
}
