"""One engine for resumable studies: cells, children, workers, records."""
