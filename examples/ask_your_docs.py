"""raghop as a library: index a folder, ask, show what the answer rests on."""

import sys

from rag import Pipeline

folder, question = sys.argv[1:3]
with Pipeline.load("default", index=folder) as pipeline:
    pipeline.ingest([folder])
    answer = pipeline.ask(question)
    print(answer.text or "not enough evidence")
    for citation in answer.citations:
        print(f"[{citation.marker}] {citation.address}: {citation.quote}")
