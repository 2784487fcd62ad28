#include "golden_test.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define CRC_POLYNOMIAL 0xEDB88320u
#define BITS_OF_A_BYTE 8

/* Probabilities and distances come from sums that may be added in another order. */
#define TOLERANCE 1e-5f

static wm_grid grid;
static wm_result result;
static uint8_t encoded[WM_ENCODED_BYTES];

wm_status golden_load(const golden_wafer *wafer, wm_grid *to)
{
    wm_status status = wm_grid_begin(to, wafer->rows, wafer->columns);
    uint32_t dies = (uint32_t)wafer->rows * wafer->columns;

    for (uint32_t index = 0; status == WM_OK && index < dies; index++) {
        uint32_t shift = index % WM_DIES_PER_BYTE * 2;
        uint8_t state = (uint8_t)(wafer->dies[index / WM_DIES_PER_BYTE] >> shift & 3);

        status = wm_grid_set(to, index, state);
    }
    return status;
}

static uint32_t crc_of(const uint8_t *bytes, size_t count)
{
    uint32_t crc = UINT32_MAX;

    for (size_t place = 0; place < count; place++) {
        crc ^= bytes[place];
        for (int bit = 0; bit < BITS_OF_A_BYTE; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? CRC_POLYNOMIAL : 0);
        }
    }
    return ~crc;
}

static int near(float found, float known)
{
    return fabsf(found - known) <= TOLERANCE * (1 + fabsf(known));
}

static int same_figures(const golden_wafer *wafer)
{
    for (int place = 0; place < WM_CLASSES; place++) {
        if (!near(result.probabilities[place], wafer->probabilities[place])) {
            return 0;
        }
    }
    return near(result.confidence, wafer->confidence) && near(result.below, wafer->below) &&
           near(result.unfamiliarity, wafer->unfamiliarity) && near(result.mixture, wafer->mixture);
}

const char *golden_check(const golden_wafer *wafer)
{
    if (golden_load(wafer, &grid) != WM_OK) {
        return "grid";
    }
    wm_encode(&grid, encoded);
    if (crc_of(encoded, sizeof encoded) != wafer->encoded_crc) {
        return "encoding";
    }
    if (wm_classify(&grid, &result) != WM_OK) {
        return "status";
    }
    if (memcmp(result.logits, wafer->logits, sizeof result.logits) != 0) {
        return "logits";
    }
    if (memcmp(result.embedding, wafer->embedding, sizeof result.embedding) != 0) {
        return "embedding";
    }
    if (result.dies != wafer->die_count || result.fails != wafer->fail_count) {
        return "counts";
    }
    if (result.pattern != wafer->pattern || result.reason != wafer->reason) {
        return "verdict";
    }
    return same_figures(wafer) ? NULL : "figures";
}
