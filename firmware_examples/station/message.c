#include "message.h"

#include <string.h>

#define HASH_BYTES 32u
#define TEXT_MOST 255u
#define HELLO_FIXED_BYTES (2u + 2u + 1u + HASH_BYTES)
#define RESULT_FIXED_BYTES (4u + 3u * 4u + 4u * 4u)
#define DIE_BITS 2u
#define DIE_MASK 3u

static frame_header answer_header(uint8_t type, uint16_t sequence, size_t length)
{
    frame_header header = {FRAME_VERSION, type, sequence, (uint16_t)length};
    return header;
}

static void fail(map_loader *loader, message_error error)
{
    if (loader->error == MESSAGE_FINE) {
        loader->error = error;
    }
}

void map_begin(map_loader *loader, wm_grid *grid)
{
    memset(loader, 0, sizeof *loader);
    loader->grid = grid;
    loader->expected = MESSAGE_SIDES_BYTES;
}

static void take_side(map_loader *loader, uint32_t offset, uint8_t byte)
{
    uint16_t *side = offset < 2u ? &loader->rows : &loader->columns;
    uint32_t shift = (offset & 1u) * 8u;
    *side = (uint16_t)(*side | (uint16_t)((uint32_t)byte << shift));
    if (offset + 1u < MESSAGE_SIDES_BYTES) {
        return;
    }
    if (wm_grid_begin(loader->grid, loader->rows, loader->columns) != WM_OK) {
        fail(loader, MESSAGE_BAD_SIZE);
        return;
    }
    loader->dies = (uint32_t)loader->rows * loader->columns;
    loader->expected += (loader->dies + MESSAGE_DIES_PER_BYTE - 1u) / MESSAGE_DIES_PER_BYTE;
}

static void take_dies(map_loader *loader, uint32_t offset, uint8_t byte)
{
    uint32_t index = offset * MESSAGE_DIES_PER_BYTE;
    uint32_t bits = byte;
    for (uint32_t i = 0; i < MESSAGE_DIES_PER_BYTE; i++, index++, bits >>= DIE_BITS) {
        uint8_t state = (uint8_t)(bits & DIE_MASK);
        if (index >= loader->dies) {
            if (state != 0u) {
                fail(loader, MESSAGE_BAD_STATE);
            }
        } else if (wm_grid_set(loader->grid, index, state) != WM_OK) {
            fail(loader, MESSAGE_BAD_STATE);
        }
    }
}

void map_byte(map_loader *loader, uint8_t byte)
{
    uint32_t offset = loader->received++;
    if (loader->error != MESSAGE_FINE) {
        return;
    }
    if (offset < MESSAGE_SIDES_BYTES) {
        take_side(loader, offset, byte);
    } else if (offset < loader->expected) {
        take_dies(loader, offset - MESSAGE_SIDES_BYTES, byte);
    } else {
        fail(loader, MESSAGE_BAD_SIZE);
    }
}

message_error map_end(const map_loader *loader)
{
    if (loader->error == MESSAGE_FINE &&
        (loader->received < MESSAGE_SIDES_BYTES || loader->received != loader->expected)) {
        return MESSAGE_BAD_SIZE;
    }
    return loader->error;
}

static size_t text_length(const char *text)
{
    size_t length = strlen(text);
    return length < TEXT_MOST ? length : TEXT_MOST;
}

static void put_text(frame_writer *writer, const char *text)
{
    size_t length = text_length(text);
    frame_put_u8(writer, (uint8_t)length);
    frame_put(writer, (const uint8_t *)text, length);
}

static size_t hello_length(void)
{
    size_t length =
        HELLO_FIXED_BYTES + 2u + text_length(wm_model_name) + text_length(MESSAGE_FIRMWARE);
    for (size_t i = 0; i < WM_CLASSES; i++) {
        length += 1u + text_length(wm_labels[i]);
    }
    return length;
}

void message_send_hello(frame_output output, uint16_t sequence, uint16_t silence_ms)
{
    frame_writer writer;
    frame_header header = answer_header(MESSAGE_HELLO_ANSWER, sequence, hello_length());
    frame_begin(&writer, output, &header);
    frame_put_u16(&writer, WM_MAX_SIDE);
    frame_put_u16(&writer, silence_ms);
    frame_put_u8(&writer, WM_CLASSES);
    frame_put(&writer, wm_model_sha256, HASH_BYTES);
    put_text(&writer, wm_model_name);
    put_text(&writer, MESSAGE_FIRMWARE);
    for (size_t i = 0; i < WM_CLASSES; i++) {
        put_text(&writer, wm_labels[i]);
    }
    frame_end(&writer);
}

static void put_figures(frame_writer *writer, const wm_result *result)
{
    frame_put_f32(writer, result->confidence);
    frame_put_f32(writer, result->below);
    frame_put_f32(writer, result->unfamiliarity);
    frame_put_f32(writer, result->mixture);
    for (size_t i = 0; i < WM_CLASSES; i++) {
        frame_put_f32(writer, result->probabilities[i]);
    }
    for (size_t i = 0; i < WM_CLASSES; i++) {
        frame_put_u8(writer, (uint8_t)result->logits[i]);
    }
}

void message_send_result(frame_output output, uint16_t sequence, const wm_result *result,
                         uint32_t micros)
{
    frame_writer writer;
    size_t length = RESULT_FIXED_BYTES + (sizeof(float) + 1u) * WM_CLASSES;
    frame_header header = answer_header(MESSAGE_CLASSIFY_ANSWER, sequence, length);
    frame_begin(&writer, output, &header);
    frame_put_u8(&writer, result->pattern);
    frame_put_u8(&writer, (uint8_t)result->reason);
    frame_put_u8(&writer, WM_CLASSES);
    frame_put_u8(&writer, 0u);
    frame_put_u32(&writer, result->dies);
    frame_put_u32(&writer, result->fails);
    frame_put_u32(&writer, micros);
    put_figures(&writer, result);
    frame_end(&writer);
}

void message_send_error(frame_output output, const frame_header *request, message_error error)
{
    frame_writer writer;
    frame_header header = answer_header(MESSAGE_ERROR_ANSWER, request->sequence, 2u);
    frame_begin(&writer, output, &header);
    frame_put_u8(&writer, (uint8_t)error);
    frame_put_u8(&writer, request->type);
    frame_end(&writer);
}
