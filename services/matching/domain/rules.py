"""The numbers of matching, by name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from shared.contracts.discussions import Basis
from shared.contracts.members import Level

# -- expertise -----------------------------------------------------------------------------------------

EXPERTISE_HALF_LIFE: Final = timedelta(days=180)
"""After so long, what somebody did and likes counts half."""
REASONS: Final = 4
"""Reasons told with a suggestion, at most."""
NEGLIGIBLE: Final = 0.05
"""A term of a score below this is no reason."""
ENDORSED: Final[Mapping[Basis, float]] = {"tried": 3.0, "reviewed": 2.0}
"""Weight of an endorsement received; who tried it knows more than who read it."""
VOTES: Final = 20
"""Imported votes above this change nothing: they are anonymous."""
SKILL: Final[Mapping[Level, float]] = {"learning": 0.0, "practising": 0.5, "proficient": 1.25, "expert": 2.0}
"""Worth of a stated skill, in a score. Whoever is still learning it is not asked because of it."""

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
"""Facilitators (or stewards, where none can be asked) who are asked when the waves are over, at most."""
LOOKED_AT: Final = 100
"""So many of them are looked at whether they can be."""
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
HEEDED: Final = timedelta(days=90)
"""What became of older asks counts nothing for whom to ask: it has faded."""
RETRAIN: Final = timedelta(days=7)
"""So long after a training, the next."""
LITTLE_HISTORY: Final = 3
"""Fewer solutions than this in the community are little history."""

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

# -- mentors -------------------------------------------------------------------------------------------

WORKING_DAY: Final = (9, 17)
"""The hours of a working day, in everybody's own time zone."""
ENOUGH_HOURS: Final = 4
"""So many working hours in common are as good as more."""
MENTOR_SKILLS: Final = 3.0
"""Worth of a mentor who covers all that the mentee seeks."""
STATED: Final[Mapping[Level, float]] = {"learning": 0.0, "practising": 0.0, "proficient": 0.6, "expert": 0.8}
"""How far a stated skill covers one that is sought; one that is offered to mentees covers it whole."""
MENTOR_HOURS: Final = 1.0
"""Worth of enough working hours in common."""
MENTOR_LANGUAGE: Final = 1.0
"""Worth of a language in common. Two who state languages and share none are never suggested."""
MENTOR_LOAD: Final = 0.5
"""Worth of a mentor all of whose places are free."""
SUGGESTED_MENTORS: Final = 1_000
"""Of the mentors who fit by skill, language or community, so many are scored for one mentee."""

MENTEES: Final = 10_000
MENTORS: Final = 2_000
"""A programme takes no more than these."""
WISHES: Final = 100
"""So long is a mentee's list in a programme: their own wishes first, then those who fit best."""
CONFIRM_WITHIN: Final = timedelta(days=30)
"""A programme whose window is over is confirmed within this time, or lapses."""

# -- recommendations -----------------------------------------------------------------------------------

RECOMMENDED: Final = 3
"""No more of one kind are recommended to somebody within the window; what they asked for is not counted."""
RECOMMENDED_WINDOW: Final = timedelta(days=14)
RECOMMENDATION_LIFETIME: Final = timedelta(days=30)
DISMISSAL_HOLDS: Final = timedelta(days=180)
"""What was dismissed is not recommended again for so long."""
NOT_NOW_HOLDS: Final = timedelta(days=42)
"""Who has no time is recommended nothing of the kind for so long."""
DISTASTE: Final = 0.5
"""Each dismissal of a subject halves what that subject counts; this fades with the half-life of expertise."""
LOOK_AGAIN: Final = timedelta(days=7)
"""So often it is looked whether there is something to recommend to a member."""
COMMUNITY_BUDGET: Final = 4
"""Communities that a member takes part in, unless they say otherwise."""

JOINED: Final = 1.0
"""What joining says of a member's taste for a community."""
CONTRIBUTED: Final = 1.0
"""What a post or a solution says of it, and of its tags."""
COMMENTED: Final = 0.5
INTEREST: Final = 2.0
"""What a stated interest says of the taste for its tag; it does not fade."""
VOLUME_HALF_LIFE: Final = timedelta(days=28)
"""Over about so long it is averaged how much is written in a community."""
TASTES: Final = 500_000
"""From the strongest so many tastes the model is learned: with decay, these are the latest."""
ITEMS: Final = 2_000
"""Communities and tags that the model knows; its time grows with the third power."""
RIDGE: Final = 100.0
"""Regularisation of EASE; the measured optimum is flat from 100 to 300."""
NEIGHBOURS: Final = 100
"""How many others each item of the model leads to, at most."""
POPULARITY: Final = 0.3
"""Worth of the most popular item; an item that somebody's tastes surely lead to is worth 1."""
OWN_TAGS: Final = 1.0
"""Worth of a community all of whose tags the member cares about most."""
WORTH_RECOMMENDING: Final = 0.2
"""What scores less is not recommended: nothing is better than noise."""
REFIT: Final = timedelta(hours=24)
CONSIDERED: Final = 200
"""Of a member's strongest tastes, threads and connections, so many are looked at."""

MET: Final = 1.0
"""Worth of having met in a thread; the second time adds less, and so on."""
COMPLEMENTS: Final = 1.5
"""Worth of each thing that one seeks and the other offers, up to two."""
MUTUAL: Final = 0.75
"""Worth of the first mutual connection."""
MEETINGS_WINDOW: Final = timedelta(days=180)
"""Who met longer ago has met no more."""
