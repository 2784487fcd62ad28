"""Outputs on wafers that trained nothing in, temperature, thresholds and the review rule out."""
