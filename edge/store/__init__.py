"""Records in, rows of one SQLite file out, each wafer once, whatever is killed when."""
