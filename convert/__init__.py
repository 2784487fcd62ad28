"""Float Keras model -> int8 model file, and the proof that no class was lost."""
