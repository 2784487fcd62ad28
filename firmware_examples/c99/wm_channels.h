/* One value for each output channel of a convolution: sums of products, rescaled. */
#ifndef WM_CHANNELS_H
#define WM_CHANNELS_H

#include <stdint.h>

#include "wm_dot.h"
#include "wm_fixed.h"

/* What all output channels of an operator share, and its constants a channel. */
typedef struct {
    const int8_t *weights; /* [channels][count] */
    const int32_t *bias;
    const int32_t *multipliers;
    const int8_t *shifts;
    uint32_t count, channels;
    int32_t zero, low, high;
} wm_channels;

static inline int8_t wm_channel_value(const wm_channels *all, uint32_t channel, int32_t sum)
{
    int32_t value = wm_rescale(sum, all->multipliers[channel], all->shifts[channel]);

    return wm_clamp(value + all->zero, all->low, all->high);
}

/* values: count of them, arranged. */
static inline void wm_all_channels(const wm_channels *all, const int16_t *values, int8_t *out)
{
    uint32_t channel = 0;

    for (; channel + WM_DOT_ROWS <= all->channels; channel += WM_DOT_ROWS) {
        int32_t sums[WM_DOT_ROWS];

        for (uint32_t row = 0; row < WM_DOT_ROWS; row++) {
            sums[row] = all->bias[channel + row];
        }
        wm_dot_rows(values, all->weights + channel * all->count, all->count, sums);
        for (uint32_t row = 0; row < WM_DOT_ROWS; row++) {
            out[channel + row] = wm_channel_value(all, channel + row, sums[row]);
        }
    }
    for (; channel < all->channels; channel++) {
        const int8_t *weights = all->weights + channel * all->count;
        int32_t sum = all->bias[channel] + wm_dot(values, weights, all->count);

        out[channel] = wm_channel_value(all, channel, sum);
    }
}

#endif
