//! Compares what omsctl makes of inventories with what Ansible makes of them.
