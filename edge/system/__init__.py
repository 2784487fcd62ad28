"""What the operating system gives, made safe: files, locks, processes, plain data and text."""
