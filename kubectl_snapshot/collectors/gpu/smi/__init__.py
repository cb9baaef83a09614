"""The report of `nvidia-smi -q -x`: its keys and what they mean here."""
