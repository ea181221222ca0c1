#include "contract.h"

#include "answers.h"
#include "params.h"

/* clang-format off */
const struct contract contracts[OP_COUNT] = {
#define OPERATION(id, name_, topic_, params_, data_, ...) \
	[OP_##id] = { .name = (name_), .topic = (topic_), .params = (params_), .data = (data_), __VA_ARGS__ },
#include "contract.def"
#undef OPERATION
};
/* clang-format on */

const char *const topic_kind_names[TOPIC_KINDS] = { "issue", "sign", "revoke", "config", "query" };

const struct contract *
contract_find(struct slice name)
{
	for (size_t i = 0; i < OP_COUNT; i++)
		if (slice_is(name, contracts[i].name))
			return &contracts[i];
	return NULL;
}
