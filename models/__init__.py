"""What a replica keeps resident: manifests, formats, references, findings, caches. No engine, no storage, no web."""
