#include "secret.h"

#include "encode.h"
#include "scoped_openssl.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

/*
 * The secure heap holds the secrets here and, by OpenSSL's own doing, the private halves of keys: an RSA-8192 key takes
 * about 8 KiB. Every allocation fails when it is full, so there is room for two hundred of those.
 */
#define HEAP_BYTES    ((size_t)2 << 20)
#define HEAP_SMALLEST 16

#define FILE_MAX       (2 * SECRET_KEY_SIZE + 1)
#define FILE_OTHER_MAX 65536

struct secret {
	uint8_t bytes[SECRET_KEY_SIZE];
};

bool
secret_no_dumps(struct err *e)
{
	const struct rlimit none = { 0, 0 };

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return err_errno(e, "prctl PR_SET_DUMPABLE");
	if (setrlimit(RLIMIT_CORE, &none) != 0)
		return err_errno(e, "setrlimit RLIMIT_CORE");
	return true;
}

bool
secret_init(struct err *e)
{
	if (!secret_no_dumps(e))
		return false;
	if (CRYPTO_secure_malloc_initialized())
		return true;
	/* 2: it works, but could not be locked (RLIMIT_MEMLOCK); it still is not dumped and is wiped */
	if (CRYPTO_secure_malloc_init(HEAP_BYTES, HEAP_SMALLEST) == 0)
		return err_openssl(e, "CRYPTO_secure_malloc_init");
	return true;
}

static struct secret *
secret_new(struct err *e)
{
	struct secret *s = OPENSSL_secure_zalloc(sizeof(*s));

	if (s == NULL)
		(void)err_set(e, ERR_SYSTEM, "no secure memory is left");
	return s;
}

void
secret_free(struct secret *s)
{
	OPENSSL_secure_clear_free(s, sizeof(*s));
}

const uint8_t *
secret_bytes(const struct secret *s)
{
	return s->bytes;
}

/* The key in a file's text. */
static bool
text_decode(struct slice text, struct secret *s)
{
	size_t len;

	if (text.len == SECRET_KEY_SIZE) {
		memcpy(s->bytes, text.data, SECRET_KEY_SIZE);
		return true;
	}
	if (text.len == FILE_MAX && text.data[FILE_MAX - 1] == '\n')
		text.len--;
	return text.len == (size_t)2 * SECRET_KEY_SIZE &&
	    hex_parse(text, s->bytes, SECRET_KEY_SIZE, &len) && len == SECRET_KEY_SIZE;
}

/* Reads up to size bytes; a count over `size - 1` says that the file is longer. */
static bool
file_read(int fd, uint8_t *to, size_t size, size_t *ret_len)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, to + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*ret_len = len;
	return true;
}

static bool
file_is_safe(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_errno(e, path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_CONFIG, "%s: not a regular file", path);
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return err_set(e, ERR_CONFIG, "%s: others than its owner can write it (mode %03o)",
		    path, (unsigned)st.st_mode & 0777U);
	return true;
}

/* -1: refused */
static int
file_open(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return (void)err_errno(e, path), -1;
	if (file_is_safe(fd, path, e))
		return fd;
	close(fd);
	return -1;
}

struct secret *
secret_load(const char *path, struct err *e)
{
	int fd SCOPED_FD = file_open(path, e);
	struct secret *s;
	uint8_t text[FILE_MAX + 1];
	size_t len = 0;
	bool done;

	if (fd < 0)
		return NULL;
	s = secret_new(e);
	if (s == NULL)
		return NULL;
	if (!file_read(fd, text, sizeof(text), &len))
		done = err_errno(e, path);
	else
		done = text_decode(slice_of(text, len), s) ||
		    err_set(e, ERR_CONFIG, "%s: a key is 64 hexadecimal digits, or 32 bytes", path);
	OPENSSL_cleanse(text, sizeof(text));
	if (done)
		return s;
	secret_free(s);
	return NULL;
}

bool
secret_file_read(const char *path, struct buf *ret, struct err *e)
{
	int fd SCOPED_FD = file_open(path, e);

	if (fd < 0)
		return false;
	buf_init_secret(ret, FILE_OTHER_MAX + 1);
	if (!file_read(fd, buf_reserve(ret, FILE_OTHER_MAX + 1), FILE_OTHER_MAX + 1, &ret->len))
		return err_errno(e, path);
	return ret->len <= FILE_OTHER_MAX ||
	    err_set(e, ERR_CONFIG, "%s: longer than %d bytes", path, FILE_OTHER_MAX);
}

struct secret *
secret_random(struct err *e)
{
	struct secret *s = secret_new(e);

	if (s == NULL || RAND_priv_bytes(s->bytes, SECRET_KEY_SIZE) == 1)
		return s;
	secret_free(s);
	return err_openssl(e, "RAND_priv_bytes"), NULL;
}

struct secret *
secret_copy(const struct secret *from, struct err *e)
{
	struct secret *s = secret_new(e);

	if (s != NULL)
		memcpy(s->bytes, from->bytes, SECRET_KEY_SIZE);
	return s;
}

struct secret *
secret_derive(const struct secret *from, const char *purpose, struct slice salt, struct err *e)
{
	struct secret *s = secret_new(e);

	if (s == NULL)
		return NULL;
	if (hkdf_sha256(slice_of(from->bytes, SECRET_KEY_SIZE), salt, slice_text(purpose), s->bytes,
		SECRET_KEY_SIZE, e))
		return s;
	secret_free(s);
	return NULL;
}

/* OpenSSL's parameters are not const, though it only reads these. */
static OSSL_PARAM
octets(const char *name, struct slice s)
{
	return OSSL_PARAM_construct_octet_string(
	    name, (void *)(uintptr_t)(s.len == 0 ? (const uint8_t *)"" : s.data), s.len);
}

bool
hkdf_sha256(
    struct slice key, struct slice salt, struct slice info, uint8_t *ret, size_t len, struct err *e)
{
	SCOPED(EVP_KDF) kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_HKDF, NULL);
	SCOPED(EVP_KDF_CTX) ctx = kdf == NULL ? NULL : EVP_KDF_CTX_new(kdf);
	char digest[] = "SHA256";
	OSSL_PARAM params[5], *p = params;

	if (ctx == NULL)
		return err_openssl(e, "EVP_KDF_CTX_new");
	*p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
	*p++ = octets(OSSL_KDF_PARAM_KEY, key);
	*p++ = octets(OSSL_KDF_PARAM_SALT, salt);
	*p++ = octets(OSSL_KDF_PARAM_INFO, info);
	*p = OSSL_PARAM_construct_end();
	if (EVP_KDF_derive(ctx, ret, len, params) != 1)
		return err_openssl(e, "EVP_KDF_derive HKDF");
	return true;
}
