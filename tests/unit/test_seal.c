#include "seal.h"

#include "encode.h"
#include "scoped_openssl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define AAD   SLICE_LITERAL("pki/root")
#define CLEAR SLICE_LITERAL("a key that rests")

/* A key-encryption key of 00 01 02 ... 1f. */
static struct secret *
fixed_kek(void)
{
	static const char text[] =
	    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
	char path[] = "/tmp/certmill-seal-XXXXXX";
	struct secret *s;
	struct err e;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, 64), 64);
	close(fd);
	s = secret_load(path, &e);
	unlink(path);
	assert_non_null(s);
	return s;
}

struct fixture {
	struct secret *kek;
	struct sealer *sealer;
	struct buf box, out;
};

static int
setup(void **state)
{
	static struct fixture f;
	struct err e;

	f.kek = fixed_kek();
	f.sealer = sealer_new(f.kek, "ca key", &e);
	buf_init(&f.box, 10000);
	buf_init_secret(&f.out, 10000);
	*state = &f;
	return f.sealer == NULL;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	sealer_free(f->sealer);
	secret_free(f->kek);
	buf_done(&f->box);
	buf_done(&f->out);
	return 0;
}

static void
seal_opens_what_it_sealed(void **state)
{
	struct fixture *f = *state;
	struct sealer *other;
	struct err e;

	/* the keys of a restart, or of another worker: another salt */
	other = sealer_new(f->kek, "ca key", &e);
	for (size_t len = 0; len < 600; len += 37) {
		uint8_t clear[600];

		memset(clear, (int)len, len);
		buf_clear(&f->box);
		buf_clear(&f->out);
		assert_true(seal_box(f->sealer, AAD, slice_of(clear, len), &f->box, &e));
		assert_int_equal(f->box.len, len + SEAL_OVERHEAD);
		assert_true(seal_open(f->sealer, AAD, buf_slice(&f->box), &f->out, &e));
		assert_true(seal_open(other, AAD, buf_slice(&f->box), &f->out, &e));
		assert_int_equal(f->out.len, 2 * len);
		assert_true(len == 0 || memcmp(f->out.data, clear, len) == 0);
		assert_true(len == 0 || memcmp(f->out.data + len, clear, len) == 0);
	}
	sealer_free(other);
}

/* Made with Python's cryptography: HKDF(SHA256, info "certmill ca key"), AESGCM. */
static void
seal_opens_anothers_box(void **state)
{
	static const char hex[] =
	    "01404142434445464748494a4b4c4d4e4f808182838485868788898a8b"
	    "30d9e42c1e69bf48ff846908cbe5e240f68fd6d9380b0787099780f275fe92d2";
	struct fixture *f = *state;
	uint8_t box[100];
	size_t len;
	struct err e;

	assert_true(hex_parse(slice_text(hex), box, sizeof(box), &len));
	if (!seal_open(f->sealer, AAD, slice_of(box, len), &f->out, &e))
		fail_msg("expected the text, came %s", e.msg);
	assert_true(slice_eq(buf_slice(&f->out), CLEAR));
}

static void
expect_closed(
    struct fixture *f, const char *name, struct sealer *s, struct slice aad, struct slice box)
{
	struct err e = { 0 };

	buf_clear(&f->out);
	buf_add_text(&f->out, "before");
	if (seal_open(s, aad, box, &f->out, &e) || e.code != ERR_SEAL_INVALID)
		fail_msg("%s: expected seal_invalid, came %s", name, err_name(e.code));
	if (!slice_is(buf_slice(&f->out), "before"))
		fail_msg("%s: something was written", name);
	/* what was decrypted before the tag was seen to be wrong is wiped */
	for (size_t i = f->out.len; i < f->out.len + CLEAR.len && i < f->out.capacity; i++)
		if (f->out.data[i] == CLEAR.data[i - f->out.len] && f->out.data[i] != 0)
			fail_msg("%s: clear text was left behind", name);
}

static void
seal_refuses_changes(void **state)
{
	struct fixture *f = *state;
	char name[32];
	struct err e;

	assert_true(seal_box(f->sealer, AAD, CLEAR, &f->box, &e));
	for (size_t i = 0; i < f->box.len * 8; i++) {
		f->box.data[i / 8] ^= (uint8_t)(1 << i % 8);
		snprintf(name, sizeof(name), "bit %zu", i);
		expect_closed(f, name, f->sealer, AAD, buf_slice(&f->box));
		f->box.data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t len = 0; len < f->box.len; len++) {
		snprintf(name, sizeof(name), "%zu bytes", len);
		expect_closed(f, name, f->sealer, AAD, slice_of(f->box.data, len));
	}
	expect_closed(f, "absent", f->sealer, AAD, SLICE_NONE);
	buf_add_byte(&f->box, 0);
	expect_closed(f, "a byte more", f->sealer, AAD, buf_slice(&f->box));
}

