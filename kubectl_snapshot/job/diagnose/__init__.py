"""Why a run does not go on: the cause from pod, events and log."""
