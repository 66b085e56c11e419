"""The numbers of matching, by name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from shared.contracts.discussions import Basis
from shared.contracts.members import Level

# -- expertise -----------------------------------------------------------------------------------------

EXPERTISE_HALF_LIFE: Final = timedelta(days=180)
"""After so long, what somebody contributed counts half."""

PROPOSED: Final = 1.0
"""Weight of a solution proposed."""
ENDORSED: Final[Mapping[Basis, float]] = {"tried": 3.0, "reviewed": 2.0}
"""Weight of an endorsement received; who tried it knows more than who read it."""
ACCEPTED: Final = 4.0
"""Weight of a solution that the asker accepted."""
IMPORTED_AT_CAP: Final = 1.0
"""Weight of an imported score at its cap: anonymous votes never count more than proposing did."""
IMPORTED_CAP: Final = 20
"""Imported votes above this change nothing."""

SKILL: Final[Mapping[Level, float]] = {"learning": 0.0, "practising": 0.5, "proficient": 1.25, "expert": 2.0}
"""Worth of a stated skill, in a score. Whoever is still learning it is not asked because of it."""
SKILL_RANK: Final[Mapping[Level, int]] = {"learning": 0, "practising": 1, "proficient": 2, "expert": 3}
"""The order of the levels."""

ACTIVITY: Final = 1.0
"""Worth of having been active this very moment, in a score."""
ACTIVITY_HALF_LIFE: Final = timedelta(days=7)
ACTIVITY_WINDOW: Final = timedelta(days=30)
"""Who was last active before that is not called active."""

NEGLIGIBLE: Final = 0.05
"""A term of a score below this is no term: nobody is asked for what has faded away."""

# -- asking --------------------------------------------------------------------------------------------

WAVE: Final = 3
"""Experts asked together."""
WAVES: Final = 3
"""So many waves, then the facilitators."""
WAVE_INTERVAL: Final = timedelta(hours=24)
"""After a wave, the next one, if nobody accepted or answered."""
PATIENCE: Final = timedelta(days=3)
"""Whoever accepted has so long to answer before others are asked as well."""
FACILITATORS: Final = 10
"""Facilitators (or stewards, where there are none) who are asked when the waves are over, at most."""
ASK_LIFETIME: Final = timedelta(hours=24)
"""An ask that is not answered so long after it was sent has expired."""
ASKS_A_DAY: Final = 2
ASKS_A_WEEK: Final = 5
"""Caps for one expert over all communities, in any 24 hours and any 7 days. Nobody is asked more often in a
week than the hours a week that they say they have."""
IGNORED: Final = 2
"""So many asks ignored in a row rest an expert."""
REST: Final = timedelta(days=14)
SPARED: Final = timedelta(days=7)
"""Whoever declines for want of time is left alone for so long."""
DISCLAIMED: Final = timedelta(days=180)
"""So long a tag counts nothing for whoever said that it is not their field."""
LOAD_SCALE: Final = 20.0
"""With so many recent asks a score counts half: who is asked much gives way before the caps stop them."""
LOAD_HALF_LIFE: Final = timedelta(days=30)
"""After so long, an ask counts half as recent."""
LITTLE_HISTORY: Final = 3
"""Fewer solutions than this in the community are little history."""
REASONS: Final = 4
"""Reasons told with an ask, at most."""
CANDIDATES: Final = 512
"""The best so many for each tag are considered."""

# -- similar problems ----------------------------------------------------------------------------------

SIMILAR_TITLE: Final = 0.4
"""What a title's meaning counts beside that of the whole text."""
SIMILAR_WORDS: Final = 0.4
"""What the likeness of words counts beside that of meaning."""
SIMILAR_IN_GENERAL: Final = 0.5
"""What is taken off for being like everything."""
SIMILAR_PRACTICE: Final = 0.08
SIMILAR_SOLVED: Final = 0.04
SIMILAR_TAGS: Final = 0.06
"""What a best practice, a solution and the very same tags add: enough among equals, little otherwise."""
SHOWN_MEANING: Final = 0.35
SHOWN_WORDS: Final = 0.08
"""Likeness in either from which a problem is shown to somebody who is still writing."""
TOLD_MEANING: Final = 0.65
TOLD_WORDS: Final = 0.4
"""Likeness from which it is brought to the notice of somebody who has posted: by words, where that is all."""
TOLD: Final = 3
"""So many are brought to their notice, at most."""
SIMILAR_NAMED_WORDS: Final = 5
"""Words in common that are named."""
TELLING_WORD: Final = 0.3
"""Words that are less telling are not named; one that a single problem has is 1."""
PRECEDENT_BODY: Final = 2_000
"""Characters kept of a problem's body: its meaning is taken from 256 tokens, about half of that."""
