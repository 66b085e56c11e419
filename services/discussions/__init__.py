"""Discussions: problems, solutions, practices, comments, case studies, resources, benchmarks, gatherings.

Publishes ``discussions.threads`` (by thread). Keeps its own projection of people, communities and
memberships, and goes by it alone when it decides who may see and do what.
"""
