"""The files of a fleet: a directory, a tar file, a history of directories."""
