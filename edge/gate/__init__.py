"""A model file, golden wafers and a baseline in; named checks, green or red, out."""
