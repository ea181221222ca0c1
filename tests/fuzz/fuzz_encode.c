/* hex_parse, base64_parse, base64url_parse, pem_next: what is accepted encodes to the same again. */
#include "encode.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must_equal(struct slice a, struct slice b)
{
	if (!slice_eq(a, b))
		abort();
}

static void
fuzz_hex(struct slice text)
{
	struct buf SCOPED_BUF out = { 0 };
	uint8_t bytes[64], again[64];
	size_t len, again_len;

	if (!hex_parse(text, bytes, sizeof(bytes), &len))
		return;
	buf_init(&out, 3 * sizeof(bytes));
	hex_add(&out, slice_of(bytes, len), ':');
	if (!hex_parse(buf_slice(&out), again, sizeof(again), &again_len))
		abort();
	must_equal(slice_of(bytes, len), slice_of(again, again_len));
}

static void
fuzz_base64(struct slice text)
{
	struct buf SCOPED_BUF bytes = { 0 };
	struct buf SCOPED_BUF out = { 0 };

	buf_init(&bytes, text.len);
	buf_init(&out, text.len);
	if (base64_parse(text, &bytes)) {
		base64_add(&out, buf_slice(&bytes));
		must_equal(text, buf_slice(&out));
	}
	buf_clear(&bytes);
	buf_clear(&out);
	if (base64url_parse(text, &bytes)) {
		base64url_add(&out, buf_slice(&bytes));
		must_equal(text, buf_slice(&out));
	}
}

static void
fuzz_pem(struct slice text)
{
	struct arena SCOPED_ARENA a = { 0 };
	struct slice label, der, again_label, again_der;
	struct err e;

	while (pem_next(&text, &a, &label, &der, &e)) {
		struct buf SCOPED_BUF out = { 0 };
		struct slice written;

		buf_init(&out, 2 * (label.len + der.len) + 1000);
		pem_add(&out, arena_text(&a, label), der);
		written = buf_slice(&out);
		/* a NUL in the label does not survive arena_text */
		if (memchr(label.data, '\0', label.len) != NULL)
			continue;
		if (!pem_next(&written, &a, &again_label, &again_der, &e))
			abort();
		must_equal(label, again_label);
		must_equal(der, again_der);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of(data, size);

	fuzz_hex(text);
	fuzz_base64(text);
	fuzz_pem(text);
	return 0;
}
