"""The usual executor: this process embeds, child processes of the connector parse."""

from typing import ClassVar

from rag.stages import component


@component
class ProcessesExecutor:
    """Works on this machine alone; how many processes parse is `connector.workers`."""

    batch: ClassVar[int] = 0
