"""Files, folders, archives and streams in, wafer maps out; the content chooses the reader."""
