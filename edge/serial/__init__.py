"""Wafer maps in, the verdicts of a microcontroller on a serial line out."""
