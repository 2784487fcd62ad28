/* The network that wm_model.c holds: write the input, run, read the outputs.
 *
 * The input's bytes are used up by a run. The outputs stay until the input is written again.
 */
#ifndef WM_NETWORK_H
#define WM_NETWORK_H

#include <stdint.h>

int8_t *wm_input(void);
void wm_run(void);
const int8_t *wm_logits(void);
const int8_t *wm_embedding(void);

#endif
