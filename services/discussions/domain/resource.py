"""A resource: a link, a file that lives elsewhere, or a template to copy."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.discussions.domain.access import Participant
from services.discussions.domain.content import Content
from services.discussions.domain.item import Said
from shared.contracts.content import ResourceForm, ResourceShared


class Link(BaseModel):
    """Something on the web."""

    model_config = ConfigDict(frozen=True)

    form: Literal["link"] = "link"
    address: str


class FileReference(BaseModel):
    """A file that is kept elsewhere; by size (bytes) and checksum one knows that one got the right one."""

    model_config = ConfigDict(frozen=True)

    form: Literal["file"] = "file"
    address: str
    media_type: str
    size: int
    sha256: str


class Template(BaseModel):
    """A text to copy, as Markdown."""

    model_config = ConfigDict(frozen=True)

    form: Literal["template"] = "template"
    text: str


Substance = Annotated[Link | FileReference | Template, Field(discriminator="form")]


class Resource(Content):
    """A resource. ``body`` says what it is good for."""

    called: ClassVar[str] = "resource"

    kind: Literal["resource"] = "resource"
    substance: Substance

    @property
    def form(self) -> ResourceForm:
        """What it is: a link, a file, a template."""
        return self.substance.form

    def said(self) -> Said | None:
        """Also by the text of a template, and by where a link leads."""
        said = super().said()
        if said is None:
            return None
        more = self.substance.text if isinstance(self.substance, Template) else self.substance.address
        return said._replace(text=f"{said.text}\n{more}")

    def missing(self) -> str | None:
        """Nothing: what it is, a resource says from the beginning."""
        return None

    def told(self, editor_id: str) -> ResourceShared:
        """The event that tells what it is now."""
        assert self.state != "draft"
        return ResourceShared(
            thread_id=self.thread_id,
            version=self.version,
            community_id=self.community_id,
            author_id=self.author_id,
            editor_id=editor_id,
            title=self.title,
            body=self.body,
            tags=self.tags,
            state=self.state,
            reason=self.reason,
            revision=self.revision,
            form=self.form,
            address=None if isinstance(self.substance, Template) else self.substance.address,
        )


def draft(
    thread_id: str,
    author: Participant,
    now: datetime,
    *,
    title: str,
    body: str,
    tags: Sequence[str],
    substance: Link | FileReference | Template,
) -> Resource:
    """Begin to share a resource; for its author's eyes alone until it is published."""
    return Resource(
        thread_id=thread_id,
        version=0,
        community_id=author.community_id,
        author_id=author.member_id,
        title=title,
        body=body,
        tags=list(tags),
        posted_at=now,
        updated_at=now,
        substance=substance,
    )
