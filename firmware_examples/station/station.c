#include "station.h"

#include "frame.h"
#include "message.h"
#include "port.h"

#define MICROS_PER_MS 1000u

typedef struct {
    frame_parser parser;
    map_loader loader;
    wm_grid grid;
    wm_result result;
    uint32_t heard; /* when the last byte came, in microseconds */
} station_state;

/* Not on the stack: the grid alone would be most of it. */
static station_state station;

static void refuse(message_error error)
{
    message_send_error(port_write, &station.parser.header, error);
}

static message_error grid_error(wm_status status)
{
    switch (status) {
    case WM_OK:
        return MESSAGE_FINE;
    case WM_BAD_STATE:
        return MESSAGE_BAD_STATE;
    case WM_NO_DIES:
        return MESSAGE_NO_DIES;
    default:
        return MESSAGE_BAD_SIZE;
    }
}

static void classify(void)
{
    message_error error = map_end(&station.loader);
    if (error == MESSAGE_FINE) {
        uint32_t began = port_micros();
        error = grid_error(wm_classify(&station.grid, &station.result));
        uint32_t taken = port_micros() - began;
        if (error == MESSAGE_FINE) {
            message_send_result(port_write, station.parser.header.sequence, &station.result, taken);
            return;
        }
    }
    refuse(error);
}

static void answer(void)
{
    const frame_header *request = &station.parser.header;
    if (request->type == MESSAGE_CLASSIFY) {
        classify();
    } else if (request->type != MESSAGE_HELLO) {
        refuse(MESSAGE_UNKNOWN_TYPE);
    } else if (request->length != 0u) {
        refuse(MESSAGE_BAD_SIZE);
    } else {
        message_send_hello(port_write, request->sequence, STATION_SILENCE_MS);
    }
}

static void take(uint8_t byte)
{
    switch (frame_parse(&station.parser, byte)) {
    case FRAME_NOTHING:
        break;
    case FRAME_BEGAN:
        map_begin(&station.loader, &station.grid);
        break;
    case FRAME_BYTE:
        /* Of another type than CLASSIFY it is nonsense in a grid that nobody will look at. */
        map_byte(&station.loader, station.parser.byte);
        break;
    case FRAME_WHOLE:
        answer();
        break;
    case FRAME_FOREIGN:
        refuse(MESSAGE_BAD_VERSION);
        break;
    case FRAME_BAD_CRC:
        refuse(MESSAGE_BAD_CRC);
        break;
    case FRAME_TRUNCATED:
        refuse(MESSAGE_TRUNCATED);
        break;
    case FRAME_OVERFLOW:
        refuse(MESSAGE_OVERFLOW);
        break;
    }
}

/* A frame whose rest never comes must not swallow the one that is sent instead. */
static void check_silence(void)
{
    if (!frame_open(&station.parser)) {
        return;
    }
    if (port_micros() - station.heard < STATION_SILENCE_MS * MICROS_PER_MS) {
        return;
    }
    if (frame_plausible(&station.parser)) {
        refuse(MESSAGE_TIMEOUT);
    }
    frame_parser_reset(&station.parser);
}

void station_run(void)
{
    frame_parser_reset(&station.parser);
    map_begin(&station.loader, &station.grid);
    for (;;) {
        port_feed_watchdog();
        int byte = port_read();
        if (byte == PORT_CLOSED) {
            return;
        }
        if (byte == PORT_EMPTY) {
            check_silence();
            continue;
        }
        station.heard = port_micros();
        take((uint8_t)byte);
    }
}
