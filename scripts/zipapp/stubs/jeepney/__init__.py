"""Empty, so that importing one of the two kept modules loads no other."""
