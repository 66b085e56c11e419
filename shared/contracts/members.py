"""What the members service publishes."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.contracts.base import CommunityId, Event, MemberId, Moment, OrgId, Tags, ThreadId
from shared.contracts.topics import COMMUNITIES, CONNECTIONS, PEOPLE, Topic

Level = Literal["learning", "practising", "proficient", "expert"]
Role = Literal["member", "facilitator", "steward"]
CommunityKind = Literal["internal", "external"]
Standing = Literal["trial", "active"]
MembershipStanding = Literal["trial", "active", "dormant"]
JoinPolicy = Literal["open", "by-request", "by-invitation"]
Stage = Literal["forming", "active", "dormant", "archived"]


class Skill(BaseModel):
    """A skill that a member states, and how far it goes."""

    model_config = ConfigDict(frozen=True)

    name: Annotated[str, Field(description="The skill, in the form of a tag.", examples=["permits"])]
    level: Annotated[Level, Field(description="How far it goes.", examples=["expert"])]


class CommunityLink(BaseModel):
    """Where a community lives, too, or a community that it is close to."""

    model_config = ConfigDict(frozen=True)

    name: Annotated[str, Field(description="What is there.", examples=["Permits, on Matrix"])]
    url: Annotated[str, Field(description="Its https address.", examples=["https://permits.example.org/"])]


def _number(default: float, low: float, high: float, about: str) -> Any:
    return Field(default, ge=low, le=high, description=about, examples=[default])


class CommunityRules(BaseModel):
    """The numbers that a community sets for itself, within bounds; the defaults hold where it does not."""

    model_config = ConfigDict(frozen=True)

    endorse_after_days: int = _number(7, 0, 90, "Days of membership before one endorses.")
    newcomer_days: int = _number(30, 0, 365, "For so many days a member is a newcomer.")
    newcomer_endorsements_a_day: int = _number(5, 1, 100, "Endorsements that a newcomer has in a day.")
    newcomer_posts_a_day: int = _number(20, 1, 1_000_000, "Posts and comments that a newcomer has in a day.")
    newcomer_links: int = _number(3, 0, 1_000, "Links that a newcomer's post or comment has at most.")
    endorsements_a_day: int = _number(30, 1, 1_000, "Endorsements that everybody else has in a day.")
    organisation_share: float = _number(
        0.4, 0.1, 1, "In an external community, at most this share of what counts is of one organisation."
    )
    recommended_endorsements: int = _number(2, 1, 20, "Endorsements that make a solution recommended.")
    recommended_tried: int = _number(1, 0, 20, "How many of them must have tried it.")
    recommended_score: float = _number(0.65, 0.5, 1, "The score that makes a solution recommended.")
    candidate_share: float = _number(
        0.05, 0.01, 0.5, "Share of the active members whose endorsements make a candidate."
    )
    candidate_at_least: int = _number(3, 1, 50, "A candidate never takes fewer endorsements than this.")
    candidate_at_most: int = _number(10, 1, 100, "A candidate never takes more endorsements than this.")
    candidate_tried: int = _number(2, 0, 20, "How many of them must have tried it.")
    candidate_score: float = _number(0.70, 0.5, 1, "The score that makes a candidate.")
    candidate_adaptations: int = _number(3, 0, 20, "Adaptations that must have worked for a candidate.")
    approvals: int = _number(2, 1, 10, "Stewards whose approval makes a best practice.")
    objection_days: int = _number(7, 1, 60, "Days without a steward's objection that make one, too.")
    contested_dangerous: int = _number(2, 1, 10, "Members who say `dangerous` that make it contested.")
    contested_score: float = _number(0.55, 0, 0.9, "A score under which a solution is contested.")
    ask_adopters_after_days: int = _number(30, 7, 180, "Days after which adopters are asked how it went.")
    review_days: int = _number(180, 90, 365, "Days between two reviews of a best practice.")
    review_notice_days: int = _number(14, 1, 60, "Days before a review that it is announced.")
    failed_adaptation_review_days: int = _number(14, 1, 90, "Days to the review after an adaptation failed.")
    overdue_days: int = _number(30, 1, 90, "Days after a missed review that it is labelled overdue.")
    lapse_days: int = _number(90, 7, 180, "Days after a missed review that a practice lapses.")
    trial_days: int = _number(30, 7, 90, "Days of trial after joining.")
    inactive_member_days: int = _number(60, 14, 365, "Days without reading that make a membership dormant.")
    active_from_members: int = _number(3, 1, 50, "Members with whom a post makes a forming community active.")
    dormant_days: int = _number(90, 30, 365, "Days without a post that make the community dormant.")
    archive_days: int = _number(365, 90, 1_825, "Days without a post after which it is archived.")
    leaderless_days: int = _number(
        30, 7, 90, "Days without facilitator and steward before members are asked."
    )
    leaderless_operator_days: int = _number(60, 14, 180, "Days without them before operators are told.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for lower, upper in _ASCENDING:
            if getattr(self, lower) > getattr(self, upper):
                raise ValueError(f"{lower} must not be more than {upper}")
        return self


_ASCENDING = (
    ("newcomer_endorsements_a_day", "endorsements_a_day"),
    ("recommended_tried", "recommended_endorsements"),
    ("recommended_score", "candidate_score"),
    ("contested_score", "recommended_score"),
    ("candidate_at_least", "candidate_at_most"),
    ("candidate_tried", "candidate_at_most"),
    ("overdue_days", "lapse_days"),
    ("dormant_days", "archive_days"),
    ("leaderless_days", "leaderless_operator_days"),
)
"""Pairs of rules of which the first is never more than the second."""

DEFAULT_RULES = CommunityRules()


SKILLS = [{"name": "permits", "level": "expert"}]


class PersonEvent(Event, abstract=True):
    """Something about a member; ordered by member."""

    topic: ClassVar[Topic] = PEOPLE
    member_id: MemberId


Craft = Annotated[str, Field(description="What they do, in their own words.", examples=["Permit review"])]
Interests = Annotated[
    list[str], Field(description="Tags of what they care about.", examples=[["permits", "plain-language"]])
]
Seeks = Annotated[list[str], Field(description="Tags of what they look for.", examples=[["mentor"]])]
Offers = Annotated[
    list[str], Field(description="Tags of what they have to give.", examples=[["reviewing-forms"]])
]


class MemberRegistered(PersonEvent):
    """A person became a member of the platform. Of their profile, what they show to everyone or to their
    communities; the rest is empty."""

    name: Annotated[str, Field(description="The name to show.", examples=["Amal Haddad"])]
    org_id: OrgId | None = Field(examples=["city-of-aarhus"])
    headline: Annotated[str, Field(description="One line of self-description.", examples=["Permit clerk"])]
    languages: Annotated[list[str], Field(description="BCP 47 tags.", examples=[["en", "ar"]])]
    time_zone: Annotated[
        str, Field(description="IANA time zone; empty if not shown.", examples=["Europe/Copenhagen"])
    ]
    craft: Craft = ""
    interests: Interests = Field(default_factory=list)
    seeks: Seeks = Field(default_factory=list)
    offers: Offers = Field(default_factory=list)


class ProfileUpdated(PersonEvent):
    """A member's profile changed, or what of it is shown; carries the whole of what others need.

    What the member shows neither to everyone nor to their communities is empty.
    """

    name: Annotated[str, Field(description="The name to show.", examples=["Amal Haddad"])]
    org_id: OrgId | None = Field(examples=["city-of-aarhus"])
    headline: Annotated[str, Field(description="One line of self-description.", examples=["Permit clerk"])]
    languages: Annotated[list[str], Field(description="BCP 47 tags.", examples=[["en", "ar"]])]
    time_zone: Annotated[
        str, Field(description="IANA time zone; empty if not shown.", examples=["Europe/Copenhagen"])
    ]
    craft: Craft = ""
    interests: Interests = Field(default_factory=list)
    seeks: Seeks = Field(default_factory=list)
    offers: Offers = Field(default_factory=list)


class SkillsUpdated(PersonEvent):
    """A member's stated skills changed, or whether they are shown; carries all that are shown."""

    skills: Annotated[list[Skill], Field(description="All stated skills.", examples=[SKILLS])]


