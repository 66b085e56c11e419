"""How Guildhall is run: images, compose files, topics, and the operators' command."""
