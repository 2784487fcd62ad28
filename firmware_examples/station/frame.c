#include "frame.h"

#include <string.h>

#define CRC_ALL_ONES 0xFFFFFFFFu
/* What the register holds after a body whose own CRC, right, was run through it as well. */
#define CRC_RESIDUE 0xDEBB20E3u
/* Counting stops here, so that a line that never stops cannot wrap the count. */
#define RECEIVED_MOST 0x00FFFFFFu

enum { OFFSET_VERSION, OFFSET_TYPE, OFFSET_SEQUENCE, OFFSET_LENGTH = 4 };

/* Four bits at a time: 64 bytes of table instead of 1024, and eight times fewer steps than bitwise. */
static const uint32_t crc_table[16] = {
    0x00000000u, 0x1DB71064u, 0x3B6E20C8u, 0x26D930ACu, 0x76DC4190u, 0x6B6B51F4u,
    0x4DB26158u, 0x5005713Cu, 0xEDB88320u, 0xF00F9344u, 0xD6D6A3E8u, 0xCB61B38Cu,
    0x9B64C2B0u, 0x86D3D2D4u, 0xA00AE278u, 0xBDBDF21Cu,
};

static uint32_t crc_step(uint32_t crc, uint8_t byte)
{
    crc ^= byte;
    crc = (crc >> 4) ^ crc_table[crc & 15u];
    return (crc >> 4) ^ crc_table[crc & 15u];
}

uint32_t frame_crc(uint32_t crc, const uint8_t *bytes, size_t count)
{
    crc ^= CRC_ALL_ONES;
    for (size_t i = 0; i < count; i++) {
        crc = crc_step(crc, bytes[i]);
    }
    return crc ^ CRC_ALL_ONES;
}

void frame_parser_reset(frame_parser *parser)
{
    memset(parser, 0, sizeof *parser);
    parser->crc = CRC_ALL_ONES;
}

int frame_open(const frame_parser *parser)
{
    return parser->received > 0u || parser->escaped;
}

int frame_plausible(const frame_parser *parser)
{
    return parser->received > 0u && parser->header.version == FRAME_VERSION;
}

static uint32_t expected_bytes(const frame_parser *parser)
{
    return FRAME_HEADER_BYTES + FRAME_CRC_BYTES + (uint32_t)parser->header.length;
}

static int right_crc(const frame_parser *parser)
{
    return parser->received >= FRAME_HEADER_BYTES + FRAME_CRC_BYTES && parser->crc == CRC_RESIDUE;
}

/* What a flag says of the bytes before it. Noise is passed over: to answer it would be noise, too. */
static frame_event judge(const frame_parser *parser)
{
    int intact = right_crc(parser) && !parser->escaped;
    if (!frame_plausible(parser)) {
        return intact ? FRAME_FOREIGN : FRAME_NOTHING;
    }
    if (parser->received < FRAME_HEADER_BYTES || parser->received < expected_bytes(parser)) {
        return FRAME_TRUNCATED;
    }
    if (!intact) {
        return FRAME_BAD_CRC;
    }
    return parser->received > expected_bytes(parser) ? FRAME_OVERFLOW : FRAME_WHOLE;
}

static frame_event take_flag(frame_parser *parser)
{
    frame_event event = judge(parser);
    frame_header header = parser->header;
    frame_parser_reset(parser);
    parser->header = header; /* an answer needs its sequence number */
    return event;
}

static frame_event take_header(frame_parser *parser, uint32_t offset, uint8_t byte)
{
    frame_header *header = &parser->header;
    switch (offset) {
    case OFFSET_VERSION:
        memset(header, 0, sizeof *header);
        header->version = byte;
        break;
    case OFFSET_TYPE:
        header->type = byte;
        break;
    case OFFSET_SEQUENCE:
        header->sequence = byte;
        break;
    case OFFSET_SEQUENCE + 1:
        header->sequence = (uint16_t)(header->sequence | (uint16_t)(byte << 8));
        break;
    case OFFSET_LENGTH:
        header->length = byte;
        break;
    default:
        header->length = (uint16_t)(header->length | (uint16_t)(byte << 8));
        return frame_plausible(parser) ? FRAME_BEGAN : FRAME_NOTHING;
    }
    return FRAME_NOTHING;
}

static frame_event take_byte(frame_parser *parser, uint8_t byte)
{
    uint32_t offset = parser->received;
    parser->crc = crc_step(parser->crc, byte);
    if (offset < RECEIVED_MOST) {
        parser->received = offset + 1u;
    }
    if (offset < FRAME_HEADER_BYTES) {
        return take_header(parser, offset, byte);
    }
    if (!frame_plausible(parser) || offset >= FRAME_HEADER_BYTES + parser->header.length) {
        return FRAME_NOTHING; /* of the CRC, or of nothing that can be understood */
    }
    parser->byte = byte;
    return FRAME_BYTE;
}

frame_event frame_parse(frame_parser *parser, uint8_t byte)
{
    if (byte == FRAME_FLAG) {
        return take_flag(parser);
    }
    if (byte == FRAME_ESCAPE && !parser->escaped) {
        parser->escaped = 1u;
        return FRAME_NOTHING;
    }
    if (parser->escaped) {
        parser->escaped = 0u;
        byte = (uint8_t)(byte ^ FRAME_TURNED);
    }
    return take_byte(parser, byte);
}

static void put_raw(const frame_writer *writer, uint8_t byte)
{
    writer->output(&byte, 1u);
}

static void put_stuffed(const frame_writer *writer, uint8_t byte)
{
    if (byte == FRAME_FLAG || byte == FRAME_ESCAPE) {
        put_raw(writer, FRAME_ESCAPE);
        byte = (uint8_t)(byte ^ FRAME_TURNED);
    }
    put_raw(writer, byte);
}

void frame_put(frame_writer *writer, const uint8_t *bytes, size_t count)
{
    writer->crc = frame_crc(writer->crc, bytes, count);
    for (size_t i = 0; i < count; i++) {
        put_stuffed(writer, bytes[i]);
    }
}

void frame_put_u8(frame_writer *writer, uint8_t value)
{
    frame_put(writer, &value, 1u);
}

void frame_put_u16(frame_writer *writer, uint16_t value)
{
    uint8_t bytes[2] = {(uint8_t)(value & 0xFFu), (uint8_t)(value >> 8)};
    frame_put(writer, bytes, sizeof bytes);
}

void frame_put_u32(frame_writer *writer, uint32_t value)
{
    frame_put_u16(writer, (uint16_t)(value & 0xFFFFu));
    frame_put_u16(writer, (uint16_t)(value >> 16));
}

void frame_put_f32(frame_writer *writer, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    frame_put_u32(writer, bits);
}

void frame_begin(frame_writer *writer, frame_output output, const frame_header *header)
{
    writer->output = output;
    writer->crc = 0u;
    put_raw(writer, FRAME_FLAG);
    frame_put_u8(writer, header->version);
    frame_put_u8(writer, header->type);
    frame_put_u16(writer, header->sequence);
    frame_put_u16(writer, header->length);
}

void frame_end(frame_writer *writer)
{
    frame_put_u32(writer, writer->crc);
    put_raw(writer, FRAME_FLAG);
}
