/* AVERAGE_POOL_2D (tflite/kernels/internal/reference/integer_ops/pooling.h, AveragePool): over the
 * positions inside the image, halves rounded away from zero. */
#include "wm_fixed.h"
#include "wm_pool.h"

static int32_t sum_of(const wm_window *w, const wm_inside *inside, const int8_t *in)
{
    int32_t sum = 0;

    for (int row = inside->top; row < inside->bottom; row++) {
        for (int column = inside->left; column < inside->right; column++) {
            sum += in[wm_position(w, row, column)];
        }
    }
    return sum;
}

void wm_average_pool_2d(const wm_average_pool_2d_op *op, const int8_t *in, int8_t *out)
{
    const wm_window *w = &op->window;

    for (int row = 0; row < w->out_rows; row++) {
        for (int column = 0; column < w->out_columns; column++) {
            wm_inside inside = wm_clip(w, row, column);
            int32_t count = (inside.bottom - inside.top) * (inside.right - inside.left);

            for (uint32_t channel = 0; channel < w->out_channels; channel++) {
                int32_t sum = sum_of(w, &inside, in + channel);
                int32_t half = sum > 0 ? count / 2 : -(count / 2);

                *out++ = wm_clamp((sum + half) / count, op->low, op->high);
            }
        }
    }
}
