"""Members: people and their skills, communities and who belongs to them, as what, mentorships, connections.

Publishes ``members.people`` (by member), ``members.communities`` (by community), ``members.mentorships`` (by
mentor) and ``members.connections`` (by connection). Reacts to what members do in discussions and read of
their notifications: so it knows which memberships and communities have gone silent.
"""
