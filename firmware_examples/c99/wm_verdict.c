/* The verdict, as edge/classification/classifier.py, edge/verdict/familiarity.py and edge/verdict/rule.py compute it.
 *
 * The only floating point of the firmware: a few hundred operations a wafer, in double like the
 * station's, so that both come to the same side of every threshold.
 */
#include "wm_verdict.h"

#include <math.h>

/* Beyond it the logistic function is 0 or 1; exp() of more could overflow. */
#define FAR 60.0

static uint8_t place_of_largest(const int8_t *values)
{
    uint8_t best = 0;

    for (uint8_t place = 1; place < WM_CLASSES; place++) {
        if (values[place] > values[best]) {
            best = place;
        }
    }
    return best;
}

/* exp() of each logit less the largest: an int8 lies 0..255 steps under it, so it is a table. */
static void take_powers(const int8_t *logits, uint8_t best, double *powers)
{
    for (uint8_t place = 0; place < WM_CLASSES; place++) {
        powers[place] = wm_powers[logits[best] - logits[place]];
    }
}

static double sum_of(const double *values, uint8_t count)
{
    double sum = 0;

    for (uint8_t place = 0; place < count; place++) {
        sum += values[place];
    }
    return sum;
}

/* Bayes' rule with the patterns as common as they are. */
static double confidence_of(const double *powers, uint8_t best)
{
    double weighted[WM_CLASSES];

    for (uint8_t place = 0; place < WM_CLASSES; place++) {
        weighted[place] = powers[place] * wm_often[place];
    }
    return weighted[best] / sum_of(weighted, WM_CLASSES);
}

/* Square of the distance to a class mean, in steps of the embedding's int8. */
static double squared_distance(const int8_t *embedding, const double *mean)
{
    double sum = 0;

    for (uint16_t place = 0; place < WM_EMBEDDING; place++) {
        double gap = (double)embedding[place] - mean[place];

        sum += gap * gap;
    }
    return sum;
}

static double unfamiliarity_of(const int8_t *embedding)
{
    double nearest = squared_distance(embedding, wm_means[0]);

    for (uint8_t place = 1; place < WM_CLASSES; place++) {
        double distance = squared_distance(embedding, wm_means[place]);

        if (distance < nearest) {
            nearest = distance;
        }
    }
    return WM_EMBEDDING_SCALE * sqrt(nearest);
}

static double mixture_of(const int8_t *embedding)
{
    double logit = WM_MIXED_BIAS;

    for (uint16_t place = 0; place < WM_EMBEDDING; place++) {
        logit += wm_mixed_weights[place] * (double)embedding[place];
    }
    if (logit >= FAR || logit <= -FAR) {
        return logit > 0 ? 1 : 0;
    }
    return 1 / (1 + exp(-logit));
}

/* The strongest reason first. The dies are compared as double: the limit may be any number. */
static wm_reason reason_of(uint32_t dies, double confidence, double below, double unfamiliarity,
                           double mixture)
{
    if ((double)dies < WM_MIN_DIES) {
        return WM_FEW_DIES;
    }
    if (mixture > WM_MIXED_ABOVE) {
        return WM_MIXED;
    }
    if (unfamiliarity > WM_UNFAMILIAR_ABOVE) {
        return WM_UNFAMILIAR;
    }
    /* A threshold of 1 says that no confidence will do, not even one that rounds to 1. */
    return confidence < below || below >= 1 ? WM_LOW_CONFIDENCE : WM_ACCEPT;
}

int wm_settle(wm_result *result)
{
    wm_result clear = {0};

    /* As double, like the dies: 0 where the model knows no `none`. */
    if ((double)result->fails >= WM_MIN_FAILS) {
        return 0;
    }
    clear.pattern = WM_NONE;
    clear.dies = result->dies;
    clear.fails = result->fails;
    clear.probabilities[WM_NONE] = 1;
    clear.confidence = 1;
    clear.below = (float)wm_below[WM_NONE];
    clear.reason = reason_of(result->dies, 1, wm_below[WM_NONE], 0, 0);
    if (clear.reason == WM_ACCEPT) {
        clear.reason = WM_FEW_FAILS;
    }
    *result = clear;
    return 1;
}

void wm_judge(wm_result *result)
{
    uint8_t best = place_of_largest(result->logits);
    double powers[WM_CLASSES], total, confidence, unfamiliarity, mixture;

    take_powers(result->logits, best, powers);
    total = sum_of(powers, WM_CLASSES);
    for (uint8_t place = 0; place < WM_CLASSES; place++) {
        result->probabilities[place] = (float)(powers[place] / total);
    }
    confidence = confidence_of(powers, best);
    unfamiliarity = unfamiliarity_of(result->embedding);
    mixture = mixture_of(result->embedding);
    result->pattern = best;
    result->confidence = (float)confidence;
    result->below = (float)wm_below[best];
    result->unfamiliarity = (float)unfamiliarity;
    result->mixture = (float)mixture;
    result->reason =
        reason_of(result->dies, confidence, wm_below[best], unfamiliarity, mixture);
}
