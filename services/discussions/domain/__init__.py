"""The rules of discussions, pure: time and ids come in as arguments."""
