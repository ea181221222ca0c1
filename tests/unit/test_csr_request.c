/* CSR intake: extension requests written by hand, and what is kept of them. */
#include "csr.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bytes.h"
#include "csr_kit.h"

#define T(text) \
	{ \
		(const uint8_t *)(text), sizeof(text) - 1 \
	}

/* A request whose extensionRequest holds these Extensions. */
static enum err_code
take_extensions(struct slice list, struct arena *a, struct csr *ret, struct err *e)
{
	static uint8_t room[16000];
	struct buf SCOPED_BUF der;
	struct buf SCOPED_BUF pem;
	struct der d;

	buf_init(&der, 30000);
	buf_init(&pem, 60000);
	der_init(&d, room, sizeof(room));
	der_raw(&d, list);
	der_wrap(&d, room + sizeof(room), DER_SEQUENCE);
	der_wrap(&d, room + sizeof(room), DER_SET);
	der_raw(&d, SLICE_LITERAL(EXTENSION_REQUEST));
	der_wrap(&d, room + sizeof(room), DER_SEQUENCE);
	der_wrap(&d, room + sizeof(room), DER_CONTEXT_CONSTRUCTED(0));
	assert_false(d.failed);
	sign_by_hand(&der, SLICE_LITERAL("\x30\x00"), der_slice(&d), "\x02\x01\x00");
	pem_add(&pem, "CERTIFICATE REQUEST", buf_slice(&der));
	/* what csr_parse keeps is in the arena */
	return take(arena_copy(a, buf_slice(&pem)), a, ret, e);
}

#define KEY_USAGE(length, value) "\x30" length "\x06\x03\x55\x1d\x0f\x04" value
#define PURPOSES(length, value)  "\x30" length "\x06\x03\x55\x1d\x25\x04" value
#define ALT_NAMES(length, value) "\x30" length "\x06\x03\x55\x1d\x11\x04" value
#define NOTHING                  "\x30\x09\x06\x03\x2a\x03\x04\x04\x02\x05\x00"