class AvailabilityChanged(PersonEvent):
    """A member said how much time they have; carries the whole of it."""

    hours_a_week: int | None = Field(
        ge=0, description="Hours a week that they can give; nothing if not told.", examples=[4]
    )
    away_until: Moment | None = Field(
        description="They are not to be asked for anything before.", examples=["2026-03-02T09:30:00Z"]
    )
    community_budget: Annotated[
        int, Field(description="How many communities they can take part in.", ge=1, le=8, examples=[4])
    ]


class MemberErased(PersonEvent):
    """Everything about a member is erased, everywhere: what they wrote stays as a former member's, and the
    rest goes. They never come back: whatever else arrives about them is older."""


class CommunityEvent(Event, abstract=True):
    """Something about a community or its members; ordered by community."""

    topic: ClassVar[Topic] = COMMUNITIES
    community_id: CommunityId


Charter = Annotated[
    str, Field(description="What its members hold each other to.", examples=["We share what failed, too."])
]
Languages = Annotated[list[str], Field(description="BCP 47 tags.", examples=[["en", "ar"]])]
AllowAnonymous = Annotated[
    bool, Field(description="Whether one may post without being named.", examples=[False])
]
Links = Annotated[
    list[CommunityLink],
    Field(
        description="Where it lives, too.",
        examples=[[{"name": "Permits, on Matrix", "url": "https://permits.example.org/"}]],
    ),
]
OwnRules = Annotated[
    CommunityRules, Field(description="Its own rules, all of them.", examples=[DEFAULT_RULES.model_dump()])
]
PresentStage = Annotated[Stage, Field(description="The stage of its life.", examples=["active"])]


