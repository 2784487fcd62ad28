/* Reading a die grid: shared by encoder and classifier. */
#ifndef WM_GRID_H
#define WM_GRID_H

#include "wm_edge.h"

/* The bits of one die. */
#define WM_DIE_BITS 2
#define WM_DIE_MASK 3

/* What stands on a grid; the rectangle [top, bottom) x [left, right) holds all its dies. */
typedef struct {
    uint32_t dies, fails;
    uint16_t top, bottom, left, right;
} wm_extent;

static inline uint8_t wm_grid_get(const wm_grid *grid, uint32_t index)
{
    uint32_t shift = index % WM_DIES_PER_BYTE * WM_DIE_BITS;
    return (uint8_t)(grid->cells[index / WM_DIES_PER_BYTE] >> shift & WM_DIE_MASK);
}

/* Count the dies. WM_BAD_SIZE and WM_BAD_STATE for what wm_grid_begin and _set never make. */
wm_status wm_grid_measure(const wm_grid *grid, wm_extent *extent);

#endif
