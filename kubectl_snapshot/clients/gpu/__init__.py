"""The NVIDIA driver: NVML in a child process, nvidia-smi, the driver's files."""
