"""What the tools of an assistant take and give, as models; their JSON schemas are what it is told."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

PAGE = 50  # documents of a list


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


Question = Annotated[str, Field(min_length=1, max_length=4000)]
IndexName = Annotated[str | None, Field(max_length=200, description="One of several indexes; default: the first.")]
Count = Annotated[int, Field(ge=1, le=50)]
Id = Annotated[str, Field(min_length=1, max_length=500)]


class AskArguments(_Model):
    """What `ask` takes."""

    question: Annotated[
        Question, Field(description="A whole question in natural language, with the names it is about.")
    ]
    index: IndexName = None


class SearchArguments(_Model):
    """What `search` takes."""

    query: Annotated[Question, Field(description="A question or words; names and numbers count.")]
    index: IndexName = None
    k: Annotated[Count, Field(description="How many passages.")] = 10


class FetchArguments(_Model):
    """What `fetch` takes."""

    id: Annotated[Id, Field(description="The id of a passage that `search`, `hops` or `ask` gave, or of a document.")]
    index: IndexName = None
    start: Annotated[int | None, Field(ge=0, description="From which character on; default: around the passage.")] = (
        None
    )


class HopsArguments(_Model):
    """What `hops` takes."""

    ids: Annotated[list[Id], Field(min_length=1, max_length=20, description="Ids of passages to go on from.")]
    question: Annotated[Question, Field(description="What you want to find out in the end.")]
    index: IndexName = None
    k: Annotated[Count, Field(description="How many passages.")] = 10


class ListArguments(_Model):
    """What `list_documents` takes."""

    index: IndexName = None
    after: Annotated[str, Field(max_length=500, description="What `next` was in the list before.")] = ""
    limit: Annotated[int, Field(ge=1, le=500, description="How many documents.")] = PAGE


class Found(BaseModel):
    """A passage of a list."""

    id: str
    title: str
    url: str
    text: str


class SearchReply(BaseModel):
    """What `search` and `hops` give."""

    results: list[Found]


class FetchReply(BaseModel):
    """What `fetch` gives."""

    id: str
    title: str
    text: str
    url: str
    metadata: dict[str, Any]


class CitationReply(BaseModel):
    """A quote that shows a statement."""

    marker: int
    id: str
    title: str
    address: str
    quote: str
    url: str


class AskReply(BaseModel):
    """What `ask` gives."""

    level: str
    answer: str
    confidence: float | None
    citations: list[CitationReply]
    closest: list[Found]


class DocumentReply(BaseModel):
    """A document of a list."""

    id: str
    title: str
    source: str
    length: int
    url: str


class ListReply(BaseModel):
    """What `list_documents` gives."""

    documents: list[DocumentReply]
    next: str | None
