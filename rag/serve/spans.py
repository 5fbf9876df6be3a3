"""OpenTelemetry spans of requests and questions, sent by OTLP to where the operator says. No question, no text.

Names and attributes follow the semantic conventions of HTTP servers and of generative AI: `retrieval` is all up to the
passages that are read, each step of it a span below.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import rag
from rag.errors import extra

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

    from rag.types import Answer

_ANSWERING = ("generate", "verify")  # the steps that are no part of retrieval


class Spans:
    """The spans of one server. Close it, and what is not sent yet is sent. Raises MissingExtra."""

    def __init__(self, endpoint: str, processor: "SpanProcessor | None" = None) -> None:
        with extra("telemetry", "traces"):
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor

        resource = Resource.create({"service.name": "raghop", "service.version": rag.__version__})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
        self._provider.add_span_processor(processor or BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("raghop", rag.__version__)

    def close(self) -> None:
        """Send what waits, for some seconds at most."""
        self._provider.shutdown()

    @contextmanager
    def request(self, method: str, headers: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """The span of a request, below that of its sender; `door` and `status` are put into what this gives."""
        from opentelemetry.propagate import extract
        from opentelemetry.trace import SpanKind, StatusCode

        told: dict[str, Any] = {}
        given = {"http.request.method": method}
        with self._tracer.start_as_current_span(
            method, extract(headers), SpanKind.SERVER, given, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield told
            finally:
                span.update_name(f"{method} {told['door']}")
                span.set_attributes({"http.route": told["door"], "http.response.status_code": told["status"]})
                if told["status"] >= 500:
                    span.set_status(StatusCode.ERROR)

    def question(self, index: str, trace: Sequence[Mapping[str, Any]], answer: "Answer | None") -> None:
        """The spans of a question that is answered, or of a search, by its steps, the last of which ended now."""
        from opentelemetry.trace import set_span_in_context

        end = time.time_ns()
        lengths = [int(1e9 * step["seconds"]) for step in trace]
        at = end - sum(lengths)
        found = sum(length for step, length in zip(trace, lengths, strict=True) if step["step"] not in _ANSWERING)
        about = {"gen_ai.operation.name": "retrieval", "gen_ai.data_source.id": index}
        retrieval = self._tracer.start_span("retrieval", start_time=at, attributes=about)
        retrieval.end(at + found)
        for step, length in zip(trace, lengths, strict=True):
            below = None if step["step"] in _ANSWERING else set_span_in_context(retrieval)
            span = self._tracer.start_span(step["step"], context=below, start_time=at)
            if step["step"] == "verify" and answer:
                span.set_attribute("raghop.answer.level", answer.level)
            at += length
            span.end(at)
