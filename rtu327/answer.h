/* Answers of RTU-327: a question and a snapshot in, the bytes of the reply out.
 *
 * The order of checks is that of rtu-327.md 3: the receiver has checked length and checksum;
 * rtu327_examine() checks password, command, rights and parameters; rtu327_answer() looks the
 * meter up and reads the archive. */
#ifndef USPD_RTU327_ANSWER_H
#define USPD_RTU327_ANSWER_H

#include "rtu327/codec.h"
#include "rtu327/context.h"

enum { RTU327_ERROR_REPLY = RTU327_HEADER + RTU327_OVERHEAD };

/* RTU327_OK: *request is decoded whole and may be carried out; else the result to reply with.
 * request->frame.data is not borrowed on. */
enum rtu327_result rtu327_examine(const struct rtu327_context *, const struct rtu327_frame *,
    struct rtu327_request *request);

/* A reply without data. `reply` holds at least RTU327_ERROR_REPLY bytes; returns its length. */
size_t rtu327_refuse(const struct rtu327_context *, const uint8_t number[2], enum rtu327_result,
    uint8_t *reply);

/* Whether answering needs the archive, so that it belongs into a worker thread. */
bool rtu327_asks_archive(const struct rtu327_request *);

/* Answers a question that was examined; SETTIME is the server's own business and refused here.
 * `reply` of `size` >= RTU327_ERROR_REPLY bytes (RTU327_FRAME_MOST holds any).  Returns the result
 * code in the reply, which is always made.  Any thread; blocks for the database. */
enum rtu327_result rtu327_answer(const struct rtu327_context *, const struct rtu327_request *,
    uint8_t *reply, size_t size, size_t *len);

#endif
