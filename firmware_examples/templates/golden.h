/* Wafers with known answers, drawn by formulas; see golden.c. */
#ifndef GOLDEN_H
#define GOLDEN_H

#include "wm_edge.h"

#define GOLDEN_WAFERS @COUNT@

typedef struct {
    uint16_t rows, columns;
    const uint8_t *dies;   /* two bits a die, as in wm_grid */
    uint32_t encoded_crc;  /* CRC-32 of the encoded bytes, as zlib computes it */
    uint32_t die_count, fail_count;
    uint8_t pattern;
    wm_reason reason;
    int8_t logits[WM_CLASSES];
    int8_t embedding[WM_EMBEDDING];
    float probabilities[WM_CLASSES];
    float confidence, below, unfamiliarity, mixture;
} golden_wafer;

extern const golden_wafer golden_wafers[GOLDEN_WAFERS];

#endif
