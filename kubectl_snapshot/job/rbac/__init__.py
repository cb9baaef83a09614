"""RBAC: what a user needs, the roles of a run, the roles that an administrator applies."""
