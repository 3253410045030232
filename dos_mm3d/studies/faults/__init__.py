"""Work that is disturbed on purpose: killed, without room on the disk, on data that vanish or are damaged."""
