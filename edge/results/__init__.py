"""What is known of a wafer in, one flat record out, as a table, JSON or CSV."""
