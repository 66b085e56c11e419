"""Notifications: an inbox per member, and a live stream of it.

Publishes ``notifications.deliveries`` (by recipient). Reacts to what happens in threads and asks, to
mentorships, connections and changes of access; projects the names of people and communities, memberships, who
posted which problem, what threads are called, and what of them was hidden, withdrawn or redacted.
"""
