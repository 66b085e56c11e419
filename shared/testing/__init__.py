"""What tests, the demo and development run on: the local stack, the harness, builders."""
