/* MEAN over rows and columns (tflite/kernels/internal/reference/reduce.h, QuantizedMeanOrSum): the
 * scale has the number of positions in it. */
#include "wm_fixed.h"
#include "wm_kernels.h"

void wm_mean(const wm_mean_op *op, const int8_t *in, int8_t *out)
{
    for (uint32_t channel = 0; channel < op->channels; channel++) {
        int32_t sum = op->offset, value;

        for (uint32_t position = 0; position < op->positions; position++) {
            sum += in[position * op->channels + channel];
        }
        value = wm_rescale(sum, op->scale.multiplier, op->scale.shift) + op->zero;
        out[channel] = wm_clamp(value, INT8_MIN, INT8_MAX);
    }
}
