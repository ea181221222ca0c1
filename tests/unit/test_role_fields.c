/* Every field of a role that can be wrong when it is written, and what is filled in. */
#include "policy_check.h"

/* clang-format off */
static const struct {
	const char *role;
	const char *field, *says; /* NULL: taken */
} cases[] = {
	{ "", NULL, NULL },
	{ "not_before_duration=-1", "not_before_duration", "negative" },
	{ "not_before_duration=3162240001", "not_before_duration", "100 years" },
	{ "key_type=any key_bits=1", NULL, NULL },
	{ "key_type=ANY", "key_type", "none of rsa, ec, ed25519 and any" },
	{ "key_bits=1", "key_bits", "1 bits" },
	{ "signature_bits=224", "signature_bits", "224 is none" },
	{ "signature_bits=1", "signature_bits", "" },
	{ "signature_bits=-256", "signature_bits", "" },
	{ "signature_bits=512", NULL, NULL },
	{ "key_type=ec signature_bits=521", NULL, NULL },
	{ "key_type=ec signature_bits=1", NULL, NULL },
	{ "key_type=ed25519 signature_bits=1", NULL, NULL },
	{ "issuer_ref=0123456789abcdef0123456789abcdef", NULL, NULL },
	{ "issuer_ref=a/b", "issuer_ref", "issuer" },
	{ "serial_number_source=json", NULL, NULL },
	{ "serial_number_source=csr", "serial_number_source", "none of" },
	{ "not_before_bound=duration", NULL, NULL },
	{ "not_before_bound=ttl-limited", "not_before_bound", "none of" },
	{ "not_before_bound=2030-01-01T00:00:00Z", "not_before_bound", "" },
	{ "not_after_bound=ttl-limited", NULL, NULL },
	{ "not_after_bound=2030-01-01T00:00:00Z", NULL, NULL },
	{ "not_after_bound=duration", "not_after_bound", "none of" },
	{ "not_after_bound=tomorrow", "not_after_bound", "" },
	{ "not_after=9999-12-31T23:59:59Z", NULL, NULL },
	{ "not_after=1230-12-31T23:59:59Z", NULL, NULL },
	{ "not_after=2030-01-01", "not_after", "" },
	{ "not_before=yesterday", "not_before", "" },
	{ "not_before=1949-12-31T23:59:59Z", "not_before", "1950" },
	{ "not_before=2030-01-01T00:00:00Z not_after=2030-01-01T00:00:00Z", "not_after", "not behind" },
	{ "not_after=2030-01-01T00:00:01Z not_after_bound=2030-01-01T00:00:00Z", "not_after", "beyond" },
	{ "cn_validations=", NULL, NULL },
	{ "cn_validations=hostname,email", NULL, NULL },
	{ "cn_validations=disabled", NULL, NULL },
	{ "cn_validations=disabled,email", "cn_validations", "stands alone" },
	{ "cn_validations=email,email", "cn_validations", "twice" },
	{ "cn_validations=Email,HOSTNAME", NULL, NULL },
	{ "cn_validations=email,Email", "cn_validations", "twice" },
	{ "cn_validations=email,Disabled", "cn_validations", "stands alone" },
	{ "cn_validations=e-mail", "cn_validations", "none of" },
	{ "cn_validations=email,", "cn_validations", "none of" },
	{ "allowed_ip_sans_cidr=10.0.0.0/8,::/0,1.2.3.4/31", NULL, NULL },
	{ "allowed_ip_sans_cidr=10.0.0.1", "allowed_ip_sans_cidr", "no network" },
	{ "allowed_ip_sans_cidr=10.0.0.0/8,10.0.0.0/33", "allowed_ip_sans_cidr", "/33" },
	{ "allowed_other_sans=*", NULL, NULL },
	{ "allowed_other_sans=1.2.3;UTF8:*,1.2.4;utf-8:x", NULL, NULL },
	{ "allowed_other_sans=4.3.2.1;utf8:x", NULL, NULL },
	{ "allowed_other_sans=*,1.2.3;utf8:x", "allowed_other_sans", "semicolon" },
	{ "allowed_other_sans=1.2.3;magic", "allowed_other_sans", "colon" },
	{ "allowed_other_sans=1.2.3;bmp:x", "allowed_other_sans", "type" },
	{ "allowed_other_sans=x;utf8:x", "allowed_other_sans", "OID" },
	{ "allowed_uri_sans=http://x/*,*", NULL, NULL },
	{ "allowed_uri_sans=a\nb", "allowed_uri_sans", "control character" },
	{ "allowed_uri_sans=,x", NULL, NULL },
	{ "allowed_uri_sans={{identity.entity.name}} +allowed_uri_sans_template", NULL, NULL },
	{ "allowed_uri_sans={{identity.entity.nick}} +allowed_uri_sans_template", "allowed_uri_sans", "template" },
	{ "allowed_uri_sans={{identity.entity.nick}}", NULL, NULL },
	{ "allowed_domains={{identity.entity.aliases.x.name}} +allowed_domains_template", NULL, NULL },
	{ "allowed_domains=a.{{identity.entity.id}}.b,plain.example +allowed_domains_template", NULL, NULL },
	{ "allowed_domains={{identity.entity.aliases.x}} +allowed_domains_template", "allowed_domains", "template" },
	{ "allowed_domains={{identity.group.x}} +allowed_domains_template", "allowed_domains", "template" },
	{ "allowed_domains=.example +allowed_domains_template", "allowed_domains", "begins with a dot" },
	{ "allowed_domains=...", "allowed_domains", "begins with a dot" },
	{ "allowed_domains=*.b\xc3\xbc" "cher.de", NULL, NULL },
	{ "allowed_domains=*\xc3\xbc" "cher.de", "allowed_domains", "'*'" },
	{ "allowed_serial_numbers=a*,*", NULL, NULL },
	{ "allowed_serial_numbers=a,", NULL, NULL },
	{ "allowed_serial_numbers=a\nb", "allowed_serial_numbers", "control character" },
	{ "allowed_user_ids=,a", NULL, NULL },
	{ "allowed_domains=example.com,", NULL, NULL },
	{ "allowed_domains=,example.com +allowed_domains_template", NULL, NULL },
	{ "allowed_user_ids=a\x7f", "allowed_user_ids", "control character" },
	{ "ou=a,b organization=c country=DE locality=l province=p street_address=s postal_code=1", NULL, NULL },
	{ "ou=a\nb", "ou", "control character" },
	{ "organization=,", "organization", "empty" },
	{ "country=D\tE", "country", "control character" },
	{ "locality=,x", "locality", "empty" },
	{ "province=\x01", "province", "control character" },
	{ "street_address=a\rb", "street_address", "control character" },
	{ "postal_code=\x1b", "postal_code", "control character" },
	{ "ext_key_usage_oids=1.2.3,4.3.2.1", NULL, NULL },
	{ "ext_key_usage_oids=1.2.x", "ext_key_usage_oids", "no OID" },
	{ "ext_key_usage_oids=1", "ext_key_usage_oids", "no OID" },
	{ "policy_identifiers=1.2.3,1.2.4", NULL, NULL },
	{ "policy_identifiers=1.2.3,1.2.3", "policy_identifiers", "twice" },
	{ "policy_identifiers=x", "policy_identifiers", "no OID" },
	/* tolerated where it stands */
	{ "key_usage=Nonsense ext_key_usage=Nonsense", NULL, NULL },
};

