# Emptied for kubectl-snapshot's zipapp, which uses argcomplete.finders alone.
