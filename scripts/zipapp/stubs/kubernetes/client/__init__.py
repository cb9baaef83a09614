# Emptied for kubectl-snapshot's zipapp: importing the typed API takes longer than a whole capture may.