/* clang-format off */
static const struct {
	const char *name;
	struct slice list;
	const char *refused; /* a part of the message; NULL: taken */
	unsigned key_usage;
	size_t others, extensions;
	bool purposes, passed_over;
} cases[] = {
	{ "key usage", T(KEY_USAGE("\x0b", "\x04\x03\x02\x05\xa0")), NULL, 0x5, 0, 1, false, false },
	{ "the ninth bit", T(KEY_USAGE("\x0c", "\x05\x03\x03\x07\x00\x80")), NULL, 0x100, 0, 1, false, false },
	{ "every bit", T(KEY_USAGE("\x0c", "\x05\x03\x03\x07\xff\x80")), NULL, 0x1ff, 0, 1, false, false },
	{ "no bit", T(KEY_USAGE("\x0a", "\x03\x03\x01\x00")), "keyUsage does not parse", 0, 0, 0, false, false },
	{ "a tenth bit", T(KEY_USAGE("\x0c", "\x05\x03\x03\x06\xff\xc0")), "keyUsage does not parse", 0, 0, 0, false, false },
	{ "a zero bit behind", T(KEY_USAGE("\x0b", "\x04\x03\x02\x04\xa0")), "keyUsage does not parse", 0, 0, 0, false, false },
	{ "a bit that is unused", T(KEY_USAGE("\x0b", "\x04\x03\x02\x06\xa0")), "keyUsage does not parse", 0, 0, 0, false, false },
	{ "nine unused bits", T(KEY_USAGE("\x0b", "\x04\x03\x02\x09\x00")), "keyUsage does not parse", 0, 0, 0, false, false },
	{ "bytes behind the bits", T(KEY_USAGE("\x0d", "\x06\x03\x02\x05\xa0\x05\x00")), "keyUsage does not parse", 0, 0, 0, false, false },
	{ "a purpose", T(PURPOSES("\x0e", "\x07\x30\x05\x06\x03\x2a\x03\x04")), NULL, 0, 0, 1, true, false },
	{ "no purpose", T(PURPOSES("\x09", "\x02\x30\x00")), "extendedKeyUsage does not parse", 0, 0, 0, false, false },
	{ "a purpose that ends within an arc", T(PURPOSES("\x0e", "\x07\x30\x05\x06\x03\x2a\x03\x84")), "extendedKeyUsage", 0, 0, 0, false, false },
	{ "a purpose that is no OID", T(PURPOSES("\x0c", "\x05\x30\x03\x02\x01\x01")), "extendedKeyUsage", 0, 0, 0, false, false },
	{ "an other name", T(ALT_NAMES("\x15", "\x0e\x30\x0c\xa0\x0a\x06\x03\x2a\x03\x04\xa0\x03\x0c\x01" "a")), NULL, 0, 1, 1, false, false },
	{ "two other names", T(ALT_NAMES("\x21", "\x1a\x30\x18\xa0\x0a\x06\x03\x2a\x03\x04\xa0\x03\x0c\x01" "a"
	    "\xa0\x0a\x06\x03\x2a\x03\x05\xa0\x03\x0c\x01" "b")), NULL, 0, 2, 1, false, false },
	{ "an other name of another type", T(ALT_NAMES("\x15", "\x0e\x30\x0c\xa0\x0a\x06\x03\x2a\x03\x04\xa0\x03\x16\x01" "a")), NULL, 0, 0, 1, false, true },
	{ "an other name that is not UTF-8", T(ALT_NAMES("\x15", "\x0e\x30\x0c\xa0\x0a\x06\x03\x2a\x03\x04\xa0\x03\x0c\x01\xff")), "subjectAltName", 0, 0, 0, false, false },
	{ "an other name without a type", T(ALT_NAMES("\x10", "\x09\x30\x07\xa0\x05\xa0\x03\x0c\x01" "a")), "subjectAltName", 0, 0, 0, false, false },
	{ "an other name whose type is no OID", T(ALT_NAMES("\x15", "\x0e\x30\x0c\xa0\x0a\x06\x03\x80\x03\x04\xa0\x03\x0c\x01" "a")), "subjectAltName", 0, 0, 0, false, false },
	{ "an other name without [0]", T(ALT_NAMES("\x13", "\x0c\x30\x0a\xa0\x08\x06\x03\x2a\x03\x04\x0c\x01" "a")), "subjectAltName", 0, 0, 0, false, false },
	{ "an other name of two values", T(ALT_NAMES("\x18", "\x11\x30\x0f\xa0\x0d\x06\x03\x2a\x03\x04\xa0\x06\x0c\x01" "a\x0c\x01" "b")), "subjectAltName", 0, 0, 0, false, false },
	{ "an other name that goes on", T(ALT_NAMES("\x17", "\x10\x30\x0e\xa0\x0c\x06\x03\x2a\x03\x04\xa0\x03\x0c\x01" "a\x05\x00")), "subjectAltName", 0, 0, 0, false, false },
	{ "a primitive [0]", T(ALT_NAMES("\x0c", "\x05\x30\x03\x80\x01" "a")), "subjectAltName", 0, 0, 0, false, false },
	{ "a constructed [2]", T(ALT_NAMES("\x0c", "\x05\x30\x03\xa2\x01" "a")), "subjectAltName", 0, 0, 0, false, false },
	{ "a directory name", T(ALT_NAMES("\x0d", "\x06\x30\x04\xa4\x02\x30\x00")), NULL, 0, 0, 1, false, true },
	{ "a registered id", T(ALT_NAMES("\x0d", "\x06\x30\x04\x88\x02\x2a\x03")), NULL, 0, 0, 1, false, true },
	{ "an unknown one", T(NOTHING), NULL, 0, 0, 1, false, false },
	{ "an unknown one twice", T(NOTHING NOTHING), "twice", 0, 0, 0, false, false },
	{ "an unknown one and a CA's", T("\x30\x0f\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x05\x30\x03\x01\x01\xff" NOTHING), NULL, 0, 0, 1, false, false },
	{ "a CA's twice", T("\x30\x09\x06\x03\x55\x1d\x13\x04\x02\x30\x00\x30\x09\x06\x03\x55\x1d\x13\x04\x02\x30\x00"), "twice", 0, 0, 0, false, false },
	{ "two of one kind in two forms", T("\x30\x0c\x06\x03\x2a\x03\x04\x01\x01\xff\x04\x02\x05\x00" NOTHING), "twice", 0, 0, 0, false, false },
	{ "an extension whose OID is none", T("\x30\x09\x06\x03\x2a\x80\x04\x04\x02\x05\x00"), "extension does not parse", 0, 0, 0, false, false },
	{ "an extension without an OID", T("\x30\x06\x06\x00\x04\x02\x05\x00"), "extension does not parse", 0, 0, 0, false, false },
	{ "an extension that goes on", T("\x30\x0b\x06\x03\x2a\x03\x04\x04\x02\x05\x00\x05\x00"), "extension does not parse", 0, 0, 0, false, false },
	{ "critical is half true", T("\x30\x0c\x06\x03\x2a\x03\x04\x01\x01\x01\x04\x02\x05\x00"), "extension does not parse", 0, 0, 0, false, false },
};
/* clang-format on */

