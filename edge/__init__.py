"""Files and frames in, verdicts out: all that an inspection station needs."""

__version__ = "0.1.0"
