/* MAX_POOL_2D (tflite/kernels/internal/reference/integer_ops/pooling.h, MaxPool). */
#include "wm_fixed.h"
#include "wm_pool.h"

static int8_t largest(const wm_window *w, const wm_inside *inside, const int8_t *in)
{
    int8_t best = INT8_MIN;

    for (int row = inside->top; row < inside->bottom; row++) {
        for (int column = inside->left; column < inside->right; column++) {
            int8_t value = in[wm_position(w, row, column)];

            best = value > best ? value : best;
        }
    }
    return best;
}

void wm_max_pool_2d(const wm_max_pool_2d_op *op, const int8_t *in, int8_t *out)
{
    const wm_window *w = &op->window;

    for (int row = 0; row < w->out_rows; row++) {
        for (int column = 0; column < w->out_columns; column++) {
            wm_inside inside = wm_clip(w, row, column);

            for (uint32_t channel = 0; channel < w->out_channels; channel++) {
                *out++ = wm_clamp(largest(w, &inside, in + channel), op->low, op->high);
            }
        }
    }
}
