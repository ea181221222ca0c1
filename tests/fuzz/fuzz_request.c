/* request_decode: a refusal has a code and leaves only good values; what is taken comes back the same when it is encoded. */
#include "envelope.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool condition)
{
	if (!condition)
		abort();
}

static void
encode(const struct request_envelope *rq, struct buf *out)
{
	struct writer w = { out };

	buf_init(out, 2 * REQUEST_MAX);
	schema_encode(&request_schema, rq, &w);
	require(!out->failed);
}

static void
check_again(const struct request_envelope *rq)
{
	struct arena arena SCOPED_ARENA = { 0 };
	struct buf first SCOPED_BUF;
	struct buf second SCOPED_BUF;
	struct request_envelope again;
	struct err e;

	encode(rq, &first);
	require(request_decode(buf_slice(&first), &arena, &again, &e));
	encode(&again, &second);
	require(slice_eq(buf_slice(&first), buf_slice(&second)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena SCOPED_ARENA = { 0 };
	struct request_envelope rq;
	struct err e = { .code = ERR_NONE };
	bool good = request_decode(slice_of(data, size), &arena, &rq, &e);

	require(good == (e.code == ERR_NONE));
	require(rq.id.len <= REQUEST_ID_MAX && rq.mount.data != NULL);
	require(rq.params.data == NULL || cursor_check(rq.params));
	if (good)
		check_again(&rq);
	else
		require(e.msg[0] != '\0');
	return 0;
}
