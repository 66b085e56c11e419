"""What the members service publishes."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.base import CommunityId, Event, MemberId, Moment, OrgId, Tags, ThreadId
from shared.contracts.topics import COMMUNITIES, CONNECTIONS, PEOPLE, Topic

Level = Literal["learning", "practising", "proficient", "expert"]
Role = Literal["member", "facilitator", "steward"]
CommunityKind = Literal["internal", "external"]
Standing = Literal["trial", "active"]
JoinPolicy = Literal["open", "by-request", "by-invitation"]


class Skill(BaseModel):
    """A skill that a member states, and how far it goes."""

    model_config = ConfigDict(frozen=True)

    name: Annotated[str, Field(description="The skill, in the form of a tag.", examples=["permits"])]
    level: Annotated[Level, Field(description="How far it goes.", examples=["expert"])]


SKILLS = [{"name": "permits", "level": "expert"}]


class PersonEvent(Event, abstract=True):
    """Something about a member; ordered by member."""

    topic: ClassVar[Topic] = PEOPLE
    member_id: MemberId


class MemberRegistered(PersonEvent):
    """A person became a member of the platform."""

    name: Annotated[str, Field(description="The name to show.", examples=["Amal Haddad"])]
    org_id: OrgId | None = Field(examples=["city-of-aarhus"])
    headline: Annotated[str, Field(description="One line of self-description.", examples=["Permit clerk"])]
    languages: Annotated[list[str], Field(description="BCP 47 tags.", examples=[["en", "ar"]])]
    time_zone: Annotated[str, Field(description="IANA time zone.", examples=["Europe/Copenhagen"])]


class ProfileUpdated(PersonEvent):
    """A member's profile changed; carries the whole of what others need."""

    name: Annotated[str, Field(description="The name to show.", examples=["Amal Haddad"])]
    org_id: OrgId | None = Field(examples=["city-of-aarhus"])
    headline: Annotated[str, Field(description="One line of self-description.", examples=["Permit clerk"])]
    languages: Annotated[list[str], Field(description="BCP 47 tags.", examples=[["en", "ar"]])]
    time_zone: Annotated[str, Field(description="IANA time zone.", examples=["Europe/Copenhagen"])]


class SkillsUpdated(PersonEvent):
    """A member's stated skills changed; carries all of them."""

    skills: Annotated[list[Skill], Field(description="All stated skills.", examples=[SKILLS])]


class CommunityEvent(Event, abstract=True):
    """Something about a community or its members; ordered by community."""

    topic: ClassVar[Topic] = COMMUNITIES
    community_id: CommunityId


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


class MemberJoined(CommunityEvent):
    """A member belongs to the community from now on."""

    member_id: MemberId
    org_id: OrgId | None = Field(description="The member's organisation.", examples=["city-of-aarhus"])
    role: Annotated[Role, Field(description="What the member may do.", examples=["member"])]
    standing: Annotated[Standing, Field(description="The first 30 days are a trial.", examples=["trial"])]
    joined_at: Moment


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


class ConnectionEvent(Event, abstract=True):
    """Something about a connection between two members; ordered by connection."""

    topic: ClassVar[Topic] = CONNECTIONS
    connection_id: Annotated[
        str, Field(description="A connection's id.", examples=["0198c5a2-7b1e-7c3a-9a51-3f0a6f1c3c01"])
    ]
    requester_id: MemberId
    addressee_id: Annotated[
        str,
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
