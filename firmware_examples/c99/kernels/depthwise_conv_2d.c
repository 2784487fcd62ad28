/* DEPTHWISE_CONV_2D (tflite/kernels/internal/reference/integer_ops/depthwise_conv.h). */
#include "wm_fixed.h"
#include "wm_kernels.h"

/* Each input channel makes out_channels / in_channels output channels, next to each other. */
static int32_t sum_window(const wm_depthwise_conv_2d_op *op, const int8_t *in, int row, int column,
                          uint32_t channel)
{
    const wm_window *w = &op->window;
    uint32_t source = channel / ((uint32_t)w->out_channels / w->in_channels);
    const int8_t *weight = op->weights + channel;
    int32_t sum = op->bias[channel];

    for (int y = 0, r = row; y < w->rows; y++, r += w->row_dilation) {
        for (int x = 0, c = column; x < w->columns; x++, c += w->column_dilation) {
            int32_t value = op->fill;

            if (r >= 0 && r < w->in_rows && c >= 0 && c < w->in_columns) {
                uint32_t position = (uint32_t)r * w->in_columns + (uint32_t)c;

                value = in[position * w->in_channels + source];
            }
            sum += value * *weight;
            weight += w->out_channels;
        }
    }
    return sum;
}

void wm_depthwise_conv_2d(const wm_depthwise_conv_2d_op *op, const int8_t *in, int8_t *out)
{
    const wm_window *w = &op->window;

    for (int y = 0; y < w->out_rows; y++) {
        for (int x = 0; x < w->out_columns; x++) {
            int row = y * w->row_stride - w->top, column = x * w->column_stride - w->left;

            for (uint32_t channel = 0; channel < w->out_channels; channel++) {
                int32_t sum = sum_window(op, in, row, column, channel);
                int32_t value = wm_rescale(sum, op->multipliers[channel], op->shifts[channel]);

                *out++ = wm_clamp(value + op->zero, op->low, op->high);
            }
        }
    }
}
