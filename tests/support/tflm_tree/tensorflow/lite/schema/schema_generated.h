/* Stand-in for tests; see tensorflow/lite/c/common.h. */
#ifndef STAND_IN_SCHEMA_H
#define STAND_IN_SCHEMA_H

namespace tflite {

struct Model {
    char head[8];
};

inline const Model *GetModel(const void *content)
{
    return static_cast<const Model *>(content);
}

}  // namespace tflite

#endif
