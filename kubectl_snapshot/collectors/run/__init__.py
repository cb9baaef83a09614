"""Run collectors and compose the snapshot: context, runner, composition, timing."""
