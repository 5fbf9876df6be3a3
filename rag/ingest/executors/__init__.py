"""Where an ingest parses, chunks and embeds: in this process, or on workers that Dask or Ray runs."""
