"""The node's hardware: processors, memory, board, PCIe links, NVMe (type Hardware)."""
