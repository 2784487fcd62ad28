/* Wafer map in, pattern and verdict out: the public interface of the generated firmware.
 *
 * The network's activations and the encoder's sums are static, so wm_encode, wm_infer and
 * wm_classify must not run twice at the same time. Nothing is allocated.
 */
#ifndef WM_EDGE_H
#define WM_EDGE_H

#include <stdint.h>

#include "wm_model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Longest side of a map in dies; the largest wafer of WM-811K has 300. */
#define WM_MAX_SIDE 300
/* Two bits a die, four dies a byte, the first in the lowest bits. */
#define WM_DIES_PER_BYTE 4
#define WM_GRID_BYTES ((WM_MAX_SIDE * WM_MAX_SIDE + WM_DIES_PER_BYTE - 1) / WM_DIES_PER_BYTE)

/* States of a die, as everywhere in wm-edge. */
#define WM_NO_DIE 0
#define WM_PASS 1
#define WM_FAIL 2

typedef enum { WM_OK, WM_BAD_SIZE, WM_BAD_STATE, WM_NO_DIES } wm_status;

/* Accept, or why a person should look: the strongest reason that holds. WM_FEW_FAILS is accepted as
 * well: so few dies fail that the wafer is `none`, and the network was not run. */
typedef enum {
    WM_ACCEPT,
    WM_FEW_DIES,
    WM_MIXED,
    WM_UNFAMILIAR,
    WM_LOW_CONFIDENCE,
    WM_FEW_FAILS
} wm_reason;

typedef struct {
    uint16_t rows, columns;
    uint8_t cells[WM_GRID_BYTES]; /* row by row, without gaps between the rows */
} wm_grid;

typedef struct {
    uint8_t pattern; /* place in wm_labels */
    wm_reason reason;
    uint32_t dies, fails;
    float probabilities[WM_CLASSES]; /* calibrated, summing to 1 */
    float confidence;                /* chance that pattern is right, at the usual mix of patterns */
    float below;                     /* the threshold that confidence was held against */
    float unfamiliarity;             /* distance to the nearest class, in standard deviations */
    float mixture;                   /* probability of two patterns at once */
    int8_t logits[WM_CLASSES];       /* 0, like the embedding, where the network was not run */
    int8_t embedding[WM_EMBEDDING];
} wm_result;

/* Empty the grid for a map of rows x columns. WM_BAD_SIZE for a side of 0 or over WM_MAX_SIDE. */
wm_status wm_grid_begin(wm_grid *grid, uint16_t rows, uint16_t columns);

/* Set the die at index = row * columns + column. WM_BAD_STATE for a state over 2, WM_BAD_SIZE for
 * an index outside the map. */
wm_status wm_grid_set(wm_grid *grid, uint32_t index, uint8_t state);

/* Encode, infer, judge. A result is written only with WM_OK. WM_BAD_SIZE for a grid that was not
 * begun, WM_BAD_STATE for cells that hold a 3, WM_NO_DIES for a map without dies. */
wm_status wm_classify(const wm_grid *grid, wm_result *result);

/* WM_ENCODED_BYTES of fail share and die share, 0..255; all 0 for a map without dies. */
void wm_encode(const wm_grid *grid, uint8_t *encoded);

/* Run the network on WM_ENCODED_BYTES of input, each encoded byte less 128. */
void wm_infer(const int8_t *input, int8_t *logits, int8_t *embedding);

#ifdef __cplusplus
}
#endif

#endif
