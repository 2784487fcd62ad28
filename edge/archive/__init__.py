"""Wafer maps of years in, Parquet of them and of their verdicts out, whatever is killed when."""
