"""Call detail records: the record, the crash-safe journal, sinks."""
