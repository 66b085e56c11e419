"""Matching: who should see this problem, and why; and which problems are like it.

Publishes ``matching.asks`` (by thread) and ``matching.recommendations`` (by recipient).
Keeps expertise of its own, fed by events alone, together with projections of people, memberships and
problems. The meaning of problems is told by a model in processes of their own (``embedding``), unless that is
switched off.
"""
