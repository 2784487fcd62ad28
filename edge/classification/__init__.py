"""Wafer maps in, predictions and records out: one by one, streamed, or on all cores."""
