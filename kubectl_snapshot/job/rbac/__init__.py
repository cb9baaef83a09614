"""RBAC: permissions of the user, roles of a run's agent, roles that an administrator applies."""
