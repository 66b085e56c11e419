"""A community as a file: exported through the public APIs, imported again anywhere.

The format is described in ``deploy/formats/community-export.md``.
"""

FORMAT = 1
"""Of the file. A reader refuses a later one; within one, it passes over kinds of records it does not know."""
