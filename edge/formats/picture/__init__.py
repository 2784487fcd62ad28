"""Pictures of wafer maps in, die states out: exactly, or refused with a word."""
