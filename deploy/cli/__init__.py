"""`guildhall`, the operators' command."""
