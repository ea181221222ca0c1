/* timespan_parse, time_parse_rfc3339: within their bounds, and a time that was read is written and read again the same. */
#include "timespan.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e;
	int64_t value = -1, again = -1;
	char text[32];

	if (timespan_parse(slice_of(data, size), "f", &value, &e) &&
	    (value < 0 || value > TIMESPAN_MAX))
		abort();
	if (!time_parse_rfc3339(slice_of(data, size), "f", &value, &e))
		return 0;
	time_format_rfc3339(value, text);
	/* an offset can lead out of the years 0 to 9999 */
	if (time_parse_rfc3339(slice_text(text), "f", &again, &e) && again != value)
		abort();
	return 0;
}
