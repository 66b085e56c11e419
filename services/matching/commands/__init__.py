"""What matching does: load, decide, save the state and its events; one module per subject."""