/* What is kept. */
static const struct {
	const char *role;
	int64_t key_bits, signature_bits, not_before_duration;
	bool lease;
	size_t cn_validations;
} kept[] = {
	{ "", 2048, 256, 30, true, 2 },
	{ "key_type=ec", 256, 0, 30, true, 2 },
	{ "key_type=ec signature_bits=521 key_bits=384", 384, 521, 30, true, 2 },
	{ "key_type=ec signature_bits=1", 256, 1, 30, true, 2 },
	{ "key_type=ed25519 signature_bits=512 key_bits=7", 7, 0, 30, true, 2 },
	{ "key_type=any signature_bits=512 key_bits=4096", 4096, 0, 30, true, 2 },
	{ "signature_bits=384 not_before_duration=0 cn_validations=", 2048, 384, 30, true, 2 },
	{ "not_before_duration=1 cn_validations=email", 2048, 256, 1, true, 1 },
	{ "+no_store", 2048, 256, 30, false, 2 },
	{ "-generate_lease", 2048, 256, 30, false, 2 },
};
/* clang-format on */

static void
refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		SCOPED_ARENA struct arena a = { 0 };
		struct role role;
		struct role_rules rules;
		struct err e = { 0 };
		bool ok;

		role_of_text(&a, cases[i].role, &role);
		ok = role_check(&role, &a, &e);
		if (ok != (cases[i].field == NULL))
			fail_msg("%s: %s", cases[i].role, ok ? "was taken" : e.msg);
		if (!ok)
			check_refusal(
			    cases[i].role, "role_invalid", cases[i].field, cases[i].says, &e);
		else if (!role_rules_make(&role, &a, &rules, &e))
			fail_msg("%s: was taken, and does not work: %s", cases[i].role, e.msg);
	}
}

