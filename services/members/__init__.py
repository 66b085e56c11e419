"""Members: people and their skills, communities, and who belongs to them, as what.

Publishes ``members.people`` (by member) and ``members.communities`` (by community). Reacts to nothing yet.
"""
