//! Compares what omsctl makes of `ssh_config` files with what `ssh -G` makes of them.
