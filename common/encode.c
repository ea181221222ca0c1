#include "encode.h"

#include <string.h>

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char urlsafe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static const char hex_digits[] = "0123456789abcdef";

void
hex_add(struct buf *out, struct slice bytes, char separator)
{
	size_t each = separator == 0 ? 2 : 3;
	uint8_t *to = bytes.len > SIZE_MAX / 3 ? NULL : buf_reserve(out, bytes.len * each);

	if (to == NULL || bytes.len == 0) {
		out->failed = out->failed || to == NULL;
		return;
	}
	for (size_t i = 0; i < bytes.len; i++) {
		to[i * each] = (uint8_t)hex_digits[bytes.data[i] >> 4];
		to[i * each + 1] = (uint8_t)hex_digits[bytes.data[i] & 15];
		if (separator != 0)
			to[i * each + 2] = (uint8_t)separator;
	}
	out->len += bytes.len * each - (separator != 0);
}

void
hex_text(struct slice bytes, char *ret)
{
	for (size_t i = 0; i < bytes.len; i++) {
		*ret++ = hex_digits[bytes.data[i] >> 4];
		*ret++ = hex_digits[bytes.data[i] & 15];
	}
	*ret = '\0';
}

static int
hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
hex_parse(struct slice text, uint8_t *ret, size_t max, size_t *ret_len)
{
	bool separated = text.len > 2 && (text.data[2] == ':' || text.data[2] == '-');
	size_t each = separated ? 3 : 2, count = (text.len + separated) / each;

	if (text.len == 0 || (text.len + separated) % each != 0 || count > max)
		return false;
	for (size_t i = 0; i < count; i++) {
		int high = hex_digit(text.data[i * each]), low = hex_digit(text.data[i * each + 1]);

		if (high < 0 || low < 0)
			return false;
		if (separated && i + 1 < count && text.data[i * 3 + 2] != text.data[2])
			return false;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	*ret_len = count;
	return true;
}

static uint8_t *
base64_whole(const char *alphabet, const uint8_t *from, size_t len, uint8_t *to)
{
	for (; len >= 3; len -= 3, from += 3, to += 4) {
		uint32_t v = (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 | from[2];

		to[0] = (uint8_t)alphabet[v >> 18];
		to[1] = (uint8_t)alphabet[v >> 12 & 63];
		to[2] = (uint8_t)alphabet[v >> 6 & 63];
		to[3] = (uint8_t)alphabet[v & 63];
	}
	return to;
}

/* Writes at most 4 * (len / 3 + 1) characters; returns how many. */
static size_t
base64_write(const char *alphabet, bool pad, struct slice bytes, uint8_t *to)
{
	size_t rest = bytes.len % 3;
	uint8_t *end = base64_whole(alphabet, bytes.data, bytes.len, to);
	const uint8_t *last;
	uint32_t v;

	if (rest == 0)
		return (size_t)(end - to);
	last = bytes.data + bytes.len - rest;
	v = (uint32_t)last[0] << 16 | (rest == 2 ? (uint32_t)last[1] << 8 : 0);
	*end++ = (uint8_t)alphabet[v >> 18];
	*end++ = (uint8_t)alphabet[v >> 12 & 63];
	if (rest == 2)
		*end++ = (uint8_t)alphabet[v >> 6 & 63];
	for (size_t i = rest; pad && i < 3; i++)
		*end++ = '=';
	return (size_t)(end - to);
}

static void
base64_append(struct buf *out, const char *alphabet, bool pad, struct slice bytes)
{
	size_t rest = bytes.len % 3, tail = rest == 0 ? 0 : pad ? 4 : rest + 1;
	uint8_t *to = bytes.len > SIZE_MAX / 2 ? NULL : buf_reserve(out, bytes.len / 3 * 4 + tail);

	if (to == NULL)
		out->failed = true;
	else
		out->len += base64_write(alphabet, pad, bytes, to);
}

void
base64_add(struct buf *out, struct slice bytes)
{
	base64_append(out, standard, true, bytes);
}

void
base64url_add(struct buf *out, struct slice bytes)
{
	base64_append(out, urlsafe, false, bytes);
}

/* clang-format off */
/* Each character's value and one: 0 is no character of the alphabet. */
#define LETTERS_AND_DIGITS \
	['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8, \
	['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, \
	['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24, \
	['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32, \
	['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, \
	['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, \
	['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56, \
	['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62

static const uint8_t standard_values[256] = { LETTERS_AND_DIGITS, ['+'] = 63, ['/'] = 64 };
static const uint8_t urlsafe_values[256] = { LETTERS_AND_DIGITS, ['-'] = 63, ['_'] = 64 };
/* clang-format on */

/* Four characters as 24 bits; false when one is not of the alphabet. */
static inline bool
group_read(const uint8_t values[static 256], const uint8_t text[static 4], uint32_t *ret)
{
	uint32_t a = values[text[0]], b = values[text[1]], c = values[text[2]], d = values[text[3]];

	*ret = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
	return a != 0 && b != 0 && c != 0 && d != 0;
}

/* The two or three characters at the end. Bits that are left over must be zero, so that bytes have one text only. */
static bool
tail_read(const uint8_t values[static 256], const uint8_t *text, size_t count, uint8_t *to)
{
	uint8_t group[4] = { 'A', 'A', 'A', 'A' };
	uint32_t v;

	if (count == 1)
		return false;
	memcpy(group, text, count);
	if (!group_read(values, group, &v) || (v & (count == 2 ? 0xffffU : 0xffU)) != 0)
		return false;
	to[0] = (uint8_t)(v >> 16);
	if (count == 3)
		to[1] = (uint8_t)(v >> 8);
	return true;
}

/* Text without padding. */
static bool
base64_read(const uint8_t values[static 256], struct slice text, uint8_t *to)
{
	size_t i = 0;
	uint32_t v;

	for (; i + 4 <= text.len; i += 4, to += 3) {
		if (!group_read(values, text.data + i, &v))
			return false;
		to[0] = (uint8_t)(v >> 16);
		to[1] = (uint8_t)(v >> 8);
		to[2] = (uint8_t)v;
	}
	return i == text.len || tail_read(values, text.data + i, text.len - i, to);
}

static bool
base64_append_read(const uint8_t values[static 256], struct slice text, struct buf *out)
{
	size_t len = text.len / 4 * 3 + (text.len % 4) * 3 / 4;
	uint8_t *to = buf_reserve(out, len);

	if (to == NULL || !base64_read(values, text, to))
		return false;
	out->len += len;
	return true;
}

bool
base64_parse(struct slice text, struct buf *out)
{
	if (text.len % 4 != 0)
		return false;
	for (int i = 0; i < 2 && text.len > 0 && text.data[text.len - 1] == '='; i++)
		text.len--;
	return base64_append_read(standard_values, text, out);
}

bool
base64url_parse(struct slice text, struct buf *out)
{
	return base64_append_read(urlsafe_values, text, out);
}

#define PEM_BEGIN      "-----BEGIN "
#define PEM_END        "-----END "
#define PEM_DASHES     "-----"
#define PEM_COLUMNS    64
#define PEM_LINE_BYTES (PEM_COLUMNS / 4 * 3)

static void
boundary_add(struct buf *out, const char *prefix, const char *label)
{
	buf_add_text(out, prefix);
	buf_add_text(out, label);
	buf_add_text(out, PEM_DASHES "\n");
}

void
pem_add(struct buf *out, const char *label, struct slice der)
{
	uint8_t *start, *to;
	size_t lines = der.len / PEM_LINE_BYTES + 1;

	boundary_add(out, PEM_BEGIN, label);
	start = to = der.len > SIZE_MAX / 4 ? NULL : buf_reserve(out, lines * (PEM_COLUMNS + 1));
	if (to == NULL) {
		out->failed = true;
		return;
	}
	for (size_t at = 0; at < der.len; at += PEM_LINE_BYTES) {
		size_t len = der.len - at < PEM_LINE_BYTES ? der.len - at : PEM_LINE_BYTES;

		to += base64_write(standard, true, slice_of(der.data + at, len), to);
		*to++ = '\n';
	}
	out->len += (size_t)(to - start);
	boundary_add(out, PEM_END, label);
}

static bool
starts_with(struct slice text, const char *prefix)
{
	size_t len = strlen(prefix);

	return text.len >= len && memcmp(text.data, prefix, len) == 0;
}

/* Takes one line from the text, without the white space at its end. */
static struct slice
line_take(struct slice *text)
{
	const uint8_t *end = text->len == 0 ? NULL : memchr(text->data, '\n', text->len);
	size_t len = end == NULL ? text->len : (size_t)(end - text->data);
	struct slice line = slice_of(text->data, len);

	len += end != NULL;
	*text = slice_of(text->data + len, text->len - len);
	while (line.len > 0 &&
	    (line.data[line.len - 1] == '\r' || line.data[line.len - 1] == ' ' ||
		line.data[line.len - 1] == '\t'))
		line.len--;
	return line;
}

/* "-----BEGIN label-----" or "-----END label-----". */
static bool
boundary_read(struct slice line, const char *prefix, struct slice *ret_label)
{
	size_t before = strlen(prefix), after = strlen(PEM_DASHES);

	if (!starts_with(line, prefix) || line.len <= before + after ||
	    memcmp(line.data + line.len - after, PEM_DASHES, after) != 0)
		return false;
	*ret_label = slice_of(line.data + before, line.len - before - after);
	return true;
}

/* Moves behind the block's last line. */
static bool
block_end(struct slice *text, struct slice label, struct slice *ret_body, struct err *e)
{
	const uint8_t *body = text->data;

	while (text->len > 0) {
		struct slice line = line_take(text), last;

		if (!starts_with(line, PEM_DASHES))
			continue;
		if (!boundary_read(line, PEM_END, &last) || !slice_eq(label, last))
			break;
		*ret_body = slice_of(body, (size_t)(line.data - body));
		return true;
	}
	return err_set(e, ERR_MALFORMED, "PEM: the block \"%.*s\" does not end", SLICE_FMT(label));
}

bool
pem_find(struct slice *text, struct slice *ret_label, struct slice *ret_body, struct err *e)
{
	struct slice label;

	*e = (struct err){ .code = ERR_NONE };
	while (text->len > 0) {
		if (!boundary_read(line_take(text), PEM_BEGIN, &label))
			continue;
		*ret_label = label;
		return block_end(text, label, ret_body, e);
	}
	return false;
}

/* Copies text without its white space; returns how much that is. */
static size_t
dense_copy(struct slice text, uint8_t *to)
{
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];

		to[len] = c;
		len += c > ' ' || (c != '\n' && c != '\r' && c != ' ' && c != '\t');
	}
	return len;
}

bool
pem_decode(struct slice body, struct buf *out)
{
	struct buf SCOPED_BUF dense = { 0 };
	uint8_t *to;

	buf_init_secret(&dense, body.len);
	to = buf_reserve(&dense, body.len);
	if (to == NULL)
		return false;
	dense.len = dense_copy(body, to);
	return dense.len > 0 && base64_parse(buf_slice(&dense), out);
}

bool
pem_next(struct slice *text, struct arena *a, struct slice *ret_label, struct slice *ret_der,
    struct err *e)
{
	struct buf SCOPED_BUF der = { 0 };
	struct slice body;

	if (!pem_find(text, ret_label, &body, e))
		return false;
	buf_init_secret(&der, body.len);
	if (!pem_decode(body, &der))
		return err_set(e, ERR_MALFORMED, "PEM: the block \"%.*s\" holds no base64 alone",
		    SLICE_FMT(*ret_label));
	*ret_der = arena_copy(a, buf_slice(&der));
	return true;
}
