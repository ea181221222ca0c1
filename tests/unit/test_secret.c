#include "secret.h"

#include "encode.h"
#include "scoped.h"

#include <openssl/crypto.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#define HEX32 "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F"
#define RAW32 "abcdefghijklmnopqrstuvwxyz012345"

static size_t
unhex(const char *text, uint8_t *ret, size_t max)
{
	size_t len = 0;

	if (text[0] != '\0' && !hex_parse(slice_text(text), ret, max, &len))
		fail_msg("no hex: %s", text);
	return len;
}

/* RFC 5869 appendix A, the test cases with SHA-256. */
static void
hkdf_vectors(void **state)
{
	static const struct {
		const char *name, *key, *salt, *info, *want;
	} cases[] = {
		{ "A.1", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
		    "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9",
		    "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865" },
		{ "A.2",
		    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f"
		    "303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f",
		    "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f"
		    "909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
		    "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf"
		    "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
		    "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
		    "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87" },
		{ "A.3", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
		    "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t key[80], salt[80], info[80], want[82], came[82];
		size_t key_len = unhex(cases[i].key, key, sizeof(key)),
		       salt_len = unhex(cases[i].salt, salt, sizeof(salt));
		size_t info_len = unhex(cases[i].info, info, sizeof(info)),
		       len = unhex(cases[i].want, want, sizeof(want));
		struct err e;

		if (!hkdf_sha256(slice_of(key, key_len), slice_of(salt, salt_len),
			slice_of(info, info_len), came, len, &e))
			fail_msg("%s: %s", cases[i].name, e.msg);
		if (memcmp(want, came, len) != 0)
			fail_msg("%s: another key than the RFC's", cases[i].name);
	}
}

static void
write_file(const char *path, const char *data, size_t len, mode_t mode)
{
	int fd SCOPED_FD = -1;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
}

static void
secret_loads_files(void **state)
{
	static const struct {
		const char *name;
		struct slice text;
		mode_t mode;
		const char *problem; /* NULL: it loads */
	} cases[] = {
		{ "digits", { (const uint8_t *)HEX32, 64 }, 0600, NULL },
		{ "digits and newline", { (const uint8_t *)HEX32 "\n", 65 }, 0400, NULL },
		{ "readable by all", { (const uint8_t *)HEX32 "\n", 65 }, 0444, NULL },
		{ "bytes", { (const uint8_t *)RAW32, 32 }, 0600, NULL },
		{ "two newlines", { (const uint8_t *)HEX32 "\n\n", 66 }, 0600,
		    "64 hexadecimal digits" },
		{ "a space", { (const uint8_t *)HEX32 " ", 65 }, 0600, "64 hexadecimal digits" },
		{ "too short", { (const uint8_t *)HEX32, 62 }, 0600, "64 hexadecimal digits" },
		{ "bytes and newline", { (const uint8_t *)RAW32 "\n", 33 }, 0600,
		    "64 hexadecimal digits" },
		{ "no digit", { (const uint8_t *)"z" HEX32, 64 }, 0600, "64 hexadecimal digits" },
		{ "octets apart",
		    { (const uint8_t
			      *)"00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:10:11:12:13:14:1",
			64 },
		    0600, "64 hexadecimal digits" },
		{ "empty", { (const uint8_t *)"", 0 }, 0600, "64 hexadecimal digits" },
		{ "the group writes", { (const uint8_t *)HEX32, 64 }, 0620, "write it (mode 620)" },
		{ "all write", { (const uint8_t *)HEX32, 64 }, 0602, "write it (mode 602)" },
	};
	char dir[] = "/tmp/certmill-secret-XXXXXX", path[64];
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/kek", dir);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct secret *s __attribute__((cleanup(secret_scoped))) = NULL;

		write_file(
		    path, (const char *)cases[i].text.data, cases[i].text.len, cases[i].mode);
		s = secret_load(path, &e);
		if ((s != NULL) != (cases[i].problem == NULL))
			fail_msg("%s: expected %s", cases[i].name,
			    cases[i].problem == NULL ? "a key" : cases[i].problem);
		if (s == NULL &&
		    (e.code != ERR_CONFIG || strstr(e.msg, cases[i].problem) == NULL ||
			strstr(e.msg, path) == NULL))
			fail_msg("%s: expected \"%s\", came \"%s\"", cases[i].name,
			    cases[i].problem, e.msg);
		if (s != NULL && cases[i].text.len == 32)
			assert_memory_equal(secret_bytes(s), RAW32, 32);
		for (uint8_t k = 0; s != NULL && cases[i].text.len > 32 && k < 32; k++)
			assert_int_equal(secret_bytes(s)[k], k);
	}
	unlink(path);
	assert_null(secret_load(path, &e));
	assert_int_equal(e.code, ERR_SYSTEM);
	assert_null(secret_load(dir, &e));
	assert_non_null(strstr(e.msg, "not a regular file"));
	rmdir(dir);
}

static void
secret_derives(void **state)
{
	struct err e;
	struct secret *master = secret_random(&e), *other = secret_random(&e),
		      *copy = secret_copy(master, &e);
	struct secret *a = secret_derive(master, "certmill a", SLICE_NONE, &e);
	struct secret *again = secret_derive(copy, "certmill a", SLICE_NONE, &e);
	struct secret *b = secret_derive(master, "certmill b", SLICE_NONE, &e);
	struct secret *salted = secret_derive(master, "certmill a", SLICE_LITERAL("salt"), &e);
	struct secret *all[] = { master, other, a, b, salted };

	(void)state;
	assert_memory_equal(secret_bytes(master), secret_bytes(copy), SECRET_KEY_SIZE);
	assert_memory_equal(secret_bytes(a), secret_bytes(again), SECRET_KEY_SIZE);
	for (size_t i = 0; i < 5; i++)
		for (size_t k = 0; k < i; k++)
			assert_memory_not_equal(
			    secret_bytes(all[i]), secret_bytes(all[k]), SECRET_KEY_SIZE);
	for (size_t i = 0; i < 5; i++)
		secret_free(all[i]);
	secret_free(copy);
	secret_free(again);
	secret_free(NULL);
}

/* In a child: it cannot be taken back. */
static int
init_in_child(void)
{
	struct rlimit core;
	struct err e;
	struct secret *s;

	if (!secret_init(&e) || !secret_init(&e))
		return 1;
	if (prctl(PR_GET_DUMPABLE) != 0)
		return 2;
	if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_cur != 0 || core.rlim_max != 0)
		return 3;
	s = secret_random(&e);
	if (s == NULL || !CRYPTO_secure_allocated(s))
		return 4;
	secret_free(s);
	return 0;
}

static void
secret_init_closes_the_process(void **state)
{
	pid_t child = fork();
	int status = 0;

	(void)state;
	assert_true(child >= 0);
	if (child == 0)
		_exit(init_in_child());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hkdf_vectors),
		cmocka_unit_test(secret_loads_files),
		cmocka_unit_test(secret_derives),
		cmocka_unit_test(secret_init_closes_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