class CommunityCreated(CommunityEvent):
    """A community was founded. Its founder's member-joined follows."""

    name: Annotated[str, Field(description="The community's name.", examples=["Permit offices"])]
    kind: Annotated[
        CommunityKind, Field(description="Of one organisation or of many.", examples=["external"])
    ]
    org_id: OrgId | None = Field(description="The organisation of an internal community.", examples=[None])
    about: Annotated[str, Field(description="What it is about.", examples=["Faster, fairer permits."])]
    tags: Tags
    founder_id: MemberId
    join_policy: Annotated[JoinPolicy, Field(description="How one comes in.", examples=["by-request"])] = (
        "open"
    )
    charter: Charter = ""
    languages: Languages = Field(default_factory=list)
    allow_anonymous: AllowAnonymous = False
    links: Links = Field(default_factory=list)
    rules: OwnRules = DEFAULT_RULES


class CommunityUpdated(CommunityEvent):
    """A steward changed how a community is set up; carries the whole of it."""

    name: Annotated[str, Field(description="The community's name.", examples=["Permit offices"])]
    kind: Annotated[
        CommunityKind, Field(description="Of one organisation or of many.", examples=["external"])
    ]
    org_id: OrgId | None = Field(description="The organisation of an internal community.", examples=[None])
    about: Annotated[str, Field(description="What it is about.", examples=["Faster, fairer permits."])]
    tags: Tags
    join_policy: Annotated[JoinPolicy, Field(description="How one comes in.", examples=["by-request"])]
    charter: Charter
    languages: Languages
    allow_anonymous: AllowAnonymous
    links: Links
    rules: OwnRules
    updated_by: MemberId


class MemberJoined(CommunityEvent):
    """A member belongs to the community from now on."""

    member_id: MemberId
    org_id: OrgId | None = Field(description="The member's organisation.", examples=["city-of-aarhus"])
    role: Annotated[Role, Field(description="What the member may do.", examples=["member"])]
    standing: Annotated[Standing, Field(description="The first 30 days are a trial.", examples=["trial"])]
    joined_at: Moment


class CommunityStageChanged(CommunityEvent):
    """A community entered another stage of its life: by time, by a post, or by a steward's hand.

    An archived community is read-only everywhere.
    """

    stage: PresentStage
    previous_stage: Annotated[Stage, Field(description="The stage until now.", examples=["forming"])]
    changed_by: MemberId | None = Field(
        description="The steward who archived or reopened it; nobody where it moved by itself.",
        examples=[None],
    )


