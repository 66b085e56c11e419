"""The rules of expertise and of asking, pure: time comes in as an argument."""