static void
test_extensions(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena SCOPED_ARENA a = { 0 };
		struct csr csr;
		struct err e;
		enum err_code code = take_extensions(cases[i].list, &a, &csr, &e);

		if (cases[i].refused != NULL) {
			if (code != ERR_CSR_INVALID || strstr(e.msg, cases[i].refused) == NULL)
				fail_msg("%s: got %s: %s", cases[i].name, err_name(code), e.msg);
			continue;
		}
		if (code != ERR_NONE)
			fail_msg("%s: %s", cases[i].name, e.msg);
		if (csr.key_usage != cases[i].key_usage || csr.others.count != cases[i].others ||
		    csr.extensions.count != cases[i].extensions ||
		    csr.asks_for_purposes != cases[i].purposes ||
		    csr.passed_over != cases[i].passed_over)
			fail_msg("%s: usage %x, %zu others, %zu extensions, purposes %d, %d",
			    cases[i].name, csr.key_usage, csr.others.count, csr.extensions.count,
			    csr.asks_for_purposes, csr.passed_over);
	}
}

static void
test_what_is_kept(void **state)
{
	static const struct slice list = T(
	    "\x30\x0c\x06\x03\x2a\x03\x04\x01\x01\xff\x04\x02\x05\x00" /* critical */
	    "\x30\x0c\x06\x03\x2a\x03\x05\x01\x01\x00\x04\x02\x05\x00" /* says that it is not */
	    "\x30\x09\x06\x03\x55\x1d\x13\x04\x02\x30\x00"             /* basicConstraints */
	    "\x30\x15\x06\x03\x55\x1d\x11\x04\x0e\x30\x0c\xa0\x0a\x06\x03\x2a\x03\x06\xa0\x03\x0c\x01"
	    "a");
	static const struct slice expected[] = {
		T("\x30\x0c\x06\x03\x2a\x03\x04\x01\x01\xff\x04\x02\x05\x00"),
		T("\x30\x09\x06\x03\x2a\x03\x05\x04\x02\x05\x00"),
		T("\x30\x15\x06\x03\x55\x1d\x11\x04\x0e\x30\x0c\xa0\x0a\x06\x03\x2a\x03\x06\xa0\x03\x0c\x01"
		  "a"),
	};
	struct arena SCOPED_ARENA a = { 0 };
	struct csr csr;
	struct err e;

	(void)state;
	assert_int_equal(take_extensions(list, &a, &csr, &e), ERR_NONE);
	assert_int_equal(csr.extensions.count, COUNT(expected));
	for (size_t i = 0; i < COUNT(expected); i++)
		expect_bytes("extension", csr.extensions.items[i], expected[i]);
	assert_int_equal(csr.others.count, 1);
	expect_bytes("type", csr.others.items[0].type_id, SLICE_LITERAL("\x2a\x03\x06"));
	expect_bytes("value", csr.others.items[0].value, SLICE_LITERAL("a"));
}

static void
test_many(void **state)
{
	(void)state;
	for (size_t count = CSR_EXTENSIONS_MAX; count <= CSR_EXTENSIONS_MAX + 1; count++) {
		struct arena SCOPED_ARENA a = { 0 };
		struct buf SCOPED_BUF list;
		struct csr csr;
		struct err e;
		enum err_code code;

		buf_init(&list, 10000);
		for (size_t i = 0; i < count; i++) {
			uint8_t extension[] = "\x30\x09\x06\x03\x2a\x03\x04\x04\x02\x05\x00";

			extension[6] = (uint8_t)i;
			buf_add(&list, extension, sizeof(extension) - 1);
		}
		code = take_extensions(buf_slice(&list), &a, &csr, &e);
		assert_int_equal(code, count <= CSR_EXTENSIONS_MAX ? ERR_NONE : ERR_CSR_INVALID);
		if (code == ERR_NONE)
			assert_int_equal(csr.extensions.count, count);
		else
			assert_non_null(strstr(e.msg, "over 64 extensions"));
	}
}

