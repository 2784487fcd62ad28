/* MUL (tflite/kernels/internal/reference/integer_ops/mul.h, MulElementwise). */
#include "wm_fixed.h"
#include "wm_kernels.h"

void wm_mul(const wm_mul_op *op, const int8_t *left, const int8_t *right, int8_t *out)
{
    for (uint32_t place = 0; place < op->elements; place++) {
        int32_t product = (left[place] - op->left_zero) * (right[place] - op->right_zero);
        int32_t value = wm_rescale(product, op->scale.multiplier, op->scale.shift);

        out[place] = wm_clamp(value + op->zero, op->low, op->high);
    }
}
