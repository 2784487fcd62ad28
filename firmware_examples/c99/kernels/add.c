/* ADD (tflite/kernels/internal/reference/integer_ops/add.h, AddFunc). */
#include "wm_fixed.h"
#include "wm_kernels.h"

/* Bits that both inputs are given before they are brought to one scale. */
#define LEFT_SHIFT 20

static int32_t rescaled(int32_t value, const wm_scale *scale)
{
    return wm_rescale(value, scale->multiplier, scale->shift);
}

void wm_add(const wm_add_op *op, const int8_t *left, const int8_t *right, int8_t *out)
{
    const int32_t unit = (int32_t)1 << LEFT_SHIFT;

    for (uint32_t place = 0; place < op->elements; place++) {
        int32_t sum = rescaled((left[place] - op->left_zero) * unit, &op->left_scale) +
                      rescaled((right[place] - op->right_zero) * unit, &op->right_scale);

        out[place] = wm_clamp(rescaled(sum, &op->out_scale) + op->zero, op->low, op->high);
    }
}
