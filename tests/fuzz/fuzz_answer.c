/* json_from_msgpack, table_print, table_mounts: what the command line does with an answer's data. */
#include "json.h"
#include "table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = { .code = ERR_NONE };
	json_t *value = json_from_msgpack(slice_of(data, size), &e);
	char *text = NULL;
	size_t len;
	FILE *out;

	if (value == NULL)
		return 0;
	out = open_memstream(&text, &len);
	if (json_is_object(value)) {
		table_print(out, value);
		table_mounts(out, value);
		(void)table_field(out, value, "keys");
	}
	if (!json_line(out, value) && json_is_object(value))
		abort();
	fclose(out);
	free(text);
	json_decref(value);
	return 0;
}
