"""NVIDIA driver: NVML in a child process, nvidia-smi as its fallback, and the driver's files."""
