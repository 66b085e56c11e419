"""Members: people and their skills, communities and who belongs to them, as what, and connections.

Publishes ``members.people`` (by member), ``members.communities`` (by community) and ``members.connections``
(by connection). Reacts to nothing yet.
"""
