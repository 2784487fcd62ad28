"""Files that probers, testers and inspection tools write: one module a format.

A module here offers:

``read_maps(file, source) -> Iterator[FabMap | InputError]``
    The wafers of a file, in its order, as it draws them: what a file does not say stays unsaid
    (``Meaning.UNKNOWN``, None, an empty text). ``file`` is binary and seekable, ``source`` its name
    for messages; ``index`` counts the wafers from 0. What is wrong with the whole file is raised as
    an ``InputError``, what is wrong with one wafer of several is yielded as one.
``write(maps, file)``
    FabMaps into a binary file, so that reading it gives the same maps. A ``UsageError`` says what
    the format cannot hold.
``write_back(content, findings) -> bytes``
    Where the format has room for it: the bytes of a file with pattern and verdict of each wafer
    added, ``findings`` by ``index``, and every other byte as it was. Optional.

and has its line in ``edge.formats.registry``, whose ``signature`` tells it by content: of texts in
``FAB_TEXTS``, searched in the beginning as ``plain`` gives it (no byte order mark, no NUL, LF
alone), of binary files in ``FORMATS``. Where a pattern is not enough, ``asks=True`` has the
module's ``is_format(plain_head)`` decide. One that may be too large for the memory reads ``file``
once from its beginning to its end, gives nothing before that, and says ``streams=True``. A pattern
begins with a letter, or every grid of numbers pays for it (30 us, against 600 with ``(?i)``).

What is there to build on: ``fab_map`` (what flows), ``grid`` (rows of tokens, lists of x and y, and
their bounds), ``text`` (bytes -> lines, in whatever encoding), ``xml`` (elements by local name),
``header_lines`` (what tools call a thing), ``bin_words`` (words for what passes), ``drawing`` (rows
of dies) and ``frame`` (numbers around them), ``cut_off`` (signs that an end is missing).
What passes is none of a format's business: ``passing`` judges, by the file or by ``rules``, and
``legend`` makes a wafer map of it.
"""
