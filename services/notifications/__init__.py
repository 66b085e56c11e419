"""Notifications: an inbox per member, and a live stream of it.

Publishes ``notifications.deliveries`` (by recipient). Reacts to what happens in threads and asks; projects
people's names, memberships, and who posted which problem.
"""
