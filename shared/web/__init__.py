"""What every endpoint uses: authentication, problem+json, idempotency keys, paging, ETags, causal tokens."""
