"""A release on a bare Debian: `make chroot`. Not part of `make test`: debootstrap takes minutes."""
