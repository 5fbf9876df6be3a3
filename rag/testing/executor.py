"""Conformance of executors with workers."""

import os

import pytest

from rag.stages import WorkerExecutor


class ExecutorConformance:
    """Fixture `executor`: one with two workers of its own."""

    def test_runs_functions_elsewhere_and_outlives_its_workers(self, executor: WorkerExecutor) -> None:
        engine = executor.start()
        try:
            assert engine.workers == 2 and executor.batch > 0
            engine.check()
            assert engine.submit(os.getpid).result(60) != os.getpid()
            assert engine.submit(divmod, 17, 5, gpu=True).result(60) == (3, 2)
            with pytest.raises(ValueError, match="invalid literal") as caught:
                engine.submit(int, "x").result(60)
            assert not engine.is_lost(caught.value)
            with pytest.raises(Exception) as dead:
                engine.submit(os._exit, 1).result(60)
            assert engine.is_lost(dead.value)
            assert [engine.submit(abs, -n).result(60) for n in range(3)] == [0, 1, 2]
        finally:
            engine.close()
        engine.close()
