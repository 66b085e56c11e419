"""The numbers of discussions that hold in every community, each a named setting."""

from __future__ import annotations

from datetime import timedelta

COMMENT_DEPTH = 6
"""How deep replies go: a comment on anything else has depth 1, a reply to it 2, and so on."""

BENCHMARK_ANSWERS = 500
"""How many answers a benchmark takes at most: it is shown as one table."""
BENCHMARK_OPEN_FOR = timedelta(days=730)
"""How far ahead a benchmark may close."""
NAMELESS_ANSWERS = 3
"""With fewer, a nameless benchmark shows none: one would know whose they are."""

GATHERING_AHEAD = timedelta(days=5 * 366)
"""How far ahead a gathering may be, and a recurring one go on."""
GATHERING_OCCURRENCES = 366
"""How often a gathering may come again."""
ATTENDEES = 1_000
"""How many may say that they come to a gathering, or might: all are told when it changes."""
SEARCH_CANDIDATES = 1_000
"""So many of the newest items that have a search's rarest word are looked at."""
SEARCH_WORDS = 12
"""Different words of a search that count."""
WORDS_INDEXED = 1_500
"""Different words of an item that are searched; a longer one is found by its first ones."""
COUNTED = 1_000
"""Items are counted up to here; more are "1,000+"."""

FIGURES_OF = 2_000
"""A community's figures are those of its so many latest problems."""