static void
seal_binds_place_purpose_and_master(void **state)
{
	struct fixture *f = *state;
	struct err e;
	struct secret *strange = secret_random(&e);
	struct sealer *purpose = sealer_new(f->kek, "replay key", &e),
		      *master = sealer_new(strange, "ca key", &e);

	assert_true(seal_box(f->sealer, AAD, CLEAR, &f->box, &e));
	expect_closed(
	    f, "another place", f->sealer, SLICE_LITERAL("pki/other"), buf_slice(&f->box));
	expect_closed(f, "no place", f->sealer, SLICE_NONE, buf_slice(&f->box));
	expect_closed(f, "another purpose", purpose, AAD, buf_slice(&f->box));
	expect_closed(f, "another master", master, AAD, buf_slice(&f->box));
	assert_true(
	    seal_open(f->sealer, AAD, buf_slice(&f->box), (buf_clear(&f->out), &f->out), &e));
	sealer_free(purpose);
	sealer_free(master);
	secret_free(strange);
}

/* The salt is the sealer's, the nonce counts. */
static void
seal_never_repeats_a_nonce(void **state)
{
	struct fixture *f = *state;
	struct err e;
	struct sealer *other = sealer_new(f->kek, "ca key", &e);

	for (int i = 0; i < 300; i++) {
		const uint8_t nonce[12] = { [10] = (uint8_t)(i >> 8), [11] = (uint8_t)i };

		buf_clear(&f->box);
		assert_true(seal_box(f->sealer, AAD, CLEAR, &f->box, &e));
		assert_int_equal(f->box.data[0], 1);
		if (memcmp(f->box.data + 17, nonce, 12) != 0)
			fail_msg("box %d: expected its number as the nonce", i);
	}
	assert_true(seal_box(other, AAD, CLEAR, &f->out, &e));
	assert_memory_not_equal(f->box.data + 1, f->out.data + 1, 16);
	sealer_free(other);
}

static void
seal_minds_the_maximum(void **state)
{
	struct fixture *f = *state;
	struct buf SCOPED_BUF small = { 0 };
	struct err e;

	buf_init(&small, SEAL_OVERHEAD + CLEAR.len - 1);
	assert_false(seal_box(f->sealer, AAD, CLEAR, &small, &e));
	assert_int_equal(e.code, ERR_TOO_LARGE);
	assert_true(seal_box(f->sealer, AAD, CLEAR, &f->box, &e));
	buf_done(&small);
	buf_init_secret(&small, CLEAR.len - 1);
	assert_false(seal_open(f->sealer, AAD, buf_slice(&f->box), &small, &e));
	assert_int_equal(e.code, ERR_TOO_LARGE);
}

/* The whole fleet has the same key, and it stays the same: as Python's cryptography derives it. */
static void
fleet_key_is_fixed(void **state)
{
	static const char want[] =
	    "3b9c5a25d11bbb5a2f42e87448bd63e91a0cb669aab81bdd7ad74383d74dca38";
	struct fixture *f = *state;
	struct err e;
	SCOPED(EVP_PKEY) key = fleet_key(f->kek, &e);
	uint8_t bytes[32];
	size_t len = sizeof(bytes);

	assert_non_null(key);
	assert_int_equal(EVP_PKEY_get_raw_public_key(key, bytes, &len), 1);
	hex_add(&f->out, slice_of(bytes, len), 0);
	assert_true(slice_is(buf_slice(&f->out), want));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(seal_opens_what_it_sealed, setup, teardown),
		cmocka_unit_test_setup_teardown(seal_opens_anothers_box, setup, teardown),
		cmocka_unit_test_setup_teardown(seal_refuses_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    seal_binds_place_purpose_and_master, setup, teardown),
		cmocka_unit_test_setup_teardown(seal_never_repeats_a_nonce, setup, teardown),
		cmocka_unit_test_setup_teardown(seal_minds_the_maximum, setup, teardown),
		cmocka_unit_test_setup_teardown(fleet_key_is_fixed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
