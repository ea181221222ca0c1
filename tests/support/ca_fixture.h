/* The records of `.state` of a mount with a CA of its own key, and of the role `web` (P-256, below example.com). */
#ifndef CERTMILL_CA_FIXTURE_H
#define CERTMILL_CA_FIXTURE_H

#include "ca_key.h"
#include "certificate.h"
#include "key.h"
#include "ledger.h"
#include "scoped_openssl.h"
#include "states.h"
#include "timespan.h"

#include <stdlib.h>

#define CA_YEARS ((int64_t)20 * 365 * 86400)

typedef void state_put(void *opaque, struct slice key, struct slice value);

struct state_sink {
	state_put *put;
	void *opaque;
	struct arena *arena;
};

static inline void
state_write(
    const struct state_sink *to, const char *key, const struct schema *schema, const void *value)
{
	struct buf b SCOPED_BUF;
	struct writer w = { &b };

	buf_init(&b, 1 << 20);
	schema_encode(schema, value, &w);
	to->put(to->opaque, slice_text(key), arena_copy(to->arena, buf_slice(&b)));
}

/* A self-signed certificate of the key, in the arena. */
static inline struct slice
ca_certificate(struct arena *a, EVP_PKEY *key, const char *name)
{
	static const uint8_t serial[SERIAL_SIZE] = { 1 };
	const int64_t now = time_now_ms() / 1000;
	const struct template t = { .common_name = slice_text(name),
		.not_before = now - 60,
		.not_after = now + CA_YEARS,
		.is_ca = true,
		.max_path_length = -1,
		.key_usage = USAGE_CRL_SIGN | USAGE_KEY_CERT_SIGN };
	struct certificate_input in = { .template = &t, .serial = slice_of(serial, SERIAL_SIZE) };
	struct buf der SCOPED_BUF;
	struct err e = { 0 };
	struct signer *signer = signer_new(key, &e);
	uint8_t *spki = NULL;
	int len = i2d_PUBKEY(key, &spki);

	buf_init(&der, CERTIFICATE_MAX);
	in.spki = slice_of(spki, (size_t)len);
	if (signer == NULL || len <= 0 || !certificate_build(&in, signer, &der, &e))
		abort();
	OPENSSL_free(spki);
	signer_free(signer);
	return arena_copy(a, buf_slice(&der));
}

/* Writes mount, issuer and role. Returns the issuer's id. */
static inline struct slice
ca_write(const struct state_sink *to, const struct secret *kek, const char *mount)
{
	struct mount_state m = { .v = 1,
		.default_ttl = 3600,
		.max_ttl = 86400,
		.allow_clear_keys = true,
		.created = 1 };
	struct issuer_state issuer = { .v = 1, .crl_shards = 1, .created = 1 };
	struct slice domains[] = { SLICE_LITERAL("example.com") };
	struct role role;
	char id[ISSUER_ID_SIZE];
	struct err e = { 0 };
	struct sealer *sealer = sealer_new(kek, "ca key", &e);
	EVP_PKEY *key = key_generate(KEY_EC, 256, time_monotonic_us() + 10000000, &e);

	if (sealer == NULL || key == NULL)
		abort();
	issuer.certificate = ca_certificate(to->arena, key, mount);
	issuer_id_of(issuer.certificate, id);
	issuer.id = m.issuer = arena_copy(to->arena, slice_text(id));
	if (!ca_key_seal(sealer, slice_text(mount), issuer.id, key, to->arena, &issuer.key, &e))
		abort();
	role_defaults(&role);
	role.key_type = SLICE_LITERAL("ec");
	role.key_bits = 256;
	role.allow_subdomains = true;
	role.allowed_domains = (struct slice_list){ domains, 1 };
	state_write(to, arena_printf(to->arena, "mount/%s/", mount), &mount_state_schema, &m);
	state_write(
	    to, arena_printf(to->arena, "issuer/%s/%s", mount, id), &issuer_state_schema, &issuer);
	state_write(to, arena_printf(to->arena, "role/%s/web", mount), &role_schema, &role);
	sealer_free(sealer);
	EVP_PKEY_free(key);
	return issuer.id;
}

#endif
