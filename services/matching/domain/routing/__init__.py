"""Routing a problem to people: an index that every event changes at once, and the ranking over it.

``Router`` is the door: events go in, ranked candidates come out, each with the exact terms of its score.
"""