class TrialEnded(CommunityEvent):
    """A member's trial is over: they are an active member from now on.

    Where ``answer_by`` is there, they are asked once whether to keep the membership or to leave. Who neither
    answers nor reads until then falls dormant (``membership-dormant``).
    """

    member_id: MemberId
    answer_by: Moment | None = Field(
        description="Until when they may answer; nothing where they need not be asked.",
        examples=["2026-04-15T09:30:00Z"],
    )


class MembershipDormant(CommunityEvent):
    """A member stopped reading a community, or came back to it: ``standing`` says which.

    A dormant membership is one all the same: the member may read and contribute, and gets the digest only.
    Reading or contributing makes it active again at once, which is the same event with ``active``.
    """

    member_id: MemberId
    standing: Annotated[
        Literal["dormant", "active"],
        Field(description="Dormant from now on, or active again.", examples=["dormant"]),
    ]


class StewardNeeded(CommunityEvent):
    """Nobody looks after a community: it has no facilitator and no steward who is not dormant.

    Published once for each step: first the most active members are asked, later operators are told.
    """

    name: Annotated[str, Field(description="The community's name.", examples=["Permit offices"])]
    audience: Annotated[
        Literal["members", "operators"], Field(description="Who is told.", examples=["members"])
    ]
    asked: Annotated[
        list[MemberId],
        Field(
            description="The most active members, or those who were last active where all are dormant; "
            "each of them may volunteer.",
            examples=[["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b01"]],
        ),
    ]
    since: Moment


class MemberLeft(CommunityEvent):
    """A member no longer belongs to the community."""

    member_id: MemberId


class MembershipRequested(CommunityEvent):
    """Somebody asked the stewards to be let into the community."""

    member_id: MemberId
    org_id: OrgId | None = Field(description="Where they work.", examples=["city-of-aarhus"])
    note: Annotated[str, Field(description="What they wrote.", examples=["I approve permits in Aarhus."])]


class MembershipApproved(CommunityEvent):
    """A steward let somebody in who had asked. Their member-joined follows."""

    member_id: MemberId
    approved_by: MemberId


class MembershipDeclined(CommunityEvent):
    """A steward did not let somebody in who had asked."""

    member_id: MemberId
    declined_by: MemberId
    reason: Annotated[str, Field(description="For the one who asked.", examples=["For permit offices only."])]


class MemberRemoved(CommunityEvent):
    """A steward sent a member away: as with member-left, they no longer belong to the community."""

    member_id: MemberId
    removed_by: MemberId
    reason: Annotated[str, Field(description="For the one removed.", examples=["Advertising, repeatedly."])]


class RoleChanged(CommunityEvent):
    """A member's role in the community changed."""

    member_id: MemberId
    role: Annotated[Role, Field(description="The role from now on.", examples=["facilitator"])]
    previous_role: Annotated[Role, Field(description="The role until now.", examples=["member"])]
    changed_by: MemberId
    reason: Annotated[
        str, Field(description="For the one whose role it is, of an operator.", examples=["Nobody was left."])
    ] = ""


class ConnectionEvent(Event, abstract=True):
    """Something about a connection between two members; ordered by connection."""

    topic: ClassVar[Topic] = CONNECTIONS
    connection_id: Annotated[
        str, Field(description="A connection's id.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c3c01"])
    ]
    requester_id: MemberId
    addressee_id: Annotated[
        MemberId,
        Field(description="The member who was asked.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2b02"]),
    ]


class ConnectionRequested(ConnectionEvent):
    """A member asked another to connect."""

    note: Annotated[str, Field(description="What the requester wrote.", examples=["Let us compare notes."])]
    thread_id: ThreadId | None = Field(
        description="The thread that prompted it.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c2d01"]
    )


class ConnectionMade(ConnectionEvent):
    """Two members are connected from now on."""


class ConnectionDeclined(ConnectionEvent):
    """The member who was asked does not want to connect."""


class ConnectionEnded(ConnectionEvent):
    """One side ended the connection, or the requester took the request back."""

    ended_by: MemberId
    was_connected: Annotated[bool, Field(description="False where it was still a request.", examples=[True])]
