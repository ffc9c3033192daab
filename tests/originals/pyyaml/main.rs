//! Compares what omsctl makes of `config.yaml` with what OMS's `PyYAML` makes of it.
