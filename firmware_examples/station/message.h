/* What frames mean: requests from the host, answers of the station.
 *
 * HELLO     no payload
 * CLASSIFY  rows u16, columns u16, dies: two bits each, row after row, four to a byte from the low
 *           bits up, 0 no die, 1 pass, 2 fail; bits after the last die are 0
 *
 * HELLO_ANSWER     largest side u16, silence in ms u16, classes u8, SHA-256 of the model file [32],
 *                  then texts (length u8, UTF-8): model, firmware, each class
 * CLASSIFY_ANSWER  pattern u8, reason u8, classes u8, 0 u8, dies u32, fails u32, microseconds u32,
 *                  confidence f32, below f32, unfamiliarity f32, mixture f32,
 *                  probabilities f32[classes], logits i8[classes]
 * ERROR_ANSWER     code u8, type of the request u8
 *
 * An answer carries the sequence number of its request.
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include "frame.h"
#include "wm_edge.h"

/* What the firmware calls itself. */
#define MESSAGE_FIRMWARE "wm-edge station 1"

#define MESSAGE_HELLO 0x01u
#define MESSAGE_CLASSIFY 0x02u
#define MESSAGE_HELLO_ANSWER 0x81u
#define MESSAGE_CLASSIFY_ANSWER 0x82u
#define MESSAGE_ERROR_ANSWER 0xFFu

#define MESSAGE_SIDES_BYTES 4u
#define MESSAGE_DIES_PER_BYTE 4u

typedef enum {
    MESSAGE_FINE = 0,
    /* The line's fault: the same again may well arrive. */
    MESSAGE_BAD_CRC = 1,
    MESSAGE_TRUNCATED = 2, /* the next frame began before this one was whole */
    MESSAGE_TIMEOUT = 3,   /* the line fell silent within a frame */
    /* The request's fault. */
    MESSAGE_BAD_SIZE = 4, /* a side of 0 or above the limit, or not the bytes that the sides need */
    MESSAGE_BAD_STATE = 5, /* a die of state 3, or bits set after the last die */
    MESSAGE_NO_DIES = 6,
    MESSAGE_UNKNOWN_TYPE = 7,
    MESSAGE_OVERFLOW = 8, /* more bytes than the header said */
    MESSAGE_BAD_VERSION = 9
} message_error;

/* A wafer map as it comes in, die by die: the grid is the only copy. */
typedef struct {
    wm_grid *grid;
    uint32_t received; /* bytes of the payload */
    uint32_t expected; /* bytes of the payload for these sides */
    uint32_t dies;     /* rows * columns */
    uint16_t rows;
    uint16_t columns;
    message_error error; /* the first one */
} map_loader;

void map_begin(map_loader *loader, wm_grid *grid);
void map_byte(map_loader *loader, uint8_t byte);
message_error map_end(const map_loader *loader);

void message_send_hello(frame_output output, uint16_t sequence, uint16_t silence_ms);
void message_send_result(frame_output output, uint16_t sequence, const wm_result *result,
                         uint32_t micros);
void message_send_error(frame_output output, const frame_header *request, message_error error);

#endif
