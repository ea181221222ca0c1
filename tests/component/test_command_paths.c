/* What each path and command sends: a worker that this test plays answers with what it was asked. */
#include "mock_fixture.h"

#include "fake_worker.h"

#include "command_fixture.h"

#include <jansson.h>

static enum fake_answer
decide(const struct request_envelope *rq, struct writer *data)
{
	static const uint8_t empty_map = 0x80;

	writer_map(data, 5);
	fake_pair(data, "op", rq->op);
	fake_pair(data, "mount", rq->mount);
	fake_pair(data, "role", rq->role.data == NULL ? SLICE_LITERAL("-") : rq->role);
	writer_cstr(data, "params");
	writer_raw(data, rq->params.data == NULL ? slice_of(&empty_map, 1) : rq->params);
	writer_cstr(data, "identity");
	writer_raw(data, rq->identity.data == NULL ? slice_of(&empty_map, 1) : rq->identity);
	return FAKE_OK;
}

static const struct {
	const char *line, *op, *mount, *role, *params;
	const char *identity; /* NULL: none */
} cases[] = {
	/* clang-format off */
	{ "write pki/config/ca pem_bundle=x", "ca/set", "pki", "-", "{\"pem_bundle\":\"x\"}", NULL },
	{ "write inner/config/ca/set pem_bundle=x", "ca/set", "inner", "-", "{\"pem_bundle\":\"x\"}", NULL },
	{ "write inner/intermediate/set-signed pem_bundle=x replace=true", "ca/set", "inner", "-", "{\"pem_bundle\":\"x\",\"replace\":\"true\"}", NULL },
	{ "write inner/intermediate/set-signed certificate=x", "ca/set", "inner", "-", "{\"certificate\":\"x\"}", NULL },
	{ "write pki/config/ca/generate/root/internal common_name=a", "ca/generate/root", "pki", "-", "{\"common_name\":\"a\",\"exported\":\"internal\"}", NULL },
	{ "write pki/config/ca/generate/root/external common_name=a", "ca/generate/root", "pki", "-", "{\"common_name\":\"a\",\"exported\":\"external\"}", NULL },
	{ "write pki/root/generate/exported common_name=a", "ca/generate/root", "pki", "-", "{\"common_name\":\"a\",\"exported\":\"exported\"}", NULL },
	{ "write pki/config/ca/generate/intermediate/exported common_name=a", "ca/generate/intermediate", "pki", "-", "{\"common_name\":\"a\",\"exported\":\"exported\"}", NULL },
	{ "write pki/intermediate/generate/internal common_name=a", "ca/generate/intermediate", "pki", "-", "{\"common_name\":\"a\",\"exported\":\"internal\"}", NULL },
	{ "write pki/config/ca/sign csr=x common_name=a use_csr_values=true max_path_length=0", "ca/sign", "pki", "-",
	  "{\"csr\":\"x\",\"common_name\":\"a\",\"use_csr_values\":\"true\",\"max_path_length\":\"0\"}", NULL },
	{ "write pki/root/sign-intermediate csr=x", "ca/sign", "pki", "-", "{\"csr\":\"x\"}", NULL },
	{ "write pki/config/urls ocsp_servers= issuing_certificates=a issuing_certificates=b", "urls/write", "pki", "-",
	  "{\"ocsp_servers\":\"\",\"issuing_certificates\":[\"a\",\"b\"]}", NULL },
	{ "read pki/config/urls", "urls/read", "pki", "-", "{}", NULL },
	{ "write pki/config/crl expiry=72h", "crl/write", "pki", "-", "{\"expiry\":\"72h\"}", NULL },
	{ "read pki/config/crl", "crl/config/read", "pki", "-", "{}", NULL },
	{ "read pki/ca", "ca/read", "pki", "-", "{\"format\":\"der\"}", NULL },
	{ "read pki/ca/pem", "ca/read", "pki", "-", "{\"format\":\"pem\"}", NULL },
	{ "read pki/crl", "crl/read", "pki", "-", "{\"format\":\"der\"}", NULL },
	{ "read pki/crl/pem", "crl/read", "pki", "-", "{\"format\":\"pem\"}", NULL },
	{ "read pki/crl/rotate", "crl/rotate", "pki", "-", "{}", NULL },
	{ "write pki/crl/rotate", "crl/rotate", "pki", "-", "{}", NULL },
	{ "read pki/cert/ca", "cert/read", "pki", "-", "{\"serial\":\"ca\"}", NULL },
	{ "read pki/cert/crl", "cert/read", "pki", "-", "{\"serial\":\"crl\"}", NULL },
	{ "read pki/cert/5e:62", "cert/read", "pki", "-", "{\"serial\":\"5e:62\"}", NULL },
	{ "read pki/cert/5e-62", "cert/read", "pki", "-", "{\"serial\":\"5e-62\"}", NULL },
	{ "write pki/issue/web common_name=a ttl=1h", "issue", "pki", "web", "{\"common_name\":\"a\",\"ttl\":\"1h\"}", NULL },
	{ "write -display-name=a pki/issue/web common_name=a", "issue", "pki", "web", "{\"common_name\":\"a\"}", "{\"display_name\":\"a\"}" },
	{ "write -identity={\"entity_id\":\"e\",\"display_name\":\"b\"} -display-name=a pki/issue/web", "issue", "pki", "web", "{}",
	  "{\"entity_id\":\"e\",\"display_name\":\"a\"}" },
	{ "write pki/sign/web csr=x", "sign", "pki", "web", "{\"csr\":\"x\"}", NULL },
	{ "write pki/sign-verbatim csr=x", "sign-verbatim", "pki", "-", "{\"csr\":\"x\"}", NULL },
	{ "write pki/sign-verbatim/web csr=x", "sign-verbatim", "pki", "web", "{\"csr\":\"x\"}", NULL },
	{ "write pki/revoke serial_number=5e:62", "revoke", "pki", "-", "{\"serial_number\":\"5e:62\"}", NULL },
	{ "write pki/roles/web ttl=6h", "role/write", "pki", "web", "{\"ttl\":\"6h\"}", NULL },
	{ "patch pki/roles/web ttl=6h", "role/patch", "pki", "web", "{\"ttl\":\"6h\"}", NULL },
	{ "read pki/roles/web", "role/read", "pki", "web", "{}", NULL },
	{ "delete pki/roles/web", "role/delete", "pki", "web", "{}", NULL },
	/* commands of their own */
	{ "mount pki", "mount/write", "pki", "-", "{}", NULL },
	{ "mount -path=inner/ -description=all -default-lease-ttl=1h -max-lease-ttl=768h pki allow_slow_keys=true", "mount/write", "inner", "-",
	  "{\"allow_slow_keys\":\"true\",\"default_ttl\":\"1h\",\"max_ttl\":\"768h\",\"description\":\"all\"}", NULL },
	{ "mount-tune -default-lease-ttl=1h -max-lease-ttl=768h inner/", "mount/tune", "inner", "-", "{\"default_ttl\":\"1h\",\"max_ttl\":\"768h\"}", NULL },
	{ "mount-tune inner max_lease_ttl=768h", "mount/tune", "inner", "-", "{\"max_lease_ttl\":\"768h\"}", NULL },
	{ "unmount inner/", "mount/delete", "inner", "-", "{}", NULL },
	{ "mounts", "mount/list", "pki", "-", "{}", NULL },
	{ "revoke inner/issue/web/5e-62 reason=superseded", "revoke", "inner", "-", "{\"reason\":\"superseded\",\"lease_id\":\"inner/issue/web/5e-62\"}", NULL },
	{ "revoke pki/sign/issue/5e-62", "revoke", "pki", "-", "{\"lease_id\":\"pki/sign/issue/5e-62\"}", NULL },
	{ "revoke pki/sign-verbatim/5e-62", "revoke", "pki", "-", "{\"lease_id\":\"pki/sign-verbatim/5e-62\"}", NULL },
	{ "revoke pki/config/ca/sign/5e-62", "revoke", "pki", "-", "{\"lease_id\":\"pki/config/ca/sign/5e-62\"}", NULL },
	/* clang-format on */
};

