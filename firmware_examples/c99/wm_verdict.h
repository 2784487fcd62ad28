/* Outputs of the network -> probabilities and verdict. */
#ifndef WM_VERDICT_H
#define WM_VERDICT_H

#include "wm_edge.h"

/* Fill in all but the dies and fails, which are there, where so few dies fail that the wafer is `none`
 * whatever the network would say. Returns 0, and does nothing, where more fail. */
int wm_settle(wm_result *result);

/* Fill in the rest of a result whose dies, logits and embedding are there. */
void wm_judge(wm_result *result);

#endif
