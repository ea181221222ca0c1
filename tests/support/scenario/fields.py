"""The names of today's servers: what is neither one of these nor the worker's own is a mistake in the scenario.

They do not say what the worker must have. What it has is in its own manual, and what it lacks makes a scenario skipped.
"""


def words(text):
    return frozenset(text.split())


SUBJECT = words("ou organization country locality province street_address postal_code")
NAMES = words("common_name alt_names ip_sans uri_sans other_sans exclude_cn_from_sans serial_number user_ids")
TIMES = words("ttl not_before not_after not_before_duration not_before_bound not_after_bound")
KEYS = words("key_type key_bits signature_bits use_pss")
USAGES = words("key_usage ext_key_usage ext_key_usage_oids")
FORMS = words("format private_key_format remove_roots_from_chain")
CONSTRAINTS = words(
    "permitted_dns_domains permitted_ip_ranges permitted_email_addresses permitted_uri_domains"
    " excluded_dns_domains excluded_ip_ranges excluded_email_addresses excluded_uri_domains"
)
# several issuers, with their keys, in one mount; key and existing_key are a scenario's own names of such keys
SEVERAL = words("issuer_ref issuer issuer_name key_ref key_name key_id key existing_key managed_key_name")

ISSUE = NAMES | TIMES | KEYS | USAGES | FORMS | words("issuer_ref issuer cert_metadata skid user_ids")
CA = (
    NAMES | SUBJECT | TIMES | KEYS | USAGES | FORMS | CONSTRAINTS | SEVERAL
    | words("exported max_path_length add_basic_constraints skid")
)  # fmt: skip
CA_SIGN = CA | words("csr use_csr_values enforce_leaf_not_after_behavior")
ROLE = SUBJECT | TIMES | KEYS | USAGES | words(
    """max_ttl allow_any_name allow_bare_domains allow_base_domain allow_glob_domains allow_globs_in_identity_templates
    allow_ip_sans allow_localhost allow_subdomains allow_token_displayname allow_wildcard_certificates
    allowed_base_domain allowed_domains allowed_domains_template allowed_ip_sans_cidr allowed_other_sans
    allowed_serial_numbers allowed_uri_sans allowed_uri_sans_template allowed_user_ids
    basic_constraints_valid_for_non_ca client_flag cn_validations code_signing_flag email_protection_flag
    enforce_hostnames generate_lease issuer_ref no_store no_store_metadata policy_identifiers require_cn
    serial_number_source server_flag use_csr_common_name use_csr_sans lease lease_max"""
)
CRL_CONFIG = words(
    """allow_expired_cert_revocation auto_rebuild auto_rebuild_grace_period cross_cluster_revocation
    delta_rebuild_interval disable enable_delta expiry max_crl_entries ocsp_disable ocsp_expiry unified_crl
    unified_crl_on_existing_paths"""
)
URLS = words(
    "issuing_certificates crl_distribution_points delta_crl_distribution_points ocsp_servers enable_templating"
)
ISSUER_RESULTS = words(
    """issuer_id issuer_name key_id key_name issuer_id_differs_from key_id_differs_from
    key_subject_key_id_equals_cert_skid"""
)
IMPORT_RESULTS = ISSUER_RESULTS | words(
    """mapping existing imported_issuers imported_keys existing_issuers existing_keys existing_issuers_contains
    existing_keys_contains imported_issuers_differ_from imported_keys_differ_from"""
)