static void
expect_text(const char *line, const json_t *asked, const char *name, const char *want)
{
	const char *came = json_string_value(json_object_get(asked, name));

	if (came == NULL || strcmp(came, want) != 0)
		fail_msg(
		    "%s: expected %s %s, came %s", line, name, want, came == NULL ? "none" : came);
}

static void
expect_map(const char *line, const json_t *asked, const char *name, const char *want)
{
	char *came = json_dumps(json_object_get(asked, name), JSON_COMPACT);

	if (came == NULL || strcmp(came, want) != 0)
		fail_msg("%s: expected %s, came %s", line, want, came == NULL ? "none" : came);
	free(came);
}

static void
each_path_is_its_operation(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char line[300];
		struct outcome o;
		json_t *reply;
		const json_t *asked;

		(void)snprintf(line, sizeof(line), "%s -format=json", cases[i].line);
		o = run(line);
		reply = json_loads(o.out, 0, NULL);
		if (o.status != STATUS_OK || reply == NULL)
			fail_msg("%s: %d: %s", line, (int)o.status, o.err);
		asked = json_object_get(reply, "data");
		expect_text(line, asked, "op", cases[i].op);
		expect_text(line, asked, "mount", cases[i].mount);
		expect_text(line, asked, "role", cases[i].role);
		expect_map(line, asked, "params", cases[i].params);
		expect_map(
		    line, asked, "identity", cases[i].identity == NULL ? "{}" : cases[i].identity);
		json_decref(reply);
	}
}

static void
an_identity_is_an_object(void **state)
{
	struct outcome o = run("write -identity=7 pki/issue/web");

	(void)state;
	assert_int_equal(o.status, STATUS_FAILED);
	assert_non_null(strstr(o.err, "-identity wants a JSON object"));
}

static int
begin(void **state)
{
	(void)state;
	return world(decide);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_path_is_its_operation),
		cmocka_unit_test(an_identity_is_an_object),
	};

	return cmocka_run_group_tests(tests, begin, world_end);
}
