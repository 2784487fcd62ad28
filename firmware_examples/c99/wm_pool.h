/* The part of a pool's window that lies inside the image. */
#ifndef WM_POOL_H
#define WM_POOL_H

#include "wm_kernels.h"

/* Rows [top, bottom) and columns [left, right). */
typedef struct {
    int top, bottom, left, right;
} wm_inside;

static inline wm_inside wm_clip(const wm_window *w, int out_row, int out_column)
{
    int row = out_row * w->row_stride - w->top, column = out_column * w->column_stride - w->left;
    wm_inside inside = {row, row + w->rows, column, column + w->columns};

    inside.top = inside.top < 0 ? 0 : inside.top;
    inside.left = inside.left < 0 ? 0 : inside.left;
    inside.bottom = inside.bottom > w->in_rows ? w->in_rows : inside.bottom;
    inside.right = inside.right > w->in_columns ? w->in_columns : inside.right;
    return inside;
}

static inline uint32_t wm_position(const wm_window *w, int row, int column)
{
    return ((uint32_t)row * w->in_columns + (uint32_t)column) * w->in_channels;
}

#endif
