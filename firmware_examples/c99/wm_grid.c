/* A die grid of two bits a die. */
#include "wm_grid.h"

#include <string.h>

static int bad_side(uint16_t side)
{
    return side == 0 || side > WM_MAX_SIDE;
}

wm_status wm_grid_begin(wm_grid *grid, uint16_t rows, uint16_t columns)
{
    if (bad_side(rows) || bad_side(columns)) {
        return WM_BAD_SIZE;
    }
    grid->rows = rows;
    grid->columns = columns;
    memset(grid->cells, 0, sizeof grid->cells);
    return WM_OK;
}

wm_status wm_grid_set(wm_grid *grid, uint32_t index, uint8_t state)
{
    uint32_t shift = index % WM_DIES_PER_BYTE * WM_DIE_BITS;
    uint8_t *cell;

    if (state > WM_FAIL) {
        return WM_BAD_STATE;
    }
    if (bad_side(grid->rows) || bad_side(grid->columns) ||
        index >= (uint32_t)grid->rows * grid->columns) {
        return WM_BAD_SIZE;
    }
    cell = &grid->cells[index / WM_DIES_PER_BYTE];
    *cell = (uint8_t)((*cell & ~((uint32_t)WM_DIE_MASK << shift)) | (uint32_t)state << shift);
    return WM_OK;
}

static void widen(wm_extent *extent, uint16_t row, uint16_t column)
{
    if (extent->dies == 0) {
        extent->top = row; /* rows come in order: the first die is on the first row of all */
        extent->left = column;
    }
    if (column < extent->left) {
        extent->left = column;
    }
    if (column >= extent->right) {
        extent->right = (uint16_t)(column + 1);
    }
    extent->bottom = (uint16_t)(row + 1);
}

wm_status wm_grid_measure(const wm_grid *grid, wm_extent *extent)
{
    uint32_t index = 0;

    memset(extent, 0, sizeof *extent);
    if (bad_side(grid->rows) || bad_side(grid->columns)) {
        return WM_BAD_SIZE;
    }
    for (uint16_t row = 0; row < grid->rows; row++) {
        for (uint16_t column = 0; column < grid->columns; column++, index++) {
            uint8_t state = wm_grid_get(grid, index);

            if (state > WM_FAIL) {
                return WM_BAD_STATE;
            }
            if (state != WM_NO_DIE) {
                widen(extent, row, column);
                extent->dies++;
                extent->fails += state == WM_FAIL;
            }
        }
    }
    return WM_OK;
}
