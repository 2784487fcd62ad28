"""A model file as a project for TensorFlow Lite Micro: operators, memory, generated sources."""
