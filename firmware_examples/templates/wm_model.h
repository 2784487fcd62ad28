@TITLE@#ifndef WM_MODEL_H
#define WM_MODEL_H

#include <stdint.h>

@SIZES@
/* The bias of the mixture has the embedding's zero point in it. */
@THRESHOLDS@
extern const char wm_model_name[];
extern const uint8_t wm_model_sha256[WM_SHA256_BYTES]; /* of the model file */
extern const char *const wm_labels[WM_CLASSES];

/* exp(-steps * scale / temperature) by steps under the largest logit. */
extern const double wm_powers[WM_LOGIT_STEPS];
/* How much more or less common each pattern is than the network was trained to take it. */
extern const double wm_often[WM_CLASSES];
/* Smallest confidence that is accepted. */
extern const double wm_below[WM_CLASSES];
/* Means of the classes in steps of the embedding. */
extern const double wm_means[WM_CLASSES][WM_EMBEDDING];
/* Of the detector of two patterns at once, for each step of the embedding. */
extern const double wm_mixed_weights[WM_EMBEDDING];

#endif
