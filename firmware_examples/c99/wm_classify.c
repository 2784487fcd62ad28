/* The whole way: die grid, network input, network, verdict. */
#include <string.h>

#include "wm_grid.h"
#include "wm_network.h"
#include "wm_verdict.h"

/* Flipping it subtracts 128. */
#define TOP_BIT 0x80

static void take_outputs(int8_t *logits, int8_t *embedding)
{
    memcpy(logits, wm_logits(), WM_CLASSES);
    memcpy(embedding, wm_embedding(), WM_EMBEDDING);
}

void wm_infer(const int8_t *input, int8_t *logits, int8_t *embedding)
{
    memcpy(wm_input(), input, WM_ENCODED_BYTES);
    wm_run();
    take_outputs(logits, embedding);
}

/* Encoded right where the network reads, to save a copy of the input. */
static void encode_input(const wm_grid *grid)
{
    uint8_t *bytes = (uint8_t *)wm_input();

    wm_encode(grid, bytes);
    for (uint32_t place = 0; place < WM_ENCODED_BYTES; place++) {
        bytes[place] ^= TOP_BIT;
    }
}

wm_status wm_classify(const wm_grid *grid, wm_result *result)
{
    wm_extent extent;
    wm_status status = wm_grid_measure(grid, &extent);

    if (status != WM_OK) {
        return status;
    }
    if (extent.dies == 0) {
        return WM_NO_DIES;
    }
    result->dies = extent.dies;
    result->fails = extent.fails;
    if (wm_settle(result)) {
        return WM_OK;
    }
    encode_input(grid);
    wm_run();
    take_outputs(result->logits, result->embedding);
    wm_judge(result);
    return WM_OK;
}
