#include "decision.h"

bool
policy_decide(const struct policy_input *in, struct arena *a, struct template *ret, struct err *e)
{
	static const struct rule rules[] = {
		{ "common_name", rule_common_name },
		{ "alt_names", rule_alt_names },
		{ "ip_sans", rule_ip_sans },
		{ "uri_sans", rule_uri_sans },
		{ "other_sans", rule_other_sans },
		{ "subject", rule_subject },
		{ "validity", rule_validity },
		{ "key", rule_key },
		{ "usage", rule_usage },
		{ "csr", rule_csr },
		{ "form", rule_form },
	};
	const struct role *role = in->rules->role;
	struct decision d = { .rules = in->rules,
		.role = role,
		.request = in->request,
		.csr = in->csr,
		.identity = in->identity,
		.validity = decision_validity(in, role),
		.arena = a,
		.ret = ret };

	*ret = (struct template){ .max_path_length = -1 };
	return decision_run(&d, rules, sizeof(rules) / sizeof(rules[0]), e);
}
