"""Reads for the API; one module per subject."""