static void
filled_in(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(kept); i++) {
		SCOPED_ARENA struct arena a = { 0 };
		struct role role;
		struct err e;

		role_of_text(&a, kept[i].role, &role);
		assert_true(role_check(&role, &a, &e));
		if (role.key_bits != kept[i].key_bits ||
		    role.signature_bits != kept[i].signature_bits ||
		    role.not_before_duration != kept[i].not_before_duration ||
		    role.generate_lease != kept[i].lease ||
		    role.cn_validations.count != kept[i].cn_validations)
			fail_msg("%s", kept[i].role);
		/* and so it stays */
		assert_true(role_check(&role, &a, &e));
		assert_int_equal(role.key_bits, kept[i].key_bits);
		assert_int_equal(role.signature_bits, kept[i].signature_bits);
	}
}

static void
usages(void **state)
{
	static const struct {
		const char *role, *field;
	} lists[] = {
		{ "key_usage=DigitalSignature,contentcommitment,KEYENCIPHERMENT,DataEncipherment,KeyAgreement,CertSign,CRLSign,EncipherOnly,DecipherOnly",
		    NULL },
		{ "ext_key_usage=Any,ServerAuth,ClientAuth,CodeSigning,EmailProtection,IPSECEndSystem,IPSECTunnel,IPSECUser,TimeStamping,OCSPSigning,"
		  "MicrosoftServerGatedCrypto,NetscapeServerGatedCrypto,MicrosoftCommercialCodeSigning,microsoftkernelcodesigning",
		    NULL },
		{ "key_usage= ext_key_usage=", NULL },
		{ "key_usage=DigitialSignature", "key_usage" },
		{ "key_usage=ServerAuth", "key_usage" },
		{ "key_usage=CRLSign,,", "key_usage" },
		{ "ext_key_usage=CertSign", "ext_key_usage" },
		{ "ext_key_usage=1.2.3", "ext_key_usage" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lists); i++) {
		SCOPED_ARENA struct arena a = { 0 };
		struct role role;
		struct err e = { 0 };
		bool ok;

		role_of_text(&a, lists[i].role, &role);
		ok = role_check_usages(&role, &e);
		if (ok != (lists[i].field == NULL))
			fail_msg("%s: %s", lists[i].role, ok ? "was taken" : e.msg);
		if (!ok)
			check_refusal(lists[i].role, "role_invalid", lists[i].field, "", &e);
	}
}

/* What the source document says, and what its successors say. */
static void
defaults(void **state)
{
	struct role seed, current;

	(void)state;
	role_defaults(&seed);
	role_defaults_current(&current);
	assert_true(seed.allow_localhost && seed.allow_ip_sans && seed.server_flag &&
	    seed.client_flag && seed.generate_lease && seed.require_cn &&
	    seed.allow_wildcard_certificates);
	assert_false(seed.enforce_hostnames || seed.use_csr_common_name || seed.use_csr_sans ||
	    seed.no_store || seed.allow_any_name || seed.use_pss || seed.require_seal_to);
	assert_true(
	    current.enforce_hostnames && current.use_csr_common_name && current.use_csr_sans);
	assert_false(current.generate_lease);
	current.enforce_hostnames = current.use_csr_common_name = current.use_csr_sans = false;
	current.generate_lease = true;
	for (size_t i = 0; i < role_schema.count; i++) {
		const struct field *f = &role_schema.fields[i];
		const struct slice_list *list = (const void *)((uint8_t *)&seed + f->offset);

		if (f->type == FIELD_LIST)
			assert_non_null(list->items); /* present, so that role/read has all */
	}
	assert_true(seed.ttl == current.ttl && slice_eq(seed.key_type, current.key_type));
	assert_true(seed.key_usage.items == current.key_usage.items && seed.key_usage.count == 3);
	assert_int_equal(seed.not_before_duration, 30);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused),
		cmocka_unit_test(filled_in),
		cmocka_unit_test(usages),
		cmocka_unit_test(defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
