/* Forms as browsers send them, fed in pieces: what is found lies inside, and the same whatever the
 * pieces are.  The first byte says how long pieces are; the boundary is "b". */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "src/system/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct multipart whole, pieces;
	size_t step = size > 0 ? 1 + data[0] % 32U : 1;

	if (multipart_start(&whole, "multipart/form-data; boundary=b", "fw_update") < 0 ||
	    multipart_start(&pieces, "multipart/form-data; boundary=\"b\"", "fw_update") < 0)
		abort();
	if (size > 0) {
		data++;
		size--;
	}
	multipart_feed(&whole, data, size);
	for (size_t at = 0; at < size; at += step)
		multipart_feed(&pieces, data + at, step < size - at ? step : size - at);
	if (multipart_finish(&whole) != multipart_finish(&pieces) || whole.start != pieces.start ||
	    whole.end != pieces.end)
		abort();
	if (multipart_finish(&whole) == E_OK && (whole.start > whole.end || whole.end > size))
		abort();
	return 0;
}
