"""Ingest jobs over HTTP: uploaded files, or a folder that the operator allows. One at a time for each index.

A job is seen by who started it and by admins. Jobs are kept as long as the server runs, the last KEPT of them.
"""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from rag.errors import BusyError, InputError
from rag.registry import did_you_mean
from rag.serve import uploads
from rag.serve.access import Principal
from rag.serve.doors import Body, Door, read_body
from rag.serve.ingesting import IngestProcess
from rag.serve.pools import Pools
from rag.serve.replies import HIDDEN, Refusal, error_data
from rag.serve.rest import Name, pools_of
from rag.serve.stream import PING

KEPT = 100
MOST_FILES = 1000  # of one upload


class JobRequest(Body):
    """A folder by the name that the operator gave it."""

    folder: Annotated[Name, Field(min_length=1)]
    index: Name | None = None


@dataclass(eq=False, slots=True)
class Job:
    """`state` is "waiting", "running", "done" or "failed"; `report` is that of `rag ingest --json`."""

    id: str
    index: str
    owner: Principal
    roots: tuple[str, ...]
    files: tuple[str, ...] = ()
    state: str = "waiting"
    progress: dict[str, Any] = field(default_factory=dict)
    report: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    process: IngestProcess | None = None
    task: "asyncio.Task[None] | None" = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def data(self) -> dict[str, Any]:
        """As it is told."""
        names = ("id", "index", "state", "files", "progress", "report", "error")
        return {name: getattr(self, name) for name in names}

    def set(self, **values: Any) -> None:
        """Change it, and wake who follows it."""
        for name, value in values.items():
            setattr(self, name, value)
        self.changed.set()
        self.changed = asyncio.Event()

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in ("done", "failed")


class Jobs:
    """The jobs of a server. Close it when the server ends."""

    def __init__(self, pools: Pools) -> None:
        self._pools = pools
        self._jobs: dict[str, Job] = {}
        self._turns: dict[str, asyncio.Lock] = {}

    def start(self, index: str, owner: Principal, roots: tuple[str, ...], files: tuple[str, ...] = ()) -> Job:
        """A new job. Raises BusyError where too many wait."""
        if sum(not job.is_over for job in self._jobs.values()) >= KEPT:
            raise BusyError(f"{KEPT} jobs run or wait. Start this one when some are done.", 60)
        for id in [id for id, job in self._jobs.items() if job.is_over][: max(0, len(self._jobs) + 1 - KEPT)]:
            del self._jobs[id]
        job = Job(uuid.uuid4().hex, index, owner, roots, files)
        self._jobs[job.id] = job
        job.task = asyncio.create_task(self._run(job))
        return job

    def find(self, id: str, principal: Principal) -> Job:
        """A job that the principal may see. Raises Refusal."""
        job = self._jobs.get(id)
        if job is None or not (job.owner.name == principal.name or principal.may("admin")):
            raise Refusal(404, "There is no such job.", "GET /v1/jobs lists yours.")
        return job

    def list(self, principal: Principal) -> list[Job]:
        """Those that the principal may see, the oldest first."""
        return [job for job in self._jobs.values() if job.owner.name == principal.name or principal.may("admin")]

    async def follow(self, job: Job) -> AsyncIterator[dict[str, Any]]:
        """The job now, and whenever it changes, until it is over."""
        while True:
            changed = job.changed
            yield job.data()
            if job.is_over:
                return
            await changed.wait()

    async def close(self) -> None:
        """End what runs, keeping what is done."""
        tasks = [job.task for job in self._jobs.values() if job.task]
        for job in self._jobs.values():
            if job.process:
                job.process.stop()
            elif job.task:
                job.task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, job: Job) -> None:
        settings, folder = self._pools.settings, self._pools.indexes[job.index]
        async with self._turns.setdefault(job.index, asyncio.Lock()):
            pipeline = None if folder.exists() else settings.pipeline or None
            process = IngestProcess(str(folder.base), pipeline, job.roots, trust=settings.trust)
            job.set(state="running", process=process)
            while True:
                kind, data = await asyncio.to_thread(process.receive)
                if kind != "progress":
                    break
                job.set(progress=data)
            await asyncio.to_thread(process.close)
            report = data if kind == "done" else data.pop("report", None)
            job.set(
                state=kind,
                report=self._report(report, job),
                error=None if kind == "done" else self._tell(data["error"], job),
                process=None,
            )

    @staticmethod
    def _report(report: dict[str, Any] | None, job: Job) -> dict[str, Any] | None:
        """What was done; to an owner who may not see all documents not what of it was embedded: a text that a hidden
        document has, too, is embedded no more.
        """
        hidden = () if job.owner.groups is None else ("embedded", "tokens")
        return report and {name: value for name, value in report.items() if name not in hidden}

    @staticmethod
    def _tell(error: dict[str, Any], job: Job) -> dict[str, Any]:
        """What went wrong; to an owner who may not see all documents only of what kind it was."""
        return error if job.owner.groups is None else error_data(error["code"], HIDDEN)["error"]


def jobs_of(request: Request) -> Jobs:
    """The jobs of the server."""
    jobs: Jobs = request.app.state.jobs
    return jobs


async def start(request: Request) -> Response:
    """A job from files (multipart) or from the name of a folder (JSON)."""
    pools, principal = pools_of(request), request.state.principal
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        async with request.form(max_files=MOST_FILES, max_fields=10) as form:
            files = [one for one in form.getlist("files") if isinstance(one, UploadFile)]
            if not files:
                raise InputError("there is no file in the form. Send each as a part called `files`.")
            name, index = pools.index(str(form.get("index") or "") or None)
            root = Path(pools.settings.uploads, name) if pools.settings.uploads else index.base / "uploads"
            root = await asyncio.to_thread(uploads.own_folder, root, principal)
            names = await asyncio.to_thread(uploads.save, root, files)
        job = jobs_of(request).start(name, principal, (str(root),), tuple(names))
    else:
        body = await read_body(request, JobRequest)
        name, _ = pools.index(body.index)
        folders = pools.settings.folders
        if body.folder not in folders:
            raise InputError(f"no folder is called {body.folder!r}.{did_you_mean(body.folder, list(folders))}")
        if principal.groups is not None:  # its report names every file
            raise Refusal(403, "Only who may see all documents can have a folder indexed.", "You can upload files.")
        job = jobs_of(request).start(name, principal, (folders[body.folder],))
    return JSONResponse(job.data(), 202, {"Location": f"/v1/jobs/{job.id}"})


async def list_jobs(request: Request) -> Response:
    return JSONResponse({"jobs": [job.data() for job in jobs_of(request).list(request.state.principal)]})


async def job(request: Request) -> Response:
    return JSONResponse(jobs_of(request).find(request.path_params["id"], request.state.principal).data())


async def events(request: Request) -> Response:
    found = jobs_of(request).find(request.path_params["id"], request.state.principal)

    async def send() -> AsyncIterator[ServerSentEvent]:
        async for data in jobs_of(request).follow(found):
            yield ServerSentEvent(json.dumps(data), event=data["state"])

    return EventSourceResponse(send(), ping=PING)


DOORS = (
    Door("POST", "/v1/jobs", start, "Index uploaded files, or a folder by its name.", JobRequest, "writer"),
    Door("GET", "/v1/jobs", list_jobs, "Your jobs.", role="writer"),
    Door("GET", "/v1/jobs/{id}", job, "A job and its report.", role="writer"),
    Door("GET", "/v1/jobs/{id}/events", events, "A job as it goes on, as server-sent events.", role="writer"),
)
