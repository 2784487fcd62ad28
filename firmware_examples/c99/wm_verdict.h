/* Outputs of the network -> probabilities and verdict. */
#ifndef WM_VERDICT_H
#define WM_VERDICT_H

#include "wm_edge.h"

/* Fill in the rest of a result whose dies, logits and embedding are there. */
void wm_judge(wm_result *result);

#endif
