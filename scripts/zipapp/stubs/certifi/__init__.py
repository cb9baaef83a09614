# kubernetes.client.rest asks for a default CA file; clients/kube/client.py gives a context of its own instead.
def where():
    return None
