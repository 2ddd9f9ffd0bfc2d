"""The promises of a backend, by what they are about; `BackendContract` is all of them together."""
