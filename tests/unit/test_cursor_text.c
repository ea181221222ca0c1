/* What is text: well-formed UTF-8 (RFC 3629) without NUL. */
#include "cursor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
	struct slice text;
	bool good;
} texts[] = {
	{ SLICE_INIT("\xa0"), true },
	{ SLICE_INIT("\xa3"
		     "abc"),
	    true },
	{ SLICE_INIT("\xa1\x7f"), true },
	{ SLICE_INIT("\xa1\x00"), false },
	{ SLICE_INIT("\xa3"
		     "a\x00"
		     "c"),
	    false },
	{ SLICE_INIT("\xa1\x80"), false },    /* a continuation alone */
	{ SLICE_INIT("\xa2\xc3\xa9"), true }, /* e acute */
	{ SLICE_INIT("\xa1\xc3"), false },    /* cut short */
	{ SLICE_INIT("\xa2\xc3\x28"), false },
	{ SLICE_INIT("\xa2\xc0\x80"), false },     /* overlong NUL */
	{ SLICE_INIT("\xa2\xc1\xbf"), false },     /* overlong */
	{ SLICE_INIT("\xa2\xc2\x80"), true },      /* U+0080 */
	{ SLICE_INIT("\xa3\xe0\x9f\xbf"), false }, /* overlong */
	{ SLICE_INIT("\xa3\xe0\xa0\x80"), true },  /* U+0800 */
	{ SLICE_INIT("\xa3\xed\x9f\xbf"), true },  /* U+D7FF */
	{ SLICE_INIT("\xa3\xed\xa0\x80"), false }, /* a surrogate */
	{ SLICE_INIT("\xa3\xee\x80\x80"), true },  /* U+E000 */
	{ SLICE_INIT("\xa3\xe2\x82\x28"), false },
	{ SLICE_INIT("\xa4\xf0\x8f\xbf\xbf"), false }, /* overlong */
	{ SLICE_INIT("\xa4\xf0\x90\x80\x80"), true },  /* U+10000 */
	{ SLICE_INIT("\xa4\xf4\x8f\xbf\xbf"), true },  /* U+10FFFF */
	{ SLICE_INIT("\xa4\xf4\x90\x80\x80"), false }, /* above it */
	{ SLICE_INIT("\xa4\xf5\x80\x80\x80"), false },
	{ SLICE_INIT("\xa3\xf0\x90\x80"), false },
	{ SLICE_INIT("\xa4\xf0\x90\x80\x28"), false },
	{ SLICE_INIT("\xa1\xff"), false },
};

static void
test_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct cursor c = cursor_of(texts[i].text);
		struct slice text;

		if (cursor_text(&c, &text) != texts[i].good)
			fail_msg("case %zu was %s", i, texts[i].good ? "refused" : "taken");
		/* passing over does not look into texts */
		assert_true(cursor_check(texts[i].text));
	}
}

/* Eight octets are looked at together; what is wrong is found at each place of them. */
static void
test_every_place(void **state)
{
	(void)state;
	for (size_t len = 1; len < 32; len++)
		for (size_t at = 0; at < len; at++)
			for (unsigned octet = 0; octet < 256; octet++) {
				uint8_t packed[32] = { (uint8_t)(0xa0 | len) };
				struct cursor c = cursor_of(slice_of(packed, len + 1));
				struct slice text;

				memset(packed + 1, octet % 2 == 0 ? 0x01 : 0x7f, len);
				packed[1 + at] = (uint8_t)octet;
				assert_int_equal(
				    cursor_text(&c, &text), octet >= 0x01 && octet <= 0x7f);
			}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_every_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
