"""A model file in; operators, memory and sources for TensorFlow Lite Micro out."""
