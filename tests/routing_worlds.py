"""Small communities in which it is known who answers."""

from __future__ import annotations

import random

from services.matching.domain.routing.events import Problem, Solution
from services.matching.domain.routing.replay import History
from services.matching.domain.routing.settings import DAY

MEMBERS = 15


def history(name: str, *, longest_silent: bool, problems: int = 600) -> History:
    """A community in which whoever was silent longest answers, or else whoever answered last but one.

    One problem a day; once in a while chance has it otherwise.
    """
    chance = random.Random(name)
    spoke = [f"{name}-{number}" for number in range(MEMBERS)]
    posted: list[Problem] = []
    solutions: list[Solution] = []
    for number in range(problems):
        at = number * DAY
        text = " ".join(chance.choices(["fax", "form", "desk", "sign", "wait", "paper"], k=4))
        tags = [chance.choice(["permits", "queues"])]
        thread = f"{name}-problem-{number}"
        posted.append(Problem.of(name, thread, f"{name}-asker", at, title=text, body="", tags=tags))
        turn = 0 if longest_silent or number < MEMBERS else len(spoke) - 2
        author = spoke.pop(chance.randrange(MEMBERS) if chance.random() < 0.1 else turn)
        spoke.append(author)
        solutions.append(
            Solution(
                name, thread, f"{thread}-s", author, at + DAY / 2, accepted=number % 2 == 0, endorsed=2.0
            )
        )
    return History(posted, solutions)
