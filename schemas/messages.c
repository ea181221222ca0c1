#include "messages.h"

#include "answers.h"
#include "envelope.h"
#include "ledger.h"
#include "params.h"
#include "states.h"

static const struct schema *const messages[] = {
	&request_schema,
	&response_schema,
	&error_schema,
	&warning_schema,
	&jwk_schema,
	&identity_schema,
	&alias_schema,
	/* parameters */
	&issue_params_schema,
	&sign_params_schema,
	&sign_verbatim_params_schema,
	&revoke_params_schema,
	&crl_rotate_params_schema,
	&mount_params_schema,
	&mount_tune_params_schema,
	&ca_set_params_schema,
	&ca_root_params_schema,
	&ca_intermediate_params_schema,
	&ca_sign_params_schema,
	&urls_params_schema,
	&crl_params_schema,
	&role_schema,
	&cert_read_params_schema,
	&page_params_schema,
	&read_params_schema,
	&no_params_schema,
	/* answers */
	&leaf_answer_schema,
	&csr_answer_schema,
	&revoke_answer_schema,
	&rotate_answer_schema,
	&cert_read_answer_schema,
	&page_answer_schema,
	&mount_list_answer_schema,
	&mount_entry_schema,
	&ca_read_answer_schema,
	&crl_read_answer_schema,
	&urls_answer_schema,
	&crl_config_answer_schema,
	&role_names_schema,
	&dry_run_answer_schema,
	&status_answer_schema,
	&status_lane_schema,
	&status_partition_schema,
	&status_crl_schema,
	&status_mount_schema,
	/* records */
	&certificate_record_schema,
	&revoked_record_schema,
	&audit_record_schema,
	&audit_entry_schema,
	&claim_record_schema,
	&outcome_schema,
	&mount_state_schema,
	&issuer_state_schema,
	&pending_state_schema,
	&urls_state_schema,
	&crl_state_schema,
	&topics_state_schema,
};

const struct schema *
message_schema(size_t i)
{
	return i < sizeof(messages) / sizeof(messages[0]) ? messages[i] : NULL;
}

static const struct {
	const struct schema *outer;
	const char *field;
	const struct schema *inner;
} nested[] = {
	{ &request_schema, "seal_to", &jwk_schema },
	{ &response_schema, "error", &error_schema },
	{ &response_schema, "warnings", &warning_schema },
	{ &mount_list_answer_schema, "mounts", &mount_entry_schema },
	{ &mount_list_answer_schema, "seal_key", &jwk_schema },
	{ &status_answer_schema, "lanes", &status_lane_schema },
	{ &status_answer_schema, "partitions", &status_partition_schema },
	{ &status_answer_schema, "crls", &status_crl_schema },
	{ &status_answer_schema, "mounts", &status_mount_schema },
	{ &audit_record_schema, "entries", &audit_entry_schema },
	{ &audit_entry_schema, "outcome", &outcome_schema },
	{ &claim_record_schema, "outcome", &outcome_schema },
	{ &outcome_schema, "warnings", &warning_schema },
};

const struct schema *
message_beside(const struct schema *data)
{
	return data == &role_schema ? &role_names_schema : NULL;
}

const struct schema *
message_inner(const struct schema *s, const char *field)
{
	for (size_t i = 0; i < sizeof(nested) / sizeof(nested[0]); i++)
		if (nested[i].outer->fields == s->fields && strcmp(nested[i].field, field) == 0)
			return nested[i].inner;
	return NULL;
}
