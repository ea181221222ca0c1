/* What tests of CAs under CAs share: the mounts root and pki, and the way from a request to a CA. Included behind world.h and cmocka.h. */
#ifndef CERTMILL_TEST_CA_KIT_H
#define CERTMILL_TEST_CA_KIT_H

#include "scoped_openssl.h"
#include "world.h"

#include <openssl/pem.h>

#define DAY ((int64_t)86400)

static inline const struct catalog_mount *
mount_named(struct world *w, const char *name)
{
	const struct catalog_mount *m = catalog_find_mount(w->cx.catalog, slice_text(name));

	assert_non_null(m);
	return m;
}

static inline const char *
member(struct world *w, const struct answer *a, const char *name)
{
	return arena_text(&w->arena, data_text(a, name));
}

static inline const char *
joined(struct world *w, const char *first, const char *second)
{
	return arena_printf(&w->arena, "%s\n%s", first, second);
}

/* Mount root with a root of two years, whose certificates may live as long; mount pki without a CA. */
static inline struct world *
two_mounts(const char *const *root_params)
{
	struct world *w = world_new();

	world_do(w, ASK("mount/write", .mount = "root", .params = PARAMS("max_ttl", "17520h")));
	world_do(w, ASK("mount/write"));
	world_do(w, ASK("ca/generate/root", .mount = "root", .params = root_params));
	return w;
}
#define ROOT_PARAMS PARAMS("common_name", "Root", "key_type", "ec", "ttl", "17520h")

static inline struct answer *
request_made(struct world *w)
{
	return world_do(w,
	    ASK("ca/generate/intermediate",
		.params = PARAMS("common_name", "Intermediate", "key_type", "ec")));
}

static inline struct answer *
request_signed(struct world *w, const char *csr)
{
	return world_do(w,
	    ASK("ca/sign", .mount = "root",
		.params = PARAMS("csr", csr, "common_name", "Intermediate", "ttl", "8760h")));
}

static inline X509_REQ *
request_of(struct slice pem)
{
	SCOPED(BIO) bio = BIO_new_mem_buf(pem.data, (int)pem.len);
	X509_REQ *req = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);

	if (req == NULL)
		fail_msg("no request in \"%.*s\"", SLICE_FMT(pem));
	return req;
}

static inline struct slice
request_text(struct world *w, X509_REQ *req)
{
	SCOPED(BIO) bio = BIO_new(BIO_s_mem());
	char *text;
	long len;

	assert_int_equal(PEM_write_bio_X509_REQ(bio, req), 1);
	len = BIO_get_mem_data(bio, &text);
	return arena_copy(&w->arena, slice_of(text, (size_t)len));
}

/* A request by OpenSSL with these extensions, each a pair of NID and openssl's notation; 0 ends them. */
struct asked {
	int nid;
	const char *value;
};
static inline const char *
request_asking(struct world *w, EVP_PKEY *key, const char *common_name, const struct asked *asked)
{
	SCOPED(X509_REQ) req = X509_REQ_new();
	STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();

	if (common_name != NULL)
		X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(req), "CN", MBSTRING_UTF8,
		    (const unsigned char *)common_name, -1, -1, 0);
	for (; asked != NULL && asked->nid != 0; asked++)
		sk_X509_EXTENSION_push(
		    extensions, X509V3_EXT_conf_nid(NULL, NULL, asked->nid, asked->value));
	if (sk_X509_EXTENSION_num(extensions) > 0)
		X509_REQ_add_extensions(req, extensions);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	assert_int_equal(X509_REQ_set_pubkey(req, key), 1);
	assert_true(X509_REQ_sign(req, key, EVP_sha256()) > 0);
	return (const char *)request_text(w, req).data;
}

#endif
