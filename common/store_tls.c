#include "store_internal.h"

#include "buf.h"
#include "scoped_openssl.h"
#include "secret.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdlib.h>

struct store_tls {
	SSL_CTX *context;
	char *name; /* that every server must prove to have; NULL: its host */
};

/* ---- errors ---- */

/* What the other side, or the files, want mended. Everything else may pass by itself. */
static const struct {
	int reason;
	const char *setting, *hint;
} faults[] = {
	/* clang-format off */
	{ SSL_R_WRONG_VERSION_NUMBER,                "redis.tls",           "the server does not speak TLS on this port" },
	{ SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED,   "redis.tls_cert_file", "the server wants a certificate" },
	{ SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,       "redis.tls_cert_file", "the server refuses what it was offered: it may want a certificate" },
	{ SSL_R_TLSV1_ALERT_UNKNOWN_CA,              "redis.tls_cert_file", "the server does not trust its issuer" },
	{ SSL_R_SSLV3_ALERT_BAD_CERTIFICATE,         "redis.tls_cert_file", "the server refuses it" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED,     "redis.tls_cert_file", "it has expired" },
	{ SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, "redis.tls_cert_file", "it is not one of a client" },
	/* clang-format on */
};

/* A server's certificate that is renewed mends itself; another CA or name does not. */
static bool
verify_fail(long why, struct err *e)
{
	bool passes = why == X509_V_ERR_CERT_HAS_EXPIRED || why == X509_V_ERR_CERT_NOT_YET_VALID;
	bool names = why == X509_V_ERR_HOSTNAME_MISMATCH || why == X509_V_ERR_IP_ADDRESS_MISMATCH;
	const char *setting = names ? "redis.tls_name" : "redis.tls_ca_file";

	return err_field(e, passes ? ERR_STORE : ERR_CONFIG, setting,
	    "%s: the server's certificate: %s", setting, X509_verify_cert_error_string(why));
}

bool
tls_fail(const SSL *ssl, int result, const char *what, struct err *e)
{
	int kind = SSL_get_error(ssl, result), system = errno;
	unsigned long oldest = ERR_get_error();
	char text[128];

	ERR_clear_error();
	if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE)
		return err_field(e, ERR_STORE, "redis.tls",
		    "redis.tls: %s: no answer in time (does the server speak TLS on this port?)",
		    what);
	if (kind == SSL_ERROR_ZERO_RETURN || (kind == SSL_ERROR_SYSCALL && system == 0) ||
	    ERR_GET_REASON(oldest) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return err_set(e, ERR_STORE, "Redis: %s: the server closed the connection", what);
	if (kind == SSL_ERROR_SYSCALL && oldest == 0)
		return err_set(e, ERR_STORE, "Redis: %s: %s", what, strerrordesc_np(system));
	if (ERR_GET_REASON(oldest) == SSL_R_CERTIFICATE_VERIFY_FAILED)
		return verify_fail(SSL_get_verify_result(ssl), e);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (ERR_GET_REASON(oldest) == faults[i].reason)
			return err_field(e, ERR_CONFIG, faults[i].setting, "%s: %s",
			    faults[i].setting, faults[i].hint);
	ERR_error_string_n(oldest, text, sizeof(text));
	return err_set(e, ERR_STORE, "Redis: %s: %s", what, text);
}

/* A file that a setting names. */
static bool
file_fail(const char *setting, const char *path, struct err *e)
{
	struct err why;

	(void)err_openssl(&why, path);
	return err_field(e, ERR_CONFIG, setting, "%s: %s", setting, why.msg);
}

/* ---- the context, which all connections share ---- */

/* A key under a pass phrase: nobody is there to be asked. */
static int
pass_phrase_refuse(char *to, int size, int writing, void *opaque)
{
	(void)to, (void)size, (void)writing, (void)opaque;
	return -1;
}

static MUST_USE bool
key_use(SSL_CTX *context, const char *path, struct err *e)
{
	static const char setting[] = "redis.tls_key_file";
	struct buf text SCOPED_BUF = { 0 };
	struct err why;

	if (!secret_file_read(path, &text, &why))
		return err_field(e, ERR_CONFIG, setting, "%s: %s", setting, why.msg);

	SCOPED(BIO) bio = BIO_new_mem_buf(text.data, (int)text.len);
	SCOPED(EVP_PKEY)
	key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, pass_phrase_refuse, NULL);
	if (key == NULL || SSL_CTX_use_PrivateKey(context, key) != 1)
		return file_fail(setting, path, e);
	return true;
}

static MUST_USE bool
identity_use(SSL_CTX *context, const struct store_tls_options *o, struct err *e)
{
	if (o->cert_file == NULL && o->key_file == NULL)
		return true;
	if (o->cert_file == NULL || o->key_file == NULL)
		return err_set(e, ERR_CONFIG,
		    "redis.tls_cert_file and redis.tls_key_file: one is nothing without the other");
	if (SSL_CTX_use_certificate_chain_file(context, o->cert_file) != 1)
		return file_fail("redis.tls_cert_file", o->cert_file, e);
	return key_use(context, o->key_file, e);
}

static MUST_USE bool
trust_use(SSL_CTX *context, const char *ca_file, struct err *e)
{
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	if (ca_file == NULL)
		return SSL_CTX_set_default_verify_paths(context) == 1 ||
		    err_openssl(e, "SSL_CTX_set_default_verify_paths");
	return SSL_CTX_load_verify_file(context, ca_file) == 1 ||
	    file_fail("redis.tls_ca_file", ca_file, e);
}

struct store_tls *
store_tls_new(const struct store_tls_options *o, struct err *e)
{
	struct store_tls *tls = calloc(1, sizeof(*tls));

	if (tls == NULL)
		abort();
	ERR_clear_error();
	tls->context = SSL_CTX_new(TLS_client_method());
	if (tls->context == NULL ||
	    SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION) != 1) {
		store_tls_free(tls);
		return err_openssl(e, "SSL_CTX_new"), NULL;
	}
	SSL_CTX_set_options(tls->context, SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_session_cache_mode(tls->context, SSL_SESS_CACHE_OFF);
	if (!trust_use(tls->context, o->ca_file, e) || !identity_use(tls->context, o, e)) {
		store_tls_free(tls);
		return NULL;
	}
	if (o->name != NULL && (tls->name = strdup(o->name)) == NULL)
		abort();
	return tls;
}

void
store_tls_free(struct store_tls *tls)
{
	if (tls == NULL)
		return;
	SSL_CTX_free(tls->context);
	free(tls->name);
	free(tls);
}

/* ---- a connection ---- */

/* An address is compared with the certificate's addresses, a name with its names; only a name may be told to the server. */
static MUST_USE bool
name_expect(SSL *ssl, const char *name)
{
	if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1)
		return true;
	ERR_clear_error();
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	/* what SSL_set_tlsext_host_name is, whose cast drops a const */
	return SSL_set1_host(ssl, name) == 1 &&
	    SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
		(void *)(uintptr_t)name) == 1;
}

SSL *
tls_connect(const struct store_tls *tls, int fd, const char *host, struct err *e)
{
	SSL *ssl;
	int result;

	ERR_clear_error();
	ssl = SSL_new(tls->context);
	if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 ||
	    !name_expect(ssl, tls->name != NULL ? tls->name : host)) {
		SSL_free(ssl);
		return err_openssl(e, "SSL_new"), NULL;
	}
	result = SSL_connect(ssl);
	if (result == 1)
		return ssl;
	(void)tls_fail(ssl, result, "handshake", e);
	SSL_free(ssl);
	return NULL;
}
