"""Routing: which event notifies whom, by which rule, and in which words.

A module for each part of the domain has the rule of each kind of notification (``RULES``) and a function for
each event (``ROUTES``); ``table`` puts them together.
"""
