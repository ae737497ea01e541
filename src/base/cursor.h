/* Bounds-checked byte cursors: the only way bytes from outside are read.
 *
 * A reader that runs past its end remembers it and yields zeros, so a decoder reads all fields
 * and checks once, at the end, with rd_done() or rd_failed().  A writer that runs past its end
 * remembers it too; wr_ok() tells.  Neither allocates nor owns its buffer.
 * One reader call per expression: C does not define the order of argument evaluation. */
#ifndef USPD_BASE_CURSOR_H
#define USPD_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rd {
	const uint8_t *p, *end;
	bool failed;
};

struct rd rd_init(const uint8_t *data, size_t len);
uint8_t  rd_u8(struct rd *);
uint16_t rd_u16_le(struct rd *);
uint16_t rd_u16_be(struct rd *);
uint32_t rd_u24_be(struct rd *);
uint32_t rd_u32_le(struct rd *);
uint32_t rd_u32_be(struct rd *);
uint64_t rd_u64_le(struct rd *);
double   rd_f64_le(struct rd *);
uint64_t rd_varint(struct rd *);		/* LEB128, at most 10 bytes */
int64_t  rd_zigzag(struct rd *);
void     rd_bytes(struct rd *, void *to, size_t n);	/* zeros when too short */
const uint8_t *rd_take(struct rd *, size_t n);	/* n bytes in place, NULL when too short */
void     rd_skip(struct rd *, size_t n);
size_t   rd_left(const struct rd *);
bool     rd_failed(const struct rd *);		/* something was missing */
bool     rd_done(const struct rd *);		/* nothing missing and nothing left */

struct wr {
	uint8_t *buf;
	size_t len, size;
	bool failed;
};

struct wr wr_init(uint8_t *buf, size_t size);
void wr_u8(struct wr *, uint8_t);
void wr_u16_le(struct wr *, uint16_t);
void wr_u16_be(struct wr *, uint16_t);
void wr_u32_le(struct wr *, uint32_t);
void wr_u32_be(struct wr *, uint32_t);
void wr_u64_le(struct wr *, uint64_t);
void wr_f64_le(struct wr *, double);
void wr_varint(struct wr *, uint64_t);
void wr_zigzag(struct wr *, int64_t);
void wr_bytes(struct wr *, const void *, size_t n);
void wr_text(struct wr *, const char *);	/* without its terminator */
bool wr_ok(const struct wr *);

#endif
