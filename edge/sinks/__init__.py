"""A station's records in, kept in a file, a database or at a broker, each once and in order."""
