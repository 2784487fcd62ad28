/* Bytes on a serial line <-> frames.
 *
 * On the line:  FLAG  stuffed(body)  FLAG
 * Body:         version u8, type u8, sequence u16, length u16, payload[length], CRC u32
 *
 * All numbers are little-endian. FLAG never stands inside a body: it and ESCAPE are sent as ESCAPE
 * and the byte with one bit turned over. So whatever was on the line before, the FLAG that opens a
 * frame opens it, and nothing has to be kept and looked through again after an error.
 *
 * The CRC is CRC-32 (IEEE 802.3): polynomial 0x04C11DB7, reflected 0xEDB88320, start and final
 * exclusive or 0xFFFFFFFF, over the body up to itself. Python's zlib.crc32 computes the same.
 *
 * Knows nothing of wafers; takes no memory beyond its two small structures.
 */
#ifndef FRAME_H
#define FRAME_H

#include <stddef.h>
#include <stdint.h>

#define FRAME_VERSION 1u
#define FRAME_FLAG 0x7Eu
#define FRAME_ESCAPE 0x7Du
#define FRAME_TURNED 0x20u
#define FRAME_HEADER_BYTES 6u
#define FRAME_CRC_BYTES 4u

typedef struct {
    uint8_t version;
    uint8_t type;
    uint16_t sequence;
    uint16_t length; /* of the payload, in bytes */
} frame_header;

/* What a byte from the line has brought. */
typedef enum {
    FRAME_NOTHING,   /* more to come */
    FRAME_BEGAN,     /* `header` is known; not to be believed before FRAME_WHOLE */
    FRAME_BYTE,      /* `byte` is the next one of the payload; likewise */
    FRAME_WHOLE,     /* the frame has ended, everything that came of it is right */
    FRAME_FOREIGN,   /* the same, but in a version of the protocol that this is not */
    FRAME_BAD_CRC,   /* the frame has ended, some of it is wrong */
    FRAME_TRUNCATED, /* the frame has ended too early */
    FRAME_OVERFLOW   /* the frame has ended after more bytes than it said, CRC right */
} frame_event;

typedef struct {
    frame_header header;
    uint8_t byte;
    uint8_t escaped;   /* the byte before was ESCAPE */
    uint32_t crc;      /* of all bytes since the flag, before the final exclusive or */
    uint32_t received; /* bytes since the flag, stuffing not counted */
} frame_parser;

/* Where a frame goes as it is written. */
typedef void (*frame_output)(const uint8_t *bytes, size_t count);

typedef struct {
    frame_output output;
    uint32_t crc;
} frame_writer;

/* Start with 0 and hand on what came back: crc(all) = crc(crc(0, first), rest). */
uint32_t frame_crc(uint32_t crc, const uint8_t *bytes, size_t count);

void frame_parser_reset(frame_parser *parser);
frame_event frame_parse(frame_parser *parser, uint8_t byte);

/* Whether a frame is under way: the line must not stay silent now. */
int frame_open(const frame_parser *parser);

/* Whether what came since the last flag looks like a frame and not like noise. */
int frame_plausible(const frame_parser *parser);

/* header->length bytes must follow in calls of frame_put before frame_end. */
void frame_begin(frame_writer *writer, frame_output output, const frame_header *header);
void frame_put(frame_writer *writer, const uint8_t *bytes, size_t count);
void frame_put_u8(frame_writer *writer, uint8_t value);
void frame_put_u16(frame_writer *writer, uint16_t value);
void frame_put_u32(frame_writer *writer, uint32_t value);
void frame_put_f32(frame_writer *writer, float value); /* IEEE 754 binary32 */
void frame_end(frame_writer *writer);

#endif
