/* Everything of RTU-327 that reads bytes from outside: the receiver in two segmentations, requests
 * decoded and encoded again, replies of every kind. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "rtu327/auth.h"
#include "rtu327/codec.h"
#include "rtu327/eventmap.h"
#include "rtu327/receiver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_request(const uint8_t *body, size_t len)
{
	struct rtu327_frame frame;
	struct rtu327_request q;
	uint8_t again[RTU327_BUFFER + RTU327_OVERHEAD];
	struct wr w = wr_init(again, sizeof(again));

	assert(len >= RTU327_HEADER);
	if (rtu327_frame_open(body, len, &frame) < 0 || rtu327_decode_request(&frame, &q) < 0)
		return;
	(void)rtu327_request_sound(&q);
	assert(rtu327_encode_request(&w, &q, false) == E_OK);
	assert(w.len == len + RTU327_OVERHEAD);
	assert(memcmp(again + RTU327_PREFIX, body, len) == 0);
}

static void
receive(const uint8_t *data, size_t size, size_t segment, int64_t pause_ms)
{
	static const struct rtu327_limits limits = {
		.max_body = 256, .frame_timeout_ms = 5000, .frame_age_ms = 30000, .garbage = 4096,
	};
	struct rtu327_receiver r;
	int64_t now = 0;

	rtu327_receiver_init(&r, &limits);
	while (size > 0) {
		enum rtu327_received got;
		const uint8_t *body;
		size_t room, len, take = size < segment ? size : segment;
		uint8_t *to = rtu327_receiver_room(&r, &room);

		assert(room > 0);
		take = take < room ? take : room;
		memcpy(to, data, take);
		rtu327_receiver_fed(&r, take, now);
		data += take;
		size -= take;
		if (size == 0)
			rtu327_receiver_end(&r);
		while ((got = rtu327_receiver_next(&r, now, &body, &len)) != RTU327_MORE) {
			if (got == RTU327_GARBAGE)
				return;
			if (got == RTU327_FRAME)
				check_request(body, len);
		}
		assert(rtu327_receiver_deadline(&r) < 0 || rtu327_receiver_deadline(&r) > now);
		now += pause_ms;
	}
}

static void
read_replies(const uint8_t *data, size_t size)
{
	struct rd r = rd_init(data, size);
	struct rtu327_shprm shprm;
	struct rtu327_autoread autoread;
	struct rtu327_slice slice;
	struct rtu327_tests tests;
	struct rtu327_log log;
	struct rtu327_frame frame;
	size_t used;

	if (rtu327_frame_read(data, size, false, &frame, &used) == E_OK)
		assert(used <= size);
	while (!rd_failed(&r) && rd_left(&r) > 0)
		rtu327_get_log(&r, &log);
	r = rd_init(data, size);
	rtu327_get_shprm(&r, &shprm);
	rtu327_get_autoread(&r, &autoread);
	r = rd_init(data, size);
	rtu327_get_tests(&r, &tests);
	for (unsigned i = 0; i < tests.count && !rd_failed(&r); i++)
		rtu327_get_slice(&r, tests.bits, &slice);
}

static void
read_settings(const uint8_t *data, size_t size)
{
	struct rtu327_auth auth;
	struct rtu327_map map;
	char text[256] = "";

	memcpy(text, data, size < sizeof(text) - 1 ? size : sizeof(text) - 1);
	(void)rtu327_auth_parse(&auth, text, true);
	(void)rtu327_event_map(&map, text);
	(void)rtu327_log_map(&map, text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	receive(data + 1, size - 1, RTU327_BUFFER, 0);
	receive(data + 1, size - 1, 1 + data[0] % 16, data[0] * 40);
	read_replies(data, size);
	read_settings(data, size);
	return 0;
}
