"""Parts of scripts/gpu-check. Standard library only: it runs where there is no checkout."""
