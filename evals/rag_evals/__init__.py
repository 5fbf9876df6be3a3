"""The eval harness: datasets, metrics, statistics, reports."""
