"""Importing benchmarks: opened, answered as far as the source showed it, and closed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from services.discussions import commands, store
from services.discussions.api.benchmarks import Number
from services.discussions.domain.benchmark import Value
from services.discussions.imports.people import require_member
from shared.contracts.content import Measure
from shared.storage import UnitOfWork
from shared.web.texts import BodyText, Identifier, Moment, Name, Note, Request, TagList, TitleText


class ImportedMeasure(Request):
    """What is asked for: a number in a unit, or one of a few choices."""

    kind: Literal["number", "choice"]
    name: Name = Field(examples=["Days to a permit"])
    unit: Name | None = Field(None, examples=["days"])
    lowest: Number | None = Field(None, examples=[0])
    highest: Number | None = Field(None, examples=[365])
    choices: list[Name] = Field(default_factory=list, max_length=20, examples=[["all", "some", "none"]])


class ImportBenchmark(Request):
    """A question that is answered in measures."""

    kind: Literal["benchmark"]
    id: Identifier
    community_id: Identifier
    author_id: Identifier
    at: Moment
    title: TitleText
    body: BodyText
    tags: TagList = Field(default_factory=list)
    measures: list[ImportedMeasure] = Field(min_length=1, max_length=20)
    nameless: bool = False
    closes_at: Moment | None = None


class ImportedValue(Request):
    """What was answered to a measure, in its unit."""

    measure: Name = Field(examples=["Days to a permit"])
    value: Number | Name = Field(examples=[9])


class ImportBenchmarkAnswer(Request):
    """An answer of an organisation, of a member without one, or of nobody knows whom."""

    kind: Literal["benchmark-answer"]
    id: Identifier
    benchmark_id: Identifier
    org_id: Identifier | None = None
    member_id: Identifier | None = None
    values: list[ImportedValue] = Field(min_length=1, max_length=20)
    note: Note = ""
    at: Moment


class ImportBenchmarkClosing(Request):
    """A benchmark took no more answers from then on."""

    kind: Literal["benchmark-closing"]
    benchmark_id: Identifier
    at: Moment


Item = ImportBenchmark | ImportBenchmarkAnswer | ImportBenchmarkClosing


async def carry_out(uow: UnitOfWork, item: Item) -> bool:
    """Import it, unless it is there; whether it was not."""
    match item:
        case ImportBenchmark():
            if await store.threads.load_thread(uow, item.id):
                return False
            await require_member(uow, item.community_id, item.author_id)
            await commands.benchmarks.open_(
                uow, item.author_id, item.id, item.community_id, title=item.title, body=item.body,
                tags=item.tags, measures=[Measure(**each.model_dump()) for each in item.measures],
                nameless=item.nameless, closes_at=item.closes_at, at=item.at,
            )  # fmt: skip
            store.imports.note_import(uow, item.kind, item.id)
            return True
        case ImportBenchmarkAnswer():
            benchmark = await commands.benchmarks.imported(uow, item.benchmark_id)
            if benchmark.nameless and not await store.imports.was_imported(
                uow, "benchmark", item.benchmark_id
            ):
                return False  # it was opened here, where all its answers are: nobody could tell them apart
            if item.member_id is not None:
                await require_member(uow, benchmark.community_id, item.member_id)
            units = {measure.name: measure.unit for measure in benchmark.measures}
            return await commands.benchmarks.take_over_answer(
                uow,
                benchmark,
                item.id,
                org_id=item.org_id,
                member_id=item.member_id,
                values=[Value(**each.model_dump(), unit=units.get(each.measure)) for each in item.values],
                note=item.note,
                at=item.at,
            )
        case ImportBenchmarkClosing():
            benchmark = await commands.benchmarks.imported(uow, item.benchmark_id)
            return commands.benchmarks.take_over_closing(uow, benchmark, item.at)
