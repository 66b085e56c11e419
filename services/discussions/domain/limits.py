"""The numbers of discussions that hold in every community, each a named setting."""

from __future__ import annotations

COMMENT_DEPTH = 6
"""How deep replies go: a comment on anything else has depth 1, a reply to it 2, and so on."""
