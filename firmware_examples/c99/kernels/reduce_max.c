/* REDUCE_MAX over rows and columns (tflite/kernels/internal/reference/reduce.h, ReduceGeneric). */
#include "wm_kernels.h"

void wm_reduce_max(const wm_reduce_max_op *op, const int8_t *in, int8_t *out)
{
    for (uint32_t channel = 0; channel < op->channels; channel++) {
        int8_t best = INT8_MIN;

        for (uint32_t position = 0; position < op->positions; position++) {
            int8_t value = in[position * op->channels + channel];

            best = value > best ? value : best;
        }
        out[channel] = best;
    }
}
