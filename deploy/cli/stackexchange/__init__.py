"""A Stack Exchange data dump as a community: read as a stream, spooled to disk, replayed through the APIs."""
