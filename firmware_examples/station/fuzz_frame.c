/* Any bytes at all from the line: nothing is read or written out of bounds, every answer is a whole
 * frame, and a good request after them is answered.
 *
 *   clang -fsanitize=fuzzer,address,undefined ...        libFuzzer
 *   cc -DFUZZ_REPLAY ...; ./replay FILE...               the same for files, without libFuzzer
 *
 * The first byte of an input says how it is fed: bit 7 puts the rest into a frame with a right CRC,
 * which chance would not find; bit 6 makes it a wafer map; the low bits say after how many bytes the
 * line falls silent.
 */
#include "frame.h"
#include "message.h"
#include "port.h"
#include "station.h"

#include <stdlib.h>

#define MODE_FRAME 0x80u
#define MODE_MAP 0x40u
#define MODE_SILENCE 0x3Fu
#define SEQUENCE 0xBEEFu
#define SILENCE_MICROS (STATION_SILENCE_MS * 1000u)
#define LINE_MOST 65536u
#define FRAMED_MOST 16384u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t line[LINE_MOST];
static size_t line_next;
static size_t line_end;
static size_t input_end; /* from here on comes the good request, without a break */
static uint32_t silent_after;
static uint32_t micros;
static frame_parser answers;
static frame_header last;

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

int port_read(void)
{
    if (line_next == line_end) {
        return PORT_CLOSED;
    }
    if (silent_after != 0u && line_next < input_end && ++micros % (silent_after + 1u) == 0u) {
        micros += SILENCE_MICROS;
        return PORT_EMPTY;
    }
    return line[line_next++];
}

void port_write(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        frame_event event = frame_parse(&answers, bytes[i]);
        require(event == FRAME_NOTHING || event == FRAME_BEGAN || event == FRAME_BYTE ||
                event == FRAME_WHOLE);
        if (event == FRAME_WHOLE) {
            last = answers.header;
        }
    }
}

uint32_t port_micros(void)
{
    return micros;
}

void port_feed_watchdog(void)
{
}

static void append(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count && line_end < sizeof line; i++) {
        line[line_end++] = bytes[i];
    }
}

static void append_frame(uint8_t type, uint16_t sequence, const uint8_t *bytes, size_t count)
{
    frame_writer writer;
    frame_header header = {FRAME_VERSION, type, sequence, (uint16_t)count};
    frame_begin(&writer, append, &header);
    frame_put(&writer, bytes, count);
    frame_end(&writer);
}

static void append_input(uint8_t mode, const uint8_t *data, size_t size)
{
    if ((mode & MODE_FRAME) == 0u) {
        append(data, size);
    } else if ((mode & MODE_MAP) != 0u) {
        append_frame(MESSAGE_CLASSIFY, 1u, data, size);
    } else if (size > 0u) {
        append_frame(data[0], 1u, data + 1, size - 1u);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0u || size > FRAMED_MOST) {
        return 0;
    }
    frame_parser_reset(&answers);
    last.sequence = 0u;
    line_next = 0u;
    line_end = 0u;
    silent_after = data[0] & MODE_SILENCE;
    append_input(data[0], data + 1, size - 1u);
    input_end = line_end;
    append_frame(MESSAGE_HELLO, SEQUENCE, NULL, 0u);
    station_run();
    require(last.type == MESSAGE_HELLO_ANSWER && last.sequence == SEQUENCE);
    return 0;
}

#ifdef FUZZ_REPLAY
#include <stdio.h>

static int replay(const char *name)
{
    static uint8_t content[FRAMED_MOST];
    FILE *file = fopen(name, "rb");
    if (file == NULL) {
        fprintf(stderr, "%s: cannot be read\n", name);
        return EXIT_FAILURE;
    }
    size_t size = fread(content, 1u, sizeof content, file);
    fclose(file);
    LLVMFuzzerTestOneInput(content, size);
    return EXIT_SUCCESS;
}

int main(int count, char **names)
{
    int code = EXIT_SUCCESS;
    for (int i = 1; i < count; i++) {
        if (replay(names[i]) != EXIT_SUCCESS) {
            code = EXIT_FAILURE;
        }
    }
    return code;
}
#endif
