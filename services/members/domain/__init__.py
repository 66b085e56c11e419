"""The rules of people and communities, pure: time and ids come in as arguments."""
