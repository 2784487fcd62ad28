"""A recipe's name in, an untrained Keras network out."""
