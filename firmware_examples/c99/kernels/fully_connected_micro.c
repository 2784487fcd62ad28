/* FULLY_CONNECTED as TensorFlow Lite Micro rounds it: through MultiplyByQuantizedMultiplier
 * (tflite/kernels/internal/reference/integer_ops/fully_connected.h with integer multipliers). */
#include "wm_dense.h"
#include "wm_fixed.h"
#include "wm_kernels.h"

void wm_fully_connected_micro(const wm_fully_connected_micro_op *op, const int8_t *in, int8_t *out)
{
    for (uint32_t place = 0; place < op->outputs; place++) {
        const int8_t *weights = op->weights + place * op->inputs;
        int32_t sum = wm_dense_sum(weights, in, op->inputs, op->bias[place]);
        int32_t value = wm_rescale(sum, op->multipliers[place], op->shifts[place]);

        out[place] = wm_clamp(value + op->zero, op->low, op->high);
    }
}