/* The attributes of a subject: serial numbers and user ids. */
static enum err_code
take_subject(struct slice sets, struct arena *a, struct csr *ret, struct err *e)
{
	struct buf SCOPED_BUF der;
	struct buf SCOPED_BUF pem;
	uint8_t room[8000];
	struct der d;

	buf_init(&der, 30000);
	buf_init(&pem, 60000);
	der_init(&d, room, sizeof(room));
	der_raw(&d, sets);
	der_wrap(&d, room + sizeof(room), DER_SEQUENCE);
	sign_by_hand(&der, der_slice(&d), SLICE_LITERAL("\xa0\x00"), "\x02\x01\x00");
	pem_add(&pem, "CERTIFICATE REQUEST", buf_slice(&der));
	return take(arena_copy(a, buf_slice(&pem)), a, ret, e);
}

#define SERIAL(tag, digit) "\x31\x0a\x30\x08\x06\x03\x55\x04\x05" tag "\x01" digit
#define USER_ID(text) \
	"\x31\x11\x30\x0f\x06\x0a\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01\x0c\x01" text
#define ORGANIZATION(tag, value) "\x31\x0b\x30\x09\x06\x03\x55\x04\x0a" tag "\x02" value

static void
test_subject(void **state)
{
	static const struct {
		const char *name;
		struct slice sets;
		const char *serial_number; /* NULL: none */
		size_t user_ids;
		bool refused;
	} subjects[] = {
		{ "nothing", T(""), NULL, 0, false },
		{ "a serial number", T(SERIAL("\x13", "7")), "7", 0, false },
		{ "two of them", T(SERIAL("\x0c", "7") SERIAL("\x13", "8")), "7", 0, false },
		{ "two user ids", T(USER_ID("a") SERIAL("\x13", "8") USER_ID("b")), "8", 2, false },
		{ "a serial number that is a number", T(SERIAL("\x02", "\x07")), NULL, 0, true },
		{ "a user id that is not UTF-8", T(USER_ID("\xff")), NULL, 0, true },
		{ "an organization", T(ORGANIZATION("\x0c", "\xc3\xa9")), NULL, 0, false },
		{ "one that is not UTF-8", T(ORGANIZATION("\x0c", "\xc3\x28")), NULL, 0, true },
		{ "one that is half a surrogate", T(ORGANIZATION("\x1e", "\xd8\x00")), NULL, 0,
		    true },
		{ "one that is no text", T(ORGANIZATION("\x03", "\x00\xff")), NULL, 0, false },
		{ "an attribute of no type",
		    T("\x31\x0a\x30\x08\x06\x03\x55\x84\x80\x0c\x01"
		      "a"),
		    NULL, 0, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(subjects); i++) {
		struct arena SCOPED_ARENA a = { 0 };
		struct csr csr;
		struct err e;
		enum err_code code = take_subject(subjects[i].sets, &a, &csr, &e);

		if (code != (subjects[i].refused ? ERR_CSR_INVALID : ERR_NONE))
			fail_msg("%s: got %s: %s", subjects[i].name, err_name(code), e.msg);
		if (code != ERR_NONE)
			continue;
		if (subjects[i].serial_number == NULL)
			assert_null(csr.serial_number.data);
		else
			expect_bytes(subjects[i].name, csr.serial_number,
			    slice_text(subjects[i].serial_number));
		assert_int_equal(csr.user_ids.count, subjects[i].user_ids);
		if (subjects[i].user_ids == 2) {
			expect_bytes("the first", csr.user_ids.items[0], SLICE_LITERAL("a"));
			expect_bytes("the second", csr.user_ids.items[1], SLICE_LITERAL("b"));
		}
	}
}

static void
test_many_user_ids(void **state)
{
	(void)state;
	for (size_t count = CSR_USER_IDS_MAX; count <= CSR_USER_IDS_MAX + 1; count++) {
		struct arena SCOPED_ARENA a = { 0 };
		struct buf SCOPED_BUF sets;
		struct csr csr;
		struct err e;

		buf_init(&sets, 10000);
		for (size_t i = 0; i < count; i++)
			buf_add_slice(&sets, SLICE_LITERAL(USER_ID("x")));
		assert_int_equal(take_subject(buf_slice(&sets), &a, &csr, &e),
		    count <= CSR_USER_IDS_MAX ? ERR_NONE : ERR_CSR_INVALID);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_extensions),
		cmocka_unit_test(test_what_is_kept),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_subject),
		cmocka_unit_test(test_many_user_ids),
	};

	return cmocka_run_group_tests(tests, make_kit, free_kit);
}
