"""Mechanisms and contracts that the four services share; never a service's rules."""
