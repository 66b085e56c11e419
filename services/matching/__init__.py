"""Matching: who should see this problem, and why.

Publishes ``matching.asks`` (by thread) and ``matching.recommendations`` (by recipient).
Keeps expertise of its own, fed by events alone, together with
projections of people, memberships and problems.
"""
