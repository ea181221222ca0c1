/*
 * What a decision costs: policy alone, without JSON, msgpack or a signature. Thread CPU time, the least of ROUNDS. Every
 * decision is made afresh; the role is made ready once, as the catalog does it, and what that costs stands beside it.
 */
#include "policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS  15
#define EACH    5000
#define DOMAINS 1000
#define NOW     1700000000

struct bench {
	struct arena memory, batch;
	struct role role;
	struct role_rules rules;
	struct leaf_params request;
	struct csr csr;
	bool sign, refused;
};

static double
cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static struct slice_list
list_of(struct arena *a, const char *const *texts, size_t count)
{
	struct slice_list list = { arena_array(a, count, sizeof(struct slice)), count };

	for (size_t i = 0; i < count; i++)
		list.items[i] = slice_text(texts[i]);
	return list;
}

static struct slice_list
many_domains(struct arena *a, size_t count, const char *before, const char *behind)
{
	struct slice_list list = { arena_array(a, count, sizeof(struct slice)), count };

	for (size_t i = 0; i < count; i++)
		list.items[i] = slice_text(arena_printf(a, "%s%zu%s", before, i, behind));
	return list;
}

static void
decide_all(struct bench *b)
{
	const struct policy_input in = { .rules = &b->rules,
		.request = &b->request,
		.csr = b->sign ? &b->csr : NULL,
		.mount_default_ttl = 86400,
		.mount_max_ttl = 86400,
		.issuer_not_after = NOW + 31536000,
		.now = NOW };

	for (int i = 0; i < EACH; i++) {
		struct template t;
		struct err e;

		if (policy_decide(&in, &b->batch, &t, &e) == b->refused) {
			fprintf(stderr, "bench_policy: %s\n", b->refused ? "was allowed" : e.msg);
			exit(1);
		}
		if (i % 100 == 99)
			arena_reset(&b->batch);
	}
}

static double
measure(struct bench *b)
{
	double least = 1e9;

	for (int round = 0; round < ROUNDS; round++) {
		double start = cpu_us();

		decide_all(b);
		if (cpu_us() - start < least)
			least = cpu_us() - start;
	}
	return least / EACH;
}

static void
make_ready(struct bench *b, double *ret_us)
{
	struct err e;
	double start = cpu_us();

	if (!role_check(&b->role, &b->memory, &e) ||
	    !role_rules_make(&b->role, &b->memory, &b->rules, &e)) {
		fprintf(stderr, "bench_policy: %s\n", e.msg);
		exit(1);
	}
	*ret_us = cpu_us() - start;
}

/* ---- cases ---- */

static void
one_domain(struct bench *b)
{
	b->role.allowed_domains = many_domains(&b->memory, 1, "d", ".example.com");
	b->request.common_name = SLICE_LITERAL("www.d0.example.com");
}

static void
thousand_domains(struct bench *b)
{
	b->role.allowed_domains = many_domains(&b->memory, DOMAINS, "d", ".example.com");
	b->request.common_name = SLICE_LITERAL("www.d999.example.com");
}

static void
thousand_refused(struct bench *b)
{
	thousand_domains(b);
	b->request.common_name = SLICE_LITERAL("www.d1000.example.com");
	b->refused = true;
}

static void
one_glob(struct bench *b)
{
	b->role.allow_glob_domains = true;
	b->role.allowed_domains = many_domains(&b->memory, 1, "www*.d", ".example.com");
	b->request.common_name = SLICE_LITERAL("www7.d0.example.com");
}

static void
thousand_globs(struct bench *b)
{
	b->role.allow_glob_domains = true;
	b->role.allowed_domains = many_domains(&b->memory, DOMAINS, "www*.d", ".example.com");
	b->request.common_name = SLICE_LITERAL("www7.d999.example.com");
}

static void
forty_names(struct bench *b)
{
	one_domain(b);
	b->request.alt_names = many_domains(&b->memory, 40, "host", ".d0.example.com");
}

static void
everything(struct bench *b)
{
	static const char *const
	    uris[] = { "spiffe://example/a/b" },
	    *const others[] = { "1.2.3;utf8:x" }, *const ips[] = { "10.1.2.3", "2001:db8::1" },
	    *const names[] = { "a.d0.example.com", "u@d0.example.com" },
	    *const nets[] = { "10.0.0.0/8", "2001:db8::/32" },
	    *const uri_globs[] = { "spiffe://example/*" },
	    *const other_globs[] = { "1.2.3;utf8:*" }, *const serials[] = { "SN*" },
	    *const ids[] = { "alice" }, *const policies[] = { "1.2.3.4" };

	one_domain(b);
	b->role.allow_bare_domains = true;
	b->role.allowed_ip_sans_cidr = list_of(&b->memory, nets, 2);
	b->role.allowed_uri_sans = list_of(&b->memory, uri_globs, 1);
	b->role.allowed_other_sans = list_of(&b->memory, other_globs, 1);
	b->role.allowed_serial_numbers = list_of(&b->memory, serials, 1);
	b->role.allowed_user_ids = list_of(&b->memory, ids, 1);
	b->role.policy_identifiers = list_of(&b->memory, policies, 1);
	b->request.uri_sans = list_of(&b->memory, uris, 1);
	b->request.other_sans = list_of(&b->memory, others, 1);
	b->request.ip_sans = list_of(&b->memory, ips, 2);
	b->request.alt_names = list_of(&b->memory, names, 2);
	b->request.serial_number = SLICE_LITERAL("SN1");
	b->request.user_ids = list_of(&b->memory, ids, 1);
	b->request.ttl = SCHEMA_ABSENT;
	b->request.not_after = SLICE_LITERAL("2023-11-15T00:00:00Z");
}

static void
csr_names(struct bench *b)
{
	one_domain(b);
	b->role.use_csr_common_name = b->role.use_csr_sans = true;
	b->sign = true;
	b->csr = (struct csr){ .common_name = SLICE_LITERAL("www.d0.example.com"),
		.dns = many_domains(&b->memory, 2, "host", ".d0.example.com"),
		.key_type = KEY_EC,
		.key_bits = 256 };
}

int
main(void)
{
	static const struct {
		const char *name;
		void (*prepare)(struct bench *b);
	} cases[] = {
		{ "issue, one domain", one_domain },
		{ "issue, 1,000 domains", thousand_domains },
		{ "issue, 1,000 domains, refused", thousand_refused },
		{ "issue, one glob", one_glob },
		{ "issue, 1,000 globs", thousand_globs },
		{ "issue, 40 alternative names", forty_names },
		{ "issue, every kind of name and field", everything },
		{ "sign, names from the CSR", csr_names },
	};

	printf("%-40s %10s %14s %16s\n", "decision", "us", "a second", "role ready, us");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench b = { .request = { .ttl = 3600, .key_bits = SCHEMA_ABSENT } };
		double ready_us, us;

		role_defaults(&b.role);
		b.role.key_type = SLICE_LITERAL("ec");
		b.role.allow_subdomains = true;
		b.role.enforce_hostnames = true;
		cases[i].prepare(&b);
		make_ready(&b, &ready_us);
		us = measure(&b);
		printf("%-40s %10.2f %14.0f %16.0f\n", cases[i].name, us, 1e6 / us, ready_us);
		arena_done(&b.memory);
		arena_done(&b.batch);
	}
	return 0;
}
