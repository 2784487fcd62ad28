/* The network as TFLite Micro reads it. */
#ifndef MODEL_DATA_H
#define MODEL_DATA_H

#include <cstdint>

extern const uint8_t wm_model_data[];
extern const uint32_t wm_model_data_bytes;

#endif
