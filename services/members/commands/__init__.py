"""What members can be told to do: load, decide, save the state and its events."""
