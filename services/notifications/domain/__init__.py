"""The rules of notifying, pure: time, memberships and counters come in as arguments."""
