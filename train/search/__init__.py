"""A space of recipes in; the front of accuracy, bytes and time, judged in int8, out."""
