"""Outputs on wafers that trained nothing in; temperature, thresholds and review rule out."""
